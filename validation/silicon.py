"""What the cases of measured chips share: figures of a macro at an operating point, and rows with a chip's bars."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from pimsim.components import silicon
from pimsim.cost.macro import MacroFigures, macro_figures
from pimsim.hardware.load import load_hardware
from pimsim.validation import Row

WORST = 0.15
"""Largest error of a single prediction."""

MEAN = 0.06
"""Largest mean absolute error of a chip's predictions."""

ROUNDING = 0.015
"""Largest error of a figure that went in or was fitted: printed digits; some papers' split and total differ by 1%."""


def published(case_file: str) -> dict[str, Any]:
    """The figures in `published.yaml` beside a case."""
    found: dict[str, Any] = yaml.safe_load(Path(case_file).with_name("published.yaml").read_text("utf-8"))
    return found


def macro(name: str, overrides: Sequence[str] = (), components: Iterable[str] | None = None) -> MacroFigures:
    """Figures of one full array of the shipped chip `name`, for the components that the publication counts."""
    return macro_figures(load_hardware(name, overrides=list(overrides)), components)


def bare(kinds: dict[str, str]) -> list[str]:
    """Overrides that take the factors of measured macros (pimsim/components/silicon.py) out of computed prices.
    `kinds`: section of the hardware file -> circuit kind."""
    sets = []
    for section, kind in kinds.items():
        inverse = {"energy": 1.0 / silicon.energy(kind), "area": 1.0 / silicon.area(kind), "comment": "bare circuit"}
        sets.append(f"{section}.calibration={json.dumps(inverse)}")
    return sets


@dataclass
class Sheet:
    """Collects the rows of a chip; `rows()` puts the bars behind them."""

    made: list[Row] = field(default_factory=list)

    def given(self, quantity: str, unit: str, figure: float, ours: float) -> None:
        """The published figure went in."""
        self.made.append(Row(quantity, unit, figure, ours, ROUNDING, "bookkeeping"))

    def fitted(self, quantity: str, unit: str, figure: float, ours: float) -> None:
        """A number of the file was set so that this figure comes out."""
        self.made.append(Row(quantity, unit, figure, ours, ROUNDING, "fitted"))

    def predicted(self, quantity: str, unit: str, figure: float, ours: float) -> None:
        """Nothing of it was entered."""
        self.made.append(Row(quantity, unit, figure, ours, WORST, "prediction"))

    def flagged(self, quantity: str, unit: str, figure: float, ours: float, why: str) -> None:
        """Printed without a bar."""
        self.made.append(Row(quantity, unit, figure, ours, None, "flagged", why))

    def rows(self) -> tuple[Row, ...]:
        """All rows and the two bars over the predictions."""
        errors = [abs(row.error) for row in self.made if row.kind == "prediction" and row.error is not None]
        count = f"{len(errors)} prediction{'s' if len(errors) > 1 else ''}"
        bars = (
            Row(f"mean absolute error of {count}", "%", None, 100.0 * sum(errors) / len(errors), 100 * MEAN, "bar"),
            Row(f"largest absolute error of {count}", "%", None, 100.0 * max(errors), 100 * WORST, "bar"),
        )
        return (*self.made, *bars)
