"""Tables placed on crossbars: a row takes a wordline of as many crossbars side by side as the widest row needs."""

from __future__ import annotations

from typing import Any

import numpy as np

from pimsim.errors import InputError
from pimsim.memory.near.result import NearResult
from pimsim.memory.near.run import run_near
from pimsim.memory.near.spec import Near
from pimsim.memory.near.trace import Bags
from pimsim.memory.placement.kernels import CACHED
from pimsim.memory.placement.policies import MOST_UNITS, Placement, Units
from pimsim.memory.policy import Policy
from pimsim.memory.traces.form import TableShape, Trace

Array = Any

SPARE = 2
"""Crossbars that rows are spread over, in times of those that they need; fewer where the chip has fewer."""


def slots_of(near: Near, tables: tuple[TableShape, ...]) -> tuple[tuple[TableShape, ...], Units]:
    """The tables with rows as wide as the widest, and the crossbars (groups of those side by side) that they may take.
    Raises InputError for a memory without crossbars."""
    crossbar = near.spec.crossbar
    if crossbar is None:
        raise InputError(f"--units crossbar is of tables in crossbars (rerec); {near.spec.name} has none")
    wide = -(-max(table.row_bytes for table in tables) // crossbar.slice_bytes)
    slot = wide * crossbar.slice_bytes
    there = crossbar.crossbars // wide
    needed = sum(-(-table.rows // crossbar.rows) for table in tables)
    count = max(1, min(there, MOST_UNITS, max(SPARE * needed, 1)))
    shapes = tuple(TableShape(table.name, table.rows, slot) for table in tables)
    return shapes, Units("crossbar", count, crossbar.rows * slot, slot)


def run_placed(near: Near, policy: Policy, trace: Trace, bags: Bags, placement: Placement) -> NearResult:
    """The sums of a trace's `bags` with its rows on the crossbars that `placement` says."""
    unit, bag, table, done = [], [], [], 0
    for chunk, where, _ in placement.places(trace.chunks(["bag", "table", "row"])):
        unit.append(where)
        bag.append(chunk["bag"] if "bag" in chunk else np.arange(done, done + len(where)))
        table.append(chunk["table"])
        done += len(where)
    nothing = np.empty(0, dtype=np.int64)
    order = np.lexsort((np.concatenate([nothing, *table]), np.concatenate([nothing, *bag])))  # as `bags_of` has them
    placed = np.concatenate([nothing, *unit])[order]
    if (placed == CACHED).any():
        raise InputError("a cache before crossbars is not modelled; leave --cached-rows out")
    return run_near(
        near, policy, bags.address, bags.first, bags.row_bytes, bags.cycles(near.clock_MHz), unit=placed
    )  # fmt: skip
