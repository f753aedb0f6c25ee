"""Whole networks on hardware points: map, count and time with the kernels of `pimsim.mapping` and `pimsim.timing`, add
up, multiply by the prices. Plain Python that Numba compiles.

A block of points is evaluated at a time; `simulate()` is a block of one, which keeps the figures of every layer.
"""

from __future__ import annotations

from typing import Any

from pimsim.mapping.columns import (
    BUSY_COLUMNS,
    C_LINK,
    C_MEMORY,
    COMPONENT_COLUMNS,
    LANE_COLUMNS,
    MAPPED_COLUMNS,
    P_COLUMNS,
    P_CROSSBARS_PER_TILE,
    P_PIPELINED,
    P_ROWS,
    P_SPILL,
    POINT_COLUMNS,
    QUEUE_COLUMNS,
    S_ALLOTTED,
    S_CHIPS,
    S_CONTEXTS,
    S_CROSSBARS_TOTAL,
    S_CROSSBARS_USED,
    S_HELD,
    S_NEEDED,
    SUMMARY_COLUMNS,
    TIME_COLUMNS,
    X_BANKS_PJ,
    X_INTERVAL_NS,
    X_LATENCY_NS,
    X_SERIAL_NS,
)
from pimsim.mapping.counts import count_block
from pimsim.mapping.lanes import ONE, add, at, put, take, view
from pimsim.mapping.placing import map_block
from pimsim.timing.kernel import HELPERS as TIME_HELPERS
from pimsim.timing.kernel import schedule_block

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


def finish_block(lanes: Any, points: Any, prices: Any, whole: Any, lane: Any, sums: Any, work: Any, out: Any) -> None:
    """Fill `out` (FIGURE_COLUMNS) from the summary of the mapping, the times and the actions of each component. work:
    multiply-adds and operations of the network."""
    pipelined = at(points, P_PIPELINED, 0, lanes) > 0.0
    for p in range(len(lanes)):
        serial = at(lane, X_SERIAL_NS, p, lanes)
        latency = at(lane, X_LATENCY_NS, p, lanes) if pipelined else serial
        interval = at(lane, X_INTERVAL_NS, p, lanes) if pipelined else serial
        put(out, F_LATENCY, p, lanes, (latency, interval))
        put(out, F_DYNAMIC, p, lanes, (0.0, 0.0))
        put(out, F_AREA, p, lanes, (0.0,))
    for k in range(COMPONENT_COLUMNS):
        of_chip = k in (C_LINK, C_MEMORY)
        for p in range(len(lanes)):
            chips, crossbars = take(whole, S_CHIPS, p, lanes, 2)
            units = chips if of_chip else crossbars
            moved = at(sums, k, p, lanes) * at(prices, k, p, lanes)
            leaked = at(prices, PRICE_LEAKAGE + k, p, lanes) * units * at(out, F_INTERVAL, p, lanes)
            holds = at(prices, PRICE_AREA + k, p, lanes) * units
            if k == C_MEMORY:  # lookups that were simulated bring energy and area of their own
                used, drawn, held = take(lane, X_BANKS_PJ, p, lanes, 3)
                moved, leaked = moved + used, leaked + drawn * at(out, F_INTERVAL, p, lanes)
                holds += held
            put(out, F_PARTS + k, p, lanes, (moved + leaked,))
            put(out, F_PARTS + COMPONENT_COLUMNS + k, p, lanes, (moved,))
            put(out, F_PARTS + 2 * COMPONENT_COLUMNS + k, p, lanes, (leaked,))
            put(out, F_PARTS + 3 * COMPONENT_COLUMNS + k, p, lanes, (holds,))
            add(out, F_DYNAMIC, p, lanes, (moved, leaked))
            add(out, F_AREA, p, lanes, (holds,))
    macs, ops = at(work, 0, 0, ONE), at(work, 1, 0, ONE)
    for p in range(len(lanes)):
        point, summary = view(points, 0, p, lanes, POINT_COLUMNS), view(whole, 0, p, lanes, SUMMARY_COLUMNS)
        dynamic, static = take(out, F_DYNAMIC, p, lanes, 2)
        energy, area, interval = dynamic + static, at(out, F_AREA, p, lanes), at(out, F_INTERVAL, p, lanes)
        throughput = ratio(1e9, interval)
        power = energy * 1e-12 * throughput
        tops = ops * throughput * 1e-12
        per_crossbar = point[P_ROWS] * point[P_COLUMNS]
        put(out, F_ENERGY, p, lanes, (energy,))
        put(out, F_THROUGHPUT, p, lanes, (throughput, area, power, macs, ops, tops, ratio(tops, power)))
        put(out, F_TOPS_PER_MM2, p, lanes, (ratio(tops, area * 1e-6), summary[S_CROSSBARS_USED]))
        put(out, F_UTILIZATION, p, lanes, (ratio(summary[S_HELD], summary[S_ALLOTTED] * per_crossbar),))
        tiles = summary[S_CROSSBARS_USED] / point[P_CROSSBARS_PER_TILE]
        chips, crossbars = summary[S_CHIPS], summary[S_CROSSBARS_TOTAL]
        put(out, F_CROSSBARS_ON_CHIPS, p, lanes, (crossbars, chips, tiles, summary[S_CONTEXTS]))


def evaluate_block(
    lanes: Any, networks: Any, base: int, n: int, work: Any, points: Any, prices: Any, scratch: Any, detail: bool,
    summed: bool, out: Any,
) -> None:  # fmt: skip
    """One network (`n` layers from row `base` on) on a block of points: `out` (FIGURE_COLUMNS; without `summed` its
    F_UTILIZATION is left out), and what `scratch` holds then: with `detail` (one lane) the mapping, counts and times of
    every layer."""
    layers, edges, starts = networks
    rows, counts, times, queue, busy, whole, lane, sums = scratch
    map_block(lanes, layers, base, n, points, rows, whole, lane, queue, summed)
    count_block(lanes, layers, base, n, edges, starts, points, rows, whole, lane, counts, sums, detail)
    schedule_block(lanes, layers, base, n, edges, starts, points, rows, whole, lane, times, busy, detail)
    finish_block(lanes, points, prices, whole, lane, sums, work, out)


def evaluate_rows(
    lanes: Any, networks: Any, offsets: Any, works: Any, all_points: Any, all_prices: Any, varied: Any, of: Any,
    places: Any, block: Any, scratch: Any, kept: Any, results: Any, needed: Any,
) -> None:  # fmt: skip
    """Row r: network of[r] on point places[r]. Fills results[j, r] with the figure kept[j] of each row, and needed[r]
    with the crossbars of one copy where the chips are too few, else 0.

    networks: layers and edges (flat rows of numbers) and starts, of all networks one after the other: network w has the
    layers offsets[w] to offsets[w + 1], layer i the edges starts[i] to starts[i + 1]; works: macs and ops of each. With
    several lanes, rows that stand together in a block must be of one network. all_points, all_prices: P_* (and bits of
    layers) and PRICE_* in rows, one column a point. varied: which of these rows differ from column to column; `block`
    holds the others already.
    """
    points, prices, out = block
    varied_points, varied_prices = varied
    width = len(lanes)
    summed = False
    for j in range(len(kept)):
        summed = summed or kept[j] == F_UTILIZATION
    for first in range(0, len(of), width):
        for k in varied_points:
            for p in range(width):
                points[k * width + p] = all_points[k, places[min(first + p, len(of) - 1)]]
        for k in varied_prices:
            for p in range(width):
                prices[k * width + p] = all_prices[k, places[min(first + p, len(of) - 1)]]
        w = of[first]
        base = offsets[w]
        n = offsets[w + 1] - base
        evaluate_block(lanes, networks, base, n, works[w], points, prices, scratch, False, summed, out)
        last = min(width, len(of) - first)
        whole = scratch[5]
        for p in range(last):
            one = at(whole, S_NEEDED, p, lanes)
            fits = one <= at(whole, S_CROSSBARS_TOTAL, p, lanes) or at(points, P_SPILL, p, lanes) > 0.0
            needed[first + p] = 0.0 if fits else one
        for j in range(len(kept)):
            for p in range(last):
                results[j, first + p] = out[kept[j] * width + p]


def scratch_shapes(lanes: Any, layers: int, detail: bool) -> tuple[int, ...]:
    """Lengths of the arrays in which `evaluate_block` works."""
    width = len(lanes)
    rows = (
        layers * MAPPED_COLUMNS, (layers + 2 if detail else 1) * COMPONENT_COLUMNS, 2 * layers * TIME_COLUMNS,
        layers * QUEUE_COLUMNS, layers * BUSY_COLUMNS, SUMMARY_COLUMNS, LANE_COLUMNS, COMPONENT_COLUMNS,
    )  # fmt: skip
    return tuple(width * count for count in rows)


HELPERS = (*TIME_HELPERS, ratio, finish_block, evaluate_block)
