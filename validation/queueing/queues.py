"""Queues with one server, served by the engine of `pimsim serve`, and what is known of them.

L. Kleinrock, "Queueing Systems", vol. 1, Wiley 1975: M/M/1 in 3.2, the mean wait of any M/G/1 (Pollaczek-Khinchine) in
5.6; of it M/D/1 is the case of equal service times.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from pimsim.memory.device import load_device
from pimsim.memory.policy import Policy
from pimsim.memory.serving.banks import Banks
from pimsim.memory.serving.lookups import NOTHING
from pimsim.memory.serving.run import Pipeline, Served, serve
from pimsim.memory.serving.service import Batching, poisson_arrivals

Array = Any
SERVICE_NS = 1000.0
REQUESTS = 2_000_000
LOADS = (0.5, 0.8, 0.95)
LAWS = ("M/M/1", "M/D/1")
STRETCHES = 30


@dataclass(frozen=True)
class Point:
    """One queue at one load. expected, mean, half: mean wait by the closed form and as simulated, and half the width of
    its 99% interval, in mean service times."""

    law: str
    load: float
    requests: int
    expected: float
    mean: float
    half: float

    @property
    def holds(self) -> bool:
        """Whether the closed form lies in the interval."""
        return abs(self.mean - self.expected) <= self.half


def measure(law: str, load: float, requests: int = REQUESTS) -> Point:
    """The mean wait of a queue of LAWS at a load, simulated."""
    factors = service_factors(requests) if law == "M/M/1" else None
    served = one_server(load, requests, factors)
    mean, half = batch_means((served.taken - served.arrival) / SERVICE_NS, STRETCHES)
    return Point(law, load, requests, wait(load, 1.0 if law == "M/M/1" else 0.0), mean, half)


def wait(load: float, variation: float) -> float:
    """Mean wait in an M/G/1 queue (Pollaczek-Khinchine), in mean service times. variation: variance of the service time
    over its squared mean (1: exponential, 0: all alike)."""
    return load / (1.0 - load) * (1.0 + variation) / 2.0


def one_server(load: float, requests: int, factors: Array | None = None) -> Served:
    """Poisson arrivals at one server: the service with batches of one, one in flight, and nothing looked up."""
    arrivals = unit_arrivals(requests) * (SERVICE_NS / load)
    tables = Banks(NOTHING, load_device("ddr4_2400"), Policy())
    return serve(tables, Pipeline(SERVICE_NS, SERVICE_NS), Batching(size=1, in_flight=1), arrivals, factors)


@cache
def unit_arrivals(requests: int) -> Array:
    """A Poisson process of rate 1 a nanosecond, as `pimsim serve` makes it."""
    return poisson_arrivals(1e9, requests, seed=1)


@cache
def service_factors(requests: int) -> Array:
    """Exponential service times of mean 1."""
    return np.random.default_rng(2).standard_exponential(requests)


def batch_means(values: Array, stretches: int, level: float = 0.99) -> tuple[float, float]:
    """(mean, half width of its confidence interval) of a series that depends on its past, from the means of stretches
    of equal length (A. M. Law, "Simulation Modeling and Analysis", 5th ed., 9.5.3). The first stretch, in which the
    service warms up, is left out. Raises ValueError for fewer values than stretches and one more."""
    from scipy.stats import t

    length = len(values) // (stretches + 1)
    if not length:
        raise ValueError(f"batch means of {stretches} stretches need {stretches + 1} values or more; got {len(values)}")
    means = np.asarray(values)[length : length * (stretches + 1)].reshape(stretches, length).mean(axis=1)
    spread = float(means.std(ddof=1)) / math.sqrt(stretches)
    return float(means.mean()), float(t.ppf(0.5 + level / 2, stretches - 1)) * spread
