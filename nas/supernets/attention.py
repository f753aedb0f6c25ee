"""Self-attention with many narrow heads over rows that lie last in memory."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from nas.spaces.sizes import HEADS


def attention(mixed: Tensor) -> Tensor:
    """(n, 3 dim, rows), queries before keys before values, each HEADS heads of dim / HEADS -> (n, dim, rows)."""
    n, triple, rows = mixed.shape
    width = triple // 3 // HEADS
    queries, keys, values = mixed.reshape(n, 3, HEADS, width, rows).unbind(1)
    scores = torch.matmul(keys.transpose(2, 3) * (1.0 / math.sqrt(width)), queries)
    return torch.matmul(values, torch.softmax(scores, 2)).reshape(n, triple // 3, rows)
