"""Which knobs decide a figure: permutation importance of a random forest, with the fit's R2 on rows it has not seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pimsim.errors import InputError, printable
from pimsim.explore.pareto import Objective, is_number, objective_values
from pimsim.explore.shown import table_html
from pimsim.report import sections as parts

if TYPE_CHECKING:
    from pimsim.explore.results import Results

Array = Any
MOST_ROWS = 20_000
"""Rows that the forest is fitted to and held out from; of more, a sample."""
TRUSTED_R2 = 0.9
_FEWEST_ROWS = 40
_HELD_OUT = 0.25
_TREES = 60
_REPEATS = 5
_LOGARITHMIC = 10.0


@dataclass(frozen=True)
class Importance:
    """knobs: in the order of their importance. drops: how far the R2 on held-out rows falls when the knob's values are
    shuffled among them (0: it decides nothing; several knobs that act together each get the whole). deviations: of
    that over shuffles. r2: of the forest on held-out rows; where it is low, the order means little.
    logarithmic: whether the logarithm of the figure was fitted (figures that span more than a decade).
    """

    figure: str
    knobs: tuple[str, ...]
    drops: tuple[float, ...]
    deviations: tuple[float, ...]
    r2: float
    rows: int
    held_out: int
    left_out: int
    logarithmic: bool

    @property
    def trusted(self) -> bool:
        """Whether the forest explains the figure well enough (R2 of TRUSTED_R2) for its order to be believed."""
        return self.r2 >= TRUSTED_R2

    @property
    def verdict(self) -> str:
        """How good the fit is, in words."""
        what = "its logarithm" if self.logarithmic else "it"
        words = "the order can be trusted" if self.trusted else "a poor fit: do not trust the order"
        out = f", {self.left_out:,} rows left out (failed, or not finite)" if self.left_out else ""
        return (
            f"a random forest fitted to {what} on {self.rows - self.held_out:,} rows has R2 {self.r2:.3f} on "
            f"{self.held_out:,} held-out rows: {words}{out}"
        )

    def sections(self) -> list[parts.Section]:
        """The importances for people."""
        columns = (
            parts.Column("knob", right=False),
            parts.Column("R2 lost"),
            parts.Column("+-", rank=1),
            parts.Column("", right=False, rank=2),
        )
        top = max(self.drops, default=0.0) or 1.0
        rows: list[tuple[str, ...]] = [
            (printable(knob, 80), _three(drop), f"{spread:.3f}", "#" * round(24 * max(0.0, drop) / top))
            for knob, drop, spread in zip(self.knobs, self.drops, self.deviations, strict=True)
        ]
        title = f"What decides {printable(self.figure, 60)}"
        return [parts.Table(title, columns, rows, caption=self.verdict)]

    def to_text(self) -> str:
        """`sections` as plain text."""
        from pimsim.report.text import render

        return render(self.sections())

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        pairs = zip(self.knobs, self.drops, self.deviations, strict=True)
        return {
            "figure": self.figure,
            "r2": self.r2,
            "rows": self.rows,
            "held_out": self.held_out,
            "logarithmic": self.logarithmic,
            "knobs": [{"knob": knob, "r2_lost": drop, "deviation": spread} for knob, drop, spread in pairs],
        }

    def _repr_html_(self) -> str:
        from pimsim.cost.table import Table

        data = {
            "knob": np.array(self.knobs, dtype=object),
            "R2 lost": np.array(self.drops),
            "+-": np.array(self.deviations),
        }
        return table_html(f"{self.figure}: {self.verdict}", Table(data), len(self.knobs))


def _three(value: float) -> str:
    """Three decimals, without a minus before zero."""
    return f"{round(value, 3) + 0.0:.3f}"


def importance(results: Results, figure: str, seed: int) -> Importance:
    """See `Results.importance`. The same seed gives the same figures.

    Raises InputError for an unknown figure, for one that is the same at all points, and for fewer than 40 good rows.
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**32:
        raise InputError(f"seed must be a whole number from 0 to {2**32 - 1}; got {printable(seed, 40)}")
    objective = Objective.of(figure, results.table)
    values, rows = objective_values(results.table, (objective,))
    left_out = len(results) - len(rows)
    if len(rows) < _FEWEST_ROWS:
        raise InputError(f"importance needs {_FEWEST_ROWS} points or more; {len(rows):,} of {len(results):,} are good")
    target = objective.sign * values[:, 0]
    rng = np.random.default_rng(seed)
    chosen = np.sort(rng.choice(len(rows), min(len(rows), MOST_ROWS), replace=False))
    rows, target = rows[chosen], target[chosen]
    if target.min() == target.max():
        raise InputError(f"{printable(objective.name, 60)} is the same at all points: no knob decides it")
    logarithmic = bool(target.min() > 0 and target.max() > _LOGARITHMIC * target.min())
    coded = _coded(results, rows)
    turning = [name for name, column in coded.items() if len(column) and column.min() != column.max()]
    if not turning:
        raise InputError("no knob turns in these results: there is nothing to rank")
    matrix = np.stack([coded[name] for name in turning], axis=1)
    r2, held_out, found = _fit(matrix, np.log(target) if logarithmic else target, rng, seed)
    drops = {**dict.fromkeys(coded, (0.0, 0.0)), **dict(zip(turning, zip(*found, strict=True), strict=True))}
    order = sorted(drops, key=lambda name: -drops[name][0])
    return Importance(
        objective.name, tuple(order), tuple(float(drops[name][0]) for name in order),
        tuple(float(drops[name][1]) for name in order), r2, len(rows), held_out, left_out, logarithmic,
    )  # fmt: skip


def _fit(matrix: Array, target: Array, rng: Any, seed: int) -> tuple[float, int, tuple[list[float], list[float]]]:
    """(R2 on held-out rows, how many those are, (mean, deviation) of what each column's shuffling costs)."""
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.inspection import permutation_importance

    shuffled = rng.permutation(len(target))
    held = shuffled[: max(2, int(_HELD_OUT * len(target)))]
    kept = shuffled[len(held) :]
    forest = RandomForestRegressor(n_estimators=_TREES, random_state=seed, n_jobs=1)
    forest.fit(matrix[kept], target[kept])
    r2 = float(forest.score(matrix[held], target[held]))
    found = permutation_importance(
        forest, matrix[held], target[held], n_repeats=_REPEATS, random_state=seed, n_jobs=1, scoring="r2"
    )
    return r2, len(held), (found.importances_mean.tolist(), found.importances_std.tolist())


def _coded(results: Results, rows: Array) -> dict[str, Array]:
    """Knob -> one number a row: its own where it is a number, else the place of the word among its values. Derived
    values are left out: they follow from the knobs."""
    space = results.about.get("space") or {}
    known = {str(path): [str(value) for value in values] for path, values in space.get("knobs", ())}
    derived = {str(path) for path, _ in space.get("derived", ())}
    names = [name for name in results.knobs if name not in derived]
    if not names:
        raise InputError("these results name no knobs: there is nothing to rank")
    found = {}
    for name in names:
        column = results[name][rows]
        if is_number(column) or column.dtype.kind == "b":
            numbers = column.astype(np.float64)
            if np.isfinite(numbers).all():
                found[name] = numbers
                continue
        texts = [str(value) for value in column.tolist()]
        places = {text: at for at, text in enumerate(dict.fromkeys([*known.get(name, ()), *sorted(set(texts))]))}
        found[name] = np.array([places[text] for text in texts], dtype=np.float64)
    return found
