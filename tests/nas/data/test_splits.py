"""Is every row in exactly one split, by the rule that was asked for?"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.data.rows import Rows
from nas.data.spec import SplitRule
from nas.data.splitting import assign


def rows_of(order: np.ndarray, user: np.ndarray | None = None, part: np.ndarray | None = None) -> Rows:
    size = len(order)
    none = np.zeros(size, np.uint64)
    return Rows(
        np.zeros(size, np.uint8), np.empty((size, 0)), np.empty((size, 0), np.uint64),
        order.reshape(size, -1).astype(float), none if user is None else user.astype(np.uint64), none,
        np.zeros(size, np.int32),
        np.zeros(size, np.uint8) if part is None else part.astype(np.uint8),
    )  # fmt: skip


def test_random_shares_are_met_and_repeat_by_seed() -> None:
    rows = rows_of(np.arange(200_000))
    rule = SplitRule(kind="random", shares=(0.7, 0.2, 0.1))
    codes = assign(rule, rows, 0).codes
    assert np.bincount(codes) / len(codes) == pytest.approx([0.7, 0.2, 0.1], abs=0.005)
    assert np.array_equal(codes, assign(rule, rows, 0).codes)
    assert not np.array_equal(codes, assign(rule, rows, 1).codes)


@given(st.lists(st.integers(0, 30), min_size=10, max_size=60))
def test_chronological_splits_never_run_backwards(times: list[int]) -> None:
    found = assign(SplitRule(kind="chronological", by=("t",)), rows_of(np.array(times)), 0)
    size = len(times)
    assert found.order is not None
    keyed = sorted(range(size), key=lambda row: (times[row], row))
    assert found.order.tolist() == keyed, "ties keep the order of the file"
    assert found.codes[found.order].tolist() == [
        (rank >= size * 8 // 10) + (rank >= size * 9 // 10) for rank in range(size)
    ]


def test_shares_are_cut_in_whole_numbers() -> None:
    """0.7 + 0.1 is a little below 0.8 in floating point: the cut must not be."""
    for size in (10, 100, 228_329):
        codes = assign(
            SplitRule(kind="chronological", by=("t",), shares=(0.7, 0.1, 0.2)), rows_of(np.arange(size)), 0
        ).codes
        assert np.bincount(codes).tolist() == [size * 7 // 10, size * 8 // 10 - size * 7 // 10, size - size * 8 // 10]


@given(st.integers(0, 2**32 - 1), st.integers(60, 120))
def test_per_user_splits_are_each_users_own_and_ties_go_by_the_second_column(seed: int, size: int) -> None:
    users, times, movies = np.random.default_rng(seed).integers(0, [[5], [6], [100]], (3, size))
    rule = SplitRule(kind="per_user", by=("t", "m"), user="u")
    codes = assign(rule, rows_of(np.stack([times, movies], 1), users), 0).codes
    for user in set(users.tolist()):
        mine = sorted(np.flatnonzero(users == user), key=lambda row: (times[row], movies[row], row))
        wanted = [(rank >= len(mine) * 8 // 10) + (rank >= len(mine) * 9 // 10) for rank in range(len(mine))]
        assert [int(codes[row]) for row in mine] == wanted


def test_dates_and_files_go_where_they_are_sent() -> None:
    dates = np.array([1, 2, 3, 4, 3, 2, 1])
    codes = assign(SplitRule(kind="dates", by=("d",), validation=(3,), test=(4,)), rows_of(dates), 0).codes
    assert codes.tolist() == [0, 0, 1, 2, 1, 0, 0]
    part = np.repeat([0, 2], [1000, 50])
    codes = assign(SplitRule(kind="files"), rows_of(np.zeros(1050), part=part), 0).codes
    assert np.all(codes[1000:] == 2)
    assert np.all(codes[:1000] < 2)
    assert codes[:1000].sum() == pytest.approx(1000 / 9, abs=30)
    given_part = np.repeat([0, 1, 2], [100, 20, 30])
    codes = assign(SplitRule(kind="files"), rows_of(np.zeros(150), part=given_part), 0).codes
    assert np.array_equal(codes, given_part)
