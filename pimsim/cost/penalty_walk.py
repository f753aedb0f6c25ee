"""What an expectation over one hardware point is taken with: sums carried from block to block, and their moments. torch
comes in as an argument.

A block's choice is independent of the state that the blocks before left, so that sums need means only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pimsim.cost.entries import Array

if TYPE_CHECKING:
    from torch import Tensor

Buffers = dict[str, "Tensor"]


class Shape(NamedTuple):
    """One block: its entries are start to start + states * choices; `next` the state each leaves, of `after`."""

    start: int
    states: int
    choices: int
    after: int


class Point(NamedTuple):
    """What the expectation needs beside the buffers."""

    shapes: list[Shape]
    chips: float  # 0: varies
    most_chips: int
    figures: Array  # Z_*
    exact_stages: bool
    exact_levels: bool
    temperature_ns: float
    draws: bool  # memory that lookups stand in draws power at all times


class Walk:
    """Probabilities of the blocks, carried over a space's entries; the constants of a point."""

    def __init__(self, torch: Any, point: Point, blocks: Sequence[Tensor], buffers: Buffers):
        self.torch, self.point, self.b = torch, point, buffers
        self.p = [p.to(buffers["energy"].dtype) for p in blocks]
        self.joints = self._joints()

    def _rows(self, name: str, s: Shape) -> Tensor:
        """The constants of a block, its entries as states x choices."""
        rows = self.b[name]
        n = s.states * s.choices
        if rows.dim() == 1:
            return rows[s.start : s.start + n].reshape(s.states, s.choices)
        return rows[:, s.start : s.start + n].reshape(rows.shape[0], s.states, s.choices, *rows.shape[2:])

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
        mean: Tensor = 0.0 * self.joints[0].sum()
        for s, joint in zip(self.point.shapes, self.joints, strict=True):
            mean = mean + (joint * self._rows(name, s)).sum()
        return mean

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
        skew: Tensor = (carried.sum(1)[:, 3] - 3.0 * a * variance - a**3) / (variance + 0.01) ** 1.5
        return skew
