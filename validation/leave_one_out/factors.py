"""Factors of circuit kinds from measured chips: the constants of pimsim/components/silicon.py.

A chip's figure is taken as the sum of its computed parts, each times the factor of its circuit kind. The logarithms of
the factors are the values that make the published figures most likely when these scatter with CHIP_SIGMA around the
sums (about what they do) and the factors with PRIOR_SIGMA around 1 (assumed). Where a paper tells the parts apart that
is the geometric mean of published over computed, drawn towards 1 as far as chips are few; where it does not, the total
still says what it can. A chip counts once, whatever number of points it has. Uses no random numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from .chips import Chip, Seen

CHIP_SIGMA = 0.9
PRIOR_SIGMA = 0.7
KINDS = (
    "array, charge", "array, current", "array, digital", "array, resistive", "driver", "driver, voltage",
    "converter, compared", "converter, sar",
)  # fmt: skip
"""Circuit kinds with a factor, as `pimsim.components` name them."""

Quantity = Literal["energy", "area"]
Array = np.ndarray[Any, np.dtype[np.float64]]


def observations(chip: Chip, quantity: Quantity) -> tuple[Seen, ...]:
    """What a chip tells about factors: its parts where they are published, else its total."""
    if quantity == "area":
        return chip.area_split or ((chip.area,) if chip.area else ())
    return chip.energy_split or chip.energy[:1]


def factors(observed: Iterable[tuple[Seen, ...]]) -> dict[str, float]:
    """Factor of each circuit kind seen, by Gauss-Newton steps on the logarithms. `observed`: one tuple a chip."""
    groups = [group for group in observed if group]
    kinds = sorted({kind for group in groups for seen in group for kind in seen.parts})
    logs = np.zeros(len(kinds))
    parts = np.array([[seen.parts.get(kind, 0.0) for kind in kinds] for group in groups for seen in group])
    target = np.log([seen.published for group in groups for seen in group])
    for _ in range(60):
        step = np.linalg.solve(*_normal(parts, target, logs))
        logs += np.clip(step, -0.5, 0.5)
        if float(np.abs(step).max(initial=0.0)) < 1e-9:
            break
    return {kind: math.exp(value) for kind, value in zip(kinds, logs, strict=True)}


def _normal(parts: Array, target: Array, logs: Array) -> tuple[Array, Array]:
    """Normal equations of a step: squared residuals over CHIP_SIGMA^2, squared logarithms over PRIOR_SIGMA^2."""
    values = parts * np.exp(logs)
    totals = values.sum(1)
    shares = values / totals[:, None]
    matrix = np.eye(len(logs)) / PRIOR_SIGMA**2 + shares.T @ shares / CHIP_SIGMA**2
    right = -logs / PRIOR_SIGMA**2 + shares.T @ (target - np.log(totals)) / CHIP_SIGMA**2
    return matrix, right


def predict(seen: Seen, known: dict[str, float]) -> dict[str, float]:
    """Parts times their factors. Kinds outside the array have none: theirs are prices of logic and memory alone."""
    return {kind: value * (known.get(kind, 1.0) if kind in KINDS else 1.0) for kind, value in seen.parts.items()}


def with_factors(chip: Chip, quantity: Quantity, known: dict[str, float]) -> Chip:
    """The chip with all computed parts of `quantity` times their factors."""

    def each(group: tuple[Seen, ...]) -> tuple[Seen, ...]:
        return tuple(replace(seen, parts=predict(seen, known)) for seen in group)

    if quantity == "area":
        area = None if chip.area is None else each((chip.area,))[0]
        return replace(chip, area=area, area_split=each(chip.area_split))
    return replace(chip, energy=each(chip.energy), energy_split=each(chip.energy_split))


def left_out(quantity: Quantity, everything: list[Chip]) -> list[Chip]:
    """Every chip that has the quantity, its computed parts times factors from the other chips alone."""
    known = [chip for chip in everything if quantity == "energy" or chip.area]
    found = []
    for chip in known:
        rest = [observations(other, quantity) for other in known if other.name != chip.name]
        found.append(with_factors(chip, quantity, factors(rest)))
    return found
