"""Does the benchmark of batched evaluation measure what it says, on a miniature scale?"""

from __future__ import annotations

import pytest

from validation.benchmarks import batched


def test_rates_stand_against_their_bars() -> None:
    plain, _, replicated, _, limit = batched.over_points(count=20, repetitions=1, singles=2)
    assert plain.bar == pytest.approx(1e6 / 300_000)
    assert replicated.bar == pytest.approx(20.0)
    assert "x simulate()" in batched.over_points(count=20, repetitions=1, singles=2)[1].detail
    assert limit.value > 0.0
    lists, arrays = batched.over_networks(count=100, repetitions=1)
    assert (lists.bar, arrays.bar) == (pytest.approx(1e6 / 30_000), pytest.approx(10.0))


def test_no_point_of_the_warm_up_comes_again() -> None:
    warm, first = (batched.points(200, seed, "none") for seed in (0, 1))
    read = "crossbar.read_ns"
    assert not set(warm.column(read).numbers.tolist()) & set(first.column(read).numbers.tolist())


def test_chunks_are_linear_and_small() -> None:
    ratio, memory = batched.chunks(layer_points=6e4, chunk=500)
    assert (ratio.bar, memory.bar) == (1.1, 1000.0)
    assert ratio.value > 0.0
