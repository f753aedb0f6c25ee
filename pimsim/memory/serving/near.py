"""Served inferences on a memory that adds the rows of a bag where they stand (`pimsim.memory.near.run`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pimsim.memory.lookup_runs import bag_starts
from pimsim.memory.lookup_trace import Asked, Rows
from pimsim.memory.near.result import NearResult
from pimsim.memory.near.run import NearMemory
from pimsim.memory.near.spec import Near
from pimsim.memory.near.trace import Bags, bags_of
from pimsim.memory.policy import Policy
from pimsim.memory.run import Memory
from pimsim.memory.serving.banks import NO_TRAFFIC, Room, Traffic
from pimsim.memory.serving.kernel import OUTPUTS, ROWS
from pimsim.memory.serving.lookups import Numbered
from pimsim.memory.traces.form import Trace

Array = Any


@dataclass(frozen=True)
class NearTables:
    """The bags of inferences on a near memory: those of inference i are first[i] to first[i + 1]. traffic: what the
    arithmetic moves over the same banks, for those that take it (`near.banks.takes_plain`)."""

    bags: Bags
    first: Array
    near: Near
    policy: Policy
    traffic: Traffic = NO_TRAFFIC

    @property
    def clock_MHz(self) -> float:
        """Of the near memory."""
        return self.near.clock_MHz

    def session(self, places: int) -> NearSession:
        """A memory that has done nothing yet. Raises InputError, with the sizes, where the traffic does not fit behind
        the tables."""
        return NearSession(self, places)


def near_of_model(
    asked: Asked, sums: tuple[int, ...], near: Near, policy: Policy, traffic: Traffic = NO_TRAFFIC
) -> NearTables:
    """What inferences ask of a model's tables. sums: of each table, how many sums an inference takes of it (as many as
    rows: the model adds nothing, so every row is sent). Raises InputError for tables that do not fit."""
    order = np.lexsort((asked.part, asked.inference))
    inference, table = asked.inference[order], asked.table[order]
    begins = np.zeros(len(order), dtype=np.int64)
    begins[bag_starts(inference, asked.part[order], table, sums)] = 1
    rows = Rows(Asked(inference, table, asked.row[order], table, asked.tables), np.arange(asked.inferences))
    rows.columns["bag"] = np.cumsum(begins) - 1
    bags = bags_of(rows, near.memory)
    assert bags.arrival is not None
    return NearTables(bags, np.searchsorted(bags.arrival, np.arange(asked.inferences + 1)), near, policy, traffic)


def near_tables(trace: Trace, near: Near, policy: Policy, traffic: Traffic = NO_TRAFFIC) -> NearTables:
    """The inferences of a trace of rows, tables one after another. Raises InputError for a trace that cannot be pooled
    (`near.trace.bags_of`)."""
    numbered = Numbered(trace)
    bags = bags_of(numbered, near.memory)
    assert bags.arrival is not None
    return NearTables(bags, np.searchsorted(bags.arrival, np.arange(numbered.count + 1)), near, policy, traffic)


class NearSession:
    """See `serving.banks.Session`. An answer is a bag, its sum at the host, or an access of the traffic. What is asked
    is served to its end before what is asked next is looked at."""

    queued: Memory | None = None
    lookahead = 0
    cached, cache_ns, word_ns = np.empty(0, dtype=np.int64), 0.0, 0.0

    def __init__(self, own: NearTables, places: int):
        self.own, self.memory = own, NearMemory(own.near, own.policy)
        bags = own.bags
        self.answers = np.diff(own.first)
        self.weights = self.outputs = 0
        self.room = None
        if own.traffic != NO_TRAFFIC:
            ends = bags.address + np.repeat(bags.row_bytes, np.diff(bags.first))
            self.room = Room(own.near.memory, own.traffic, places, int(ends.max(initial=0)) - 1)
            self.answers = self.answers + self.room.inputs
            self.weights, self.outputs = self.room.weights, self.room.outputs

    def ask(self, what: int, which: Array, cycle: int) -> tuple[Array, Array | None]:
        """Bags of all inferences come first, then their inputs."""
        owners, done = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
        if what == ROWS:
            own, bags = self.own, self.own.bags
            at = which % len(self.answers)
            asked = runs(own.first[at], own.first[at + 1])
            rows = runs(bags.first[asked], bags.first[asked + 1])
            first = np.cumsum(np.append(0, bags.first[asked + 1] - bags.first[asked]))
            arrival = np.full(len(asked), cycle, dtype=np.int64)
            owners.append(np.repeat(which, own.first[at + 1] - own.first[at]))
            done.append(self.memory.feed(bags.address[rows], first, bags.row_bytes[asked], arrival))
        if self.room is not None:
            count, address = self.room.of(what, which)
            owners.append(np.repeat(which, count))
            done.append(self.memory.move(address, what == OUTPUTS, cycle))
        return np.concatenate(owners), np.concatenate(done)

    def finish(self) -> NearResult:
        """See `Session.finish`."""
        return self.memory.finish()


def runs(begin: Array, end: Array) -> Array:
    """The numbers from begin[0] up to end[0], then from begin[1] up to end[1], and so on."""
    sizes = end - begin
    starts = np.cumsum(sizes) - sizes
    return np.arange(int(sizes.sum())) + np.repeat(begin - starts, sizes)
