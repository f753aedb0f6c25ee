"""Bars of the pictures: which layers get one, what each is made of. The PNG and the HTML page draw the same bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pimsim.cost.evaluation import COMPONENTS, Array
from pimsim.errors import printable
from pimsim.report.units import clip

if TYPE_CHECKING:
    from pimsim.report.result import Result

PALETTE = (
    "#4e79a7", "#f28e2b", "#e15759", "#76b7b2", "#59a14f", "#edc948", "#b07aa1", "#ff9da7", "#9c755f", "#86bcb6",
    "#d37295", "#a0cbe8", "#ffbe7d", "#8cd17d", "#b6992d", "#499894", "#fabfd2", "#79706e", "#d4a6c8",
)  # fmt: skip
"""One colour a component, in the order of COMPONENTS (Tableau's categorical colours)."""

OTHER = "other"
OTHER_COLOUR = "#bab0ac"
MOST_PARTS = 10
"""Components with a colour of their own in one picture; the rest are drawn together."""


@dataclass(frozen=True)
class Bar:
    """One layer, or the smaller ones together. `energy` and `area`: component -> pJ, um2."""

    label: str
    energy: dict[str, float]
    area: dict[str, float]
    latency_ns: float
    start_ns: float
    end_ns: float
    many: int = 1


@dataclass(frozen=True)
class Chart:
    """Bars in the model's order and the components (with colours) that they are stacked of."""

    bars: list[Bar]
    parts: list[tuple[str, str]]


def chart(result: Result, most: int) -> Chart:
    """At most about `most` bars: layers of the largest share in energy, latency or area; what is left out is one
    bar at the end, so that the bars still add up to the totals."""
    evaluation, rows = result.evaluation, result.layers
    energy = evaluation.energy_dynamic_pJ + evaluation.energy_static_pJ
    area = evaluation.area_um2
    parts = _parts(energy, area)
    own = {name for name, _ in parts}
    keys = ("energy_pJ", "latency_ns", "area_um2")
    weights = [max(_share(row, key, result.totals[key]) for key in keys) for row in rows]
    order = sorted((i for i, weight in enumerate(weights) if weight > 0), key=weights.__getitem__, reverse=True)
    chosen = order if len(order) <= most else order[: most - 1]
    rest = order[len(chosen) :]
    bars = []
    for index in sorted(chosen):
        row = rows[index]
        bars.append(
            Bar(
                clip(printable(row["name"], 300), 34),
                _stack(energy[index], own),
                _stack(area[index], own),
                _figure(row, "latency_ns"),
                _figure(row, "start_ns"),
                _figure(row, "end_ns"),
            )
        )
    if rest:
        latency = sum(_figure(rows[i], "latency_ns") for i in rest)
        label = f"{len(rest)} smaller steps"
        bars.append(
            Bar(label, _stack(energy[rest].sum(0), own), _stack(area[rest].sum(0), own), latency, 0.0, 0.0, len(rest))
        )
    return Chart(bars, parts)


def _figure(row: dict[str, object], key: str) -> float:
    value = row[key]
    return float(value) if isinstance(value, int | float) else 0.0


def _share(row: dict[str, object], key: str, whole: float) -> float:
    return _figure(row, key) / whole if whole else 0.0


def _parts(energy: Array, area: Array) -> list[tuple[str, str]]:
    """Components to tell apart, dearest first, then `other` where more than MOST_PARTS cost anything."""
    totals = energy.sum(0), area.sum(0)
    weight = sum(total / (total.sum() or 1.0) for total in totals)
    order = sorted(range(len(COMPONENTS)), key=lambda i: -float(weight[i]))
    costly = [i for i in order if weight[i] > 0]
    parts = [(COMPONENTS[i], PALETTE[i]) for i in costly[:MOST_PARTS]]
    return [*parts, (OTHER, OTHER_COLOUR)] if len(costly) > MOST_PARTS else parts


def _stack(row: Array, own: set[str]) -> dict[str, float]:
    stack: dict[str, float] = {}
    for name, value in zip(COMPONENTS, row.tolist(), strict=True):
        if value > 0:
            key = name if name in own else OTHER
            stack[key] = stack.get(key, 0.0) + value
    return stack
