"""Expected cost of a soft architecture, and the penalties that searches make of it. Needs torch (pimsim[nas]).

    expected = expected_cost(table)                       # a torch module, from a lookup table
    p = [choice_probabilities(logits) for logits in architecture_parameters]
    cost = expected(p)                                    # energy_pJ, latency_ns, interval_ns, area_um2
    loss = task_loss + soft_constraint(cost.latency_ns, budget_ns)

Derivation, bounds and measured errors: docs/penalties.md.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pimsim.cost.expected import entry_figures
from pimsim.cost.lookup import LookupTable
from pimsim.cost.penalty_flow import expectation
from pimsim.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module


class Cost(NamedTuple):
    """Expectations, scalars that gradients flow through. Energy in pJ, time in ns, area in um2. crossbars: that one
    copy of everything takes (a fixed number of chips may hold fewer)."""

    energy_pJ: Tensor
    latency_ns: Tensor
    interval_ns: Tensor
    area_um2: Tensor
    crossbars: Tensor


def _torch() -> Any:
    if importlib.util.find_spec("torch") is None:
        raise InputError("penalties are torch modules, and torch is not installed: pip install 'pimsim[nas]'")
    import torch

    return torch


def choice_probabilities(
    logits: Tensor, *, temperature: float = 1.0, gumbel: bool = False, hard: bool = False, generator: Any = None
) -> Tensor:
    """Probabilities of the choices along the last axis: softmax(logits / temperature); with `gumbel` a sample of the
    Gumbel-softmax distribution (Jang et al.; Maddison et al., ICLR 2017); with `hard` the likeliest choice alone, its
    gradient that of the soft one. Raises InputError when the temperature is not above 0."""
    torch = _torch()
    if not (math.isfinite(temperature) and temperature > 0.0):
        raise InputError(f"temperature must be a number above 0; got {temperature}")
    if gumbel:
        uniform = torch.rand(logits.shape, generator=generator, dtype=logits.dtype, device=logits.device)
        tiny = torch.finfo(logits.dtype).tiny
        logits = logits - torch.log(-torch.log(uniform.clamp(tiny, 1.0 - torch.finfo(logits.dtype).eps)))
    soft: Tensor = torch.softmax(logits / temperature, dim=-1)
    if not hard:
        return soft
    one: Tensor = torch.zeros_like(soft).scatter_(-1, soft.argmax(-1, keepdim=True), 1.0)
    return one + (soft - soft.detach())


def expected_cost(
    table: LookupTable, *, knobs: Sequence[int] = (), temperature_ns: float = 0.0, seed: int = 0
) -> Module:
    """A torch module: probabilities in, `Cost` out.

    module(blocks, hardware=None): blocks has one tensor a block, its choices' probabilities. hardware: probabilities
    of the table's points, or one tensor a knob where the points are the grid of `knobs` (their numbers of values, the
    last knob fastest); left out where there is one point.
    temperature_ns softens maxima: log-sum-exp over blocks for the interval, over two at a time inside the pipeline.
    seed: of the networks that show the range of stage times and the traffic. Raises InputError for what does not fit.
    """
    torch = _torch()
    if knobs and math.prod(knobs) != len(table.points):
        raise InputError(f"knobs of {'x'.join(map(str, knobs))} values make {math.prod(knobs)} points; "
                         f"the table has {len(table.points)}")
    if not (math.isfinite(temperature_ns) and temperature_ns >= 0.0):
        raise InputError(f"temperature_ns must be a number from 0 on; got {temperature_ns}")
    module: Module = _module(torch)(table, tuple(knobs), temperature_ns, seed)
    return module


@cache
def _module(torch: Any) -> Any:
    """The class, made when torch is first asked for."""

    class ExpectedCost(torch.nn.Module):  # type: ignore[misc]
        """See `expected_cost`."""

        def __init__(self, table: LookupTable, knobs: tuple[int, ...], temperature_ns: float, seed: int):
            super().__init__()
            self.widths, self.knobs, self.points = table.widths, knobs, len(table.points)
            self.expectations = []
            for at in range(self.points):
                figures = entry_figures(table, at, temperature_ns, np.random.default_rng(seed))
                arrays, evaluate = expectation(torch, table.walk, figures, temperature_ns)
                for name, array in arrays.items():
                    self.register_buffer(f"point{at}_{name}", array, persistent=False)
                self.expectations.append((tuple(arrays), evaluate))

        def forward(self, blocks: Sequence[Tensor], hardware: Any = None) -> Cost:
            """`Cost` of the choices' probabilities."""
            _check_blocks(blocks, self.widths)
            if hardware is None:
                if self.points > 1:
                    raise InputError(f"the table has {self.points} hardware points: give their probabilities")
                return Cost(*self._point(0, blocks))
            weights = _grid(torch, hardware, self.knobs, self.points)
            costs = [self._point(at, blocks) for at in range(self.points)]
            return Cost(*(sum(w * x for w, x in zip(weights, xs, strict=True)) for xs in zip(*costs, strict=True)))

        def _point(self, at: int, blocks: Sequence[Tensor]) -> tuple[Tensor, ...]:
            names, evaluate = self.expectations[at]
            return evaluate(blocks, {name: getattr(self, f"point{at}_{name}") for name in names})

    return ExpectedCost


def _check_blocks(blocks: Sequence[Tensor], widths: tuple[int, ...]) -> None:
    if len(blocks) != len(widths):
        raise InputError(f"probabilities of {len(widths)} blocks are needed; got {len(blocks)}")
    for at, (p, width) in enumerate(zip(blocks, widths, strict=True)):
        if tuple(p.shape) != (width,):
            raise InputError(f"block {at} has {width} choices; got probabilities of shape {tuple(p.shape)}")


def _grid(torch: Any, hardware: Any, knobs: tuple[int, ...], points: int) -> Tensor:
    """Probability of every hardware point, from its own or from those of the knobs."""
    several = [hardware] if torch.is_tensor(hardware) else list(hardware)
    expected = (points,) if torch.is_tensor(hardware) else knobs
    if [tuple(p.shape) for p in several] != [(n,) for n in expected]:
        shapes = ", ".join(str(tuple(p.shape)) for p in several)
        wanted = " x ".join(map(str, expected))
        raise InputError(f"hardware probabilities must have {wanted} values; got shapes {shapes}")
    joint: Tensor = several[0]
    for p in several[1:]:
        joint = (joint[:, None] * p[None, :]).reshape(-1)
    return joint


def soft_constraint(cost: Tensor, budget: float, weight: float = 1.0) -> Tensor:
    """weight * max(0, cost / budget - 1): nothing within the budget, the excess beyond it (the penalty method for a
    constrained search, e.g. Berman et al., AOWS, CVPR 2020). Any shape; one value a cost."""
    excess: Tensor = _torch().relu(cost / _target(budget) - 1.0)
    return weight * excess


def power_factor(cost: Tensor, target: float, beta: float = -0.07, *, only_above: bool = False) -> Tensor:
    """(cost / target)^beta, the factor on the quality of MnasNet (Tan et al., CVPR 2019, eq. 2: beta -0.07 on both
    sides of the target; `only_above`, their eq. 3 with alpha 0: 1 within the target). For a loss that is multiplied
    instead (FBNet, Wu et al., CVPR 2019) beta is positive. Any shape."""
    ratio = cost / _target(target)
    if only_above:
        ratio = _torch().clamp(ratio, min=1.0)
    return ratio**beta


def absolute_penalty(cost: Tensor, target: float, weight: float = 1.0) -> Tensor:
    """weight * |cost / target - 1|, the absolute reward's term of TuNAS (Bender et al., CVPR 2020, section 3.2; there
    it is added with a negative weight). Any shape."""
    return weight * (cost / _target(target) - 1.0).abs()


def _target(value: float) -> float:
    if not (math.isfinite(value) and value > 0.0):
        raise InputError(f"the target of a penalty must be a finite number above 0; got {value}")
    return value
