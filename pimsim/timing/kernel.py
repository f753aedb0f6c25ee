"""When each layer starts and ends: layer by layer, and as a pipeline of layers. Plain Python that Numba compiles.

Pipeline: a layer produces its output evenly between its first result (start + depth) and its end. A consumer starts
when every input has the share `first` that it needs, and ends no earlier than the end of its input plus the share
`last` of its own work. That is the fluid limit of the row-by-row model in `pimsim.timing.events`; a test compares them.
"""

from __future__ import annotations

from typing import Any

from pimsim.mapping.columns import (
    BUSY_COLUMNS,
    DYNAMIC,
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
    LOOKUP,
    M_CONTEXT,
    M_DURATION_NS,
    M_FILL_NS,
    M_PER_COPY,
    M_TILES,
    M_WRITE_NS,
    P_MAC_PER_NS,
    P_NORMALISATION_PER_NS,
    P_POOL_PER_NS,
    P_SOFTMAX_PER_NS,
    P_SPECIAL_PER_NS,
    P_VECTOR_PER_NS,
    S_CONTEXTS,
    T_CRITICAL,
    T_END,
    T_START,
)


def lay_end_to_end(rows: Any, times: Any) -> float:
    """One layer after the other: times[i] = start, end, share of the latency. Returns the latency in ns."""
    now = 0.0
    for i in range(len(rows)):
        took = rows[i][M_WRITE_NS] + rows[i][M_DURATION_NS] + rows[i][M_FILL_NS]
        times[i][T_START] = now
        now = now + took
        times[i][T_END] = now
        times[i][T_CRITICAL] = took
    return now


def overlap(layers: Any, rows: Any, edges: Any, starts: Any, times: Any, causes: Any) -> float:
    """Start and end of every layer in the pipeline; causes[i] = what the start waited for (a layer, or -1), whether for
    its end (1) or its progress (0), and the layer whose end decided the end (or -1). Returns the latency."""
    latency = 0.0
    before, before_layer = 0.0, -1.0  # end of all earlier contexts
    for i in range(len(rows)):
        if i > 0 and rows[i][M_CONTEXT] != rows[i - 1][M_CONTEXT]:
            for j in range(i):
                if times[j][T_END] > before or before_layer < 0.0:
                    before, before_layer = times[j][T_END], j * 1.0
        start, cause, by_end = before, before_layer, 1.0
        for e in range(starts[i], starts[i + 1]):
            s = int(edges[e][0])
            if s < 0:
                continue
            ready = times[s][T_END]
            whole = edges[e][2] >= 1.0
            if not whole:
                first_out = times[s][T_START] + rows[s][M_WRITE_NS] + rows[s][M_FILL_NS]
                ready = first_out + edges[e][2] * (times[s][T_END] - first_out)
            if ready > start or cause < 0.0:
                start, cause, by_end = max(ready, start), s * 1.0, 1.0 if whole else 0.0
        took = rows[i][M_WRITE_NS] + rows[i][M_DURATION_NS] + rows[i][M_FILL_NS]
        end, decided = start + took, -1.0
        for e in range(starts[i], starts[i + 1]):
            s = int(edges[e][0])
            if s >= 0 and edges[e][2] < 1.0:
                bound = times[s][T_END] + edges[e][3] * rows[i][M_DURATION_NS] + rows[i][M_FILL_NS]
                if bound > end:
                    end, decided = bound, s * 1.0
        times[i][T_START], times[i][T_END], times[i][T_CRITICAL] = start, end, 0.0
        causes[i][0], causes[i][1], causes[i][2] = cause, by_end, decided
        latency = max(latency, end)
    return latency


def trace_back(times: Any, causes: Any) -> None:
    """Share the latency among the layers of the critical path, from the last end back to time 0."""
    at = -1
    for i in range(len(times)):
        if at < 0 or times[i][T_END] > times[at][T_END]:
            at = i
    from_end = True
    while at >= 0:
        reference = times[at][T_END]
        if not from_end:
            reference = times[at][T_CRITICAL]  # the moment at which the consumer had enough
            times[at][T_CRITICAL] = 0.0
        decided = int(causes[at][2])
        if from_end and decided >= 0:
            times[at][T_CRITICAL] += reference - times[decided][T_END]
            at = decided
            continue
        times[at][T_CRITICAL] += reference - times[at][T_START]
        cause, moment = int(causes[at][0]), times[at][T_START]
        from_end = causes[at][1] > 0.0
        at = cause
        if at >= 0 and not from_end:
            times[at][T_CRITICAL] = moment


def stream_interval(layers: Any, rows: Any, point: Any, busy: Any) -> Any:
    """Time between two inferences in a stream: the busiest resource. Layers that share cells take turns, so do digital
    steps that share one kind of unit of a tile, lookups that share the memory; writes of operands hold their cells."""
    memory = longest = 0.0
    for i in range(len(rows)):
        for k in range(BUSY_COLUMNS):
            busy[i][k] = 0.0
    for i in range(len(rows)):
        layer, row = layers[i], rows[i]
        took = row[M_WRITE_NS] + row[M_DURATION_NS]
        longest = max(longest, took)
        if row[M_PER_COPY] > 0.0:
            user = int(layer[L_FIRST_USER])
            busy[user][0] += took
            longest = max(longest, busy[user][0])
        elif layer[L_KIND] == LOOKUP:
            memory += took
        owner, tiles = max(0, int(layer[L_OWNER])), row[M_TILES]
        unit = layer[L_UNIT]
        if unit == 1.0 and point[P_SOFTMAX_PER_NS] > 0.0:
            busy[owner][5] += layer[L_OUTPUTS] / (point[P_SOFTMAX_PER_NS] * tiles)
        elif unit == 2.0 and point[P_NORMALISATION_PER_NS] > 0.0:
            busy[owner][6] += layer[L_OUTPUTS] / (point[P_NORMALISATION_PER_NS] * tiles)
        else:
            busy[owner][1] += layer[L_VECTOR_OPS] / (point[P_VECTOR_PER_NS] * tiles)
            busy[owner][2] += layer[L_SPECIAL_OPS] / (point[P_SPECIAL_PER_NS] * tiles)
        busy[owner][3] += layer[L_POOL_OPS] / (point[P_POOL_PER_NS] * tiles)
        if layer[L_KIND] == DYNAMIC and row[M_PER_COPY] <= 0.0:
            macs = layer[L_GROUPS] * layer[L_ROWS] * layer[L_COLS] * layer[L_VECTORS]
            busy[owner][4] += macs / (point[P_MAC_PER_NS] * tiles)
        for k in range(1, BUSY_COLUMNS):
            longest = max(longest, busy[owner][k])
    return max(longest, memory)


def time_point(
    layers: Any, edges: Any, starts: Any, point: Any, rows: Any, whole: Any, ends: Any, total: Any, work: Any
) -> None:
    """`time_points` at one point."""
    total[0] = overlap(layers, rows, edges, starts, ends[0], work)
    trace_back(ends[0], work)
    total[1] = total[0] if whole[S_CONTEXTS] > 1.0 else stream_interval(layers, rows, point, work)
    total[2] = lay_end_to_end(rows, ends[1])
    total[3] = total[2]


def time_points(
    layers: Any,
    edges: Any,
    starts: Any,
    points: Any,
    mapped: Any,
    summary: Any,
    ends: Any,
    totals: Any,
    work: Any,
) -> None:
    """For every point fill ends[p] (2 schedules x layers x TIME_COLUMNS; 0 pipeline, 1 layer by layer) and totals[p]:
    latency and interval of the pipeline, then of layer by layer. `work`: layers x BUSY_COLUMNS scratch."""
    for p in range(len(mapped)):
        time_point(layers, edges, starts, points[p], mapped[p], summary[p], ends[p], totals[p], work)


HELPERS = (lay_end_to_end, overlap, trace_back, stream_interval, time_point)
