"""Two fronts in the same objectives side by side: who dominates whom, and how much of the whole each reaches."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pimsim.errors import InputError
from pimsim.explore.front import Front
from pimsim.explore.pareto import hypervolume, non_dominated, reference_point
from pimsim.explore.shown import shown
from pimsim.report import sections as parts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Array = Any


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Front A beside front B. Figures are derived when they are asked for."""

    a: Front
    b: Front

    @cached_property
    def dominated(self) -> tuple[int, int]:
        """(points of A that a point of B is better than, points of B that a point of A is better than): as good in
        every objective and better in one."""
        return int(_dominated(self.a.values, self.b.values).sum()), int(_dominated(self.b.values, self.a.values).sum())

    @cached_property
    def shared(self) -> int:
        """Points of A whose figures a point of B has too."""
        theirs = {tuple(row) for row in self.b.values.tolist()}
        return sum(tuple(row) in theirs for row in self.a.values.tolist())

    @cached_property
    def coverage(self) -> tuple[float, float]:
        """(share of B that A covers, share of A that B covers), equal points counted as covered (Zitzler and Thiele,
        IEEE Trans. Evol. Comput. 3(4), 1999)."""
        return (
            float(_dominated(self.b.values, self.a.values, weakly=True).mean()),
            float(_dominated(self.a.values, self.b.values, weakly=True).mean()),
        )

    @cached_property
    def reference(self) -> dict[str, float]:
        """Objective -> where the hypervolumes end: behind the worst of both fronts."""
        corner = reference_point(self.a.values, self.b.values)
        return {o.name: float(o.sign * value) for o, value in zip(self.a.objectives, corner, strict=True)}

    @cached_property
    def hypervolumes(self) -> tuple[float, float, float]:
        """Volume that A, B, and both together dominate up to `reference`."""
        corner = reference_point(self.a.values, self.b.values)
        both = np.concatenate((self.a.values, self.b.values))
        best = both[non_dominated(both)[0]]
        return (hypervolume(self.a.values, corner), hypervolume(self.b.values, corner), hypervolume(best, corner))

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "objectives": [objective.text for objective in self.a.objectives],
            "points": [len(self.a), len(self.b)],
            "dominated": list(self.dominated),
            "shared": self.shared,
            "coverage": list(self.coverage),
            "reference": self.reference,
            "hypervolumes": dict(zip(("a", "b", "both"), self.hypervolumes, strict=True)),
        }

    @property
    def lines(self) -> list[str]:
        """The comparison in words."""
        (a_lost, b_lost), (volume_a, volume_b, both) = self.dominated, self.hypervolumes
        found = [
            f"A: {self.a.results.name}, {len(self.a):,} points on its front",
            f"B: {self.b.results.name}, {len(self.b):,} points on its front",
            f"{_of(a_lost, self.a)} of A are dominated by points of B; {_of(b_lost, self.b)} of B by points of A",
        ]
        if self.shared:
            found.append(f"{_of(self.shared, self.a)} of A have the figures of a point of B")
        found.append(
            f"of the volume that both reach together, A reaches {_share(volume_a, both)} and B "
            f"{_share(volume_b, both)}" + _ahead(volume_a, volume_b)
        )
        corner = ", ".join(f"{o.text} {shown(o.name, self.reference[o.name])}" for o in self.a.objectives)
        found.append(f"volumes up to {corner}")
        for o, low_a, low_b in zip(self.a.objectives, _best(self.a), _best(self.b), strict=True):
            found.append(f"best {o.text}: A {shown(o.name, low_a)}, B {shown(o.name, low_b)}")
        if _models(self.a) != _models(self.b):
            found.append("the two sweeps are of different models: their figures are of different work")
        return found

    def sections(self) -> list[parts.Section]:
        """The comparison for people."""
        return [parts.Lines("Comparison", self.lines)]

    def to_text(self) -> str:
        """`lines` under a heading."""
        from pimsim.report.text import render

        return render(self.sections())

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """Both fronts in one picture; see `Front.plot`."""
        from pimsim.explore.front_plot import draw_both
        from pimsim.report.plot import written

        return written(lambda: draw_both(self.a, self.b), path)

    def __repr__(self) -> str:
        return f"<Comparison: {self.lines[2]}>"

    def _repr_html_(self) -> str:
        from html import escape

        return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in self.lines) + "</ul>"


def compare(a: Front, b: Front) -> Comparison:
    """See `Front.compare`."""
    if a.objectives != b.objectives:
        first, second = (", ".join(o.text for o in front.objectives) for front in (a, b))
        raise InputError(f"fronts in different objectives: {first} and {second}")
    return Comparison(a, b)


def _dominated(values: Array, by: Array, weakly: bool = False) -> Array:
    """Which rows of `values` a row of `by` is as good as everywhere and better somewhere (weakly: or equal to)."""
    found = np.zeros(len(values), dtype=bool)
    for at, row in enumerate(values):
        good = np.all(by <= row, axis=1)
        found[at] = bool(np.any(good if weakly else good & np.any(by < row, axis=1)))
    return found


def _best(front: Front) -> list[float]:
    best = front.values.min(axis=0)
    return [float(o.sign * value) for o, value in zip(front.objectives, best, strict=True)]


def _models(front: Front) -> list[Any]:
    return [model.get("name") for model in front.results.about.get("models", ())]


def _of(count: int, front: Front) -> str:
    return f"{count:,} of {len(front):,} points"


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.2f}%" if whole else "nothing"


def _ahead(a: float, b: float) -> str:
    if a == b:
        return " (equal)"
    return f" ({'A' if a > b else 'B'} reaches {abs(a - b):.4g} more)"
