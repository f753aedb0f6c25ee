"""Do ids and numbers become what the spec says, by the training rows alone, whatever the size of the pieces read?"""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.data import csv_files, prepare, splitting, staging
from nas.data.dense import fit_dense
from nas.data.hashing import PAD, keys_of
from nas.data.prepare import prepared
from nas.data.sparse import fit_sparse
from nas.data.spec import Sparse
from nas.data.store import read_meta

from .conftest import Write, people


def plain_key(text: bytes) -> int:
    """FNV-1a and SplitMix64's finaliser, one byte at a time."""
    key, mask = 0xCBF29CE484222325, 2**64 - 1
    for byte in text:
        key = ((key ^ byte) * 0x100000001B3) & mask
    key = ((key ^ (key >> 30)) * 0xBF58476D1CE4E5B9) & mask
    key = ((key ^ (key >> 27)) * 0x94D049BB133111EB) & mask
    return (key ^ (key >> 31)) or 1


@given(st.lists(st.one_of(st.none(), st.binary(max_size=40)), max_size=30), st.integers(0, 5))
def test_keys_are_those_of_the_plain_loop(texts: list[bytes | None], offset: int) -> None:
    array = pa.array(texts, pa.binary())[offset:]
    assert keys_of(array).tolist() == [plain_key(text or b"") for text in texts[offset:]]


def test_keys_stay_what_they_were() -> None:
    """A prepared set must read the same in a later version."""
    found = keys_of(pa.array([b"", b"a", b"68fd1e64"], pa.binary())).tolist()
    assert found == [17665956581633026203, 198367012849983736, plain_key(b"68fd1e64")]
    assert len(np.unique(keys_of(pa.array([str(i).encode() for i in range(200_000)], pa.binary())))) == 200_000


def chunks(keys: np.ndarray, size: int = 7) -> Iterator[np.ndarray]:
    yield from (keys[start : start + size] for start in range(0, len(keys), size))


@given(st.lists(st.integers(1, 12), min_size=1, max_size=80), st.integers(1, 4), st.integers(1, 90))
def test_ids_are_ranked_by_count_and_rare_ones_share_row_0(ids: list[int], least: int, piece: int) -> None:
    keys = np.array(ids, np.uint64)
    fit = fit_sparse("f", Sparse(columns=("f",), min_count=least), chunks(keys, piece))
    kept = sorted((-count, key) for key, count in Counter(ids).items() if count >= least)
    rows = {key: row for row, (_, key) in enumerate(kept, 1)}
    asked = np.arange(1, 20, dtype=np.uint64)
    assert fit.apply(asked).tolist() == [rows.get(key, 0) for key in asked.tolist()]
    assert fit.field.rows == len(rows) + 1
    assert fit.distinct == len(set(ids))


def test_a_table_above_its_cap_is_hashed_and_unseen_ids_stay_apart() -> None:
    keys = keys_of(pa.array([str(i).encode() for i in range(5000)], pa.binary()))
    capped = fit_sparse("f", Sparse(columns=("f",), max_rows=100), chunks(keys, 999))
    rows = capped.apply(keys)
    assert capped.field.rows == 100
    assert set(rows) == set(range(1, 100))
    assert np.bincount(rows).max() < 90, "spread over the rows"
    unseen = keys_of(pa.array([b"never"], pa.binary()))
    assert capped.apply(unseen).tolist() == [0]
    hashed = fit_sparse("f", Sparse(columns=("f",), max_rows=100, hashed=True), iter(()))
    assert set(hashed.apply(keys)) == set(range(1, 100))
    assert hashed.apply(unseen)[0] > 0


def test_pooled_ids_keep_row_0_for_padding_and_row_1_for_the_unseen() -> None:
    entry = Sparse(columns=("f",), separator="|", pooling="mean", length=3)
    keys = np.array([[5, 6, PAD], [5, PAD, PAD]], np.uint64)
    fit = fit_sparse("f", entry, iter([keys]))
    assert fit.apply(np.array([[5, 6, 9], [PAD, PAD, PAD]], np.uint64)).tolist() == [[2, 3, 1], [0, 0, 0]]
    assert fit.field.rows == 4


@pytest.mark.parametrize(
    ("step", "value", "wanted"),
    [("log1p", 9.0, np.log(10.0)), ("log1p", -3.0, 0.0), ("log_squared", 100.0, 21.0), ("log_squared", 2.0, 2.0),
     ("log_squared", -5.0, -5.0), ("signed_log", -9.0, -np.log(10.0)), ("signed_log", 9.0, np.log(10.0))],
)  # fmt: skip
def test_transforms(step: str, value: float, wanted: float) -> None:
    fit = fit_dense("d", (step,), -7.0, 0, lambda: iter(()), 0)
    assert fit.apply(np.array([value, np.nan])).tolist() == pytest.approx([wanted, -7.0])


def test_standard_columns_have_mean_0_and_deviation_1_after_the_steps_before() -> None:
    values = np.random.default_rng(0).lognormal(3.0, 2.0, 5000)
    values[::10] = np.nan
    fit = fit_dense("d", ("log1p", "standard"), 0.0, 0, lambda: chunks(values, 700), len(values))
    seen = fit.apply(values)[~np.isnan(values)]
    assert float(seen.mean()) == pytest.approx(0.0, abs=1e-6)
    assert float(seen.std()) == pytest.approx(1.0, abs=1e-6)
    assert np.all(fit.apply(values)[::10] == 0.0)
    constant = fit_dense("d", ("standard",), 0.0, 0, lambda: iter([np.full(9, 5.0)]), 9)
    assert constant.apply(np.array([5.0, 6.0])).tolist() == [0.0, 1.0]


def test_bins_hold_equal_shares_and_the_usual_value_its_own() -> None:
    values = np.concatenate([np.zeros(9000), np.arange(1, 1001.0)])
    fit = fit_dense("d", (), 0.0, 4, lambda: chunks(values, 999), len(values))
    bins = fit.bins(values)
    assert len(set(bins[:9000])) == 1
    assert bins[0] not in bins[9000:]
    assert np.unique(bins[9000:], return_counts=True)[1].tolist() == pytest.approx([250] * 4, abs=1)
    assert fit.bins(np.array([np.nan, -1e9, 1e9])).tolist() == [0, 1, fit.bin_rows - 1]


SPEC = (
    "dense: [{columns: [n], transform: [standard], bins: 5}]\nsparse: [{columns: [w], min_count: 2}]\n"
    "split: {kind: chronological, by: [t]}\ngroup: w\n"
)


def test_nothing_is_learnt_outside_the_training_rows(write: Write, spec: Callable[[str], Path], tmp_path: Path) -> None:
    """Other values in the last fifth of the time change the later splits and nothing else."""
    lines = people(500)
    one = prepared(spec(SPEC), write("rows.csv", lines), tmp_path / "one")
    changed = [
        line if int(line.split(",")[3]) < 400 else f"1,1e6,new{line[:1]},{line.split(',')[3]}" for line in lines[1:]
    ]
    two = prepared(spec(SPEC), write("rows.csv", [lines[0], *changed]), tmp_path / "two")
    assert read_meta(tmp_path / "one")["encoder"] == read_meta(tmp_path / "two")["encoder"]
    assert one.hashes["training"] == two.hashes["training"]
    assert one.hashes["test"] != two.hashes["test"]
    assert np.all(two.validation.sparse[:, 0] == 0), "ids that training never saw"


def test_pieces_of_any_size_give_the_same_bytes(
    write: Write, spec: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write("rows.csv", people(1500))
    whole = prepared(spec(SPEC), root, tmp_path / "whole")
    monkeypatch.setattr(csv_files, "BLOCK_BYTES", 512)
    monkeypatch.setattr("nas.data.sparse._MERGE", 3)
    for module in (staging, splitting, prepare):
        monkeypatch.setattr(module, "STEP", 97)
    monkeypatch.setattr("nas.data.encoder.STEP", 97)
    pieces = prepared(spec(SPEC), root, tmp_path / "pieces")
    assert np.array_equal(pieces.train.sparse, whole.train.sparse)
    assert np.array_equal(pieces.train.groups, whole.train.groups)  # type: ignore[arg-type]
    assert pieces.train.dense == pytest.approx(whole.train.dense, abs=1e-6), "sums in another order"
    assert (tmp_path / "pieces" / "encoder.npz").exists()
