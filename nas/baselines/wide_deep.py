"""Wide & Deep: H.-T. Cheng et al., "Wide & Deep Learning for Recommender Systems", DLRS 2016.

The wide part is linear in the fields as they come; crossed columns of a user's choice are further fields of the data.
"""

from pydantic import Field
from torch import Tensor

from nas.baselines.layers import FieldModel, Perceptron, require_fields
from nas.baselines.settings import DeepSettings, Widths
from nas.data.fields import Schema


class Settings(DeepSettings):
    """As in section 3.2 and figure 4 of the paper, but for the embedding dimension (32 there)."""

    hidden_units: Widths = Field(default=(1024, 512, 256), description="widths of the hidden layers")


class Net(FieldModel):
    """wide(x) + deep(vectors of the fields, concatenated)."""

    def __init__(self, schema: Schema, settings: Settings):
        super().__init__(schema, settings.embedding_dim, first_order=True)
        inputs = require_fields(schema, 1, "wide_deep") * settings.embedding_dim
        self.deep = Perceptron(inputs, settings.hidden_units, settings.dropout, settings.batch_norm, head=True)

    def forward(self, dense: Tensor, sparse: Tensor) -> Tensor:
        deep: Tensor = self.deep(self.fields(dense, sparse).flatten(1))
        return self.first_order(dense, sparse) + deep.squeeze(1)
