"""Search by gradients: probabilities of all choices climb the expected score of a supernet and of pimsim's penalty.

For a network a out of independent choices with quality q(a), factor f(a) and toll t(a) of its costs, the gradient of
the expected score E[q f - t] has two parts:

- quality, which takes a pass through the supernet: the score function, (q(a) - b) f(a) grad log p(a), where b is the
  mean quality of the other networks of the step on the same rows (Kool et al., 2019: no bias, little variance).
  Choices that do not reach the output are left out: their part has mean 0.
- cost, of which pimsim evaluates tens of thousands of networks a second: for every choice the exact penalties of all
  its alternatives with the others as they are, b times those of f less those of t. That is the local expectation
  gradient of Titsias and Lazaro-Gredilla (NeurIPS 2015).

Gates on the choices of a single path (GDAS, ProxylessNAS) are not used: what a gate scales is scaled by a trained
normalisation as well, so that a gate's gradient vanishes where the shared weights have converged, good choice or bad.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from nas.objectives.figures import Array, Figures
from nas.objectives.objective import Objective, applied
from nas.search.policy import Choice, Policy
from nas.search.strategies import Allowed, Asked, SearchSettings
from nas.spaces.architecture import Architecture
from nas.spaces.nasrec import Space
from nas.training import checkpoint
from pimsim.cost.penalty import soft_constraint

Quality = Callable[[Sequence[Architecture], int], Array]
"""quality(architectures, step) -> (n,): more is better, -inf where it is not defined."""

STATE_FILE = "policy.safetensors"
DRAWS = 10
"""For every candidate, at most: they concentrate, and many are drawn again."""

MOMENTS = ("exp_avg", "exp_avg_sq")


class Paid(NamedTuple):
    """Of networks (n,): what their quality is multiplied by, and what is taken off."""

    factor: Array
    toll: Array


Payments = Callable[[Sequence[Architecture]], Paid]


def payments_of(objective: Objective, figures: Figures, limit_weight: float) -> Payments | None:
    """The penalty of an objective, and for every limit `limit_weight` times the excess over it. None where there is
    neither. What the hardware cannot hold counts as twice the dearest, and at least ten times target or limit."""
    wanted = {objective.column: objective.target or 1.0} if objective.column else {}
    columns = {**wanted, **objective.limits()}
    if not columns:
        return None

    def pay(architectures: Sequence[Architecture]) -> Paid:
        found = figures(architectures, columns)
        for column, aim in columns.items():
            cost = found[column]
            dearest = float(np.max(cost, where=np.isfinite(cost), initial=5.0 * aim))
            found[column] = np.where(np.isfinite(cost), cost, 2.0 * dearest)
        toll = objective.toll(found)
        for column, most in objective.limits().items():
            toll = toll + applied(soft_constraint, found[column], most, limit_weight)
        return Paid(objective.factor(found), toll)

    return pay


def surrogate(
    policy: Policy, probabilities: Sequence[Tensor], choices: Choice, quality: Array, payments: Payments | None
) -> Tensor:
    """A scalar whose gradient is minus that of the expected score, estimated from `choices` (n, genes) drawn with
    these probabilities and their quality (n,)."""
    count = len(choices)
    networks = [policy.architecture(choice) for choice in choices]
    acting = np.array([policy.acting(one) for one in networks])
    others = (quality.sum() - quality) / max(1, count - 1)
    paid = _paid(policy, networks, acting, payments) if payments is not None else None
    weights = (quality - others) * (paid[0].factor if paid is not None else 1.0)
    total = torch.zeros((), dtype=torch.float64)
    for at, p in enumerate(probabilities):
        shares = torch.from_numpy(weights * acting[:, at])
        total = total - (shares * p[torch.from_numpy(choices[:, at])].log()).sum()
        if paid is not None:
            factor, toll = (torch.from_numpy(values) @ p for values in paid[1 + at])
            total = total + (toll - torch.from_numpy(others) * factor).sum()
    return total / count


def _paid(policy: Policy, networks: Sequence[Architecture], acting: Any, payments: Payments) -> list[Paid]:
    """Of the networks (n,), then for each gene with each of its values (n, values), everything else as it is. What is
    the same network is costed once."""
    places: dict[Architecture, int] = {one: at for at, one in enumerate(dict.fromkeys(networks))}
    rows = []
    for one, acts in zip(networks, acting.tolist(), strict=True):
        row = [places[one]]
        for gene, acting_here in zip(policy.genes, acts, strict=True):
            others = policy.alternatives(one, gene) if acting_here else [one] * len(gene.values)
            row += [places.setdefault(other, len(places)) for other in others]
        rows.append(row)
    paid = payments(list(places))
    index = np.array(rows)
    ends = np.cumsum([1, *(len(gene.values) for gene in policy.genes)])
    parts = [index[:, 0], *(index[:, a:b] for a, b in pairwise(ends.tolist()))]
    return [Paid(paid.factor[part], paid.toll[part]) for part in parts]


class Gradient(Asked):
    """Moves the probabilities for `steps` steps; before the first and after each of `rounds` equal parts some networks
    are drawn and asked for, at the end the most probable ones. The scores told are not used: all follows from the seed.

    payments: see `payments_of`. file: where the state is kept; what is there is gone on with. stepped(done, all): told
    before each step; it may raise to interrupt.
    """

    def __init__(
        self,
        space: Space,
        settings: SearchSettings,
        allowed: Allowed | None,
        quality: Quality,
        payments: Payments | None = None,
        file: Path | None = None,
        stepped: Callable[[int, int], None] = lambda done, total: None,
    ):
        super().__init__(space, settings, allowed)
        self.own, self.quality, self.payments = settings.gradient, quality, payments
        self.file, self.stepped = file, stepped
        self.policy = Policy(space)
        self.adam = torch.optim.Adam(self.policy.logits, lr=self.own.learning_rate) if self.policy.genes else None
        self.step = 0
        self.asked: list[list[Architecture]] = []
        if file is not None and file.exists():
            self._load(file)

    @property
    def last(self) -> int:
        return self.own.rounds

    def temperature(self) -> float:
        """Of the step: falls geometrically."""
        share = min(1.0, self.step / max(1, self.own.steps - 1))
        return float(self.own.first_temperature * (self.own.last_temperature / self.own.first_temperature) ** share)

    def _proposals(self, generator: np.random.Generator) -> list[Architecture]:
        if self.generation == len(self.asked):
            self._train(self.own.steps * self.generation // self.last)
            self.asked.append(self._candidates(generator))
            self._save()
        return self.asked[self.generation]

    def _candidates(self, generator: np.random.Generator) -> list[Architecture]:
        """New ones, drawn, or the most probable at the end, and each for want of the other. Where there are none, an
        old one, so that the search goes on; random ones where none of all these is allowed."""
        wanted, probabilities = self.own.candidates, self.policy.probabilities(self.temperature())
        choices = self.policy.draw(probabilities, DRAWS * wanted, generator)
        once = np.array(list(dict.fromkeys(map(tuple, choices.tolist()))), dtype=np.int64)
        drawn = [self.policy.architecture(self.policy.canonical(one)) for one in once]
        likely = self.policy.likeliest(probabilities)
        some = list(dict.fromkeys([*likely, *drawn] if self.generation == self.last else [*drawn, *likely]))
        good = [one for one, fits in zip(some, self.allowed(some), strict=True) if fits]
        fresh = [one for one in good if one not in self.proposed]
        return (fresh or good[:1])[:wanted] or self._fill(wanted, generator)

    def _train(self, until: int) -> None:
        while self.step < until and self.adam is not None:
            try:
                self.stepped(self.step, self.own.steps)
            except BaseException:  # between steps the state is whole
                self._save()
                raise
            generator = np.random.default_rng([self.settings.seed, self.step, 1])
            probabilities = self.policy.probabilities(self.temperature())
            choices = self.policy.draw(probabilities, self.own.paths, generator)
            quality = self.quality([self.policy.architecture(choice) for choice in choices], self.step)
            finite = np.isfinite(quality)
            quality = np.where(finite, quality, quality[finite].min() if finite.any() else 0.0)
            self.adam.zero_grad()
            surrogate(self.policy, probabilities, choices, quality, self.payments).backward()  # type: ignore[no-untyped-call]
            self.adam.step()
            self.step += 1

    def _save(self) -> None:
        if self.file is None or self.adam is None:
            return
        tensors: dict[str, Tensor] = {}
        for at, logits in enumerate(self.policy.logits):
            tensors[f"logits.{at}"] = logits
            tensors |= {f"{part}.{at}": self.adam.state[logits][part] for part in MOMENTS if self.step}
        asked = [[one.to_json() for one in some] for some in self.asked]
        checkpoint.save(self.file, tensors, {"step": self.step, "asked": asked})

    @torch.no_grad()
    def _load(self, file: Path) -> None:
        tensors, about = checkpoint.load(file)
        self.step = about["step"]
        self.asked = [[Architecture.from_json(text) for text in some] for some in about["asked"]]
        for at, logits in enumerate(self.policy.logits):
            logits.copy_(tensors[f"logits.{at}"])
            if self.step and self.adam is not None:
                state: dict[str, Any] = {part: tensors[f"{part}.{at}"].clone() for part in MOMENTS}
                self.adam.state[logits] = {"step": torch.tensor(float(self.step)), **state}
