"""Logistic regression fitted until its gradient is small: the linear model that head-room is measured against.

The weights of one-hot fields differ by orders of magnitude in curvature (a rare id against the bias), so L-BFGS runs on
weights scaled by the root of an estimate of their curvature; without that, hundreds of iterations stop far from the
optimum and look finished.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_array

from nas.baselines.logistic import Net, Settings
from nas.data.batch import Batch, Split
from nas.training.metrics import probabilities

ROWS_AT_A_TIME = 65536
Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Fit:
    """gradient: largest absolute entry of the objective's gradient, and its Euclidean norm, at the solution.

    converged: whether the largest entry is within the tolerance that was asked for.
    """

    converged: bool
    iterations: int
    objective: float
    gradient: float
    gradient_norm: float


def fit_logistic(
    model: Net, split: Split, settings: Settings, report: Callable[[int, float], None] | None = None
) -> Fit:
    """Set `model` to the optimum of mean LogLoss + l2 / 2 |w|^2 on the rows of `split` (the bias bears no penalty).

    Bin edges are the quantiles of the rows. report(iteration, objective) is called after every iteration.
    Deterministic: float64, one order of summation.
    """
    if model.bins.shape[1]:
        model.edges.copy_(_quantiles(split, model.bins.shape[1]))
    design = design_matrix(model, split)
    turned = design.T.tocsr()  # both products then run along rows in memory
    y = np.asarray(split.labels, np.float64)
    penalty = np.full(design.shape[1], settings.l2)
    penalty[-1] = 0.0
    rate = float(y.mean())
    curvature = max(rate * (1.0 - rate), 1e-6) * np.asarray(turned.power(2).sum(axis=1)).ravel() / len(y) + penalty
    scale = 1.0 / np.sqrt(np.maximum(curvature, 1e-12))
    iterations, latest = 0, np.inf  # largest gradient entry at the last point tried, which is the one accepted

    def objective(w: Vector) -> tuple[float, Vector]:
        z = design @ w
        loss = np.mean(np.logaddexp(0.0, z) - z * y) + 0.5 * float(penalty @ (w * w))
        return float(loss), turned @ (probabilities(z) - y) / len(y) + penalty * w

    def scaled(v: Vector) -> tuple[float, Vector]:
        nonlocal latest
        value, gradient = objective(v * scale)
        latest = float(np.abs(gradient).max())
        return value, gradient * scale

    def counted(intermediate_result: Any) -> None:
        nonlocal iterations
        iterations += 1
        if report is not None:
            report(iterations, float(intermediate_result.fun))
        if latest <= settings.gradient_tolerance:
            raise StopIteration

    start = np.zeros(design.shape[1])
    start[-1] = np.log(rate / (1.0 - rate)) / scale[-1] if 0.0 < rate < 1.0 else 0.0
    options = {"maxiter": settings.max_iterations, "maxfun": 4 * settings.max_iterations, "maxcor": 20}
    found = minimize(
        scaled, start, jac=True, method="L-BFGS-B", callback=counted, options={**options, "ftol": 0.0, "gtol": 0.0}
    )
    weights = found.x * scale
    value, gradient = objective(weights)
    _put(model, weights)
    largest = float(np.abs(gradient).max())
    return Fit(largest <= settings.gradient_tolerance, iterations, value, largest, float(np.linalg.norm(gradient)))


def design_matrix(model: Net, split: Split) -> csr_array:
    """(n, rows of all tables + D + D x bins + 1): what the weights multiply, in the order of `_put`."""
    pieces = [_design_rows(model, batch) for batch in split.batches(ROWS_AT_A_TIME)]
    data, columns = np.concatenate([p[0] for p in pieces]), np.concatenate([p[1] for p in pieces])
    per_row = columns.size // split.size
    pointers = np.arange(0, columns.size + 1, per_row, dtype=np.int64)
    width = sum(parameter.numel() for parameter in _parameters(model))
    matrix = csr_array((data, columns.astype(np.int32), pointers), shape=(split.size, width))
    matrix.sum_duplicates()  # an id that stands twice in a pooled field
    matrix.eliminate_zeros()
    return matrix


def _design_rows(model: Net, batch: Batch) -> tuple[Vector, NDArray[np.int64]]:
    """(values, columns), each with the same number of entries a row, flattened."""
    n = len(batch)
    tables: Any = model.embeddings["weights"]
    table_rows, dense_columns, bins = len(tables.weight), batch.dense.shape[1], model.bins.shape[1]
    values = [_pooling(tables, batch.sparse), batch.dense.astype(np.float64)]
    columns = [
        batch.sparse + tables.offsets.numpy(),
        np.broadcast_to(table_rows + np.arange(dense_columns), batch.dense.shape),
    ]
    if model.bins.numel():
        places = model.bin_of(torch.from_numpy(batch.dense)).numpy()
        values.append(np.ones(places.shape))
        columns.append(table_rows + dense_columns + np.arange(dense_columns) * bins + places)
    values.append(np.ones((n, 1)))
    columns.append(np.full((n, 1), table_rows + dense_columns + model.bins.numel()))
    return np.concatenate(values, 1).ravel(), np.concatenate(columns, 1).ravel().astype(np.int64)


def _pooling(tables: Any, sparse: NDArray[np.int64]) -> Vector:
    """What each id counts: 1, or in pooled fields 0 for padding and with mean the share of its place."""
    parts, column = [], 0
    for pooling, length in tables.pooled:
        ids = sparse[:, column : column + length]
        used = (ids != 0).astype(np.float64) if pooling else np.ones(ids.shape)
        parts.append(used / np.maximum(1.0, used.sum(1, keepdims=True)) if pooling == "mean" else used)
        column += length
    return np.concatenate([np.empty((len(sparse), 0)), *parts], 1)


def _quantiles(split: Split, bins: int) -> torch.Tensor:
    """(D, bins - 1) edges; equal quantiles (a column with few values) give one edge, the rest infinite."""
    edges = np.full((split.dense.shape[1], bins - 1), np.inf, np.float32)
    for column in range(len(edges)):
        cuts = np.quantile(split.dense[:, column], np.arange(1, bins) / bins, method="inverted_cdf")
        own = np.unique(cuts.astype(np.float32))
        edges[column, : len(own)] = own
    return torch.from_numpy(edges)


def _parameters(model: Net) -> tuple[torch.nn.Parameter, ...]:
    tables: Any = model.embeddings["weights"]
    return (tables.weight, model.slopes, model.bins, model.bias)


@torch.no_grad()
def _put(model: Net, weights: Vector) -> None:
    start = 0
    for parameter in _parameters(model):
        own = weights[start : start + parameter.numel()]
        parameter.copy_(torch.from_numpy(own.reshape(parameter.shape)))
        start += parameter.numel()
