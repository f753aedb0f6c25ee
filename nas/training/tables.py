"""Row-sparse Adam and Adagrad for embedding tables: a step reads and writes the rows of its batch, and no others."""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from nas.training.row_kernels import adagrad_rows, adam_rows, sum_rows
from pimsim.jit import compiled

BETA1, BETA2 = 0.9, 0.999
EPS = {"adam": 1e-8, "adagrad": 1e-10}
MOMENTS = {"adam": ("first", "second"), "adagrad": ("square",)}
Kind = Literal["adam", "adagrad"]


def corrections(steps: int) -> tuple[float, float]:
    """Adam's 1 - beta^t of both moments."""
    return 1.0 - BETA1**steps, 1.0 - BETA2**steps


class Tables:
    """The parameters of a module of embeddings, and the state of their optimiser. l2 is added to the gradient of the
    rows that a batch touches."""

    def __init__(self, embeddings: nn.Module | None, kind: Kind, rate: float, l2: float, initial_accumulator: float):
        self.tables = dict(embeddings.named_parameters()) if embeddings is not None else {}
        self.kind: Kind = kind
        self.rate, self.l2 = rate, l2
        fill = initial_accumulator if kind == "adagrad" else 0.0
        self.moments = {
            name: tuple(torch.full_like(table, fill, requires_grad=False) for _ in MOMENTS[kind])
            for name, table in self.tables.items()
        }
        self._slots = {
            name: np.full(len(table), -1, np.int32) for name, table in self.tables.items() if table.device.type == "cpu"
        }

    def zero_grad(self) -> None:
        for table in self.tables.values():
            table.grad = None

    @torch.no_grad()
    def step(self, steps: int, factor: float) -> None:
        """Update number `steps` (from 1), the rate times `factor`."""
        for name, table in self.tables.items():
            if table.grad is not None and table.numel():
                self._update(name, table, table.grad, self.rate * factor, corrections(steps))

    def _update(self, name: str, table: Tensor, gradient: Tensor, rate: float, corrected: tuple[float, float]) -> None:
        moments = self.moments[name]
        if table.device.type != "cpu":
            update_by_torch(self.kind, table, moments, gradient, rate, self.l2, corrected)
            return
        if not gradient.is_sparse:
            gradient = gradient.to_sparse(1)
        ids = gradient._indices()[0].numpy()
        values = gradient._values().detach().contiguous().numpy()
        rows, sums = np.empty(len(ids), np.int64), np.empty_like(values)
        count = compiled(sum_rows)(ids, values, self._slots[name], rows, sums)
        arrays = (table.detach().numpy(), *(moment.numpy() for moment in moments), rows, sums, count)
        if self.kind == "adagrad":
            compiled(adagrad_rows)(*arrays, rate, self.l2, EPS["adagrad"])
        else:
            compiled(adam_rows)(*arrays, rate, self.l2, EPS["adam"], BETA1, BETA2, *corrected)

    def state(self) -> dict[str, Tensor]:
        """The moments by name (not copied)."""
        return {
            f"tables.{name}.{part}": moment
            for name, moments in self.moments.items()
            for part, moment in zip(MOMENTS[self.kind], moments, strict=True)
        }

    @torch.no_grad()
    def load(self, state: dict[str, Tensor]) -> None:
        """Take over a `state`. KeyError if it is of other tables."""
        for key, moment in self.state().items():
            moment.copy_(state[key])


def update_by_torch(
    kind: Kind, table: Tensor, moments: tuple[Tensor, ...], gradient: Tensor, rate: float, l2: float,
    corrected: tuple[float, float],
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
        change = (m / corrected[0]) / ((v / corrected[1]).sqrt() + EPS["adam"])
    table.index_copy_(0, rows, own - rate * change)
