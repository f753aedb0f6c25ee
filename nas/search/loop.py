"""The loop of a search: generations asked for, scored and told, until the end or a stop."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nas.objectives.figures import COLUMNS, Figures
from nas.search.strategies import Strategy, strategy
from nas.search.table import METRICS
from nas.spaces.architecture import Architecture
from nas.spaces.nasrec import Space

if TYPE_CHECKING:
    from nas.search.gradient import Quality
    from nas.search.run import SearchRun

TEXTS = ("digest", "architecture")
COST_COLUMNS = tuple(COLUMNS.values())
Stage = Literal["scored", "steps"]
HISTORY_COLUMNS = ("generation", *TEXTS, "score", *METRICS, *COST_COLUMNS)


@dataclass(frozen=True)
class Generation:
    """Where a search is: `done` of `wanted` networks scored (or steps of a search by gradients) in generation `number`
    of `total`. figures: when it is complete."""

    number: int
    total: int
    done: int
    wanted: int
    figures: dict[str, Any] | None = None
    stage: Stage = "scored"


class _Stop(Exception):
    """Raised out of scoring, or between steps, when the user asked to stop."""


@dataclass
class Searched:
    """rows: HISTORY_COLUMNS of every scored network, in order; hardware figures are None without hardware."""

    rows: list[dict[str, Any]] = field(default_factory=list)

    def best(self, count: int) -> list[dict[str, Any]]:
        """The best rows by score, the earlier of equals first. Rows alike in all metrics and costs are one network,
        but for choices that do not reach its output, and count once."""
        once: dict[tuple[Any, ...], dict[str, Any]] = {}
        for row in self.rows:
            if math.isfinite(row["score"]):
                once.setdefault(tuple(row[name] for name in (*METRICS, *COST_COLUMNS)), row)
        return sorted(once.values(), key=lambda row: -row["score"])[:count]


def search(
    space: Space,
    run: SearchRun,
    figures: Figures,
    scorer: Callable[..., list[dict[str, Any]]],
    found: Searched,
    told: Callable[[Generation], None] = lambda generation: None,
    stop: Callable[[], bool] = lambda: False,
    *,
    quality: Quality | None = None,
    file: Path | None = None,
) -> bool:
    """Run all generations, filling `found`; returns False if it was stopped before the end.

    quality, file: of the search by gradients, see `nas.search.gradient.Gradient`.
    """
    objective, number = run.objective, 0

    def progressed(done: int, wanted: int, stage: Stage = "scored") -> None:
        told(Generation(number, asked.last, done, wanted, stage=stage))
        if done < wanted and stop():
            raise _Stop

    def allowed(some: Sequence[Architecture]) -> Any:
        return objective.allowed(figures(some))

    asked: Strategy
    if run.search.algorithm == "gradient":
        from nas.search.gradient import Gradient, payments_of

        if quality is None:
            raise ValueError("the search by gradients needs a quality to climb")
        payments = payments_of(objective, figures, run.search.gradient.limit_weight)
        asked = Gradient(space, run.search, allowed, quality, payments, file, partial(progressed, stage="steps"))
    else:
        asked = strategy(space, run.search, allowed)
    try:
        while proposed := asked.ask():
            wanted = len(proposed)
            metrics = scorer(proposed, lambda done, wanted=wanted: progressed(done, wanted))
            costs = figures(proposed)
            scores = objective.score(np.array([objective.quality(row) for row in metrics]), costs)
            asked.tell(scores.tolist())
            found.rows += _rows(number, proposed, scores.tolist(), metrics, costs)
            told(Generation(number, asked.last, wanted, wanted, _summary(found, scores, costs)))
            number += 1
            if number <= asked.last and stop():
                return False
    except _Stop:
        return False
    return True


def _rows(
    number: int, proposed: list[Architecture], scores: list[float], metrics: list[dict[str, Any]], costs: Any
) -> list[dict[str, Any]]:
    return [
        {"generation": float(number), "digest": one.digest, "architecture": one.to_json(), "score": scores[at],
         **{name: metrics[at][name] for name in METRICS}, **{name: plain(costs[name][at]) for name in COST_COLUMNS}}
        for at, one in enumerate(proposed)
    ]  # fmt: skip


def _summary(found: Searched, scores: Any, costs: Any) -> dict[str, Any]:
    """The best so far, and the means of the generation."""
    best = found.best(1)
    top = best[0] if best else dict.fromkeys(("score", *METRICS, *COST_COLUMNS))
    finite = scores[np.isfinite(scores)]
    told = {"score": top["score"], "mean_score": finite.mean() if len(finite) else None}
    told |= {name: top[name] for name in (*METRICS, *COST_COLUMNS)}
    told |= {f"mean_{name}": costs[name].mean() for name in COST_COLUMNS}
    return {key: plain(value) for key, value in told.items()}


def plain(value: Any) -> Any:
    """A JSON value; None for what is not finite."""
    if isinstance(value, str) or value is None:
        return value
    return float(value) if math.isfinite(value) else None
