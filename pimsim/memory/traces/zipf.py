"""Rows by Zipf's law: the row of rank k is asked for in proportion to k^-exponent, k = 1 ... rows.

Drawn by rejection-inversion (W. Hormann and G. Derflinger, "Rejection-inversion to generate variates from monotone
discrete distributions", ACM TOMACS 6(3), 1996): exact, for any exponent from 0, in memory that does not grow with the
table. A uniform number picks a point under the hat H(x) = integral of x^-exponent; its rounded abscissa is the rank,
and is taken unless the point falls outside the histogram, which one number in a few does.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pimsim.jit import suited

Array = Any

DRAWN = 65536
"""Uniform numbers drawn at once at most. The ranks do not depend on it."""


def hat(x: float, t: float) -> float:
    """Integral of y^(t - 1) from 1 to `x`."""
    if t == 0.0:
        return math.log(x)
    return math.expm1(t * math.log(x)) / t


def hat_inverse(area: float, t: float) -> float:
    """The `x` of which `area` is the hat."""
    if t == 0.0:
        return math.exp(area)
    return math.exp(math.log1p(max(t * area, -1.0 + 1e-16)) / t)


def draw(uniforms: Array, rows: int, exponent: float, ranks: Array, state: Array) -> None:
    """Ranks (1 to `rows`) into `ranks`, from state[1] on, out of `uniforms`, from state[0] on, until one of the two is
    used up; `state` says how far both are then."""
    t = 1.0 - exponent
    low = hat(1.5, t) - 1.0
    high = hat(rows + 0.5, t)
    sure = 2.0 - hat_inverse(hat(2.5, t) - math.exp(-exponent * math.log(2.0)), t)
    used, made = state[0], state[1]
    while used < len(uniforms) and made < len(ranks):
        area = high + uniforms[used] * (low - high)
        used += 1
        x = hat_inverse(area, t)
        k = min(max(math.floor(x + 0.5), 1.0), float(rows))
        if k - x <= sure or area >= hat(k + 0.5, t) - math.exp(-exponent * math.log(k)):
            ranks[made] = int(k)
            made += 1
    state[0], state[1] = used, made


class Zipf:
    """Ranks from 1 to `rows`, piece by piece; the sequence depends on `random` alone, not on the pieces."""

    def __init__(self, rows: int, exponent: float, random: np.random.Generator):
        self.rows, self.exponent, self.random = rows, exponent, random
        self.uniforms = np.empty(0)
        self.drawn = 0

    def take(self, count: int) -> Array:
        """The next `count` ranks (int64)."""
        ranks = np.empty(count, dtype=np.int64)
        state = np.zeros(2, dtype=np.int64)
        self.drawn += count
        ranks_of = suited(self.drawn, draw, hat, hat_inverse)
        while True:
            ranks_of(self.uniforms, self.rows, float(self.exponent), ranks, state)
            if state[1] == count:
                self.uniforms = self.uniforms[state[0] :].copy()
                return ranks
            # A few more than there are ranks to draw: what is left over is kept, a table has its own.
            left = count - int(state[1])
            self.uniforms, state[0] = self.random.random(min(DRAWN, 64 + left + left // 8)), 0
