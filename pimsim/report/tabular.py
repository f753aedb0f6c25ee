"""Layers as CSV and as a DataFrame: one row a layer, one energy column a component at the end."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from pimsim.cost.evaluation import COMPONENTS
from pimsim.errors import printable
from pimsim.report import figures

if TYPE_CHECKING:
    import pandas

    from pimsim.report.result import Result

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(value: object) -> object:
    """Text that a spreadsheet cannot take for a formula, in printable characters; numbers as they are."""
    if not isinstance(value, str):
        return value
    shown = printable(value, 10_000)
    return "'" + shown if value.startswith(FORMULA_STARTS) or shown.startswith(FORMULA_STARTS) else shown


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A CSV table (RFC 4180 quoting, lines ended by a line feed) whose text cells are safe in a spreadsheet."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([safe_cell(name) for name in header])
    for row in rows:
        writer.writerow([safe_cell(cell) for cell in row])
    return buffer.getvalue()


def to_csv(result: Result) -> str:
    """See `Result.to_csv`."""
    rows = _rows(result)
    return csv_text(list(rows[0]), (list(row.values()) for row in rows))


def to_dataframe(result: Result) -> pandas.DataFrame:
    """See `Result.to_dataframe`."""
    import pandas

    return pandas.DataFrame(_rows(result))


def _rows(result: Result) -> list[figures.Row]:
    """Rows of `Result.layers` with `energy_pJ_<component>` for every component, and, where lookups were run on banks,
    `energy_pJ_memory_<part>` for every part of that, `memory_busy_ns` and `memory_latency_ns`."""
    parts = figures.layer_components(result.evaluation)
    rows: list[figures.Row] = [
        {**row, **{f"energy_pJ_{name}": part.get(name, 0.0) for name in COMPONENTS}}
        for row, part in zip(result.layers, parts, strict=True)
    ]
    if result.lookups is None:
        return rows
    from pimsim.report.lookups import lookup_columns

    return [{**row, **more} for row, more in zip(rows, lookup_columns(result), strict=True)]
