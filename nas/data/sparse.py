"""Categorical fields: keys to rows of an embedding table, fitted on the training rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nas.data.fields import SparseField
from nas.data.hashing import PAD, Keys
from nas.data.spec import Sparse
from pimsim.errors import InputError, printable

MAX_IDS = 2**28  # distinct ids of one field that are counted: 8 GiB while they are sorted
_MERGE = 4_194_304  # keys gathered before they are merged


@dataclass(frozen=True)
class SparseFit:
    """One field. keys (k,) ascending: the ids that count; places (k,) int32: their rows. hashed: rows by hash instead.

    distinct: ids seen in training (0 where none was counted).
    """

    field: SparseField
    keys: Keys
    places: NDArray[np.int32]
    hashed: bool
    distinct: int

    def apply(self, keys: Keys) -> NDArray[np.int32]:
        """int32, of the shape of `keys`: rows of the table; rare and unseen ids are 0, or 1 in a pooled field, whose
        unused places are 0."""
        pooled = bool(self.field.pooling)
        if self.hashed:
            rows = _hashed_rows(keys, int(pooled) + 1, self.field.rows)
        else:
            rows = np.full(keys.shape, int(pooled), np.int32)
            if len(self.keys):
                found = np.searchsorted(self.keys, keys)
                found[found == len(self.keys)] = 0
                known = self.keys[found] == keys
                rows[known] = self.places[found[known]]
        if pooled:
            rows[keys == PAD] = 0
        return rows


def fit_sparse(name: str, entry: Sparse, chunks: Iterator[Keys]) -> SparseFit:
    """The fit of a field over the keys of the training rows.

    Ids with `min_count` occurrences get rows, the most frequent first (ties by key). If they are more than `max_rows`
    holds, they share rows by hash; ids that are rare or unseen never do.
    """
    none: Keys = np.empty(0, np.uint64)
    pooled = int(bool(entry.pooling))
    if entry.hashed:
        field = SparseField(name, entry.max_rows, entry.pooling, entry.length)
        return SparseFit(field, none, np.empty(0, np.int32), True, 0)
    keys, counts = _counted(name, chunks)
    kept = counts >= entry.min_count
    kept_keys, kept_counts = keys[kept], counts[kept]
    rows = len(kept_keys) + pooled + 1
    if rows > entry.max_rows:
        rows = entry.max_rows
        places = _hashed_rows(kept_keys, pooled + 1, rows)
    else:
        places = np.empty(len(kept_keys), np.int32)
        places[np.lexsort((kept_keys, -kept_counts))] = np.arange(pooled + 1, rows, dtype=np.int32)
    return SparseFit(SparseField(name, rows, entry.pooling, entry.length), kept_keys, places, False, len(keys))


def _hashed_rows(keys: Keys, reserved: int, rows: int) -> NDArray[np.int32]:
    return (reserved + (keys % np.uint64(rows - reserved)).astype(np.int64)).astype(np.int32)


def _counted(name: str, chunks: Iterator[Keys]) -> tuple[Keys, NDArray[np.int64]]:
    """Distinct keys, ascending, and how often each was seen; PAD left out."""
    keys, counts = np.empty(0, np.uint64), np.empty(0, np.int64)
    waiting: list[tuple[Keys, NDArray[np.int64]]] = []
    held = 0
    for chunk in chunks:
        waiting.append(np.unique(chunk, return_counts=True))
        held += len(waiting[-1][0])
        if held > _MERGE:
            keys, counts = _merged([(keys, counts), *waiting])
            waiting, held = [], 0
        if len(keys) > MAX_IDS:
            found = f"field {printable(name, 60)} has more than {MAX_IDS:,} distinct ids"
            raise InputError(f"{found}; give it `hashed: true` and max_rows")
    keys, counts = _merged([(keys, counts), *waiting])
    real = keys != PAD
    return keys[real], counts[real]


def _merged(parts: list[tuple[Keys, NDArray[np.int64]]]) -> tuple[Keys, NDArray[np.int64]]:
    keys, counts = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    order = np.argsort(keys, kind="stable")
    keys, counts = keys[order], counts[order]
    if not len(keys):
        return keys, counts
    starts = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    return keys[starts], np.add.reduceat(counts, starts)
