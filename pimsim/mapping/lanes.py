"""Blocks of points: flat arrays of rows of `lanes` numbers, lane p a point. Plain functions with a compiled form each.

Element (row, p) of a block stands at row * len(lanes) + p. The number of lanes is the length of a tuple, which a
compiler knows: with many lanes the loops over p run on vector instructions, with one lane a block is a list of numbers,
and a single run is the same kernel on one point.
"""

from __future__ import annotations

import math
from typing import Any

from pimsim.jit import compiles_to

ONE = (0,)
"""One lane."""

WIDE = (0,) * 32
"""As many as keep the rows of a layer in the nearest cache."""


def up(x: float) -> float:
    """ceil as a float64; counts beyond 9e15 (no chip has as many) stop there instead of overflowing an int64."""
    return math.ceil(min(x, 9e15)) * 1.0


def down(x: float) -> float:
    """floor as a float64, bounded like `up`."""
    return math.floor(min(x, 9e15)) * 1.0


def take(block: Any, row: int, p: int, lanes: Any, count: int) -> Any:
    """Lane p of the rows from `row` on, `count` of them (a constant)."""
    if len(lanes) == 1:
        return block[row : row + count]
    return tuple(block[(row + k) * len(lanes) + p] for k in range(count))


def view(block: Any, row: int, p: int, lanes: Any, count: int) -> Any:
    """As `take`, to be indexed: compiled, it is an address, and what is never asked for is never read."""
    return take(block, row, p, lanes, count)


def at(block: Any, row: int, p: int, lanes: Any) -> Any:
    """Lane p of one row."""
    return block[row * len(lanes) + p]


def put(block: Any, row: int, p: int, lanes: Any, values: Any) -> None:
    """Set lane p of the rows from `row` on to `values`."""
    for k, value in enumerate(values):
        block[(row + k) * len(lanes) + p] = value


def add(block: Any, row: int, p: int, lanes: Any, values: Any) -> None:
    """Add `values` to lane p of the rows from `row` on."""
    for k, value in enumerate(values):
        block[(row + k) * len(lanes) + p] += value


HELPERS = (up, down, take, view, at, put, add)

compiles_to("pimsim.mapping.lane_instructions", *HELPERS)
