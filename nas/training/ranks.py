"""Rank correlation of two lists of scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pimsim.errors import InputError


def kendall_tau(first: ArrayLike, second: ArrayLike) -> float:
    """Kendall's tau-b of two scores (n,) each of the same items: 1 for the same order, -1 for the reverse, NaN where a
    list has no two values. Every pair is compared: O(n^2) time and memory.

    Kendall, "The treatment of ties in ranking problems", Biometrika 1945.
    """
    return float(resampled_tau(first, second, np.ones((1, len(np.atleast_1d(first)))))[0])


def resampled_tau(first: ArrayLike, second: ArrayLike, counts: ArrayLike) -> NDArray[np.float64]:
    """tau-b (draws,) of lists in which item i occurs counts[draw, i] times, for a bootstrap over items."""
    a, b, times = (np.asarray(values, np.float64) for values in (first, second, counts))
    if a.ndim != 1 or a.shape != b.shape or times.ndim != 2 or times.shape[1] != len(a):
        shapes = ", ".join(str(values.shape) for values in (a, b, times))
        raise InputError(f"scores are two lists of n values, counts (draws, n); got {shapes}")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise InputError("scores that are compared by rank must be finite")
    one, two = np.sign(a[:, None] - a), np.sign(b[:, None] - b)
    agreeing, of_one, of_two = (_pairs(signs, times) for signs in (one * two, one * one, two * two))
    with np.errstate(invalid="ignore"):
        return agreeing / np.sqrt(of_one * of_two)


def _pairs(signs: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Twice the sum of signs[i, j] over the pairs of each draw."""
    found: NDArray[np.float64] = ((times @ signs) * times).sum(1)
    return found
