"""Is a malformed row counted with its line, skipped or fatal as asked, and does hostile input end in one clear line?"""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nas.data import csv_files
from nas.data.prepare import prepared
from nas.data.store import read_meta
from pimsim import InputError

from .conftest import Write, people

FIELDS = "dense: [{columns: [n]}]\nsparse: [{columns: [w]}]\n"


def prepare(source: Path | str, root: Path, malformed: str = "skip", **options: Any) -> dict[str, Any]:
    folder = root.parent / "prepared"
    prepared(source, root, folder, malformed=malformed, **options)
    meta = read_meta(folder)
    return {"rows": sum(meta["sizes"].values()), **meta["malformed"]}


def failure(source: Path | str, root: Path, **options: Any) -> str:
    with pytest.raises(InputError) as caught:
        prepare(source, root, **options)
    assert not (root.parent / "prepared").exists()
    assert not list(root.parent.glob(".prepared*")), "nothing half-made stays behind"
    (line,) = caught.value.problems
    return line


BAD = {
    10: ("1,2.0,w3", "4 columns are expected; got 3: 1,2.0,w3"),
    20: ("1,2.0,w3,5,9", "4 columns are expected; got 5: 1,2.0,w3,5,9"),
    21: ("1,caf\udce9,é", r"4 columns are expected; got 3: 1,caf\xe9,é"),
    30: ("2,2.0,w3,5", "label y must be 0 or 1; got 2.0"),
    31: (",2.0,w3,5", "label y is missing"),
    32: ("no,2.0,w3,5", "column y must hold a number; got no"),
    40: ("1,abc,w3,5", "column n must hold a number; got abc"),
    41: ("1,1_0,w3,5", "column n must hold a number; got 1_0"),
    50: ("1,inf,w3,5", "column n must hold finite numbers below 3e+38; got inf"),
    51: ("1,-1e300,w3,5", "column n must hold finite numbers below 3e+38; got -1e+300"),
    60: (f"1,2.0,{'x' * 5000},5", "column w holds a value of more than 4,096 bytes"),
    70: ("1,2.0,w3,", "column t, by which rows are split, is missing"),
    80: ("", ""),
    90: ("1,,w3,5", ""),
    91: ("1,nan,w3,5", ""),
    92: ("1,2.0,,5", ""),
}
SPLIT = "split: {kind: chronological, by: [t]}\n"


@pytest.fixture
def spoilt(write: Write) -> Path:
    lines = people(200)
    for number, (line, _) in BAD.items():
        lines[number - 1] = line
    return write("rows.csv", lines)


def test_malformed_rows_are_counted_and_named_by_line(
    spoilt: Path, spec: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_files, "BLOCK_BYTES", 6000)  # several blocks, so that lines are counted over them
    found = prepare(spec(FIELDS + SPLIT), spoilt)
    wanted = [f"{spoilt}/rows.csv:{number}: {text}" for number, (_, text) in BAD.items() if text]
    assert sorted(found["first"]) == sorted(wanted)
    assert found["skipped"] == len(wanted) == 12
    assert found["kinds"] == {"columns": 3, "label": 2, "length": 1, "number": 5, "order": 1}
    assert found["rows"] == 200 - 12 - 1, "a blank line is no row; missing values are no fault"


@pytest.mark.parametrize("number", [number for number, (_, text) in BAD.items() if text])
def test_the_first_malformed_row_is_fatal_where_asked(write: Write, spec: Callable[[str], Path], number: int) -> None:
    lines = people(200)
    lines[number - 1] = BAD[number][0]
    root = write("rows.csv", lines)
    text = failure(spec(FIELDS + SPLIT), root, malformed="fatal")
    assert text == f"{root}/rows.csv:{number}: {BAD[number][1]} (or let such rows be skipped)"


def test_a_thousand_malformed_rows_are_counted_but_not_all_told(write: Write, spec: Callable[[str], Path]) -> None:
    lines = people(4000)
    for number in range(1, 4000, 4):
        lines[number] = "1,x,w,0"
        lines[number + 1] = "1"
    found = prepare(spec(FIELDS), write("rows.csv", lines))
    assert found["kinds"] == {"columns": 1000, "number": 1000}
    assert len(found["first"]) == 20


def test_bad_times_dates_and_texts_of_labels(write: Write, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "name: mine\nfiles: [rows.csv]\nlabel: {column: y, texts: [yes], other_texts: [no]}\nsparse: [{columns: [h]}]\n"
        "derive:\n- {name: h, of: [when], time: '%Y-%m-%d', part: weekday}\n"
        "- {name: d, of: [s], time: epoch_s, part: date}\n"
        "date: d\n"
    )
    lines = ["y,when,s", *("yes,2024-01-01,1700000000" for _ in range(100))]
    lines[3], lines[5], lines[7], lines[9] = (
        "yes,2024-13-01,1700000000", "maybe,2024-01-01,1700000000", "no,2024-01-01,1e30", "no,2024-01-01,"
    )  # fmt: skip
    root = write("rows.csv", lines)
    assert prepare(mine, root)["first"] == [
        f"{root}/rows.csv:4: column when must hold a time as %Y-%m-%d; got 2024-13-01",
        f"{root}/rows.csv:8: column s must hold a time in epoch_s; got 1e+30",
        f"{root}/rows.csv:6: label y must be one of yes, no; got maybe",
        f"{root}/rows.csv:10: date d must be a whole number of at most 10 digits; got nan",
    ]


def test_side_tables_with_keys_twice_or_none(write: Write, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "name: mine\nfiles: [rows.csv]\nlabel: {column: y}\njoins: [{files: [side.csv], key: w, table_key: word}]\n"
        "sparse: [{columns: [colour]}]\n"
    )
    root = write("rows.csv", people(100))
    write("side.csv", ["word,colour", "w1,red", "w2,blue", "w1,green", ",grey", ""])
    found = prepare(mine, root)
    assert found["first"] == [
        f"{root}/side.csv:5: the key word is missing", f"{root}/side.csv:4: the key word stands twice; got w1"
    ]  # fmt: skip
    assert found["rows"] == 100


LIBFM = (
    "name: mine\nfiles: [a.txt]\nformat: libfm\nlibfm: {fields: 2}\nlabel: {column: label}\n"
    "sparse: [{columns: ['feature_{1..2}']}]\n"
)


def test_malformed_libfm_lines(write: Write, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(LIBFM)
    lines = [b"%d 1:1 5:1" % (i % 2) for i in range(60)]
    lines[3], lines[5], lines[7], lines[9], lines[11] = (
        b"1 1:1 5",
        b"1 1:0.5 5:1",
        b"1 1:1",
        b"1 \xff:1 5:1",
        b"x 1:1 5:1",
    )
    root = write("a.txt", b"\n".join(lines) + b"\n\n")
    rule = "entries must be index:1 (or index:number for an index listed under libfm.dense); got"
    assert prepare(mine, root)["first"] == [
        f"{root}/a.txt:10: the line is not UTF-8; got b'1 \\xff:1 5:1'",
        f"{root}/a.txt:4: {rule} 1 1:1 5",
        f"{root}/a.txt:6: {rule} 1 1:0.5 5:1",
        f"{root}/a.txt:8: 2 entries are expected beside the dense ones; got 1 1:1",
        f"{root}/a.txt:12: column label must hold a number; got x",
    ]


HOSTILE: list[tuple[str, bytes, str]] = [
    ("empty", b"", "the file is empty"),
    ("header only", b"y,n,w,t\n", "holds no row that can be used (it is empty)"),
    ("no good row", b"y,n,w,t\n1,a,b,1\n", "holds no row that can be used (malformed: 1 number)"),
    ("utf-16", "y,n,w,t\n1,2,3,4\n".encode("utf-16"), "is UTF-16; say `encoding: utf-16` in its spec"),
    ("twice", b"y,n,n,w,t\n1,2,2,3,4\n", "rows.csv:1: column n stands twice in the header"),
    ("a column less", b"y,n,v,t\n1,2,3,4\n", "has no column w; there are y, n, v, t"),
    ("open quote", b'y,n,w,t\n1,2,"3,4\n' + b"1,2,3,4\n" * 3000, "6,000 bytes, or a quote is never closed"),
    ("long line", b"y,n,w,t\n1,2," + b"x" * 100_000 + b",4\n1,2,3,4\n", "a line is longer than 6,000 bytes"),
    ("many columns", b",".join(b"c%d" % i for i in range(20_000)) + b"\n", "10,000 columns are read; got 20,000"),
    ("binary", bytes(range(256)) * 40, "data set mine has no column n; there are \\x00"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "text"), [case[1:] for case in HOSTILE], ids=[case[0] for case in HOSTILE])
def test_hostile_files_end_in_one_line(
    write: Write, spec: Callable[[str], Path], content: bytes, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "many" not in text and "columns" not in text:
        monkeypatch.setattr(csv_files, "BLOCK_BYTES", 6000)
        monkeypatch.setattr("nas.data.chunks.BLOCK_BYTES", 6000)
    line = failure(spec(FIELDS), write("rows.csv", content))
    assert text in line
    assert "\n" not in line
    assert line.isprintable()


def test_texts_in_any_encoding_are_ids_and_a_mark_at_the_start_is_none(
    write: Write, spec: Callable[[str], Path]
) -> None:
    good = b"\xef\xbb\xbfy,n,w,t\r\n" + b"".join(b"%d,1,caf\xe9%d,0\r\n" % (i % 2, i % 3) for i in range(60))
    assert prepare(spec(FIELDS), write("rows.csv", good), malformed="fatal")["rows"] == 60
    wide = spec(FIELDS + "csv: {encoding: utf-16}\n")
    root = write("rows.csv", "\n".join(people(60)).encode("utf-16"))
    splits = prepared(wide, root, root.parent / "wide")
    assert splits.schema.sparse[0].rows == 10


def test_broken_archives_and_parquet(write: Write, spec: Callable[[str], Path], tmp_path: Path) -> None:
    packed = gzip.compress(("\n".join(people(5000)) + "\n").encode())
    mine = tmp_path / "mine.yaml"
    body = "name: mine\nlabel: {column: y}\n" + FIELDS
    mine.write_text(body + "files: [rows.csv.gz]\n")
    assert "rows.csv.gz: cannot be read:" in failure(mine, write("rows.csv.gz", packed[: len(packed) // 2]))
    write("rows.csv", people(10))
    mine.write_text(body + "files: ['rows.*']\n")
    assert "rows.csv.gz stands beside the same file unpacked: take one away" in failure(mine, tmp_path / "raw")
    mine.write_text(body + "files: [rows.parquet]\n")
    assert "rows.parquet: cannot be read:" in failure(mine, write("rows.parquet", b"PAR1" + bytes(100) + b"PAR1"))
    nested = pa.table({"y": [0, 1], "n": [1.0, 2.0], "w": [{"a": 1}, {"a": 2}]})
    pq.write_table(nested, tmp_path / "raw" / "rows.parquet")
    text = "rows.parquet: column w must hold texts, whole numbers, numbers or dates; got struct<a: int64>"
    assert text in failure(mine, tmp_path / "raw")


def test_files_that_are_not_there_and_patterns_that_leave(write: Write, spec: Callable[[str], Path]) -> None:
    root = write("other.csv", people(10))
    assert failure(spec(FIELDS), root) == f"no file in {root} matches rows.csv"
    mine = spec(FIELDS).with_name("away.yaml")
    for pattern in ("../raw/other.csv", "/etc/passwd"):
        mine.write_text(f"name: mine\nfiles: ['{pattern}']\nlabel: {{column: y}}\n" + FIELDS)
        assert failure(mine, root) == f"a file pattern must stay below its folder; got {pattern}"


SPEC_FAULTS = [
    ("dense: [{columns: [n], transform: [log]}]", "mine.yaml:4:36: dense[0].transform[0]: must be one of log1p"),
    ("dense: [{columns: [y]}]", "column y is the label or listed under never: it cannot be a field"),
    ("dense: [{columns: [n]}]\nnever: [n]", "column n is the label or listed under never: it cannot be a field"),
    ("dense: [{columns: [n, n]}]", "column n stands twice among the fields"),
    ("about: nothing", "a spec needs at least one dense or sparse column"),
    ("sparse: [{columns: [w], pooling: sum}]", "separator and pooling go together"),
    ("sparse: [{columns: [w], hashed: true}]", "hashed needs max_rows"),
    ("sparse: [{columns: [w], length: 2}]", "length needs pooling"),
    (FIELDS + "split: {kind: chronological}", "by must name a column for kind chronological"),
    (FIELDS + "split: {kind: per_user, by: [t]}", "user must name a column for kind per_user"),
    (FIELDS + "split: {kind: random, shares: [0.5, 0.1, 0.1]}", "shares must be three numbers above 0 that sum to 1"),
    (FIELDS + "split: {kind: dates, by: [t]}", "kind dates needs one column in by"),
    (FIELDS + "split: {kind: dates, by: [t], validation: [1], test: [1]}", "a date is either validation or test"),
    (FIELDS + "split: {kind: files}", "test_files and split.kind files go together"),
    (FIELDS + "derive: [{name: d, of: [t]}]", "exactly one of time, divide, minus and pattern must be given"),
    (FIELDS + "csv: {header: false}", "columns must name the columns of a file without a header"),
    (FIELDS + "csv: {delimiter: ''}", "delimiter must be one or more characters"),
    (FIELDS + "speling: 1", "speling"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), SPEC_FAULTS)
def test_a_wrong_spec_says_where_and_what(write: Write, spec: Callable[[str], Path], text: str, message: str) -> None:
    assert message in failure(spec(text + "\n"), write("rows.csv", people(10)))


RUN_FAULTS = [
    (FIELDS + "derive: [{name: n, of: [t], divide: 2}]", "derived column n exists already in"),
    (FIELDS + "derive: [{name: d, of: [w], pattern: '('}]", "pattern of derived column d: "),
    (FIELDS + "derive: [{name: d, of: [w], pattern: '(.)'}]", "pattern of derived column d"),
    (FIELDS + "split: {kind: dates, by: [t], validation: [1], test: [999999]}", "the test split is empty: 100 rows"),
    ("sparse: [{columns: [w], separator: list, pooling: sum}]", "column w must be a list column; got binary"),
    ("sparse: [{columns: [nowhere]}]", "data set mine has no column nowhere; there are y, n, w, t"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), RUN_FAULTS)
def test_a_spec_that_does_not_fit_its_files(write: Write, spec: Callable[[str], Path], text: str, message: str) -> None:
    assert message in failure(spec(text + "\n"), write("rows.csv", people(100)))


def test_names_and_policies_that_do_not_exist(write: Write, spec: Callable[[str], Path]) -> None:
    root = write("rows.csv", people(10))
    assert failure("kuairant", root).startswith("no data set kuairant; shipped are adult, avazu, ")
    assert failure(spec(FIELDS), root, malformed="maybe") == "malformed rows can be fatal or skip; got maybe"


def test_skipping_leaves_the_other_rows_as_they_were(write: Write, spec: Callable[[str], Path], tmp_path: Path) -> None:
    lines = people(300)
    clean = prepared(spec(FIELDS + SPLIT), write("rows.csv", lines), tmp_path / "clean")
    dirty_lines = [
        line for number, line in enumerate(lines) for line in ([line, "oops"] if number % 50 == 3 else [line])
    ]
    dirty = prepared(spec(FIELDS + SPLIT), write("rows.csv", dirty_lines), tmp_path / "dirty", malformed="skip")
    assert clean.hashes == dirty.hashes
    assert np.array_equal(clean.train.sparse, dirty.train.sparse)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_ids_are_the_bytes_of_the_file(write: Write, tmp_path: Path, mark: bytes) -> None:
    """The same ids from a csv file as from a parquet file, whatever letters they are of; a mark is no part of one."""
    words = ["é", "日本", "plain", "ÿþ"]
    mine = tmp_path / "mine.yaml"
    body = "name: mine\nlabel: {column: y}\nsparse: [{columns: [w]}]\n"
    mine.write_text(body + "files: [rows.csv]\ncsv: {header: false, columns: [w, y]}\n")
    text = "".join(f"{words[i % 4]},{i % 2}\n" for i in range(80)).encode()
    one = prepared(mine, write("rows.csv", mark + text), tmp_path / "one")
    pq.write_table(
        pa.table({"w": [words[i % 4] for i in range(80)], "y": [i % 2 for i in range(80)]}), tmp_path / "rows.parquet"
    )
    mine.write_text(body + "files: [rows.parquet]\n")
    assert one.hashes == prepared(mine, tmp_path, tmp_path / "two").hashes
