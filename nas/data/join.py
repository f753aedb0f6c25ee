"""Side tables (users, videos, movies), held in memory and looked up by key."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.data.faults import Faults
from nas.data.hashing import Keys, keys_of
from nas.data.sources import columns_of, file_chunks, format_of, found_files, missing_column
from nas.data.spec import Join, Spec
from nas.data.values import Values


@dataclass(frozen=True)
class SideTable:
    """`columns` (pyarrow arrays) in the order of `keys`, which ascend; `key` names the column of the rows."""

    key: str
    keys: Keys
    columns: dict[str, Any]

    def add_to(self, values: Values) -> None:
        """Puts the columns of the table beside those of `values`; rows whose key it lacks get missing values."""
        import pyarrow as pa

        texts = values.texts(self.key)
        wanted = keys_of(texts)
        places = np.searchsorted(self.keys, wanted)
        places[places == len(self.keys)] = 0
        absent = texts.is_null().to_numpy(zero_copy_only=False)
        absent |= self.keys[places] != wanted if len(self.keys) else True
        rows = pa.array(places, mask=absent)
        for name, column in self.columns.items():
            values.chunk.columns[name] = column.take(rows)


def table_columns(join: Join, root: Path, spec: Spec) -> list[str]:
    """Names of the columns that the table gives, its key left out."""
    names: list[str] = []
    for path in found_files(root, join.files):
        there = columns_of(path, format_of(path, "auto"), join.csv, spec)
        key = join.table_key or join.key
        if key not in there:
            raise missing_column(key, there, str(path))
        names += [name for name in there if name != key and name not in names]
    return names


def read_table(join: Join, root: Path, spec: Spec, wanted: set[str], faults: Faults) -> SideTable:
    """The table with its `wanted` columns. Of two rows with one key the first counts, the other is malformed."""
    import pyarrow as pa

    key = join.table_key or join.key
    keys: list[Keys] = []
    parts: dict[str, list[Any]] = {name: [] for name in sorted(wanted)}
    seen: Keys = np.empty(0, np.uint64)
    for path in found_files(root, join.files):
        for chunk in file_chunks(path, format_of(path, "auto"), join.csv, spec, wanted | {key}, faults):
            values = Values(chunk, faults)
            kept = _new_rows(values, key, seen)
            found = keys_of(values.texts(key))[kept]
            keys.append(found)
            seen = np.union1d(seen, found)
            for name, column in parts.items():
                column.append(chunk.columns[name].take(pa.array(kept)))
    joined = np.concatenate(keys) if keys else np.empty(0, np.uint64)
    order = np.argsort(joined, kind="stable")
    columns = {
        name: pa.concat_arrays(arrays).take(pa.array(order)) if arrays else pa.nulls(0, pa.binary())
        for name, arrays in parts.items()
    }
    return SideTable(join.key, joined[order], columns)


def _new_rows(values: Values, key: str, seen: Keys) -> NDArray[np.int64]:
    texts = values.texts(key)
    values.leave_out_blank()
    values.fault("key", f"the key {key} is missing", texts.is_null().to_numpy(zero_copy_only=False))
    found = keys_of(texts)
    first = np.zeros(len(found), bool)
    first[np.unique(found, return_index=True)[1]] = True
    values.fault("key", f"the key {key} stands twice", ~first | np.isin(found, seen), texts)
    return values.kept()
