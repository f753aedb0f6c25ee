"""Spread of computed prices about silicon, by circuit kind: the constants of pimsim/components/spread.py.

Each chip is computed with factors from the other chips, so that what is left is what a further chip has. The spreads of
the kinds are those that make the published figures most likely, when each is log-normal about the sum of its computed
parts with the variance that pimsim gives to such a sum (`cost/intervals.py`). Then all are scaled by one factor, so
that the total of a further chip lies within its interval 8 times in 10: the factor is the order statistic of rank 0.8
(n + 1) of the chips' totals (Vovk et al., Algorithmic Learning in a Random World, 2005), which assumes no shape of the
distribution.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from pimsim.cost.intervals import Z80, interval

from .chips import Chip, Seen
from .factors import Quantity, observations

KINDS = ("array", "driver", "converter", "digital")
ASSUMED = {"energy": 0.5, "area": 0.4}
"""Of a kind that no chip separates."""

PRIOR_MIDDLE, PRIOR_SIGMA = 0.8, 0.5
"""Spreads are drawn towards this value, by this much in the logarithm, as far as chips are few (assumed)."""

GRID = np.exp(np.linspace(math.log(0.1), math.log(3.0), 69))
Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Held:
    """A left-out chip: predicted with factors from the others, and the 80% interval from the others' spreads."""

    chip: Chip
    seen: Seen
    low: float
    high: float

    @property
    def error(self) -> float:
        """predicted / published - 1."""
        return self.seen.computed / self.seen.published - 1.0

    @property
    def residual(self) -> float:
        """ln(published / predicted)."""
        return math.log(self.seen.published / self.seen.computed)

    @property
    def covered(self) -> bool:
        """Whether the interval holds the published figure."""
        return self.low <= self.seen.published <= self.high


def total(chip: Chip, quantity: Quantity) -> Seen | None:
    """The chip's main point, or its area."""
    return chip.energy[0] if quantity == "energy" else chip.area


def by_kind(seen: Seen) -> Array:
    """Computed parts in the order of KINDS, styles of arrays and converters together."""
    values = np.zeros(len(KINDS))
    for kind, value in seen.parts.items():
        values[KINDS.index(kind.split(",")[0])] += value
    return values


def separated(chips: list[Chip], quantity: Quantity) -> dict[str, int]:
    """Kind -> number of chips with a published figure of which it is computed to be more than half."""
    count = dict.fromkeys(KINDS, 0)
    for chip in chips:
        mixes = [by_kind(seen) for seen in observations(chip, quantity)]
        for index, kind in enumerate(KINDS):
            count[kind] += any(mix[index] > 0.5 * mix.sum() for mix in mixes)
    return count


def spreads(chips: list[Chip], quantity: Quantity) -> dict[str, float]:
    """Standard deviation of ln(published / predicted) of each of KINDS, of chips out of `factors.left_out`; ASSUMED for
    kinds that no chip separates."""
    seen = [one for chip in chips for one in observations(chip, quantity)]
    mixes = np.array([by_kind(one) for one in seen])
    residuals = np.array([math.log(one.published / one.computed) for one in seen])
    free = [index for index, kind in enumerate(KINDS) if separated(chips, quantity)[kind]]
    sigma = np.where(np.isin(np.arange(len(KINDS)), free), PRIOR_MIDDLE, ASSUMED[quantity])
    for _ in range(20):
        before = sigma.copy()
        for index in free:
            trials = np.repeat(sigma[None], len(GRID), axis=0)
            trials[:, index] = GRID
            sigma[index] = GRID[int(np.argmin(_cost(trials, mixes, residuals, free)))]
        if np.array_equal(before, sigma):
            break
    scale = _scale([one for chip in chips if (one := total(chip, quantity)) is not None], sigma)
    return {kind: float(sigma[i] * scale if i in free else sigma[i]) for i, kind in enumerate(KINDS)}


def latency_spread(chips: list[Chip]) -> tuple[int, float]:
    """Number of points at other supplies, and root mean square of ln(published / computed) throughput over that of the
    first supply. Times at the first supply are given, so this is the spread of supply scaling alone."""
    logs = [math.log(point.published / point.computed) for chip in chips for point in chip.speed]
    return len(logs), math.sqrt(sum(value * value for value in logs) / len(logs))


def held(chips: list[Chip], quantity: Quantity) -> list[Held]:
    """The main point of every chip out of `factors.left_out`, with the interval that the other chips give."""
    found = []
    for chip in chips:
        seen = total(chip, quantity)
        if seen is not None:
            others = spreads([other for other in chips if other.name != chip.name], quantity)
            found.append(Held(chip, seen, *interval(by_kind(seen), np.array([others[kind] for kind in KINDS]))))
    return found


def _cost(trials: Array, mixes: Array, residuals: Array, free: list[int]) -> Array:
    """Minus twice the logarithm of likelihood and prior, for each row of `trials`."""
    variance = _variance(trials[:, None, :], mixes[None])
    prior = (np.log(trials[:, free] / PRIOR_MIDDLE) ** 2).sum(1) / PRIOR_SIGMA**2
    cost: Array = (np.log(variance) + residuals**2 / variance).sum(1) + prior
    return cost


def _variance(sigma: Array, values: Array) -> Array:
    """Variance of the logarithm of sums of `values` along the last axis, as `cost.intervals.interval` has it."""
    growth = np.exp(sigma * sigma)
    mean = (values * np.sqrt(growth)).sum(-1)
    variance: Array = np.log1p((values * values * growth * (growth - 1.0)).sum(-1) / (mean * mean))
    return variance


def _scale(totals: list[Seen], sigma: Array) -> float:
    """Factor on all spreads that puts the total of rank 0.8 (n + 1) on the edge of its interval."""
    mixes = np.array([by_kind(seen) for seen in totals])
    residuals = np.abs([math.log(seen.published / seen.computed) for seen in totals])
    rank = min(len(totals), math.ceil(0.8 * (len(totals) + 1)))

    def holds(scale: float) -> bool:
        inside = residuals <= Z80 * np.sqrt(_variance(scale * sigma, mixes))
        return int(inside.sum()) >= rank

    low, high = 0.1, 5.0
    for _ in range(40):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high
