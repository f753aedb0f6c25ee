"""Rows as models take them: `Batch`, the `Split` they come from, and the `Splits` a run may learn and choose on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nas.data.fields import Schema
from pimsim.errors import InputError

if TYPE_CHECKING:
    import torch

SHUFFLE_BLOCK = 4096  # neighbouring rows that are read together when a split does not fit memory
SHUFFLE_BLOCKS = 256  # blocks that are mixed with each other there


@dataclass(frozen=True)
class Batch:
    """dense: float32 (n, D). sparse: int64 (n, S), S = schema.width. labels: float32 (n,), 0 or 1."""

    dense: NDArray[np.float32]
    sparse: NDArray[np.int64]
    labels: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.labels)

    def tensors(self, device: torch.device | str = "cpu") -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """(dense, sparse, labels) on `device`; on the CPU they share the arrays' memory."""
        import torch

        return tuple(torch.from_numpy(part).to(device) for part in (self.dense, self.sparse, self.labels))  # type: ignore[return-value]


def fold(sparse: NDArray[np.int64], schema: Schema, capped: Schema) -> NDArray[np.int64]:
    """Ids of `schema` folded into the smaller tables of `capped`: ids beyond the reserved ones wrap around them.

    Works on torch tensors as well. Reserved: 0 of a plain field, 0 and 1 of a pooled one.
    """
    folded = sparse + 0
    for full, small, columns in zip(schema.sparse, capped.sparse, schema.columns, strict=True):
        if small.rows < full.rows:
            reserved = min(2 if full.pooling else 1, small.rows - 1)
            ids = sparse[:, columns]
            wrapped = (ids - reserved) % (small.rows - reserved) + reserved
            folded[:, columns] = ids * (ids < reserved) + wrapped * (ids >= reserved)
    return folded


@dataclass(frozen=True)
class Split:
    """One split, in memory or as memory maps.

    dense (n, D) float32, sparse (n, S) int32 or int64, labels (n,) float32. groups: (n,) int64 key of the group of each
    row (the user, for GAUC), or None. dates: (n,) int32 as YYYYMMDD (or the shard's number), or None.
    """

    name: str
    schema: Schema
    dense: NDArray[np.float32]
    sparse: NDArray[Any]
    labels: NDArray[np.float32]
    groups: NDArray[np.int64] | None = None
    dates: NDArray[np.int32] | None = None
    resident: bool = field(default=True, compare=False)

    def __post_init__(self) -> None:
        size = len(self.labels)
        wanted = (size, len(self.schema.dense)), (size, self.schema.width)
        if (self.dense.shape, self.sparse.shape) != wanted:
            raise InputError(
                f"split {self.name} must hold dense {wanted[0]} and sparse {wanted[1]}; "
                f"got {self.dense.shape} and {self.sparse.shape}"
            )
        for extra in (self.groups, self.dates):
            if extra is not None and extra.shape != (size,):
                raise InputError(f"groups and dates of split {self.name} must have {size} rows; got {extra.shape}")

    @property
    def size(self) -> int:
        return len(self.labels)

    def __len__(self) -> int:
        return len(self.labels)

    def rows(self, rows: slice | NDArray[np.int64]) -> Batch:
        """The batch of these rows."""
        return Batch(
            np.array(self.dense[rows], np.float32), np.array(self.sparse[rows], np.int64), np.array(self.labels[rows])
        )

    def batches(self, size: int, generator: np.random.Generator | None = None, start: int = 0) -> Iterator[Batch]:
        """Every row once, in batches of `size` (the last may be smaller): in order, or shuffled by `generator`.

        The same state of the generator gives the same batches. `start` leaves out that many batches without reading
        them, to resume inside an epoch. A split that is read from disk is shuffled in blocks of neighbouring rows, a
        window of blocks mixed at a time, so that memory stays bounded.
        """
        if size < 1:
            raise InputError(f"a batch needs at least 1 row; got {size}")
        if generator is None:
            for first in range(start * size, len(self), size):
                yield self.rows(slice(first, first + size))
            return
        number, left = 0, np.empty(0, np.int64)
        for window in self._windows(generator):
            left = np.concatenate([left, window])
            whole = len(left) // size * size
            for first in range(0, whole, size):
                if number >= start:
                    yield self.rows(left[first : first + size])
                number += 1
            left = left[whole:]
        if len(left) and number >= start:
            yield self.rows(left)

    def _windows(self, generator: np.random.Generator) -> Iterator[NDArray[np.int64]]:
        if self.resident:
            yield generator.permutation(len(self)).astype(np.int64)
            return
        blocks = generator.permutation(-(-len(self) // SHUFFLE_BLOCK))
        for first in range(0, len(blocks), SHUFFLE_BLOCKS):
            starts = blocks[first : first + SHUFFLE_BLOCKS].astype(np.int64) * SHUFFLE_BLOCK
            rows = (starts[:, None] + np.arange(SHUFFLE_BLOCK)).ravel()
            yield generator.permutation(rows[rows < len(self)])

    def take(self, rows: NDArray[np.int64], name: str | None = None) -> Split:
        """A split of these rows only, copied into memory."""
        parts: dict[str, Any] = {
            part: None if (array := getattr(self, part)) is None else np.array(array[rows])
            for part in ("dense", "sparse", "labels", "groups", "dates")
        }
        return replace(self, name=name or self.name, resident=True, **parts)

    def shards(self) -> dict[int, NDArray[np.int64]]:
        """Date (or shard number) -> its rows, dates ascending; for training day by day: `split.take(shards[date])`."""
        if self.dates is None:
            raise InputError(f"split {self.name} has no dates: its column spec names none")
        order = np.argsort(self.dates, kind="stable")
        dates, starts = np.unique(np.asarray(self.dates)[order], return_index=True)
        return dict(zip(dates.tolist(), np.split(order, starts[1:]), strict=True)) if len(dates) else {}


@dataclass(frozen=True)
class Splits:
    """What training and search see: two splits, and the hashes of all three (the test rows are not here).

    hashes: "training", "validation", "test" -> sha256 of the split's rows, for the run record.
    about: what the preparation wrote down (spec, seed, faults, ...).
    """

    train: Split
    validation: Split
    hashes: Mapping[str, str]
    about: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def schema(self) -> Schema:
        return self.train.schema
