"""Published results against ours: finds the cases in the `validation` folder and runs them.

A case is a folder with a `case.py` that has `run() -> Report`; the figures that it compares with stand beside it in a
YAML file, each with its source. `pimsim validate` prints the reports.
"""

from __future__ import annotations

import difflib
import importlib
import sys
import types
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pimsim.data_files import data_folder
from pimsim.errors import InputError, printable
from pimsim.report.pictures import Curve, Picture

Kind = Literal["bookkeeping", "fitted", "prediction", "flagged", "bar", "goal"]

__all__ = ["Curve", "Kind", "Picture", "Report", "Row", "case_names", "run_all"]

CASES = "pimsim_validation_cases"
"""Name under which the folder is imported, so that a case reaches its neighbours (`from ..networks import vgg`) in a
checkout and in an installed wheel alike."""


@dataclass(frozen=True)
class Row:
    """One figure, and how far it is ours.

    bookkeeping: the published figures went in, and come out again as sums and products. fitted: a number of the file
    was set so that this figure comes out. prediction: nothing of it was entered. flagged: published, but printed
    without a bar for the reason in `why`. bar: a summary that must not exceed its tolerance; goal: one that may.
    `published` None otherwise: nobody published it; ours stands alone and cannot fail.
    """

    quantity: str
    unit: str
    published: float | None
    ours: float
    tolerance: float | None  # largest relative error; the largest value of a bar or goal; None: no bar
    kind: Kind
    why: str = ""

    def __post_init__(self) -> None:
        if self.kind in ("bar", "goal"):
            if self.published is not None or self.tolerance is None:
                raise ValueError(f"{self.quantity}: a {self.kind} has a tolerance and no published figure")
        elif self.kind == "flagged":
            if self.published is None or self.tolerance is not None or not self.why:
                raise ValueError(f"{self.quantity}: a flagged figure is published, has no tolerance, and says why")
        elif (self.published is None) != (self.tolerance is None):
            raise ValueError(f"{self.quantity}: a published figure needs a tolerance, and only a published one")

    @property
    def error(self) -> float | None:
        """(ours - published) / |published|; the difference itself where 0 is published."""
        if self.published is None:
            return None
        return (self.ours - self.published) / (abs(self.published) or 1.0)

    @property
    def passed(self) -> bool:
        """Within the tolerance, or nothing to compare with. A figure that is not a number does not pass a bar."""
        if self.kind in ("flagged", "goal") or self.tolerance is None:
            return True
        return (self.ours if self.error is None else abs(self.error)) <= self.tolerance


@dataclass(frozen=True)
class Report:
    """What one case says. notes: what the reader must know to judge the rows. text: Markdown for REPORT.md."""

    name: str
    source: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    pictures: tuple[Picture, ...] = ()
    text: str = ""

    @property
    def passed(self) -> bool:
        """All rows within their tolerance."""
        return all(row.passed for row in self.rows)


def case_names(folder: Path | None = None) -> list[str]:
    """Names of the cases: the folders that hold a `case.py`."""
    root = data_folder("validation") if folder is None else folder
    return sorted(path.parent.name for path in root.glob("*/case.py"))


def run_all(names: Sequence[str] | None = None, folder: Path | None = None) -> list[Report]:
    """The reports of the cases `names` (all of them when left out), in the order asked for.

    folder: where the cases are; the `validation` folder of this installation when left out.
    Raises InputError for a name that no case has. A case that breaks raises what it raises: it is a fault of ours.
    """
    root = data_folder("validation") if folder is None else folder
    known = case_names(root)
    wanted = known if not names else list(dict.fromkeys(names))
    problems = []
    for name in wanted:
        if name not in known:
            near = difflib.get_close_matches(name[:64], known, n=1, cutoff=0.4)
            hint = f"; did you mean {near[0]}?" if near else ""
            problems.append(f"no validation case {printable(name, 60)!r}; cases are {', '.join(known)}{hint}")
    if problems:
        raise InputError(problems[0], more=tuple(problems[1:]))
    return [_run(name, root) for name in wanted]


def _run(name: str, root: Path) -> Report:
    _open(root)
    report = importlib.import_module(f"{CASES}.{name}.case").run()
    if not isinstance(report, Report):
        raise TypeError(f"validation case {name}: run() returned {type(report).__name__}, not a Report")
    return report


def _open(root: Path) -> None:
    """Make `root` importable as the package CASES; another folder than last time starts afresh."""
    opened = sys.modules.get(CASES)
    if opened is not None and list(opened.__path__) == [str(root)]:
        return
    for module in [m for m in sys.modules if m == CASES or m.startswith(f"{CASES}.")]:
        del sys.modules[module]
    package = types.ModuleType(CASES, "Cases of `pimsim validate`.")
    package.__path__ = [str(root)]
    sys.modules[CASES] = package
    importlib.invalidate_caches()
