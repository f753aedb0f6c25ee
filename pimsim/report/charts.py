"""Bars of the pictures: which layers get one, what each is made of. The PNG and the HTML page draw the same bars."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, pairwise
from typing import TYPE_CHECKING

from pimsim.cost.evaluation import COMPONENTS, Array
from pimsim.cost.intervals import interval
from pimsim.errors import printable
from pimsim.graph.workload import Kind
from pimsim.report.units import clip

if TYPE_CHECKING:
    from pimsim.report.result import Result

PALETTE = (
    "#4e79a7", "#f28e2b", "#e15759", "#3b6e8f", "#76b7b2", "#59a14f", "#edc948", "#b07aa1", "#ff9da7", "#9c755f",
    "#5b53a6", "#8a9a2b", "#a0cbe8", "#ffbe7d", "#8cd17d", "#d4a6c8", "#2f8f83", "#c2b280", "#3f7d20", "#7a3b69",
    "#d6447c", "#b5651d",
)  # fmt: skip
"""One colour a component, in the order of COMPONENTS (most of the first ten are Tableau's)."""

OTHER = "other"
OTHER_COLOUR = "#bab0ac"
MOST_PARTS = 10
"""Components with a colour of their own in one picture; the rest are drawn together."""


@dataclass(frozen=True)
class Bar:
    """One layer, perhaps with smaller steps behind it. `energy`, `area`: component -> pJ, um2; 80% intervals."""

    label: str
    energy: dict[str, float]
    area: dict[str, float]
    latency_ns: float
    start_ns: float
    end_ns: float
    energy_interval: tuple[float, float]
    area_interval: tuple[float, float]


@dataclass(frozen=True)
class Chart:
    """Bars in the model's order and the components (with colours) that they are stacked of."""

    bars: list[Bar]
    parts: list[tuple[str, str]]


def chart(result: Result, most: int) -> Chart:
    """At most `most` bars that add up to the totals. A model of more steps is drawn in runs of consecutive steps,
    each under the name of its dearest: a product with the small steps behind it, or several such runs."""
    evaluation, rows = result.evaluation, result.layers
    energy = evaluation.energy_dynamic_pJ + evaluation.energy_static_pJ
    area = evaluation.area_um2
    parts = _parts(energy, area)
    own = {name for name, _ in parts}
    energy_sigma, area_sigma = evaluation.sigmas()
    bars = []
    for group in _groups(result, most):
        timed = [rows[i] for i in group if _figure(rows[i], "end_ns") > 0]
        bars.append(
            Bar(
                _label(str(rows[group[0]]["name"]), len(group) - 1),
                _stack(energy[group].sum(0), own),
                _stack(area[group].sum(0), own),
                sum(_figure(rows[i], "latency_ns") for i in group),
                min((_figure(row, "start_ns") for row in timed), default=0.0),
                max((_figure(row, "end_ns") for row in timed), default=0.0),
                interval(energy[group].sum(0), energy_sigma),
                interval(area[group].sum(0), area_sigma),
            )
        )
    return Chart(bars, parts)


def _groups(result: Result, most: int) -> list[list[int]]:
    """Indices of the rows of each bar, the one that names it first. Rows that cost nothing are left out."""
    rows, layers = result.layers, result.workload.layers
    keys = ("energy_pJ", "latency_ns", "area_um2")
    weights = [max(_share(row, key, result.totals[key]) for key in keys) for row in rows]
    costly = [index for index, weight in enumerate(weights) if weight > 0]
    extra = [[index] for index in costly if index >= len(layers)]
    steps = [index for index in costly if index < len(layers)]
    room = max(1, most - len(extra))
    runs = [[index] for index in steps]
    if len(steps) > room:
        heavy = sum(weights[index] for index in steps) / room
        runs = []
        for index in steps:
            leads = layers[index].kind in (Kind.MVM, Kind.DYNAMIC) or weights[index] >= heavy
            if leads or not runs:
                runs.append([index])
            else:
                runs[-1].append(index)
        runs = _joined(runs, weights, room)
    return [sorted(run, key=lambda index: (-weights[index], index)) for run in runs] + extra


def _joined(runs: list[list[int]], weights: list[float], room: int) -> list[list[int]]:
    """Neighbouring runs put together, as evenly as may be, until at most `room` are left."""
    sizes = [sum(weights[index] for index in run) for run in runs]

    def cut(limit: float) -> list[int]:
        """Where groups begin when none but a single run may weigh more than `limit`."""
        starts, weight = [0], 0.0
        for index, size in enumerate(sizes):
            if weight and weight + size > limit:
                starts.append(index)
                weight = 0.0
            weight += size
        return starts

    low, high = 0.0, sum(sizes)
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if len(cut(middle)) > room else (low, middle)
    starts = [*cut(high), len(runs)]
    return [list(chain.from_iterable(runs[a:b])) for a, b in pairwise(starts)] if len(runs) > room else runs


def _label(name: str, more: int) -> str:
    shown = clip(printable(name, 300), 34)
    return f"{shown} +{more}" if more else shown


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
