"""Networks put together from the rows of a lookup table: what adds, what takes a maximum, what is allotted.

Plain Python that Numba compiles. docs/penalties.md derives each rule from the simulator's kernels; a test holds the two
together. A network is a walk through the entries (block, state, choice); an entry is a run of layers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pimsim.mapping.columns import LOOKUP, MVM

# One row an entry.
N_FIRST, N_END, N_STATE, N_LEAVES = range(4)

# One row a layer of an entry. User: the first layer of the entry with the same weights (its own, mostly).
A_ROW, A_KIND, A_USER, A_EDGE, A_EDGE_END = range(5)

# One row a distinct layer and hardware point. Times at one tile and one copy where they depend on those.
(
    V_PER_COPY,  # crossbars of one copy
    V_TURN_NS,  # one vector of every step
    V_STEP_VECTORS,  # vectors of one step
    V_ALL_VECTORS,  # the same, of all layers that use these cells
    V_SHARED_NS,  # bus, buffer, router, sums, digital units: divided by the tiles
    V_FIXED_NS,  # memory: not divided
    V_FETCH,  # cycles of the first stage of the pipeline, divided by the tiles, rounded up
    V_STORE,  # of the last stage
    V_FILL_NS,  # the rest of its depth
    V_CYCLE_NS,
    V_AGAIN,  # how many more times the depth is paid (steps of a recurrence)
    V_WRITE_NS,
    V_ENERGY_PJ,  # of all actions but traffic between layers
    V_LEAVES_PJ,  # the output over the link, where it leaves the model
    V_VECTOR,  # busy units of its tiles at one tile, one column a kind of unit, to the end
) = range(15)

# One row an edge and hardware point; E_* of it that do not depend on the point stand apart.
W_ROUTER_PJ, W_LINK_PJ = range(2)  # a hop; a way between chips

# One row a hardware point.
(
    Z_PER_CHIP,
    Z_PER_TILE,
    Z_TILES_PER_CHIP,
    Z_TILES_PER_ROUTER,
    Z_MESH_WIDTH,
    Z_CHIPS,  # 0: as many as needed
    Z_GRAIN,
    Z_MAX_COPIES,
    Z_SPILL,
    Z_SERIAL,
    Z_PIPELINED,
    Z_LEAK_CROSSBAR_MW,
    Z_LEAK_CHIP_MW,
    Z_AREA_CROSSBAR_UM2,
    Z_AREA_CHIP_UM2,
) = range(15)
POINT_FIGURES = 15

# Scratch, one row a layer of the network.
I_LAYER, I_OWNER, I_USER, I_EDGE, I_USED = range(5)
INT_SCRATCH = 5
F_COPIES, F_CROSSBARS, F_POSITION, F_MIDDLE, F_TILES, F_DURATION, F_FILL, F_FIRST, F_END = range(9)
FLOAT_SCRATCH = 9
Q_VECTORS, Q_TURN_NS, Q_PER_COPY, Q_LAYER, Q_LIVE = range(5)
QUEUE_SCRATCH = 5

# One row a network.
(
    O_DYNAMIC_PJ,
    O_STATIC_PJ,
    O_LATENCY_NS,
    O_INTERVAL_NS,
    O_AREA_UM2,
    O_CROSSBARS,
    O_CHIPS,
    O_NEEDED,
    O_STAGE_NS,
    O_STATUS,
) = range(10)
OUTPUTS = 10
FITS, TOO_LARGE, SPILLS = 0.0, 1.0, 2.0


def up(x: float) -> float:
    """ceil as a float64."""
    return float(np.ceil(x))


def pieces_of(crossbars: float, grain: float) -> float:
    """Crossbars in whole pieces."""
    return crossbars if grain == 1.0 else float(np.ceil(crossbars / grain)) * grain


def walk(choices: Any, starts: Any, widths: Any, entries: Any, layers: Any, edges: Any, ints: Any, froms: Any) -> int:
    """Lay the network's layers and the sources of their edges out in order; returns the number of layers.

    A layer that is not on crossbars runs on the tiles of the nearest product upstream, else of the next one.
    """
    count = edge = state = 0
    blocks = len(widths)
    for b in range(blocks):
        entry = starts[b] + state * widths[b] + choices[b]
        state = entries[entry, N_STATE]
        base = count
        for a in range(entries[entry, N_FIRST], entries[entry, N_END]):
            mine = ints[count]
            mine[I_LAYER], mine[I_OWNER], mine[I_USER], mine[I_EDGE], mine[I_USED] = a, -1, count, edge, 0
            for e in range(layers[a, A_EDGE], layers[a, A_EDGE_END]):
                source = edges[e]
                if source >= 0:
                    source += base
                else:
                    before = b + 1 + source
                    source = froms[1, before] if source < -1 and before >= 0 else -1
                if source >= 0:
                    ints[source, I_USED] = 1
                    mine[I_OWNER] = max(mine[I_OWNER], ints[source, I_OWNER])
                froms[0, edge] = source
                edge += 1
            if layers[a, A_KIND] == MVM:
                mine[I_OWNER] = count
                mine[I_USER] = base + layers[a, A_USER]
            count += 1
        leaves = entries[entry, N_LEAVES]
        if leaves >= 0:
            leaves += base
        else:
            before = b + 1 + leaves
            leaves = froms[1, before] if leaves < -1 and before >= 0 else -1
        froms[1, b] = leaves
    ints[count, I_EDGE] = edge
    following = -1
    for i in range(count - 1, -1, -1):
        if layers[ints[i, I_LAYER], A_KIND] == MVM:
            following = i
        elif ints[i, I_OWNER] < 0:
            ints[i, I_OWNER] = following
    return count


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
    chips = point[Z_CHIPS]
    if chips <= 0.0:
        chips = 1.0 if point[Z_SPILL] > 0.0 else max(1.0, up(needed / point[Z_PER_CHIP]))
    out[O_CHIPS], out[O_NEEDED], out[O_STAGE_NS], out[O_STATUS] = chips, needed, -1.0, FITS
    if needed > chips * point[Z_PER_CHIP]:
        out[O_STATUS] = SPILLS if point[Z_SPILL] > 0.0 else TOO_LARGE
    return n


def spread_copies(count: int, n: int, ints: Any, point: Any, floats: Any, queue: Any, out: Any) -> None:
    """Share the crossbars that one copy of everything leaves among the matrices of the queue."""
    free = out[O_CHIPS] * point[Z_PER_CHIP] - out[O_NEEDED]
    for k in range(n):
        free += pieces_of(queue[k, Q_PER_COPY], point[Z_GRAIN])
    out[O_STAGE_NS] = allot(queue, n, free, point, floats)
    for i in range(count):
        floats[i, F_COPIES] = floats[ints[i, I_USER], F_COPIES]


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


def durations(count: int, ints: Any, layers: Any, prices: Any, point: Any, floats: Any) -> float:
    """Time and depth of every layer, from its copies and tiles. Returns the time of all, one after the other."""
    total = 0.0
    for i in range(count):
        mine = floats[i]
        price = prices[layers[ints[i, I_LAYER], A_ROW]]
        share = 1.0 / mine[F_TILES]
        shared = price[V_SHARED_NS] * share
        busy = price[V_FIXED_NS]
        if price[V_TURN_NS] > 0.0:
            turns = price[V_STEP_VECTORS]
            if mine[F_COPIES] > 1.0:
                turns = up(turns / mine[F_COPIES])
            busy += turns * price[V_TURN_NS]
        busy = busy + shared if point[Z_SERIAL] > 0.0 and price[V_CYCLE_NS] > 0.0 else max(busy, shared)
        fill = price[V_FILL_NS]
        if price[V_CYCLE_NS] > 0.0:
            ends = max(1.0, up(price[V_FETCH] / mine[F_TILES])) + max(1.0, up(price[V_STORE] / mine[F_TILES]))
            fill += ends * price[V_CYCLE_NS]
        mine[F_FILL] = fill
        mine[F_DURATION] = busy + fill * price[V_AGAIN]
        total += price[V_WRITE_NS] + mine[F_DURATION] + fill
    return total


def pipeline(
    count: int, ints: Any, layers: Any, froms: Any, spans: Any, prices: Any, floats: Any
) -> float:
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
        dynamic = traffic(count, ints, layers, froms, ways, floats, point)
        for i in range(count):
            a = ints[i, I_LAYER]
            dynamic += prices[layers[a, A_ROW]][V_ENERGY_PJ]
            if ints[i, I_USED] == 0:
                dynamic += prices[layers[a, A_ROW]][V_LEAVES_PJ]
        total = durations(count, ints, layers, prices, point, floats)
        row[O_LATENCY_NS] = row[O_INTERVAL_NS] = total
        if point[Z_PIPELINED] > 0.0:
            row[O_LATENCY_NS] = pipeline(count, ints, layers, froms, spans, prices, floats)
            row[O_INTERVAL_NS] = interval(count, ints, layers, prices, floats, busy)
        chips, crossbars = row[O_CHIPS], row[O_CHIPS] * point[Z_PER_CHIP]
        leak = crossbars * point[Z_LEAK_CROSSBAR_MW] + chips * point[Z_LEAK_CHIP_MW]
        row[O_DYNAMIC_PJ] = dynamic
        row[O_STATIC_PJ] = leak * row[O_INTERVAL_NS]
        row[O_AREA_UM2] = crossbars * point[Z_AREA_CROSSBAR_UM2] + chips * point[Z_AREA_CHIP_UM2]


HELPERS = (
    up,
    pieces_of,
    walk,
    copies_within,
    taken,
    settle,
    allot,
    give_copies,
    spread_copies,
    place_all,
    way,
    traffic,
    durations,
    pipeline,
    interval,
)
