"""What a finished sweep holds, in a few figures; the file is read piece by piece and may be of any size."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pimsim.cost.table import Table
from pimsim.explore.request import objective_of
from pimsim.explore.store import read_rows, stream


@dataclass(frozen=True)
class Summary:
    """rows: points with a row; failed: those with an error, first: the first of these errors. best: objective -> the
    row that is best in it; objectives in which no row has a figure are left out."""

    rows: int
    failed: int
    first: str
    best: dict[str, dict[str, Any]]


def summary(target: Path, objectives: Sequence[str]) -> Summary:
    """The summary of a file of results. Raises InputError as `read_table` does."""
    figures = [objective_of(aim)[0] for aim in objectives]
    rows, failed, first, places = _walk(stream(target, [*figures, "error"]), objectives)
    found = read_rows(target, [place for place in places if place is not None])
    named = [aim for aim, place in zip(objectives, places, strict=True) if place is not None]
    return Summary(rows, failed, first, {aim: found.row(at) for at, aim in enumerate(named)})


def _walk(blocks: Iterable[Table], objectives: Sequence[str]) -> tuple[int, int, str, list[int | None]]:
    """(rows, failed rows, first error, number of the best row in each objective, the first of equals)."""
    rows = failed = 0
    first = ""
    places: list[int | None] = [None] * len(objectives)
    values = [np.inf] * len(objectives)
    for block in blocks:
        bad = np.flatnonzero(block["error"] != "")
        failed += len(bad)
        first = first or (str(block["error"][bad[0]]) if len(bad) else "")
        for i, aim in enumerate(objectives):
            name, sign = objective_of(aim)
            column = sign * block[name].astype(np.float64)
            column[np.isnan(column)] = np.inf
            at = int(np.argmin(column))
            if column[at] < values[i]:
                values[i], places[i] = float(column[at]), rows + at
        rows += len(block)
    return rows, failed, first, places
