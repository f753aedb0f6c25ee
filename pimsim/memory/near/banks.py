"""Adders in ranks, bank groups or banks: the same bank engine, with the buses that adders take out of the way.

Each rank becomes a channel of its own (its buffer, or its decoders, give it commands), with all of its banks, its tRRD,
its tFAW and its refreshes. With adders in bank groups a read keeps its bank group's data path for tCCD_L and no longer
the rank's; with adders in banks it keeps its bank's. Units that act together are one bank with rows and accesses as
many times as wide. Rows are whole in one unit and take turns over the units (row i of a table at unit i modulo units).

Plain accesses go to the same banks, an access at unit (its number modulo units), and over the same buses as sums.

On the way in, instructions of lookups wait for the channel's pins, and for the rank's where units decode them. On the
way out, the sum of every unit and bag waits for the rank's data bus, and what a buffer has added up for the channel's.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np

from pimsim.errors import InputError
from pimsim.memory.address import compose
from pimsim.memory.device import Device
from pimsim.memory.energy import energy_pJ
from pimsim.memory.near import kernels as near_kernels
from pimsim.memory.near.lookups import Ints, Lookups, gathered, in_turn
from pimsim.memory.near.result import NearResult
from pimsim.memory.near.spec import Banks, Near
from pimsim.memory.policy import Policy
from pimsim.memory.run import Memory, kernel
from pimsim.memory.state import NEVER

MAPPING = "ro ba ra bg co pc ch"


def units_of(near: Near) -> int:
    """Adders (or groups of adders that act as one) of the whole memory."""
    device, banks = near.memory, _banks(near)
    ranks = device.channels * device.organisation.ranks
    if banks.together == "ranks":
        return device.channels
    if near.spec.level == "rank" or banks.together == "banks":
        return ranks
    return ranks * (device.organisation.bank_groups if near.spec.level == "bank_group" else device.banks_per_rank)


def unit_device(near: Near) -> Device:
    """The memory as the adders see it."""
    device, banks = near.memory, _banks(near)
    shape, timing = device.organisation, device.timing
    ranks, together = shape.ranks, banks.together
    organisation: dict[str, Any] = {"channels": device.channels * ranks, "pseudo_channels": 1, "ranks": 1}
    interval = getattr(timing, banks.interval)
    times: dict[str, Any] = {}
    if near.spec.level != "rank":
        # Data meet in the unit: what two reads of different units share is the bus of commands.
        column = 1 if _decoded(banks) else timing.column_cycles
        times = {"tCCD_S": column, "tCCD_L": interval, "column_cycles": column}
        times["activate_cycles"] = 1 if _decoded(banks) else timing.activate_cycles
    if near.spec.level == "bank" and together == "none":
        organisation |= {"bank_groups": device.banks_per_rank, "banks_per_group": 1}
    if together == "banks":
        slices = banks.slices or device.banks_per_rank
        organisation |= {"bank_groups": 1, "banks_per_group": 1}
        organisation |= {"row_bytes": shape.row_bytes * device.banks_per_rank}
        organisation |= {"access_bytes": shape.access_bytes * slices}
        times |= {"tCCD_S": interval}
    if together == "ranks":
        organisation |= {"channels": device.channels, "row_bytes": shape.row_bytes * ranks}
        organisation |= {"access_bytes": shape.access_bytes * ranks}
    update = {"organisation": shape.model_copy(update=organisation), "timing": timing.model_copy(update=times)}
    return device.model_copy(update=update)


def takes_plain(near: Near) -> bool:
    """Whether the host can read and write the banks between lookups: where every access is whole in one unit."""
    return near.spec.banks is not None and near.spec.banks.together == "none"


class BankAdders:
    """Adders in ranks, bank groups or banks, and what they have done so far."""

    def __init__(self, near: Near, policy: Policy):
        banks, self.near = _banks(near), near
        self.unit, self.units = unit_device(near), units_of(near)
        self.ranks, self.channels = self.unit.channels, near.memory.channels
        self.policy = replace(
            policy, scheduler="frfcfs", queue=banks.queue, write_queue=0, drain_high=0, drain_low=0, mapping=MAPPING,
            refresh="none" if policy.refresh == "none" else "all_bank",
        )  # fmt: skip
        self.memory = Memory(self.unit, self.policy, done_times=True)
        self.cache = _Cache(banks, self.units)
        self.pins_in, self.pins_rank = np.zeros(self.channels), np.zeros(self.ranks)
        self.bus_rank, self.bus_host = np.zeros(self.ranks), np.zeros(self.channels)
        self.fed = self.entered = self.lookups = self.bags = self.adds = self.sums = self.unit_sums = self.bits = 0
        self.read_plain = 0
        self.end = 0.0
        self.hot: Ints | None = None  # first bytes of the rows of which every unit has a copy

    def feed(self, asked: Lookups) -> Ints:
        """Cycle at which the sums of every bag are at the host."""
        banks, device = _banks(self.near), self.near.memory
        if len(asked.address) and not 0 <= asked.address.min() <= asked.address.max() < device.capacity_bytes:
            raise InputError(f"rows stand outside {device.name}, which has {device.capacity_bytes:,} bytes")
        slot, _ = asked.slots(device.access_bytes)
        at = self._units(asked, slot)
        hit = self.cache.look_up(at, asked.address, slot, int(asked.bytes.max(initial=1)))
        ready = self._instructed(asked, at % self.ranks)
        done = ready + 1.0  # a row in the cache
        done[hit == 0] = self._read(asked, slot // self.units, at, np.flatnonzero(hit == 0), ready)
        bag, of, latest = gathered(asked.bag, at, self.units, done)
        beats = device.timing.tCCD_S * -(-asked.bytes // device.access_bytes)
        if banks.sums_in == "buffer":
            if self._crosses_rank():
                latest = in_turn(latest, of % self.ranks, beats[bag], self.bus_rank)
                self.unit_sums += len(bag)
            # Ranks are numbered channel by channel from the lowest: those of a channel are `channels` apart.
            rank, channels = of % self.ranks, self.channels
            buffers = -(-self.ranks // channels // banks.ranks_per_buffer) * channels
            buffer = rank // channels // banks.ranks_per_buffer * channels + rank % channels
            bag, of, latest = gathered(bag, buffer, buffers, latest)
        at_host = in_turn(latest, of % self.channels, beats[bag], self.bus_host)
        last = asked.arrival.astype(np.float64)
        np.maximum.at(last, bag, at_host)
        self.lookups += len(asked.address)
        self.bags += asked.bags
        self.adds += asked.adds(self.near.spec.element_bits)
        self.sums += len(bag)
        self.bits += 8 * int(asked.bytes[bag].sum())
        self.end = max(self.end, float(at_host.max(initial=0.0)))
        return np.ceil(last).astype(np.int64)

    def move(self, address: Ints, write: bool, cycle: int) -> Ints:
        """Plain accesses that the host asks for at `cycle`, reads or writes: when the data of each are at the host, or
        in their bank. They take no instruction and no cache, and are behind all that was asked before."""
        device = self.near.memory
        slot = address // device.access_bytes
        at = slot % self.units
        rank, beat = at % self.ranks, float(device.timing.tCCD_S)
        buses = [(rank, self.bus_rank)] if self._crosses_rank() else []
        buses.append((rank % self.channels, self.bus_host))
        ready = np.full(len(address), float(cycle))
        places = _placed(self.near, self.unit, slot // self.units * device.access_bytes, at, np.zeros_like(at))
        if write:
            for bus, free in reversed(buses):
                ready = in_turn(ready, bus, beat, free)
        ready = self._accesses(places, np.ceil(ready).astype(np.int64), write)
        if not write:
            for bus, free in buses:
                ready = in_turn(ready, bus, beat, free)
            self.read_plain += len(address)
        self.bits += 8 * device.access_bytes * len(address)
        self.end = max(self.end, float(ready.max(initial=0.0)))
        return np.ceil(ready).astype(np.int64)

    def _crosses_rank(self) -> bool:
        """Whether data wait for their rank's bus, and not only for the channel's."""
        return _banks(self.near).sums_in == "buffer" and self.near.spec.level != "rank"

    def finish(self, done: Ints) -> NearResult:
        """The answer over everything fed."""
        near, run = self.near, self.memory.finish()
        cycles = max(run.cycles, math.ceil(self.end))
        counts = {**run.counts, "cache_hits": self.cache.hits, "sums": self.sums, "unit_sums": self.unit_sums}
        energy = _energy(near, run, cycles, self.ranks, self.read_plain)
        energy["io"] = self.bits * near.memory.io_pJ_per_bit
        energy["reduction"] = self.adds * near.spec.add_pJ
        if self.cache.sets:
            energy["cache"] = self.lookups * _banks(near).cache_pJ  # read, or written
        return NearResult(
            near.spec.name, near.memory.name, near.clock_MHz, cycles, self.lookups, self.bags, self.sums, counts,
            energy, done,
        )  # fmt: skip

    def _units(self, asked: Lookups, slot: Ints) -> Ints:
        """Unit of every row: by its number, or any for one that all have."""
        at, copies = slot % self.units, _banks(self.near).copied_rows
        if not copies or not len(slot):
            return at
        if self.hot is None:
            rows, counts = np.unique(asked.address, return_counts=True)
            self.hot = np.sort(rows[np.argsort(-counts, kind="stable")[:copies]])
        where = np.minimum(np.searchsorted(self.hot, asked.address), len(self.hot) - 1)
        hot = (self.hot[where] == asked.address).astype(np.int64)
        load, stamp = np.zeros(self.units, dtype=np.int64), np.full(self.units, -1, dtype=np.int64)
        kernel(near_kernels, "evened", len(at))(asked.bag, at, hot, load, stamp)
        return at

    def _instructed(self, asked: Lookups, rank: Ints) -> Any:
        """Cycle at which the instruction of every row is where DRAM commands are made of it."""
        commands = _banks(self.near).commands
        ready = asked.arrival[asked.bag].astype(np.float64)
        if commands is None:
            return ready
        ready = in_turn(ready, rank % self.channels, commands.bits / commands.channel_bits_per_cycle, self.pins_in)
        if commands.rank_bits_per_cycle:
            ready = in_turn(ready, rank, commands.bits / commands.rank_bits_per_cycle, self.pins_rank)
        return ready

    def _read(self, asked: Lookups, number: Ints, at: Ints, rows: Ints, ready: Any) -> Any:
        """The end of each of `rows` (those that no cache has). number: of every row in its unit `at`."""
        unit = self.unit
        times = np.ceil(ready[rows]).astype(np.int64)
        order = np.argsort(times, kind="stable")
        rows, times = rows[order], times[order]
        bursts = (-(-asked.bytes // unit.access_bytes))[asked.bag[rows]]
        starts = np.cumsum(bursts) - bursts
        step = np.arange(int(bursts.sum())) - np.repeat(starts, bursts)
        own = np.repeat(rows, bursts)
        stride = asked.slots(unit.access_bytes)[1]
        address = _placed(self.near, unit, number[own] * stride[own], at[own], step)
        ends = self._accesses(address, np.repeat(times, bursts))
        found = np.zeros(len(rows))
        if len(rows):
            found[order] = np.maximum.reduceat(ends, starts)
        return found

    def _accesses(self, address: Ints, times: Ints, write: bool = False) -> Any:
        """The end of each access to the unit's memory; those before are served, none enters the queues ahead of them.
        """
        order = np.argsort(times, kind="stable")
        entered = np.maximum(times[order], self.entered)
        self.entered = int(entered.max(initial=self.entered))
        self.memory.feed(address[order], np.ones(len(address), dtype=np.uint8) if write else None, entered)
        served = self.memory.advance(NEVER)
        ends = np.zeros(len(address))
        ends[order[served[:, 0] - self.fed]] = served[:, 1]
        self.fed += len(address)
        return ends


class _Cache:
    """Caches of rows, one in every unit."""

    def __init__(self, banks: Banks, units: int):
        self.banks, self.units = banks, units
        self.sets = self.hits = 0
        self.tags = self.used = np.zeros(0, dtype=np.int64)
        self.clock = np.zeros(1, dtype=np.int64)

    def look_up(self, unit: Ints, address: Ints, number: Ints, row_bytes: int) -> Ints:
        """1 for every row at `address`, with `number` in its table, that its unit has in its cache. Lines are as long
        as the longest row of the first call."""
        hit, ways = np.zeros(len(address), dtype=np.int64), self.banks.cache_ways
        if not self.sets:
            self.sets = self.banks.cache_bytes // (row_bytes * ways)
            if self.units * self.sets * ways > 1 << 28:
                raise InputError(f"caches of {self.units:,} units with {self.sets * ways:,} rows each are too many")
            self.tags = np.full(self.units * self.sets * ways, -1, dtype=np.int64)
            self.used = np.zeros(len(self.tags), dtype=np.int64)
        if self.sets:
            args = (unit, address, number, self.sets, ways, self.tags, self.used, self.clock, hit)
            kernel(near_kernels, "cached", len(address))(*args)
            self.hits += int(hit.sum())
        return hit


def _banks(near: Near) -> Banks:
    if near.spec.banks is None:
        raise InputError(f"{near.spec.name}: level {near.spec.level} has no adders in banks")
    return near.spec.banks


def _decoded(banks: Banks) -> bool:
    """Whether units make their DRAM commands themselves."""
    return banks.commands is not None and banks.commands.rank_bits_per_cycle > 0


def _placed(near: Near, unit: Device, local: Ints, at: Ints, step: Ints) -> Ints:
    """Addresses in `unit` of the accesses `step` of rows: unit `at`, in it byte `local`, pages over its banks."""
    shape = unit.organisation
    local = local // unit.access_bytes * unit.access_bytes + step * unit.access_bytes
    page, column = local // shape.row_bytes, local % shape.row_bytes // unit.access_bytes
    channel, group = at % unit.channels, at // unit.channels
    if _banks(near).together != "none" or near.spec.level == "rank":
        group, page = page % shape.bank_groups, page // shape.bank_groups
    bank, page = page % shape.banks_per_group, page // shape.banks_per_group
    return compose(unit, MAPPING, channel=channel, group=group, bank=bank, row=page % shape.rows, column=column)


def _energy(near: Near, run: Any, cycles: int, ranks: int, plain: int) -> dict[str, float]:
    """By the plain memory's prices: commands that many banks obey count for each of them. plain: reads of the host,
    which do not stop on the way."""
    banks, device = _banks(near), near.memory
    merged = device.organisation.ranks if banks.together == "ranks" else 1
    wide = device.banks_per_rank if banks.together == "banks" else merged
    read = (banks.slices or device.banks_per_rank) if banks.together == "banks" else merged
    energy = energy_pJ(
        device,
        activates=run.counts["activate"] * wide,
        reads=run.counts["read"] * read,
        writes=run.counts["write"],
        refreshes=run.counts["refresh"] * merged,
        active_cycles=run.residency["active"] * merged,
        precharged_cycles=(run.residency["precharged"] + (cycles - run.cycles) * ranks) * merged,
    )
    if run.counts["read"]:
        energy["read"] *= banks.read_share + (1.0 - banks.read_share) * plain / run.counts["read"]
    return energy
