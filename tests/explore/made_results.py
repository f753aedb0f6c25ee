"""Results without a sweep: rows that a test knows the answers of."""

from __future__ import annotations

from typing import Any

import numpy as np

from pimsim.cost.table import Table
from pimsim.explore.results import Results
from pimsim.hardware.load import load_hardware


def made(figures: dict[str, Any], knobs: dict[str, Any] | None = None, errors: Any = None, **about: Any) -> Results:
    """Results with these columns; a knob's values in the order of the space are those that occur, sorted as texts."""
    knobs = knobs or {}
    count = len(next(iter(figures.values())))
    columns = {
        "point": np.arange(count, dtype=np.int64),
        **{name: np.asarray(column) for name, column in knobs.items()},
        **{name: np.asarray(column, dtype=float) for name, column in figures.items()},
        "error": np.array([""] * count if errors is None else errors, dtype=object),
    }
    values = {name: sorted({str(value) for value in np.asarray(column).tolist()}) for name, column in knobs.items()}
    found = {
        "space": {"name": "made", "knobs": [[name, listed] for name, listed in values.items()], "derived": []},
        "knobs": list(knobs),
        "figures": list(figures),
        "objectives": list(figures)[:2],
        "models": [{"name": "model", "source": ""}],
        "base": load_hardware("reram_128").model_dump(mode="json", exclude_unset=True),
        "complete": True,
    }
    return Results(Table(columns), {**found, **about})
