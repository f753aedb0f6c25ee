"""Serving inferences: their lookups on the banks of a memory, their arithmetic in a pipeline.

A batch is taken as `serving` says, as long as fewer than `in_flight` are under way. All its lookups go to the memory at
that moment, where they wait behind those of the batches before (the memory serves first come, first served, and keeps
its open rows and its refreshes). When the last one is there, the batch enters the compute pipeline behind the batch
before; inferences of a batch follow each other at the pipeline's interval.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pimsim.errors import InputError
from pimsim.jit import compiled
from pimsim.memory.device import Device
from pimsim.memory.placement import Placement, need_rows
from pimsim.memory.placement_run import accesses
from pimsim.memory.policy import Policy
from pimsim.memory.run import Memory, Result
from pimsim.memory.serving import Batching, ServiceFigures, figures, taken, taken_at
from pimsim.memory.traces.form import Chunk, Header, Trace

Array = Any
MOST_ACCESSES = 2**27
"""Of the inferences of a trace that are kept: 2 GB."""


@dataclass(frozen=True)
class Pipeline:
    """The arithmetic of an inference: how long it takes, how soon the next may follow, its energy."""

    latency_ns: float
    interval_ns: float
    energy_pJ: float = 0.0

    def __post_init__(self) -> None:
        if not (0.0 <= self.interval_ns <= self.latency_ns <= 1e15 and self.energy_pJ >= 0.0):
            got = f"{self.interval_ns:g} and {self.latency_ns:g}"
            raise InputError(f"a pipeline has 0 <= interval_ns <= latency_ns <= 1e15; got {got}")


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


@dataclass(frozen=True)
class Served:
    """When (ns) each inference arrived, was taken, had its last row, entered the pipeline and was done; and what the
    memory says of the whole."""

    arrival: Array
    taken: Array
    looked_up: Array
    computing: Array
    done: Array
    memory: Result
    pipeline: Pipeline

    def figures(self) -> ServiceFigures:
        """Quantiles of latency, throughput and queue."""
        return figures(self.arrival, self.taken, self.done)

    @property
    def energy_pJ(self) -> dict[str, float]:
        """Energy of an inference, memory and compute side."""
        count = max(1, len(self.arrival))
        return {"lookups": self.memory.total_energy_pJ / count, "compute": self.pipeline.energy_pJ}


def lookups_of(trace: Trace, device: Device, policy: Policy, placement: Placement | None = None) -> Lookups:
    """The accesses of every inference of a trace (bag i of all tables). Raises InputError for a trace of addresses, or
    one that is too long to be kept."""
    need_rows(trace.header)
    numbered = _Numbered(trace)
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


def serve(
    lookups: Lookups, device: Device, policy: Policy, pipeline: Pipeline, batching: Batching, arrivals: Array
) -> Served:
    """Serve an inference for each of `arrivals` (ns, none before the one ahead); their lookups are those of the trace,
    from its begin again when it ends. Raises InputError for a policy other than fcfs."""
    if policy.scheduler != "fcfs":
        raise InputError("serving needs --policy fcfs: what comes first must be known before what comes next")
    memory = Memory(device, policy, done_times=True)
    count = len(arrivals)
    at = np.ascontiguousarray(arrivals, dtype=np.float64)
    when, took = compiled(taken_at), compiled(taken)
    took_at, looked, computing, done = (np.zeros(count) for _ in range(4))
    ends: list[float] = []
    first, free, piped, rate = 0, 0.0, 0.0, device.clock_MHz * 1e-3
    while first < count:
        if len(ends) >= batching.in_flight:
            free = max(free, ends[-batching.in_flight])
        begin = when(at, first, free, batching.size, float(batching.timeout_ns))
        size = took(at, first, begin, batching.size)
        free = begin
        each = _fed(memory, lookups, np.arange(first, first + size) % lookups.inferences, int(begin * rate)) / rate
        each = np.maximum(each, begin)
        entered = max(float(each.max()), piped)
        piped = entered + size * pipeline.interval_ns
        own = slice(first, first + size)
        took_at[own], looked[own], computing[own] = begin, each, entered + np.arange(size) * pipeline.interval_ns
        done[own] = computing[own] + pipeline.latency_ns
        ends.append(float(done[first + size - 1]))
        first += size
    return Served(at, took_at, looked, computing, done, memory.finish(), pipeline)


def _fed(memory: Memory, lookups: Lookups, which: Array, cycle: int) -> Array:
    """Cycle at which the last row of each of the inferences `which` is there, all asked for at `cycle`."""
    sizes = lookups.first[which + 1] - lookups.first[which]
    total = int(sizes.sum())
    if not total:
        return np.full(len(which), cycle, dtype=np.float64)
    starts = np.cumsum(sizes) - sizes
    # Position of each access in the trace: the run of its inference, from where that begins.
    places = np.arange(total) + np.repeat(lookups.first[which] - starts, sizes)
    write = None if lookups.write is None else lookups.write[places]
    ends = memory.feed(lookups.address[places], write, np.full(total, cycle, dtype=np.int64))
    assert ends is not None  # fcfs with done_times: see `serve`
    found = np.full(len(which), cycle, dtype=np.float64)
    some = sizes > 0
    found[some] = np.maximum.reduceat(ends, starts[some])
    return found


class _Numbered:
    """A trace whose arrival times are the numbers of the inferences, from 0: they go with every access."""

    def __init__(self, trace: Trace):
        self.trace, self.count, self.requests = trace, 0, trace.requests
        kept = [name for name in trace.header.columns if name in ("table", "row", "write")]
        self.header = Header((*kept, "arrival_cycle"), trace.header.tables)

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[Chunk]:
        """The requests with their inferences as `arrival_cycle`."""
        last = -1
        for chunk in self.trace.chunks(["bag", "table", "row", "write"]):
            bag = chunk["bag"] if "bag" in chunk else np.arange(last + 1, last + 1 + len(chunk["row"]))
            number = self.count - 1 + np.cumsum(np.diff(bag, prepend=last) != 0)
            last, self.count = int(bag[-1]), int(number[-1]) + 1
            yield {**{name: chunk[name] for name in self.header.columns[:-1]}, "arrival_cycle": number}
