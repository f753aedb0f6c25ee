"""`Results`: the rows of a sweep with what they are of; what `pimsim.sweep` returns and `pimsim.load_results` reads."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pimsim.cost.table import Table
from pimsim.errors import InputError, printable
from pimsim.explore.request import DEFAULT_OBJECTIVES

if TYPE_CHECKING:
    import pandas

    from pimsim.explore.comparison import Comparison
    from pimsim.explore.front import Front
    from pimsim.explore.importance import Importance
    from pimsim.explore.point_file import PointFile
    from pimsim.graph.workload import Workload
    from pimsim.hardware.schema import Hardware

Column = np.ndarray[Any, Any]
SHOWN_ROWS = 10


@dataclass(frozen=True, eq=False, repr=False)
class Results:
    """One row a point: `point`, knobs, figures, `error`. `about` is plain data: what was swept, over which base.

    source: the file of which `table` holds some of the columns, where it does not hold all.
    """

    table: Table
    about: Mapping[str, Any]
    source: Path | None = None

    def __len__(self) -> int:
        return len(self.table)

    def __contains__(self, name: object) -> bool:
        return name in self.table

    def __getitem__(self, name: str) -> Column:
        """The column `name`. Raises InputError for a name that the table does not have."""
        return self.table[name]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return self.table.columns

    @property
    def knobs(self) -> list[str]:
        """Columns that a point sets: the knobs' paths, then the derived ones."""
        return [str(name) for name in self.about.get("knobs", ()) if name in self.table]

    @property
    def failed(self) -> int:
        """Rows whose point could not be computed; their `error` says why."""
        return int(np.count_nonzero(self.table["error"] != "")) if "error" in self.table else 0

    @property
    def name(self) -> str:
        """'<models> over <space>', and how points were chosen where not all were swept; printable."""
        models = ", ".join(printable(model.get("name", "?"), 60) for model in self.about.get("models", ()))
        space = self.about.get("space") or {}
        manifest = self.about.get("manifest") or {}
        chosen = manifest.get("sample") or manifest.get("search")
        how = f" ({printable(chosen[0], 20)})" if chosen else ""
        return f"{models or 'no model'} over {printable(space.get('name', '?'), 60)}{how}"

    def row(self, index: int) -> dict[str, Any]:
        """Column -> value at one row, as plain Python values. Raises InputError for a row that there is not."""
        if not -len(self) <= index < len(self):
            raise InputError(f"rows are numbered 0 to {len(self) - 1:,}; got {printable(index, 40)}")
        return self.rows([index % len(self)]).row(0)

    def rows(self, indices: Sequence[int] | Column) -> Table:
        """Some of the rows, with all columns that there are."""
        if self.source is None:
            return self.table.take(np.asarray(indices, dtype=np.int64))
        from pimsim.explore.store import read_rows

        return read_rows(self.source, indices)

    def find(self, point: int) -> int:
        """The row that holds `point` (a number of the column `point`). Raises InputError where none does."""
        found = np.flatnonzero(self.table["point"] == point)
        if not len(found):
            raise InputError(f"no point {printable(point, 40)} in these results; the column 'point' lists them")
        return int(found[0])

    def hardware(self, point: int) -> Hardware:
        """The hardware of a point (a number of the column `point`; bits of layers are no part of it).

        Raises InputError for a point that is not there or is no valid hardware.
        """
        from pimsim.explore.point_file import hardware_of, settings_of

        return hardware_of(settings_of(self.row(self.find(point)), self.about), self.about)

    def yaml(self, point: int, models: Sequence[Workload] | None = None) -> PointFile:
        """A point (a number of the column `point`) as files: `.hardware`, a whole description that `pimsim run --hw`
        takes, and `.bits` for its `--bits`, "" where the point sets no bits of layers.

        models: those that were swept, needed where bits are set by operator and a model's file has gone.
        """
        from pimsim.explore.point_file import point_file

        return point_file(self.row(self.find(point)), self.about, models)

    def pareto(self, *objectives: str) -> Front:
        """The points that no other is better than, in two or more figures ("max:" before what is to be large); those
        of the sweep's search, or energy and latency, when none are named. Points that failed are left out and counted.

        Raises InputError for an unknown figure, and where no point is left.
        """
        from pimsim.explore.front import front

        return front(self, self._objectives(objectives))

    def ranks(self, *objectives: str, most: int = 10) -> Column:
        """Of every row, which front it is on: 1 for those that nothing is better than, 2 for those that only these are
        better than, and so on to `most`; 0 for rows further back, and for those that failed. Objectives and errors as
        in `pareto`."""
        from pimsim.explore.front import named
        from pimsim.explore.pareto import fronts, objective_values

        values, rows = objective_values(self.table, named(self, self._objectives(objectives)))
        found = np.zeros(len(self), dtype=np.int64)
        for rank, front in enumerate(fronts(values, most), 1):
            found[rows[front]] = rank
        return found

    def _objectives(self, given: Sequence[str]) -> tuple[str, ...]:
        return tuple(given) or tuple(self.about.get("objectives") or DEFAULT_OBJECTIVES)

    def compare(self, other: Results, *objectives: str) -> Comparison:
        """This front beside that of `other`, in the same objectives."""
        return self.pareto(*objectives).compare(other.pareto(*objectives))

    def importance(self, figure: str = DEFAULT_OBJECTIVES[0], seed: int = 0) -> Importance:
        """Which knobs decide a figure, with the held-out R2 of the fit that says so (see `Importance`)."""
        from pimsim.explore.importance import importance

        return importance(self, figure, seed)

    def to_pandas(self) -> pandas.DataFrame:
        """The rows as a DataFrame."""
        return self.table.to_pandas()

    def __repr__(self) -> str:
        return f"<Results {self.name}: {len(self):,} points ({self.failed:,} failed), {len(self.columns)} columns>"

    def _repr_html_(self) -> str:
        from pimsim.explore.shown import table_html

        return table_html(repr(self).strip("<>"), self.table, min(SHOWN_ROWS, len(self)))


def load_results(path: str | os.PathLike[str], columns: Sequence[str] | None = None) -> Results:
    """The results that a sweep has written to a file.

    columns: those to read (`point` and `error` too); whole rows are read when they are asked for. All when None.
    Raises InputError for a file that is no such thing, and for a column that it does not have.
    """
    from pimsim.explore.store import read_table

    about = load_about(path)
    if columns is None:
        return Results(read_table(path), about)
    wanted = list(dict.fromkeys(["point", *columns, "error"]))
    return Results(read_table(path, wanted), about, Path(path))


def load_about(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What the table of a file is of. Raises InputError for a file that no sweep has written."""
    from pimsim.explore.store import read_about

    about = read_about(path)
    if wrong := _malformed(about):
        raise InputError(f"{printable(path)} was not written by pimsim: '{wrong}' of what its table is of is malformed")
    return about


def _malformed(about: Mapping[str, Any]) -> str:
    """The first part of `about` that has another form than a sweep gives it; empty when all are well formed. Parts may
    be absent."""

    def texts(value: Any) -> bool:
        return isinstance(value, list) and all(isinstance(one, str) for one in value)

    def pairs(value: Any) -> bool:
        rows = isinstance(value, list) and all(isinstance(one, list) and len(one) == 2 for one in value)
        return rows and all(isinstance(one[0], str) for one in value)

    space, manifest = about.get("space", {}), about.get("manifest", {})
    if not isinstance(space, dict) or not isinstance(manifest, dict):
        return "manifest" if isinstance(space, dict) else "space"
    models = about.get("models", [])
    checks = {
        "knobs": texts(about.get("knobs", [])),
        "objectives": texts(about.get("objectives", [])),
        "models": isinstance(models, list) and all(isinstance(model, dict) for model in models),
        "space.knobs": pairs(space.get("knobs", [])) and all(isinstance(v, list) for _, v in space.get("knobs", [])),
        "space.derived": pairs(space.get("derived", [])),
        "manifest.sample": isinstance(manifest.get("sample"), list | None),
        "manifest.search": isinstance(manifest.get("search"), list | None),
    }
    return next((name for name, good in checks.items() if not good), "")
