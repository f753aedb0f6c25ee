"""The optimiser of a supernet: a step moves the slices that took part in it, and their part of the state, alone."""

from __future__ import annotations

import torch
from torch import Tensor

from nas.supernets.nasrec import Supernet, key_of
from nas.training.tables import BETA1, BETA2, EPS, MOMENTS, Kind, Tables, corrections


class SliceOptimizer:
    """Adam or Adagrad over `supernet.leaves` and its embedding rows.

    State has the full size of the parameters and is sliced as they are; what a step does not use keeps value and state
    (Adam is lazy, and its bias correction counts the steps of the whole run). Arguments as for `Optimizer`.
    """

    def __init__(
        self,
        supernet: Supernet,
        kind: Kind = "adagrad",
        *,
        rate: float = 1e-3,
        table_rate: float | None = None,
        weight_decay: float = 0.0,
        table_l2: float = 0.0,
        initial_accumulator: float = 0.0,
    ):
        self.supernet, self.kind, self.rate, self.weight_decay = supernet, kind, rate, weight_decay
        self.steps = 0
        own_rate = rate if table_rate is None else table_rate
        self.rows = Tables(supernet.embeddings, kind, own_rate, table_l2, initial_accumulator)
        fill = initial_accumulator if kind == "adagrad" else 0.0
        self.moments = {
            name: tuple(torch.full_like(value, fill, requires_grad=False) for _ in MOMENTS[kind])
            for name, value in supernet.matrices.items()
        }

    def zero_grad(self) -> None:
        """Forget the gradients; leaves are fresh in every forward pass."""
        self.supernet.leaves = []
        self.rows.zero_grad()

    def clip(self, norm: float) -> None:
        """Scale the gradients of the slices so that their joint norm is at most `norm`."""
        torch.nn.utils.clip_grad_norm_([leaf.tensor for leaf in self.supernet.leaves], norm)

    @torch.no_grad()
    def step(self, factor: float = 1.0) -> None:
        """One update of the slices of the last forward pass."""
        self.steps += 1
        moved = [leaf for leaf in self.supernet.leaves if leaf.tensor.grad is not None]
        if moved:
            weights = [leaf.tensor.detach() for leaf in moved]
            gradients = [self._gradient(leaf.tensor) for leaf in moved]
            parts = [
                [self.moments[key_of(leaf.name)][part][leaf.index] for leaf in moved]
                for part in range(len(MOMENTS[self.kind]))
            ]
            self._update(weights, gradients, parts, self.rate * factor)
        self.rows.step(self.steps, factor)

    def _gradient(self, weight: Tensor) -> Tensor:
        assert weight.grad is not None
        decayed = self.weight_decay and weight.ndim >= 2
        return weight.grad.add(weight, alpha=self.weight_decay) if decayed else weight.grad

    def _update(self, weights: list[Tensor], gradients: list[Tensor], parts: list[list[Tensor]], rate: float) -> None:
        if self.kind == "adagrad":
            torch._foreach_addcmul_(parts[0], gradients, gradients)
            roots = torch._foreach_sqrt(parts[0])
            torch._foreach_add_(roots, EPS["adagrad"])
            torch._foreach_addcdiv_(weights, gradients, roots, value=-rate)
            return
        first, second = corrections(self.steps)
        torch._foreach_lerp_(parts[0], gradients, 1.0 - BETA1)
        torch._foreach_mul_(parts[1], BETA2)
        torch._foreach_addcmul_(parts[1], gradients, gradients, value=1.0 - BETA2)
        roots = torch._foreach_sqrt(parts[1])
        torch._foreach_div_(roots, second**0.5)
        torch._foreach_add_(roots, EPS["adam"])
        torch._foreach_addcdiv_(weights, parts[0], roots, value=-rate / first)

    def state(self) -> dict[str, Tensor]:
        """All that a resumed run needs, as tensors (not copied)."""
        found = {"steps": torch.tensor(self.steps), **self.rows.state()}
        for name, moments in self.moments.items():
            for part, moment in zip(MOMENTS[self.kind], moments, strict=True):
                found[f"dense.{name}.{part}"] = moment
        return found

    @torch.no_grad()
    def load(self, state: dict[str, Tensor]) -> None:
        """Take over a `state` of the same supernet and kind. KeyError if it is of another."""
        self.steps = int(state["steps"])
        for key, value in self.state().items():
            if key != "steps":
                value.copy_(state[key])
