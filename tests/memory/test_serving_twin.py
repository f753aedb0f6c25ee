"""Do the served inferences keep to the rules of the simpy model, to the cycle, on every small case?"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pimsim.jit import compiled
from pimsim.memory.device import load_device
from pimsim.memory.placement.cache import RowCache
from pimsim.memory.policy import Policy
from pimsim.memory.serving import run as serving_run
from pimsim.memory.serving.banks import Banks, Traffic
from pimsim.memory.serving.lookups import Lookups
from pimsim.memory.serving.reference import Access, Inference, serve_reference
from pimsim.memory.serving.run import Pipeline, Served, serve
from pimsim.memory.serving.service import Batching

# A cycle is a nanosecond, so that times on both sides are whole numbers; refreshes are near enough to be met.
DEVICE = load_device(
    "ddr4_2400",
    overrides=["clock_MHz=1000", "organisation.ranks=1", "organisation.rows=64", "timing.tREFI=600", "timing.tRFC=150"],
)
# a word takes 3, the first 8 after it is asked for
CACHE = RowCache(9, 576, 64, 1.0, 1.0, 1.0, 8.0, 3.0, 1.0, 1.0)


@dataclass(frozen=True)
class Case:
    """What is served, on what, how."""

    tables: Banks
    pipeline: Pipeline
    batching: Batching
    arrivals: NDArray[np.float64]
    factors: NDArray[np.float64]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    device = DEVICE.model_copy(
        update={
            "organisation": DEVICE.organisation.model_copy(update={"channels": draw(st.sampled_from([1, 1, 2]))}),
        }
    )
    policy = Policy(page=draw(st.sampled_from(["open", "closed"])))
    if draw(st.booleans()):
        policy = replace(policy, scheduler="frfcfs", queue=draw(st.sampled_from([1, 2, 4, 32])))
        if draw(st.booleans()):
            policy = replace(policy, write_queue=4, drain_high=3, drain_low=1)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    first = np.append(0, np.cumsum(rng.integers(0, draw(st.integers(1, 5)), draw(st.integers(1, 6)))))
    held = int(first[-1])
    lines = draw(st.sampled_from([16, 4096]))
    address = rng.integers(0, min(lines, device.capacity_bytes // 128), held) * 64
    write = (rng.random(held) < 0.2).astype(np.uint8) if draw(st.booleans()) else None
    traffic = Traffic(*(draw(st.sampled_from([0, 0, 30, 150])) for _ in range(3)))
    latency = draw(st.sampled_from([0, 1, 7, 40, 200]))
    pipeline = Pipeline(float(latency), float(draw(st.integers(0, latency))))
    batching = Batching(
        draw(st.integers(1, 4)), float(draw(st.sampled_from([0, 0, 5, 60]))), draw(st.sampled_from([1, 1, 2, 4, 20]))
    )
    count = draw(st.integers(1, 20))
    arrivals = np.cumsum(rng.integers(0, draw(st.sampled_from([1, 4, 60, 300])), count)).astype(float)
    factors = rng.integers(0, 4, count).astype(float) if draw(st.booleans()) else np.ones(count)
    lookups = Lookups(address, write, first)
    if draw(st.booleans()):
        words = rng.integers(0, 4, len(first) - 1)
        lookups = replace(lookups, cached=words, requests=words, cache=CACHE)
    return Case(Banks(lookups, device, policy, traffic), pipeline, batching, arrivals, factors)


def asked(case: Case) -> tuple[list[list[Access]], ...]:
    """Rows, inputs, weights and outputs of every inference, out of the layout's description: an inference under
    way has a place for its inputs and outputs, then come the weights, and the memory ends."""
    own, device = case.tables, case.tables.device
    size = device.access_bytes
    inputs, weights, outputs = (
        -(-n // size) for n in (own.traffic.inputs_bytes, own.traffic.weights_bytes, own.traffic.outputs_bytes)
    )
    places = case.batching.size * case.batching.in_flight
    base = device.capacity_bytes - (places * (inputs + outputs) + weights) * size
    rows, read, moved, written = [], [], [], []
    for i in range(len(case.arrivals)):
        at, place = i % own.lookups.inferences, base + i % places * (inputs + outputs) * size
        mine = range(own.lookups.first[at], own.lookups.first[at + 1])
        write = own.lookups.write
        rows.append([(int(own.lookups.address[k]), write is not None and bool(write[k])) for k in mine])
        read.append([(place + k * size, False) for k in range(inputs)])
        moved.append([(base + (places * (inputs + outputs) + k) * size, False) for k in range(weights)])
        written.append([(place + (inputs + k) * size, True) for k in range(outputs)])
    return rows, read, moved, written


def reference(case: Case) -> list[Inference]:
    factors, words = case.factors, case.tables.lookups.cached
    cached = [0 if words is None else int(words[i % len(words)]) for i in range(len(factors))]
    return serve_reference(
        case.tables.device, case.tables.policy, case.batching, (case.pipeline.latency_ns * factors).tolist(),
        (case.pipeline.interval_ns * factors).tolist(), *asked(case), case.arrivals.tolist(),
        cached, (CACHE.latency_ns, CACHE.word_ns),
    )  # fmt: skip


def times(served: Served) -> list[tuple[float, ...]]:
    parts = (served.taken, served.looked_up, served.computing, served.computed, served.done)
    return list(zip(*(part.tolist() for part in parts), strict=True))


@settings(max_examples=40, deadline=None)
@given(cases())
def test_the_service_and_its_simpy_model_agree_to_the_cycle(case: Case) -> None:
    served = serve(case.tables, case.pipeline, case.batching, case.arrivals, case.factors)
    found = [(one.taken, one.looked_up, one.computing, one.computed, one.done) for one in reference(case)]
    assert times(served) == found


@settings(max_examples=15, deadline=None)
@given(cases())
def test_compiled_and_plain_give_the_same(case: Case) -> None:
    """Few inferences run as plain Python, many are compiled; both are the same lines."""
    plain = times(serve(case.tables, case.pipeline, case.batching, case.arrivals, case.factors))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(serving_run, "suited", lambda turns, function, *helpers: compiled(function, *helpers))
        assert times(serve(case.tables, case.pipeline, case.batching, case.arrivals, case.factors)) == plain
