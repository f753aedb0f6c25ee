"""Are the metrics those of their definitions, with ties, empty classes and groups?"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from nas.training.metrics import auc, calibration, calibration_error, gauc, log_loss, measure, probabilities
from pimsim.errors import InputError

ROWS = st.integers(0, 60)


@st.composite
def predictions(draw):
    size = draw(ROWS)
    labels = draw(hnp.arrays(np.int64, size, elements=st.integers(0, 1)))
    levels = draw(st.sampled_from([2, 5, 1000]))  # few levels: many ties
    scores = draw(hnp.arrays(np.int64, size, elements=st.integers(-levels, levels))) / 3.0
    groups = draw(hnp.arrays(np.int64, size, elements=st.integers(-3, 3)))
    return labels, scores, groups


def auc_of_all_pairs(labels, scores):
    """The definition: every positive against every negative."""
    won, pairs = 0.0, 0
    for positive in scores[labels == 1]:
        for negative in scores[labels == 0]:
            won += 1.0 if positive > negative else 0.5 if positive == negative else 0.0
            pairs += 1
    return won / pairs if pairs else math.nan


@given(predictions())
def test_auc_equals_the_count_over_all_pairs(data):
    labels, scores, _ = data
    assert auc(labels, scores) == pytest.approx(auc_of_all_pairs(labels, scores), abs=1e-15, nan_ok=True)


@given(predictions())
def test_gauc_equals_the_weighted_mean_over_groups(data):
    labels, scores, groups = data
    total, weight = 0.0, 0
    for key in np.unique(groups):
        own = groups == key
        value = auc_of_all_pairs(labels[own], scores[own])
        if not math.isnan(value):
            total, weight = total + value * own.sum(), weight + own.sum()
    assert gauc(labels, scores, groups) == pytest.approx(total / weight if weight else math.nan, abs=1e-12, nan_ok=True)


@given(predictions())
def test_auc_of_turned_scores_is_the_complement(data):
    labels, scores, _ = data
    assert auc(labels, -scores) == pytest.approx(1.0 - auc(labels, scores), abs=1e-15, nan_ok=True)


def test_auc_by_hand():
    # Positives 0.9 and 0.5, negatives 0.5 and 0.1: wins 2 + 1.5 of 4 pairs.
    assert auc([1, 0, 1, 0], [0.9, 0.5, 0.5, 0.1]) == 3.5 / 4


def test_auc_keeps_exact_counts_of_many_pairs():
    labels = np.zeros(200_001)
    labels[::2] = 1
    scores = np.arange(200_001.0)
    # Positive at 2k beats the k negatives below it.
    positives, negatives = 100_001, 100_000
    assert auc(labels, scores) == (positives * (positives - 1) // 2) / (positives * negatives)


def test_log_loss_by_hand():
    assert log_loss([1, 0], [0.0, 0.0]) == pytest.approx(math.log(2.0))
    assert log_loss([1, 0], [math.log(3.0), math.log(3.0)]) == pytest.approx((math.log(4 / 3) + math.log(4.0)) / 2)
    assert log_loss([0, 1], [1000.0, -1000.0]) == 1000.0  # neither clipped nor overflown


def test_calibration_by_hand():
    assert calibration([1, 0, 0, 0], [0.0] * 4) == pytest.approx(2.0)
    assert math.isnan(calibration([0, 0], [0.0, 0.0]))
    # Two bins: predicted 0.25 against 0 observed, predicted 0.75 against 0.5.
    quarter = math.log(1 / 3)
    assert calibration_error([0, 0, 1, 0], [quarter, quarter, -quarter, -quarter], bins=2) == pytest.approx(0.25)


def test_probabilities_do_not_overflow():
    assert probabilities([-1e4, 0.0, 1e4]).tolist() == [0.0, 0.5, 1.0]


def test_measure_holds_all_and_is_json():
    found = measure([0, 1, 1], [0.1, 0.2, 0.0], [5, 5, 6])
    assert (found.rows, found.auc, found.gauc) == (3, 0.5, 1.0)
    assert found.to_json()["auc"] == 0.5
    assert measure([1, 1], [0.0, 1.0]).to_json()["auc"] is None


@pytest.mark.parametrize(
    ("labels", "scores", "text"),
    [
        ([0, 1], [0.1], r"labels and scores must be two lists of the same length; got \(2,\) and \(1,\)"),
        ([0, 2], [0.1, 0.2], "labels must be 0 or 1; got 2"),
        ([0, 1], [0.1, math.nan], "1 of 2 scores are not numbers"),
    ],
)
def test_bad_predictions_are_refused(labels, scores, text):
    with pytest.raises(InputError, match=text):
        auc(labels, scores)


def test_groups_of_another_length_are_refused():
    with pytest.raises(InputError, match=r"groups must have one key a row, \(2,\); got \(1,\)"):
        gauc([0, 1], [0.1, 0.2], [1])
