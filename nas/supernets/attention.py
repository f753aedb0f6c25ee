"""Self-attention with many narrow heads.

With a head width of 2 a score is two multiply-adds, and libraries spend their time elsewhere. On the CPU a kernel of
our own does one head at a time in the first-level cache, several times as fast as torch's; everywhere else, and in
exported graphs, the same is said in torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

from nas.spaces.sizes import HEADS
from nas.supernets.threads import for_kernels, over, parts

KERNEL_WIDTH = 2
SAMPLES_A_THREAD = 32
"""Fewer are not worth a thread."""


def attention(mixed: Tensor, rows: int) -> Tensor:
    """(n, rows, 3 dim), queries before keys before values, each HEADS heads of dim / HEADS -> (n, rows, dim)."""
    if int(mixed.shape[2]) == 3 * HEADS * KERNEL_WIDTH and for_kernels(mixed):
        found: Tensor = NarrowHeads.apply(mixed)  # type: ignore[no-untyped-call]
        return found
    return plain_attention(mixed, rows)


def plain_attention(mixed: Tensor, rows: int) -> Tensor:
    """The same in torch, for any width of a head."""
    return attention_of_columns(mixed.transpose(1, 2), rows).transpose(1, 2)


def attention_of_columns(mixed: Tensor, rows: int) -> Tensor:
    """The same with rows last: (n, 3 dim, rows) -> (n, dim, rows)."""
    dim = int(mixed.shape[1]) // 3
    width = dim // HEADS
    queries, keys, values = (part.reshape(-1, HEADS, width, rows) for part in torch.split(mixed, dim, 1))
    scores = torch.matmul(keys.transpose(2, 3) * (1.0 / math.sqrt(width)), queries)
    return torch.matmul(values, torch.softmax(scores, 2)).reshape(-1, dim, rows)


class NarrowHeads(torch.autograd.Function):
    """`plain_attention` for heads of width 2 in float32 on the CPU."""

    @staticmethod
    def forward(ctx: Any, mixed: Tensor) -> Tensor:
        """(n, rows, 48) -> (n, rows, 16)."""
        mixed = mixed.detach().contiguous()
        n, rows, triple = mixed.shape
        out, logs = mixed.new_empty(n, rows, triple // 3), mixed.new_empty(n, HEADS, rows)
        _over_samples(_kernels()[0], mixed, out, logs)
        ctx.save_for_backward(mixed, out, logs)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        """Gradient of `mixed`."""
        mixed, out, logs = ctx.saved_tensors
        found = torch.empty_like(mixed)
        _over_samples(_kernels()[1], mixed, out, logs, grads[0].contiguous(), found)
        return found


def _over_samples(kernel: Callable[..., None], *tensors: Tensor) -> None:
    arrays = [tensor.numpy() for tensor in tensors]
    over(
        parts(len(tensors[0]), SAMPLES_A_THREAD),
        lambda at, start, end: kernel(*(array[start:end] for array in arrays)),
    )


@cache
def _kernels() -> tuple[Callable[..., None], Callable[..., None]]:
    from nas.supernets.attention_kernel import backward, forward

    return forward, backward
