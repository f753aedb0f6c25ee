"""A trace of table rows on a memory: rows become accesses, in a line or as a placement has them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from pimsim.errors import InputError
from pimsim.hardware.schema import Hardware
from pimsim.jit import compiled, suited
from pimsim.memory.address import shifts, stride_bytes, widths
from pimsim.memory.device import Device
from pimsim.memory.placement import kernels
from pimsim.memory.placement.cache import CacheUse, cache_of, with_cache
from pimsim.memory.placement.policies import Placement, Units
from pimsim.memory.policy import Policy
from pimsim.memory.run import Memory, Result
from pimsim.memory.traces.form import Chunk, Header, Trace, chosen

Array = Any
Accesses = tuple[Array, Array | None, Array | None]
UNIT_FIELDS = {"channel": ("ch", "pc"), "rank": ("ch", "pc", "ra"), "bank": ("ch", "pc", "bg", "ba", "ra")}
"""Address fields that number the units of a kind, the lowest first: neighbours are on other channels."""

_NOTHING = np.empty(0, dtype=np.int64)
_NO_WRITES = np.empty(0, dtype=np.uint8)


def units_of(device: Device, kind: str) -> Units:
    """The channels, ranks or banks of a memory."""
    if kind not in UNIT_FIELDS:
        if kind == "crossbar":
            raise InputError(f"{device.name} has no crossbars; --units crossbar is of tables in crossbars (--hw rerec)")
        raise InputError(f"units must be one of {', '.join(UNIT_FIELDS)}; got '{kind}'")
    bits = widths(device)
    count = 1 << sum(bits[name] for name in UNIT_FIELDS[kind])
    return Units(kind, count, device.capacity_bytes // count, device.access_bytes)


def run_on(
    trace: Trace, device: Device, policy: Policy, placement: Placement | None = None,
    told: Callable[[int], None] | None = None, done_times: bool = False, arrivals: bool = True,
    hardware: Hardware | None = None, log: int = 0,
) -> Result:  # fmt: skip
    """A trace on a memory. placement: None has the tables one after another from address 0 on. told: is called with the
    number of requests that are done after each chunk. arrivals: False has all requests there from the start.
    `Result.requests` counts accesses of the memory: a row of several bursts has as many, one in the cache none. Rows
    that the placement has in a cache are priced as `pimsim.memory.placement.cache` says, in the process of `hardware`.
    Raises InputError for tables or addresses that do not fit."""
    memory = Memory(device, policy, done_times=done_times, log=log)
    cache = None if placement is None else cache_of(placement, hardware)
    use = None if cache is None else CacheUse()
    done = 0
    for count, (address, write, arrival) in accesses(trace, device, policy, placement, arrivals, use):
        memory.feed(address, write, arrival)
        done += count
        if told is not None:
            told(done)
    result = memory.finish()
    return result if cache is None or use is None else with_cache(result, cache, use, device)


def accesses(
    trace: Trace, device: Device, policy: Policy, placement: Placement | None = None, arrivals: bool = True,
    use: CacheUse | None = None,
) -> Iterator[tuple[int, Accesses]]:  # fmt: skip
    """(requests, their accesses as `Memory.feed` takes them), chunk by chunk. use: counts what the cache of the
    placement serves."""
    header = trace.header
    names = [name for name in header.columns if name != "bag" and (arrivals or name != header.arrival)]
    if not header.of_rows:
        for chunk in trace.chunks(names):
            yield len(chunk["address"]), (chunk["address"], chunk.get("write"), cycles_of(chunk, device))
        return
    layout = _Linear(header, device) if placement is None else None
    fields = None if placement is None else address_fields(device, policy.mapping, placement.units.kind)
    bursts = np.array([device.bursts(table.row_bytes) for table in header.tables], dtype=np.int64)
    if placement is None:
        assert layout is not None
        for chunk in trace.chunks(names):
            yield len(chunk["row"]), layout.accesses(chunk, bursts, cycles_of(chunk, device))
        return
    composed = compiled(kernels.composed)
    for chunk, unit, offset in placement.places(trace.chunks(names)):
        if use is not None:
            use.count(unit, bursts[chunk["table"]], chunk.get("write"))
        out = _Out(chunk, bursts, cycles_of(chunk, device))
        made = composed(
            chunk["table"], unit, offset, bursts, device.access_bytes, fields, out.write_in, out.arrival_in,
            out.address, out.write, out.arrival,
        )  # fmt: skip
        yield len(unit), out.result(made)


class Laid:
    """A trace as addresses of a memory: tables of rows one after another, a request for each access, times in its
    cycles. Raises InputError for tables that do not fit."""

    requests: int | None = None

    def __init__(self, trace: Trace, device: Device):
        self.trace, self.device = trace, device
        there = trace.header.columns
        columns = ["address", *(["write"] if "write" in there else [])]
        self.header = Header((*columns, *(["arrival_cycle"] if trace.header.arrival else [])), (), trace.header.about)
        if not trace.header.of_rows:
            self.requests = trace.requests

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[Chunk]:
        """The accesses, a chunk of the trace at a time."""
        names = chosen(self.header, columns)
        for _, (address, write, arrival) in accesses(self.trace, self.device, Policy()):
            every = {"address": address, "write": write, "arrival_cycle": arrival}
            yield {name: values for name in names if (values := every[name]) is not None}


def cycles_of(chunk: Chunk, device: Device) -> Array | None:
    """Arrival of each request in cycles of the memory, rounded down; None when all are there from the start."""
    if "arrival_cycle" in chunk:
        return chunk["arrival_cycle"]
    if "arrival_ns" in chunk:
        return np.floor(chunk["arrival_ns"] * (device.clock_MHz * 1e-3)).astype(np.int64)
    return None


def address_fields(device: Device, mapping: str, kind: str) -> Array:
    """Of a place in a unit, which bits go where in the address (see `placement.kernels.composed`): those of the unit
    number fill the fields that name the unit, those of the offset the rest, in the order of the mapping."""
    at, bits = shifts(device, mapping), widths(device)
    own = UNIT_FIELDS[kind]
    fields, unit_bit, offset_bit = [], 0, device.access_bytes.bit_length() - 1
    for name in own:
        fields.append((0, unit_bit, bits[name], at[name]))
        unit_bit += bits[name]
    for name in reversed(mapping.split()):
        if name not in own:
            fields.append((1, offset_bit, bits[name], at[name]))
            offset_bit += bits[name]
    return np.array(fields, dtype=np.int64)


class _Out:
    """Room for the accesses of a chunk."""

    def __init__(self, chunk: Chunk, bursts: Array, arrival: Array | None):
        count = len(chunk["row"])
        total = count if bursts.max() == 1 else int(bursts[chunk["table"]].sum())
        self.write_in = chunk.get("write", _NO_WRITES)
        self.arrival_in = _NOTHING if arrival is None else arrival
        self.address = np.empty(total, dtype=np.int64)
        self.write = np.empty(total if len(self.write_in) else 0, dtype=np.uint8)
        self.arrival = np.empty(total if len(self.arrival_in) else 0, dtype=np.int64)

    def result(self, made: int) -> Accesses:
        return (
            self.address[:made],
            self.write[:made] if len(self.write) else None,
            self.arrival[:made] if len(self.arrival) else None,
        )


class _Linear:
    """Tables one after another. Raises InputError, with the sizes, when the memory is too small."""

    def __init__(self, header: Header, device: Device):
        self.stride = np.array([stride_bytes(table.row_bytes, device.access_bytes) for table in header.tables])
        sizes = [-(-table.rows * int(stride) // device.access_bytes) * device.access_bytes
                 for table, stride in zip(header.tables, self.stride, strict=True)]  # fmt: skip
        if sum(sizes) > device.capacity_bytes:
            raise InputError(
                f"the {len(sizes):,} tables take {sum(sizes):,} bytes; {device.name} holds {device.capacity_bytes:,}"
            )
        self.base = np.cumsum([0, *sizes], dtype=np.int64)
        self.access_bytes = device.access_bytes
        self.laid = 0

    def accesses(self, chunk: Chunk, bursts: Array, arrival: Array | None) -> Accesses:
        out = _Out(chunk, bursts, arrival)
        self.laid += len(out.address)
        suited(self.laid, kernels.linear)(
            chunk["table"], chunk["row"], self.base, self.stride, bursts, self.access_bytes, out.write_in,
            out.arrival_in, out.address, out.write, out.arrival,
        )  # fmt: skip
        return out.result(len(out.address))
