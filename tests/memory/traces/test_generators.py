"""Do made traces follow their law, come out the same for a seed, and in bounded memory?"""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from pimsim.errors import InputError
from pimsim.jit import compiled
from pimsim.memory.traces import TableShape
from pimsim.memory.traces import stack as lru
from pimsim.memory.traces import zipf as law
from pimsim.memory.traces.generators import KIND_NAMES, Recipe, even_tables, parse_curve
from pimsim.memory.traces.scatter import Scatter
from pimsim.memory.traces.zipf import Zipf

SEED = 5


def made(recipe: Recipe, size: int = 2**18) -> dict[str, np.ndarray]:
    pieces = list(recipe.chunks(size))
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in recipe.header().columns}


@pytest.mark.parametrize("exponent", [0.0, 0.5, 0.99, 1.0, 1.05, 2.0, 6.0])
def test_ranks_follow_zipf(exponent: float) -> None:
    """Chi-square of the ranks against k^-exponent, those with few expected together; at one in a thousand."""
    count, rows = 100_000, 300
    drawn = Zipf(rows, exponent, np.random.default_rng(SEED)).take(count)
    assert drawn.min() >= 1
    assert drawn.max() <= rows
    expected = np.arange(1, rows + 1) ** -exponent
    expected *= count / expected.sum()
    seen = np.bincount(drawn, minlength=rows + 1)[1:]
    last = int(np.searchsorted(np.cumsum(expected[::-1]), 5.0)) + 1
    merged = [np.append(values[: rows - last], values[rows - last :].sum()) for values in (seen, expected)]
    assert stats.chisquare(*merged).pvalue > 1e-3


@given(st.integers(1, 2**40), st.floats(0, 20), st.integers(0, 2**32))
def test_the_kernel_of_ranks_is_its_plain_lines(rows: int, exponent: float, seed: int) -> None:
    uniforms = np.random.default_rng(seed).random(50)
    uniforms[:2] = 0.0, 1.0 - 2.0**-53
    plain, fast = np.zeros(40, dtype=np.int64), np.zeros(40, dtype=np.int64)
    first, second = np.zeros(2, dtype=np.int64), np.zeros(2, dtype=np.int64)
    law.draw(uniforms, rows, exponent, plain, first)
    compiled(law.draw, law.hat, law.hat_inverse)(uniforms, rows, exponent, fast, second)
    assert first.tolist() == second.tolist()
    assert first[1] >= 1
    assert plain[: first[1]].min() >= 1
    assert plain[: first[1]].max() <= rows
    # To the digit: how many rows there are decides which of the two draws them, and a seed means one file.
    assert plain.tolist() == fast.tolist()


@given(st.integers(1, 3000), st.integers(0, 2**32))
def test_scattering_is_a_permutation(rows: int, seed: int) -> None:
    scatter = Scatter(rows, np.random.default_rng(seed))
    assert sorted(scatter.rows_of(np.arange(rows)).tolist()) == list(range(rows))


def test_scattering_of_the_largest_table_stays_inside() -> None:
    found = Scatter(2**40, np.random.default_rng(1)).rows_of(np.array([0, 1, 2**40 - 1]))
    assert (found >= 0).all()
    assert len(set(found.tolist())) == 3


@settings(max_examples=40)
@given(st.lists(st.integers(0, 12), max_size=80), st.integers(1, 9), st.integers(1, 9))
def test_the_stack_is_one(distances: list[int], rows: int, depth: int) -> None:
    """Against a list that is a stack, with few slots, so that they are closed up often."""
    depth = min(depth, rows)
    slots = 1 << (2 * depth - 1).bit_length()
    owner, inside = np.full(slots, -1, dtype=np.int64), np.zeros(rows, dtype=np.uint8)
    tree, state = np.zeros(slots + 1, dtype=np.int32), np.zeros(3, dtype=np.int64)
    plain, fast = np.zeros(len(distances), dtype=np.int64), np.zeros(len(distances), dtype=np.int64)
    arrays = (owner.copy(), tree.copy(), inside.copy(), state.copy())
    lru.walk(np.array(distances, dtype=np.int64), depth, owner, tree, inside, state, plain)
    compiled(lru.walk, *lru.HELPERS)(np.array(distances, dtype=np.int64), depth, *arrays, fast)
    assert plain.tolist() == fast.tolist()
    kept: list[int] = []
    coming = 0
    for distance, rank in zip(distances, plain.tolist(), strict=True):
        if distance < len(kept) or len(kept) == rows:
            expected = kept.pop(min(distance, len(kept) - 1))
        else:
            del kept[depth - 1 :]
            while coming in kept:
                coming = (coming + 1) % rows
            expected, coming = coming, (coming + 1) % rows
        kept.insert(0, expected)
        assert rank == expected


def test_reuse_has_the_curve_that_was_asked_for() -> None:
    from pimsim.memory.traces.distances import Distances

    curve = ((1.0, 0.1), (10.0, 0.3), (100.0, 0.6))
    recipe = Recipe("reuse", even_tables(1, 100_000, 64), 40_000, SEED, curve=curve)
    distances = Distances()
    distances.add(made(recipe)["row"])
    below = np.cumsum(distances.histogram)
    for distance, share in curve:
        spread = math.sqrt(share * (1 - share) / 40_000)
        # The first hundred requests find a stack that is not deep enough yet.
        assert below[int(distance) - 1] / 40_000 == pytest.approx(share, abs=4 * spread + 100 / 40_000)
    assert below[-1] / 40_000 == pytest.approx(0.6, abs=0.02), "a row that came in from below is a new one"


@pytest.mark.parametrize("kind", KIND_NAMES)
def test_a_seed_says_all_and_the_size_of_chunks_nothing(kind: str) -> None:
    tables = (TableShape("a", 97, 64), TableShape("b", 1000, 32))
    recipe = Recipe(kind, tables, 3001, SEED, pooling=3, rate_per_s=1e6, write_share=0.3)
    whole = made(recipe)
    for size in (1, 7, 1000):
        pieces = made(recipe if size > 1 else Recipe(kind, tables, 3001, SEED, 3, 1.05, True, 1e6, 0.3), size)
        assert all((whole[name] == pieces[name]).all() for name in whole)
    other = made(Recipe(kind, tables, 3001, SEED + 1, pooling=3, rate_per_s=1e6, write_share=0.3))
    assert (whole["arrival_ns"] != other["arrival_ns"]).any()
    assert (whole["row"] != other["row"]).any() == (kind != "stream")
    assert whole["bag"].tolist() == [i // 6 for i in range(3001)]
    assert whole["table"].tolist() == [i % 6 // 3 for i in range(3001)]
    assert all(len(set(whole["arrival_ns"][whole["bag"] == bag])) == 1 for bag in range(500))


def test_arrivals_are_poisson() -> None:
    times = made(Recipe("stream", even_tables(1, 10, 64), 20_000, SEED, rate_per_s=1e5))["arrival_ns"]
    gaps = np.diff(times)
    assert stats.kstest(gaps + 0.5, stats.expon(scale=1e4).cdf).pvalue > 1e-3


def test_writes_have_their_share() -> None:
    writes = made(Recipe("uniform", even_tables(1, 10, 64), 20_000, SEED, write_share=0.25))["write"]
    assert writes.mean() == pytest.approx(0.25, abs=4 * math.sqrt(0.25 * 0.75 / 20_000))


def test_uniform_and_stream() -> None:
    rows = made(Recipe("uniform", even_tables(1, 50, 64), 20_000, SEED))["row"]
    assert stats.chisquare(np.bincount(rows, minlength=50)).pvalue > 1e-3
    assert made(Recipe("stream", even_tables(1, 5, 64), 12))["row"].tolist() == [i % 5 for i in range(12)]


def test_memory_does_not_grow_with_the_requests() -> None:
    recipe = Recipe("zipf", even_tables(1, 10**9, 64), 400_000, SEED)
    list(Recipe("zipf", even_tables(1, 100, 64), 10, SEED).chunks())  # compiles
    tracemalloc.start()
    for _ in recipe.chunks(10_000):
        pass
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 3_000_000, "a few arrays of 10,000 requests and 65,536 random numbers, not a table of 10^9 rows"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": "zip"}, "kind must be one of zipf, uniform, production, reuse, stream; got 'zip'"),
        ({"pooling": 0}, "pooling must be from 1 to 1,048,576; got 0"),
        ({"exponent": math.nan}, "exponent must be from 0.0 to 20.0; got nan"),
        ({"rate_per_s": 0.0}, "rate_per_s must be from 0.001 to"),
        (
            {"curve": ((5.0, 0.5), (4.0, 0.6))},
            "distances rise from 1 on, and shares of requests with them up to 1; got 4",
        ),
        ({"curve": ((5.0, 1.5),)}, "distances rise from 1 on, and shares of requests with them up to 1; got 5:1.5"),
    ],
)
def test_a_recipe_that_makes_no_sense_is_refused(changes: dict[str, object], said: str) -> None:
    given_ = {"kind": "zipf", "tables": even_tables(1, 10, 64), "requests": 10, **changes}
    with pytest.raises(InputError) as raised:
        Recipe(**given_)  # type: ignore[arg-type]
    assert str(raised.value).startswith(said)


def test_a_curve_is_parsed() -> None:
    assert parse_curve(["10:0.5", "1e3:0.75"]) == ((10.0, 0.5), (1000.0, 0.75))
    with pytest.raises(InputError, match=r"must be DISTANCE:SHARE, e.g. 1000:0.3; got '10'"):
        parse_curve(["10"])
    with pytest.raises(InputError, match="a table of a trace with reuse has at most"):
        next(Recipe("reuse", even_tables(1, 2**31, 64), 1).chunks())
