"""Paired intervals of AUC by bootstrap over test rows and seeds.

A resample draws rows as counts, so that scores are sorted once and each AUC is one pass over them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pimsim.jit import compiled

LEVEL = 0.95
Matrix = NDArray[np.float64]


def weighted_auc(positive: Any, last: Any, weights: Any) -> float:
    """AUC of rows sorted by score, each counted `weights` times; ties count one half. Compiled by Numba.

    positive: bool (n,). last: bool (n,), true at the last row of each run of equal scores. NaN without both classes.
    """
    below, wins, positives, run_positive, run_negative = 0.0, 0.0, 0.0, 0.0, 0.0
    for row in range(len(positive)):
        if positive[row]:
            run_positive += weights[row]
        else:
            run_negative += weights[row]
        if last[row]:
            wins += run_positive * (below + 0.5 * run_negative)
            below += run_negative
            positives += run_positive
            run_positive = 0.0
            run_negative = 0.0
    pairs = positives * below
    return wins / pairs if pairs > 0.0 else np.nan


class Ranked:
    """Scores (n,) against labels (n,), sorted once. ranked(counts) -> the AUC where row i stands counts[i] times."""

    def __init__(self, labels: NDArray[Any], scores: NDArray[Any]):
        self.order = np.argsort(scores, kind="stable")
        own = np.asarray(scores)[self.order]
        self.positive = np.asarray(labels)[self.order] > 0
        self.last = np.append(own[1:] != own[:-1], True)

    def __call__(self, counts: NDArray[Any]) -> float:
        return float(compiled(weighted_auc)(self.positive, self.last, counts[self.order].astype(np.float64)))


def resampled(
    labels: NDArray[Any], models: Mapping[str, Sequence[NDArray[Any]]], resamples: int, seed: int, shared: bool
) -> dict[str, Matrix]:
    """Mean AUC over seeds of every model in every resample: (resamples,) each.

    models: name -> the scores of its seeds; a model that draws nothing has one. A resample draws as many seeds as there
    are, with replacement, and rows for each seed drawn (rows nested in seeds). shared: one draw of rows for all seeds
    of a resample, as all seeds are measured on the same rows: the wider interval.
    """
    generator = np.random.default_rng(seed)
    ranked = {name: [Ranked(labels, scores) for scores in runs] for name, runs in models.items()}
    slots, rows = max(map(len, ranked.values())), len(labels)
    found = {name: np.zeros(resamples) for name in ranked}
    for at in range(resamples):
        drawn = generator.integers(0, slots, slots)
        counts = [np.bincount(generator.integers(0, rows, rows), minlength=rows) for _ in range(1 if shared else slots)]
        for name, runs in ranked.items():
            values = {}
            for slot, chosen in enumerate(drawn):
                key = (int(chosen) % len(runs), 0 if shared else slot)
                if key not in values:
                    values[key] = runs[key[0]](counts[key[1]])
                found[name][at] += values[key] / slots
    return found


def interval(differences: Matrix) -> list[float]:
    """The middle 95 % of a bootstrap distribution."""
    tail = (1.0 - LEVEL) / 2.0
    return [float(value) for value in np.quantile(differences, [tail, 1.0 - tail])]


def p_value(differences: Matrix) -> float:
    """Two-sided: twice the smaller share of resamples on one side of zero, never below 2 / (resamples + 1)."""
    below, above = int((differences <= 0).sum()), int((differences >= 0).sum())
    return float(min(1.0, 2.0 * (1 + min(below, above)) / (len(differences) + 1)))
