"""One run of the memory over the rows that inferences ask for: by the bank engine, or reduced near the banks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pimsim.errors import InputError
from pimsim.memory.address import stride_bytes
from pimsim.memory.device import Device
from pimsim.memory.lookup_trace import Asked, Rows
from pimsim.memory.near.run import run_near
from pimsim.memory.near.spec import Near
from pimsim.memory.placement.policies import Placement, place, profile
from pimsim.memory.placement.run import accesses, units_of
from pimsim.memory.run import Memory
from pimsim.memory.setup import Setup
from pimsim.memory.state import ACT

Array = Any
LOGGED = 1 << 18
"""Accesses up to which the command log says for which table a row was opened; beyond, all accesses count alike."""


@dataclass(frozen=True)
class Measured:
    """What a run of the memory gave. table, inference, done: of everything that was waited for (an access, or the sum
    of a bag), in the order of the trace; done in cycles. arrival: of each inference, in cycles. accesses, activates: of
    each table."""

    clock_MHz: float
    cycles: int
    counts: dict[str, int]
    energy_pJ: dict[str, float]
    table: Array
    inference: Array
    done: Array
    arrival: Array
    accesses: Array
    activates: Array

    def moved(self) -> Array:
        """Cycles (int64) by which the answers for each table moved the end: all of them add up to the time for which
        something was asked for and not yet there."""
        end = np.maximum.accumulate(self.done)
        begin = np.maximum(np.concatenate(([0], end[:-1])), self.arrival[self.inference])
        moved = np.zeros(len(self.accesses), dtype=np.int64)
        np.add.at(moved, self.table, np.maximum(0, end - begin))
        return moved

    def latest(self) -> Array:
        """Cycles from the arrival of an inference to its last answer of each table, mean over those that ask it."""
        tables = len(self.accesses)
        last = np.full(len(self.arrival) * tables, -1, dtype=np.int64)
        np.maximum.at(last, self.inference * tables + self.table, self.done - self.arrival[self.inference])
        taken = last.reshape(-1, tables)
        return np.where(taken >= 0, taken, 0).sum(axis=0) / np.maximum(1, (taken >= 0).sum(axis=0))


def measure(setup: Setup, asked: Asked, sums: tuple[int, ...], arrival: Array | None) -> Measured:
    """A run of `asked`. sums: rows that an inference gets of each table. arrival: cycle at which each inference asks;
    None: all at the start. Raises InputError, with the sizes, for tables that do not fit."""
    if setup.near is not None:
        return _near(setup, setup.near, asked, sums, arrival)
    device = setup.device
    placement = _placement(setup, asked)
    bursts = np.array([device.bursts(table.row_bytes) for table in asked.tables], dtype=np.int64)
    times = bursts[asked.table]
    table, total = np.repeat(asked.table, times), int(times.sum())
    memory = Memory(device, setup.policy, done_times=True, log=6 * total if total <= LOGGED else 0)
    for _, (address, write, when) in accesses(Rows(asked, arrival), device, setup.policy, placement):
        memory.feed(address, write, when)
    result = memory.finish()
    assert result.done is not None
    count = len(asked.tables)
    opened = np.zeros(count)
    if result.log is not None:
        lines = result.log[result.log[:, 1] == ACT]
        opened = np.bincount(table[lines[:, 4]], minlength=count).astype(np.float64)
    start = np.zeros(asked.inferences, dtype=np.int64) if arrival is None else arrival
    return Measured(
        device.clock_MHz, result.cycles, result.counts, result.energy_pJ, table, np.repeat(asked.inference, times),
        result.done, start, np.bincount(table, minlength=count).astype(np.float64), opened,
    )  # fmt: skip


def _placement(setup: Setup, asked: Asked) -> Placement | None:
    if setup.placement == "interleaved":
        return None
    known = profile(Rows(asked)) if setup.placement == "frequency_aware" else None
    return place(asked.tables, units_of(setup.device, setup.unit), setup.placement, known)


def _near(setup: Setup, near: Near, asked: Asked, sums: tuple[int, ...], arrival: Array | None) -> Measured:
    if setup.placement != "interleaved":
        raise InputError(
            f"memory.banks.placement: rows take turns over the adders of {near.spec.name}; give interleaved"
        )
    order = np.lexsort((asked.part, asked.inference))
    table, inference = asked.table[order], asked.inference[order]
    begins = bag_starts(inference, asked.part[order], table, sums)
    first = np.append(begins, len(table))
    bag_table, bag_inference = table[begins], inference[begins]
    sizes = np.array([shape.row_bytes for shape in asked.tables], dtype=np.int64)
    base, stride = _linear(near, setup.device, asked)
    address = base[table] + asked.row[order] * stride[table]
    when = None if arrival is None else arrival[bag_inference]
    result = run_near(near, setup.policy, address, first, sizes[bag_table], when)
    count, counts = len(asked.tables), dict(result.counts)
    start = np.zeros(asked.inferences, dtype=np.int64) if arrival is None else arrival
    return Measured(
        result.clock_MHz, result.cycles, counts, result.energy_pJ, bag_table, bag_inference, result.done, start,
        np.bincount(table, minlength=count).astype(np.float64), np.zeros(count),
    )  # fmt: skip


def bag_starts(inference: Array, part: Array, table: Array, sums: tuple[int, ...]) -> Array:
    """Where each bag begins: rows of one inference and part, cut into as many even pieces as the model wants sums."""
    change = (np.diff(inference) != 0) | (np.diff(part) != 0)
    starts = np.concatenate(([0], np.flatnonzero(change) + 1))
    count = np.diff(np.append(starts, len(inference)))
    parts_of = {int(t): len(np.unique(part[table == t])) for t in np.unique(table)}
    wanted = np.array([max(1, sums[int(t)] // parts_of[int(t)]) for t in table[starts]], dtype=np.int64)
    piece = -(-count // wanted)
    place = np.arange(len(inference)) - np.repeat(starts, count)
    begins: Array = np.flatnonzero(place % np.repeat(piece, count) == 0)
    return begins


def _linear(near: Near, device: Device, asked: Asked) -> tuple[Array, Array]:
    """First byte of each table, one after another, and bytes from one row to the next."""
    access = device.access_bytes
    stride = np.array([stride_bytes(table.row_bytes, access) for table in asked.tables], dtype=np.int64)
    sizes = [-(-table.rows * int(step) // access) * access for table, step in zip(asked.tables, stride, strict=True)]
    if near.spec.crossbar is None and sum(sizes) > device.capacity_bytes:
        text = f"the {len(sizes):,} tables take {sum(sizes):,} bytes; {device.name} holds {device.capacity_bytes:,}"
        raise InputError(text)
    return np.cumsum([0, *sizes[:-1]], dtype=np.int64), stride
