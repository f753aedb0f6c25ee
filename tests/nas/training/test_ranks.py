"""Is tau that of SciPy, with ties and repeated items, and are its errors told?"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kendalltau

from nas.training.ranks import kendall_tau, resampled_tau
from pimsim.errors import InputError


@pytest.mark.parametrize("levels", [2, 5, 1000])
def test_is_tau_b_with_and_without_ties(levels):
    generator = np.random.default_rng(levels)
    for _ in range(20):
        one, two = generator.integers(levels, size=(2, 30))
        assert kendall_tau(one, two) == pytest.approx(kendalltau(one, two).statistic, nan_ok=True)


def test_counts_repeat_items():
    generator = np.random.default_rng(1)
    one, two = generator.random((2, 12))
    counts = generator.multinomial(12, np.full(12, 1 / 12), 5)
    expected = [kendalltau(np.repeat(one, times), np.repeat(two, times)).statistic for times in counts]
    assert resampled_tau(one, two, counts) == pytest.approx(expected)


def test_same_and_reversed_order():
    assert kendall_tau([1, 2, 3], [10, 20, 40]) == 1.0
    assert kendall_tau([1, 2, 3], [3, 2, 1]) == -1.0


def test_constant_scores_have_no_tau():
    assert np.isnan(kendall_tau([1, 1, 1], [1, 2, 3]))


def test_lists_of_different_lengths():
    with pytest.raises(InputError, match=r"two lists of n values, counts \(draws, n\); got \(2,\), \(3,\), \(1, 2\)"):
        kendall_tau([1, 2], [1, 2, 3])


def test_scores_that_are_not_finite():
    with pytest.raises(InputError, match="must be finite"):
        kendall_tau([1, float("nan")], [1, 2])
