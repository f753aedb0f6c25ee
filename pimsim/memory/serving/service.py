"""Arrivals, the rule of batches, and the figures of a service.

A batch is taken when there is room for it and either `size` requests wait or the oldest has waited for `timeout_ns`; it
holds what has arrived by then, at most `size`, first come first. With size 1 and one batch in flight this is the
single-server queue, whose waiting time under Poisson arrivals is known in closed form: `python -m validation.queueing`
holds the service to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pimsim.errors import InputError, printable

Array = Any
QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
MAX_BATCH = 65536
PIECES = 100
"""Stretches of time of which utilisation and queue are told."""


@dataclass(frozen=True)
class Batching:
    """size: requests of a batch at most. timeout_ns: how long the oldest waits for the batch to fill (0: not at all).
    in_flight: batches that may be under way at once; the next is taken when one of them is done."""

    size: int = 1
    timeout_ns: float = 0.0
    in_flight: int = 1

    def __post_init__(self) -> None:
        limits = (("size", 1, MAX_BATCH), ("timeout_ns", 0.0, 1e15), ("in_flight", 1, 4096))
        for name, low, high in limits:
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputError(f"batching: {name} must be from {low:,} to {high:,}; got {printable(value, 40)}")


def poisson_arrivals(rate_per_s: float, count: int, seed: int) -> Array:
    """Arrival times (ns, float64) of `count` requests of a Poisson process. Raises InputError for no such rate."""
    if not 1e-3 <= rate_per_s <= 1e12:
        raise InputError(f"the rate must be from 0.001 to 1e12 requests a second; got {printable(rate_per_s, 40)}")
    gaps = np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(4,)))).standard_exponential(
        count
    )
    return np.cumsum(gaps) * (1e9 / rate_per_s)


@dataclass(frozen=True)
class ServiceFigures:
    """Of a service: quantiles and mean of the latency from arrival to done; requests a second from the first arrival to
    the last done; queue_depth: requests that have arrived and are not taken yet, mean over time; in_service: taken and
    not done, mean over time; mean_batch: requests of a batch."""

    requests: int
    latency_ns: dict[str, float]
    mean_ns: float
    waiting_ns: float
    throughput_per_s: float
    queue_depth: float
    in_service: float
    mean_batch: float
    span_ns: float

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self)


def figures(arrivals: Array, begin: Array, done: Array) -> ServiceFigures:
    """The figures of requests that arrived, were taken and were done then (ns). Raises InputError for none."""
    if not len(arrivals):
        raise InputError("no request was served")
    latency = done - arrivals
    span = float(done.max() - arrivals[0])
    per_ns = 1.0 / span if span > 0.0 else 0.0
    batches = 1 + int(np.count_nonzero(np.diff(begin)))
    return ServiceFigures(
        requests=len(arrivals),
        latency_ns={name: float(np.quantile(latency, share, method="higher")) for name, share in QUANTILES.items()},
        mean_ns=float(latency.mean()),
        waiting_ns=float((begin - arrivals).mean()),
        throughput_per_s=len(arrivals) * per_ns * 1e9,
        queue_depth=float((begin - arrivals).sum()) * per_ns,  # the time-average by Little's law
        in_service=float((done - begin).sum()) * per_ns,
        mean_batch=len(arrivals) / batches,
        span_ns=span,
    )


def over_time(begin: Array, end: Array, until: float, pieces: int = PIECES) -> Array:
    """How many of the intervals [begin, end) are open, mean over each of `pieces` equal stretches from 0 to `until`."""
    edges = np.linspace(0.0, until, pieces + 1)
    # The time that n intervals have been open by t is the sum of min(t, end) - min(t, begin).
    spent = [float((np.minimum(edge, end) - np.minimum(edge, begin)).sum()) for edge in edges]
    width = until / pieces
    return np.diff(spent) / width if width > 0.0 else np.zeros(pieces)


def saturation(stable: Callable[[float], bool], low: float, high: float, steps: int = 20) -> tuple[float, float]:
    """The rates between which a service goes over from `stable(rate)` to not, by bisection over the logarithm:
    (largest rate seen stable, smallest seen not). Raises InputError when `low` is not stable, or `high` is."""
    if not stable(low):
        raise InputError(f"the service does not keep up even with {low:g} requests a second")
    if stable(high):
        raise InputError(f"the service keeps up with {high:g} requests a second; look higher")
    for _ in range(steps):
        middle = math.sqrt(low * high)
        if stable(middle):
            low = middle
        else:
            high = middle
    return low, high
