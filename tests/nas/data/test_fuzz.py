"""Does any sequence of bytes either become a set or end in an InputError of one printable line?"""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nas.data.prepare import prepared
from nas.data.store import read_meta
from pimsim import InputError

CSV = (
    "name: fuzz\nfiles: [rows.txt]\nformat: csv\nlabel: {column: y}\ncsv: {strip: true}\n"
    "dense: [{columns: [n], transform: [log1p, standard], bins: 3}]\n"
    "sparse: [{columns: [w]}, {columns: [l], separator: '|', pooling: mean, length: 2}]\n"
    "derive: [{name: d, of: [t], time: '%Y-%m-%d', part: date}]\ndate: d\n"
    "split: {kind: chronological, by: [d], shares: [0.4, 0.3, 0.3]}\n"
)
DOUBLE = CSV.replace("strip: true", "delimiter: '::', header: false, columns: [y, n, w, l, t]")
LIBFM = (
    "name: fuzz\nfiles: [rows.txt]\nformat: libfm\nlabel: {column: label}\nlibfm: {dense: [7]}\n"
    "dense: [{columns: [x7]}]\n"
    "sparse: [{columns: [features], separator: ' ', pooling: sum, length: 4}]\n"
)
VALUES = st.one_of(
    st.sampled_from([b"0", b"1", b"1.5", b"-3e9", b"nan", b"inf", b"w1", b"a|b||c", b"2024-02-30", b"2024-02-29"]),
    st.sampled_from([b"", b'"x"', b"7:2.5", b"3:1", b"9:1", b"\xff\xfe", b"\x00", b'"', b"\r", b"\x01", b"9" * 400]),
    st.binary(max_size=6),
)  # fmt: skip
LINES = st.lists(st.lists(VALUES, min_size=1, max_size=6), max_size=12)


@pytest.mark.parametrize(
    ("spec", "glue", "first"),
    [(CSV, b",", b"y,n,w,l,t\n"), (DOUBLE, b"::", b""), (LIBFM, b" ", b"")],
    ids=["csv", "::", "libfm"],
)
@pytest.mark.filterwarnings("error")
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES, policy=st.sampled_from(["skip", "fatal"]))
def test_any_bytes(spec: str, glue: bytes, first: bytes, lines: list[list[bytes]], policy: str) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "spec.yaml").write_text(spec)
        (folder / "rows.txt").write_bytes(first + b"\n".join(glue.join(line) for line in lines))
        try:
            splits = prepared(folder / "spec.yaml", folder, folder / "set", malformed=policy)
        except InputError as fault:
            (line,) = fault.problems
            assert line.isprintable()
            assert not (folder / "set").exists()
        else:
            assert sum(read_meta(folder / "set")["sizes"].values()) >= 3
            assert splits.train.dense.dtype.kind == "f"


def test_well_formed_rows_are_not_lost_among_the_others(tmp_path: Path) -> None:
    """Half of the lines are noise; the other half come out, all of them."""
    good = [b"%d,%d,w%d,a|b,2024-02-%02d" % (i % 2, i, i % 3, i % 28 + 1) for i in range(60)]
    noise = [b"", b"1,2", b'"', b"x,1,w,l,2024-01-01", b"\xff,\xff,\xff,\xff,\xff", b"1,1,w,l,never"]
    rows = [line for i in range(60) for line in (good[i], noise[i % 6] if noise[i % 6] != b'"' else b"1,,,")]
    (tmp_path / "spec.yaml").write_text(CSV)
    (tmp_path / "rows.txt").write_bytes(b"y,n,w,l,t\n" + b"\n".join(rows))
    prepared(tmp_path / "spec.yaml", tmp_path, tmp_path / "set", malformed="skip")
    meta = read_meta(tmp_path / "set")
    assert sum(meta["sizes"].values()) == 60
    assert meta["malformed"]["skipped"] == 50, "ten of the sixty others are blank lines"
