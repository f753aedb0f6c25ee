"""`Results`: the rows of a sweep with what they are of; what `pimsim.sweep` returns and `pimsim.load_results` reads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from pimsim.cost.table import Table
from pimsim.errors import printable

if TYPE_CHECKING:
    import pandas

Column = np.ndarray[Any, Any]
SHOWN_ROWS = 10


@dataclass(frozen=True, eq=False, repr=False)
class Results:
    """One row a point: `point`, knobs, figures, `error`. `about` is plain data: what was swept, over which base."""

    table: Table
    about: Mapping[str, Any]

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
        """'<models> over <space>', printable."""
        models = ", ".join(printable(model.get("name", "?"), 60) for model in self.about.get("models", ()))
        space = self.about.get("space") or {}
        return f"{models or 'no model'} over {printable(space.get('name', '?'), 60)}"

    def row(self, index: int) -> dict[str, Any]:
        """Column -> value at one row, as plain Python values."""
        return self.table.row(index)

    def to_pandas(self) -> pandas.DataFrame:
        """The rows as a DataFrame."""
        return self.table.to_pandas()

    def __repr__(self) -> str:
        return f"<Results {self.name}: {len(self):,} points ({self.failed:,} failed), {len(self.columns)} columns>"

    def _repr_html_(self) -> str:
        return table_html(repr(self).strip("<>"), self.table, range(min(SHOWN_ROWS, len(self))))


def load_results(path: str | os.PathLike[str]) -> Results:
    """The results that a sweep has written to a file. Raises InputError for a file that is no such thing."""
    from pimsim.explore.store import read_about, read_table

    return Results(read_table(path), read_about(path))


def table_html(caption: str, table: Table, rows: range | Column) -> str:
    """Rows of a table as an HTML table, everything in it escaped; a word below says how many are not shown."""
    head = "".join(f"<th>{escape(printable(name, 80))}</th>" for name in table.columns)
    lines = []
    for at in rows:
        values = table.row(int(at)).values()
        lines.append("<tr>" + "".join(f"<td>{escape(cell(value))}</td>" for value in values) + "</tr>")
    more = f"<p>... and {len(table) - len(rows):,} more rows</p>" if len(table) > len(rows) else ""
    return f"<p>{escape(caption)}</p><table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>{more}"


def cell(value: object) -> str:
    """A value as a person reads it: four digits of a figure."""
    if isinstance(value, bool) or not isinstance(value, float):
        return printable(value, 80)
    return f"{value:.4g}"
