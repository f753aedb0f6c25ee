"""DLRM: M. Naumov et al., "Deep Learning Recommendation Model for Personalization and Recommendation Systems", 2019
(arXiv 1906.00091)."""

import torch
from pydantic import Field
from torch import Tensor, nn

from nas.baselines.layers import Perceptron, Tables
from nas.baselines.settings import Dropout, Widths
from nas.baselines.settings import Settings as Embedded
from nas.data.fields import Schema
from pimsim.errors import InputError


class Settings(Embedded):
    """The widths of the paper's Criteo Kaggle setting (bottom 512-256-64-16, top 512-256-1)."""

    bottom_units: Widths = Field(default=(512, 256, 64), description="hidden widths over the numeric columns")
    top_units: Widths = Field(default=(512, 256), description="hidden widths over the interactions")
    dropout: Dropout = Field(default=0.0, description="share of hidden activations dropped while training")


class Net(nn.Module):
    """Bottom perceptron over numeric columns to one vector; inner products of all pairs of it and the embeddings,
    beside that vector, into the top perceptron."""

    pairs: Tensor

    def __init__(self, schema: Schema, settings: Settings):
        super().__init__()
        dim = settings.embedding_dim
        vectors = bool(schema.dense) + len(schema.sparse)
        if vectors < 2 and not schema.dense:
            raise InputError("model dlrm needs a numeric column or two sparse fields")
        self.embeddings = nn.ModuleDict({"vectors": Tables(schema, dim)})
        _spread_by_rows(self.embeddings["vectors"])
        self.bottom = Perceptron(len(schema.dense), (*settings.bottom_units, dim)) if schema.dense else None
        rows, columns = torch.tril_indices(vectors, vectors, -1)
        self.register_buffer("pairs", rows * vectors + columns, persistent=False)
        inputs = len(self.pairs) + (dim if schema.dense else 0)
        self.top = Perceptron(inputs, settings.top_units, settings.dropout, head=True)

    def forward(self, dense: Tensor, sparse: Tensor) -> Tensor:
        vectors = self.embeddings["vectors"](sparse)
        if self.bottom is not None:
            own = self.bottom(dense)
            vectors = torch.cat([own.unsqueeze(1), vectors], 1)
        products = torch.bmm(vectors, vectors.transpose(1, 2)).flatten(1).index_select(1, self.pairs)
        features = torch.cat([own, products], 1) if self.bottom is not None else products
        logits: Tensor = self.top(features)
        return logits.squeeze(1)


@torch.no_grad()
def _spread_by_rows(tables: nn.Module) -> None:
    """Uniform in +-1 / sqrt(rows of the table), as the authors' code starts."""
    assert isinstance(tables, Tables)
    for table in torch.split(tables.weight, list(tables.rows)) if tables.rows else ():
        table.uniform_(-(len(table) ** -0.5), len(table) ** -0.5)
