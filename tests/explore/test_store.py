"""Do tables come back from files as they were, and is a file that is none of ours told in words?"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pimsim.cost.table import Table
from pimsim.errors import InputError
from pimsim.explore import store, stored
from pimsim.explore.parquet_file import decoded, encoded
from pimsim.explore.store import merge_parts, read_about, read_rows, read_table, stream, write_table, writer

FORMATS = (".parquet", ".sqlite", ".db")
HOSTILE = 'a"b; DROP TABLE results; --'


def table(rows: int = 5) -> Table:
    """Every kind of column, a hostile name among them."""
    return Table(
        {
            "point": np.arange(rows, dtype=np.int64) * 3,
            "energy_pJ": np.where(np.arange(rows) % 3 == 1, np.nan, np.arange(rows) / 7.0),
            HOSTILE: np.arange(rows) % 2 == 0,
            "error": np.array(["", "it's \x1b[31m bad\n"] * rows, dtype=object)[:rows],
        }
    )


def same(one: Table, other: Table) -> None:
    """Columns, types and bits are equal."""
    assert one.columns == other.columns
    for name in one.columns:
        assert one[name].dtype == other[name].dtype, name
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.mark.parametrize("ending", FORMATS)
def test_a_table_comes_back_as_it_was(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"r{ending}"
    write_table(path, table(), {"space": {"name": "s"}, "complete": True})
    same(read_table(path), table())
    assert read_about(path) == {"space": {"name": "s"}, "complete": True}
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]  # no draft is left


@given(
    st.lists(
        st.tuples(st.integers(-(2**63), 2**63 - 1), st.floats(width=64), st.text(max_size=5), st.booleans()), max_size=9
    )
)
def test_bytes_of_a_piece_come_back_as_they_were(rows: list) -> None:
    columns = list(zip(*rows, strict=True)) or [(), (), (), ()]
    kinds = ("int64", "float64", object, "bool")
    made = Table({f"c{i}": np.array(columns[i], dtype=kinds[i]) for i in range(4)})
    same(decoded(encoded(made)), made)


@pytest.mark.parametrize("ending", FORMATS)
def test_some_columns_and_some_rows_are_read(tmp_path: Path, ending: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (stored, __import__("pimsim.explore.sqlite_file", fromlist=["x"]),
                   __import__("pimsim.explore.parquet_file", fromlist=["x"])):  # fmt: skip
        monkeypatch.setattr(module, "BLOCK_ROWS", 4)
    path = tmp_path / f"r{ending}"
    with writer(path, {}) as made:  # several row groups
        for start in range(0, 30, 10):
            made.add(table(30).take(slice(start, start + 10)))
    same(read_table(path, ["error", "point"]), Table({name: table(30)[name] for name in ("error", "point")}))
    for indices in ([29, 0, 11, 11, 3], [], [7]):
        same(read_rows(path, indices), table(30).take(np.array(indices, dtype=np.int64)))
    assert [len(block) for block in stream(path, ["point"])] == (
        [4] * 7 + [2] if ending != ".parquet" else [4, 4, 2] * 3
    )
    with pytest.raises(InputError, match=r"no column 'energy'; did you mean 'energy_pJ'\?"):
        read_table(path, ["energy"])
    with pytest.raises(InputError, match=r"no column 'xyz'; columns are point, energy_pJ"):
        stream(path, ["xyz"]).__next__()
    with pytest.raises(InputError, match="rows are numbered 0 to 29; got 30"):
        read_rows(path, [3, 30])


@pytest.mark.parametrize("ending", FORMATS)
def test_a_table_without_rows_has_its_columns(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"r{ending}"
    write_table(path, table(0), {})
    same(read_table(path), table(0))


@pytest.mark.parametrize("ending", FORMATS)
def test_a_write_that_fails_leaves_what_was_there(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"r{ending}"
    write_table(path, table(), {})

    def broken() -> None:
        with writer(path, {}) as made:
            made.add(table(2))
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        broken()
    same(read_table(path), table())
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_parts_are_put_together_in_their_order(tmp_path: Path) -> None:
    for at in range(3):
        (tmp_path / f"{at}.parquet").write_bytes(encoded(table(9).take(slice(3 * at, 3 * at + 3))))
    files = sorted(tmp_path.glob("*.parquet"))
    for ending in FORMATS:
        target = tmp_path / f"whole{ending}"
        assert merge_parts(files, target, {}, tmp_path) == 9
        same(read_table(target), table(9))
    files[1].write_bytes(files[1].read_bytes()[:-9])
    with pytest.raises(InputError, match=r"1\.parquet is damaged \(.*\); remove it, and its points are done again"):
        merge_parts(files, tmp_path / "whole.parquet", {}, tmp_path)


def test_file_names_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--out: r\.csv must end in \.parquet, \.sqlite, \.db, which says the format"):
        store.check_out("r.csv")
    with pytest.raises(InputError, match="--out: folder nowhere does not exist; create it first"):
        store.check_out("nowhere/r.parquet")
    with pytest.raises(InputError, match=r"r\.csv is no table of results; they end in \.parquet, \.sqlite, \.db"):
        read_table("r.csv")
    with pytest.raises(InputError, match=r"no file .*absent\.parquet$"):
        read_table(tmp_path / "absent.parquet")
    (tmp_path / "r.db.parts").mkdir()
    with pytest.raises(InputError, match=r"no file .*r\.db; .*r\.db\.parts has an unfinished sweep, with which"):
        read_about(tmp_path / "r.db")


def test_columns_that_sqlite_does_not_hold_are_told_first(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    with pytest.raises(InputError, match=r"SQLite does not tell 'layers\.A\.x' and 'layers\.a\.x' apart: write \.parq"):
        write_table(path, Table({"layers.A.x": np.zeros(1), "layers.a.x": np.zeros(1)}), {})
    with pytest.raises(InputError, match=r"2001 columns; SQLite holds 2000: write \.parquet, or fewer columns"):
        write_table(path, Table({f"c{i}": np.zeros(1) for i in range(2001)}), {})
    assert not path.exists()


def test_a_table_too_large_to_read_at_once_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_table(tmp_path / "r.parquet", table(), {})
    monkeypatch.setattr(store, "MAX_CELLS", 10)
    with pytest.raises(InputError, match=r"has 5 rows of 4 columns, too many to read at once \(at most 10 values\)"):
        read_table(tmp_path / "r.parquet")
    assert len(read_table(tmp_path / "r.parquet", ["point"])) == 5


def test_parquet_files_of_others(tmp_path: Path) -> None:
    path = tmp_path / "r.parquet"

    def refused(columns: dict, text: str) -> None:
        pq.write_table(pa.table(columns), path)
        with pytest.raises(InputError, match=text):
            read_table(path)

    path.write_bytes(b"PAR1 nothing of the sort")
    with pytest.raises(InputError, match=r"r\.parquet is no whole parquet file: "):
        read_table(path)
    refused({"a": [[1, 2]]}, r"column 'a' holds list<.*; results are numbers, texts, true and false")
    refused({"a": pa.array([b"x"], pa.binary())}, "column 'a' holds binary")
    refused({"a": pa.array([1, None], pa.int64())}, "column 'a' has gaps")
    refused({"a": ["x" * 100_001]}, "column 'a' holds a text of more than 100,000 bytes")
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]), path)
    with pytest.raises(InputError, match="column 'a' is there twice"):
        read_table(path)
    pq.write_table(pa.table({"a": pa.array([1.5, None], pa.float32()), "b": ["x", None]}), path)
    same(read_table(path), Table({"a": np.array([1.5, np.nan]), "b": np.array(["x", ""], dtype=object)}))
    with pytest.raises(InputError, match="was not written by pimsim: it does not say what its table is of"):
        read_about(path)
    for about in (b"[1]", b"{", b"[" * 100_000):
        pq.write_table(pa.table({"a": [1]}).replace_schema_metadata({b"pimsim": about}), path)
        with pytest.raises(InputError, match="was not written by pimsim"):
            read_about(path)


def test_a_text_that_stands_in_a_million_rows_is_held_once(tmp_path: Path) -> None:
    path = tmp_path / "r.parquet"
    words = pa.DictionaryArray.from_arrays(pa.array(np.zeros(10**6, dtype=np.int32)), pa.array(["w" * 90_000]))
    pq.write_table(pa.table({"a": words}), path, store_schema=False)
    found = read_table(path)["a"]  # 90 GB, if each row had its own
    assert len(found) == 10**6
    assert found[0] is found[10**4]


def test_sqlite_files_of_others(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"

    def refused(script: str, text: str) -> None:
        path.unlink(missing_ok=True)
        connection = sqlite3.connect(path)
        connection.executescript(script)
        connection.close()
        with pytest.raises(InputError, match=text):
            read_table(path)

    path.write_bytes(b"SQLite format 3\0 nothing of the sort" * 40)
    with pytest.raises(InputError, match=r"r\.sqlite is no SQLite file of results: "):
        read_table(path)
    about = "CREATE TABLE about (text TEXT);"
    refused(about, "has no plain table 'results'; a sweep writes one")
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n"
    refused(f"{about} CREATE VIEW results AS {endless}", "has no plain table 'results'")
    refused(f"{about} CREATE TABLE results (a INTEGER, b INTEGER AS (a + 1))", "has no plain table 'results'")
    refused(f"{about} CREATE TABLE results (a BLOB)", "column 'a' is of the type BLOB; results are INTEGER, BOOLEAN, R")
    refused(
        f"{about} CREATE TABLE results (a INTEGER); INSERT INTO results VALUES ('x')",
        "column 'a' holds values that are not of its type",
    )
    refused(
        f"{about} CREATE TABLE results (a TEXT); INSERT INTO results VALUES ('{'x' * 100_001}')",
        "column 'a' holds a text of more than 100,000 characters",
    )
