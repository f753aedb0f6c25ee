"""The expectation over one hardware point: distributions carried from block to block. torch comes in as an argument.

A block's choice is independent of the state that the blocks before left, so sums need means only; the interval needs
the distribution of a maximum, the pipeline that of the gap between first result and end, chips that of the crossbars.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pimsim.cost import rows as k
from pimsim.cost.entries import Array, Walks
from pimsim.cost.expected import EntryFigures
from pimsim.cost.penalty_stages import BINS, Stages, count_steps
from pimsim.cost.penalty_walk import Buffers, Point, Shape

if TYPE_CHECKING:
    from torch import Tensor

EULER = 0.5772156649015329
LEVELS = 192
"""Intervals at which their distribution is evaluated."""
RARE = 1e-6
"""Probability of a stage time below which the pipeline is not evaluated for it."""


def expectation(
    torch: Any, walk: Walks, figures: EntryFigures, temperature_ns: float
) -> tuple[Buffers, Callable[[Sequence[Tensor], Buffers], tuple[Tensor, ...]]]:
    """The constants of a point as tensors, and the function (probabilities, constants) -> energy_pJ, latency_ns,
    interval_ns, area_um2, crossbars."""
    shapes = _shapes(walk)
    levels, exact = _levels(figures, temperature_ns)
    z = figures.point
    largest = sum(figures.needed[s.start : s.start + s.states * s.choices].max() for s in shapes)
    chips, most = float(z[k.Z_CHIPS]), 1
    if chips == 0.0:
        most = max(1, math.ceil(largest / z[k.Z_PER_CHIP])) if z[k.Z_SPILL] == 0.0 else 1
        chips = 1.0 if most == 1 else 0.0
    draws = bool(figures.standby_mW.max() > 0.0)
    point = Point(shapes, chips, most, z, figures.exact, exact, temperature_ns, draws)
    passes = figures.passes[None, :]
    arrays = {
        "energy": figures.energy_pJ,
        "leaves": figures.leaves_pJ,
        "passes": figures.passes.astype(np.float64),
        "needed": figures.needed,
        "standby": figures.standby_mW,
        "held": figures.held_um2,
        "stages": figures.stages_ns,
        "taken": figures.taken,
        "steps": count_steps(figures.taken, max(chips, 1.0) * float(z[k.Z_PER_CHIP])),
        "longest": np.where(passes, -np.inf, figures.longest_ns),
        "total": figures.total_ns,
        "gaps": figures.gaps_ns,
        "shift": figures.shift_ns.astype(np.float32),
        "weight": figures.weight.astype(np.float32),
        "low": figures.low.astype(np.uint8),
        "levels": levels,
        "next": np.where(np.arange(len(walk.entries)) < walk.starts[-1], walk.entries[:, k.N_STATE], 0),
        "bins": np.linspace(0.0, max(largest, 1.0), int(min(BINS, max(largest, 1.0) + 1.0))),
    }
    tensors = {name: torch.as_tensor(np.ascontiguousarray(array)) for name, array in arrays.items()}
    return tensors, lambda blocks, buffers: Flow(torch, point, blocks, buffers).cost()


def _shapes(walk: Walks) -> list[Shape]:
    ends = np.append(walk.starts[1:], len(walk.entries))
    states = [int(s) for s in (ends - walk.starts) // walk.widths]
    return [
        Shape(int(start), own, int(width), after)
        for start, own, width, after in zip(walk.starts, states, walk.widths, [*states[1:], 1], strict=True)
    ]


def _levels(figures: EntryFigures, temperature_ns: float) -> tuple[Array, bool]:
    """J x L intervals in rising order; True where they are all that can occur."""
    found, exact = [], temperature_ns == 0.0
    for longest in figures.longest_ns:
        values = np.unique(longest[~figures.passes]) if not figures.passes.all() else np.zeros(1)
        if temperature_ns > 0.0:
            low, high = values[0] - 5.0 * temperature_ns, values[-1] + 25.0 * temperature_ns
            fine = np.linspace(low, high, 4 * LEVELS)
            near = values[:, None] + temperature_ns * np.linspace(-3.0, 12.0, 24)
            found.append(np.union1d(fine, near[:: max(1, len(values) // 32)]))
        elif len(values) > LEVELS:
            exact = False
            even = np.interp(np.linspace(0.0, len(values) - 1.0, LEVELS), np.arange(len(values)), values)
            found.append(np.union1d(even, np.linspace(values[0], values[-1], LEVELS // 2)))
        else:
            found.append(values)
    width = max(len(values) for values in found)
    return np.stack([np.pad(values, (0, width - len(values)), mode="edge") for values in found]), exact


class Flow(Stages):
    """One evaluation: probabilities of the blocks, and the constants of a point."""

    def cost(self) -> tuple[Tensor, ...]:
        """energy_pJ, latency_ns, interval_ns, area_um2, crossbars."""
        z, torch = self.point.figures, self.torch
        needed = self._mean("needed")
        chips, parts = self._chips()
        weights, lifts = self._stage_weights(parts)  # chips x J
        active = torch.nonzero(weights.detach().sum(0) > RARE).reshape(-1)
        share = weights[:, active]
        share, lift = share / share.sum(), lifts[:, active]
        if z[k.Z_PIPELINED] > 0.0:
            interval, slope, pull, drawn = self._interval(active)
            latency, latency_pull = self._latency(active)
        else:
            interval, slope, pull, drawn = self._one_by_one(active)
            latency, latency_pull = interval, pull
        leak = [float(z[k.Z_PER_CHIP] * z[k.Z_LEAK_CROSSBAR_MW] + z[k.Z_LEAK_CHIP_MW]) * part[0] for part in parts]
        means = share * (interval + slope * self._offsets(parts, needed)) + lift * pull  # by chips and stage time
        static = sum((own * mw).sum() for own, mw in zip(means, leak, strict=True))
        static = static + self._mean("standby") * means.sum() + (share.sum(0) * drawn).sum()
        area = chips * float(z[k.Z_PER_CHIP] * z[k.Z_AREA_CROSSBAR_UM2] + z[k.Z_AREA_CHIP_UM2]) + self._mean("held")
        energy = self._mean("energy") + self._leaves() + static
        return energy, (share.sum(0) * latency + lift.sum(0) * latency_pull).sum(), means.sum(), area, needed

    def _leaves(self) -> Tensor:
        """Energy of the output over the link: of the last block that has layers."""
        held = self.p[0].new_zeros(1)
        for s, p, joint in zip(self.point.shapes, self.p, self.joints, strict=True):
            passes = self._rows("passes", s)
            own = joint * self._rows("leaves", s) + passes * held[:, None] * p[None, :]
            held = self._pass_on(s, own[..., None])[:, 0]
        return held.sum()

    def _interval(self, active: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Mean interval at each stage time, its slope over the crossbars needed, and its covariance with those that
        copies take, and with the standby of the memory. The distribution of the maximum over blocks is the product of
        theirs; with a temperature each block has a Gumbel term, which makes the mean that of temperature *
        log(sum(exp(x / temperature)))."""
        torch, levels, t = self.torch, self.b["levels"][active], self.point.temperature_ns
        below = self.p[0].new_ones(len(active), 1, levels.shape[1])
        sums = self._counts(active) + self._standby(active)
        counted = [torch.zeros_like(below) for _ in sums]
        for s, p in zip(self.point.shapes, self.p, strict=True):
            longest = self._rows("longest", s)[active][..., None]
            reach = levels[:, None, None, :]
            if t > 0.0:
                allowed = torch.exp(-torch.exp((-(reach - longest) / t).clamp(max=50.0)))
            else:
                allowed = (longest <= reach).to(levels.dtype)
            allowed = allowed * p[:, None]
            for at, values in enumerate(sums):
                own = values[:, s.start : s.start + s.states * s.choices].reshape(-1, s.states, s.choices, 1)
                counted[at] = self._pass_on(s, (counted[at][:, :, None] + below[:, :, None] * own) * allowed)
            below = self._pass_on(s, below[:, :, None] * allowed)
        width = torch.diff(levels, dim=1)

        def mean_of(under: Tensor, total: Tensor) -> Tensor:
            """Mean of the interval times a quantity of mean `total`, of which `under` counts up to each level."""
            rest = total[:, None] - under
            ends = rest[:, :-1] if self.point.exact_levels else 0.5 * (rest[:, :-1] + rest[:, 1:])
            mean: Tensor = (levels[:, 0] - EULER * t) * total + (ends * width).sum(1)
            return mean

        mean = mean_of(below.sum(1), torch.ones_like(levels[:, 0]))
        means = [self._moments(values, values)[0] for values in sums]
        parts = [mean_of(c.sum(1), m) - mean * m for c, m in zip(counted, means, strict=True)]
        drawn = parts.pop() if self.point.draws else 0.0 * mean
        return mean, *self._slopes(active, parts), drawn

    def _standby(self, active: Tensor) -> list[Tensor]:
        """Power of the memory (J x entries), where it draws any."""
        return [self.b["standby"][None, :].expand(len(active), -1)] if self.point.draws else []

    def _counts(self, active: Tensor) -> list[Tensor]:
        """Crossbars that go with times (each J x entries): needed, where chips vary; taken, where layers are copied."""
        found = []
        if self.point.chips == 0.0:
            found.append(self.b["needed"][None, :].expand(len(active), -1))
        if len(self.b["stages"]) > 1:
            found.append(self.b["taken"][active])
        return found

    def _slopes(self, active: Tensor, covariances: list[Tensor]) -> tuple[Tensor, Tensor]:
        """From the covariances of a time with `_counts`: its slope over the crossbars needed, and its covariance with
        those taken among networks that need as many."""
        none = self.p[0].new_zeros(len(active))
        left = list(covariances)
        slope = none
        if self.point.chips == 0.0:
            needed = self.b["needed"][None, :].expand(len(active), -1)
            n, _, square = self._moments(needed, needed)
            slope = left.pop(0) / (square - n * n).clamp(min=1e-9)
        if not left:
            return slope, none
        pull = left.pop(0)
        if self.point.chips == 0.0:
            taken, _, both = self._moments(self.b["taken"][active], needed)
            pull = pull - slope * (both - taken * n)
        return slope, pull

    def _one_by_one(self, active: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """As `_interval`, of all layers one after the other."""
        total = self.b["total"][active]
        mean = self._moments(total, total)[0]
        moments = [self._moments(total, values) for values in self._counts(active) + self._standby(active)]
        parts = [both - x * y for x, y, both in moments]
        drawn = parts.pop() if self.point.draws else 0.0 * mean
        return mean, *self._slopes(active, parts), drawn

    def _latency(self, active: Tensor) -> tuple[Tensor, Tensor]:
        """Mean latency at each stage time, and its covariance with the crossbars that copies take. The gap between
        first result and end goes from block to block on a fixed set of values; the first result only moves, so that its
        mean is enough."""
        torch, gaps = self.torch, self.b["gaps"][active]
        j, g = gaps.shape
        counts = self._counts(active)
        held = self.p[0].new_zeros(1 + len(counts), j, 1, g)  # probability of each gap; the same, times each count
        held[0, :, 0, 0] = 1.0
        first = self.p[0].new_zeros(1 + len(counts), j, 1)
        for s, p in zip(self.point.shapes, self.p, strict=True):
            shift, weight = (self._rows(name, s)[active].to(held.dtype) for name in ("shift", "weight"))
            low = self._rows("low", s)[active].long()
            own = [v[:, s.start : s.start + s.states * s.choices].reshape(j, s.states, s.choices) for v in counts]
            mass = held[:, :, :, None, :] * p[:, None]
            moved = first[..., None] * p
            if own:
                grown = torch.stack([torch.zeros_like(own[0]), *own])[..., None]
                mass, moved = mass + grown * mass[:1], moved + grown[..., 0] * moved[:1]
            first = self._pass_on(s, (moved + (mass * shift).sum(-1))[..., None])[..., 0]
            target = (self._rows("next", s)[None, :, :, None] * g + low).reshape(1, j, -1).expand(len(held), -1, -1)
            out = held.new_zeros(len(held), j, s.after * g)
            out = out.scatter_add(2, target, (mass * weight).reshape(len(held), j, -1))
            out = out.scatter_add(2, target + 1, (mass * (1.0 - weight)).reshape(len(held), j, -1))
            held = out.reshape(len(held), j, s.after, g)
        means = first.sum(2) + (held.sum(2) * gaps).sum(2)
        totals = [self._moments(values, values)[0] for values in counts]
        parts = [joint - means[0] * m for joint, m in zip(means[1:], totals, strict=True)]
        return means[0], self._slopes(active, parts)[1]
