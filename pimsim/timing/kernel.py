"""When each layer starts and ends: layer by layer, and as a pipeline of layers. Plain Python that Numba compiles.

Pipeline: a layer produces its output evenly between its first result (start + depth) and its end. A consumer starts
when every input has the share `first` that it needs, and ends no earlier than the end of its input plus the share
`last` of its own work. That is the fluid limit of the row-by-row model in `pimsim.timing.events`; a test compares them.
Blocks of points, as in `pimsim.mapping.kernel`.
"""

from __future__ import annotations

from typing import Any

from pimsim.mapping.columns import (
    BUSY_COLUMNS,
    DYNAMIC,
    E_FIRST,
    E_LAST,
    E_SOURCE,
    EDGE_COLUMNS,
    L_BANKS,
    L_BANKS_WAIT_NS,
    L_COLS,
    L_FIRST_USER,
    L_GROUPS,
    L_KIND,
    L_OUTPUTS,
    L_OWNER,
    L_POOL_OPS,
    L_ROWS,
    L_SPECIAL_OPS,
    L_UNIT,
    L_VECTOR_OPS,
    L_VECTORS,
    LANE_COLUMNS,
    LAYER_COLUMNS,
    LOOKUP,
    M_CONTEXT,
    M_DURATION_NS,
    M_FILL_NS,
    M_TILES,
    M_WRITE_NS,
    MAPPED_COLUMNS,
    P_DYNAMIC_ON_CROSSBARS,
    P_MAC_NS,
    P_NORMALISATION_NS,
    P_PIPELINED,
    P_POOL_NS,
    P_SOFTMAX_NS,
    P_SPECIAL_NS,
    P_SPILL,
    P_VECTOR_NS,
    POINT_COLUMNS,
    S_CONTEXTS,
    SUMMARY_COLUMNS,
    T_CRITICAL,
    T_END,
    T_START,
    TIME_COLUMNS,
    X_BEFORE_NS,
    X_INTERVAL_NS,
    X_LATENCY_NS,
    X_LONGEST_NS,
    X_SERIAL_NS,
    X_START_NS,
)
from pimsim.mapping.counts import HELPERS as COUNT_HELPERS
from pimsim.mapping.kernel import occupies
from pimsim.mapping.lanes import ONE, add, at, put, take, view


def overlap_block(
    lanes: Any, base: int, n: int, edges: Any, starts: Any, rows: Any, times: Any, lane: Any, spill: bool
) -> None:
    """T_START and T_END of every layer in the pipeline, in the first `n` rows of `times`; X_LATENCY_NS."""
    for p in range(len(lanes)):
        put(lane, X_BEFORE_NS, p, lanes, (0.0,))
        put(lane, X_LATENCY_NS, p, lanes, (0.0,))
    for i in range(n):
        row, time = i * MAPPED_COLUMNS, i * TIME_COLUMNS
        if spill and i > 0:
            for p in range(len(lanes)):
                context = at(rows, row + M_CONTEXT, p, lanes)
                begins = context != at(rows, row - MAPPED_COLUMNS + M_CONTEXT, p, lanes)
                before, latency = at(lane, X_BEFORE_NS, p, lanes), at(lane, X_LATENCY_NS, p, lanes)
                put(lane, X_BEFORE_NS, p, lanes, (latency if begins else before,))
        for p in range(len(lanes)):
            put(lane, X_START_NS, p, lanes, (at(lane, X_BEFORE_NS, p, lanes), 0.0))
        for e in range(starts[base + i], starts[base + i + 1]):
            edge = take(edges, e * EDGE_COLUMNS, 0, ONE, EDGE_COLUMNS)
            if edge[E_SOURCE] < 0.0:
                continue
            source = int(edge[E_SOURCE])
            for p in range(len(lanes)):
                theirs = view(times, source * TIME_COLUMNS, p, lanes, TIME_COLUMNS)
                written, _, filled = take(rows, source * MAPPED_COLUMNS + M_WRITE_NS, p, lanes, 3)
                mine = view(rows, row, p, lanes, MAPPED_COLUMNS)
                ready = ready_ns(theirs[T_START] + written + filled, theirs[T_END], edge[E_FIRST])
                bound = theirs[T_END] + edge[E_LAST] * mine[M_DURATION_NS] + mine[M_FILL_NS]
                bound = bound if edge[E_FIRST] < 1.0 else 0.0
                start, highest = take(lane, X_START_NS, p, lanes, 2)
                put(lane, X_START_NS, p, lanes, (max(start, ready), max(highest, bound)))
        for p in range(len(lanes)):
            written, duration, filled = take(rows, row + M_WRITE_NS, p, lanes, 3)
            start, bound, latency = take(lane, X_START_NS, p, lanes, 3)
            end = max(start + (written + duration + filled), bound)
            put(times, time, p, lanes, (start, end))
            put(lane, X_LATENCY_NS, p, lanes, (max(latency, end),))


def ready_ns(first_out: float, end: float, share: float) -> Any:
    """When a consumer has the share of the output that it needs to start."""
    return end if share >= 1.0 else first_out + share * (end - first_out)


def trace_back(base: int, n: int, edges: Any, starts: Any, rows: Any, times: Any) -> None:
    """Share the latency among the layers of the critical path, from the last end back to time 0: T_CRITICAL of the
    first `n` rows of `times` (one lane)."""
    latest = -1
    for i in range(n):
        times[i * TIME_COLUMNS + T_CRITICAL] = 0.0
        if latest < 0 or times[i * TIME_COLUMNS + T_END] > times[latest * TIME_COLUMNS + T_END]:
            latest = i
    here, from_end = latest, True
    while here >= 0:
        time = here * TIME_COLUMNS
        reference = times[time + T_END] if from_end else times[time + T_CRITICAL]
        if not from_end:  # the moment at which the consumer had enough
            times[time + T_CRITICAL] = 0.0
        decided = end_decided_by(base, here, edges, starts, rows, times) if from_end else -1
        if decided >= 0:
            times[time + T_CRITICAL] += reference - times[decided * TIME_COLUMNS + T_END]
            here = decided
            continue
        times[time + T_CRITICAL] += reference - times[time + T_START]
        moment = times[time + T_START]
        here, from_end = start_decided_by(base, here, edges, starts, rows, times)
        if here >= 0 and not from_end:
            times[here * TIME_COLUMNS + T_CRITICAL] = moment


def end_decided_by(base: int, i: int, edges: Any, starts: Any, rows: Any, times: Any) -> int:
    """The layer whose end decided that of layer `i`; -1: its own work did."""
    row = i * MAPPED_COLUMNS
    end = times[i * TIME_COLUMNS + T_START]
    end += rows[row + M_WRITE_NS] + rows[row + M_DURATION_NS] + rows[row + M_FILL_NS]
    decided = -1
    for e in range(starts[base + i], starts[base + i + 1]):
        s = int(edges[e * EDGE_COLUMNS + E_SOURCE])
        if s >= 0 and edges[e * EDGE_COLUMNS + E_FIRST] < 1.0:
            share = edges[e * EDGE_COLUMNS + E_LAST]
            bound = times[s * TIME_COLUMNS + T_END] + share * rows[row + M_DURATION_NS] + rows[row + M_FILL_NS]
            if bound > end:
                end, decided = bound, s
    return decided


def start_decided_by(base: int, i: int, edges: Any, starts: Any, rows: Any, times: Any) -> Any:
    """The layer that layer `i` waited for (-1: for none), and whether for its end, not for a share of its output."""
    before, cause, by_end = 0.0, -1, True
    context = rows[i * MAPPED_COLUMNS + M_CONTEXT]
    for j in range(i if context > 0.0 else 0):
        earlier = rows[j * MAPPED_COLUMNS + M_CONTEXT] < context
        if earlier and (times[j * TIME_COLUMNS + T_END] > before or cause < 0):
            before, cause = times[j * TIME_COLUMNS + T_END], j
    start = before
    for e in range(starts[base + i], starts[base + i + 1]):
        s = int(edges[e * EDGE_COLUMNS + E_SOURCE])
        if s < 0:
            continue
        share, row = edges[e * EDGE_COLUMNS + E_FIRST], s * MAPPED_COLUMNS
        first_out = times[s * TIME_COLUMNS + T_START] + rows[row + M_WRITE_NS] + rows[row + M_FILL_NS]
        ready = ready_ns(first_out, times[s * TIME_COLUMNS + T_END], share)
        if ready > start or cause < 0:
            start, cause, by_end = max(ready, start), s, share >= 1.0
    return cause, by_end


def lay_end_to_end(
    lanes: Any, layers: Any, base: int, n: int, rows: Any, times: Any, lane: Any, detail: bool
) -> None:
    """One layer after the other: X_SERIAL_NS, and with `detail` the times in the rows of `times` after the first
    `n`. Lookups do not wait for each other's rows then."""
    for p in range(len(lanes)):
        put(lane, X_SERIAL_NS, p, lanes, (0.0,))
    for i in range(n):
        layer = take(layers, (base + i) * LAYER_COLUMNS, 0, ONE, LAYER_COLUMNS)
        waits = layer[L_BANKS_WAIT_NS] if (layer[L_KIND] == LOOKUP) & (layer[L_BANKS] > 0.0) else 0.0
        if detail:
            for p in range(len(lanes)):
                written, duration, filled = take(rows, i * MAPPED_COLUMNS + M_WRITE_NS, p, lanes, 3)
                took, now = written + duration + filled - waits, at(lane, X_SERIAL_NS, p, lanes)
                put(times, (n + i) * TIME_COLUMNS, p, lanes, (now, now + took, took))
        for p in range(len(lanes)):
            written, duration, filled = take(rows, i * MAPPED_COLUMNS + M_WRITE_NS, p, lanes, 3)
            add(lane, X_SERIAL_NS, p, lanes, (written + duration + filled - waits,))


def occupy(lanes: Any, unit: int, p: int, busy: Any, lane: Any, took: float) -> None:
    """Keep a resource busy for `took` ns more; X_LONGEST_NS."""
    total = at(busy, unit, p, lanes) + took
    put(busy, unit, p, lanes, (total,))
    put(lane, X_LONGEST_NS, p, lanes, (max(at(lane, X_LONGEST_NS, p, lanes), total),))


def use_unit(
    lanes: Any, unit: int, actions: float, column: int, row: int, points: Any, rows: Any, busy: Any, lane: Any
) -> None:
    """Keep a kind of unit of a layer's tiles busy with `actions` of it, each of the time in `column` on one tile."""
    if actions > 0.0:
        for p in range(len(lanes)):
            took = actions * at(points, column, p, lanes) / at(rows, row + M_TILES, p, lanes)
            occupy(lanes, unit, p, busy, lane, took)


def interval_block(
    lanes: Any, layers: Any, base: int, n: int, points: Any, rows: Any, whole: Any, lane: Any, busy: Any
) -> None:
    """X_INTERVAL_NS, the time between two inferences in a stream: the busiest resource. Layers that share cells take
    turns, so do digital steps that share one kind of unit of a tile, lookups that share the memory; writes of operands
    hold their cells."""
    dynamic = at(points, P_DYNAMIC_ON_CROSSBARS, 0, lanes) > 0.0
    for p in range(n * BUSY_COLUMNS * len(lanes)):
        put(busy, 0, p, ONE, (0.0,))
    for p in range(len(lanes)):
        put(lane, X_LONGEST_NS, p, lanes, (0.0, 0.0))
    for i in range(n):
        layer = take(layers, (base + i) * LAYER_COLUMNS, 0, ONE, LAYER_COLUMNS)
        row, held, kind = i * MAPPED_COLUMNS, occupies(layer, dynamic), layer[L_KIND]
        cells = int(layer[L_FIRST_USER]) * BUSY_COLUMNS
        own = max(0, int(layer[L_OWNER])) * BUSY_COLUMNS
        if held:
            for p in range(len(lanes)):
                written, duration, _ = take(rows, row + M_WRITE_NS, p, lanes, 3)
                occupy(lanes, cells, p, busy, lane, written + duration)
        else:
            for p in range(len(lanes)):
                written, duration, _ = take(rows, row + M_WRITE_NS, p, lanes, 3)
                longest, memory = take(lane, X_LONGEST_NS, p, lanes, 2)
                took = written + duration
                memory += took if kind == LOOKUP else 0.0
                put(lane, X_LONGEST_NS, p, lanes, (max(longest, took), memory))
        macs = layer[L_GROUPS] * layer[L_ROWS] * layer[L_COLS] * layer[L_VECTORS] if kind == DYNAMIC else 0.0
        unit = layer[L_UNIT]
        if unit > 0.0:
            for p in range(len(lanes)):
                point, share = view(points, 0, p, lanes, POINT_COLUMNS), 1.0 / at(rows, row + M_TILES, p, lanes)
                softmax = (point[P_SOFTMAX_NS] if unit == 1.0 else 0.0) * share
                normalisation = (point[P_NORMALISATION_NS] if unit == 2.0 else 0.0) * share
                general = share if softmax + normalisation <= 0.0 else 0.0
                occupy(lanes, own + 1, p, busy, lane, layer[L_VECTOR_OPS] * point[P_VECTOR_NS] * general)
                occupy(lanes, own + 2, p, busy, lane, layer[L_SPECIAL_OPS] * point[P_SPECIAL_NS] * general)
                occupy(lanes, own + 5, p, busy, lane, layer[L_OUTPUTS] * softmax)
                occupy(lanes, own + 6, p, busy, lane, layer[L_OUTPUTS] * normalisation)
        else:
            use_unit(lanes, own + 1, layer[L_VECTOR_OPS], P_VECTOR_NS, row, points, rows, busy, lane)
            use_unit(lanes, own + 2, layer[L_SPECIAL_OPS], P_SPECIAL_NS, row, points, rows, busy, lane)
        use_unit(lanes, own + 3, layer[L_POOL_OPS], P_POOL_NS, row, points, rows, busy, lane)
        use_unit(lanes, own + 4, 0.0 if held else macs, P_MAC_NS, row, points, rows, busy, lane)
    for p in range(len(lanes)):
        longest, memory = take(lane, X_LONGEST_NS, p, lanes, 2)
        rewritten = at(whole, S_CONTEXTS, p, lanes) > 1.0
        interval = at(lane, X_LATENCY_NS, p, lanes) if rewritten else max(longest, memory)
        put(lane, X_INTERVAL_NS, p, lanes, (interval,))


def schedule_block(
    lanes: Any, layers: Any, base: int, n: int, edges: Any, starts: Any, points: Any, rows: Any, whole: Any, lane: Any,
    times: Any, busy: Any, detail: bool,
) -> None:  # fmt: skip
    """X_LATENCY_NS and X_INTERVAL_NS of the pipeline, or X_SERIAL_NS: of the schedule that points use, with `detail` of
    both. With `detail` (one lane) `times` holds the layers' rows of the pipeline, then of layer by layer."""
    pipelined = at(points, P_PIPELINED, 0, lanes) > 0.0
    if detail or not pipelined:
        lay_end_to_end(lanes, layers, base, n, rows, times, lane, detail)
    if pipelined or detail:
        overlap_block(lanes, base, n, edges, starts, rows, times, lane, at(points, P_SPILL, 0, lanes) > 0.0)
        interval_block(lanes, layers, base, n, points, rows, whole, lane, busy)


def stream_interval(layers: Any, rows: Any, point: Any, busy: Any) -> None:
    """How long one layer (lists of one row) at one point keeps each kind of resource busy: BUSY_COLUMNS of `busy`."""
    lane = [0.0] * LANE_COLUMNS
    interval_block(ONE, layers[0], 0, 1, point, rows[0], [0.0] * SUMMARY_COLUMNS, lane, busy[0])


HELPERS = (
    *COUNT_HELPERS, ready_ns, overlap_block, lay_end_to_end, occupy, use_unit, interval_block, schedule_block,
)  # fmt: skip
TRACE_HELPERS = (ready_ns, end_decided_by, start_decided_by)
