"""Factorization machine: S. Rendle, "Factorization Machines", ICDM 2010."""

from torch import Tensor

from nas.baselines.layers import FieldModel, pairwise_sum
from nas.baselines.settings import Settings
from nas.data.fields import Schema

__all__ = ["Net", "Settings"]


class Net(FieldModel):
    """w0 + sum of w_i x_i + sum over pairs of <v_i, v_j> x_i x_j (eq. 1)."""

    def __init__(self, schema: Schema, settings: Settings):
        super().__init__(schema, settings.embedding_dim, first_order=True)

    def forward(self, dense: Tensor, sparse: Tensor) -> Tensor:
        return self.first_order(dense, sparse) + pairwise_sum(self.fields(dense, sparse))
