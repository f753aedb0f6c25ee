"""Composition where every matrix has one copy: what each entry does is settled beforehand, networks only join entries.

The same figures as `pimsim.cost.compose` to rounding, several times as fast; tests hold the two together. What an entry
cannot know stays open until a network is there: the tiles of a digital layer that follows a product of another block.
"""

from __future__ import annotations

from typing import Any

from pimsim.cost import compose as composing
from pimsim.cost.allot import take_chips
from pimsim.cost.compose import hold, span
from pimsim.cost.rows import (
    A_EDGE,
    A_EDGE_END,
    A_KIND,
    A_ROW,
    A_USER,
    FITS,
    N_END,
    N_FIRST,
    N_LEAVES,
    N_STATE,
    O_CROSSBARS,
    O_DYNAMIC_PJ,
    O_INTERVAL_NS,
    O_LATENCY_NS,
    O_STATIC_PJ,
    O_STATUS,
    V_ENERGY_PJ,
    V_HELD_UM2,
    V_LEAVES_PJ,
    V_PER_COPY,
    V_STANDBY_MW,
    V_VECTOR,
    V_WAIT_NS,
    V_WRITE_NS,
    W_LINK_PJ,
    W_ROUTER_PJ,
    Z_GRAIN,
    Z_MESH_WIDTH,
    Z_PER_TILE,
    Z_PIPELINED,
    Z_SERIAL,
    Z_TILES_PER_CHIP,
    Z_TILES_PER_ROUTER,
    pieces_of,
    up,
)
from pimsim.mapping.columns import LOOKUP, MVM

# One row a layer of an entry, counted inside the entry. Below 0: not inside, or not known yet.
J_OWNER, J_UPSTREAM = range(2)  # whose tiles serve it; the nearest product upstream

# One row a layer of an entry and hardware point. Position: of its middle crossbar, from the entry's first one.
S_WRITE_NS, S_DURATION_NS, S_FILL_NS, S_MIDDLE, S_TILES = range(5)
S_UNIT = 5  # busy units of the tiles that it owns, one column a kind of unit, to the end

# One row an edge and hardware point: what its reader needs to begin, and takes after the source's end; a hop; a way
# between chips.
Y_NEED, Y_AFTER_NS, Y_ROUTER_PJ, Y_LINK_PJ = range(4)

# One row a layer of an entry and hardware point: to its first result, and to its end; its middle crossbar.
K_BEGUN_NS, K_TOOK_NS, K_MIDDLE = range(3)
STEP_COLUMNS = 4

# One row an entry and hardware point: sums, and maxima, over what is settled.
(
    X_NEEDED, X_ENERGY_PJ, X_LEAVES_PJ, X_LONGEST_NS, X_MEMORY_NS, X_TOTAL_NS, X_OPEN, X_STANDBY_MW, X_HELD_UM2
) = range(9)  # fmt: skip
SETTLED_ENTRY = 9

# One row a tile and hardware point: where its router stands.
T_CHIP, T_COLUMN, T_ROW = range(3)

# Scratch, one row a block of the network; one row a layer of it.
B_ENTRY, B_BASE, B_LEAVES = range(3)
G_LAYER, G_UPSTREAM, G_TILE, G_READ, G_BUSY = range(5)
LAYER_SCRATCH = 5
H_BEGUN, H_ENDED, H_MIDDLE, H_TO_FIRST, H_TOOK, H_DURATION, H_FILL = range(7)
MOMENT_SCRATCH = 8


def find_owners(space: Any, owners: Any) -> None:
    """Fill `owners` (one row a layer, J_*) with what does not depend on the network."""
    entries, layers, edges = space[2], space[3], space[4]
    for e in range(len(entries)):
        first, end = entries[e, N_FIRST], entries[e, N_END]
        for a in range(first, end):
            inside, outside = -1, False
            for k in range(layers[a, A_EDGE], layers[a, A_EDGE_END]):
                source = edges[k]
                if source >= 0:
                    inside = max(inside, owners[first + source, J_UPSTREAM])
                    outside = outside or owners[first + source, J_OWNER] == -2
                elif source < -1:
                    outside = True
            if layers[a, A_KIND] == MVM:
                inside, outside = a - first, False
            owners[a, J_UPSTREAM] = inside
            owners[a, J_OWNER] = inside if inside >= 0 else (-2 if outside else -1)
        following = -1
        for a in range(end - 1, first - 1, -1):
            if layers[a, A_KIND] == MVM:
                following = a - first
            elif owners[a, J_OWNER] == -1:
                owners[a, J_OWNER] = following


def settle_layers(first: int, end: int, layers: Any, owners: Any, prices: Any, point: Any, rows: Any) -> float:
    """Fill the rows of the layers of one entry, S_*; returns the crossbars of the entry."""
    position = 0.0
    for a in range(first, end):
        per_copy = prices[layers[a, A_ROW], V_PER_COPY]
        rows[a, S_MIDDLE], rows[a, S_TILES] = 0.0, 1.0
        if per_copy <= 0.0:
            continue
        user = first + layers[a, A_USER] if layers[a, A_KIND] == MVM else a
        if user != a:  # stands where the first user of the cells begins
            wanted = pieces_of(prices[layers[user, A_ROW], V_PER_COPY], point[Z_GRAIN])
            rows[a, S_MIDDLE] = rows[user, S_MIDDLE] - (max(wanted - 1.0, 0.0) * 0.5) // 1.0
            rows[a, S_TILES] = rows[user, S_TILES]
            continue
        wanted = pieces_of(per_copy, point[Z_GRAIN])
        rows[a, S_MIDDLE] = position + (max(wanted - 1.0, 0.0) * 0.5) // 1.0
        rows[a, S_TILES] = max(1.0, up(wanted / point[Z_PER_TILE]))
        position += wanted
    for a in range(first, end):
        price = prices[layers[a, A_ROW]]
        if price[V_PER_COPY] <= 0.0 and owners[a, J_OWNER] >= 0:
            owner = first + owners[a, J_OWNER]
            rows[a, S_MIDDLE], rows[a, S_TILES] = rows[owner, S_MIDDLE], rows[owner, S_TILES]
        rows[a, S_WRITE_NS] = price[V_WRITE_NS]
        rows[a, S_DURATION_NS], rows[a, S_FILL_NS] = span(price, 1.0, rows[a, S_TILES], point[Z_SERIAL] > 0.0)
    return position


def settle_entry(space: Any, e: int, owners: Any, prices: Any, point: Any, rows: Any, busy: Any, out: Any) -> None:
    """Fill `out`, the row X_* of one entry, and its layers' rows. busy: scratch, one row a layer of the entry."""
    layers, edges, units = space[3], space[4], len(busy[0])
    first, end, leaves = space[2][e, N_FIRST], space[2][e, N_END], space[2][e, N_LEAVES]
    out[X_NEEDED] = settle_layers(first, end, layers, owners, prices, point, rows)
    for i in range(end - first):
        for k in range(units):
            busy[i, k] = 0.0
    for a in range(first, end):  # the last unit: whether the layer is read inside the entry
        for k in range(layers[a, A_EDGE], layers[a, A_EDGE_END]):
            if edges[k] >= 0:
                busy[edges[k], units - 1] = 1.0
    for a in range(first, end):
        unread = busy[a - first, units - 1] == 0.0
        out[X_ENERGY_PJ] += prices[layers[a, A_ROW], V_ENERGY_PJ]
        out[X_STANDBY_MW] += prices[layers[a, A_ROW], V_STANDBY_MW]
        out[X_HELD_UM2] += prices[layers[a, A_ROW], V_HELD_UM2]
        if unread and a - first != leaves:
            out[X_ENERGY_PJ] += prices[layers[a, A_ROW], V_LEAVES_PJ]
        elif unread:
            out[X_LEAVES_PJ] = prices[layers[a, A_ROW], V_LEAVES_PJ]
        busy[a - first, units - 1] = 0.0
    longest = 0.0
    for a in range(first, end):
        price, owner = prices[layers[a, A_ROW]], owners[a, J_OWNER]
        if price[V_PER_COPY] > 0.0 or owner >= 0:
            took = rows[a, S_WRITE_NS] + rows[a, S_DURATION_NS]
            longest = max(longest, took)
            out[X_TOTAL_NS] += took + rows[a, S_FILL_NS] - price[V_WAIT_NS]
            if price[V_PER_COPY] > 0.0:
                user = layers[a, A_USER] if layers[a, A_KIND] == MVM else a - first
                busy[user, 0] += took
                longest = max(longest, busy[user, 0])
            elif layers[a, A_KIND] == LOOKUP:
                out[X_MEMORY_NS] += took
        if owner < 0:
            out[X_OPEN] += 1.0
        else:
            for k in range(1, units - 1):
                busy[owner, k] += price[V_VECTOR + k - 1] / rows[a, S_TILES]
                longest = max(longest, busy[owner, k])
    for a in range(first, end):
        for k in range(1, units - 1):
            rows[a, S_UNIT + k - 1] = busy[a - first, k]
    out[X_LONGEST_NS] = longest


def settle_all(
    space: Any, owners: Any, hardware: Any, busy: Any, rows: Any, sums: Any, places: Any, steps: Any, joins: Any
) -> None:
    """Fill steps (points x layers x K_*), joins (points x edges x Y_*), rows (points x layers x S_*), sums (points x
    entries x X_*) and places (points x tiles x T_*), which are 0 before, and owners (layers x J_*). busy: scratch, one
    row a layer of the longest entry, a column a kind of unit and one more."""
    all_prices, all_ways, points = hardware
    find_owners(space, owners)
    for p in range(len(points)):
        for e in range(len(space[2])):
            settle_entry(space, e, owners, all_prices[p], points[p], rows[p], busy, sums[p, e])
        for a in range(len(space[3])):
            duration, fill = rows[p, a, S_DURATION_NS], rows[p, a, S_FILL_NS]
            steps[p, a, K_BEGUN_NS] = rows[p, a, S_WRITE_NS] + fill
            steps[p, a, K_TOOK_NS] = rows[p, a, S_WRITE_NS] + duration + fill
            steps[p, a, K_MIDDLE] = rows[p, a, S_MIDDLE]
            for k in range(space[3][a, A_EDGE], space[3][a, A_EDGE_END]):
                joins[p, k, Y_NEED], joins[p, k, Y_AFTER_NS] = space[5][k, 0], space[5][k, 1] * duration + fill
                joins[p, k, Y_ROUTER_PJ] = all_ways[p, k, W_ROUTER_PJ]
                joins[p, k, Y_LINK_PJ] = all_ways[p, k, W_LINK_PJ]
        tiles, width = int(points[p, Z_TILES_PER_CHIP]), int(points[p, Z_MESH_WIDTH])
        for tile in range(len(places[p])):
            router = (tile % tiles) // int(points[p, Z_TILES_PER_ROUTER])
            places[p, tile, T_CHIP] = tile // tiles
            places[p, tile, T_COLUMN], places[p, tile, T_ROW] = router % width, router // width


def hops(here: int, there: int, p: int, places: Any) -> tuple[int, bool]:
    """Routers passed between two different tiles, and whether they are on different chips."""
    column, row = places[p, here, T_COLUMN], places[p, here, T_ROW]
    if places[p, here, T_CHIP] == places[p, there, T_CHIP]:
        return abs(column - places[p, there, T_COLUMN]) + abs(row - places[p, there, T_ROW]) + 1, False
    return column + row + places[p, there, T_COLUMN] + places[p, there, T_ROW] + 2, True


def next_product(b: int, a: int, entries: Any, layers: Any, blocks: Any) -> tuple[int, int]:
    """The first product after layer `a` of the entry of block `b`: its block, and its layer; -1 where there is none."""
    begin = a + 1
    for later in range(b, len(blocks)):
        entry = blocks[later, B_ENTRY]
        if later > b:
            begin = entries[entry, N_FIRST]
        for candidate in range(begin, entries[entry, N_END]):
            if layers[candidate, A_KIND] == MVM:
                return later, candidate
    return -1, -1


def source_of(code: int, b: int, base: int, blocks: Any) -> int:
    """The layer that an edge of block `b` names; -1: the model's input."""
    if code >= 0:
        return base + code
    before = b + 1 + code
    if code == -1 or before < 0:
        return -1
    return blocks[before, B_LEAVES]  # type: ignore[no-any-return]


def occupy(owner: int, at: int, p: int, price: Any, tiles: float, mark: int, rows: Any, ints: Any, busy: Any) -> float:
    """Add an open layer's work to the units of the tiles of layer `owner` (its settled row: `at`); returns the time of
    the busiest unit."""
    units = len(busy[0])
    if ints[owner, G_BUSY] != mark:
        ints[owner, G_BUSY] = mark
        for k in range(1, units):
            busy[owner, k] = rows[p, at, S_UNIT + k - 1]
    longest = 0.0
    for k in range(1, units):
        busy[owner, k] += price[V_VECTOR + k - 1] / tiles
        longest = max(longest, busy[owner, k])
    return longest


def settle_open(p: int, mark: int, space: Any, owners: Any, hardware: Any, rows: Any, scratch: Any, row: Any) -> None:
    """Place and times (H_MIDDLE to H_FILL) of the layers whose tiles their entry does not know: those of
    the nearest product upstream, else of the next one. Adds their work to the longest, memory's and total time that
    stand in `row`, at O_INTERVAL_NS, O_STATIC_PJ and O_LATENCY_NS."""
    entries, layers, edges, prices, serial = space[2], space[3], space[4], hardware[0], hardware[2][p, Z_SERIAL] > 0.0
    blocks, offsets, ints, moments, busy = scratch
    for b in range(len(blocks)):
        base, first = blocks[b, B_BASE], entries[blocks[b, B_ENTRY], N_FIRST]
        for a in range(first, entries[blocks[b, B_ENTRY], N_END]):
            i = base + a - first
            ints[i, G_LAYER] = a
            ints[i, G_UPSTREAM] = base + owners[a, J_UPSTREAM] if owners[a, J_UPSTREAM] >= 0 else -1
            if owners[a, J_OWNER] >= 0:
                continue
            price = prices[p, layers[a, A_ROW]]
            owner = -1
            for k in range(layers[a, A_EDGE], layers[a, A_EDGE_END]):
                source = source_of(edges[k], b, base, blocks)
                if source >= 0:
                    owner = max(owner, ints[source, G_UPSTREAM])
            ints[i, G_UPSTREAM] = owner
            later, at = b, -1
            if owner >= 0:
                while blocks[later, B_BASE] > owner:
                    later -= 1
                at = ints[owner, G_LAYER]
            else:
                later, at = next_product(b, a, entries, layers, blocks)
                if at >= 0:
                    owner = blocks[later, B_BASE] + at - entries[blocks[later, B_ENTRY], N_FIRST]
            tiles, middle = 1.0, 0.0
            if price[V_PER_COPY] > 0.0:
                tiles, middle = rows[p, a, S_TILES], offsets[b] + rows[p, a, S_MIDDLE]
            elif at >= 0:
                tiles, middle = rows[p, at, S_TILES], offsets[later] + rows[p, at, S_MIDDLE]
            duration, fill = span(price, 1.0, tiles, serial)
            write = rows[p, a, S_WRITE_NS]
            moments[i, H_MIDDLE], moments[i, H_DURATION], moments[i, H_FILL] = middle, duration, fill
            moments[i, H_TO_FIRST], moments[i, H_TOOK] = write + fill, write + duration + fill
            if price[V_PER_COPY] <= 0.0:
                took = write + duration
                row[O_INTERVAL_NS] = max(row[O_INTERVAL_NS], took)
                row[O_STATIC_PJ] += took if layers[a, A_KIND] == LOOKUP else 0.0
                row[O_LATENCY_NS] += took + fill - price[V_WAIT_NS]
            if owner < 0:  # no products at all: units count with the first layer's
                owner, at = 0, ints[0, G_LAYER]
            work = occupy(owner, at, p, price, tiles, mark, rows, ints, busy)
            row[O_INTERVAL_NS] = max(row[O_INTERVAL_NS], work)


def compose_single(
    architectures: Any, at: Any, space: Any, owners: Any, hardware: Any, settled: Any, scratch: Any, out: Any
) -> None:
    """As `pimsim.cost.compose.compose`, for hardware points that copy nothing. owners, and settled (rows, sums, places,
    steps, joins): of `settle_all`. scratch: blocks (B_*), offsets, ints (layers x G_*, 0 at first), moments (layers x
    H_*), busy."""
    starts, widths, entries, layers, edges, spans = space
    points = hardware[2]
    rows, sums, places, steps, joins = settled
    blocks, offsets, ints, moments = scratch[:4]
    for n in range(len(architectures)):
        p, mark, row, point = at[n], n + 1, out[n], points[at[n]]
        state = count = 0
        needed = energy = longest = memory = total = latency = left_open = standby = held = 0.0
        for b in range(len(widths)):
            entry = starts[b] + state * widths[b] + architectures[n, b]
            state, code = entries[entry, N_STATE], entries[entry, N_LEAVES]
            blocks[b, B_ENTRY], blocks[b, B_BASE], offsets[b] = entry, count, needed
            blocks[b, B_LEAVES] = source_of(code, b, count, blocks)
            count += entries[entry, N_END] - entries[entry, N_FIRST]
            needed += sums[p, entry, X_NEEDED]
            energy += sums[p, entry, X_ENERGY_PJ]
            longest = max(longest, sums[p, entry, X_LONGEST_NS])
            memory += sums[p, entry, X_MEMORY_NS]
            total += sums[p, entry, X_TOTAL_NS]
            left_open += sums[p, entry, X_OPEN]
            standby += sums[p, entry, X_STANDBY_MW]
            held += sums[p, entry, X_HELD_UM2]
        take_chips(needed, point, row)
        if row[O_STATUS] != FITS:
            continue
        per_tile = 1.0 / point[Z_PER_TILE]
        if left_open > 0.0:
            row[O_INTERVAL_NS], row[O_STATIC_PJ], row[O_LATENCY_NS] = longest, memory, total
            settle_open(p, mark, space, owners, hardware, rows, scratch, row)
            longest, memory, total = row[O_INTERVAL_NS], row[O_STATIC_PJ], row[O_LATENCY_NS]
        for b in range(len(widths)):
            entry, base, offset = blocks[b, B_ENTRY], blocks[b, B_BASE], offsets[b]
            shift = base - entries[entry, N_FIRST]
            for a in range(entries[entry, N_FIRST], entries[entry, N_END]):
                i = shift + a
                to_first, took, middle = steps[p, a, K_BEGUN_NS], steps[p, a, K_TOOK_NS], offset + steps[p, a, K_MIDDLE]
                is_open = owners[a, J_OWNER] < 0
                if is_open:
                    middle, to_first, took = moments[i, H_MIDDLE], moments[i, H_TO_FIRST], moments[i, H_TOOK]
                here = int((middle + 0.5) * per_tile)
                ints[i, G_TILE] = here
                start = bound = 0.0
                for k in range(layers[a, A_EDGE], layers[a, A_EDGE_END]):
                    code = edges[k]
                    source = source_of(code, b, base, blocks)
                    if source < 0:
                        energy += joins[p, k, Y_LINK_PJ]
                        if here != 0:
                            energy += joins[p, k, Y_ROUTER_PJ] * hops(here, 0, p, places)[0]
                        continue
                    if code < 0:
                        ints[source, G_READ] = mark
                    there = ints[source, G_TILE]
                    if here != there:
                        passed, over = hops(here, there, p, places)
                        energy += joins[p, k, Y_ROUTER_PJ] * passed
                        if over:
                            energy += joins[p, k, Y_LINK_PJ]
                    begun, ended, need = moments[source, H_BEGUN], moments[source, H_ENDED], joins[p, k, Y_NEED]
                    if need < 1.0:
                        after = joins[p, k, Y_AFTER_NS]
                        if is_open:
                            after = spans[k, 1] * moments[i, H_DURATION] + moments[i, H_FILL]
                        bound = max(bound, ended + after)
                        ended = begun + need * (ended - begun)
                    start = max(start, ended)
                begun, ended = start + to_first, max(start + took, bound)
                moments[i, H_BEGUN], moments[i, H_ENDED] = begun, ended
                latency = max(latency, ended)
        for b in range(len(widths)):
            entry = blocks[b, B_ENTRY]
            if entries[entry, N_LEAVES] >= 0 and ints[blocks[b, B_LEAVES], G_READ] != mark:
                energy += sums[p, entry, X_LEAVES_PJ]
        pipelined = point[Z_PIPELINED] > 0.0
        row[O_LATENCY_NS] = latency if pipelined else total
        row[O_INTERVAL_NS] = max(longest, memory) if pipelined else total
        row[O_CROSSBARS], row[O_DYNAMIC_PJ] = needed, energy
        hold(point, row, standby, held)


HELPERS = (
    *composing.HELPERS,
    take_chips,
    find_owners,
    settle_layers,
    settle_entry,
    hops,
    next_product,
    source_of,
    occupy,
    settle_open,
)
