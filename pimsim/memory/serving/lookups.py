"""The rows that served inferences look up, inference by inference, and when they arrive, out of a trace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pimsim.errors import InputError
from pimsim.hardware.schema import Hardware
from pimsim.memory.device import Device
from pimsim.memory.placement.cache import CacheUse, RowCache, cache_of
from pimsim.memory.placement.kernels import CACHED
from pimsim.memory.placement.policies import Placement
from pimsim.memory.placement.run import accesses
from pimsim.memory.policy import Policy
from pimsim.memory.traces.form import Chunk, Header, Trace, need_rows

Array = Any
MOST_ACCESSES = 2**27
"""Of the inferences of a trace that are kept: 2 GB."""


@dataclass(frozen=True)
class Lookups:
    """The accesses of inferences: those of inference i are address[first[i] : first[i + 1]], likewise `write`. What of
    its rows stands in a cache is none of them: cached[i] words out of all requests[i]; cache: None without one."""

    address: Array
    write: Array | None
    first: Array
    cached: Array | None = None
    requests: Array | None = None
    cache: RowCache | None = None

    @property
    def inferences(self) -> int:
        """How many inferences there are."""
        return len(self.first) - 1

    @property
    def highest(self) -> int:
        """The highest address; -1 where there is none."""
        return int(self.address.max()) if len(self.address) else -1

    def of(self, which: Array) -> tuple[Array, Array | None]:
        """(address, write) of the accesses of the inferences `which`, one after the other."""
        sizes = self.first[which + 1] - self.first[which]
        starts = np.cumsum(sizes) - sizes
        # Position of each access in the trace: the run of its inference, from where that begins.
        places = np.arange(int(sizes.sum())) + np.repeat(self.first[which] - starts, sizes)
        return self.address[places], None if self.write is None else self.write[places]


NOTHING = Lookups(np.empty(0, dtype=np.int64), None, np.zeros(2, dtype=np.int64))
"""An inference that looks nothing up."""


def lookups_of(
    trace: Trace, device: Device, policy: Policy, placement: Placement | None = None, hardware: Hardware | None = None
) -> Lookups:
    """The accesses of every inference of a trace (bag i of all tables). hardware: whose process the cache of a
    placement is made in. Raises InputError for a trace of addresses, or
    one that is too long to be kept."""
    need_rows(trace.header)
    numbered = Numbered(trace)
    addresses, writes, owners, held = [], [], [], 0
    cache = None if placement is None else cache_of(placement, hardware)
    use = None if cache is None else _Use(numbered)
    for _, (address, write, owner) in accesses(numbered, device, policy, placement, use=use):
        assert owner is not None
        held += len(address)
        if held > MOST_ACCESSES:
            raise InputError(
                f"the trace has more than {MOST_ACCESSES:,} accesses, too many to serve; give a shorter one"
            )
        addresses.append(address)
        owners.append(owner)
        if write is not None:
            writes.append(write)
    if not numbered.count:
        raise InputError("the trace has no requests to serve")
    nothing = np.empty(0, dtype=np.int64)
    first = np.searchsorted(np.concatenate([nothing, *owners]), np.arange(numbered.count + 1))
    address, write = np.concatenate([nothing, *addresses]), np.concatenate(writes) if writes else None
    if use is None:
        return Lookups(address, write, first)
    return Lookups(address, write, first, use.of(use.words_of), use.of(use.requests_of), cache)


def trace_arrivals(trace: Trace, device: Device) -> Array:
    """When (ns) each inference of a trace arrives: with its first request. Raises InputError for a trace that does not
    say so."""
    name = trace.header.arrival
    if not name:
        raise InputError("the trace has no arrival times; give a rate")
    scale = 1.0 if name == "arrival_ns" else 1000.0 / device.clock_MHz
    times, last = [np.empty(0)], -1
    for chunk in trace.chunks(["bag", "table", "row", name]):
        bag = chunk["bag"] if "bag" in chunk else np.arange(last + 1, last + 1 + len(chunk[name]))
        starts = np.flatnonzero(np.diff(bag, prepend=last))
        last = int(bag[-1])
        times.append(chunk[name][starts] * scale)
    return np.concatenate(times)


class Numbered:
    """A trace whose arrival times are the numbers of the inferences, from 0: they go with every access. count: of the
    inferences so far; number: of the requests of the current chunk."""

    def __init__(self, trace: Trace):
        self.trace, self.count, self.requests = trace, 0, trace.requests
        self.number: Array = np.empty(0, dtype=np.int64)
        kept = [name for name in trace.header.columns if name in ("bag", "table", "row", "write")]
        self.header = Header((*kept, "arrival_cycle"), trace.header.tables)

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[Chunk]:
        """The requests with their inferences as `arrival_cycle`."""
        last = -1
        for chunk in self.trace.chunks(["bag", "table", "row", "write"]):
            bag = chunk["bag"] if "bag" in chunk else np.arange(last + 1, last + 1 + len(chunk["row"]))
            number = self.count - 1 + np.cumsum(np.diff(bag, prepend=last) != 0)
            last, self.count, self.number = int(bag[-1]), int(number[-1]) + 1, number
            yield {**{name: chunk[name] for name in self.header.columns[:-1]}, "arrival_cycle": number}


class _Use(CacheUse):
    """What the cache serves of each inference."""

    def __init__(self, numbered: Numbered):
        super().__init__()
        self.numbered = numbered
        self.words_of: list[Array] = []
        self.requests_of: list[Array] = []

    def count(self, unit: Array, bursts: Array, write: Array | None) -> None:
        """See `CacheUse.count`."""
        number, many = self.numbered.number, self.numbered.count
        self.words_of.append(np.bincount(number, np.where(unit == CACHED, bursts, 0), many).astype(np.int64))
        self.requests_of.append(np.bincount(number, minlength=many))

    def of(self, parts: list[Array]) -> Array:
        """The parts of all chunks added up, a number an inference."""
        total = np.zeros(self.numbered.count, dtype=np.int64)
        for part in parts:
            total[: len(part)] += part
        return total
