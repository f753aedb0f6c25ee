"""Indices and offsets as torch.nn.EmbeddingBag takes them, out of an .npz file: no pickle, sizes checked first.

The arrays of the file, of whole numbers, one-dimensional:

    indices, offsets               one table; or T of them, where `rows` has T numbers: the offsets of all bags of the
                                   first table, then of the second and so on (table-batched, as FBGEMM has them)
    indices_NAME, offsets_NAME     a table each; all have the same number of bags
    rows, row_bytes                rows and bytes a row of each table, in the order of the file (may be left out)

Bag i of a table are its indices from offsets[i] to offsets[i + 1]; the last bag ends where the indices end. When the
last offset of every table is the number of its indices, it closes the last bag (include_last_offset=True). Without
`rows` a table ends with its largest index; without `row_bytes` a row has 64 bytes (16 numbers of 32 bits).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pimsim.arrays_file import read_arrays
from pimsim.errors import InputError, Place, printable
from pimsim.memory.traces.form import CHUNK, KINDS, MAX_TABLES, Checker, Chunk, Header, TableShape, chosen

LARGEST_BYTES = 2**32
"""Bytes of all arrays of a file together, unpacked: larger traces are parquet files."""

MAX_MEMBERS = 4096
ROW_BYTES = 64

Array = Any


class BagTrace:
    """The bags of the .npz file `path`. Raises InputError for arrays that are none, or that do not go together."""

    def __init__(self, path: Path):
        self.place = Place(str(path))
        arrays = _arrays(path, self.place)
        names = [name.removeprefix("indices") for name in arrays if name == "indices" or name.startswith("indices_")]
        known = {f"{what}{name}" for name in names for what in ("indices", "offsets")} | {"rows", "row_bytes"}
        for name in arrays:
            if name not in known:
                raise self._fault(
                    f"holds an array '{printable(name, 60)}'; bags are indices and offsets, or indices_NAME and "
                    "offsets_NAME, with rows and row_bytes of each table"
                )
        if not names:
            raise self._fault("holds no array 'indices' (with 'offsets')")
        pairs = []
        for name in names:
            if f"offsets{name}" not in arrays:
                raise self._fault(f"holds 'indices{printable(name, 60)}', but no 'offsets{printable(name, 60)}'")
            pairs.append((name, arrays[f"indices{name}"], arrays[f"offsets{name}"]))
        rows_given = arrays.get("rows")
        if names == [""] and rows_given is not None and len(rows_given) > 1:
            pairs = self._split(*pairs[0][1:], len(rows_given))
            names = [name for name, _, _ in pairs]
        for pair in pairs:
            self._check(*pair)
        # A last bag that is empty looks like a closing offset; in every table at once it is the second.
        closed = all(len(offsets) > 1 and offsets[-1] == len(indices) for _, indices, offsets in pairs)
        self.bags: list[tuple[Array, Array]] = [
            (indices, offsets if closed else np.append(offsets, len(indices))) for _, indices, offsets in pairs
        ]
        counts = sorted({len(offsets) - 1 for _, offsets in self.bags})
        if len(counts) > 1:
            raise self._fault(f"its tables have {counts[0]:,} and {counts[-1]:,} bags; bag i of all is inference i")
        self.count = counts[0]
        largest = [int(indices.max(initial=0)) + 1 for indices, _ in self.bags]
        rows = self._sizes(arrays, "rows", largest)
        row_bytes = self._sizes(arrays, "row_bytes", [ROW_BYTES] * len(names))
        shown = [name.removeprefix("_") or "table" for name in names]
        try:
            tables = tuple(map(TableShape, shown, rows, row_bytes))
            self.header = Header(("bag", "table", "row"), tables, f"bags of {printable(path.name, 100)}")
        except InputError as fault:
            raise self._fault(str(fault)) from fault
        self.requests: int | None = sum(len(indices) for indices, _ in self.bags)

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[Chunk]:
        """The requests bag by bag, of all tables in each, about CHUNK at a time (a bag is not broken up)."""
        names = chosen(self.header, columns)
        checker = Checker(self.header, self.place)
        ends = sum(offsets for _, offsets in self.bags)
        begin = 0
        while begin < self.count:
            end = int(np.searchsorted(ends, ends[begin] + CHUNK, side="right")) - 1
            end = min(max(end, begin + 1), self.count)
            every = self._some(begin, end)
            begin = end
            if len(every["row"]):
                checker.check(every)
                yield {name: every[name] for name in names}

    def _some(self, begin: int, end: int) -> dict[str, Array]:
        """The requests of the bags from `begin` to `end`."""
        parts: dict[str, list[Array]] = {"bag": [], "table": [], "row": []}
        for number, (indices, offsets) in enumerate(self.bags):
            some = indices[offsets[begin] : offsets[end]]
            parts["bag"].append(np.repeat(np.arange(begin, end), np.diff(offsets[begin : end + 1])))
            parts["table"].append(np.full(len(some), number))
            parts["row"].append(some)
        whole = {name: np.concatenate(arrays).astype(KINDS[name]) for name, arrays in parts.items()}
        order = np.argsort(whole["bag"], kind="stable")  # keeps the tables of a bag in their order
        return {name: array[order] for name, array in whole.items()}

    def _split(self, indices: Array, offsets: Array, tables: int) -> list[tuple[str, Array, Array]]:
        """The tables of one pair of arrays that holds them one after the other."""
        if tables > MAX_TABLES:
            raise self._fault(f"'rows' has {tables:,} numbers; at most {MAX_TABLES:,} tables")
        if len(offsets) % tables == 1:
            offsets = offsets[:-1]
        if not len(offsets) or len(offsets) % tables:
            raise self._fault(f"{len(offsets):,} offsets do not make equally many bags of {tables} tables")
        self._check("", indices, offsets)
        bags = len(offsets) // tables
        ends = [*offsets[bags::bags].tolist(), len(indices)]
        found = []
        for number, end in enumerate(ends):
            own = offsets[number * bags : (number + 1) * bags]
            found.append((f"_t{number}", indices[own[0] : end], np.append(own, end) - own[0]))
        return found

    def _check(self, name: str, indices: Array, offsets: Array) -> None:
        shown = printable(name, 60)
        total = len(indices)
        if not len(offsets) or offsets[0] != 0:
            raise self._fault(f"offsets{shown} must begin with 0")
        steps = np.diff(offsets)
        if (steps < 0).any() or offsets[-1] > total:
            at = int(np.argmax(steps < 0)) + 1 if (steps < 0).any() else len(offsets) - 1
            raise self._fault(
                f"offsets{shown}[{at}] is {offsets[at]}; offsets do not go back, and end at {total:,} indices"
            )
        if len(indices) and indices.min() < 0:
            raise self._fault(f"indices{shown}[{int(np.argmin(indices))}] is below 0")

    def _sizes(self, arrays: dict[str, Array], name: str, default: list[int]) -> list[int]:
        if name not in arrays:
            return default
        if len(arrays[name]) != len(default):
            raise self._fault(f"'{name}' has {len(arrays[name])} numbers for {len(default)} tables")
        return [int(value) for value in arrays[name]]

    def _fault(self, text: str) -> InputError:
        return InputError(text, self.place)


def _arrays(path: Path, place: Place) -> dict[str, Array]:
    """Name -> one-dimensional array of int64 for each member of the file."""
    arrays = read_arrays(path, largest=LARGEST_BYTES, members=MAX_MEMBERS, hint="write larger traces as parquet")
    return {name: _whole(array, f"the array '{printable(name, 60)}'", place) for name, array in arrays.items()}


def _whole(array: Array, what: str, place: Place) -> Array:
    if array.dtype.kind not in "iu" or array.ndim != 1:
        raise InputError(f"{what} is {printable(array.dtype)} of the shape {printable(list(array.shape))}; "
                         "whole numbers of one dimension are needed", place)  # fmt: skip
    if array.dtype.kind == "u" and len(array) and int(array.max()) >= 2**63:
        raise InputError(f"{what} holds {int(array.max())}, which does not fit into 63 bits", place)
    return array.astype(np.int64)
