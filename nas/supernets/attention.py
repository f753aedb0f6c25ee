"""Self-attention with many narrow heads over rows that lie last in memory.

With a head width of 2 a score is two multiply-adds, and libraries spend their time elsewhere. On the CPU a kernel of
our own does one head at a time in the first-level cache, several times as fast as torch's; everywhere else, and in
exported graphs, the same is said in torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from nas.spaces.sizes import HEADS

KERNEL_WIDTH = 2
SAMPLES_A_THREAD = 32
"""Fewer are not worth a thread."""


def attention(mixed: Tensor, rows: int) -> Tensor:
    """(n, 3 dim, rows), queries before keys before values, each HEADS heads of dim / HEADS -> (n, dim, rows)."""
    narrow = int(mixed.shape[1]) == 3 * HEADS * KERNEL_WIDTH
    if narrow and mixed.device.type == "cpu" and mixed.dtype is torch.float32 and not _traced():
        found: Tensor = NarrowHeads.apply(mixed)  # type: ignore[no-untyped-call]
        return found
    return plain_attention(mixed, rows)


def plain_attention(mixed: Tensor, rows: int) -> Tensor:
    """The same in torch, for any width of a head."""
    dim = int(mixed.shape[1]) // 3
    width = dim // HEADS
    queries, keys, values = (part.reshape(-1, HEADS, width, rows) for part in torch.split(mixed, dim, 1))
    scores = torch.matmul(keys.transpose(2, 3) * (1.0 / math.sqrt(width)), queries)
    return torch.matmul(values, torch.softmax(scores, 2)).reshape(-1, dim, rows)


def projected(weight: Tensor, bias: Tensor, x: Tensor) -> Tensor:
    """A linear layer over the dimensions of (n, dim, rows): (n, out, rows)."""
    if _traced():
        return torch.matmul(weight, x) + bias.unsqueeze(-1)
    # a product a sample is quicker than folding the samples into one, which copies them
    return torch.baddbmm(bias.view(1, -1, 1), weight.expand(len(x), *weight.shape), x)


def _traced() -> bool:
    tracing: bool = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
    return tracing or torch.compiler.is_compiling() or torch.compiler.is_exporting()


class NarrowHeads(torch.autograd.Function):
    """`plain_attention` for heads of width 2 in float32 on the CPU."""

    @staticmethod
    def forward(ctx: Any, mixed: Tensor) -> Tensor:
        """(n, 48, rows) -> (n, 16, rows)."""
        mixed = mixed.detach().contiguous()
        n, triple, rows = mixed.shape
        out, logs = mixed.new_empty(n, triple // 3, rows), mixed.new_empty(n, HEADS, rows)
        _over_samples(_kernels()[0], n, mixed, out, logs)
        ctx.save_for_backward(mixed, out, logs)
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Tensor:
        """Gradient of `mixed`."""
        mixed, out, logs = ctx.saved_tensors
        found = torch.empty_like(mixed)
        _over_samples(_kernels()[1], len(mixed), mixed, out, logs, grads[0].contiguous(), found)
        return found


def _over_samples(kernel: Callable[..., None], n: int, *tensors: Tensor) -> None:
    """Calls the kernel on the samples, shared among as many threads as torch uses."""
    arrays = [tensor.numpy() for tensor in tensors]
    threads = min(torch.get_num_threads(), max(1, n // SAMPLES_A_THREAD))
    if threads == 1:
        kernel(*arrays)
        return
    cuts = [n * i // threads for i in range(threads + 1)]
    parts = [[array[a:b] for array in arrays] for a, b in pairwise(cuts)]
    list(_pool(threads).map(lambda part: kernel(*part), parts))


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="attention")


@cache
def _kernels() -> tuple[Callable[..., None], Callable[..., None]]:
    from nas.supernets.attention_kernel import backward, forward

    return forward, backward
