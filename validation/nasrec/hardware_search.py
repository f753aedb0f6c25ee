"""Searches of the hardware study: one evolution, four ways of paying for cost, and the fronts that they find.

Each search sweeps targets, the loosest first. Every stage evolves on from the best of what the search has scored so
far, by the objective of that stage. So the ways differ in the objective alone, and score equally many networks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nas.objectives.objective import Objective
from nas.search.strategies import Evolution, SearchSettings
from nas.spaces.architecture import Architecture
from nas.spaces.nasrec import Space

PENALTIES = ("energy", "latency", "flops", "none")
"""What the score of a search pays for."""

FIGURES = ("energy_uJ", "latency_us", "area_mm2", "Mflops")
Row = dict[str, Any]
Score = Callable[[Sequence[Architecture]], list[Row]]
"""score(architectures) -> auc, logloss and FIGURES of each."""


@dataclass(frozen=True)
class Plan:
    """Sizes of the searches. quantiles: of the cost of random networks, the targets of a sweep. weight: of the soft
    penalty, q - weight x max(0, cost / target - 1)."""

    seeds: int = 10
    population: int = 20
    sample: int = 8
    children: int = 4
    generations: int = 3
    mutations: int = 2
    quantiles: tuple[float, ...] = (0.7, 0.4, 0.2, 0.05)
    weight: float = 0.3
    target_samples: int = 1000

    @property
    def networks(self) -> int:
        """Networks that a search scores."""
        return self.population + len(self.quantiles) * self.generations * self.children


def targets_of(plan: Plan, space: Space, figures: Callable[..., Mapping[str, Any]]) -> dict[str, list[float]]:
    """The targets of each penalty: quantiles of its figure over random networks."""
    values = random_figures(plan.target_samples, space, figures)
    columns = {"energy": "energy_uJ", "latency": "latency_us", "flops": "Mflops"}
    return {name: np.quantile(values[column], plan.quantiles).tolist() for name, column in columns.items()}


def random_figures(count: int, space: Space, figures: Callable[..., Mapping[str, Any]]) -> dict[str, Any]:
    """FIGURES of random networks, always the same ones."""
    generator = np.random.default_rng(0)
    found = figures([space.sample(generator) for _ in range(count)])
    return {name: found[name] for name in FIGURES}


def objectives_of(penalty: str, plan: Plan, targets: Mapping[str, Sequence[float]]) -> list[Objective]:
    """One objective a stage."""
    if penalty == "none":
        return [Objective()] * len(plan.quantiles)
    given = {"penalty": penalty, "weight": plan.weight}
    return [Objective.model_validate({**given, "target": target}) for target in targets[penalty]]


def search(seed: int, objectives: Sequence[Objective], plan: Plan, space: Space, score: Score) -> list[Row]:
    """All networks of one search, in the order they were scored, each with its digest. The first generation depends on
    the seed alone."""
    settings = SearchSettings(
        population=plan.population, sample=plan.sample, children=plan.children, generations=plan.generations,
        mutations=plan.mutations, seed=seed,
    )  # fmt: skip
    known: dict[Architecture, Row] = {}

    def scored(proposed: list[Architecture], objective: Objective) -> list[float]:
        known.update(zip(proposed, score(proposed), strict=True))
        return [_value(objective, known[one]) for one in proposed]

    scored(Evolution(space, settings).ask(), Objective())
    for stage, objective in enumerate(objectives, start=1):
        evolution = Evolution(space, settings.model_copy(update={"seed": 1_000_003 * stage + seed}))
        evolution.generation = 1  # the first generation is what is known
        evolution.proposed |= set(known)
        ranked = sorted(known, key=lambda one: _value(objective, known[one]))
        evolution.population.extend((_value(objective, known[one]), one) for one in ranked)  # the worst leave first
        while proposed := evolution.ask():
            evolution.tell(scored(proposed, objective))
    return [{"digest": one.digest, **row} for one, row in known.items()]


def _value(objective: Objective, row: Row) -> float:
    figures = {name: np.array([row[name]]) for name in FIGURES}
    return float(objective.score(np.array([objective.quality(row)]), figures)[0])
