"""Points that no other is better than: fronts, the volume they dominate, and their knees, over matrices of objectives.

Every column of a matrix is to be minimised and every entry finite. Sorting, volume and knees are pymoo's.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from pimsim.cost.table import Table
from pimsim.errors import InputError, printable
from pimsim.explore.request import MAXIMISE, objective_of

Array = Any
MARGIN = 0.1
"""How far the reference point lies behind the worst of a front, of the span between its best and its worst."""

_PIVOTS = 8
_MOST_KNEES_FROM = 2000  # points of a front that knees are looked for among


@dataclass(frozen=True)
class Objective:
    """A column, and 1.0 to minimise it or -1.0 to maximise it."""

    name: str
    sign: float = 1.0

    @property
    def text(self) -> str:
        """As it is written: `energy_pJ`, `max:tops_per_W`."""
        return self.name if self.sign > 0 else MAXIMISE + self.name

    @staticmethod
    def of(text: str, table: Table) -> Objective:
        """The objective that `text` names. Raises InputError where the table has no such column of numbers."""
        name, sign = objective_of(text)
        if name not in table:
            from pimsim.hardware.suggest import nearest

            numbers = [column for column in table.columns if is_number(table[column]) and column != "point"]
            near = nearest(name, numbers)
            meant = f"did you mean '{near}'?" if near else f"columns are {', '.join(numbers[:24])}"
            raise InputError(f"no column '{printable(name, 80)}'; {meant} (put {MAXIMISE} before one to maximise)")
        if not is_number(table[name]):
            raise InputError(f"'{printable(name, 80)}' holds texts; an objective is a column of numbers")
        return Objective(name, sign)


def is_number(column: Array) -> bool:
    """Whether a column holds numbers."""
    return column.dtype.kind in "iuf"


def objective_values(table: Table, objectives: tuple[Objective, ...]) -> tuple[Array, Array]:
    """(rows x objectives, to minimise; numbers of those rows in the table). Rows that failed, or in which an objective
    is not finite, are left out."""
    good = table["error"] == "" if "error" in table else np.ones(len(table), dtype=bool)
    good = np.asarray(good, dtype=bool)
    for objective in objectives:
        good &= np.isfinite(table[objective.name])
    rows = np.flatnonzero(good)
    values = np.empty((len(rows), len(objectives)), order="F")  # gone through by columns, millions of rows long
    for at, objective in enumerate(objectives):
        column = table[objective.name]
        values[:, at] = objective.sign * (column if len(rows) == len(column) else column[rows])
    return values, rows


def non_dominated(values: Array) -> tuple[Array, Array]:
    """(numbers of the rows that no row dominates, how many rows are equal to each), in the order of the first
    objective, then the second. Of equal rows the first is taken.

    O(n log n) for two and three objectives: what a few good rows dominate goes first, pymoo sorts out the rest.
    """
    from pymoo.util.nds.non_dominated_sorting import find_non_dominated

    left = _thinned(values)
    kept = left[find_non_dominated(values[left])] if len(left) else left
    if not len(kept):
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    _, first, counts = np.unique(values[kept], axis=0, return_index=True, return_counts=True)
    return kept[first], counts


def fronts(values: Array, most: int) -> Iterator[Array]:
    """The first `most` fronts, best first: rows that nothing dominates, then those that only the first front does, and
    so on. Equal rows are in the same front."""
    from pymoo.util.nds.non_dominated_sorting import find_non_dominated

    left = np.arange(len(values))
    for _ in range(most):
        if not len(left):
            return
        front = find_non_dominated(values[left])
        yield left[front]
        left = np.delete(left, front)


def _thinned(values: Array) -> Array:
    """Numbers of the rows that remain when those are gone that one of a few good rows dominates."""
    left = np.arange(len(values))
    if len(left) < 10_000:
        return left
    low, high = values.min(axis=0), values.max(axis=0)
    span = np.where(high > low, high - low, 1.0)
    width = values.shape[1]
    rows = values
    for weight in [np.ones(width), *np.random.default_rng(0).dirichlet(np.ones(width), _PIVOTS)]:
        pivot = rows[np.argmin(rows @ (weight / span))]
        as_bad, worse = np.ones(len(rows), dtype=bool), np.zeros(len(rows), dtype=bool)
        for column, mark in zip(rows.T, pivot, strict=True):
            as_bad &= column >= mark
            worse |= column > mark
        kept = ~(as_bad & worse)
        left, rows = left[kept], rows[kept]
    return left


def reference_point(*sets: Array) -> Array:
    """A point behind all rows of these fronts: the worst of each objective, and MARGIN of the span further."""
    every = np.concatenate(sets)
    best, worst = every.min(axis=0), every.max(axis=0)
    span = np.where(worst > best, worst - best, np.where(worst != 0, np.abs(worst), 1.0))
    return worst + MARGIN * span


def hypervolume(values: Array, reference: Array) -> float:
    """Volume between the rows and `reference`, in the product of the objectives' units. Rows that are not better than
    `reference` in every objective add nothing."""
    from pymoo.indicators.hv import HV

    inside = values[np.all(values < reference, axis=1)]
    return float(HV(ref_point=np.asarray(reference, dtype=float))(inside)) if len(inside) else 0.0


def knees(values: Array) -> Array:
    """Numbers of the rows of a front at which a step to any neighbour loses most for what it gains (Rachmawati and
    Srinivasan, IEEE Trans. Evol. Comput. 13(4), 2009, as pymoo has it), over objectives scaled to their spans."""
    scaled = _scaled(values)
    some = np.unique(np.linspace(0, len(values) - 1, min(len(values), _MOST_KNEES_FROM)).astype(np.int64))
    if len(some) < 3:
        return np.empty(0, dtype=np.int64)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        from pymoo.mcdm.high_tradeoff import HighTradeoffPoints

        found = HighTradeoffPoints()(scaled[some])
    return np.empty(0, dtype=np.int64) if found is None else some[np.sort(found)]


def knee(values: Array) -> int:
    """The row of a front to begin with: of its knees (of all rows where it has none) the one nearest to the best of
    every objective, spans scaled to 1. Raises ValueError for no rows."""
    if not len(values):
        raise ValueError("a front without points has no knee")
    candidates = knees(values)
    if not len(candidates):
        candidates = np.arange(len(values))
    return int(candidates[np.argmin(np.linalg.norm(_scaled(values)[candidates], axis=1))])


def _scaled(values: Array) -> Array:
    low, high = values.min(axis=0), values.max(axis=0)
    return (values - low) / np.where(high > low, high - low, 1.0)
