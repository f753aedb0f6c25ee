"""The parts that baselines share: embedding tables, vectors of numeric columns, first-order terms, perceptrons."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas.data.fields import Schema
from pimsim.errors import InputError

INITIAL_STD = 0.01
"""Standard deviation of fresh embeddings (Rendle's libFM starts from 0.01 to 0.1)."""


class Tables(nn.Module):
    """The embedding tables of all sparse fields, stacked in one matrix; its gradient is row-sparse.

    `forward(sparse)`: ids (n, schema.width) -> (n, fields, dim). Pooled fields sum or average the vectors of their ids,
    id 0 being padding.
    """

    def __init__(self, schema: Schema, dim: int, std: float = INITIAL_STD):
        super().__init__()
        self.rows = tuple(field.rows for field in schema.sparse)
        self.pooled = tuple((field.pooling, field.length) for field in schema.sparse)
        self.weight = nn.Parameter(torch.empty(sum(self.rows), dim))
        starts = torch.tensor([0, *self.rows[:-1]] if self.rows else [], dtype=torch.int64).cumsum(0)
        lengths = torch.tensor([length for _, length in self.pooled], dtype=torch.int64)
        self.register_buffer("offsets", starts.repeat_interleave(lengths), persistent=False)
        with torch.no_grad():
            self.weight.normal_(0.0, std) if std else self.weight.zero_()

    offsets: Tensor

    def forward(self, sparse: Tensor) -> Tensor:
        vectors = F.embedding(sparse + self.offsets, self.weight, sparse=True)
        if not any(pooling for pooling, _ in self.pooled):
            return vectors
        lengths = [length for _, length in self.pooled]
        parts = zip(torch.split(vectors, lengths, 1), torch.split(sparse, lengths, 1), self.pooled, strict=True)
        return torch.cat([_pool(own, ids, pooling) for own, ids, (pooling, _) in parts], 1)


def _pool(vectors: Tensor, ids: Tensor, pooling: str) -> Tensor:
    """(n, length, dim) -> (n, 1, dim): the sum or mean over ids other than 0; a row of padding only gives 0."""
    if not pooling:
        return vectors
    used = (ids != 0).to(vectors.dtype).unsqueeze(2)
    total = (vectors * used).sum(1, keepdim=True)
    return total / used.sum(1, keepdim=True).clamp(min=1.0) if pooling == "mean" else total


class NumericVectors(nn.Module):
    """Numeric columns as fields: each has one vector, which its value scales (Song et al., CIKM 2019, section 4.2).

    In a factorization machine this is the plain term of a real-valued feature. (n, D) -> (n, D, dim).
    """

    def __init__(self, schema: Schema, dim: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(len(schema.dense), dim) * INITIAL_STD)

    def forward(self, dense: Tensor) -> Tensor:
        return dense.unsqueeze(2) * self.weight


class FieldModel(nn.Module):
    """Base of models over fields: a vector for every field of a row (numeric ones first) and, if asked for, the
    first-order sum w0 + sum of w_i x_i.

    The row-sparse tables stand in `embeddings`, where a trainer finds them in every model.
    """

    def __init__(self, schema: Schema, dim: int, first_order: bool = False):
        super().__init__()
        self.embeddings = nn.ModuleDict({"vectors": Tables(schema, dim)})
        self.numeric = NumericVectors(schema, dim)
        self.slopes: nn.Linear | None = None
        if first_order:
            self.bias = nn.Parameter(torch.zeros(1))
            self.embeddings["weights"] = Tables(schema, 1, std=0.0)
            if schema.dense:
                self.slopes = nn.Linear(len(schema.dense), 1, bias=False)
                nn.init.zeros_(self.slopes.weight)

    def fields(self, dense: Tensor, sparse: Tensor) -> Tensor:
        """(n, D), ids (n, S) -> (n, fields, dim)."""
        return torch.cat([self.numeric(dense), self.embeddings["vectors"](sparse)], 1)

    def first_order(self, dense: Tensor, sparse: Tensor) -> Tensor:
        """-> (n,)."""
        total: Tensor = self.bias + self.embeddings["weights"](sparse).sum((1, 2))
        return total + self.slopes(dense).squeeze(1) if self.slopes is not None else total


class Perceptron(nn.Sequential):
    """Linear, (batch norm,) ReLU, (dropout) for each width; `head` adds a last Linear to one number."""

    def __init__(
        self, inputs: int, widths: Sequence[int], dropout: float = 0.0, batch_norm: bool = False, head: bool = False
    ):
        layers: list[nn.Module] = []
        for width in widths:
            layers.append(nn.Linear(inputs, width))
            if batch_norm:
                layers.append(nn.BatchNorm1d(width))
            layers.append(nn.ReLU())
            if dropout:
                layers.append(nn.Dropout(dropout))
            inputs = width
        if head:
            layers.append(nn.Linear(inputs, 1))
        super().__init__(*layers)
        self.width = 1 if head else inputs


def require_fields(schema: Schema, count: int, model: str) -> int:
    """The fields of the schema; InputError if a model that needs `count` of them cannot be built."""
    fields = len(schema.dense) + len(schema.sparse)
    if fields < count:
        raise InputError(f"model {model} needs at least {count} fields; the data set has {fields}")
    return fields


def pairwise_sum(vectors: Tensor) -> Tensor:
    """Sum of the inner products of all pairs of fields: (n, F, dim) -> (n,), in linear time (Rendle, lemma 3.1)."""
    return 0.5 * (vectors.sum(1).square() - vectors.square().sum(1)).sum(1)
