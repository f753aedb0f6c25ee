"""libFM's text format: a target, then `index:value` entries, on each line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.data.chunks import Chunk
from nas.data.csv_files import ONE_COLUMN, parsed
from nas.data.faults import KEPT, Faults
from nas.data.spec import Csv, LibFM
from pimsim.errors import printable

_ENTRY = r"^[0-9]{1,18}:-?([0-9]{1,18}(\.[0-9]{0,18})?|\.[0-9]{1,18})([eE][-+]?[0-9]{1,3})?$"
_LINES = Csv(header=False, columns=("line",))


def libfm_columns(layout: LibFM) -> list[str]:
    """Names of the columns that a file gives."""
    entries = [f"feature_{number}" for number in range(1, layout.fields + 1)] or ["features"]
    return ["label", *entries, *(f"x{index}" for index in layout.dense)]


def libfm_chunks(path: Path, layout: LibFM, faults: Faults) -> Iterator[Chunk]:
    """The chunks of a file: label, the indices of each line, and the values of the `dense` indices.

    An index that is not in `dense` must have the value 1. Without `fields`, `features` holds a line's indices joined by
    blanks.
    """
    for batch, lines in parsed(path, _LINES, ["line"], ONE_COLUMN, False, ["line"], faults):
        yield _chunk(batch.column("line"), lines, path, layout, faults)


def _chunk(texts: Any, lines: NDArray[np.int64], path: Path, layout: LibFM, faults: Faults) -> Chunk:
    import pyarrow as pa
    import pyarrow.compute as pc

    if not pa.types.is_string(texts.type):
        readable = _readable(texts)
        _report("encoding", "the line is not UTF-8", texts, ~readable, lines, path, faults)
        texts, lines = texts.filter(pa.array(readable)).cast(pa.string()), lines[readable]
    tokens = pc.split_pattern_regex(pc.utf8_trim_whitespace(texts), r"[ \t]+")
    counts = pc.list_value_length(tokens).to_numpy(zero_copy_only=False)
    flat, row = pc.list_flatten(tokens), np.repeat(np.arange(len(texts)), counts)
    starts = np.zeros(len(texts), np.int64)
    starts[1:] = np.cumsum(counts)[:-1]
    is_entry = np.ones(len(row), bool)
    is_entry[starts] = False
    entries, row_of = flat.filter(pa.array(is_entry)), row[is_entry]
    well_formed = pc.match_substring_regex(entries, _ENTRY).to_numpy(zero_copy_only=False)
    halves = pc.split_pattern(pc.if_else(pa.array(well_formed), entries, "0:1"), ":")
    index = pc.list_element(halves, 0).cast(pa.int64()).to_numpy(zero_copy_only=False)
    value = pc.list_element(halves, 1).cast(pa.float64()).to_numpy(zero_copy_only=False)
    is_dense = np.isin(index, layout.dense)
    bad_entry = ~well_formed | ~np.isfinite(value) | (~is_dense & (value != 1.0))
    blank = pc.equal(pc.utf8_trim_whitespace(texts), "").to_numpy(zero_copy_only=False)
    bad = np.zeros(len(texts), bool)
    bad[row_of[bad_entry]] = True
    rule = "entries must be index:1 (or index:number for an index listed under libfm.dense)"
    _report("entry", rule, texts, bad, lines, path, faults)
    sparse_counts = np.bincount(row_of[~is_dense], minlength=len(texts))
    if layout.fields:
        short = ~bad & ~blank & (sparse_counts != layout.fields)
        rule = f"{layout.fields} entries are expected beside the dense ones"
        _report("columns", rule, texts, short, lines, path, faults)
        bad |= short
    good = ~bad & ~blank
    keep = good[row_of]
    columns = {"label": flat.take(pa.array(starts[good])).cast(pa.binary())}
    names = index[keep & ~is_dense].astype(str)
    if layout.fields:
        grid = names.reshape(int(good.sum()), layout.fields)
        for field in range(layout.fields):
            columns[f"feature_{field + 1}"] = pa.array(grid[:, field], pa.string()).cast(pa.binary())
    else:
        offsets = np.append(0, np.cumsum(sparse_counts[good])).astype(np.int32)
        lists = pa.ListArray.from_arrays(pa.array(offsets), pa.array(names, pa.string()))
        columns["features"] = pc.binary_join(lists, " ").cast(pa.binary())
    number = np.cumsum(good) - 1
    for wanted in layout.dense:
        at = keep & (index == wanted)
        numbers = np.full(int(good.sum()), np.nan)
        numbers[number[row_of[at]]] = value[at]
        columns[f"x{wanted}"] = pa.array(numbers)
    return Chunk(columns, lines[good], str(path))


def _readable(texts: Any) -> NDArray[np.bool_]:
    import pyarrow as pa

    try:
        texts.cast(pa.string())
    except pa.ArrowInvalid:
        return np.array([_decodes(text) for text in texts.to_pylist()], bool)
    return np.ones(len(texts), bool)


def _decodes(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _report(
    kind: str, rule: str, texts: Any, bad: NDArray[np.bool_], lines: NDArray[np.int64], path: Path, faults: Faults
) -> None:
    where = np.flatnonzero(bad)
    shown = [f"{rule}; got {printable(texts[int(i)].as_py()[:60])}" for i in where[:KEPT]]
    faults.add_rows(kind, str(path), lines[where], shown)
