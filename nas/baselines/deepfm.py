"""DeepFM: H. Guo et al., "DeepFM: A Factorization-Machine based Neural Network for CTR Prediction", IJCAI 2017."""

from torch import Tensor

from nas.baselines.layers import FieldModel, Perceptron, pairwise_sum, require_fields
from nas.baselines.settings import DeepSettings
from nas.data.fields import Schema


class Settings(DeepSettings):
    """400-400-400 as in section 3.1 of the paper; its dropout of 0.5 is for Criteo's size and is left to tune."""


class Net(FieldModel):
    """FM and a perceptron over the same vectors, added (eq. 1)."""

    def __init__(self, schema: Schema, settings: Settings):
        super().__init__(schema, settings.embedding_dim, first_order=True)
        inputs = require_fields(schema, 1, "deepfm") * settings.embedding_dim
        self.deep = Perceptron(inputs, settings.hidden_units, settings.dropout, settings.batch_norm, head=True)

    def forward(self, dense: Tensor, sparse: Tensor) -> Tensor:
        fields = self.fields(dense, sparse)
        deep: Tensor = self.deep(fields.flatten(1))
        return self.first_order(dense, sparse) + pairwise_sum(fields) + deep.squeeze(1)
