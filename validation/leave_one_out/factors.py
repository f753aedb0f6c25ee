"""Factors of circuit kinds from measured chips, and how far the chips that they do not come from lie.

A chip's figure is taken as the sum of its computed parts, each times the factor of its circuit kind. The logarithms of
the factors are the values that make the published figures most likely when these scatter with CHIP_SIGMA around the
sums and the factors with PRIOR_SIGMA around 1 (both assumed). Where a paper tells the parts apart that is the geometric
mean of published over computed, drawn towards 1 as far as chips are few; where it does not, the total still says what
it can. A chip counts once, whatever number of points it has. Uses no random numbers.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .chips import Chip, Seen, chips

CHIP_SIGMA = 0.5
PRIOR_SIGMA = 1.0
Z90 = 1.2815515655446004
Quantity = Literal["energy", "area"]
Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class LeftOut:
    """A chip held against factors that come from the others. low, high: 80% interval of the prediction."""

    chip: Chip
    seen: Seen
    predicted: float
    low: float
    high: float
    kind: str  # the circuit kind with the largest predicted share

    @property
    def error(self) -> float:
        """predicted / published - 1."""
        return self.predicted / self.seen.published - 1.0

    @property
    def residual(self) -> float:
        """ln(published / predicted)."""
        return math.log(self.seen.published / self.predicted)

    @property
    def covered(self) -> bool:
        """Whether the interval holds the published figure."""
        return self.low <= self.seen.published <= self.high


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
    """Parts times their factors; 1 for a kind that no other chip has."""
    return {kind: value * known.get(kind, 1.0) for kind, value in seen.parts.items()}


def left_out(quantity: Quantity, everything: list[Chip] | None = None) -> list[LeftOut]:
    """Every chip's main figure, predicted with factors from the other chips."""
    known = [chip for chip in (everything or chips()) if quantity == "energy" or chip.area]
    rows = []
    for chip in known:
        rest = [observations(other, quantity) for other in known if other.name != chip.name]
        seen = chip.energy[0] if quantity == "energy" else chip.area
        if seen is None:
            raise ValueError(f"{chip.name} has no {quantity}")
        rows.append((chip, seen, predict(seen, factors(rest))))
    residuals = [math.log(seen.published / sum(parts.values())) for _, seen, parts in rows]
    found = []
    for index, (chip, seen, parts) in enumerate(rows):
        half = half_width(residuals[:index] + residuals[index + 1 :])
        middle = sum(parts.values())
        kind = max(parts, key=parts.__getitem__)
        found.append(LeftOut(chip, seen, middle, middle * math.exp(-half), middle * math.exp(half), kind))
    return found


def half_width(residuals: list[float]) -> float:
    """Half of the 80% interval of the logarithm of a further chip: root mean square of the others' residuals times
    Student's t with as many degrees of freedom, times sqrt(1 + 1/n): a small sample widens it."""
    n = len(residuals)
    rms = math.sqrt(sum(value * value for value in residuals) / n)
    return student(n) * rms * math.sqrt(1.0 + 1.0 / n)


def student(freedom: int) -> float:
    """90% point of Student's t (Abramowitz and Stegun, 26.7.5: four terms; within 0.3% from 3 degrees on)."""
    z = Z90
    terms = (
        (z**3 + z) / 4.0,
        (5.0 * z**5 + 16.0 * z**3 + 3.0 * z) / 96.0,
        (3.0 * z**7 + 19.0 * z**5 + 17.0 * z**3 - 15.0 * z) / 384.0,
    )
    return z + sum(term / freedom ** (power + 1) for power, term in enumerate(terms))
