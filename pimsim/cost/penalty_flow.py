"""The expectation over one hardware point: distributions carried from block to block. torch comes in as an argument.

A block's choice is independent of the state that the blocks before left, so sums need means only; the interval needs
the distribution of a maximum, the pipeline that of the gap between first result and end, chips that of the crossbars.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pimsim.cost import rows as k
from pimsim.cost.entries import Array, Walks
from pimsim.cost.expected import EntryFigures

if TYPE_CHECKING:
    from torch import Tensor

EULER = 0.5772156649015329
LEVELS = 192
"""Intervals at which their distribution is evaluated."""
BINS = 1024
"""Crossbar counts at which the number of chips is told."""
RARE = 1e-6
"""Probability of a stage time below which the pipeline is not evaluated for it."""

Buffers = dict[str, Any]


class Shape(NamedTuple):
    """One block: its entries are start to start + states * choices; `next` the state each leaves, of `after`."""

    start: int
    states: int
    choices: int
    after: int


class Point(NamedTuple):
    """What `Flow` needs beside the buffers."""

    shapes: list[Shape]
    chips: float  # 0: varies
    most_chips: int
    figures: Array  # Z_*
    exact_stages: bool
    exact_levels: bool
    temperature_ns: float


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
    point = Point(shapes, chips, most, z, figures.exact, exact, temperature_ns)
    passes = figures.passes[None, :]
    arrays = {
        "energy": figures.energy_pJ,
        "leaves": figures.leaves_pJ,
        "passes": figures.passes.astype(np.float64),
        "needed": figures.needed,
        "stages": figures.stages_ns,
        "taken": figures.taken,
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


class Flow:
    """One evaluation: probabilities of the blocks, and the constants of a point."""

    def __init__(self, torch: Any, point: Point, blocks: Sequence[Tensor], buffers: Buffers):
        self.torch, self.point, self.b = torch, point, buffers
        self.p = [p.to(buffers["energy"].dtype) for p in blocks]
        self.joints = self._joints()

    def cost(self) -> tuple[Tensor, ...]:
        """energy_pJ, latency_ns, interval_ns, area_um2, crossbars."""
        z, torch = self.point.figures, self.torch
        needed = self._mean("needed")
        chips, parts = self._chips()
        weights = self._stage_weights(parts)  # chips x J
        active = torch.nonzero(weights.detach().sum(0) > RARE).reshape(-1)
        if z[k.Z_PIPELINED] > 0.0:
            interval, slope = self._interval(active)
            latency = self._latency(active)
        else:
            interval = sum(  # type: ignore[assignment]
                (joint * self._rows("total", s)[active]).sum((1, 2))
                for s, joint in zip(self.point.shapes, self.joints, strict=True)
            )
            latency, slope = interval, self._slope_of_total(active, interval)
        share = weights[:, active]
        share = share / share.sum()
        leak = [float(z[k.Z_PER_CHIP] * z[k.Z_LEAK_CROSSBAR_MW] + z[k.Z_LEAK_CHIP_MW]) * part[0] for part in parts]
        mean = (share * (interval + slope * self._offsets(parts, needed))).sum()
        static = sum(
            (w * mw * (interval + slope * o)).sum()
            for w, mw, o in zip(share, leak, self._offsets(parts, needed), strict=True)
        )
        area = chips * float(z[k.Z_PER_CHIP] * z[k.Z_AREA_CROSSBAR_UM2] + z[k.Z_AREA_CHIP_UM2])
        energy = self._mean("energy") + self._leaves() + static
        return energy, (share.sum(0) * latency).sum(), mean, area, needed

    def _rows(self, name: str, s: Shape) -> Tensor:
        """The constants of a block, its entries as states x choices."""
        rows = self.b[name]
        n = s.states * s.choices
        if rows.dim() == 1:
            return rows[s.start : s.start + n].reshape(s.states, s.choices)  # type: ignore[no-any-return]
        return rows[:, s.start : s.start + n].reshape(rows.shape[0], s.states, s.choices, *rows.shape[2:])  # type: ignore[no-any-return]

    def _pass_on(self, s: Shape, values: Tensor) -> Tensor:
        """Sum (..., states, choices, x) over the entries that leave each state: (..., after, x)."""
        lead, x = values.shape[:-3], values.shape[-1]
        target = self._rows("next", s).reshape(-1)
        out = values.new_zeros(*lead, s.after, x)
        return out.index_add(-2, target, values.reshape(*lead, s.states * s.choices, x))

    def _joints(self) -> list[Tensor]:
        """Probability of each entry of each block."""
        state = self.p[0].new_ones(1)
        joints = []
        for s, p in zip(self.point.shapes, self.p, strict=True):
            joints.append(state[:, None] * p[None, :])
            state = self._pass_on(s, joints[-1][..., None])[:, 0]
        return joints

    def _mean(self, name: str) -> Tensor:
        return sum((joint * self._rows(name, s)).sum() for s, joint in zip(self.point.shapes, self.joints, strict=True))  # type: ignore[return-value]

    def _leaves(self) -> Tensor:
        """Energy of the output over the link: of the last block that has layers."""
        held = self.p[0].new_zeros(1)
        for s, p, joint in zip(self.point.shapes, self.p, self.joints, strict=True):
            passes = self._rows("passes", s)
            own = joint * self._rows("leaves", s) + passes * held[:, None] * p[None, :]
            held = self._pass_on(s, own[..., None])[:, 0]
        return held.sum()

    def _moments(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Means of two sums over the blocks (each J x entries), and the mean of their product, for every J."""
        one = self.p[0].new_ones(1, 1).expand(first.shape[0], 1)
        carried = self.torch.stack([one, 0.0 * one, 0.0 * one, 0.0 * one], dim=-1)  # J, states, (1, x, y, xy)
        for s, p in zip(self.point.shapes, self.p, strict=True):
            n = s.states * s.choices
            x = first[:, s.start : s.start + n].reshape(-1, s.states, s.choices)
            y = second[:, s.start : s.start + n].reshape(-1, s.states, s.choices)
            m, mx, my, mxy = (carried[:, :, None, i] for i in range(4))
            grown = self.torch.stack(
                [m + 0.0 * x, mx + m * x, my + m * y, mxy + mx * y + my * x + m * x * y], dim=-1
            )
            carried = self._pass_on(s, grown * p[:, None])
        total = carried.sum(1)
        return total[:, 1], total[:, 2], total[:, 3]

    def _skew(self, values: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        """Skewness of a sum over the blocks (values: J x entries) of known mean and variance, for every J."""
        torch = self.torch
        carried = torch.stack([torch.ones_like(mean), *[torch.zeros_like(mean)] * 3], dim=-1)[:, None]
        away = 0.0 * mean
        for s, p in zip(self.point.shapes, self.p, strict=True):
            n = s.states * s.choices
            block = values[:, s.start : s.start + n]
            middle = block.mean(1)  # any shift serves; this one keeps the powers small
            x = (block - middle[:, None]).reshape(-1, s.states, s.choices)
            away = away + middle
            m0, m1, m2, m3 = (carried[:, :, None, i] for i in range(4))
            third = m3 + x * (3.0 * m2 + x * (3.0 * m1 + x * m0))
            grown = torch.stack([m0 + 0.0 * x, m1 + m0 * x, m2 + x * (2.0 * m1 + m0 * x), third], dim=-1)
            carried = self._pass_on(s, grown * p[:, None])
        a = mean - away
        third = carried.sum(1)[:, 3] - 3.0 * a * variance - a**3
        return third / (variance + 0.01) ** 1.5  # type: ignore[no-any-return]

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
            out = 0.0
            for extra, weight in ((0, 1.0 - rest), (1, rest)):
                source = at - (low[..., None].long() + extra)
                values = mass[:, None, :].expand(s.states, s.choices, n).gather(2, source.clamp(min=0))
                out = out + torch.where(source >= 0, values, 0.0) * (weight * p)[..., None]
            mass = self._pass_on(s, out)  # type: ignore[arg-type]
        return mass.sum(0)

    def _offsets(self, parts: list[Any], needed: Tensor) -> Tensor:
        """For each number of chips: how far the crossbars then are from their mean (chips x 1)."""
        return self.torch.stack([0.0 * needed if m is None else m - needed for _, _, m, _ in parts])[:, None]  # type: ignore[no-any-return]

    def _stage_weights(self, parts: list[Any]) -> Tensor:
        """chips x J: probability of each number of chips and stage time. A stage time is long enough when the copies
        that it asks for fit; their number is a sum over blocks, whose first three moments are known."""
        torch, stages = self.torch, self.b["stages"]
        if len(stages) == 1:
            return torch.stack([q for _, q, _, _ in parts])[:, None]  # type: ignore[no-any-return]
        taken = self.b["taken"]
        one = self.b["needed"][None, :].expand_as(taken)
        mean, n, both = self._moments(taken, one)
        square = self._moments(taken, taken)[2] - mean * mean
        skew = self._skew(taken, mean, square)
        cross, spread = both - mean * n, self._moments(one[:1], one[:1])[2] - n[:1] ** 2
        rows = []
        for chips, q, m, v in parts:
            middle, variance = mean, square
            if m is not None:
                pull = cross / spread.clamp(min=1e-9)
                middle = mean + pull * (m - n)
                variance = square - pull * cross * (1.0 - v / spread.clamp(min=1e-9)).clamp(0.0, 1.0)
            free = chips * float(self.point.figures[k.Z_PER_CHIP]) + 0.5 - middle
            below = torch.special.ndtr(self._normal(free / (variance.clamp(min=0.0) + 0.01).sqrt(), skew))
            below = torch.cummax(below, 0).values
            below = torch.cat([below[:-1], torch.ones_like(below[:1])])
            rows.append(q * self._cells(below))
        return torch.stack(rows)  # type: ignore[no-any-return]

    def _normal(self, z: Tensor, skew: Tensor) -> Tensor:
        """The normal quantile of a standardised value z of a gamma-like sum (Wilson and Hilferty, PNAS 17, 1931)."""
        torch = self.torch
        sign = torch.where(skew < 0.0, -1.0, 1.0)
        g = (skew * sign).clamp(1e-3, 2.0)
        base = (1.0 + 0.5 * g * z * sign).clamp(min=1e-6)
        return sign * (6.0 / g * (base ** (1.0 / 3.0) - 1.0) + g / 6.0)  # type: ignore[no-any-return]

    def _cells(self, below: Tensor) -> Tensor:
        """Probability of each stage time from its distribution function."""
        mass = self.torch.diff(below, prepend=below.new_zeros(1))
        if self.point.exact_stages:
            return mass  # type: ignore[no-any-return]
        halves = 0.5 * mass[2:]  # between two stage times: half to each
        ends = self.torch.zeros_like(mass)
        ends[:2] = 1.0
        out = mass * ends
        out = out + self.torch.nn.functional.pad(halves, (2, 0)) + self.torch.nn.functional.pad(halves, (1, 1))
        return out  # type: ignore[no-any-return]

    def _interval(self, active: Tensor) -> tuple[Tensor, Tensor]:
        """Mean interval at each stage time, and its slope over the crossbars needed. The distribution of the maximum
        over blocks is the product of theirs; with a temperature each block has a Gumbel term, which makes the mean
        that of temperature * log(sum(exp(x / temperature)))."""
        torch, levels, t = self.torch, self.b["levels"][active], self.point.temperature_ns
        below = self.p[0].new_ones(len(active), 1, levels.shape[1])
        counted = torch.zeros_like(below)
        for s, p in zip(self.point.shapes, self.p, strict=True):
            longest = self._rows("longest", s)[active][..., None]
            reach = levels[:, None, None, :]
            if t > 0.0:
                allowed = torch.exp(-torch.exp((-(reach - longest) / t).clamp(max=50.0)))
            else:
                allowed = (longest <= reach).to(levels.dtype)
            allowed = allowed * p[:, None]
            grown = counted[:, :, None] + below[:, :, None] * self._rows("needed", s)[..., None]
            counted = self._pass_on(s, grown * allowed)
            below = self._pass_on(s, below[:, :, None] * allowed)
        f, c = below.sum(1), counted.sum(1)
        width = torch.diff(levels, dim=1)

        def area(rest: Tensor) -> Tensor:
            ends = rest[:, :-1] if self.point.exact_levels else 0.5 * (rest[:, :-1] + rest[:, 1:])
            return (ends * width).sum(1)  # type: ignore[no-any-return]

        mean = levels[:, 0] + area(1.0 - f) - EULER * t
        if self.point.chips > 0.0:
            return mean, torch.zeros_like(mean)
        n = self._mean("needed")
        joint = levels[:, 0] * n + area(n - c) - EULER * t * n
        return mean, self._slope(joint - n * mean)

    def _slope(self, covariance: Tensor) -> Tensor:
        one = self.b["needed"][None, :]
        n, _, square = self._moments(one, one)
        return covariance / (square - n * n).clamp(min=1e-9)

    def _slope_of_total(self, active: Tensor, mean: Tensor) -> Tensor:
        if self.point.chips > 0.0:
            return self.torch.zeros_like(mean)  # type: ignore[no-any-return]
        total = self.b["total"][active]
        x, y, both = self._moments(total, self.b["needed"][None, :].expand_as(total))
        return self._slope(both - x * y)

    def _latency(self, active: Tensor) -> Tensor:
        """Mean latency at each stage time. The gap between first result and end goes from block to block on a fixed
        set of values; the first result only moves, so that its mean is enough."""
        gaps = self.b["gaps"][active]
        j, g = gaps.shape
        held = self.p[0].new_zeros(j, 1, g)
        held[:, :, 0] = 1.0
        first = self.p[0].new_zeros(j, 1)
        for s, p in zip(self.point.shapes, self.p, strict=True):
            shift = self._rows("shift", s)[active].to(held.dtype)
            weight = self._rows("weight", s)[active].to(held.dtype)
            low = self._rows("low", s)[active].long()
            mass = held[:, :, None, :] * p[:, None]
            moved = first[:, :, None] * p + (mass * shift).sum(-1)
            first = self._pass_on(s, moved[..., None])[..., 0]
            target = (self._rows("next", s)[None, :, :, None] * g + low).reshape(j, -1)
            out = held.new_zeros(j, s.after * g)
            out = out.scatter_add(1, target, (mass * weight).reshape(j, -1))
            out = out.scatter_add(1, target + 1, (mass * (1.0 - weight)).reshape(j, -1))
            held = out.reshape(j, s.after, g)
        return first.sum(1) + (held.sum(1) * gaps).sum(1)  # type: ignore[no-any-return]
