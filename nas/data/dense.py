"""Numeric columns: transforms and bins, fitted on the training rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.data.values import Numbers

SAMPLE = 2**20  # training rows that quantile bins are taken from

_STEPS: dict[str, Callable[[Any], Any]] = {
    "log1p": lambda x: np.log1p(np.maximum(x, 0.0)),
    # The winners of Criteo's Kaggle contest (Juan, Zhuang, Chin, 2014): numbers above 2 as floor(log(x)^2).
    "log_squared": lambda x: np.where(x > 2.0, np.floor(np.log(np.maximum(x, 1.0)) ** 2), x),
    "signed_log": lambda x: np.sign(x) * np.log1p(np.abs(x)),
}


@dataclass(frozen=True)
class DenseFit:
    """What is known of one column. mean and deviation are those of the training rows after the transforms before
    `standard`; edges (n,) ascending bounds of the bins, none without bins."""

    name: str
    transform: tuple[str, ...]
    missing: float
    mean: float = 0.0
    deviation: float = 1.0
    edges: NDArray[np.float64] | None = None

    @property
    def bin_rows(self) -> int:
        return 0 if self.edges is None else len(self.edges) + 2

    def apply(self, numbers: Numbers) -> NDArray[np.float32]:
        """float32 (n,): the column as models see it."""
        values = numbers
        for step in self.transform:
            values = (values - self.mean) / self.deviation if step == "standard" else _STEPS[step](values)
        return np.where(np.isnan(values), self.missing, values).astype(np.float32)

    def bins(self, numbers: Numbers) -> NDArray[np.int32]:
        """int32 (n,): 0 where missing, else 1 + the number of edges at or below the value."""
        assert self.edges is not None
        found = 1 + np.searchsorted(self.edges, numbers, side="right")
        return np.where(np.isnan(numbers), 0, found).astype(np.int32)


def fit_dense(
    name: str, transform: tuple[str, ...], missing: float, bins: int, chunks: Callable[[], Iterator[Numbers]], size: int
) -> DenseFit:
    """The fit over the training rows, which `chunks()` gives anew at each call; `size` is their number."""
    before = transform[: transform.index("standard")] if "standard" in transform else None
    mean, deviation = (0.0, 1.0) if before is None else _moments(before, chunks)
    edges = _edges(bins, chunks, size) if bins else None
    return DenseFit(name, transform, missing, mean, deviation, edges)


def _moments(before: tuple[str, ...], chunks: Callable[[], Iterator[Numbers]]) -> tuple[float, float]:
    """Mean and deviation in two passes; (0, 1) without a value, deviation 1 for a constant."""

    def present() -> Iterator[Numbers]:
        for values in chunks():
            for step in before:
                values = _STEPS[step](values)
            yield values[~np.isnan(values)]

    count, total = 0, 0.0
    for values in present():
        count, total = count + len(values), total + float(values.sum())
    if not count:
        return 0.0, 1.0
    mean = total / count
    squares = sum(float(((values - mean) ** 2).sum()) for values in present())
    deviation = float(np.sqrt(squares / count))
    return mean, deviation if deviation > 1e-12 * max(1.0, abs(mean)) else 1.0


def _edges(bins: int, chunks: Callable[[], Iterator[Numbers]], size: int) -> NDArray[np.float64]:
    """Quantiles of the values beside the most frequent one, which has a bin of its own (most columns are mostly 0)."""
    stride = -(-size // SAMPLE)
    seen, pieces = 0, []
    for values in chunks():
        pieces.append(values[-seen % stride :: stride])
        seen += len(values)
    sample = np.concatenate(pieces) if pieces else np.empty(0)
    sample = sample[~np.isnan(sample)]
    if not len(sample):
        return np.empty(0)
    distinct, counts = np.unique(sample, return_counts=True)
    mode = distinct[counts.argmax()]
    others = sample[sample != mode]
    cuts = np.quantile(others, np.arange(1, bins) / bins, method="higher") if len(others) else np.empty(0)
    return np.unique([*cuts, mode, np.nextafter(mode, np.inf)])
