"""Reduction near the banks: the rows of a bag are added where they stand, and only sums go to the host.

What is modelled for each level is in docs/near_memory.md; what a level costs is data (`hwconfigs/memory/near`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pimsim.errors import InputError
from pimsim.memory.device import Device
from pimsim.memory.near.banks import BankAdders, takes_plain
from pimsim.memory.near.crossbar import Crossbars
from pimsim.memory.near.dpu import Cores
from pimsim.memory.near.lookups import Ints, lookups
from pimsim.memory.near.result import NearResult
from pimsim.memory.near.spec import Near
from pimsim.memory.policy import Policy
from pimsim.memory.run import Memory, Result


class NearMemory:
    """A memory with adders that is fed bags, call by call; every call is served to its end before the next."""

    def __init__(self, near: Near, policy: Policy):
        self.near = near
        self._adders: BankAdders | Cores | Crossbars
        if near.spec.crossbar is not None:
            self._adders = Crossbars(near)
        else:
            self._adders = Cores(near) if near.spec.dpu is not None else BankAdders(near, policy)
        self._arrived = 0
        self._done: list[Ints] = []

    def feed(
        self,
        address: Ints,
        first: Ints,
        row_bytes: int | Ints,
        arrival: Ints | None = None,
        unit: Ints | None = None,
    ) -> Ints:
        """Cycle of `near.clock_MHz` at which the sum of every bag is at the host.

        address: first byte of every row looked up, tables one after another (a row takes `address.stride_bytes`).
        first: first row of every bag, and at the end the number of rows. row_bytes: of all rows, or one number a bag.
        arrival: cycle at which every bag is asked for, never decreasing; if None, that of the last bag before. unit:
        crossbar of every row, where a placement has put it (level crossbar). Raises InputError for bags, times, sizes
        or addresses that cannot be."""
        if arrival is None:
            arrival = np.full(max(0, len(first) - 1), self._arrived, dtype=np.int64)
        asked = lookups(address, first, row_bytes, arrival)
        if asked.bags and asked.arrival[0] < self._arrived:
            raise InputError(f"bags arrive at cycle {int(asked.arrival[0])}, before those ahead of them")
        if isinstance(self._adders, Crossbars):
            done = self._adders.feed(asked, unit)
        elif unit is not None:
            raise InputError(f"{self.near.spec.name}: rows are placed on crossbars only; level {self.near.spec.level}")
        else:
            done = self._adders.feed(asked)
        if asked.bags:
            self._arrived = int(asked.arrival[-1])
        self._done.append(done)
        return done

    def move(self, address: Ints, write: bool, cycle: int) -> Ints:
        """Plain accesses of the host to the same banks at `cycle` (none before what was fed): byte addresses, all read
        or all written. Returns when the data of each are at the host, or in their bank. Raises InputError for cores,
        crossbars and units that act together, which take lookups only, and for addresses outside the memory."""
        if not isinstance(self._adders, BankAdders) or not takes_plain(self.near):
            raise InputError(f"{self.near.spec.name} takes lookups only")
        if len(address) and not 0 <= address.min() <= address.max() < self.near.memory.capacity_bytes:
            limit = self.near.memory.capacity_bytes
            raise InputError(f"addresses are outside {self.near.memory.name}, which has {limit:,} bytes")
        if cycle < self._arrived:
            raise InputError(f"accesses at cycle {cycle} come before those ahead of them")
        self._arrived = cycle
        return self._adders.move(np.ascontiguousarray(address, dtype=np.int64), write, cycle)

    def finish(self) -> NearResult:
        """The answer over everything fed."""
        return self._adders.finish(np.concatenate([*self._done, np.empty(0, dtype=np.int64)]))


def run_near(
    near: Near,
    policy: Policy,
    address: Ints,
    first: Ints,
    row_bytes: int | Ints,
    arrival: Ints | None = None,
    unit: Ints | None = None,
) -> NearResult:
    """Sums of bags of table rows, made near the banks: one `NearMemory.feed`. policy: pages, and whether there are
    refreshes (of all banks at once)."""
    memory = NearMemory(near, policy)
    memory.feed(address, first, row_bytes, arrival, unit)
    return memory.finish()


def run_plain(
    device: Device, policy: Policy, address: Ints, first: Ints, row_bytes: int | Ints, arrival: Ints | None = None
) -> Result:
    """The same lookups with every row read by the host, who adds. done: end of the data of every bag's last row."""
    asked = lookups(address, first, row_bytes, arrival)
    bursts = (-(-asked.bytes // device.access_bytes))[asked.bag]
    starts = np.cumsum(bursts) - bursts
    step = np.arange(int(bursts.sum())) - np.repeat(starts, bursts)
    begin = np.repeat(asked.address // device.access_bytes, bursts) + step
    memory = Memory(device, policy, done_times=True)
    times = None if arrival is None else np.repeat(asked.arrival[asked.bag], bursts)
    early = memory.feed(begin * device.access_bytes, None, times)
    result = memory.finish()
    ends: Any = result.done if result.done is not None else early
    done = asked.arrival.copy()
    if ends is not None:
        np.maximum.at(done, np.repeat(asked.bag, bursts), ends)
    return Result(**{**result.__dict__, "done": done})
