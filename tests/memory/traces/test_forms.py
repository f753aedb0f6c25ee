"""Do all forms of a trace hold the same requests, and is whatever is wrong with one said with its place?"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pimsim.errors import InputError
from pimsim.memory.traces import Chunk, Header, TableShape, Trace, open_trace, write_trace

TABLES = (TableShape("users", 1000, 64), TableShape("items", 50, 128))
ROWS = Header(("bag", "table", "row"), TABLES, "by hand")


def whole(trace: Trace) -> dict[str, list[int]]:
    """All requests of a trace, column by column."""
    found: dict[str, list[int]] = {name: [] for name in trace.header.columns}
    for chunk in trace.chunks():
        for name, values in chunk.items():
            found[name] += values.tolist()
    return found


def some(bag: list[int], table: list[int], row: list[int]) -> Chunk:
    return {"bag": np.array(bag), "table": np.array(table, dtype=np.int32), "row": np.array(row)}


def text(tmp_path: Path, content: str, name: str = "t.txt") -> Path:
    path = tmp_path / name
    path.write_text(content, "utf-8")
    return path


def fault(path: Path) -> str:
    """What is said of a trace that must not be read to its end."""
    with pytest.raises(InputError) as raised:
        whole(open_trace(path))
    return str(raised.value).replace(str(path.parent) + os.sep, "")


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 49), st.integers(0, 1), st.integers(0, 9)), max_size=40),
    st.sampled_from([".parquet", ".txt"]),
    st.sampled_from(["", "arrival_ns", "arrival_cycle"]),
    st.integers(1, 7),
)
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, requests: list[tuple[int, ...]], ending: str, arrival: str, size: int
) -> None:
    path = tmp_path_factory.mktemp("t") / f"t{ending}"
    columns = {
        "bag": np.cumsum([r[0] for r in requests], dtype=np.int64),
        "table": np.array([r[0] % 2 for r in requests], dtype=np.int32),
        "row": np.array([r[1] for r in requests], dtype=np.int64),
        "write": np.array([r[2] for r in requests], dtype=np.uint8),
    }
    if arrival:
        columns[arrival] = np.cumsum([r[3] for r in requests], dtype=np.int64)
    header = Header(tuple(columns), TABLES, "any")
    pieces = [{name: v[i : i + size] for name, v in columns.items()} for i in range(0, len(requests), size)]
    assert write_trace(path, header, pieces) == len(requests)
    read = open_trace(path)
    assert read.header == header
    assert whole(read) == {name: values.tolist() for name, values in columns.items()}
    only = [chunk["row"] for chunk in read.chunks(["row"])]
    assert np.concatenate([np.empty(0), *only]).tolist() == columns["row"].tolist()


def test_a_parquet_trace_has_a_row_group_a_chunk(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    path = tmp_path / "t.parquet"
    write_trace(path, ROWS, [some([0, 0], [0, 1], [5, 6]), some([1], [0], [7])])
    file = pq.ParquetFile(path)
    assert [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)] == [2, 1]
    assert file.schema_arrow.field("row").type == "int32", "the tables are small: 4 bytes a row"
    assert [len(chunk["row"]) for chunk in open_trace(path).chunks()] == [2, 1]


def test_address_traces_of_other_simulators(tmp_path: Path) -> None:
    ramulator = text(tmp_path, "0x40 R\n# a remark\n\n80 W\n")
    assert whole(open_trace(ramulator)) == {"address": [64, 128], "write": [0, 1]}
    cpu = text(tmp_path, "3 64\n0 0x80 192\n")
    assert whole(open_trace(cpu)) == {"address": [64, 128, 192], "write": [0, 0, 1]}
    ramulator2 = text(tmp_path, "LD 0x40\nST 80\n")
    assert whole(open_trace(ramulator2)) == {"address": [64, 80], "write": [0, 1]}
    dramsim = text(tmp_path, "0x40 READ 3\n0x80 WRITE 3\n0xc0 P_MEM_WR 9\n")
    expected = {"address": [64, 128, 192], "write": [0, 1, 1], "arrival_cycle": [3, 3, 9]}
    assert whole(open_trace(dramsim)) == expected
    target = tmp_path / "t.parquet"
    write_trace(target, open_trace(dramsim).header, open_trace(dramsim).chunks())
    assert whole(open_trace(target)) == expected


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("0x40 R\n0x80 Q\n", "t.txt:2:6: the operation is one of R, W; got 'Q'"),
        ("0x40 R\nLD 0x80\n", "t.txt:2:4: the operation is one of R, W; got '0x80'"),
        ("0x40 R\n0x80 W 7\n", "t.txt:2:8: a request of this file is as '0x12345680 R'; got '0x80 W 7'"),
        ("0x40 READ 9\n0x40 READ 8\n", "t.txt:2:11: arrival 8 comes after arrival 9; arrivals do not go back, and"),
        ("LD 0xfffffffffffffff0\n", "t.txt:1:4: address is 0xfffffffffffffff0, which does not fit into 64 bits"),
        ("LD -1\n", "t.txt:1:4: address -1 is not from 0 to 2^62 - 1"),
        ("hello world\n", "t.txt:1:1: is a request of no known form (known: '0x12345680 R'"),
        ("3 64\n1 128 9 9\n", "t.txt:2:9: a line of this file is as '3 20734016 20734016'; got '1 128 9 9'"),
        ("3 64\nx 128\n", "t.txt:2:1: the number of instructions is a whole number; got 'x'"),
        ("3 64\n1 12.5\n", "t.txt:2:3: address is a whole number; got '12.5'"),
        ("3 64\n1 99999999999999999999\n", "t.txt:2:3: address is 99999999999999999999, which does not fit into 64"),
        ("# one\n  0x40 R\n\t0x80   Q\n", "t.txt:3:9: the operation is one of R, W; got 'Q'"),
        ("\n\n", "t.txt:3: holds no request; a trace is parquet, text, .npz of bags"),
        ("# pimsim trace 2\n", "t.txt:1:1: a trace as text begins with '# pimsim trace 1'; got '# pimsim trace 2'"),
        ("# pimsim trace 1\n# table a 5\n", "t.txt:2:1: a table is '# table NAME ROWS BYTES'; got '# table a 5'"),
        ("# pimsim trace 1\n# table a 0 4\n", "t.txt:2:1: table 'a': rows must be from 1 to 1,099,511,627,776; got 0"),
        ("# pimsim trace 1\n# table a 5 4\n", "t.txt:3: the names of the columns are missing"),
        ("# pimsim trace 1\n# table a 5 4\ntable\n", "t.txt:3:1: a trace has the columns table and row, or address"),
        ("# pimsim trace 1\n# table a 5 4\ntable row\na 4\na 5\n", "t.txt:5:3: row 5 is outside its table; rows are"),
        ("# pimsim trace 1\n# table a 5 4\ntable row\n\nb 1\n", "t.txt:5:1: no table 'b' (tables: a)"),
        ("# pimsim trace 1\n# table a 5 4\ntable row\na x\n", "t.txt:4:3: row is a whole number; got 'x'"),
        ("# pimsim trace 1\n# table a 5 4\ntable row\na\n", "t.txt:4:2: a request is 2 values (table row); got 'a'"),
        ("# pimsim trace 1\n# table a 5 4\ntable row write\na 1 2\n", "t.txt:4:5: write is 2; it is 0 or 1"),
        ("# pimsim trace 1\n# table a 5 4\nbag table row\n1 a 1\n0 a 1\n", "t.txt:5:1: bag 0 comes after bag 1"),
        ("# pimsim trace 1\ntable row\n", "t.txt:2:1: a trace of rows names its tables"),
        ("# pimsim trace 1\nrow address\n", "t.txt:2:1: a trace has the columns table and row, or address without"),
        ("# pimsim trace 1\naddress raw\n", "t.txt:2:1: unknown column 'raw' of a trace (columns: bag, table, row"),
        ("x" * 2000, "t.txt:1: a line of a trace has at most 1,000 characters"),
        ("R\x1b[31m 5\n", "t.txt:1:1: is a request of no known form"),
    ],
)
def test_a_fault_of_a_text_has_its_line(tmp_path: Path, content: str, said: str) -> None:
    found = fault(text(tmp_path, content))
    assert found.startswith(said)
    assert found.isprintable()


def test_bags_as_torch_has_them(tmp_path: Path) -> None:
    path = tmp_path / "b.npz"
    np.savez(path, indices=[4, 2, 9, 9, 1], offsets=[0, 2, 2])
    one = open_trace(path)
    assert one.header.tables == (TableShape("table", 10, 64),)
    assert whole(one) == {"bag": [0, 0, 2, 2, 2], "table": [0] * 5, "row": [4, 2, 9, 9, 1]}
    np.savez(
        path, indices_a=[1, 2, 3], offsets_a=[0, 1], indices_b=[7, 8], offsets_b=[0, 2], rows=[9, 9], row_bytes=[4, 8]
    )
    two = open_trace(path)
    assert two.header.tables == (TableShape("a", 9, 4), TableShape("b", 9, 8)), "the last bag of b is empty"
    assert whole(two) == {"bag": [0, 0, 0, 1, 1], "table": [0, 1, 1, 0, 0], "row": [1, 7, 8, 2, 3]}
    np.savez(path, indices=[1, 2, 3, 7, 8], offsets=[0, 1, 3, 5, 5], rows=[9, 9], row_bytes=[4, 8])
    batched = open_trace(path)
    assert [table.name for table in batched.header.tables] == ["t0", "t1"]
    assert whole(batched) == whole(two)


@pytest.mark.parametrize("closed", [False, True])
def test_bags_are_those_of_torch(tmp_path: Path, closed: bool) -> None:
    torch = pytest.importorskip("torch")
    random = np.random.default_rng(0)
    sizes = random.integers(0, 4, 50)
    sizes[-1] = 2
    offsets = np.concatenate([[0], np.cumsum(sizes)])[: None if closed else -1]
    indices = random.integers(0, 30, sizes.sum())
    np.savez(tmp_path / "b.npz", indices=indices, offsets=offsets)
    layer = torch.nn.EmbeddingBag(30, 1, mode="sum", include_last_offset=closed)
    pooled = layer(torch.tensor(indices), torch.tensor(offsets)).detach().numpy()[:, 0]
    read = whole(open_trace(tmp_path / "b.npz"))
    weights = layer.weight.detach().numpy()[:, 0]
    ours = np.bincount(read["bag"], weights[read["row"]], minlength=50)
    np.testing.assert_allclose(ours, pooled, atol=1e-5)


def test_many_bags_come_in_chunks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pimsim.memory.traces import bags

    np.savez(tmp_path / "b.npz", indices=np.arange(100), offsets=np.arange(0, 100, 3))
    at_once = whole(open_trace(tmp_path / "b.npz"))
    monkeypatch.setattr(bags, "CHUNK", 7)
    trace = open_trace(tmp_path / "b.npz")
    assert whole(trace) == at_once
    assert max(len(chunk["row"]) for chunk in trace.chunks()) <= 7


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"indices": [1]}, "b.npz: holds 'indices', but no 'offsets'"),
        ({"offsets": [1]}, "b.npz: holds an array 'offsets'; bags are indices and offsets"),
        ({"indices": [1], "offsets": [1]}, "b.npz: offsets must begin with 0"),
        ({"indices": [1, 2], "offsets": [0, 2, 1]}, "b.npz: offsets[2] is 1; offsets do not go back, and end at 2"),
        ({"indices": [1, 2], "offsets": [0, 3]}, "b.npz: offsets[1] is 3; offsets do not go back, and end at 2"),
        ({"indices": [1.5], "offsets": [0]}, "b.npz: the array 'indices' is float64 of the shape [1]; whole numbers"),
        ({"indices": [[1]], "offsets": [0]}, "b.npz: the array 'indices' is int64 of the shape [1, 1]; whole"),
        ({"indices": [-1], "offsets": [0]}, "b.npz: indices[0] is below 0"),
        ({"indices": [5], "offsets": [0], "rows": [5]}, "b.npz: request 0: row 5 is outside its table; rows are"),
        ({"indices": [5], "offsets": [0], "row_bytes": [0]}, "b.npz: table 'table': row_bytes must be from 1 to"),
        ({"indices": [5], "offsets": [0], "row_bytes": [1, 2]}, "b.npz: 'row_bytes' has 2 numbers for 1 tables"),
        (
            {"indices_a": [1], "offsets_a": [0], "indices_b": [1, 1], "offsets_b": [0, 1]},
            "b.npz: its tables have 1 and 2 bags; bag i of all is inference i",
        ),
    ],
)
def test_a_fault_of_bags_is_named(tmp_path: Path, arrays: dict[str, list[int]], said: str) -> None:
    np.savez(tmp_path / "b.npz", **{name: np.array(values) for name, values in arrays.items()})
    assert fault(tmp_path / "b.npz").startswith(said)


def test_pickles_are_not_read(tmp_path: Path) -> None:
    np.savez(tmp_path / "b.npz", indices=np.array([{}], dtype=object), offsets=[0])
    assert fault(tmp_path / "b.npz").startswith("b.npz: the array 'indices' holds object; numbers are needed")
    (tmp_path / "t.npz").write_bytes(b"PK\x03\x04 and no more")
    assert fault(tmp_path / "t.npz").startswith("t.npz: is no .npz file as numpy.savez writes it")


def parquet(tmp_path: Path, columns: dict[str, object], metadata: str | None) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.table(columns)
    if metadata is not None:
        table = table.replace_schema_metadata({"pimsim.trace": metadata})
    pq.write_table(table, tmp_path / "t.parquet")
    return tmp_path / "t.parquet"


@pytest.mark.parametrize(
    ("columns", "metadata", "said"),
    [
        ({"row": [1]}, None, "t.parquet: is no trace: its metadata has no 'pimsim.trace'"),
        ({"table": [0], "row": [1]}, "{}", "t.parquet: has a header that is none"),
        ({"table": [0], "row": [1]}, "[[" * 9999, "t.parquet: has a header that is none"),
        ({"table": [0], "row": [1]}, '{"version": 9, "tables": []}', "t.parquet: is of version 9 of the trace format"),
        ({"table": [0], "row": [1.5]}, ROWS.to_json(), "t.parquet: column 'row' holds double; a trace holds whole"),
        ({"row": [1], "table": [0]}, ROWS.to_json(), "t.parquet: columns of a trace stand once each in the order"),
        ({"table": [0], "row": [None, 1][:1]}, ROWS.to_json(), "t.parquet: column 'row' holds null; a trace holds"),
        ({"table": [0, 0], "row": [1, None]}, ROWS.to_json(), "t.parquet: column row has gaps; every request has"),
        ({"table": [0, 1], "row": [999, 50]}, ROWS.to_json(), "t.parquet: request 1: row 50 is outside its table;"),
        ({"table": [2], "row": [0]}, ROWS.to_json(), "t.parquet: request 0: table 2 is not there; tables are numb"),
        ({"table": [2**40], "row": [0]}, ROWS.to_json(), "t.parquet: column table holds 1099511627776; it is from"),
        ({"bag": [1, 0], "table": [0, 0], "row": [0, 0]}, ROWS.to_json(), "t.parquet: request 1: bag 0 comes after"),
    ],
)
def test_a_fault_of_a_parquet_file_is_named(
    tmp_path: Path, columns: dict[str, object], metadata: str | None, said: str
) -> None:
    assert fault(parquet(tmp_path, columns, metadata)).startswith(said)


def test_a_damaged_parquet_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    write_trace(path, ROWS, [some([0] * 500, [0] * 500, list(range(500)))])
    content = path.read_bytes()
    path.write_bytes(content[:100])
    assert fault(path).startswith("t.parquet: is no whole parquet file")
    path.write_bytes(content[:20] + b"\xff" * 40 + content[60:])
    assert "t.parquet: " in fault(path)


def test_places_that_are_no_trace(tmp_path: Path) -> None:
    assert fault(tmp_path / "no") == "no: no such file; 'pimsim trace make' makes a trace"
    (tmp_path / "folder").mkdir()
    assert fault(tmp_path / "folder") == "folder: is not a regular file; give the path of a trace"
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    assert fault(tmp_path / "binary") == "binary:1: is no UTF-8 text; a trace is text or parquet"


@pytest.mark.parametrize("ending", [".parquet", ".txt"])
def test_a_trace_is_whole_or_absent(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"t{ending}"
    good, bad = some([0], [0], [1]), some([0], [0], [1000])
    with pytest.raises(
        InputError, match="request 1: row 1000 is outside its table; rows are numbered from 0, and there"
    ):
        write_trace(path, ROWS, [good, bad])
    assert list(tmp_path.iterdir()) == []
    write_trace(path, ROWS, [good])
    before = path.read_bytes()

    def interrupted() -> object:
        yield good
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_trace(path, ROWS, interrupted())  # type: ignore[arg-type]
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    assert path.read_bytes() == before
    with pytest.raises(InputError, match=r"path: .*t.csv must end in .parquet or .txt \(text\), which says the form"):
        write_trace(tmp_path / "t.csv", ROWS, [good])


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: TableShape("", 1, 1), "table '': a name is 1 to 200 printable characters without a space"),
        (lambda: TableShape("a", 1, 2**21), "table 'a': row_bytes must be from 1 to 1,048,576; got 2097152"),
        (lambda: Header(("table", "row"), TABLES * 2), "two tables have the name 'users'"),
        (lambda: Header(("row", "table"), TABLES), "columns of a trace stand once each in the order bag, table"),
        (lambda: Header(("address", "arrival_ns", "arrival_cycle")), "a trace has one arrival time, arrival_ns or"),
    ],
)
def test_a_header_that_makes_no_sense_is_refused(make: object, said: str) -> None:
    with pytest.raises(InputError) as raised:
        make()  # type: ignore[operator]
    assert str(raised.value).startswith(said)


def test_a_large_row_group_is_read_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pimsim.memory.traces import parquet as form

    path = tmp_path / "t.parquet"
    write_trace(path, ROWS, [some([0] * 500, [0] * 500, list(range(500))), some([1] * 9, [1] * 9, [3] * 9)])
    at_once = whole(open_trace(path))
    monkeypatch.setattr(form, "AT_ONCE", 100)
    monkeypatch.setattr(form, "CHUNK", 64)
    trace = open_trace(path)
    assert [len(chunk["row"]) for chunk in trace.chunks(["row"])] == [64] * 7 + [52, 9]
    assert whole(trace) == at_once


def test_what_is_broken_is_an_error_of_one_line(tmp_path: Path) -> None:
    """A few hundred bytes changed, cut out or put in, seeded, of a trace of every form: read, or refused in one
    printable line with the file's name."""
    import random

    draw = random.Random(1)
    requests = [some([i // 4], [i % 2], [i % 50]) for i in range(40)]
    for name in ("a.parquet", "a.txt"):
        write_trace(tmp_path / name, ROWS, requests)
    np.savez(tmp_path / "a.npz", indices=np.arange(50), offsets=np.arange(0, 50, 5), rows=[60])
    text(tmp_path, "".join(f"0x{64 * i:x} READ {i}\n" for i in range(40)), "a.trace")
    path = tmp_path / "broken"
    refused: list[str] = []
    for name in ("a.parquet", "a.txt", "a.npz", "a.trace"):
        good = (tmp_path / name).read_bytes()
        for _ in range(100):
            content = bytearray(good)
            for _ in range(draw.choice((1, 2, 10))):
                at = draw.randrange(len(content) + 1)
                new = bytes(draw.choices(b"0123456789-.eE \n\x00\x1b\xff#naN", k=draw.choice((0, 1, 30))))
                content[at : at + draw.choice((0, 1, 20))] = new
            path.write_bytes(bytes(content))
            try:
                whole(open_trace(path))
            except InputError as fault:
                refused.append(str(fault))
    assert len(refused) > 200
    assert all(said.isprintable() and said.startswith(str(path)) for said in refused)


def test_text_of_other_editors_is_read(tmp_path: Path) -> None:
    """Lines that end in CR LF, and the mark of UTF-8 before the first."""
    content = "# pimsim trace 1\r\n# table a 5 4\r\ntable row\r\na 4\r\n"
    (tmp_path / "t.txt").write_bytes(b"\xef\xbb\xbf" + content.encode())
    assert whole(open_trace(tmp_path / "t.txt")) == {"table": [0], "row": [4]}
    (tmp_path / "t.trace").write_bytes(b"\xef\xbb\xbf0x40 R\r\n0x80 Q\r\n")
    assert fault(tmp_path / "t.trace") == "t.trace:2:6: the operation is one of R, W; got 'Q'"


def test_other_files_are_named(tmp_path: Path) -> None:
    import gzip

    (tmp_path / "t.gz").write_bytes(gzip.compress(b"0x40 R\n"))
    assert fault(tmp_path / "t.gz") == "t.gz: is compressed by gzip; unpack it first (gunzip)"
    (tmp_path / "t.csv").write_text("table,row\n0,1\n")
    assert fault(tmp_path / "t.csv").startswith("t.csv:1:1: is a request of no known form (known: '0x12345680 R'")
    torch = pytest.importorskip("torch")
    torch.save((torch.arange(4), torch.arange(2)), tmp_path / "t.pt")
    assert fault(tmp_path / "t.pt") == (
        "t.pt: is pickled by torch, which is not read; write the arrays with numpy.savez, as docs/traces.md shows"
    )
