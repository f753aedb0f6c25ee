"""80% intervals of totals, from the spread of each circuit kind. docs/error-bars.md tells how they are built."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from pimsim.components import REGISTRY, Price
from pimsim.components.registry import Entry
from pimsim.components.spread import AREA_SIGMA, ENERGY_SIGMA, GIVEN_TOLERANCE, KIND, LATENCY_SIGMA

Array = np.ndarray[Any, np.dtype[np.float64]]

Z80 = 1.2815515655446004
"""Standard normal quantile of 90%: 80% lie between -Z80 and +Z80."""


def sigmas(hw: Any, price: dict[str, Price]) -> tuple[Array, Array]:
    """Standard deviation of ln(true / ours) of each component's energy and area: a given figure has the file's
    tolerance, a computed one the spread of its kind."""
    rows = []
    for (name, entry), cost in zip(REGISTRY.items(), price.values(), strict=True):
        kind = KIND[name]
        energy, area = ENERGY_SIGMA[kind], AREA_SIGMA[kind]
        if "given" in cost.origins:
            given = given_sigma(_tolerance(hw, entry))
            energy = given if cost.origins[0] == "given" else energy
            area = given if cost.origins[1] == "given" else area
        rows.append((energy, area))
    table = np.array(rows, dtype=np.float64).T
    return table[0], table[1]


@lru_cache(maxsize=256)
def given_sigma(tolerance: float) -> float:
    """Standard deviation of the logarithm for which 80% lie within (1 + tolerance) either way."""
    return math.log1p(tolerance) / Z80


def _tolerance(hw: Any, entry: Entry) -> float:
    section = hw
    for key in entry.section.split("."):
        section = getattr(section, key)
        if section is None:
            return GIVEN_TOLERANCE
    tolerance: float | None = getattr(section, "tolerance", None)
    return GIVEN_TOLERANCE if tolerance is None else tolerance


def interval(values: Array, sigma: Array) -> tuple[Any, Any]:
    """80% interval of a sum of log-normal parts with medians `values` and logarithmic deviations `sigma`, independent
    of each other: the log-normal with the sum's mean and variance (Fenton, IRE Trans. 8(1), 1960), shifted so that its
    median is the sum of the medians, which is the figure that is printed. values: one a part, or parts x points, which
    gives arrays."""
    total = _sum(values)
    growth = np.exp(sigma * sigma).reshape(-1, *[1] * (values.ndim - 1))
    mean = _sum(values * np.sqrt(growth))
    variance = _sum(values * values * growth * (growth - 1.0))
    with np.errstate(invalid="ignore", divide="ignore"):
        half = Z80 * np.sqrt(np.log1p(variance / (mean * mean)))
        low, high = (np.where(total > 0.0, total * np.exp(side * half), 0.0 * total) for side in (-1.0, 1.0))
    return (float(low), float(high)) if values.ndim == 1 else (low, high)


def _sum(values: Array) -> Any:
    """Over parts, one after the other: NumPy's own order depends on how many points there are."""
    return np.add.accumulate(values, axis=0)[-1]


def latency_interval(latency_ns: Any) -> tuple[Any, Any]:
    """80% interval of a latency (or of an array of them)."""
    half = Z80 * LATENCY_SIGMA
    return latency_ns * math.exp(-half), latency_ns * math.exp(half)
