"""Serving inferences: their lookups on the banks of a memory, their arithmetic in a pipeline.

A batch is taken as `serving.service` says, as long as fewer than `in_flight` are under way. All its lookups, and the
inputs that its arithmetic reads, go to the memory at that moment. When the last one is there, the batch enters the
compute pipeline behind the batch before; its inferences follow each other at the pipeline's interval, ask for the
weights that do not fit on the chip as they enter, and write their outputs when they are computed. Everything meets at
the same banks, behind what was asked before; open rows and refreshes carry on. The rules once more, in simpy:
`serving.reference`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from pimsim.errors import InputError
from pimsim.jit import suited
from pimsim.memory.near.result import NearResult
from pimsim.memory.run import Result
from pimsim.memory.serving import kernel as sk
from pimsim.memory.serving.banks import Session, Tables
from pimsim.memory.serving.service import Batching, ServiceFigures, figures

Array = Any
SLACK = 1e-6
"""Of a cycle: what is asked waits for the next clock edge, unless it is no more than this behind one."""
TURNS = 100
"""Of the loops, an inference (`pimsim.jit.suited`)."""


@dataclass(frozen=True)
class Pipeline:
    """The arithmetic of an inference: how long it takes, how soon the next may follow, its energy; and the power that
    the chip draws whether or not it computes."""

    latency_ns: float
    interval_ns: float
    energy_pJ: float = 0.0
    static_mW: float = 0.0

    def __post_init__(self) -> None:
        if not (0.0 <= self.interval_ns <= self.latency_ns <= 1e15 and self.energy_pJ >= 0.0 and self.static_mW >= 0.0):
            got = f"{self.interval_ns:g} and {self.latency_ns:g}"
            raise InputError(f"a pipeline has 0 <= interval_ns <= latency_ns <= 1e15; got {got}")


@dataclass(frozen=True)
class Served:
    """When (ns) each inference arrived, was taken, had its last row, entered the pipeline, was computed and was done
    (its outputs written); and what the memory says of the whole."""

    arrival: Array
    taken: Array
    looked_up: Array
    computing: Array
    computed: Array
    done: Array
    memory: Result | NearResult
    pipeline: Pipeline

    def figures(self) -> ServiceFigures:
        """Quantiles of latency, throughput and queue."""
        return figures(self.arrival, self.taken, self.done)

    @property
    def energy_pJ(self) -> dict[str, dict[str, float]]:
        """Energy of an inference: of the memory, by part, and of the arithmetic; `background` and `static` are drawn
        with time, whatever is served."""
        count = max(1, len(self.arrival))
        until = float(self.done.max()) if len(self.done) else 0.0
        return {
            "memory": {part: value / count for part, value in self.memory.energy_pJ.items()},
            "compute": {"dynamic": self.pipeline.energy_pJ, "static": self.pipeline.static_mW * until / count},
        }


def serve(
    tables: Tables, pipeline: Pipeline, batching: Batching, arrivals: Array, factors: Array | None = None
) -> Served:
    """Serve an inference for each of `arrivals` (ns, none before the one ahead); they look up what those of `tables`
    do, from the begin again after the last. factors: latency and interval of each in the pipeline, over those of
    `pipeline` (None: 1). Raises InputError for arrivals that go back, and factors that are not as many."""
    at = np.ascontiguousarray(arrivals, dtype=np.float64)
    if len(at) and (at[0] < 0.0 or (np.diff(at) < 0.0).any()):
        number = int(np.argmax(np.diff(at, prepend=0.0) < 0.0))
        raise InputError(f"arrivals do not go back; request {number:,} comes before the one ahead of it")
    given = np.empty(0) if factors is None else np.ascontiguousarray(factors, dtype=np.float64)
    if factors is not None and (len(given) != len(at) or not (given >= 0.0).all()):
        raise InputError(f"a factor from 0 on for each of {len(at):,} requests is needed; got {len(given):,}")
    service = _Service(tables, pipeline, batching, at, given)
    service.run()
    memory = service.session.finish()
    rows, outputs = service.last[sk.ROWS], service.last[sk.OUTPUTS]
    return Served(at, service.begin, rows, service.computing, service.computed, outputs, memory, pipeline)


class _Service:
    """Arrays of one run, and the memory's answers that are awaited."""

    def __init__(self, tables: Tables, pipeline: Pipeline, batching: Batching, at: Array, factors: Array):
        count = len(at)
        self.session: Session = tables.session(batching.size * batching.in_flight)
        self.cycle_ns = 1000.0 / tables.clock_MHz
        self.begin, self.computing, self.computed = (np.zeros(count) for _ in range(3))
        self.left, self.last = np.zeros((3, count), dtype=np.int64), np.zeros((3, count))
        self.state, self.times = np.zeros(sk.STATES, dtype=np.int64), np.zeros(sk.TIMES)
        starts, ended = np.zeros(count + 1, dtype=np.int64), np.zeros(count)
        self.before = (
            at, batching.size, float(batching.timeout_ns), batching.in_flight, float(pipeline.latency_ns),
            float(pipeline.interval_ns), factors, self.session.answers, self.session.weights, self.session.outputs,
            self.session.cached, float(self.session.cache_ns), float(self.session.word_ns),
        )  # fmt: skip
        self.after = (
            self.begin, self.computing, self.computed, self.left, self.last, starts, ended, self.state, self.times
        )  # fmt: skip
        self.starts = starts
        self.step = suited(TURNS * count, sk.step, *sk.STEP)
        self.settle = suited(TURNS * count, sk.settle)
        self.queued = self.session.queued
        if self.queued is not None:
            # Rows lead to nothing before the arithmetic is over, unless weights are fetched as it begins.
            least = pipeline.latency_ns * (float(factors.min()) if len(factors) else 1.0) / self.cycle_ns
            more = 0 if self.session.weights else max(0, math.floor(least) - 1)
            self.ahead = (self.session.lookahead, more, bool((self.session.answers > 0).all()), self.cycle_ns)
            self.step = suited(TURNS * count, sk.until_asked, *sk.UNTIL_ASKED)
            self.answered = suited(TURNS * count, sk.answered)
            self.ends = np.empty((self.queued.waiting, 2), dtype=np.int64)
        self.waits, self.jobs, self.asked = np.zeros(sk.WAITS, dtype=np.int64), np.empty(1024, dtype=np.int64), 0

    def run(self) -> None:
        """To the end of the last inference."""
        while True:
            told = self._until_asked()
            if told == sk.END:
                return
            assert told != sk.WAIT, "nothing to wait for"
            self._ask(told)

    def _until_asked(self) -> int:
        """What the memory is asked next."""
        if self.queued is None:
            return int(self.step(*self.before, sk.LATER, *self.after))
        told = self.step(
            self.before, self.after, *self.ahead, self.waits, self.jobs, self.ends, self.queued.nothing,
            self.queued.scheduled,
        )  # fmt: skip
        self.queued.keep(self.ends[: self.waits[sk.W_SERVED]])
        return int(told)

    def _ask(self, told: int) -> None:
        """What was stopped for."""
        batches = int(self.state[sk.S_BATCHES])
        what, which = {
            sk.TAKE: (sk.ROWS, np.arange(self.starts[batches - 1], self.starts[batches])),
            sk.READ: (sk.WEIGHTS, np.arange(self.state[sk.S_READ] - 1, self.state[sk.S_READ])),
            sk.WRITE: (sk.OUTPUTS, np.arange(self.state[sk.S_WRITTEN] - 1, self.state[sk.S_WRITTEN])),
        }[told]
        cycle = math.ceil(self.times[sk.T_NOW] / self.cycle_ns - SLACK)
        owners, ends = self.session.ask(what, which, cycle)
        jobs = owners + what * len(self.begin)
        if self.queued is None:
            self.settle(jobs, ends, self.cycle_ns, self.left, self.last)
            return
        waits = self.waits
        if not waits[sk.W_AWAITED]:
            waits[sk.W_REACHED] = max(waits[sk.W_REACHED], cycle)
        while self.asked + len(jobs) > len(self.jobs):
            self.jobs = np.concatenate([self.jobs, np.empty_like(self.jobs)])
        self.jobs[self.asked : self.asked + len(jobs)] = jobs
        self.asked += len(jobs)
        waits[sk.W_AWAITED] += len(jobs)
        if what != sk.ROWS:
            waits[sk.W_URGENT] += len(jobs)
        fresh = self.queued.told()  # those that had to go for others to enter a queue
        self.answered(fresh, self.jobs, self.cycle_ns, waits, self.left, self.last)
