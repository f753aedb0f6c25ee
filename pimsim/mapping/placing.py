"""How a network lies on crossbars: chips, copies and places of its layers. Blocks of points, as in
`pimsim.mapping.kernel`."""

from __future__ import annotations

from typing import Any

from pimsim.mapping.columns import (
    DYNAMIC,
    L_ALL_VECTORS,
    L_FIRST_USER,
    L_KIND,
    L_OWNER,
    L_STEPS,
    LAYER_COLUMNS,
    M_CELLS,
    M_CONTEXT,
    M_COPIES,
    M_CROSSBARS,
    M_MIDDLE,
    M_PASSES,
    M_PER_COPY,
    M_POSITION,
    M_TILES,
    M_VECTOR_NS,
    MAPPED_COLUMNS,
    MVM,
    P_BY_CHIP,
    P_BY_TILE,
    P_CHIPS,
    P_CROSSBARS_PER_CHIP,
    P_DYNAMIC_ON_CROSSBARS,
    P_MAX_COPIES,
    P_SPILL,
    POINT_COLUMNS,
    Q_BY_VECTOR,
    Q_LAYER,
    Q_PER_COPY,
    Q_VECTORS,
    QUEUE_COLUMNS,
    S_CELLS,
    S_CHIPS,
    S_CONTEXTS,
    S_CROSSBARS_USED,
    S_NEEDED,
    S_REWRITES,
    S_STAGE_NS,
    X_BUDGET,
    X_CONTEXT,
    X_HIGH_NS,
    X_LOW_NS,
    X_MIDDLE_NS,
    X_PER_CONTEXT,
    X_POSITION,
    X_ROOM,
    X_SLOW_NS,
    X_TAKEN,
)
from pimsim.mapping.kernel import HELPERS as MAP_HELPERS
from pimsim.mapping.kernel import occupies, shape_block, time_block
from pimsim.mapping.lanes import ONE, add, at, down, put, take, up, view
from pimsim.mapping.shape import by_up, copies_for, pieces_at, placed, written_rows

HALVINGS = 30
"""Of the stage time in the bisection: to one part in a billion."""


def budget_block(
    lanes: Any, layers: Any, base: int, n: int, points: Any, rows: Any, whole: Any, lane: Any, queue: Any
) -> int:
    """Crossbars that one copy of everything takes, the chips, and the room for what may be copied, which is lined up in
    `queue`: vectors of one step, 1 / time of one vector (all steps), crossbars of one copy. Returns its length."""
    dynamic = at(points, P_DYNAMIC_ON_CROSSBARS, 0, lanes) > 0.0
    m = 0
    for p in range(len(lanes)):
        put(lane, X_TAKEN, p, lanes, (0.0,))
        put(lane, X_SLOW_NS, p, lanes, (0.0,))
        put(whole, S_NEEDED, p, lanes, (0.0,))
    for i in range(n):
        layer = take(layers, (base + i) * LAYER_COLUMNS, 0, ONE, LAYER_COLUMNS)
        if not occupies(layer, dynamic) or (layer[L_KIND] == MVM and layer[L_FIRST_USER] != i):
            continue
        row = i * MAPPED_COLUMNS
        for p in range(len(lanes)):
            point = view(points, 0, p, lanes, POINT_COLUMNS)
            add(whole, S_NEEDED, p, lanes, (pieces_at(at(rows, row + M_PER_COPY, p, lanes), point),))
        if layer[L_KIND] != MVM:
            continue
        vectors, at_row = up(layer[L_ALL_VECTORS] / layer[L_STEPS]), m * QUEUE_COLUMNS
        for p in range(len(lanes)):
            point = view(points, 0, p, lanes, POINT_COLUMNS)
            per_copy = at(rows, row + M_PER_COPY, p, lanes)
            turn_ns = at(rows, row + M_VECTOR_NS, p, lanes) * layer[L_STEPS]
            by = 1.0 / turn_ns if turn_ns > 0.0 and vectors > 0.0 else 0.0
            put(queue, at_row, p, lanes, (vectors, i * 1.0, by, per_copy))
            put(lane, X_SLOW_NS, p, lanes, (max(at(lane, X_SLOW_NS, p, lanes), vectors * turn_ns),))
            add(lane, X_TAKEN, p, lanes, (pieces_at(per_copy, point),))
        m += 1
    for p in range(len(lanes)):
        point = view(points, 0, p, lanes, POINT_COLUMNS)
        needed, spill = at(whole, S_NEEDED, p, lanes), point[P_SPILL] > 0.0
        fitting = 1.0 if spill else max(1.0, by_up(needed, point[P_BY_CHIP]))
        chips = point[P_CHIPS] if point[P_CHIPS] > 0.0 else fitting
        budget = chips * point[P_CROSSBARS_PER_CHIP]
        put(whole, S_CHIPS, p, lanes, (chips, budget))
        spilled = spill and needed > budget
        room = budget - (needed - at(lane, X_TAKEN, p, lanes))  # operands of dynamic products stay single
        room = room if point[P_MAX_COPIES] > 1.0 and not spilled else -1.0
        put(lane, X_BUDGET, p, lanes, (budget, room))
        put(lane, X_PER_CONTEXT, p, lanes, (budget if spilled else 0.0,))
    return m


def allot_block(lanes: Any, m: int, points: Any, lane: Any, queue: Any) -> None:
    """X_TAKEN: crossbars that the queue takes when each matrix is copied until it is done within X_MIDDLE_NS."""
    for p in range(len(lanes)):
        put(lane, X_TAKEN, p, lanes, (0.0,))
    for k in range(m):
        for p in range(len(lanes)):
            point = view(points, 0, p, lanes, POINT_COLUMNS)
            one = view(queue, k * QUEUE_COLUMNS, p, lanes, QUEUE_COLUMNS)
            stage = at(lane, X_MIDDLE_NS, p, lanes)
            copies = copies_for(one[Q_VECTORS], one[Q_BY_VECTOR], stage, point[P_MAX_COPIES])
            add(lane, X_TAKEN, p, lanes, (pieces_at(copies * one[Q_PER_COPY], point),))


def replicate_block(
    lanes: Any, layers: Any, base: int, n: int, m: int, points: Any, rows: Any, whole: Any, lane: Any, queue: Any
) -> None:
    """Set the copies of every matrix so that the slowest stage is as fast as the room allows (bisection on the stage
    time, to one part in a billion), and S_STAGE_NS to that time; below 0: no room, one copy each."""
    dynamic = at(points, P_DYNAMIC_ON_CROSSBARS, 0, lanes) > 0.0
    copied = 0.0
    for p in range(len(lanes)):
        copied = max(copied, at(lane, X_ROOM, p, lanes))
        slow = at(lane, X_SLOW_NS, p, lanes)
        put(lane, X_LOW_NS, p, lanes, (0.0, slow, slow))
        put(whole, S_STAGE_NS, p, lanes, (-1.0,))
    if copied > 0.0:
        allot_block(lanes, m, points, lane, queue)
        for p in range(len(lanes)):
            fits = at(lane, X_TAKEN, p, lanes) <= at(lane, X_ROOM, p, lanes)
            put(whole, S_STAGE_NS, p, lanes, (1.0 if fits else -1.0,))
        for _ in range(HALVINGS):
            for p in range(len(lanes)):
                middle = 0.5 * (at(lane, X_LOW_NS, p, lanes) + at(lane, X_HIGH_NS, p, lanes))
                put(lane, X_MIDDLE_NS, p, lanes, (middle,))
            allot_block(lanes, m, points, lane, queue)
            for p in range(len(lanes)):
                low, high, middle, taken = take(lane, X_LOW_NS, p, lanes, 4)
                fits = taken <= at(lane, X_ROOM, p, lanes)
                put(lane, X_LOW_NS, p, lanes, (low if fits else middle, middle if fits else high))
        for p in range(len(lanes)):
            stage = at(lane, X_HIGH_NS, p, lanes) if at(whole, S_STAGE_NS, p, lanes) > 0.0 else -1.0
            put(whole, S_STAGE_NS, p, lanes, (stage,))
    for i in range(n):
        layer = take(layers, (base + i) * LAYER_COLUMNS, 0, ONE, LAYER_COLUMNS)
        if occupies(layer, dynamic):
            for p in range(len(lanes)):
                put(rows, i * MAPPED_COLUMNS + M_COPIES, p, lanes, (1.0,))
        elif layer[L_KIND] == MVM:
            for p in range(len(lanes)):
                put(rows, i * MAPPED_COLUMNS + M_COPIES, p, lanes, (0.0,))
    if copied > 0.0:
        for k in range(m):
            row = int(at(queue, k * QUEUE_COLUMNS + Q_LAYER, 0, lanes)) * MAPPED_COLUMNS
            for p in range(len(lanes)):
                one = view(queue, k * QUEUE_COLUMNS, p, lanes, QUEUE_COLUMNS)
                stage, most = at(whole, S_STAGE_NS, p, lanes), at(points, P_MAX_COPIES, p, lanes)
                copies = copies_for(one[Q_VECTORS], one[Q_BY_VECTOR], stage, most)
                put(rows, row + M_COPIES, p, lanes, (copies if stage >= 0.0 else 1.0,))
        for i in range(n):
            layer = take(layers, (base + i) * LAYER_COLUMNS, 0, ONE, LAYER_COLUMNS)
            if layer[L_KIND] == MVM and layer[L_FIRST_USER] != i:
                for p in range(len(lanes)):
                    copies = at(rows, int(layer[L_FIRST_USER]) * MAPPED_COLUMNS + M_COPIES, p, lanes)
                    put(rows, i * MAPPED_COLUMNS + M_COPIES, p, lanes, (copies,))


def place_block(
    lanes: Any, layers: Any, base: int, n: int, points: Any, rows: Any, whole: Any, lane: Any
) -> None:
    """Give each layer its crossbars in the order of the network, and those without any the tiles of the layer that they
    follow. Sets S_CROSSBARS_USED (at most at one time) and S_CONTEXTS."""
    dynamic = at(points, P_DYNAMIC_ON_CROSSBARS, 0, lanes) > 0.0
    may_spill = at(points, P_SPILL, 0, lanes) > 0.0
    for p in range(len(lanes)):
        put(lane, X_POSITION, p, lanes, (0.0, 0.0, 0.0))
    for i in range(n):
        layer = take(layers, (base + i) * LAYER_COLUMNS, 0, ONE, LAYER_COLUMNS)
        row, user = i * MAPPED_COLUMNS, int(layer[L_FIRST_USER])
        if not occupies(layer, dynamic):
            for p in range(len(lanes)):
                put(rows, row + M_CROSSBARS, p, lanes, (0.0,))
                put(rows, row + M_CONTEXT, p, lanes, (at(lane, X_CONTEXT, p, lanes), 1.0))
            continue
        other = user if layer[L_KIND] == MVM else i
        if other == i and not may_spill:
            for p in range(len(lanes)):
                point = view(points, 0, p, lanes, POINT_COLUMNS)
                mine = view(rows, row, p, lanes, MAPPED_COLUMNS)
                begin = at(lane, X_POSITION, p, lanes)
                crossbars = pieces_at(mine[M_COPIES] * mine[M_PER_COPY], point)
                tiles = max(1.0, by_up(crossbars, point[P_BY_TILE]))
                put(rows, row + M_CROSSBARS, p, lanes, (crossbars,))
                put(rows, row + M_POSITION, p, lanes, (begin, tiles, 0.0, 1.0))
                put(rows, row + M_MIDDLE, p, lanes, (begin + down(0.5 * max(crossbars - 1.0, 0.0)),))
                put(lane, X_POSITION, p, lanes, (begin + crossbars,))
            continue
        for p in range(len(lanes)):
            point = view(points, 0, p, lanes, POINT_COLUMNS)
            mine = view(rows, row, p, lanes, MAPPED_COLUMNS)
            theirs = view(rows, other * MAPPED_COLUMNS, p, lanes, MAPPED_COLUMNS)
            position, context, used = take(lane, X_POSITION, p, lanes, 3)
            shares = other != i and theirs[M_CONTEXT] == context
            wanted = pieces_at(mine[M_COPIES] * mine[M_PER_COPY], point)
            per_context = at(lane, X_PER_CONTEXT, p, lanes)
            crossbars, passes, begin, here = placed(wanted, shares, position, context, per_context)
            end = position if shares else begin + crossbars
            begin = theirs[M_POSITION] if shares else begin
            put(rows, row + M_CROSSBARS, p, lanes, (crossbars,))
            put(rows, row + M_POSITION, p, lanes, (begin,))
            put(rows, row + M_CONTEXT, p, lanes, (here, passes))
            put(rows, row + M_MIDDLE, p, lanes, (begin + down(0.5 * max(crossbars - 1.0, 0.0)),))
            put(lane, X_POSITION, p, lanes, (end, here, max(used, end)))
    for p in range(len(lanes)):
        position, context, used = take(lane, X_POSITION, p, lanes, 3)
        put(whole, S_CROSSBARS_USED, p, lanes, (max(used, position), context + 1.0))
    for i in range(n):
        layer = take(layers, (base + i) * LAYER_COLUMNS, 0, ONE, LAYER_COLUMNS)
        row, owner, held = i * MAPPED_COLUMNS, int(layer[L_OWNER]), occupies(layer, dynamic)
        if held and not may_spill and (layer[L_KIND] != MVM or layer[L_FIRST_USER] == i):
            continue  # done above
        own = owner < 0 or held
        host = i if own else owner
        source = take(layers, (base + host) * LAYER_COLUMNS, 0, ONE, LAYER_COLUMNS)
        user = int(source[L_FIRST_USER]) if source[L_KIND] == MVM else host
        for p in range(len(lanes)):
            crossbars = at(rows, user * MAPPED_COLUMNS + M_CROSSBARS, p, lanes)
            tiles = max(1.0, by_up(crossbars, at(points, P_BY_TILE, p, lanes)))
            put(rows, row + M_TILES, p, lanes, (tiles,))
        if not own:
            for p in range(len(lanes)):
                put(rows, row + M_POSITION, p, lanes, (at(rows, user * MAPPED_COLUMNS + M_POSITION, p, lanes),))
                put(rows, row + M_MIDDLE, p, lanes, (at(rows, host * MAPPED_COLUMNS + M_MIDDLE, p, lanes),))


def sum_block(lanes: Any, layers: Any, base: int, n: int, points: Any, rows: Any, whole: Any) -> None:
    """Cells programmed, time of programming once (PEs in parallel, the crossbars of a PE one after the other, row by
    row), and rewrites in one inference."""
    dynamic = at(points, P_DYNAMIC_ON_CROSSBARS, 0, lanes) > 0.0
    for p in range(len(lanes)):
        put(whole, S_CELLS, p, lanes, (0.0, 0.0, 0.0, 0.0, 0.0))
    for i in range(n):
        layer = take(layers, (base + i) * LAYER_COLUMNS, 0, ONE, LAYER_COLUMNS)
        if not occupies(layer, dynamic):
            continue
        for p in range(len(lanes)):
            point = view(points, 0, p, lanes, POINT_COLUMNS)
            row = view(rows, i * MAPPED_COLUMNS, p, lanes, MAPPED_COLUMNS)
            cells, held, allotted, longest, writes = take(whole, S_CELLS, p, lanes, 5)
            kept = row[M_CELLS] * row[M_COPIES]
            programmed = (layer[L_KIND] == MVM) & (row[M_CROSSBARS] > 0.0)
            cells += kept if programmed else 0.0
            held += kept
            allotted += row[M_CROSSBARS] * row[M_PASSES]
            took = written_rows(layer, row, point)
            longest = max(longest, took if programmed else 0.0)
            writes = max(writes, layer[L_STEPS] if layer[L_KIND] == DYNAMIC else 0.0)
            put(whole, S_CELLS, p, lanes, (cells, held, allotted, longest, writes))
    for p in range(len(lanes)):
        contexts = at(whole, S_CONTEXTS, p, lanes)
        writes = max(at(whole, S_REWRITES, p, lanes), contexts if contexts > 1.0 else 0.0)
        put(whole, S_REWRITES, p, lanes, (writes,))


def map_block(
    lanes: Any, layers: Any, base: int, n: int, points: Any, rows: Any, whole: Any, lane: Any, queue: Any, summed: bool
) -> None:
    """Fill `rows` (layers x MAPPED_COLUMNS) and `whole` (SUMMARY_COLUMNS; without `summed`, cells, programming and
    rewrites are left out)."""
    shape_block(lanes, layers, base, n, points, rows)
    m = budget_block(lanes, layers, base, n, points, rows, whole, lane, queue)
    replicate_block(lanes, layers, base, n, m, points, rows, whole, lane, queue)
    place_block(lanes, layers, base, n, points, rows, whole, lane)
    time_block(lanes, layers, base, n, points, rows, lane)
    if summed:
        sum_block(lanes, layers, base, n, points, rows, whole)


HELPERS = (*MAP_HELPERS, budget_block, allot_block, replicate_block, place_block, sum_block, map_block)
