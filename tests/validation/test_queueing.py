"""Does the service of `pimsim serve` wait as long as queueing theory says?"""

from __future__ import annotations

import json

import numpy as np
import pytest

from pimsim.memory.serving.run import Pipeline, Served, serve
from pimsim.memory.serving.service import Batching, over_time
from validation.queueing import __main__ as command
from validation.queueing.queues import (
    LAWS,
    LOADS,
    SERVICE_NS,
    Point,
    batch_means,
    measure,
    one_server,
    service_factors,
    unit_arrivals,
    wait,
)

FEW = 150_000


def recorded() -> list[Point]:
    return [Point(**one) for one in json.loads(command.RECORD.read_text())]


def test_the_record_holds_at_every_load() -> None:
    points = recorded()
    assert [(point.law, point.load) for point in points] == [(law, load) for law in LAWS for load in LOADS]
    for point in points:
        assert point.holds
        assert point.expected == pytest.approx(point.load / (1.0 - point.load) * (1.0 if point.law == "M/M/1" else 0.5))
        assert point.half < 0.1 * point.expected, "an interval that says something"


@pytest.mark.slow
@pytest.mark.parametrize("law", LAWS)
def test_the_record_is_what_the_command_measures(law: str) -> None:
    for point in recorded():
        if point.law == law:
            again = measure(law, point.load)
            assert (again.expected, again.mean, again.half) == pytest.approx(
                (point.expected, point.mean, point.half), rel=1e-9
            )


def test_the_command_prints_the_table(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    points = {(point.law, point.load): point for point in recorded()}
    monkeypatch.setattr(command, "measure", lambda law, load: points[law, load])
    assert command.main([]) == 0
    shown = capsys.readouterr().out
    assert shown.count("inside") == 6
    assert "M/D/1   0.95       9.5000" in shown
    points["M/M/1", 0.5] = Point("M/M/1", 0.5, 100, 1.0, 2.0, 0.5)
    assert command.main([]) == 1
    assert "MISSED" in capsys.readouterr().out


@pytest.mark.parametrize("load", [0.5, 0.8])
@pytest.mark.parametrize(
    ("name", "values", "weights"),
    [("two kinds of requests", (0.5, 5.5), (0.9, 0.1)), ("three", (0.0, 1.0, 2.0), (0.25, 0.5, 0.25))],
)
def test_any_service_waits_as_pollaczek_and_khinchine_say(
    name: str, values: tuple[float, ...], weights: tuple[float, ...], load: float
) -> None:
    factors = np.random.default_rng(5).choice(values, FEW, p=weights)
    variation = float(np.dot(weights, np.square(values))) - 1.0
    served = one_server(load, FEW, factors)
    mean, half = batch_means((served.taken - served.arrival) / SERVICE_NS, 30)
    assert abs(mean - wait(load, variation)) <= half


def test_utilisation_is_the_load_and_the_queue_obeys_little() -> None:
    """The mean queue, counted request by request as they come and go, is the rate times the mean wait."""
    load = 0.8
    served = one_server(load, FEW, service_factors(FEW))
    found = served.figures()
    assert found.in_service == pytest.approx(load, rel=0.02), "one server: in service is the share of time it is busy"
    assert found.mean_batch == 1.0
    assert length_of_queue(served) == pytest.approx(found.waiting_ns * found.throughput_per_s * 1e-9)
    assert found.queue_depth == pytest.approx(length_of_queue(served))
    until = float(served.done.max())
    assert over_time(served.arrival, served.taken, until).mean() * until == pytest.approx(found.waiting_ns * FEW)
    # Time in an M/M/1 system is exponential, so its quantiles are known as well.
    assert found.latency_ns["p99"] == pytest.approx(-np.log(0.01) * SERVICE_NS / (1.0 - load), rel=0.1)


def length_of_queue(served: Served) -> float:
    """Mean over time: +1 at an arrival, -1 when one is taken."""
    times = np.concatenate([served.arrival, served.taken])
    steps = np.repeat([1, -1], len(served.arrival))
    order = np.lexsort((-steps, times))
    waiting = np.cumsum(steps[order])[:-1]
    return float((waiting * np.diff(times[order])).sum()) / (served.done.max() - served.arrival[0])


class Desk:
    """In place of a memory: one server with exponential times, whom every inference asks for one answer."""

    clock_MHz = 1e6  # a cycle is a picosecond
    weights = outputs = 0
    queued, lookahead = None, 0
    cached, cache_ns, word_ns = np.empty(0, dtype=np.int64), 0.0, 0.0

    def __init__(self, factors: np.ndarray):
        self.factors, self.free, self.answers = factors, 0.0, np.ones(1, dtype=np.int64)

    def session(self, places: int) -> Desk:
        return Desk(self.factors)

    def ask(self, what: int, which: np.ndarray, cycle: int) -> tuple[np.ndarray, np.ndarray]:
        ends = []
        for one in which:
            self.free = max(self.free, float(cycle)) + self.factors[one] * SERVICE_NS * 1000.0
            ends.append(self.free)
        return which, np.array(ends)

    def finish(self) -> None:
        return None


def test_two_queues_in_a_row_add_up() -> None:
    """Jackson, Operations Research 5(4), 1957: what leaves an M/M/1 queue is Poisson again, so a request spends in a
    lookup of load 0.5 and a pipeline of load 0.8 behind it what it would in each alone."""
    count, pace = 30_000, 0.8
    first, second = np.random.default_rng(7).standard_exponential((2, count))
    served = serve(
        Desk(first * 0.625), Pipeline(SERVICE_NS, SERVICE_NS), Batching(1, in_flight=4096),
        unit_arrivals(count) * (SERVICE_NS / pace), second,
    )  # fmt: skip
    mean, half = batch_means((served.done - served.arrival) / SERVICE_NS, 30)
    assert abs(mean - (0.625 / (1.0 - 0.5) + 1.0 / (1.0 - 0.8))) <= half
    looked_up, spread = batch_means((served.looked_up - served.arrival) / SERVICE_NS, 30)
    assert abs(looked_up - 0.625 / (1.0 - 0.5)) <= spread


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
        mean, half = batch_means(one, 30)
        held += abs(mean - 5.0) <= half
    assert held >= 385
    with pytest.raises(ValueError, match="batch means of 30 stretches need 31 values or more; got 5"):
        batch_means(np.zeros(5), 30)
