"""Do served inferences wait for their rows and for the pipeline, as long as both take?"""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from pimsim.errors import InputError
from pimsim.memory.device import load_device
from pimsim.memory.placement.policies import place, profile
from pimsim.memory.placement.run import run_on, units_of
from pimsim.memory.policy import Policy
from pimsim.memory.serving.banks import Banks, Traffic
from pimsim.memory.serving.lookups import NOTHING, Lookups, lookups_of, trace_arrivals
from pimsim.memory.serving.run import Pipeline, Served, serve
from pimsim.memory.serving.service import Batching, poisson_arrivals
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
    served = serve(Banks(lookups, DEVICE, POLICY), Pipeline(0.0, 0.0), Batching(150), np.zeros(150))
    whole = run_on(trace, DEVICE, POLICY, arrivals=False)
    assert served.done.max() == pytest.approx(whole.time_ns)
    assert served.memory.total_energy_pJ == pytest.approx(whole.total_energy_pJ)
    assert sum(served.energy_pJ["memory"].values()) == pytest.approx(whole.total_energy_pJ / 150)


def test_without_lookups_it_is_the_single_server() -> None:
    """One after the other: each begins when it has come and the one before is done (Lindley's recursion)."""
    tables, arrivals = Banks(NOTHING, DEVICE, POLICY), poisson_arrivals(8e5, 500, 1)
    served = serve(tables, Pipeline(1000.0, 1000.0), Batching(), arrivals)
    done, free = [], 0.0
    for at in arrivals.tolist():
        free = max(at, free) + 1000.0
        done.append(free)
    np.testing.assert_allclose(served.done, done)
    # With batches in flight a pipeline takes the next one while the last is under way, at its interval.
    piped = serve(tables, Pipeline(5000.0, 1000.0), Batching(in_flight=100), arrivals)
    np.testing.assert_allclose(piped.done, np.array(done) + 4000.0)


def ordered(served: Served) -> bool:
    steps = (served.arrival, served.taken, served.looked_up, served.computing, served.computed, served.done)
    return all((a <= b + 1e-6).all() for a, b in itertools.pairwise(steps))


def test_batches_in_flight_share_the_banks(trace: Trace) -> None:
    tables = Banks(lookups_of(trace, DEVICE, POLICY), DEVICE, POLICY)
    pipeline = Pipeline(500.0, 20.0, 7.0, static_mW=3.0)
    arrivals = poisson_arrivals(2e6, 600, 3)
    one = serve(tables, pipeline, Batching(4, 1000.0), arrivals)
    more = serve(tables, pipeline, Batching(4, 1000.0, in_flight=4), arrivals)
    assert ordered(one)
    assert ordered(more)
    assert (np.diff(more.taken) >= 0).all()
    assert (np.diff(more.computed) > 0).all(), "first come, first computed"
    assert more.figures().mean_ns < one.figures().mean_ns
    assert (more.looked_up - more.taken).mean() > (one.looked_up - one.taken).mean(), "they wait for each other"
    assert more.energy_pJ["compute"] == {"dynamic": 7.0, "static": pytest.approx(3.0 * more.done.max() / 600)}
    assert more.memory.requests == 600 * 16, "the trace of 150 inferences comes round four times"


def test_what_the_arithmetic_moves_meets_the_lookups(trace: Trace) -> None:
    """Inputs, weights and outputs of 128, 640 and 64 bytes are accesses of the same banks, and all wait for them."""
    lookups, pipeline = lookups_of(trace, DEVICE, POLICY), Pipeline(300.0, 30.0)
    arrivals = poisson_arrivals(3e6, 600, 3)
    alone = serve(Banks(lookups, DEVICE, POLICY), pipeline, Batching(4, in_flight=4), arrivals)
    tables = Banks(lookups, DEVICE, POLICY, Traffic(100, 600, 1))
    both = serve(tables, pipeline, Batching(4, in_flight=4), arrivals)
    assert ordered(both)
    assert both.memory.requests == 600 * (16 + 2 + 10 + 1)
    assert both.memory.counts["write"] == 600
    assert (both.looked_up - both.taken).mean() > (alone.looked_up - alone.taken).mean()
    assert (both.computed - both.computing).mean() > (alone.computed - alone.computing).mean() == pytest.approx(300.0)
    assert (both.done - both.computed).min() > 0.0


def test_first_ready_first_served_is_no_later_where_rows_are_mixed(trace: Trace) -> None:
    """Two rows of one bank in turn, eight times: FCFS opens a row for each access, FR-FCFS one after the other."""
    device = load_device("ddr4_2400", overrides=["organisation.ranks=1"])
    far = device.row_bytes * device.banks
    address = np.array([0, far] * 8) + np.repeat(np.arange(8) * 64, 2)
    lookups = Lookups(address, None, np.array([0, 16]))
    done = {}
    for policy in (Policy("fcfs"), Policy("frfcfs")):
        served = serve(Banks(lookups, device, policy), Pipeline(10.0, 10.0), Batching(in_flight=2), np.zeros(3))
        assert ordered(served)
        done[policy.scheduler] = served.done[-1]
    assert done["frfcfs"] < 0.4 * done["fcfs"]


def test_what_cannot_be_served_is_refused(trace: Trace, tmp_path: Path) -> None:
    tables, pipeline = Banks(NOTHING, DEVICE, POLICY), Pipeline(1.0, 1.0)
    with pytest.raises(InputError, match="arrivals do not go back; request 1 comes before the one ahead of it"):
        serve(tables, pipeline, Batching(), np.array([2.0, 1.0]))
    with pytest.raises(InputError, match="a factor from 0 on for each of 2 requests is needed; got 1"):
        serve(tables, pipeline, Batching(), np.zeros(2), np.ones(1))
    small = DEVICE.model_copy(update={"organisation": DEVICE.organisation.model_copy(update={"rows": 2})})
    full = Banks(lookups_of(trace, small, POLICY), small, POLICY, Traffic(2000, 0, 1000))
    with pytest.raises(InputError, match="no room behind the tables for 24,576 bytes of inputs, outputs and weights"):
        serve(full, pipeline, Batching(4, in_flight=2), np.zeros(1))
    with pytest.raises(InputError, match="traffic: inputs_bytes must be from 0 to 4,294,967,296; got -1"):
        Traffic(-1)
    with pytest.raises(InputError, match=r"a pipeline has 0 <= interval_ns <= latency_ns <= 1e15; got 2 and 1"):
        Pipeline(1.0, 2.0)
    recipe = Recipe("stream", even_tables(1, 10, 64), 0)
    write_trace(tmp_path / "none.txt", recipe.header(), [])
    with pytest.raises(InputError, match="the trace has no requests to serve"):
        lookups_of(open_trace(tmp_path / "none.txt"), DEVICE, POLICY)
    with pytest.raises(InputError, match="the trace has no arrival times; give a rate"):
        trace_arrivals(open_trace(tmp_path / "none.txt"), DEVICE)
