"""Whole networks on hardware points, totals only: map, count and time a row with the kernels of `pimsim.mapping` and
`pimsim.timing`, add up, multiply by the prices. Plain Python that Numba compiles.

`finish` is also how `simulate()` gets its totals, so that a single run and a sweep agree to the bit.
"""

from __future__ import annotations

from typing import Any

from pimsim.mapping.columns import (
    C_LINK,
    C_MEMORY,
    COMPONENT_COLUMNS,
    P_COLUMNS,
    P_CROSSBARS_PER_TILE,
    P_PIPELINED,
    P_ROWS,
    P_SPILL,
    S_ALLOTTED,
    S_CHIPS,
    S_CONTEXTS,
    S_CROSSBARS_TOTAL,
    S_CROSSBARS_USED,
    S_HELD,
    S_NEEDED,
)
from pimsim.mapping.counts import HELPERS as COUNT_HELPERS
from pimsim.mapping.counts import count_point
from pimsim.mapping.kernel import HELPERS as MAP_HELPERS
from pimsim.mapping.kernel import map_point
from pimsim.timing.kernel import HELPERS as TIME_HELPERS
from pimsim.timing.kernel import time_point

# One row a point: energy (pJ) of an action of each component, then area (um2) and leakage (mW) that one crossbar with
# its share of PE and tile has of it (one chip of what is counted per chip), one column a component each.
PRICE_AREA = COMPONENT_COLUMNS
PRICE_LEAKAGE = 2 * COMPONENT_COLUMNS
PRICE_COLUMNS = 3 * COMPONENT_COLUMNS

# One row a network on a point, in the order of `pimsim.cost.table.FIGURES`.
(
    F_ENERGY,
    F_LATENCY,
    F_INTERVAL,
    F_THROUGHPUT,
    F_AREA,
    F_POWER,
    F_MACS,
    F_OPS,
    F_TOPS,
    F_TOPS_PER_W,
    F_TOPS_PER_MM2,
    F_CROSSBARS,
    F_UTILIZATION,
    F_DYNAMIC,
    F_STATIC,
    F_CROSSBARS_ON_CHIPS,
    F_CHIPS,
    F_TILES,
    F_CONTEXTS,
) = range(19)
F_PARTS = 19
"""Energy of each component, then its dynamic energy, static energy and area."""
FIGURE_COLUMNS = F_PARTS + 4 * COMPONENT_COLUMNS


def ratio(value: float, base: float) -> float:
    """value / base, and 0 where there is nothing to divide by."""
    return value / base if base > 0.0 else 0.0


def finish(point: Any, price: Any, whole: Any, times: Any, sums: Any, macs: float, ops: float, out: Any) -> None:
    """Fill `out` (FIGURE_COLUMNS) from the summary of the mapping, the times of both schedules and the actions of each
    component."""
    pipelined = point[P_PIPELINED] > 0.0
    latency, interval = (times[0], times[1]) if pipelined else (times[2], times[3])
    chips, crossbars = whole[S_CHIPS], whole[S_CROSSBARS_TOTAL]
    dynamic = static = area = 0.0
    for k in range(COMPONENT_COLUMNS):
        units = chips if k == C_LINK or k == C_MEMORY else crossbars  # noqa: SIM109 (Numba)
        moved = sums[k] * price[k]
        leaked = price[PRICE_LEAKAGE + k] * units * interval
        holds = price[PRICE_AREA + k] * units
        dynamic += moved
        static += leaked
        area += holds
        out[F_PARTS + k] = moved + leaked
        out[F_PARTS + COMPONENT_COLUMNS + k] = moved
        out[F_PARTS + 2 * COMPONENT_COLUMNS + k] = leaked
        out[F_PARTS + 3 * COMPONENT_COLUMNS + k] = holds
    energy = dynamic + static
    throughput = ratio(1e9, interval)
    power = energy * 1e-12 * throughput
    tops = ops * throughput * 1e-12
    per_crossbar = point[P_ROWS] * point[P_COLUMNS]
    out[F_ENERGY], out[F_LATENCY], out[F_INTERVAL] = energy, latency, interval
    out[F_THROUGHPUT], out[F_AREA], out[F_POWER] = throughput, area, power
    out[F_MACS], out[F_OPS], out[F_TOPS] = macs, ops, tops
    out[F_TOPS_PER_W], out[F_TOPS_PER_MM2] = ratio(tops, power), ratio(tops, area * 1e-6)
    out[F_CROSSBARS] = whole[S_CROSSBARS_USED]
    out[F_UTILIZATION] = ratio(whole[S_HELD], whole[S_ALLOTTED] * per_crossbar)
    out[F_DYNAMIC], out[F_STATIC] = dynamic, static
    out[F_CROSSBARS_ON_CHIPS], out[F_CHIPS] = crossbars, chips
    out[F_TILES] = whole[S_CROSSBARS_USED] / point[P_CROSSBARS_PER_TILE]
    out[F_CONTEXTS] = whole[S_CONTEXTS]


def clear(rows: Any, length: int, width: int) -> None:
    """Set the first `length` rows to 0."""
    for i in range(length):
        for k in range(width):
            rows[i][k] = 0.0


def evaluate_rows(
    layers: Any,
    edges: Any,
    starts: Any,
    offsets: Any,
    work: Any,
    points: Any,
    prices: Any,
    networks: Any,
    places: Any,
    scratch: Any,
    figures: Any,
    needed: Any,
) -> None:
    """Row r: network networks[r] on point places[r]. Fills figures[r] (FIGURE_COLUMNS) and needed[r]: crossbars of one
    copy where the chips are too few, else 0.

    layers, starts: of all networks, one after the other (network w: rows offsets[w] to offsets[w + 1]); the edges of
    layer i are edges[starts[i]] to edges[starts[i + 1]]. work[w]: its macs and ops. scratch: see `scratch_for`.
    """
    mapped, counts, ends, queue, busy, whole, times, sums = scratch
    for r in range(len(networks)):
        w, p = networks[r], places[r]
        first, last = offsets[w], offsets[w + 1]
        n = last - first
        own, edge = layers[first:last], starts[first : last + 1]
        rows = mapped[:n]
        clear(rows, n, len(mapped[0]))
        clear(counts, n + 1, COMPONENT_COLUMNS)
        point, price = points[p], prices[p]
        map_point(own, point, rows, whole, queue)
        total = whole[S_CROSSBARS_TOTAL]
        needed[r] = whole[S_NEEDED] if whole[S_NEEDED] > total and point[P_SPILL] <= 0.0 else 0.0
        count_point(own, edges, edge, point, rows, whole, counts)
        time_point(own, edges, edge, point, rows, whole, ends, times, busy)
        add_up(counts, n + 1, sums)
        finish(point, price, whole, times, sums, work[w][0], work[w][1], figures[r])


def add_up(counts: Any, length: int, sums: Any) -> None:
    """Actions of each component over the first `length` rows."""
    for k in range(COMPONENT_COLUMNS):
        sums[k] = 0.0
    for i in range(length):
        for k in range(COMPONENT_COLUMNS):
            sums[k] += counts[i][k]


HELPERS = (*MAP_HELPERS, *COUNT_HELPERS, *TIME_HELPERS, ratio, finish, clear, add_up)
