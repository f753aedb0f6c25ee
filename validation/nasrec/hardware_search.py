"""Searches of the hardware study: one evolution, four ways of paying for cost, and the fronts that they find.

Each search raises the price of cost from stage to stage. Every stage evolves on from the best of what the search has
scored so far, by the objective of that stage. So the ways differ in the objective alone, and score equally many
networks.
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
    """Sizes of the searches. prices: one a stage, what the median of random networks pays more than the cheapest of
    them, in AUC."""

    seeds: int = 10
    population: int = 16
    sample: int = 6
    children: int = 4
    generations: int = 3
    mutations: int = 2
    prices: tuple[float, ...] = (0.002, 0.008, 0.032)
    random_networks: int = 1000

    @property
    def networks(self) -> int:
        """Networks that a search scores."""
        return self.population + len(self.prices) * self.generations * self.children


def penalties_of(plan: Plan, figures: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Target and weights of the soft penalty q - weight x max(0, cost / target - 1) on each figure, one weight a stage.
    figures: of random networks; the target is the cheapest of them. So all figures are priced alike, whatever their
    spread."""
    found = {}
    for name, column in {"energy": "energy_uJ", "latency": "latency_us", "flops": "Mflops"}.items():
        target, median = float(np.min(figures[column])), float(np.median(figures[column]))
        found[name] = {"target": target, "weights": [price / (median / target - 1.0) for price in plan.prices]}
    return found


def random_figures(count: int, space: Space, figures: Callable[..., Mapping[str, Any]]) -> dict[str, Any]:
    """FIGURES of random networks, always the same ones."""
    generator = np.random.default_rng(0)
    found = figures([space.sample(generator) for _ in range(count)])
    return {name: found[name] for name in FIGURES}


def objectives_of(penalty: str, plan: Plan, penalties: Mapping[str, Mapping[str, Any]]) -> list[Objective]:
    """One objective a stage. penalties: of `penalties_of`."""
    if penalty == "none":
        return [Objective()] * len(plan.prices)
    given = {"penalty": penalty, "target": penalties[penalty]["target"]}
    return [Objective.model_validate({**given, "weight": weight}) for weight in penalties[penalty]["weights"]]


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
