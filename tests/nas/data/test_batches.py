"""Does a split hand out every row once, the same ones for the same seed, from memory and from disk alike?"""

from dataclasses import replace

import numpy as np
import pytest

from nas.data import batch as batch_module
from nas.data.batch import Split, fold
from nas.data.fields import Schema, SparseField
from pimsim import InputError

SCHEMA = Schema(("a",), (SparseField("f", 2000), SparseField("g", 50, "mean", 3)))


def split_of(size: int) -> Split:
    rows = np.arange(size)
    sparse = np.stack([rows % 2000, rows % 50, rows % 49, rows % 48], 1).astype(np.int32)
    dates = np.array([20240101 + day for day in rows % 3], np.int32)
    return Split(
        "training", SCHEMA, rows[:, None].astype(np.float32), sparse, (rows % 2).astype(np.float32), dates=dates
    )


def seen(split: Split, size: int, seed: int | None = None, start: int = 0) -> list[list[int]]:
    generator = None if seed is None else np.random.default_rng(seed)
    return [batch.dense[:, 0].astype(int).tolist() for batch in split.batches(size, generator, start)]


def test_a_pass_in_order_gives_every_row_with_its_own_values() -> None:
    split = split_of(1000)
    batches = list(split.batches(300))
    assert [len(batch) for batch in batches] == [300, 300, 300, 100]
    assert np.array_equal(np.concatenate([batch.sparse for batch in batches]), split.sparse)
    assert batches[0].dense.dtype == np.float32
    assert batches[0].sparse.dtype == np.int64
    assert batches[0].labels.dtype == np.float32


@pytest.mark.parametrize("resident", [True, False])
def test_a_shuffled_pass_gives_every_row_once_and_repeats_by_seed(
    resident: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_module, "SHUFFLE_BLOCK", 16)
    monkeypatch.setattr(batch_module, "SHUFFLE_BLOCKS", 4)
    split = replace(split_of(1000), resident=resident)
    batches = seen(split, 64, seed=3)
    rows = [row for batch in batches for row in batch]
    assert sorted(rows) == list(range(1000))
    assert rows != list(range(1000))
    assert [len(batch) for batch in batches] == [64] * 15 + [40]
    assert batches == seen(split, 64, seed=3) != seen(split, 64, seed=4)


@pytest.mark.parametrize("seed", [None, 5])
@pytest.mark.parametrize("start", [0, 1, 15, 16, 20])
def test_start_leaves_out_whole_batches(seed: int | None, start: int) -> None:
    split = split_of(1000)
    assert seen(split, 64, seed, start) == seen(split, 64, seed)[start:]


def test_batches_become_tensors() -> None:
    torch = pytest.importorskip("torch")
    dense, sparse, labels = next(split_of(10).batches(4)).tensors()
    assert (dense.dtype, sparse.dtype, labels.dtype) == (torch.float32, torch.int64, torch.float32)
    assert sparse.shape == (4, 4)


def test_shards_are_the_rows_of_each_date() -> None:
    split = split_of(10)
    shards = split.shards()
    assert list(shards) == [20240101, 20240102, 20240103]
    assert shards[20240102].tolist() == [1, 4, 7]
    assert split.take(shards[20240102]).dense[:, 0].tolist() == [1.0, 4.0, 7.0]
    with pytest.raises(InputError, match="split training has no dates: its column spec names none"):
        replace(split, dates=None).shards()


def test_folded_ids_fit_capped_tables_and_keep_the_reserved_ones() -> None:
    split, capped = split_of(2000), SCHEMA.capped(20)
    assert [field.rows for field in capped.sparse] == [20, 20]
    folded = fold(split.sparse.astype(np.int64), SCHEMA, capped)
    assert folded.min() == 0
    assert folded.max() == 19
    assert np.array_equal(folded[:, 0] == 0, split.sparse[:, 0] == 0)
    assert np.array_equal(folded[:, 1:] == 0, split.sparse[:, 1:] == 0)
    assert np.array_equal(folded[:, 1:] == 1, split.sparse[:, 1:] == 1)
    small = split.sparse[:20]
    assert np.array_equal(fold(small.astype(np.int64), SCHEMA, capped), small), "ids below the cap stay"
    torch = pytest.importorskip("torch")
    assert np.array_equal(fold(torch.from_numpy(split.sparse).long(), SCHEMA, capped).numpy(), folded)  # type: ignore[arg-type]


def test_a_split_that_does_not_fit_its_schema_is_refused() -> None:
    split = split_of(4)
    with pytest.raises(
        InputError, match=r"split x must hold dense \(4, 1\) and sparse \(4, 4\); got \(4, 1\) and \(4, 3\)"
    ):
        replace(split, name="x", sparse=split.sparse[:, :3])
    with pytest.raises(InputError, match=r"groups and dates of split training must have 4 rows; got \(3,\)"):
        replace(split, groups=np.zeros(3, np.int64))
    with pytest.raises(InputError, match="a batch needs at least 1 row; got 0"):
        next(split.batches(0))


def test_a_schema_survives_json_and_says_what_is_wrong() -> None:
    assert Schema.from_json(SCHEMA.to_json()) == SCHEMA
    assert SCHEMA.width == 4
    assert SCHEMA.columns == (slice(0, 1), slice(1, 4))
    assert SCHEMA.embedding_rows == 2050
    for bad in (
        [],
        {"dense": ["a"]},
        {"dense": "a", "sparse": []},
        {"dense": [], "sparse": [{"name": "f", "rows": "9"}]},
    ):
        with pytest.raises(InputError, match="not a schema"):
            Schema.from_json(bad)
    with pytest.raises(InputError, match="field f must have 1 to 2147483647 rows; got 0"):
        SparseField("f", 0)
    with pytest.raises(InputError, match="pooling of field f must be empty, sum or mean; got max"):
        SparseField("f", 5, "max", 2)
    with pytest.raises(InputError, match="length of field f must be 1 without pooling; got 2"):
        SparseField("f", 5, "", 2)
    with pytest.raises(InputError, match="field a stands twice in the schema"):
        Schema(("a", "a"), ())
    with pytest.raises(InputError, match="at least one dense column or sparse field"):
        Schema((), ())
