"""Embedding tables of a schema as one matrix: one look-up a batch, one row-sparse gradient."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas.data.batch import fold
from nas.data.fields import Schema
from nas.spaces.sizes import runs


class Embeddings(nn.Module):
    """(n, schema.width) ids -> (n, dim, fields): the vector of each field in a column; pooled fields are added up, or
    averaged, over the ids that are not padding.

    cap: most rows of a table; ids beyond wrap around (`nas.data.batch.fold`). std: of fresh values, None: as `reset`
    has it. The gradient is a sparse tensor of rows.
    """

    def __init__(self, schema: Schema, dim: int = 16, cap: int | None = None, std: float | None = None):
        super().__init__()
        self.full, self.dim = schema, dim
        self.schema = schema.capped(cap) if cap else schema
        rows = [field.rows for field in self.schema.sparse]
        starts = [sum(rows[:i]) for i in range(len(rows))]
        spread = [start for start, field in zip(starts, schema.sparse, strict=True) for _ in range(field.length)]
        self.starts: Tensor
        self.register_buffer("starts", torch.tensor(spread, dtype=torch.int64), persistent=False)
        self.weight = nn.Parameter(torch.empty(sum(rows), dim))
        self.reset(rows, std)

    def reset(self, rows: list[int], std: float | None = None) -> None:
        """Normal values of `std`; None: each table with the variance of Glorot and Bengio (2010) for its shape, by
        which a table of few rows starts large."""
        with torch.no_grad():
            for table, count in zip(torch.split(self.weight, rows), rows, strict=True):
                table.normal_(std=math.sqrt(2.0 / (count + self.dim)) if std is None else std)

    def forward(self, sparse: Tensor) -> Tensor:
        """See the class."""
        if self.schema is not self.full:
            sparse = fold(sparse, self.full, self.schema)  # type: ignore[arg-type,assignment]
        found = F.embedding(sparse + self.starts, self.weight, sparse=True)
        if any(field.pooling for field in self.schema.sparse):
            found = self._pooled(found, sparse)
        return found.transpose(1, 2).contiguous()

    def _pooled(self, found: Tensor, sparse: Tensor) -> Tensor:
        parts = []
        for pooling, columns in runs((field.pooling, field.length) for field in self.schema.sparse):
            part = found[:, columns]
            if pooling:
                there = (sparse[:, columns] != 0).to(part.dtype).unsqueeze(-1)
                part = (part * there).sum(1, keepdim=True)
                if pooling == "mean":
                    part = part / there.sum(1, keepdim=True).clamp(min=1.0)
            parts.append(part)
        return parts[0] if len(parts) == 1 else torch.cat(parts, 1)
