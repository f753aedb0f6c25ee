"""Networks put together from the rows of a lookup table: what adds, what takes a maximum, what is allotted.

Plain Python that Numba compiles. docs/penalties.md derives each rule from the simulator's kernels; a test holds the two
together.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pimsim.cost import allot as allotting
from pimsim.cost import rows as laying
from pimsim.cost.allot import give_copies, spread_copies
from pimsim.cost.rows import (
    A_EDGE,
    A_KIND,
    A_ROW,
    F_COPIES,
    F_CROSSBARS,
    F_DURATION,
    F_END,
    F_FILL,
    F_FIRST,
    F_MIDDLE,
    F_POSITION,
    F_TILES,
    FITS,
    I_EDGE,
    I_LAYER,
    I_OWNER,
    I_USED,
    I_USER,
    O_AREA_UM2,
    O_CHIPS,
    O_CROSSBARS,
    O_DYNAMIC_PJ,
    O_INTERVAL_NS,
    O_LATENCY_NS,
    O_STATIC_PJ,
    O_STATUS,
    V_AGAIN,
    V_CYCLE_NS,
    V_ENERGY_PJ,
    V_FETCH,
    V_FILL_NS,
    V_FIXED_NS,
    V_HELD_UM2,
    V_LEAVES_PJ,
    V_PER_COPY,
    V_SHARED_NS,
    V_STANDBY_MW,
    V_STEP_VECTORS,
    V_STORE,
    V_TURN_NS,
    V_VECTOR,
    V_WAIT_NS,
    V_WRITE_NS,
    W_LINK_PJ,
    W_ROUTER_PJ,
    Z_AREA_CHIP_UM2,
    Z_AREA_CROSSBAR_UM2,
    Z_GRAIN,
    Z_LEAK_CHIP_MW,
    Z_LEAK_CROSSBAR_MW,
    Z_MAX_COPIES,
    Z_MESH_WIDTH,
    Z_PER_CHIP,
    Z_PER_TILE,
    Z_PIPELINED,
    Z_SERIAL,
    Z_TILES_PER_CHIP,
    Z_TILES_PER_ROUTER,
    pieces_of,
    up,
    walk,
)
from pimsim.mapping.columns import LOOKUP


def place_all(count: int, ints: Any, layers: Any, prices: Any, point: Any, floats: Any) -> float:
    """Crossbars, first and middle one of every layer on crossbars, and its tiles. Returns the crossbars used.
    Layers that share cells stand where the first of them stands, and hold none of their own."""
    position = 0.0
    for i in range(count):
        mine = floats[i]
        a = ints[i, I_LAYER]
        mine[F_CROSSBARS] = mine[F_POSITION] = mine[F_MIDDLE] = 0.0
        mine[F_TILES] = 1.0
        per_copy = prices[layers[a, A_ROW], V_PER_COPY]
        if per_copy <= 0.0:
            continue
        user = ints[i, I_USER]
        if user != i:
            mine[F_POSITION] = mine[F_MIDDLE] = floats[user, F_POSITION]
            mine[F_TILES] = floats[user, F_TILES]
            continue
        wanted = pieces_of(mine[F_COPIES] * per_copy, point[Z_GRAIN])
        mine[F_CROSSBARS], mine[F_POSITION] = wanted, position
        mine[F_MIDDLE] = position + float(np.floor(0.5 * max(wanted - 1.0, 0.0)))
        mine[F_TILES] = max(1.0, up(wanted / point[Z_PER_TILE]))
        position += wanted
    for i in range(count):
        on_crossbars = prices[layers[ints[i, I_LAYER], A_ROW], V_PER_COPY] > 0.0
        if not on_crossbars and ints[i, I_OWNER] >= 0:
            owner = floats[ints[i, I_OWNER]]
            floats[i, F_MIDDLE], floats[i, F_TILES] = owner[F_MIDDLE], owner[F_TILES]
    return position


def way(here: float, there: float, point: Any) -> tuple[float, bool]:
    """Routers passed between two crossbars, and whether they stand on different chips; the simulator's mesh."""
    here_tile, there_tile = float(np.floor(here / point[Z_PER_TILE])), float(np.floor(there / point[Z_PER_TILE]))
    if here_tile == there_tile:
        return 0.0, False
    width, tiles, shared = point[Z_MESH_WIDTH], point[Z_TILES_PER_CHIP], point[Z_TILES_PER_ROUTER]
    here_chip, there_chip = float(np.floor(here_tile / tiles)), float(np.floor(there_tile / tiles))
    a = float(np.floor((here_tile - here_chip * tiles) / shared))
    b = float(np.floor((there_tile - there_chip * tiles) / shared))
    a_row, b_row = float(np.floor(a / width)), float(np.floor(b / width))
    a_column, b_column = a - a_row * width, b - b_row * width
    if here_chip == there_chip:
        return abs(a_column - b_column) + abs(a_row - b_row) + 1.0, False
    return a_column + a_row + b_column + b_row + 2.0, True


def traffic(count: int, ints: Any, layers: Any, froms: Any, ways: Any, floats: Any, point: Any) -> float:
    """Energy in pJ of what passes between layers, and between the model and the outside: inputs enter at the corner."""
    energy = 0.0
    for i in range(count):
        a = ints[i, I_LAYER]
        here = floats[i, F_MIDDLE]
        edge, first = ints[i, I_EDGE], layers[a, A_EDGE]
        for k in range(ints[i + 1, I_EDGE] - edge):
            source = froms[0, edge + k]
            pair = ways[first + k]
            there = 0.0 if source < 0 else floats[source, F_MIDDLE]
            if here != there:
                steps, over = way(there, here, point)
                energy += pair[W_ROUTER_PJ] * steps
                if over and source >= 0:
                    energy += pair[W_LINK_PJ]
            if source < 0:
                energy += pair[W_LINK_PJ]
    return energy


def span(price: Any, copies: float, tiles: float, serial: bool) -> tuple[float, float]:
    """Time and depth in ns of a layer with `copies` copies on `tiles` tiles."""
    shared = price[V_SHARED_NS] * (1.0 / tiles)
    busy = price[V_FIXED_NS]
    if price[V_TURN_NS] > 0.0:
        turns = price[V_STEP_VECTORS]
        if copies > 1.0:
            turns = up(turns / copies)
        busy += turns * price[V_TURN_NS]
    busy = busy + shared if serial and price[V_CYCLE_NS] > 0.0 else max(busy, shared)
    fill = price[V_FILL_NS]
    if price[V_CYCLE_NS] > 0.0:
        share = (1.0 - 1e-12) / tiles  # the simulator's margin: whole cycles stay whole
        ends = max(1.0, up(price[V_FETCH] * share)) + max(1.0, up(price[V_STORE] * share))
        fill += ends * price[V_CYCLE_NS]
    return busy + fill * price[V_AGAIN], fill


def durations(count: int, ints: Any, layers: Any, prices: Any, point: Any, floats: Any) -> float:
    """Time and depth of every layer, from its copies and tiles. Returns the time of all, one after the other: then no
    lookup waits for rows of another."""
    total = 0.0
    for i in range(count):
        mine = floats[i]
        price = prices[layers[ints[i, I_LAYER], A_ROW]]
        mine[F_DURATION], mine[F_FILL] = span(price, mine[F_COPIES], mine[F_TILES], point[Z_SERIAL] > 0.0)
        total += price[V_WRITE_NS] + mine[F_DURATION] + mine[F_FILL] - price[V_WAIT_NS]
    return total


def pipeline(count: int, ints: Any, layers: Any, froms: Any, spans: Any, prices: Any, floats: Any) -> float:
    """Start and end of every layer where layers overlap; returns the latency. See `pimsim.timing.kernel.overlap`."""
    latency = 0.0
    for i in range(count):
        mine = floats[i]
        a = ints[i, I_LAYER]
        write = prices[layers[a, A_ROW]][V_WRITE_NS]
        edge, first = ints[i, I_EDGE], layers[a, A_EDGE]
        edges = ints[i + 1, I_EDGE] - edge
        start = bound = 0.0
        for k in range(edges):
            source = froms[0, edge + k]
            if source < 0:
                continue
            ready, need = floats[source, F_END], spans[first + k, 0]
            if need < 1.0:
                bound = max(bound, ready + spans[first + k, 1] * mine[F_DURATION] + mine[F_FILL])
                begun = floats[source, F_FIRST]
                ready = begun + need * (ready - begun)
            start = max(start, ready)
        mine[F_FIRST] = start + write + mine[F_FILL]
        mine[F_END] = max(start + (write + mine[F_DURATION] + mine[F_FILL]), bound)
        latency = max(latency, mine[F_END])
    return latency


def interval(count: int, ints: Any, layers: Any, prices: Any, floats: Any, busy: Any) -> float:
    """Time between two inferences in a stream: the busiest cells, units of a tile, or memory."""
    units = len(busy[0])
    memory = longest = 0.0
    for i in range(count):
        for k in range(units):
            busy[i, k] = 0.0
    for i in range(count):
        a = ints[i, I_LAYER]
        price, kind = prices[layers[a, A_ROW]], layers[a, A_KIND]
        took = price[V_WRITE_NS] + floats[i, F_DURATION]
        longest = max(longest, took)
        if price[V_PER_COPY] > 0.0:
            user = ints[i, I_USER]
            busy[user, 0] += took
            longest = max(longest, busy[user, 0])
        elif kind == LOOKUP:
            memory += took
        owner, share = max(0, ints[i, I_OWNER]), 1.0 / floats[i, F_TILES]
        for k in range(1, units):
            mine = price[V_VECTOR + k - 1]
            if mine > 0.0:
                busy[owner, k] += mine * share
                longest = max(longest, busy[owner, k])
    return max(longest, memory)


def compose(architectures: Any, at: Any, space: Any, hardware: Any, given: Any, scratch: Any, out: Any) -> None:
    """Fill `out` (one row a network, OUTPUTS columns) for every architecture (one index a block) on hardware point
    `at[n]`. `given`: copies of every layer of every network, or no rows. space: starts, widths, entries, layers, edges,
    spans. hardware: prices, ways, points, each with one slice a point. Networks that do not fit get a status only."""
    starts, widths, entries, layers, edges, spans = space
    all_prices, all_ways, points = hardware
    ints, floats, froms, queue, busy = scratch
    for n in range(len(architectures)):
        prices, ways, point, row = all_prices[at[n]], all_ways[at[n]], points[at[n]], out[n]
        count = walk(architectures[n], starts, widths, entries, layers, edges, ints, froms)
        waiting = give_copies(count, ints, layers, prices, point, floats, queue, row)
        if row[O_STATUS] != FITS:
            continue
        if len(given) > 0:
            for i in range(count):
                floats[i, F_COPIES] = given[n][ints[i, I_USER]]
        elif point[Z_MAX_COPIES] > 1.0:
            spread_copies(count, waiting, ints, point, floats, queue, row)
        row[O_CROSSBARS] = place_all(count, ints, layers, prices, point, floats)
        dynamic, standby, held = traffic(count, ints, layers, froms, ways, floats, point), 0.0, 0.0
        for i in range(count):
            price = prices[layers[ints[i, I_LAYER], A_ROW]]
            dynamic += price[V_ENERGY_PJ]
            standby, held = standby + price[V_STANDBY_MW], held + price[V_HELD_UM2]
            if ints[i, I_USED] == 0:
                dynamic += price[V_LEAVES_PJ]
        total = durations(count, ints, layers, prices, point, floats)
        row[O_LATENCY_NS] = row[O_INTERVAL_NS] = total
        if point[Z_PIPELINED] > 0.0:
            row[O_LATENCY_NS] = pipeline(count, ints, layers, froms, spans, prices, floats)
            row[O_INTERVAL_NS] = interval(count, ints, layers, prices, floats, busy)
        row[O_DYNAMIC_PJ] = dynamic
        hold(point, row, standby, held)


def hold(point: Any, row: Any, standby: float, held: float) -> None:
    """Static energy over the interval, and area, of the chips and of the lookups' memory (`standby` mW, `held` um2)."""
    chips, crossbars = row[O_CHIPS], row[O_CHIPS] * point[Z_PER_CHIP]
    leak = crossbars * point[Z_LEAK_CROSSBAR_MW] + chips * point[Z_LEAK_CHIP_MW]
    row[O_STATIC_PJ] = (leak + standby) * row[O_INTERVAL_NS]
    row[O_AREA_UM2] = crossbars * point[Z_AREA_CROSSBAR_UM2] + chips * point[Z_AREA_CHIP_UM2] + held


HELPERS = (
    *laying.HELPERS,
    *allotting.HELPERS,
    place_all,
    way,
    traffic,
    span,
    durations,
    pipeline,
    interval,
    hold,
)
