"""The optimiser of a model with embedding tables: rows of a batch are updated alone, everything else by torch.optim."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, cast

import numpy as np
import torch
from torch import Tensor, nn

from nas.training.row_kernels import adagrad_rows, adam_rows, sum_rows
from pimsim.jit import compiled

BETA1, BETA2 = 0.9, 0.999
EPS = {"adam": 1e-8, "adagrad": 1e-10}
MOMENTS = {"adam": ("first", "second"), "adagrad": ("square",)}
Kind = Literal["adam", "adagrad"]


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
        self.tables = dict(embeddings.named_parameters()) if isinstance(embeddings, nn.Module) else {}
        own = {id(table) for table in self.tables.values()}
        dense = [parameter for parameter in model.parameters() if id(parameter) not in own and parameter.numel()]
        self.kind: Kind = kind
        self.rate, self.table_rate, self.table_l2 = rate, rate if table_rate is None else table_rate, table_l2
        self.steps = 0
        groups = [
            {"params": [p for p in dense if p.ndim >= 2], "weight_decay": weight_decay},
            {"params": [p for p in dense if p.ndim < 2], "weight_decay": 0.0},
        ]
        groups = [group for group in groups if group["params"]]
        self.dense = _torch_optimizer(kind, groups, rate, initial_accumulator) if groups else None
        fill = initial_accumulator if kind == "adagrad" else 0.0
        self.moments = {
            name: tuple(torch.full_like(table, fill, requires_grad=False) for _ in MOMENTS[kind])
            for name, table in self.tables.items()
        }
        self._slots = {
            name: np.full(len(table), -1, np.int32) for name, table in self.tables.items() if table.device.type == "cpu"
        }

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self._parameters():
            parameter.grad = None

    def clip(self, norm: float) -> None:
        """Scale the dense gradients so that their joint norm is at most `norm`."""
        if self.dense is not None:
            torch.nn.utils.clip_grad_norm_([p for group in self.dense.param_groups for p in group["params"]], norm)

    @torch.no_grad()
    def step(self, factor: float = 1.0) -> None:
        """One update from the gradients that are there; parameters without one stay."""
        self.steps += 1
        if self.dense is not None:
            for group in self.dense.param_groups:
                group["lr"] = self.rate * factor
            self.dense.step()
        for name, table in self.tables.items():
            if table.grad is not None and table.numel():
                self._update(name, table, table.grad, self.table_rate * factor)

    def _update(self, name: str, table: Tensor, gradient: Tensor, rate: float) -> None:
        moments = self.moments[name]
        corrections = (1.0 - BETA1**self.steps, 1.0 - BETA2**self.steps)
        if table.device.type != "cpu":
            _update_by_torch(self.kind, table, moments, gradient, rate, self.table_l2, corrections)
            return
        if not gradient.is_sparse:
            gradient = gradient.to_sparse(1)
        ids = gradient._indices()[0].numpy()
        values = gradient._values().detach().contiguous().numpy()
        rows, sums = np.empty(len(ids), np.int64), np.empty_like(values)
        count = compiled(sum_rows)(ids, values, self._slots[name], rows, sums)
        arrays = (table.detach().numpy(), *(moment.numpy() for moment in moments), rows, sums, count)
        if self.kind == "adagrad":
            compiled(adagrad_rows)(*arrays, rate, self.table_l2, EPS["adagrad"])
        else:
            compiled(adam_rows)(*arrays, rate, self.table_l2, EPS["adam"], BETA1, BETA2, *corrections)

    def state(self) -> dict[str, Tensor]:
        """All that a resumed run needs, as tensors (not copied)."""
        found = {"steps": torch.tensor(self.steps)}
        for name, moments in self.moments.items():
            for part, moment in zip(MOMENTS[self.kind], moments, strict=True):
                found[f"tables.{name}.{part}"] = moment
        for index, parameter in enumerate(self._dense_parameters()):
            for part, value in self._dense_state(parameter).items():
                found[f"dense.{index}.{part}"] = cast(Tensor, value)
        return found

    @torch.no_grad()
    def load(self, state: dict[str, Tensor]) -> None:
        """Take over a `state` of the same model and kind. KeyError if it is of another."""
        self.steps = int(state["steps"])
        for name, moments in self.moments.items():
            for part, moment in zip(MOMENTS[self.kind], moments, strict=True):
                moment.copy_(state[f"tables.{name}.{part}"])
        for index, parameter in enumerate(self._dense_parameters()):
            prefix = f"dense.{index}."
            own = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
            if own:
                assert self.dense is not None
                self.dense.state[parameter] = {part: value.clone() for part, value in own.items()}

    def _dense_state(self, parameter: Tensor) -> dict[str, object]:
        return dict(self.dense.state[parameter]) if self.dense is not None else {}

    def _dense_parameters(self) -> Iterator[Tensor]:
        for group in self.dense.param_groups if self.dense is not None else ():
            yield from group["params"]

    def _parameters(self) -> Iterable[Tensor]:
        return (*self._dense_parameters(), *self.tables.values())


def _torch_optimizer(
    kind: Kind, groups: list[dict[str, object]], rate: float, initial_accumulator: float
) -> torch.optim.Optimizer:
    if kind == "adam":
        return torch.optim.Adam(groups, lr=rate, betas=(BETA1, BETA2), eps=EPS["adam"], fused=True)
    return torch.optim.Adagrad(
        groups, lr=rate, eps=EPS["adagrad"], initial_accumulator_value=initial_accumulator, foreach=True
    )


def _update_by_torch(
    kind: Kind, table: Tensor, moments: tuple[Tensor, ...], gradient: Tensor, rate: float, l2: float,
    corrections: tuple[float, float],
) -> None:  # fmt: skip
    """The kernels' twin in torch, for tables on a GPU."""
    summed = gradient.coalesce() if gradient.is_sparse else gradient.to_sparse(1).coalesce()
    rows = summed.indices()[0]
    own = table[rows]
    g = summed.values() + l2 * own
    if kind == "adagrad":
        total = moments[0][rows] + g * g
        moments[0].index_copy_(0, rows, total)
        change = g / (total.sqrt() + EPS["adagrad"])
    else:
        m = moments[0][rows].lerp(g, 1.0 - BETA1)
        v = moments[1][rows].mul(BETA2).addcmul(g, g, value=1.0 - BETA2)
        moments[0].index_copy_(0, rows, m)
        moments[1].index_copy_(0, rows, v)
        change = (m / corrections[0]) / ((v / corrections[1]).sqrt() + EPS["adam"])
    table.index_copy_(0, rows, own - rate * change)
