"""The history of a search as a picture: what was scored, the best so far, and its cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nas.objectives.objective import LIMITS, Objective

if TYPE_CHECKING:
    from matplotlib.figure import Figure

UNITS = {
    "energy_uJ": "energy (uJ)", "latency_us": "latency (us)", "area_mm2": "area (mm2)",
    "Mflops": "million multiply-adds",
}  # fmt: skip


def draw(rows: Sequence[Mapping[str, Any]], objective: Objective) -> Figure:
    """Scores over generations above, costs below. The cost is the penalised or limited figure, else multiply-adds.

    Points are scored networks, lines the generation's mean and the best so far; a dashed line marks target or limit.
    """
    from matplotlib.figure import Figure

    generation = np.array([row["generation"] for row in rows])
    score = np.array([row["score"] for row in rows], dtype=float)
    column = cost_column(objective)
    cost = np.array([row[column] for row in rows], dtype=float)
    score[~np.isfinite(score)] = np.nan
    best = best_so_far(score)
    figure = Figure(figsize=(8, 6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    at = np.unique(generation)
    ends = best[np.searchsorted(generation, at, side="right") - 1]
    for axes, values in ((above, score), (below, cost)):
        axes.plot(generation, values, ".", color="#9c9c9c", markersize=4, label="_scored")
        means = [np.nanmean(part) if np.isfinite(part := values[generation == one]).any() else np.nan for one in at]
        axes.plot(at, means, color="#4e79a7", label="_mean of the generation")
        so_far = np.where(ends >= 0, values[ends], np.nan)
        axes.step(at, so_far, where="post", color="#e15759", label="_best so far")
        axes.grid(alpha=0.3)
    mark = objective.limits().get(column, objective.target if objective.column == column else None)
    if mark is not None:
        below.axhline(mark, color="black", linestyle="--", linewidth=1, label="target or limit")
        below.legend(loc="upper left")
    penalty = "" if objective.penalty == "none" else f", {objective.form} penalty on {objective.penalty}"
    above.set_ylabel(f"score ({objective.metric}{penalty})")
    below.set_ylabel(UNITS[column])
    below.set_xlabel("generation")
    lines = above.get_lines()
    above.legend(lines, [str(line.get_label()).removeprefix("_") for line in lines], loc="lower right")
    return figure


def cost_column(objective: Objective) -> str:
    """The figure that matters to an objective."""
    limited = [column for column in LIMITS.values() if column in objective.limits()]
    return objective.column or next(iter(limited), "Mflops")


def best_so_far(scores: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """(n,) places of the best score up to each; -1 before the first that is a number."""
    best, found = -1, np.empty(len(scores), dtype=np.int64)
    for at, score in enumerate(scores.tolist()):
        if score == score and (best < 0 or score > scores[best]):
            best = at
        found[at] = best
    return found
