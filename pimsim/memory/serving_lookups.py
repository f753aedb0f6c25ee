"""The rows that served inferences look up, inference by inference, and when they arrive, out of a trace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pimsim.errors import InputError
from pimsim.memory.device import Device
from pimsim.memory.placement import Placement, need_rows
from pimsim.memory.placement_run import accesses
from pimsim.memory.policy import Policy
from pimsim.memory.traces.form import Chunk, Header, Trace

Array = Any
MOST_ACCESSES = 2**27
"""Of the inferences of a trace that are kept: 2 GB."""


@dataclass(frozen=True)
class Lookups:
    """The accesses of inferences: those of inference i are address[first[i] : first[i + 1]], likewise `write`."""

    address: Array
    write: Array | None
    first: Array

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


def lookups_of(trace: Trace, device: Device, policy: Policy, placement: Placement | None = None) -> Lookups:
    """The accesses of every inference of a trace (bag i of all tables). Raises InputError for a trace of addresses, or
    one that is too long to be kept."""
    need_rows(trace.header)
    numbered = Numbered(trace)
    addresses, writes, owners, held = [], [], [], 0
    for _, (address, write, owner) in accesses(numbered, device, policy, placement):
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
    return Lookups(np.concatenate([nothing, *addresses]), np.concatenate(writes) if writes else None, first)


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
    """A trace whose arrival times are the numbers of the inferences, from 0: they go with every access."""

    def __init__(self, trace: Trace):
        self.trace, self.count, self.requests = trace, 0, trace.requests
        kept = [name for name in trace.header.columns if name in ("bag", "table", "row", "write")]
        self.header = Header((*kept, "arrival_cycle"), trace.header.tables)

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[Chunk]:
        """The requests with their inferences as `arrival_cycle`."""
        last = -1
        for chunk in self.trace.chunks(["bag", "table", "row", "write"]):
            bag = chunk["bag"] if "bag" in chunk else np.arange(last + 1, last + 1 + len(chunk["row"]))
            number = self.count - 1 + np.cumsum(np.diff(bag, prepend=last) != 0)
            last, self.count = int(bag[-1]), int(number[-1]) + 1
            yield {**{name: chunk[name] for name in self.header.columns[:-1]}, "arrival_cycle": number}
