"""Searches that are asked for architectures and told their scores.

    strategy = Evolution(space, settings, allowed)
    while proposed := strategy.ask():
        strategy.tell([score(one) for one in proposed])

What is asked for follows from the seed and the scores told so far alone. So an interrupted search is resumed by running
it again on the scores that it had, and no state is ever written.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

import numpy as np
from pydantic import Field, model_validator

from nas.spaces.architecture import Architecture
from nas.spaces.nasrec import Space
from pimsim.errors import InputError
from pimsim.hardware.circuit import Model

TRIES = 50
"""Draws for every architecture that is asked for, until those that are not allowed are given up on."""

Allowed = Callable[[Sequence[Architecture]], Any]


class GradientSettings(Model):
    """Of `algorithm: gradient` (nas.search.gradient)."""

    steps: int = Field(default=2000, ge=1, le=10**9, description="updates of the probabilities")
    paths: int = Field(default=8, ge=2, le=100_000, description="networks drawn a step")
    batch_size: int = Field(default=1024, ge=2, le=10_000_000, description="rows of validation a step")
    learning_rate: float = Field(default=0.02, gt=0, le=1e3, description="Adam's, of the logits")
    first_temperature: float = Field(default=1.0, gt=0, le=1e6, description="of the softmax, at the start")
    last_temperature: float = Field(default=0.2, gt=0, le=1e6, description="and at the end; geometric between")
    limit_weight: float = Field(default=1.0, ge=0, le=1e6, description="on the excess over limits, as a share")
    rounds: int = Field(default=10, ge=1, le=100_000, description="equal parts of the steps, candidates after each")
    candidates: int = Field(default=8, ge=1, le=1_000_000, description="networks scored at the start and after each")


class SearchSettings(Model):
    """Defaults: the paper's evolution. Random search scores as many architectures in groups of the same sizes; sizes
    are not those of the search by gradients, which has its own."""

    algorithm: Literal["evolution", "random", "gradient"] = "evolution"
    population: int = Field(default=128, ge=1, le=1_000_000, description="the youngest that may be parents")
    sample: int = Field(default=64, ge=1, le=1_000_000, description="of the population; their best is the parent")
    children: int = Field(default=8, ge=1, le=1_000_000, description="a generation")
    generations: int = Field(default=240, ge=0, le=10_000_000)
    mutations: int = Field(default=0, ge=0, le=10_000, description="genes a child changes; 0: falling, as the authors'")
    seed: int = Field(default=0, ge=0, lt=2**63)
    gradient: GradientSettings = GradientSettings()

    @model_validator(mode="after")
    def _sizes(self) -> SearchSettings:
        if self.sample > self.population:
            raise ValueError(f"sample must be at most population ({self.population}); got {self.sample}")
        return self


class Strategy(Protocol):
    """A search by asking and telling. last: number of the last generation; the first is 0."""

    @property
    def last(self) -> int: ...

    def ask(self) -> list[Architecture]:
        """The next generation to score; empty at the end. The same list until it is told."""

    def tell(self, scores: Sequence[float]) -> None:
        """The scores of what was asked for, more is better. ValueError if there are not as many."""


class Asked:
    """Generations one after the other: the first of `population`, then each of `children`; none proposed twice."""

    def __init__(self, space: Space, settings: SearchSettings, allowed: Allowed | None = None):
        self.space, self.settings = space, settings
        self.allowed = allowed or (lambda architectures: np.ones(len(architectures), dtype=bool))
        self.generation = 0
        self.proposed: set[Architecture] = set()
        self._open: list[Architecture] = []

    def ask(self) -> list[Architecture]:
        if not self._open and self.generation <= self.last:
            self._open = self._proposals(np.random.default_rng([self.settings.seed, self.generation]))
            self.proposed.update(self._open)
        return list(self._open)

    def tell(self, scores: Sequence[float]) -> None:
        if len(scores) != len(self._open):
            raise ValueError(f"{len(self._open)} scores were asked for; got {len(scores)}")
        self._told(self._open, [float(score) for score in scores])
        self._open = []
        self.generation += 1

    @property
    def last(self) -> int:
        """Number of the last generation; the first is 0."""
        return self.settings.generations

    def _proposals(self, generator: np.random.Generator) -> list[Architecture]:
        return self._fill(self.settings.children if self.generation else self.settings.population, generator)

    def _fill(self, wanted: int, generator: np.random.Generator) -> list[Architecture]:
        """So many new and allowed proposals. Where a neighbourhood is used up, random ones take their place, and where
        the space is, old ones; InputError where nothing is allowed."""
        found: dict[Architecture, None] = {}
        spare: list[Architecture] = []
        for draw in (self._draw(generator), self._random(generator)):
            for _ in range(TRIES):
                drawn = [draw() for _ in range(wanted)]
                for one, good in zip(drawn, self.allowed(drawn), strict=True):
                    if good and one not in self.proposed and len(found) < wanted:
                        found[one] = None
                    elif good:
                        spare.append(one)
                if len(found) == wanted:
                    return list(found)
        if not (found or spare):
            raise InputError(
                f"none of {2 * TRIES * wanted:,} architectures is within the limits and fits the hardware: "
                "raise a limit"
            )
        filled = [*found, *spare]
        return [filled[at % len(filled)] for at in range(wanted)]

    def _random(self, generator: np.random.Generator) -> Callable[[], Architecture]:
        return lambda: self.space.sample(generator)

    def _draw(self, generator: np.random.Generator) -> Callable[[], Architecture]:
        return self._random(generator)

    def _told(self, architectures: list[Architecture], scores: list[float]) -> None:
        pass


class Random(Asked):
    """Random architectures."""


class Evolution(Asked):
    """Regularized evolution (Real et al., AAAI 2019): the children of the best of a sample replace the oldest."""

    def __init__(self, space: Space, settings: SearchSettings, allowed: Allowed | None = None):
        super().__init__(space, settings, allowed)
        self.population: deque[tuple[float, Architecture]] = deque(maxlen=settings.population)

    def mutations(self) -> int:
        """Genes that a child of this generation changes. The authors' number falls to 1 a step each fifth of the
        search, at the fastest every 20 generations: 6 to 1 over their 240."""
        if self.settings.mutations:
            return self.settings.mutations
        left = self.settings.generations - (self.generation - 1)
        return left // max(20, self.settings.generations // 5) + 1

    def _draw(self, generator: np.random.Generator) -> Callable[[], Architecture]:
        if not self.population:
            return self._random(generator)
        drawn = generator.choice(len(self.population), size=self.settings.sample, replace=False)
        parent = max((self.population[i] for i in drawn.tolist()), key=lambda member: member[0])[1]
        count = self.mutations()
        return lambda: self.space.mutate(parent, generator, count)

    def _told(self, architectures: list[Architecture], scores: list[float]) -> None:
        self.population.extend(zip(scores, architectures, strict=True))


STRATEGIES = {"evolution": Evolution, "random": Random}


def strategy(space: Space, settings: SearchSettings, allowed: Allowed | None = None) -> Strategy:
    """The search of STRATEGIES that `settings` names. allowed(architectures) -> bool each: the others are never asked
    for."""
    return STRATEGIES[settings.algorithm](space, settings, allowed)
