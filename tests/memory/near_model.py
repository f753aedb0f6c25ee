"""Reduction near the banks once more, by the description in docs/near_memory.md: plain Python over the simpy model."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from pimsim.memory.address import compose
from pimsim.memory.near.banks import MAPPING, unit_device
from pimsim.memory.near.spec import Near
from pimsim.memory.policy import Policy
from pimsim.memory.reference import run_reference

Bus = dict[int, float]


class PlainModel:
    """A memory with adders in ranks, bank groups or banks; rows are of one table, whose rows are whole accesses."""

    def __init__(self, near: Near, policy: Policy):
        banks, device = near.spec.banks, near.memory
        assert banks is not None
        self.near, self.banks, self.unit = near, banks, unit_device(near)
        self.policy = replace(policy, scheduler="frfcfs", queue=banks.queue, mapping=MAPPING)
        self.ranks, self.channels = self.unit.channels, device.channels
        shape = device.organisation
        per_rank = {"rank": 1, "bank_group": shape.bank_groups, "bank": device.banks_per_rank}[near.spec.level]
        self.units = self.ranks * (1 if banks.together != "none" else per_rank)
        self.pins: dict[str, Bus] = {"channel": defaultdict(float), "rank": defaultdict(float)}
        self.bus_rank: Bus = defaultdict(float)
        self.bus_host: Bus = defaultdict(float)
        # Everything that the banks were asked: (address, write, cycle). What is asked later comes to a rank after the
        # last command for what was asked before, and nowhere before what was asked before.
        self.asked: list[tuple[int, bool, int]] = []
        self.after: dict[int, int] = defaultdict(int)
        self.entered = 0

    def feed(self, bags: Sequence[Sequence[int]], row_bytes: int, arrival: Sequence[int]) -> list[int]:
        """End of every bag."""
        asked = [(bag, row) for bag, rows in enumerate(bags) for row in rows]
        ready = [float(arrival[bag]) for bag, _ in asked]
        if (commands := self.banks.commands) is not None:
            for name, speed in (("channel", commands.channel_bits_per_cycle), ("rank", commands.rank_bits_per_cycle)):
                for i in sorted(range(len(asked)), key=lambda i: (ready[i], i)) if speed else ():
                    rank = asked[i][1] % self.units % self.ranks
                    where = rank if name == "rank" else rank % self.channels
                    ready[i] = self._over(self.pins[name], where, ready[i], commands.bits / speed)
        reads, own = [], []
        access = self.unit.access_bytes
        for i in sorted(range(len(asked)), key=lambda i: (math.ceil(ready[i]), i)):
            at, number = asked[i][1] % self.units, asked[i][1] // self.units
            stride = max(row_bytes, access if row_bytes >= access else row_bytes)
            for step in range(-(-row_bytes // access)):
                byte = number * stride // access * access + step * access
                reads.append((self._place(at, byte), math.ceil(ready[i])))
                own.append(i)
        parts: dict[tuple[int, int], float] = defaultdict(float)
        for end, i in zip(self._served(reads, False), own, strict=True):
            key = asked[i][0], asked[i][1] % self.units
            parts[key] = max(parts[key], end)
        beats = self.near.memory.timing.tCCD_S * -(-row_bytes // self.near.memory.access_bytes)
        if self.banks.sums_in == "buffer":
            if self.near.spec.level != "rank":
                self._all_over(parts, self.bus_rank, self.ranks, beats)
            merged: dict[tuple[int, int], float] = defaultdict(float)
            for (bag, at), end in parts.items():
                rank = at % self.ranks
                buffer = rank // self.channels // self.banks.ranks_per_buffer * self.channels + rank % self.channels
                merged[bag, buffer] = max(merged[bag, buffer], end)
            parts = merged
        self._all_over(parts, self.bus_host, self.channels, beats)
        return [math.ceil(max(end for (b, _), end in parts.items() if b == bag)) for bag in range(len(bags))]

    def move(self, numbers: Iterable[int], write: bool, cycle: int) -> list[int]:
        """End of every access of the host: reads are over the buses after their bank, writes before."""
        at = [int(number) % self.units for number in numbers]
        places = [
            self._place(unit, int(number) // self.units * self.unit.access_bytes)
            for unit, number in zip(at, numbers, strict=True)
        ]
        ready = [float(cycle)] * len(at)
        beat = self.near.memory.timing.tCCD_S
        buses = [(self.bus_host, self.channels)]
        if self.banks.sums_in == "buffer" and self.near.spec.level != "rank":
            buses.append((self.bus_rank, self.ranks))

        def over(bus: Bus, many: int) -> None:
            for i in sorted(range(len(at)), key=lambda i: (ready[i], i)):
                ready[i] = self._over(bus, at[i] % self.ranks % many, ready[i], beat)

        if write:
            for bus, many in buses:
                over(bus, many)
        order = sorted(range(len(at)), key=lambda i: (math.ceil(ready[i]), i))
        ends = self._served([(places[i], math.ceil(ready[i])) for i in order], write)
        for i, end in zip(order, ends, strict=True):
            ready[i] = end
        if not write:
            for bus, many in reversed(buses):
                over(bus, many)
        return [math.ceil(end) for end in ready]

    def _place(self, at: int, byte: int) -> int:
        """Address of a byte of unit `at`."""
        shape = self.unit.organisation
        page, column = byte // self.unit.row_bytes, byte % self.unit.row_bytes // self.unit.access_bytes
        group = at // self.ranks
        if self.units == self.ranks:  # nothing below the rank tells units apart
            group, page = page % shape.bank_groups, page // shape.bank_groups
        bank, page = page % shape.banks_per_group, page // shape.banks_per_group
        place = {"channel": at % self.ranks, "group": group, "bank": bank, "row": page % shape.rows, "column": column}
        return int(compose(self.unit, MAPPING, **place))

    def _served(self, more: list[tuple[int, int]], write: bool) -> list[int]:
        """End of each access (address, cycle) in its bank."""
        first, entered = len(self.asked), self.entered
        for address, cycle in more:
            channel = address // self.unit.access_bytes % self.ranks
            self.asked.append((address, write, max(cycle, entered, self.after[channel])))
            self.entered = max(self.entered, cycle)
        done, commands = run_reference(
            self.unit, self.policy, [one[0] for one in self.asked], [int(one[1]) for one in self.asked],
            [one[2] for one in self.asked],
        )  # fmt: skip
        for channel, own in enumerate(commands):
            last = [one.cycle for one in own if one.name in ("RD", "WR", "RDA", "WRA")]
            self.after[channel] = max(last, default=-1) + 1
        return done[first:]

    def _all_over(self, parts: dict[tuple[int, int], float], bus: Bus, many: int, beats: float) -> None:
        for key in sorted(parts, key=lambda key: (parts[key], key)):
            parts[key] = self._over(bus, key[1] % many, parts[key], beats)

    @staticmethod
    def _over(bus: Bus, where: int, ready: float, beats: float) -> float:
        """A transfer behind those before it."""
        bus[where] = max(bus[where], ready) + beats
        return bus[where]
