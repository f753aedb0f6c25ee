"""Self-attention with many narrow heads over rows that lie last in memory."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from nas.spaces.sizes import HEADS


def attention(mixed: Tensor, rows: int) -> Tensor:
    """(n, 3 dim, rows), queries before keys before values, each HEADS heads of dim / HEADS -> (n, dim, rows)."""
    dim = int(mixed.shape[1]) // 3
    width = dim // HEADS
    queries, keys, values = (part.reshape(-1, HEADS, width, rows) for part in mixed.split(dim, 1))
    scores = torch.matmul(keys.transpose(2, 3) * (1.0 / math.sqrt(width)), queries)
    return torch.matmul(values, torch.softmax(scores, 2)).reshape(-1, dim, rows)
