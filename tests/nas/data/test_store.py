"""Is a set made once, kept with its hashes, and refused where its files are no longer those?"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nas.data import open_data
from nas.data.prepare import prepared
from nas.data.store import open_splits, read_meta
from nas.data.test_split import LOOKS, open_test
from pimsim import InputError

from .conftest import Write, people

FIELDS = "dense: [{columns: [n]}]\nsparse: [{columns: [w]}]\ngroup: w\n"


@pytest.fixture
def made(write: Write, spec: Callable[[str], Path], tmp_path: Path) -> tuple[Path, Path, Path]:
    """(spec, folder of files, prepared folder) of a small set."""
    source, root, folder = spec(FIELDS), write("rows.csv", people(400)), tmp_path / "prepared"
    prepared(source, root, folder)
    return source, root, folder


def refused(action: Callable[[], object]) -> str:
    with pytest.raises(InputError) as caught:
        action()
    (line,) = caught.value.problems
    return line


def test_the_same_seed_gives_the_same_bytes(made: tuple[Path, Path, Path], tmp_path: Path) -> None:
    source, root, folder = made
    again = tmp_path / "again"
    prepared(source, root, again)
    files = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    assert len(files) == 3 * 4 + 2
    for file in files:
        assert (folder / file).read_bytes() == (again / file).read_bytes(), file


def test_hashes_name_the_rows_of_all_three_splits(made: tuple[Path, Path, Path], tmp_path: Path) -> None:
    source, root, folder = made
    splits = open_splits(folder)
    assert set(splits.hashes) == {"training", "validation", "test"}
    assert len(set(splits.hashes.values())) == 3
    other = prepared(source, root, tmp_path / "other", seed=1)
    assert not set(splits.hashes.values()) & set(other.hashes.values())
    assert {split.name for split in (splits.train, splits.validation)} == {"training", "validation"}
    assert not hasattr(splits, "test")


def test_a_prepared_set_is_opened_and_not_made_again(made: tuple[Path, Path, Path]) -> None:
    source, root, folder = made
    before = (folder / "meta.json").stat().st_mtime_ns
    assert prepared(source, root, folder).train.size == open_splits(folder).train.size
    (root / "rows.csv").unlink()
    root.rmdir()
    prepared(source, root, folder)
    assert (folder / "meta.json").stat().st_mtime_ns == before


def test_another_request_for_the_same_folder_is_refused(made: tuple[Path, Path, Path]) -> None:
    source, root, folder = made
    text = refused(lambda: prepared(source, root, folder, seed=5))
    assert text == f"{folder} holds a set of another seed: give another folder"
    text = refused(lambda: prepared(source, root, folder, overrides=("split.kind=chronological", "split.by=[t]")))
    assert text == f"{folder} holds a set of another spec: give another folder"
    prepared(source, root, folder, overrides=("about=other words",))
    (root / "rows.csv").write_text("y,n,w,t\n1,2,3,4\n")
    assert refused(lambda: prepared(source, root, folder)).startswith(f"{folder} holds a set of another files")
    stray = folder.parent / "stray"
    stray.mkdir()
    (stray / "x").touch()
    text = refused(lambda: prepared(source, root, stray / "x" / "below"))
    assert text.startswith(f"{stray}/x/below cannot be written: ")
    assert (
        refused(lambda: prepared(source, root, stray)) == f"{stray} exists and is no prepared set: give another folder"
    )


@pytest.mark.parametrize("part", ["dense", "sparse", "labels", "groups"])
def test_a_changed_value_is_found(made: tuple[Path, Path, Path], part: str) -> None:
    folder = made[2]
    path = folder / "validation" / f"{part}.npy"
    array = np.load(path)
    array.reshape(-1)[3] += 1
    np.save(path, array)
    text = refused(lambda: open_splits(folder))
    assert text == f"the validation split of {folder} is not what its meta.json says: prepare it again"
    assert open_splits(folder, verify=False).validation.size == len(array)


def test_damaged_folders_end_in_one_line(made: tuple[Path, Path, Path]) -> None:
    folder = made[2]
    labels, meta = folder / "training" / "labels.npy", folder / "meta.json"
    good, text = labels.read_bytes(), meta.read_text()
    labels.write_bytes(good[:50])
    assert f"{labels}: cannot be read:" in refused(lambda: open_splits(folder))
    np.save(labels, np.array([{}], object), allow_pickle=True)
    assert "cannot be read: Object arrays cannot be loaded" in refused(lambda: open_splits(folder))
    np.save(labels, np.zeros(3))
    assert f"{labels}: must hold float32; got float64" in refused(lambda: open_splits(folder))
    labels.unlink()
    assert f"{labels}: no such file: the prepared set is incomplete" in refused(lambda: open_splits(folder))
    for content, message in (
        ("{", "cannot be read"), ("[]", "prepared sets of format 1 are read; got None"),
        (json.dumps({"format": 2}), "prepared sets of format 1 are read; got 2"),
        (json.dumps({"format": 1}), "lacks hashes, request, schema, sizes"),
        ("[" * 100_000, "cannot be read"),
    ):  # fmt: skip
        meta.write_text(content)
        assert message in refused(lambda: open_splits(folder))
    meta.write_text(text.replace('"rows": 10', '"rows": -10'))
    assert "field w must have 1 to" in refused(lambda: open_splits(folder))
    assert (
        refused(lambda: open_splits(folder.parent / "none")) == f"{folder.parent / 'none'} holds no prepared data set"
    )


def test_every_look_at_the_test_split_is_counted_by_run(made: tuple[Path, Path, Path]) -> None:
    folder = made[2]
    looks = [open_test(folder, run=run) for run in ("a", "b", "a")]
    assert [(look.looks, look.total) for look in looks] == [(1, 1), (1, 2), (2, 3)]
    assert looks[0].split.name == "test"
    assert looks[0].split.size == read_meta(folder)["sizes"]["test"]
    (folder / LOOKS).write_text("not json\n")
    assert "a look at the test split cannot be recorded" in refused(lambda: open_test(folder, run="a"))
    assert "needs a run's name of 1 to 200 characters; got 0" in refused(lambda: open_test(folder, run=""))


def test_a_look_that_cannot_be_recorded_does_not_happen(
    made: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = made[2]
    (folder / LOOKS).mkdir()
    monkeypatch.setattr("nas.data.test_split.read_split", lambda *_: pytest.fail("the rows were read"))
    assert "cannot be recorded" in refused(lambda: open_test(folder, run="a"))


def test_a_large_split_stays_on_disk(made: tuple[Path, Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folder = made[2]
    small = open_splits(folder).train
    monkeypatch.setattr("nas.data.store.RESIDENT_BYTES", 100)
    large = open_splits(folder).train
    assert isinstance(large.sparse, np.memmap)
    assert not large.resident
    assert small.resident
    one, two = (sorted(b.dense[0, 0] for b in split.batches(1, np.random.default_rng(0))) for split in (small, large))
    assert one == two


def test_the_data_section_of_a_run(made: tuple[Path, Path, Path]) -> None:
    source, root, folder = made
    section = {"set": source.name, "root": root.name, "folder": "prepared"}
    schema, splits = open_data(section, folder.parent)
    assert schema == splits.schema
    assert schema.dense == ("n",)
    assert open_data({"folder": str(folder)})[1].hashes == splits.hashes
    for bad, message in (
        ({}, "data.folder: Field required"),
        ({"folder": "x", "set": "adult"}, "root must be the folder of the set's files"),
        ({"folder": "x", "root": "y"}, "root and overrides need a set"),
        ({"folder": "x", "set": "adult", "root": "y", "synthetic": {}}, "set and synthetic exclude each other"),
        ({"folder": "x", "synthetic": {"values": 51}}, "data.synthetic.values: Input should be less than or equal"),
        ({"folder": "x", "seed": {1}}, "data must be plain YAML values"),
    ):  # fmt: skip
        assert message in refused(lambda bad=bad: open_data(bad))  # type: ignore[misc]
