"""Do served inferences wait for their rows and for the pipeline, as long as both take?"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from pimsim.errors import InputError
from pimsim.memory.device import load_device
from pimsim.memory.placement import place, profile
from pimsim.memory.placement_run import run_on, units_of
from pimsim.memory.policy import Policy
from pimsim.memory.serving import Batching, poisson_arrivals, single_server
from pimsim.memory.serving_run import Lookups, Pipeline, Served, lookups_of, serve, trace_arrivals
from pimsim.memory.traces import Trace, open_trace, write_trace
from pimsim.memory.traces.generators import Recipe, even_tables

DEVICE = load_device("ddr4_2400")
POLICY = Policy()


@pytest.fixture
def trace(tmp_path: Path) -> Trace:
    """150 inferences of 2 x 4 rows of 128 bytes."""
    recipe = Recipe("zipf", even_tables(2, 2000, 128), 1200, 1, pooling=4, rate_per_s=1e6)
    write_trace(tmp_path / "t.parquet", recipe.header(), recipe.chunks(100))
    return open_trace(tmp_path / "t.parquet")


def test_lookups_are_those_of_each_inference(trace: Trace) -> None:
    lookups = lookups_of(trace, DEVICE, POLICY)
    assert lookups.inferences == 150
    assert np.diff(lookups.first).tolist() == [16] * 150, "8 rows of two accesses"
    chunk = next(iter(trace.chunks()))
    base = np.array([0, 2000 * 128])
    rows = base[chunk["table"][:8]] + chunk["row"][:8] * 128
    assert lookups.address[:16].tolist() == np.stack([rows, rows + 64], axis=1).ravel().tolist()
    arrivals = trace_arrivals(trace, DEVICE)
    assert len(arrivals) == 150
    assert arrivals[0] == chunk["arrival_ns"][0]
    known = profile(trace)
    cached = place(trace.header.tables, units_of(DEVICE, "bank"), "frequency_aware", known, cached_rows=50)
    fewer = lookups_of(trace, DEVICE, POLICY, cached)
    assert fewer.inferences == 150
    assert fewer.first[-1] == 2 * (1200 - int(known.counts[:50].sum()))


def test_all_at_once_take_as_long_as_the_memory_does(trace: Trace) -> None:
    """One batch of all, and a pipeline that takes no time: the lookups of the whole trace, and nothing else."""
    lookups = lookups_of(trace, DEVICE, POLICY)
    served = serve(lookups, DEVICE, POLICY, Pipeline(0.0, 0.0), Batching(150), np.zeros(150))
    whole = run_on(trace, DEVICE, POLICY, arrivals=False)
    assert served.done.max() == pytest.approx(whole.time_ns)
    assert served.memory.total_energy_pJ == pytest.approx(whole.total_energy_pJ)
    assert served.energy_pJ["lookups"] == pytest.approx(whole.total_energy_pJ / 150)


def test_without_lookups_it_is_the_single_server() -> None:
    nothing = Lookups(np.empty(0, dtype=np.int64), None, np.zeros(2, dtype=np.int64))
    arrivals = poisson_arrivals(8e5, 500, 1)
    served = serve(nothing, DEVICE, POLICY, Pipeline(1000.0, 1000.0), Batching(), arrivals)
    _, done = single_server(arrivals, Batching(), 0.0, 1000.0)
    np.testing.assert_allclose(served.done, done)
    # With batches in flight a pipeline takes the next one while the last is under way, at its interval.
    piped = serve(nothing, DEVICE, POLICY, Pipeline(5000.0, 1000.0), Batching(in_flight=100), arrivals)
    np.testing.assert_allclose(piped.done, done + 4000.0)


def ordered(served: Served) -> bool:
    steps = (served.arrival, served.taken, served.looked_up, served.computing, served.done)
    return all((a <= b + 1e-6).all() for a, b in itertools.pairwise(steps))


def test_batches_in_flight_share_the_banks(trace: Trace) -> None:
    lookups = lookups_of(trace, DEVICE, POLICY)
    pipeline = Pipeline(500.0, 20.0, 7.0)
    arrivals = poisson_arrivals(2e6, 600, 3)
    one = serve(lookups, DEVICE, POLICY, pipeline, Batching(4, 1000.0), arrivals)
    more = serve(lookups, DEVICE, POLICY, pipeline, Batching(4, 1000.0, in_flight=4), arrivals)
    assert ordered(one)
    assert ordered(more)
    assert (np.diff(more.taken) >= 0).all()
    assert (np.diff(more.done) > 0).all(), "first come, first done"
    assert more.figures().mean_ns < one.figures().mean_ns
    assert (more.looked_up - more.taken).mean() > (one.looked_up - one.taken).mean(), "they wait for each other"
    assert more.energy_pJ["compute"] == 7.0
    assert more.memory.requests == 600 * 16, "the trace of 150 inferences comes round four times"


def test_what_cannot_be_served_is_refused(trace: Trace, tmp_path: Path) -> None:
    lookups = lookups_of(trace, DEVICE, POLICY)
    with pytest.raises(InputError, match="serving needs --policy fcfs"):
        serve(lookups, DEVICE, Policy("frfcfs"), Pipeline(1.0, 1.0), Batching(), np.zeros(1))
    with pytest.raises(InputError, match=r"a pipeline has 0 <= interval_ns <= latency_ns <= 1e15; got 2 and 1"):
        Pipeline(1.0, 2.0)
    recipe = Recipe("stream", even_tables(1, 10, 64), 0)
    write_trace(tmp_path / "none.txt", recipe.header(), [])
    with pytest.raises(InputError, match="the trace has no requests to serve"):
        lookups_of(open_trace(tmp_path / "none.txt"), DEVICE, POLICY)
    with pytest.raises(InputError, match="the trace has no arrival times; give a rate"):
        trace_arrivals(open_trace(tmp_path / "none.txt"), DEVICE)
