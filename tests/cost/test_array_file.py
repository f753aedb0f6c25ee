"""Are files of arrays written whole, mapped, and refused when they are not what they say?"""

from __future__ import annotations

import json
import os
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pimsim.cost.array_file import LARGEST_HEADER, TYPES, read_arrays, write_arrays
from pimsim.errors import InputError

ARRAYS = {
    "numbers": np.arange(6.0).reshape(2, 3),
    "small": np.arange(4, dtype=np.float32),
    "whole": np.array([[-1], [2**62]]),
    "bytes": np.array([0, 255], dtype=np.uint8),
    "none": np.zeros((0, 3)),
}


def told(path: Path) -> str:
    with pytest.raises(InputError) as caught:
        read_arrays(path, "a table")
    return str(caught.value).replace(str(path), "FILE")


def raw(path: Path, header: Any, body: bytes = b"", length: int | None = None) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text) if length is None else length) + text + body)
    return path


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "arrays"
    write_arrays(path, ARRAYS, {"format": "test", "name": "\u00e4"})
    arrays, notes = read_arrays(path, "a table")
    assert notes == {"format": "test", "name": "\u00e4"}
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)
    first = path.read_bytes()
    write_arrays(path, arrays, notes)  # over the file that they are mapped from
    assert path.read_bytes() == first
    np.testing.assert_array_equal(arrays["numbers"], ARRAYS["numbers"])
    assert [entry.name for entry in tmp_path.iterdir()] == ["arrays"]


def test_what_is_written_to_a_mapped_array_stays_here(tmp_path: Path) -> None:
    path = tmp_path / "arrays"
    write_arrays(path, ARRAYS, {})
    arrays, _ = read_arrays(path, "a table")
    arrays["numbers"][:] = 9.0
    np.testing.assert_array_equal(read_arrays(path, "a table")[0]["numbers"], ARRAYS["numbers"])


def test_the_layout_is_that_of_safetensors(tmp_path: Path) -> None:
    load_file = pytest.importorskip("safetensors.numpy").load_file
    write_arrays(tmp_path / "arrays", ARRAYS, {"format": "test"})
    for name, array in load_file(tmp_path / "arrays").items():
        np.testing.assert_array_equal(array, ARRAYS[name])


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "folder"
    target.mkdir()
    with pytest.raises(InputError, match=r"^cannot write .*folder: "):
        write_arrays(target, ARRAYS, {})
    with pytest.raises(InputError, match=r"^cannot write .*absent/x: No such file or directory$"):
        write_arrays(tmp_path / "absent" / "x", ARRAYS, {})
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]
    assert not list(target.iterdir())


def test_files_that_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "file"
    assert told(path) == "FILE: cannot read a table: No such file or directory"
    assert told(tmp_path).endswith("cannot read a table: Is a directory")
    pipe = tmp_path / "zero"
    os.symlink("/dev/zero", pipe)
    assert told(pipe).endswith("not a regular file; a table is read from a file")
    short = "FILE: not a table: its header does not fit into the file; write the file again"
    for content in (b"", b"1234", struct.pack("<Q", 5) + b"{}", struct.pack("<Q", 2**63)):
        path.write_bytes(content)
        assert told(path) == short
    path.write_bytes(struct.pack("<Q", LARGEST_HEADER + 1) + b" " * (LARGEST_HEADER + 2))
    assert told(path) == short
    damaged = "FILE: not a table, or damaged ("
    entry = {"dtype": "F64", "shape": [2], "data_offsets": [0, 16]}
    for header in (b"{", b"[]", b"3", b"\xff\xfe", b"[" * 100_000, {"a": 3}, {"a": {}}, {"__metadata__": []}):
        assert told(raw(path, header)).startswith(damaged)
    place = "FILE: not a table, or damaged (an array does not lie where the header says); write the file again"
    assert told(raw(path, {"a": entry}, b"0" * 15)) == place
    for change in (
        {"data_offsets": [8, 24]},
        {"data_offsets": [-8, 8]},
        {"data_offsets": [4, 20]},
        {"data_offsets": [16, 0]},
        {"shape": [3]},
        {"shape": [2**40, 2**40]},
    ):
        assert told(raw(path, {"a": {**entry, **change}}, b"0" * 23)) == place
    negative = told(raw(path, {"a": {**entry, "shape": [-1, -2]}}, b"0" * 16))
    assert negative == "FILE: not a table, or damaged (a negative length); write the file again"
    for change in ({"dtype": "O"}, {"dtype": []}, {"shape": None}, {"data_offsets": [0]}, {"shape": [float("inf")]}):
        assert told(raw(path, {"a": {**entry, **change}}, b"0" * 16)).startswith(damaged)


@given(st.data())
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_flipped_bytes_are_refused_or_give_arrays_of_the_file(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "arrays"
    write_arrays(path, ARRAYS, {"format": "test"})
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.sampled_from([len(content), len(content) - 1, 20]))])
    try:
        arrays, _ = read_arrays(path, "a table")
    except InputError as fault:
        told_of = str(fault)
        assert "\n" not in told_of.strip()
        return
    assert sum(array.nbytes for array in arrays.values()) <= len(content) * len(arrays)
    assert all(array.dtype.str in TYPES.values() for array in arrays.values())
