"""Exact reuse distances: how many other rows were asked for since a row last was (F. Olken, "Efficient methods for
calculating the success function of fixed space replacement policies", LBL-12370, 1981, with a Fenwick tree).

An LRU cache of C rows serves just the requests with a distance below C.

Every row has the slot of its last request, in a hash table by its number; slots in use are counted in the tree, so the
distance is the number of slots in use after the row's own. When slots run out they are closed up in their order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pimsim.errors import InputError
from pimsim.jit import compiled
from pimsim.memory.traces.fenwick import before, place, refill

Array = Any

SMALLEST = 2**14
LARGEST_ROWS = 2**28
"""Different rows of a trace at most: 12 GB of tables by then."""

UNIQUE, HEAD, DONE = 0, 1, 2


def find(key: int, keys: Array) -> int:
    """Index of `key` in the hash table `keys` (a power of 2 long, -1: free), or of the free place where it belongs."""
    mask = len(keys) - 1
    at = (((key ^ (key >> 20)) & 0x3FFFFFFF) * 0x9E3779B1 >> 7) & mask  # stays in 64 bits
    while keys[at] != key and keys[at] != -1:
        at = (at + 1) & mask
    return at


def close_up(slots: Array, owner: Array, tree: Array, state: Array) -> None:
    """Number the slots in use afresh, in their order."""
    live = 0
    for slot in range(state[HEAD]):
        at = owner[slot]
        if at >= 0:
            owner[live] = at
            slots[at] = live
            live += 1
    for slot in range(live, len(owner)):
        owner[slot] = -1
    refill(tree, live)
    state[HEAD] = live


def measure(
    rows: Array, keys: Array, slots: Array, counts: Array, owner: Array, tree: Array, histogram: Array, state: Array
) -> None:
    """Count the distances of `rows` from state[DONE] on in `histogram`; stops where the hash table is half full.

    keys, slots, counts: the hash table (row, slot of its last request, its requests). owner: place in the hash table of
    the row of each slot, or -1; as long as `keys`. tree: one longer. state: rows seen, next slot, requests done.
    """
    while state[DONE] < len(rows):
        if state[UNIQUE] * 2 >= len(keys):
            return
        if state[HEAD] == len(owner):
            close_up(slots, owner, tree, state)
        row = rows[state[DONE]]
        at = find(row, keys)
        if keys[at] == row:
            slot = slots[at]
            histogram[state[UNIQUE] - before(tree, slot) - 1] += 1
            owner[slot] = -1
            place(tree, slot, -1)
        else:
            keys[at] = row
            state[UNIQUE] += 1
        counts[at] += 1
        slots[at] = state[HEAD]
        owner[state[HEAD]] = at
        place(tree, state[HEAD], 1)
        state[HEAD] += 1
        state[DONE] += 1


def move(keys: Array, slots: Array, counts: Array, new_keys: Array, new_slots: Array, new_counts: Array,
         owner: Array) -> None:  # fmt: skip
    """Put all of a hash table into a larger one."""
    for at in range(len(keys)):
        if keys[at] != -1:
            to = find(keys[at], new_keys)
            new_keys[to], new_slots[to], new_counts[to] = keys[at], slots[at], counts[at]
            owner[slots[at]] = to


HELPERS = (find, before, place, refill, close_up)


class Distances:
    """The reuse distances of a trace, taken in piece by piece."""

    def __init__(self) -> None:
        self.state = np.zeros(3, dtype=np.int64)
        self._make(SMALLEST)
        self.histogram = np.zeros(SMALLEST, dtype=np.int64)
        self.measure = compiled(measure, *HELPERS)
        self.move = compiled(move, find)

    def add(self, rows: Array) -> None:
        """Take in the next requests (int64, from 0). Raises InputError for too many different rows."""
        self.state[DONE] = 0
        while True:
            self.measure(rows, self.keys, self.slots, self.counts, self.owner, self.tree, self.histogram, self.state)
            if self.state[DONE] == len(rows):
                return
            self._grow()

    @property
    def unique(self) -> int:
        """How many different rows there are."""
        return int(self.state[UNIQUE])

    def row_counts(self) -> tuple[Array, Array]:
        """The different rows, and how often each was asked for (int64), in no order."""
        there = self.keys != -1
        return self.keys[there], self.counts[there]

    def _make(self, size: int) -> None:
        self.keys = np.full(size, -1, dtype=np.int64)
        self.slots = np.zeros(size, dtype=np.int32)
        self.counts = np.zeros(size, dtype=np.int64)
        self.owner = np.full(size, -1, dtype=np.int32)
        self.tree = np.zeros(size + 1, dtype=np.int32)

    def _grow(self) -> None:
        old = self.keys, self.slots, self.counts
        head, owner = int(self.state[HEAD]), self.owner
        size = 4 * len(self.keys)
        if size > 2 * LARGEST_ROWS:
            raise InputError(f"the trace has more than {LARGEST_ROWS:,} different rows, too many to measure")
        self._make(size)
        self.owner[: len(owner)] = owner
        self.move(*old, self.keys, self.slots, self.counts, self.owner)
        # The owners are new where rows are; counting the slots afresh brings the tree into step with them.
        self.state[HEAD] = head
        compiled(close_up, refill)(self.slots, self.owner, self.tree, self.state)
        self.histogram = np.concatenate([self.histogram, np.zeros(size - len(self.histogram), dtype=np.int64)])
