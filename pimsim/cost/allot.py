"""Copies of every matrix, allotted to a budget of crossbars: the simulator's bisection (`pimsim.mapping.kernel`).
Plain Python that Numba compiles."""

from __future__ import annotations

from typing import Any

import numpy as np

from pimsim.cost.rows import (
    A_KIND,
    A_ROW,
    F_COPIES,
    FITS,
    I_LAYER,
    I_USER,
    O_CHIPS,
    O_NEEDED,
    O_STAGE_NS,
    O_STATUS,
    Q_LAYER,
    Q_PER_COPY,
    Q_TURN_NS,
    Q_VECTORS,
    SPILLS,
    TOO_LARGE,
    V_ALL_VECTORS,
    V_PER_COPY,
    V_TURN_NS,
    Z_CHIPS,
    Z_GRAIN,
    Z_MAX_COPIES,
    Z_PER_CHIP,
    Z_SPILL,
    pieces_of,
    up,
)
from pimsim.mapping.columns import MVM


def taken(queue: Any, n: int, stage_ns: float, point: Any) -> float:
    """Crossbars that the matrices still in question take when each is copied until it is done within `stage_ns`."""
    total, grain, most = 0.0, point[Z_GRAIN], point[Z_MAX_COPIES]
    for k in range(n):
        copies = copies_within(queue[k, Q_VECTORS], queue[k, Q_TURN_NS], stage_ns, most)
        total += pieces_of(copies * queue[k, Q_PER_COPY], grain)
    return total


def copies_within(vectors: float, turn_ns: float, stage_ns: float, most: float) -> float:
    """Fewest copies with which `vectors` vectors of `turn_ns` each are done within `stage_ns`; at most `most`. The
    simulator's rule, margin included."""
    if turn_ns <= 0.0 or vectors <= 0.0:
        return 1.0
    turns = max(1.0, float(np.floor(min(vectors, stage_ns / turn_ns * (1.0 + 1e-12)))))
    return min(float(np.ceil(vectors / turns)), most)


def settle(queue: Any, n: int, low_ns: float, high_ns: float, point: Any, floats: Any) -> tuple[int, float]:
    """Take the matrices out of the queue that get the same copies at both ends of the bracket, since copies fall
    steadily with the stage time. Returns how many are left, and the crossbars of those that went."""
    kept, gone, grain, most = 0, 0.0, point[Z_GRAIN], point[Z_MAX_COPIES]
    for k in range(n):
        vectors, turn, per_copy = queue[k, Q_VECTORS], queue[k, Q_TURN_NS], queue[k, Q_PER_COPY]
        fewest = copies_within(vectors, turn, high_ns, most)
        if copies_within(vectors, turn, low_ns, most) == fewest:
            floats[int(queue[k, Q_LAYER]), F_COPIES] = fewest
            gone += pieces_of(fewest * per_copy, grain)
            continue
        queue[kept, Q_VECTORS], queue[kept, Q_TURN_NS], queue[kept, Q_PER_COPY] = vectors, turn, per_copy
        queue[kept, Q_LAYER] = queue[k, Q_LAYER]
        kept += 1
    return kept, gone


def allot(queue: Any, n: int, budget: float, point: Any, floats: Any) -> float:
    """Copies of every matrix such that the slowest stage is as fast as `budget` crossbars allow: the simulator's
    bisection, bracket for bracket. Returns the stage time in ns; below 0: one copy each."""
    slow = 0.0
    for k in range(n):
        slow = max(slow, queue[k, Q_VECTORS] * queue[k, Q_TURN_NS])
    if point[Z_MAX_COPIES] <= 1.0 or taken(queue, n, slow, point) > budget:
        return -1.0
    low, high, left, turn = 0.0, slow, n, 0
    while high - low > 1e-9 * slow:
        middle = 0.5 * (low + high)
        if left == 0 or taken(queue, left, middle, point) <= budget:
            high = middle
        else:
            low = middle
        turn += 1
        if turn >= 6 and turn % 3 == 0:
            left, gone = settle(queue, left, low, high, point, floats)
            budget -= gone
    for k in range(left):
        copies = copies_within(queue[k, Q_VECTORS], queue[k, Q_TURN_NS], high, point[Z_MAX_COPIES])
        floats[int(queue[k, Q_LAYER]), F_COPIES] = copies
    return high


def give_copies(count: int, ints: Any, layers: Any, prices: Any, point: Any, floats: Any, queue: Any, out: Any) -> int:
    """Chips, one copy of everything, and the queue of what may be copied. Returns the length of the queue."""
    needed = 0.0
    n = 0
    for i in range(count):
        floats[i, F_COPIES] = 1.0
        a = ints[i, I_LAYER]
        price = prices[layers[a, A_ROW]]
        if price[V_PER_COPY] <= 0.0 or ints[i, I_USER] != i:
            continue
        needed += pieces_of(price[V_PER_COPY], point[Z_GRAIN])
        if layers[a, A_KIND] != MVM:
            continue
        queue[n, Q_VECTORS], queue[n, Q_TURN_NS] = price[V_ALL_VECTORS], price[V_TURN_NS]
        queue[n, Q_PER_COPY], queue[n, Q_LAYER] = price[V_PER_COPY], i
        n += 1
    take_chips(needed, point, out)
    return n


def take_chips(needed: float, point: Any, out: Any) -> None:
    """Chips for `needed` crossbars, and whether they hold them."""
    chips = point[Z_CHIPS]
    if chips <= 0.0:
        chips = 1.0 if point[Z_SPILL] > 0.0 else max(1.0, up(needed / point[Z_PER_CHIP]))
    out[O_CHIPS], out[O_NEEDED], out[O_STAGE_NS], out[O_STATUS] = chips, needed, -1.0, FITS
    if needed > chips * point[Z_PER_CHIP]:
        out[O_STATUS] = SPILLS if point[Z_SPILL] > 0.0 else TOO_LARGE


def spread_copies(count: int, n: int, ints: Any, point: Any, floats: Any, queue: Any, out: Any) -> None:
    """Share the crossbars that one copy of everything leaves among the matrices of the queue."""
    free = out[O_CHIPS] * point[Z_PER_CHIP] - out[O_NEEDED]
    for k in range(n):
        free += pieces_of(queue[k, Q_PER_COPY], point[Z_GRAIN])
    out[O_STAGE_NS] = allot(queue, n, free, point, floats)
    for i in range(count):
        floats[i, F_COPIES] = floats[ints[i, I_USER], F_COPIES]


HELPERS = (copies_within, taken, settle, allot, take_chips, give_copies, spread_copies)
