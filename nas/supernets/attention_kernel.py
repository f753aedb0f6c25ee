"""Kernels of `nas.supernets.attention`: heads of width 2, one head of one sample after the other.

All loops run over neighbouring rows, so that they become vector instructions; a head's working set is a few kilobytes.
Imported when first used, since it imports Numba.
"""

from __future__ import annotations

import math
from typing import Any

import numba
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

f32 = np.float32
SCALE = f32(1.0 / math.sqrt(2.0))
LOG2_E = f32(math.log2(math.e))
ROUNDER = f32(1.5 * 2**23)
"""Added to a number below 2**22 it leaves the nearest whole number in the low bits."""
LOWEST = f32(-126.0)
C1, C2, C3, C4, C5, C6 = (f32(math.log(2.0) ** k / math.factorial(k)) for k in range(1, 7))
"""Taylor series of 2**x; on [-0.5, 0.5] its error is below 2e-7."""
ONE, ZERO = f32(1.0), f32(0.0)


@intrinsic
def bits_of(context: Any, x: Any) -> Any:
    """The bits of a float32 as an int32."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.int32(types.float32), code


@intrinsic
def float_of(context: Any, x: Any) -> Any:
    """The float32 with the bits of an int32."""

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), code


bits: Any = bits_of
from_bits: Any = float_of

kernel: Any = numba.njit(cache=True, nogil=True, fastmath={"contract"})


@kernel  # type: ignore[untyped-decorator]
def exponential(x: Any) -> Any:
    """e**x for x <= 0, in instructions that vectorise."""
    power = max(x * LOG2_E, LOWEST)
    shifted = power + ROUNDER
    rest = power - (shifted - ROUNDER)
    series = ONE + rest * (C1 + rest * (C2 + rest * (C3 + rest * (C4 + rest * (C5 + rest * C6)))))
    exponent = np.int32(np.int32(bits(shifted) << np.int32(23)) + np.int32(0x3F800000))
    return series * from_bits(exponent)


@kernel  # type: ignore[untyped-decorator]
def to_columns(tokens: Any, columns: Any) -> None:
    """columns = tokens transposed."""
    for j in range(tokens.shape[0]):
        for d in range(tokens.shape[1]):
            columns[d, j] = tokens[j, d]


@kernel  # type: ignore[untyped-decorator]
def forward(mixed: Any, out: Any, logs: Any) -> None:
    """out: softmax over keys, times values. logs: of the sums of exponentials, for the gradient."""
    samples, rows, dim = out.shape
    own = np.empty((3 * dim, rows), np.float32)
    high, total = np.empty(rows, np.float32), np.empty(rows, np.float32)
    o0, o1 = np.empty(rows, np.float32), np.empty(rows, np.float32)
    for b in range(samples):
        to_columns(mixed[b], own)
        for h in range(0, dim, 2):
            q0, q1, k0, k1 = own[h], own[h + 1], own[dim + h], own[dim + h + 1]
            v0, v1, log = own[2 * dim + h], own[2 * dim + h + 1], logs[b, h // 2]
            for j in range(rows):
                high[j] = f32(-np.inf)
                total[j] = o0[j] = o1[j] = ZERO
            for i in range(rows):
                x, y = k0[i] * SCALE, k1[i] * SCALE
                for j in range(rows):
                    high[j] = max(high[j], x * q0[j] + y * q1[j])
            for i in range(rows):
                x, y, v, w = k0[i] * SCALE, k1[i] * SCALE, v0[i], v1[i]
                for j in range(rows):
                    p = exponential(x * q0[j] + y * q1[j] - high[j])
                    total[j] += p
                    o0[j] += p * v
                    o1[j] += p * w
            for j in range(rows):
                log[j] = high[j] + f32(math.log(total[j]))
                out[b, j, h] = o0[j] / total[j]
                out[b, j, h + 1] = o1[j] / total[j]


@numba.njit(cache=True, nogil=True, fastmath=True)
def sums(p: Any, s: Any, g0: Any, g1: Any, q0: Any, q1: Any) -> Any:
    """(p.g0, p.g1, s.q0, s.q1)."""
    a = b = c = d = ZERO
    for j in range(len(p)):
        a += p[j] * g0[j]
        b += p[j] * g1[j]
        c += s[j] * q0[j]
        d += s[j] * q1[j]
    return a, b, c, d


@kernel  # type: ignore[untyped-decorator]
def backward(mixed: Any, out: Any, logs: Any, grad: Any, found: Any) -> None:
    """found: the gradient of `mixed`, given that of `out`."""
    samples, rows, dim = out.shape
    own, wanted = np.empty((3 * dim, rows), np.float32), np.empty((dim, rows), np.float32)
    p, s, mean = np.empty(rows, np.float32), np.empty(rows, np.float32), np.empty(rows, np.float32)
    r0, r1 = np.empty(rows, np.float32), np.empty(rows, np.float32)
    for b in range(samples):
        to_columns(mixed[b], own)
        to_columns(grad[b], wanted)
        for h in range(0, dim, 2):
            q0, q1, k0, k1 = own[h], own[h + 1], own[dim + h], own[dim + h + 1]
            v0, v1, log = own[2 * dim + h], own[2 * dim + h + 1], logs[b, h // 2]
            g0, g1 = wanted[h], wanted[h + 1]
            for j in range(rows):
                mean[j] = g0[j] * out[b, j, h] + g1[j] * out[b, j, h + 1]
                r0[j] = r1[j] = ZERO
            for i in range(rows):
                x, y, v, w = k0[i] * SCALE, k1[i] * SCALE, v0[i], v1[i]
                for j in range(rows):
                    share = exponential(min(x * q0[j] + y * q1[j] - log[j], ZERO))
                    change = share * (g0[j] * v + g1[j] * w - mean[j])
                    p[j] = share
                    s[j] = change
                    r0[j] += change * x
                    r1[j] += change * y
                a, c, d, e = sums(p, s, g0, g1, q0, q1)
                found[b, i, 2 * dim + h] = a
                found[b, i, 2 * dim + h + 1] = c
                found[b, i, dim + h] = d * SCALE
                found[b, i, dim + h + 1] = e * SCALE
            for j in range(rows):
                found[b, j, h] = r0[j]
                found[b, j, h + 1] = r1[j]
