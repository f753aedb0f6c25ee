"""Layer normalisation over a narrow last axis, with the ReLU that may follow.

torch spends most of its time between the rows where there are many of a few numbers each, as in the sparse half of a
network; a kernel of our own does both passes several times as fast on the CPU, and keeps nothing but its input for the
gradient. Everywhere else, and in exported graphs, the same is said in torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from nas.supernets.threads import for_kernels, over, parts

WIDEST = 64
"""Wider rows are torch's."""
ROWS_A_THREAD = 1024
"""Fewer are not worth a thread."""


def layer_norm(x: Tensor, scale: Tensor, shift: Tensor, relu: bool = False) -> Tensor:
    """Over the last axis of x (..., width), times scale (width,) plus shift (width,), then negative ones to 0."""
    width = int(scale.shape[0])  # not that of x: exporters trace it
    if x.dim() == 3 and width <= WIDEST and for_kernels(x):
        found: Tensor = NarrowNorm.apply(x, scale, shift, relu)  # type: ignore[no-untyped-call]
        return found
    return plain_layer_norm(x, scale, shift, relu)


def plain_layer_norm(x: Tensor, scale: Tensor, shift: Tensor, relu: bool = False) -> Tensor:
    """The same in torch."""
    found = F.layer_norm(x, [int(scale.shape[0])], scale, shift)
    return F.relu(found) if relu else found


class NarrowNorm(torch.autograd.Function):
    """`plain_layer_norm` in float32 on the CPU."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, shift: Tensor, relu: bool) -> Tensor:
        """The shape of x."""
        x, scale, shift = x.detach().contiguous(), scale.detach(), shift.detach()
        ctx.save_for_backward(x, scale, shift)
        ctx.lowest = 0.0 if relu else -math.inf
        out = torch.empty_like(x)
        given, filled = _rows(x), _rows(out)
        factors = scale.numpy(), shift.numpy(), ctx.lowest
        over(_parts(given), lambda at, a, b: _kernels()[0](given[a:b], *factors, filled[a:b]))
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """Gradients of x, scale and shift."""
        x, scale, shift = ctx.saved_tensors
        found = torch.empty_like(x)
        given, filled, wanted = _rows(x), _rows(found), _rows(grads[0].contiguous())
        factors = scale.numpy(), shift.numpy(), ctx.lowest
        pieces = _parts(given)
        sums = x.new_zeros(len(pieces), 2, given.shape[1])
        own = sums.numpy()
        over(pieces, lambda at, a, b: _kernels()[1](given[a:b], *factors, wanted[a:b], filled[a:b], own[at]))
        return found, *sums.sum(0).unbind(), None


def _rows(x: Tensor) -> Any:
    """(rows, width) as an array."""
    return x.view(-1, x.shape[-1]).numpy()


def _parts(rows: Any) -> list[tuple[int, int]]:
    return parts(len(rows), ROWS_A_THREAD)


@cache
def _kernels() -> tuple[Callable[..., None], Callable[..., None]]:
    from nas.supernets.norm_kernel import backward, forward

    return forward, backward
