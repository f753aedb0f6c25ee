"""Quality of click predictions: AUC, GAUC, LogLoss and calibration. Scores are logits where a probability is needed."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pimsim.errors import InputError

MAX_ROWS = 2**31  # twice the pairs of more rows would not fit 64-bit integers
CALIBRATION_BINS = 20


@dataclass(frozen=True)
class Metrics:
    """What a set of predictions is worth. `auc` is NaN where one class is absent, `gauc` None without groups.

    calibration: mean predicted over mean observed click rate (1 is right). calibration_error: mean absolute difference
    of predicted and observed rate over bins of equal numbers of rows.
    """

    rows: int
    auc: float
    logloss: float
    calibration: float
    calibration_error: float
    gauc: float | None = None

    def to_json(self) -> dict[str, float | int | None]:
        """The fields as JSON values; an AUC that is not defined becomes None."""
        return {key: None if value != value else value for key, value in asdict(self).items()}


def measure(labels: ArrayLike, logits: ArrayLike, groups: ArrayLike | None = None) -> Metrics:
    """All metrics of `logits` (n,) against `labels` (n,) of 0 and 1; groups (n,) are the keys for GAUC."""
    y, scores = _checked(labels, logits)
    return Metrics(
        rows=len(y),
        auc=auc(y, scores),
        logloss=log_loss(y, scores),
        calibration=calibration(y, scores),
        calibration_error=calibration_error(y, scores),
        gauc=None if groups is None else gauc(y, scores, groups),
    )


def auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """The chance that a random positive scores above a random negative, ties counting one half; NaN with one class.

    Exact: pairs are counted in integers from the sorted scores, in O(n log n).
    """
    y, s = _checked(labels, scores)
    order = np.argsort(s, kind="stable")
    s, positive = s[order], y[order].astype(np.int64)
    starts = _run_starts(s[1:] != s[:-1])
    wins, pairs = _twice_wins(positive, starts)
    return float(wins / (2 * pairs)) if pairs else float("nan")


def gauc(labels: ArrayLike, scores: ArrayLike, groups: ArrayLike) -> float:
    """AUC within each group, averaged with the group's rows as weights (Zhu et al., KDD 2017, eq. 9; DIN, KDD 2018).

    Groups with clicks only or none have no AUC and are left out; NaN if none remains.
    """
    y, s = _checked(labels, scores)
    keys = np.asarray(groups)
    if keys.shape != y.shape:
        raise InputError(f"groups must have one key a row, {y.shape}; got {keys.shape}")
    if not len(y):
        return float("nan")
    order = np.lexsort((s, keys))
    s, keys, positive = s[order], keys[order], y[order].astype(np.int64)
    new_group = keys[1:] != keys[:-1]
    starts = _run_starts(new_group)
    rows = np.diff(np.append(starts, len(y)))
    clicks = np.add.reduceat(positive, starts)
    tied = _run_starts(new_group | (s[1:] != s[:-1]))
    wins = _wins_by_group(positive, tied, starts)
    valid = (clicks > 0) & (clicks < rows)
    if not valid.any():
        return float("nan")
    own = wins[valid] / (2.0 * clicks[valid] * (rows - clicks)[valid])
    return float(np.average(own, weights=rows[valid]))


def log_loss(labels: ArrayLike, logits: ArrayLike) -> float:
    """Mean binary cross-entropy in nats, from logits, without clipping."""
    y, z = _checked(labels, logits)
    return float(np.mean(np.maximum(z, 0.0) - z * y + np.log1p(np.exp(-np.abs(z))))) if len(y) else float("nan")


def calibration(labels: ArrayLike, logits: ArrayLike) -> float:
    """Mean predicted over mean observed click rate (He et al., ADKDD 2014); NaN without a click."""
    y, z = _checked(labels, logits)
    clicks = float(y.sum())
    return float(probabilities(z).sum() / clicks) if clicks else float("nan")


def calibration_error(labels: ArrayLike, logits: ArrayLike, bins: int = CALIBRATION_BINS) -> float:
    """Mean |predicted - observed rate| over `bins` bins of equal numbers of rows, weighted by their rows."""
    y, z = _checked(labels, logits)
    if not len(y):
        return float("nan")
    order = np.argsort(z, kind="stable")
    gap = probabilities(z[order]) - y[order]
    edges = np.unique(np.linspace(0, len(y), bins + 1).astype(np.int64))
    return float(np.abs(np.add.reduceat(gap, edges[:-1])).sum() / len(y))


def probabilities(logits: ArrayLike) -> NDArray[np.float64]:
    """Sigmoid in float64, without overflow."""
    z = np.asarray(logits, np.float64)
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0 / (1.0 + small), small / (1.0 + small))


def _checked(labels: ArrayLike, scores: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    y, s = np.asarray(labels, np.float64), np.asarray(scores, np.float64)
    if y.ndim != 1 or y.shape != s.shape:
        raise InputError(f"labels and scores must be two lists of the same length; got {y.shape} and {s.shape}")
    if len(y) >= MAX_ROWS:
        raise InputError(f"at most {MAX_ROWS - 1} rows can be ranked; got {len(y)}")
    if not np.all((y == 0) | (y == 1)):
        raise InputError(f"labels must be 0 or 1; got {y[(y != 0) & (y != 1)][0]:g}")
    if np.isnan(s).any():
        raise InputError(f"{int(np.isnan(s).sum())} of {len(s)} scores are not numbers")
    return y, s


def _run_starts(changes: NDArray[np.bool_]) -> NDArray[np.int64]:
    """First index of every run, of `changes` between neighbours."""
    return np.concatenate([[0], np.flatnonzero(changes) + 1]).astype(np.int64)


def _twice_wins(positive: NDArray[np.int64], starts: NDArray[np.int64]) -> tuple[int, int]:
    """(twice the pairs won by a positive, ties counting one; all pairs) of sorted rows with runs of tied scores."""
    if not len(positive):
        return 0, 0
    clicks = int(positive.sum())
    return int(_wins_by_group(positive, starts, starts[:1])[0]), clicks * (len(positive) - clicks)


def _wins_by_group(
    positive: NDArray[np.int64], tied: NDArray[np.int64], groups: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Twice the pairs won in each group: a run of ties wins twice over the negatives below it and once in itself."""
    p = np.add.reduceat(positive, tied)
    n = np.diff(np.append(tied, len(positive))) - p
    below = np.cumsum(n) - n
    first_run = np.searchsorted(tied, groups)
    below -= np.repeat(below[first_run], np.diff(np.append(first_run, len(tied))))
    return np.add.reduceat(p * (2 * below + n), first_run)
