"""How likely each number of chips and each stage time is, when layers are copied to a budget of crossbars."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pimsim.cost import rows as k
from pimsim.cost.entries import Array
from pimsim.cost.penalty_walk import Walk

if TYPE_CHECKING:
    from torch import Tensor

BINS = 1024
"""Crossbar counts at which the number of chips is told."""
FIT_STEPS, EXACT_STEPS = 128, 1024
"""Steps of the budget in which crossbars of copies are counted: the first, or as many as tell each up to the second."""
UNDECIDED = 5.0
"""Standard deviations from the budget within which that is done."""


def count_steps(taken: Array, budget: float) -> Array:
    """For each stage time, the crossbars of one step in which those of copies are counted."""
    found = []
    for row in taken:
        divisor = float(np.gcd.reduce(np.minimum(row, 2.0**52).astype(np.int64)))
        exact = divisor if divisor > 0.0 and budget / divisor <= EXACT_STEPS else 0.0
        found.append(exact or max(1.0, budget / FIT_STEPS))
    return np.array(found)


class Stages(Walk):
    """Distributions of the crossbars that networks need, and that their copies take."""

    def _chips(self) -> tuple[Tensor, list[tuple[Any, Any, Any, Any]]]:
        """Mean number of chips, and for each number that occurs: it, its probability, and mean and variance of the
        crossbars given it (None where the number is fixed)."""
        point = self.point
        one = self.p[0].new_ones(())
        if point.chips > 0.0:
            return point.chips * one, [(point.chips, one, None, None)]
        bins = self.b["bins"]
        mass = self._distribution(bins)
        step = bins[1] - bins[0]
        parts, mean, beyond = [], one * 0.0, self.torch.ones_like(bins)
        for number in range(1, point.most_chips + 1):
            edge = number * float(point.figures[k.Z_PER_CHIP])
            above = ((bins - edge) / step).clamp(0.0, 1.0) if number < point.most_chips else 0.0 * bins
            here = mass * (beyond - above)
            beyond = above
            q = here.sum()
            mean = mean + number * q
            if float(q.detach()) > 1e-9:
                m = (here * bins).sum() / q
                parts.append((float(number), q, m, ((here * bins * bins).sum() / q - m * m).clamp(min=0.0)))
        return mean, parts

    def _distribution(self, bins: Tensor) -> Tensor:
        """Probability of each crossbar count; entries between two bins go to both in proportion."""
        torch, step, n = self.torch, bins[1] - bins[0], len(bins)
        mass = self.p[0].new_zeros(1, n)
        mass[0, 0] = 1.0
        at = torch.arange(n, device=bins.device)
        for s, p in zip(self.point.shapes, self.p, strict=True):
            moved = self._rows("needed", s) / step
            low = torch.floor(moved + 1e-9)
            rest = (moved - low).clamp(min=0.0)
            out: Any = 0.0
            for extra, weight in ((0, 1.0 - rest), (1, rest)):
                source = at - (low[..., None].long() + extra)
                values = mass[:, None, :].expand(s.states, s.choices, n).gather(2, source.clamp(min=0))
                out = out + torch.where(source >= 0, values, 0.0) * (weight * p)[..., None]
            mass = self._pass_on(s, out)
        return mass.sum(0)

    def _offsets(self, parts: list[Any], needed: Tensor) -> Tensor:
        """For each number of chips: how far the crossbars then are from their mean (chips x 1)."""
        away: Tensor = self.torch.stack([0.0 * needed if m is None else m - needed for _, _, m, _ in parts])
        return away[:, None]

    def _stage_weights(self, parts: list[Any]) -> tuple[Tensor, Tensor]:
        """chips x J: probability of each number of chips and stage time, and how far the crossbars that copies take are
        from their mean there: probability x distance over variance. A stage time is long enough when the copies that it
        asks for fit; their number is a sum over blocks, whose first three moments are known."""
        torch, stages = self.torch, self.b["stages"]
        if len(stages) == 1:
            alone = torch.stack([q for _, q, _, _ in parts])[:, None]
            return alone, torch.zeros_like(alone)
        taken = self.b["taken"]
        one = self.b["needed"][None, :].expand_as(taken)
        mean, n, both = self._moments(taken, one)
        square = self._moments(taken, taken)[2] - mean * mean
        skew = self._skew(taken, mean, square)
        cross, spread = both - mean * n, self._moments(one[:1], one[:1])[2] - n[:1] ** 2
        rows, lifts = [], []
        for chips, q, m, v in parts:
            middle, variance = mean, square
            if m is not None:
                pull = cross / spread.clamp(min=1e-9)
                middle = mean + pull * (m - n)
                variance = square - pull * cross * (1.0 - v / spread.clamp(min=1e-9)).clamp(0.0, 1.0)
            budget = chips * float(self.point.figures[k.Z_PER_CHIP])
            deviation = (variance.clamp(min=0.0) + 0.01).sqrt()
            quantile = torch.cummax(self._normal((budget + 0.5 - middle) / deviation, skew), 0).values
            below = torch.special.ndtr(quantile)
            below_mean = -torch.exp(-0.5 * quantile**2) / math.sqrt(2.0 * math.pi)
            if m is None:
                open_ = torch.nonzero(quantile.detach().abs() < UNDECIDED).reshape(-1)
                f, d = self._fitting(open_, budget, mean[open_], deviation[open_])
                below, below_mean = below.index_copy(0, open_, f), below_mean.index_copy(0, open_, d)
            last = torch.ones_like(below[:1])
            rows.append(q * self._cells(torch.cat([below[:-1], last])))
            lifts.append(q * self._cells(torch.cat([below_mean[:-1], 0.0 * last])) / deviation)
        return torch.stack(rows), torch.stack(lifts)

    def _fitting(self, stages: Tensor, budget: float, mean: Tensor, deviation: Tensor) -> tuple[Tensor, Tensor]:
        """For each of `stages`: the probability that the copies fit the budget, and the mean of their crossbars'
        standardised distance there. Their distribution is carried in steps of their common divisor, or of a share of
        the budget, between which crossbars are split in proportion."""
        torch, step = self.torch, self.b["steps"][stages]
        n = int((budget / step).max()) + 1 if len(stages) else 1
        at = torch.arange(n)
        mass = self.p[0].new_zeros(len(stages), 1, n)
        mass[:, :, 0] = 1.0
        for s, p in zip(self.point.shapes, self.p, strict=True):
            moved = self._rows("taken", s)[stages] / step[:, None, None]
            low = torch.floor(moved + 1e-9)
            rest = (moved - low).clamp(min=0.0)
            out: Any = 0.0
            for extra, weight in ((0, 1.0 - rest), (1, rest)):
                if extra and not bool((rest > 0.0).any()):
                    continue
                source = at - (low[..., None].long() + extra)
                values = mass[:, :, None, :].expand(-1, -1, s.choices, -1).gather(3, source.clamp(min=0))
                out = out + torch.where(source >= 0, values, 0.0) * (weight * p)[..., None]
            mass = self._pass_on(s, out)
        crossbars = at * step[:, None]
        here = mass.sum(1) * (crossbars <= budget + 1e-6 * step[:, None])
        distance = (crossbars - mean[:, None]) / deviation[:, None]
        return here.sum(1), (here * distance).sum(1)

    def _normal(self, z: Tensor, skew: Tensor) -> Tensor:
        """The normal quantile of a standardised value z of a gamma-like sum (Wilson and Hilferty, PNAS 17, 1931)."""
        torch = self.torch
        sign = torch.where(skew < 0.0, -1.0, 1.0)
        g = (skew * sign).clamp(1e-3, 2.0)
        base = (1.0 + 0.5 * g * z * sign).clamp(min=1e-6)
        found: Tensor = sign * (6.0 / g * (base ** (1.0 / 3.0) - 1.0) + g / 6.0)
        return found

    def _cells(self, below: Tensor) -> Tensor:
        """Probability of each stage time from its distribution function."""
        mass: Tensor = self.torch.diff(below, prepend=below.new_zeros(1))
        if self.point.exact_stages:
            return mass
        pad, halves = self.torch.nn.functional.pad, 0.5 * mass[2:]  # between two stage times: half to each
        ends = self.torch.zeros_like(mass)
        ends[:2] = 1.0
        out: Tensor = mass * ends + pad(halves, (2, 0)) + pad(halves, (1, 1))
        return out
