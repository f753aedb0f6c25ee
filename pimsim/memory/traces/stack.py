"""Rows by reuse distance: the LRU stack model (R. L. Mattson et al., "Evaluation techniques for storage hierarchies",
IBM Systems Journal 9(2), 1970, read backwards). A request draws how many other rows were asked for since its row last
was, and that row moves to the top of the stack; a distance below the stack is a row that has not been seen for as
long.

The stack is kept as a line of slots in the order of last use, with a Fenwick tree that counts the
slots in use, so that the row at any depth is found in log2(slots) steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from pimsim.errors import InputError
from pimsim.jit import compiled
from pimsim.memory.traces.fenwick import nth, place, refill
from pimsim.memory.traces.scatter import Scatter

Array = Any

DEEPEST = 2**20
"""Rows of the stack; what was asked for before that is drawn as if it never was."""

LARGEST_TABLE = 2**30
"""Rows of a table of this kind: a byte each is kept."""

HIT_CURVE = (
    (1.0, 0.0034), (10.0, 0.0306), (100.0, 0.1330), (1_000.0, 0.3094), (10_000.0, 0.5590), (30_000.0, 0.7372),
    (100_000.0, 0.9109), (140_000.0, 0.9217),
)  # fmt: skip
"""(distance, share of requests that are reused within it): a table of Meta's ads models by how often its rows are asked
for, in an order without bursts (`popularity.production_curve`; `python -m validation.trace_reuse` prints it)."""

LIVE, HEAD, COLD = 0, 1, 2


def squeeze(owner: Array, tree: Array, state: Array) -> None:
    """Move the slots in use to the front, in their order."""
    live = 0
    for slot in range(state[HEAD]):
        if owner[slot] >= 0:
            owner[live] = owner[slot]
            live += 1
    for slot in range(live, len(owner)):
        owner[slot] = -1
    refill(tree, live)
    state[HEAD] = live


def walk(distances: Array, depth: int, owner: Array, tree: Array, inside: Array, state: Array, ranks: Array) -> None:
    """The rank asked for at each of `distances` (0: the last one again) into `ranks`. owner: rank in each slot, or -1.
    inside: whether each rank is in the stack. state: slots in use, next slot, next rank that comes in from below."""
    for i in range(len(distances)):
        if state[HEAD] == len(owner):
            squeeze(owner, tree, state)
        live = state[LIVE]
        if distances[i] < live or live == len(inside):
            slot = nth(tree, live - 1 - min(distances[i], live - 1))
            rank = owner[slot]
            owner[slot] = -1
            place(tree, slot, -1)
        else:
            if live == depth:
                oldest = nth(tree, 0)
                inside[owner[oldest]] = 0
                owner[oldest] = -1
                place(tree, oldest, -1)
                state[LIVE] -= 1
            rank = state[COLD]
            while inside[rank]:
                rank = (rank + 1) % len(inside)
            state[COLD] = (rank + 1) % len(inside)
            inside[rank] = 1
            state[LIVE] += 1
        owner[state[HEAD]] = rank
        place(tree, state[HEAD], 1)
        state[HEAD] += 1
        ranks[i] = rank


HELPERS = (place, nth, refill, squeeze)


class Reuse:
    """Rows of a table with drawn reuse distances, piece by piece. curve: points (distance, share), as HIT_CURVE has
    them; between two points the share is a straight line over the logarithm of the distance.

    Raises InputError for a curve that does not rise, or a table that is too large.
    """

    def __init__(self, rows: int, curve: Sequence[tuple[float, float]], random: np.random.Generator, scatter: Scatter):
        check_curve(curve)
        if rows > LARGEST_TABLE:
            raise InputError(f"a table of a trace with reuse has at most {LARGEST_TABLE:,} rows; got {rows:,}")
        self.random, self.scatter = random, scatter
        self.depth = min(rows, DEEPEST)
        slots = 1 << (2 * self.depth - 1).bit_length()
        self.owner = np.full(slots, -1, dtype=np.int64)
        self.tree = np.zeros(slots + 1, dtype=np.int32)
        self.inside = np.zeros(rows, dtype=np.uint8)
        self.state = np.zeros(3, dtype=np.int64)
        self.shares = np.array([0.0, *(share for _, share in curve)])
        self.logs = np.log2([1.0, *(1.0 + distance for distance, _ in curve)])
        self.walk = compiled(walk, *HELPERS)

    def take(self, count: int) -> Array:
        """The next `count` rows (int64)."""
        drawn = self.random.random(count)
        reach = np.interp(drawn, self.shares, self.logs)
        distances = np.where(drawn < self.shares[-1], np.floor(np.exp2(reach)) - 1, 2.0**62).astype(np.int64)
        ranks = np.empty(count, dtype=np.int64)
        self.walk(distances, self.depth, self.owner, self.tree, self.inside, self.state, ranks)
        return self.scatter.rows_of(ranks)


def check_curve(curve: Sequence[tuple[float, float]]) -> None:
    """Raises InputError unless distances rise from 1 on, and shares from 0 to at most 1."""
    points = [(0.0, 0.0), *curve]
    for (before, low), (distance, share) in pairwise(points):
        if not (before < distance <= 2**40 and distance >= 1.0 and low <= share <= 1.0):
            raise InputError(
                f"distances rise from 1 on, and shares of requests with them up to 1; "
                f"got {distance:g}:{share:g} after {before:g}:{low:g}"
            )
