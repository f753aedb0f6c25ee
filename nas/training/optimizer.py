"""The optimiser of a model with embedding tables: rows of a batch are updated alone, everything else by torch.optim."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn

from nas.training.tables import BETA1, BETA2, EPS, Kind, Tables


class Optimizer:
    """Adam or Adagrad. Parameters of `model.embeddings` are tables whose gradient is row-sparse; the rest is dense.

    rate, table_rate: learning rates; weight_decay: L2 on dense matrices (added to the gradient; vectors such as biases
    have none); table_l2: L2 on the rows that a batch touches. `step(factor)` multiplies both rates.
    """

    def __init__(
        self,
        model: nn.Module,
        kind: Kind = "adam",
        *,
        rate: float = 1e-3,
        table_rate: float | None = None,
        weight_decay: float = 0.0,
        table_l2: float = 0.0,
        initial_accumulator: float = 0.0,
    ):
        embeddings = getattr(model, "embeddings", None)
        self.rows = Tables(embeddings, kind, rate if table_rate is None else table_rate, table_l2, initial_accumulator)
        own = {id(table) for table in self.rows.tables.values()}
        dense = [parameter for parameter in model.parameters() if id(parameter) not in own and parameter.numel()]
        self.rate = rate
        self.steps = 0
        groups = [
            {"params": [p for p in dense if p.ndim >= 2], "weight_decay": weight_decay},
            {"params": [p for p in dense if p.ndim < 2], "weight_decay": 0.0},
        ]
        groups = [group for group in groups if group["params"]]
        self.dense = _torch_optimizer(kind, groups, rate, initial_accumulator) if groups else None

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self._dense_parameters():
            parameter.grad = None
        self.rows.zero_grad()

    def clip(self, norm: float) -> None:
        """Scale the dense gradients so that their joint norm is at most `norm`."""
        torch.nn.utils.clip_grad_norm_(list(self._dense_parameters()), norm)

    @torch.no_grad()
    def step(self, factor: float = 1.0) -> None:
        """One update from the gradients that are there; parameters without one stay."""
        self.steps += 1
        if self.dense is not None:
            for group in self.dense.param_groups:
                group["lr"] = self.rate * factor
            self.dense.step()
        self.rows.step(self.steps, factor)

    def state(self) -> dict[str, Tensor]:
        """All that a resumed run needs, as tensors (not copied)."""
        found = {"steps": torch.tensor(self.steps), **self.rows.state()}
        for index, parameter in enumerate(self._dense_parameters()):
            assert self.dense is not None
            for part, value in self.dense.state[parameter].items():
                found[f"dense.{index}.{part}"] = cast(Tensor, value)
        return found

    def load(self, state: dict[str, Tensor]) -> None:
        """Take over a `state` of the same model and kind. KeyError if it is of another."""
        self.steps = int(state["steps"])
        self.rows.load(state)
        for index, parameter in enumerate(self._dense_parameters()):
            prefix = f"dense.{index}."
            own = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
            if own:
                assert self.dense is not None
                self.dense.state[parameter] = {part: value.clone() for part, value in own.items()}

    def _dense_parameters(self) -> Iterator[Tensor]:
        for group in self.dense.param_groups if self.dense is not None else ():
            yield from group["params"]


def _torch_optimizer(
    kind: Kind, groups: list[dict[str, object]], rate: float, initial_accumulator: float
) -> torch.optim.Optimizer:
    if kind == "adam":
        return torch.optim.Adam(groups, lr=rate, betas=(BETA1, BETA2), eps=EPS["adam"], fused=True)
    return torch.optim.Adagrad(
        groups, lr=rate, eps=EPS["adagrad"], initial_accumulator_value=initial_accumulator, foreach=True
    )
