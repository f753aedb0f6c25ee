"""A trace of table rows on a memory with adders: rows of one bag and table are one sum."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pimsim.errors import InputError
from pimsim.memory.address import stride_bytes
from pimsim.memory.device import Device
from pimsim.memory.near.lookups import MOST_LOOKUPS, Ints
from pimsim.memory.traces.form import Trace, need_rows


@dataclass(frozen=True)
class Bags:
    """What `run_near` takes, from a trace. arrival: in ns, or in cycles when `in_cycles`; None: all at once."""

    address: Ints
    first: Ints
    row_bytes: Ints
    arrival: Ints | None
    in_cycles: bool

    def cycles(self, clock_MHz: float) -> Ints | None:
        """Arrival of every bag in cycles of a clock, rounded down."""
        if self.arrival is None or self.in_cycles:
            return self.arrival
        cycles: Ints = np.floor(self.arrival * (clock_MHz * 1e-3)).astype(np.int64)
        return cycles


def bags_of(trace: Trace, device: Device, *, arrivals: bool = True, told: Callable[[int], None] | None = None) -> Bags:
    """The bags of a trace with its tables one after another from address 0 on. A bag comes when its first row does.
    told: is called with the number of requests read. Raises InputError for addresses, writes, tables that do not fit,
    and for traces of more than 2^26 requests (a run holds all of them)."""
    header = trace.header
    need_rows(header)
    wanted = [name for name in header.columns if name != header.arrival or arrivals]
    parts: dict[str, list[Ints]] = {name: [] for name in wanted}
    count = 0
    for chunk in trace.chunks(wanted):
        count += len(chunk["row"])
        if count > MOST_LOOKUPS:
            raise InputError(f"a near memory takes traces of at most {MOST_LOOKUPS:,} requests")
        if "write" in chunk and chunk["write"].any():
            raise InputError("a near memory sums what is read; this trace has writes")
        for name, kept in parts.items():
            kept.append(np.asarray(chunk[name], dtype=np.int64))
        if told is not None:
            told(count)
    columns = {name: np.concatenate([np.empty(0, dtype=np.int64), *kept]) for name, kept in parts.items()}
    table, row = columns["table"], columns["row"]
    bag = columns.get("bag", np.arange(count))
    time = columns.get(header.arrival) if arrivals and header.arrival else None
    stride = np.array([stride_bytes(t.row_bytes, device.access_bytes) for t in header.tables], dtype=np.int64)
    sizes = np.array([t.rows for t in header.tables], dtype=np.int64) * stride
    sizes = -(-sizes // device.access_bytes) * device.access_bytes
    base = np.cumsum([0, *sizes], dtype=np.int64)
    order = np.lexsort((table, bag))
    table, row, bag = table[order], row[order], bag[order]
    new = np.flatnonzero(np.diff(bag, prepend=-1) | np.diff(table, prepend=-1)) if count else np.empty(0, np.int64)
    arrival = None
    if time is not None:
        arrival = time[np.searchsorted(columns.get("bag", np.arange(count)), bag[new])]
    return Bags(
        base[table] + row * stride[table], np.append(new, count), _bytes(trace)[table[new]], arrival,
        header.arrival == "arrival_cycle",
    )  # fmt: skip


def _bytes(trace: Trace) -> Ints:
    return np.array([table.row_bytes for table in trace.header.tables], dtype=np.int64)
