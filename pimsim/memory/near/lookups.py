"""Bags of rows as the levels of adders take them, and what waits in a line."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pimsim.errors import InputError
from pimsim.memory.address import stride_bytes
from pimsim.memory.near import kernels as near_kernels
from pimsim.memory.run import kernel

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
MOST_LOOKUPS = 1 << 26


@dataclass(frozen=True)
class Lookups:
    """Rows looked up, bag by bag. address: first byte of every row. bag: of every row. bytes: of every bag's rows.
    arrival: cycle of every bag."""

    address: Ints
    bag: Ints
    bytes: Ints
    arrival: Ints

    @property
    def bags(self) -> int:
        return len(self.bytes)

    def slots(self, access_bytes: int) -> tuple[Ints, Ints]:
        """Number of every row in its table (any origin), and bytes from a row of that table to the next."""
        sizes, shape = np.unique(self.bytes, return_inverse=True)
        strides = np.array([stride_bytes(int(size), access_bytes) for size in sizes], dtype=np.int64)
        stride = strides[shape][self.bag]
        return self.address // stride, stride

    def adds(self, element_bits: int) -> int:
        """Additions of two elements that make the sums, wherever they are made."""
        rows = np.bincount(self.bag, minlength=self.bags)
        return int((np.maximum(rows - 1, 0) * (8 * self.bytes // element_bits)).sum())


def lookups(address: Ints, first: Ints, row_bytes: int | Ints, arrival: Ints | None) -> Lookups:
    """Checked arrays (see `near.run_near`). Raises InputError for bags or times that go back, and sizes below 1."""
    at, first = np.ascontiguousarray(address, dtype=np.int64), np.asarray(first, dtype=np.int64)
    if len(at) > MOST_LOOKUPS:
        raise InputError(f"at most {MOST_LOOKUPS:,} lookups at once; got {len(at):,}")
    if len(first) == 0 or first[0] != 0 or first[-1] != len(at) or (np.diff(first) < 0).any():
        raise InputError(f"first has the first row of every bag and then the number of rows, from 0 to {len(at):,}")
    bags = len(first) - 1
    sizes = np.broadcast_to(np.asarray(row_bytes, dtype=np.int64), (bags,))
    times = np.zeros(bags, dtype=np.int64) if arrival is None else np.asarray(arrival, dtype=np.int64)
    if len(times) != bags:
        raise InputError(f"arrival has {len(times):,} entries for {bags:,} bags")
    if bags and (sizes.min() < 1 or sizes.max() > 1 << 20):
        raise InputError(f"a row has 1 to {1 << 20:,} bytes; got {int(sizes.min())} to {int(sizes.max())}")
    if bags and (times[0] < 0 or (np.diff(times) < 0).any()):
        raise InputError("bags arrive one after another, from cycle 0 on")
    return Lookups(at, np.repeat(np.arange(bags), np.diff(first)), np.ascontiguousarray(sizes), times)


def in_turn(ready: Floats | Ints, server: Ints, service: Floats | Ints | float, free: Floats) -> Floats:
    """End of every job, when each server takes its own in the order in which they are ready (equals in the order
    given), one at a time. free: when each server is; carried on."""
    count = len(server)
    times = np.ascontiguousarray(np.broadcast_to(np.asarray(ready, dtype=np.float64), (count,)))
    long = np.ascontiguousarray(np.broadcast_to(np.asarray(service, dtype=np.float64), (count,)))
    end = np.zeros(count)
    kernel(near_kernels, "in_turn", count)(np.argsort(times, kind="stable"), times, server, long, free, end)
    return end


def gathered(bag: Ints, place: Ints, places: int, ready: Floats) -> tuple[Ints, Ints, Floats]:
    """One sum for every (bag, place) that has part of it: its bag, its place, and when the last part is ready."""
    keys, where = np.unique(bag * places + place, return_inverse=True)
    latest = np.zeros(len(keys))
    np.maximum.at(latest, where, ready)
    return keys // places, keys % places, latest
