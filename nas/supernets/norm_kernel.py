"""Kernels of `nas.supernets.norm`. Imported when first used, since it imports Numba."""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np

f32 = np.float32
EPS, ONE, ZERO = f32(1e-5), f32(1.0), f32(0.0)

# Sums may run in any order, so that they become vector instructions; NaN and infinity stay what they are.
kernel: Any = numba.njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz", "arcp"})


@kernel  # type: ignore[untyped-decorator]
def moments(row: Any, part: Any) -> Any:
    """Mean of a row, and 1 / sqrt(variance + EPS). part: 1 / width."""
    total = square = ZERO
    for j in range(len(row)):
        total += row[j]
    mean = total * part
    for j in range(len(row)):
        centred = row[j] - mean
        square += centred * centred
    return mean, ONE / f32(math.sqrt(square * part + EPS))


@kernel  # type: ignore[untyped-decorator]
def forward(x: Any, scale: Any, shift: Any, lowest: float, out: Any) -> None:
    """out (rows, width): normalised x, values below `lowest` raised to it."""
    part, low = ONE / f32(x.shape[1]), f32(lowest)
    for i in range(len(x)):
        row, filled = x[i], out[i]
        mean, inverse = moments(row, part)
        for j in range(len(row)):
            value = (row[j] - mean) * inverse * scale[j] + shift[j]
            filled[j] = low if value < low else value


@kernel  # type: ignore[untyped-decorator]
def backward(x: Any, scale: Any, shift: Any, lowest: float, wanted: Any, found: Any, sums: Any) -> None:
    """found: gradient of x; sums (2, width): of scale and shift, added; given `wanted`, that of the output."""
    width = x.shape[1]
    part, low = ONE / f32(width), f32(lowest)
    normal, pull = np.empty(width, np.float32), np.empty(width, np.float32)
    for i in range(len(x)):
        row, gradient, filled = x[i], wanted[i], found[i]
        mean, inverse = moments(row, part)
        mean_pull = mean_product = ZERO
        for j in range(width):
            value = (row[j] - mean) * inverse
            passed = ZERO if value * scale[j] + shift[j] <= low else gradient[j]
            sums[0, j] += passed * value
            sums[1, j] += passed
            normal[j], pull[j] = value, passed * scale[j]
            mean_pull += pull[j]
            mean_product += pull[j] * value
        mean_pull *= part
        mean_product *= part
        for j in range(width):
            filled[j] = inverse * (pull[j] - mean_pull - normal[j] * mean_product)
