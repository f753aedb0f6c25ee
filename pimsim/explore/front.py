"""`Front`: the points of a sweep that no other is better than, with their picture, table, files and comparison."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pimsim.cost.table import Table
from pimsim.errors import InputError, printable
from pimsim.explore.pareto import Objective, hypervolume, knee, knees, non_dominated, objective_values, reference_point
from pimsim.explore.results import Results
from pimsim.explore.shown import short_names, shown, table_html
from pimsim.report import sections as parts
from pimsim.report.tabular import csv_text

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

    from pimsim.explore.comparison import Comparison
    from pimsim.explore.point_file import PointFile
    from pimsim.graph.workload import Workload

Array = Any


@dataclass(frozen=True, eq=False, repr=False)
class Front:
    """Points that no other is better than, in the order of the first objective.

    index: their rows in `results`. values: front x objectives, to minimise (maximised ones negated). equal: how many
    points have just these values (the first of them is here). left_out: points that failed or are not finite.
    """

    results: Results
    objectives: tuple[Objective, ...]
    index: Array
    values: Array
    equal: Array
    left_out: int

    def __len__(self) -> int:
        return len(self.index)

    @cached_property
    def table(self) -> Table:
        """The points' whole rows."""
        return self.results.rows(self.index)

    @cached_property
    def points(self) -> list[int]:
        """Numbers of the points in the sweep (column `point`)."""
        return [int(point) for point in self.results["point"][self.index]]

    @cached_property
    def knee(self) -> int:
        """The row of the front at which turning either way loses most for what it gains (pymoo's HighTradeoffPoints;
        of several, the nearest to the best of every objective)."""
        return knee(self.values)

    @cached_property
    def knees(self) -> list[int]:
        """All rows of the front that pymoo's HighTradeoffPoints takes for knees; none on an even front."""
        return [int(at) for at in knees(self.values)]

    @cached_property
    def reference(self) -> dict[str, float]:
        """Objective -> where the hypervolume ends: the front's worst, and a tenth of its span further."""
        return self._named(reference_point(self.values))

    def hypervolume(self, reference: Sequence[float] | None = None) -> float:
        """Volume that the front dominates up to `reference` (one figure an objective, in the order and the units of the
        objectives; `self.reference` when None). Raises InputError for a reference of another length."""
        if reference is None:
            return hypervolume(self.values, reference_point(self.values))
        if len(reference) != len(self.objectives):
            raise InputError(f"a reference has one figure an objective, {len(self.objectives)}; got {len(reference)}")
        return hypervolume(self.values, np.array(reference, dtype=float) * [o.sign for o in self.objectives])

    def row(self, at: int) -> dict[str, Any]:
        """Column -> value of one row of the front. Raises InputError for a row that there is not."""
        if not -len(self) <= at < len(self):
            raise InputError(f"the front has rows 0 to {len(self) - 1:,}; got {printable(at, 40)}")
        return self.table.row(at)

    def yaml(self, at: int | None = None, models: Sequence[Workload] | None = None) -> PointFile:
        """A row of the front (the knee when None) as files for `pimsim run`; see `Results.yaml`."""
        from pimsim.explore.point_file import point_file

        return point_file(self.row(self.knee if at is None else at), self.results.about, models)

    def to_csv(self, path: str | os.PathLike[str] | None = None) -> str:
        """A line a row of the front with all columns, `equal_points` and `knee` behind; written to `path` if given.
        Text that a spreadsheet would run is defused."""
        header = [*self.table.columns, "equal_points", "knee"]
        rows = (
            [*self.table.row(at).values(), int(self.equal[at]), int(at == self.knee)] for at in range(len(self))
        )
        text = csv_text(header, rows)
        if path is not None:
            from pimsim.report.atomic import check_target, write_atomic

            write_atomic(check_target(path, "path"), text)
        return text

    def to_dict(self) -> dict[str, Any]:
        """Plain data: the points with their objectives and knobs, the knee, the hypervolume and where it ends."""
        names = ["point", *(objective.name for objective in self.objectives), *self._knobs()]
        return {
            "objectives": [objective.text for objective in self.objectives],
            "rows": len(self.results),
            "left_out": self.left_out,
            "knee": self.points[self.knee],
            "knees": [self.points[at] for at in self.knees],
            "hypervolume": self.hypervolume(),
            "reference": self.reference,
            "front": [{name: self.table.row(at)[name] for name in names} for at in range(len(self))],
        }

    def to_pandas(self) -> pandas.DataFrame:
        """The points' whole rows as a DataFrame."""
        return self.table.to_pandas()

    def plot(self, path: str | os.PathLike[str] | None = None, color: str | None = None) -> Figure:
        """All points, the front and its knee as a matplotlib Figure, over the first two objectives; written to `path`
        (.png, .svg or .pdf) if given. color: a figure or knob that colours the points (the third objective if None).
        Raises InputError for another ending, an unknown column, or a place that cannot be written."""
        from pimsim.explore.front_plot import draw
        from pimsim.report.plot import written

        return written(lambda: draw(self, color), path)

    def compare(self, other: Front) -> Comparison:
        """This front (A) beside another (B) in the same objectives. Raises InputError where they differ."""
        from pimsim.explore.comparison import compare

        return compare(self, other)

    def sections(self, most: int) -> list[parts.Section]:
        """The front for people, at most `most` rows of it."""
        return [self._summary(), self._rows(most)]

    def to_text(self, most: int = parts.TEXT_ROWS) -> str:
        """`sections` as plain text."""
        from pimsim.report.text import render

        return render(self.sections(most))

    def __repr__(self) -> str:
        names = ", ".join(objective.text for objective in self.objectives)
        return f"<Front of {len(self):,} of {len(self.results):,} points in {names}: {self.results.name}>"

    def _repr_html_(self) -> str:
        names = [*(o.name for o in self.objectives), *self._knobs()]
        data = {"point": self.table["point"], **{name: self.table[name] for name in names}}
        caption = f"{repr(self).strip('<>')}; knee: point {self.points[self.knee]}"
        return table_html(caption, Table(data), parts.TERMINAL_ROWS)

    def _named(self, values: Array) -> dict[str, float]:
        return {o.name: float(o.sign * value) for o, value in zip(self.objectives, values, strict=True)}

    def _knobs(self) -> list[str]:
        """Knobs that differ along the front first, then those that do not; what is derived from them stands in the
        CSV alone."""
        about = self.results.about
        derived = {str(path) for path, _ in (about.get("space") or {}).get("derived", ())}
        knobs = [str(name) for name in about.get("knobs", ()) if name in self.table and name not in derived]
        return sorted(knobs, key=lambda name: len(set(self.table[name].tolist())) == 1)

    def _summary(self) -> parts.Facts:
        results = self.results
        swept = f"{len(results):,} points"
        if self.left_out:
            swept += f", of which {self.left_out:,} left out (failed, or not finite)"
        if results.about.get("complete") is False:
            swept += "; the sweep is not complete"
        at = self.row(self.knee)
        corner = ", ".join(f"{o.text} {shown(o.name, self.reference[o.name])}" for o in self.objectives)
        size = f"{len(self):,} points"
        if self.equal.sum() > len(self):
            size += f" ({int(self.equal.sum()):,} with those of equal figures)"
        return parts.Facts(
            "Pareto front",
            [
                ("results", f"{results.name}: {swept}"),
                ("objectives", ", ".join(o.text for o in self.objectives)),
                ("front", size),
                ("knee", f"point {at['point']}: " + ", ".join(shown(o.name, at[o.name]) for o in self.objectives)),
                ("hypervolume", f"{self.hypervolume():.6g} up to {corner}"),
            ],
        )

    def _rows(self, most: int) -> parts.Table:
        knobs = self._knobs()
        names = short_names([str(name) for name in self.results.about.get("knobs", ())])  # apart from derived ones too
        columns = [
            parts.Column("point"),
            *(parts.Column(o.text) for o in self.objectives),
            *(parts.Column(names[knob], rank=1 + at) for at, knob in enumerate(knobs)),
            parts.Column("equal", rank=len(knobs) + 1),
            parts.Column("", right=False),
        ]
        places = np.unique(np.linspace(0, len(self) - 1, min(most, len(self))).astype(int)).tolist()
        places = sorted({*places, self.knee})
        rows = []
        for at in places:
            row = self.table.row(at)
            figures = (shown(o.name, row[o.name]) for o in self.objectives)
            settings = (shown(knob, row[knob]) for knob in knobs)
            mark = "knee" if at == self.knee else ""
            rows.append((str(row["point"]), *figures, *settings, str(int(self.equal[at])), mark))
        caption = "" if len(rows) == len(self) else f"{len(rows):,} of {len(self):,}, evenly along it"
        return parts.Table("Points of the front", tuple(columns), rows, caption=caption)


def named(results: Results, objectives: Sequence[str]) -> tuple[Objective, ...]:
    """The objectives of a front. Raises InputError for fewer than two, equal ones, and unknown columns."""
    names = [str(text) for text in objectives]
    if len(names) < 2:
        raise InputError(f"a front needs two figures or more, e.g. energy_pJ and latency_ns; got {len(names)}")
    found = tuple(Objective.of(text, results.table) for text in names)
    if len({objective.name for objective in found}) < len(found):
        raise InputError(f"a front needs different figures; got {printable(', '.join(names), 120)}")
    return found


def front(results: Results, objectives: Sequence[str]) -> Front:
    """See `Results.pareto`."""
    found = named(results, objectives)
    values, rows = objective_values(results.table, found)
    if not len(rows):
        errors = results["error"] if "error" in results else np.empty(0, dtype=object)
        first = next((printable(error, 160) for error in errors if error), "figures are not finite")
        raise InputError(f"none of {len(results):,} points can be compared; the first fault: {first}")
    index, equal = non_dominated(values)
    return Front(results, found, rows[index], values[index], equal, len(results) - len(rows))
