"""Is the closed-form pipeline right? Held against closed forms of two stages and against the event-driven model."""

from __future__ import annotations

import random
import statistics

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pimsim.graph.workload import Edge
from pimsim.mapping import columns as c
from pimsim.mapping.lanes import ONE
from pimsim.timing import kernel
from pimsim.timing.events import Stage, needed_share, run_events


def closed_form(stages: list[Stage]) -> tuple[float, list[list[float]]]:
    rows, edges, starts = [], [], [0]
    for stage in stages:
        row = [0.0] * c.MAPPED_COLUMNS
        row[c.M_WRITE_NS], row[c.M_DURATION_NS], row[c.M_FILL_NS] = stage.write_ns, stage.duration_ns, stage.fill_ns
        rows += row
        for e in stage.inputs:
            edges += [float(e.source), float(e.elements), e.first, e.last]
        starts.append(len(edges) // c.EDGE_COLUMNS)
    n, lane = len(stages), [0.0] * c.LANE_COLUMNS
    times = [0.0] * (n * c.TIME_COLUMNS)
    kernel.overlap_block(ONE, 0, n, edges, starts, rows, times, lane, False)
    kernel.trace_back(0, n, edges, starts, rows, times)
    return lane[c.X_LATENCY_NS], [times[i * c.TIME_COLUMNS :][: c.TIME_COLUMNS] for i in range(n)]


@st.composite
def pipelines(draw: st.DrawFn) -> list[Stage]:
    stages = []
    for i in range(draw(st.integers(1, 10))):
        inputs = []
        for _ in range(draw(st.integers(0, 2))):
            rows = draw(st.sampled_from([1, 4, 14, 56]))
            whole = draw(st.booleans()) and rows > 1
            first, last = (1.0, 1.0) if whole else (min(1.0, draw(st.integers(1, 3)) / rows), 1.0 / rows)
            inputs.append(Edge(draw(st.integers(max(-1, i - 3), i - 1)), 1, first, last))
        write = draw(st.sampled_from([0.0, 0.0, 5.0]))
        stages.append(Stage(write, draw(st.floats(1, 100)), draw(st.floats(0, 3)), tuple(inputs)))
    return stages


@given(pipelines())
@settings(max_examples=60)
def test_close_to_the_events(stages: list[Stage]) -> None:
    latency, times = closed_form(stages)
    events = max(end for _, end in run_events(stages))
    assert events == pytest.approx(latency, rel=0.15)
    assert sum(t[c.T_CRITICAL] for t in times) == pytest.approx(latency, rel=1e-12)
    assert all(t[c.T_CRITICAL] >= 0 for t in times)
    assert all(t[c.T_END] >= t[c.T_START] for t in times)


def test_mostly_equal_to_the_events() -> None:
    """The closed form takes a layer's output to grow evenly; where stalls make it uneven the two differ a little."""
    errors = []
    for seed in range(60):
        draw = random.Random(seed)
        stages = []
        for i in range(draw.randint(1, 10)):
            rows = draw.choice([4, 14, 56])
            inputs = tuple(Edge(draw.randint(max(-1, i - 2), i - 1), 1, 2 / rows, 1 / rows) for _ in range(2))
            stages.append(Stage(0.0, draw.uniform(1, 100), draw.uniform(0, 3), inputs))
        latency, _ = closed_form(stages)
        errors.append(abs(max(end for _, end in run_events(stages, units=224)) / latency - 1))
    assert statistics.median(errors) < 0.01
    assert statistics.mean(errors) < 0.015


def test_slow_source_ends_first() -> None:
    """Source 100 ns, consumer 10 ns with rows of a tenth: it cannot end before 100 + its last row."""
    latency, times = closed_form([Stage(0, 100, 0), Stage(0, 10, 0, (Edge(0, 1, 0.1, 0.1),))])
    assert times[1][c.T_START] == pytest.approx(10)
    assert latency == pytest.approx(101)
    assert [t[c.T_CRITICAL] for t in times] == pytest.approx([100, 1])


def test_fast_source_is_hidden() -> None:
    """Source 10 ns, consumer 100 ns: it starts after a tenth of the source."""
    latency, times = closed_form([Stage(0, 10, 0), Stage(0, 100, 0, (Edge(0, 1, 0.1, 0.1),))])
    assert latency == pytest.approx(101)
    assert [t[c.T_CRITICAL] for t in times] == pytest.approx([1, 100])


def test_whole_input_means_no_overlap() -> None:
    latency, _ = closed_form([Stage(0, 10, 2), Stage(5, 100, 3, (Edge(0, 1, 1.0, 1.0),))])
    assert latency == pytest.approx(10 + 2 + 5 + 100 + 3)


def test_needed_share_runs_from_first_to_all() -> None:
    edge = Edge(0, 1, first=0.2, last=0.1)
    assert needed_share(edge, 0.0) == pytest.approx(0.2)
    assert needed_share(edge, 0.45) == pytest.approx(0.6)
    assert needed_share(edge, 0.9) == 1.0
    assert needed_share(Edge(0, 1), 0.0) == 1.0
