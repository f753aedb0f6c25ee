"""Does the queue wait as long as the closed forms say, and does a batch hold what its rule says?"""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pimsim.errors import InputError
from pimsim.memory import serving
from pimsim.memory.serving import Batching, batch_means, figures, over_time, poisson_arrivals, saturation, single_server

SERVICE_NS = 1000.0
REQUESTS = 2_000_000


@cache
def unit_arrivals() -> np.ndarray:
    """A Poisson process of rate 1 a nanosecond."""
    return poisson_arrivals(1e9, REQUESTS, 1)


@pytest.mark.parametrize("load", [0.5, 0.8, 0.95])
@pytest.mark.parametrize("law", ["M/M/1", "M/D/1"])
def test_waiting_is_that_of_the_closed_form(law: str, load: float) -> None:
    """Mean wait in the queue: M/M/1 load / (1 - load) services (Kleinrock, vol. 1, 3.2), M/D/1 half of that
    (Pollaczek-Khinchine, 5.6): inside the 99% interval of batch means."""
    arrivals = unit_arrivals() * (SERVICE_NS / load)
    factors = np.random.default_rng(2).standard_exponential(REQUESTS) if law == "M/M/1" else None
    begin, done = single_server(arrivals, Batching(), 0.0, SERVICE_NS, factors)
    expected = SERVICE_NS * load / (1.0 - load) * (1.0 if law == "M/M/1" else 0.5)
    mean, half = batch_means(begin - arrivals)
    assert abs(mean - expected) <= half
    assert half < 0.2 * expected, "an interval that says something"
    served = figures(arrivals, begin, done)
    assert served.in_service == pytest.approx(load, rel=0.01), "utilisation is the load"
    assert served.queue_depth == pytest.approx(served.waiting_ns * served.throughput_per_s * 1e-9)
    assert served.mean_batch == pytest.approx(1.0, abs=1e-3)
    if law == "M/M/1":  # time in the system is exponential: its quantiles are known as well
        system = SERVICE_NS / (1.0 - load)
        assert served.latency_ns["p99"] == pytest.approx(-np.log(0.01) * system, rel=0.15)


@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=40),
    st.integers(1, 5),
    st.integers(0, 6),
    st.integers(0, 4),
    st.integers(1, 3),
)
def test_batches_hold_what_their_rule_says(gaps: list[int], size: int, timeout: int, fixed: int, each: int) -> None:
    """Against a clock that ticks: is the server free, and are there enough, or has the oldest waited long enough?"""
    arrivals = np.cumsum(gaps).astype(float)
    begin, done = single_server(arrivals, Batching(size, timeout), fixed, each)
    expected: dict[int, tuple[int, int]] = {}
    free, first = 0, 0
    for now in itertools.count():
        while first < len(arrivals) and free <= now:
            waiting = int(np.count_nonzero(arrivals[first:] <= now))
            if not waiting or (waiting < size and now - arrivals[first] < timeout):
                break
            count = min(waiting, size)
            free = now + fixed + each * count
            expected.update(dict.fromkeys(range(first, first + count), (now, free)))
            first += count
        if first == len(arrivals):
            break
    assert list(zip(begin.tolist(), done.tolist(), strict=True)) == [expected[i] for i in range(len(arrivals))]
    plain = np.empty(len(arrivals)), np.empty(len(arrivals))
    serving.queue(arrivals, size, float(timeout), float(fixed), float(each), np.empty(0), *plain)
    assert (plain[0] == begin).all()
    assert (plain[1] == done).all()


def test_figures_worked_out_by_hand() -> None:
    """Three requests at 0, 10, 10; one server, batches of two, 20 for each: taken at 0, 20, 20; done at 20, 60, 60."""
    arrivals = np.array([0.0, 10.0, 10.0])
    begin, done = single_server(arrivals, Batching(2), 0.0, 20.0)
    assert (begin.tolist(), done.tolist()) == ([0.0, 20.0, 20.0], [20.0, 60.0, 60.0])
    found = figures(arrivals, begin, done)
    assert found.latency_ns == {"p50": 50.0, "p95": 50.0, "p99": 50.0, "p99.9": 50.0}
    assert found.mean_ns == pytest.approx(40.0)
    assert found.throughput_per_s == pytest.approx(3 / 60e-9)
    assert found.queue_depth == pytest.approx(20 / 60)
    assert found.in_service == pytest.approx(100 / 60)
    assert found.mean_batch == 1.5
    assert over_time(begin, done, 60.0, 3).tolist() == pytest.approx([1.0, 2.0, 2.0])
    assert over_time(arrivals, begin, 60.0, 6).tolist() == pytest.approx([0.0, 2.0, 0.0, 0.0, 0.0, 0.0])


def test_batch_means_hold_the_mean_of_a_correlated_series() -> None:
    """An autoregression of mean 5, 400 times: the 99% interval holds 5 in most of them, the naive one would not."""
    random, held = np.random.default_rng(0), 0
    noise = random.standard_normal((400, 3100))
    series = np.empty_like(noise)
    value = np.zeros(400)
    for i in range(noise.shape[1]):
        value = 0.8 * value + noise[:, i]
        series[:, i] = 5.0 + value
    for one in series:
        mean, half = batch_means(one)
        held += abs(mean - 5.0) <= half
    assert held >= 385
    with pytest.raises(InputError, match="batch means of 30 stretches need at least 31 values; got 5"):
        batch_means(np.zeros(5))


def test_saturation_is_found() -> None:
    low, high = saturation(lambda rate: rate < 1234.5, 1.0, 1e6)
    assert low < 1234.5 <= high
    assert high / low < 1.0001
    with pytest.raises(InputError, match="the service does not keep up even with 2000 requests a second"):
        saturation(lambda rate: rate < 1234.5, 2000.0, 1e6)
    with pytest.raises(InputError, match="the service keeps up with 1000 requests a second; look higher"):
        saturation(lambda rate: rate < 1234.5, 1.0, 1000.0)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: Batching(0), "batching: size must be from 1 to 65,536; got 0"),
        (lambda: Batching(1, -1.0), "batching: timeout_ns must be from 0.0 to"),
        (lambda: poisson_arrivals(0.0, 5, 1), "the rate must be from 0.001 to 1e12 requests a second; got 0.0"),
        (
            lambda: single_server(np.array([2.0, 1.0]), Batching(), 0, 1),
            "arrivals do not go back; request 1 comes before",
        ),
        (lambda: single_server(np.zeros(2), Batching(in_flight=2), 0, 1), "one server has one batch in flight; got 2"),
        (lambda: single_server(np.zeros(2), Batching(), 0, 1, np.zeros(1)), "1 factors for 2 requests; give one for"),
        (lambda: figures(np.zeros(0), np.zeros(0), np.zeros(0)), "no request was served"),
    ],
)
def test_what_makes_no_sense_is_refused(call: object, said: str) -> None:
    with pytest.raises(InputError) as raised:
        call()  # type: ignore[operator]
    assert str(raised.value).startswith(said)
