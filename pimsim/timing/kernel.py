"""When each layer starts and ends: layer by layer, and as a pipeline of layers. Plain Python that Numba compiles.

Pipeline: a layer produces its output evenly between its first result (start + depth) and its end. A consumer starts
when every input has the share `first` that it needs, and ends no earlier than the end of its input plus the share
`last` of its own work. That is the fluid limit of the row-by-row model in `pimsim.timing.events`; a test compares them.
"""

from __future__ import annotations

from typing import Any

from pimsim.mapping.columns import (
    L_FIRST_USER,
    L_KIND,
    L_OWNER,
    LOOKUP,
    M_CONTEXT,
    M_DURATION_NS,
    M_FILL_NS,
    M_PER_COPY,
    M_WRITE_NS,
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


def stream_interval(layers: Any, rows: Any, busy: Any) -> float:
    """Time between two inferences in a stream: the busiest resource. Layers that share cells, digital steps that share
    the units of a tile, and lookups that share the memory take turns; writes of operands hold their crossbars."""
    memory = longest = 0.0
    for i in range(len(rows)):
        busy[i][0] = 0.0
        busy[i][1] = 0.0
    for i in range(len(rows)):
        took = rows[i][M_WRITE_NS] + rows[i][M_DURATION_NS]
        if rows[i][M_PER_COPY] > 0.0:
            user = int(layers[i][L_FIRST_USER])
            busy[user][0] += took
            longest = max(longest, busy[user][0])
        elif layers[i][L_KIND] == LOOKUP:
            memory += took
        else:
            owner = max(0, int(layers[i][L_OWNER]))
            busy[owner][1] += took
            longest = max(longest, busy[owner][1])
    return max(longest, memory)


def time_points(
    layers: Any, edges: Any, starts: Any, mapped: Any, summary: Any, ends: Any, totals: Any, work: Any
) -> None:
    """For every point fill ends[p] (2 schedules x layers x TIME_COLUMNS; 0 pipeline, 1 layer by layer) and totals[p]:
    latency and interval of the pipeline, then of layer by layer. `work`: layers x 3 scratch."""
    for p in range(len(mapped)):
        rows, total = mapped[p], totals[p]
        total[0] = overlap(layers, rows, edges, starts, ends[p][0], work)
        trace_back(ends[p][0], work)
        total[1] = total[0] if summary[p][S_CONTEXTS] > 1.0 else stream_interval(layers, rows, work)
        total[2] = lay_end_to_end(rows, ends[p][1])
        total[3] = total[2]


HELPERS = (lay_end_to_end, overlap, trace_back, stream_interval)
