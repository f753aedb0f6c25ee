"""Chunks of files -> rows of keys and numbers, before any statistic of the data is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.data.derive import derive
from nas.data.faults import Faults
from nas.data.hashing import PAD, Keys, keys_of
from nas.data.join import SideTable, read_table, table_columns
from nas.data.sources import columns_of, format_of, missing_column, spec_chunks, spec_files
from nas.data.spec import SOURCE_COLUMN, Label, Sparse, Spec
from nas.data.values import Numbers, Values
from pimsim.errors import InputError, printable


@dataclass(frozen=True)
class Rows:
    """labels (n,) uint8. dense (n, D) float64, NaN where missing. keys (n, S) uint64, PAD in unused places of pooled
    fields. order (n, K) float64: the columns rows are split by. user, group (n,) uint64 keys. date (n,) int32.
    part (n,) uint8: which kind of file."""

    labels: NDArray[np.uint8]
    dense: Numbers
    keys: Keys
    order: Numbers
    user: Keys
    group: Keys
    date: NDArray[np.int32]
    part: NDArray[np.uint8]


def read_rows(spec: Spec, root: Path, faults: Faults) -> Iterator[Rows]:
    """The well-formed rows of all files of `spec` below `root`, chunk by chunk."""
    own, tables = _plan(spec, root, faults)
    for chunk in spec_chunks(spec, root, own, faults):
        values = Values(chunk, faults)
        values.leave_out_blank()
        values.set_numbers(SOURCE_COLUMN, np.full(len(chunk), float(chunk.source)))
        for table in tables:
            table.add_to(values)
        for step in spec.derive:
            derive(values, step)
        rows = _rows(values, spec)
        if len(rows.labels):
            yield rows


def _plan(spec: Spec, root: Path, faults: Faults) -> tuple[set[str], list[SideTable]]:
    """Which columns the rows' own files give, and the side tables with the columns that they give."""
    derived = {step.name for step in spec.derive}
    wanted = {name for name in spec.used_columns() if name not in derived and name != SOURCE_COLUMN}
    path = spec_files(spec, root)[0][1]
    there = columns_of(path, format_of(path, spec.format), spec.csv, spec)
    givers = [(str(path), set(there)), *((join.files[0], set(table_columns(join, root, spec))) for join in spec.joins)]
    for name in sorted(derived):
        for home, names in givers:
            if name in names:
                raise InputError(f"derived column {printable(name, 60)} exists already in {printable(home)}")
    for name in sorted(wanted):
        homes = [home for home, names in givers if name in names]
        if len(homes) > 1:
            both = f"{printable(homes[0])} and in {printable(homes[1])}"
            raise InputError(f"column {printable(name, 60)} stands in {both}: only one of them may have it")
        if not homes:
            every = [*there, *(column for _, names in givers[1:] for column in sorted(names))]
            raise missing_column(name, every, f"data set {spec.name}")
    given = [wanted & names for _, names in givers]
    tables = [read_table(join, root, spec, names, faults) for join, names in zip(spec.joins, given[1:], strict=True)]
    return given[0], tables


def _rows(values: Values, spec: Spec) -> Rows:
    size = len(values)
    labels = _labels(values, spec.label)
    dense = [values.numbers(name) for name in spec.dense_columns()]
    keys = [_keys(values, name, entry) for entry in spec.sparse for name in entry.columns]
    order = []
    for name in spec.split.by:
        order.append(values.numbers(name))
        values.fault("order", f"column {printable(name, 60)}, by which rows are split, is missing", np.isnan(order[-1]))
    user = keys_of(values.texts(spec.split.user)) if spec.split.user else np.zeros(size, np.uint64)
    group = keys_of(values.texts(spec.group)) if spec.group else np.zeros(size, np.uint64)
    date = _dates(values, spec.date) if spec.date else np.zeros(size, np.int32)
    kept = values.kept()
    return Rows(
        labels[kept],
        _columns(dense, size, np.float64)[kept],
        np.concatenate([np.empty((size, 0), np.uint64), *keys], axis=1)[kept],
        _columns(order, size, np.float64)[kept],
        user[kept],
        group[kept],
        date[kept],
        np.full(len(kept), values.chunk.part, np.uint8),
    )


def _columns(columns: list[Any], size: int, kind: Any) -> Any:
    return np.stack(columns, axis=1) if columns else np.empty((size, 0), kind)


def _labels(values: Values, label: Label) -> NDArray[np.uint8]:
    name = printable(label.column, 60)
    if label.texts:
        import pyarrow as pa
        import pyarrow.compute as pc

        texts = values.texts(label.column)

        def among(known: tuple[str, ...]) -> NDArray[np.bool_]:
            found: NDArray[np.bool_] = pc.is_in(
                texts, value_set=pa.array([text.encode() for text in known], pa.binary())
            ).to_numpy(zero_copy_only=False)
            return found

        ones = among(label.texts)
        allowed = ", ".join(printable(text, 30) for text in [*label.texts, *label.other_texts][:6])
        values.fault("label", f"label {name} must be one of {allowed}", ~(ones | among(label.other_texts)), texts)
        return ones.astype(np.uint8)
    numbers = values.numbers(label.column)
    values.fault("label", f"label {name} is missing", np.isnan(numbers))
    if label.at_least is not None:
        return np.asarray(numbers >= label.at_least, np.uint8)
    values.fault("label", f"label {name} must be 0 or 1", (numbers != 0.0) & (numbers != 1.0), numbers)
    return np.asarray(numbers == 1.0, np.uint8)


def _dates(values: Values, name: str) -> NDArray[np.int32]:
    numbers = values.numbers(name)
    wrong = np.isnan(numbers) | (numbers != np.floor(numbers)) | (np.abs(numbers) > 2**31 - 1)
    values.fault("date", f"date {printable(name, 60)} must be a whole number of at most 10 digits", wrong, numbers)
    return np.where(wrong, 0.0, numbers).astype(np.int32)


def _keys(values: Values, name: str, entry: Sparse) -> Keys:
    """(n, length) keys of a field."""
    if not entry.pooling:
        return keys_of(values.texts(name))[:, None]
    import pyarrow as pa
    import pyarrow.compute as pc

    if entry.separator == "list":
        lists = values.raw(name)
        if not (pa.types.is_list(lists.type) or pa.types.is_large_list(lists.type)):
            raise InputError(f"column {printable(name, 60)} must be a list column; got {printable(lists.type, 60)}")
        lists = pc.if_else(lists.is_null(), pa.scalar([], lists.type), lists)
        flat = pc.list_flatten(lists)
        flat = (flat if pa.types.is_binary(flat.type) else flat.cast(pa.string()).cast(pa.binary())).fill_null(b"")
    else:
        lists = pc.split_pattern(values.texts(name).fill_null(b""), entry.separator)
        flat = pc.list_flatten(lists)
    counts = pc.list_value_length(lists).to_numpy(zero_copy_only=False).astype(np.int64)
    row = np.repeat(np.arange(len(counts)), counts)
    filled = pc.not_equal(flat, b"").to_numpy(zero_copy_only=False).astype(bool)
    flat, row = flat.filter(pa.array(filled)), row[filled]
    counts = np.bincount(row, minlength=len(counts))
    place = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    kept = place < entry.length
    found = np.full((len(counts), entry.length), PAD)
    found[row[kept], place[kept]] = keys_of(flat)[kept]
    return found
