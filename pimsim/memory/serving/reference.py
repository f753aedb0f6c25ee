"""The service once more, in simpy, on the simpy memory of `reference`: a reader can follow it, `serving.run` is held
against it.

Time is counted in cycles of the memory. The memory decides in the middle of a cycle what it does at its begin, so that
it sees everything that is asked for in that cycle. What is asked at one time goes in the order of inferences.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import simpy

from pimsim.memory.address import decode
from pimsim.memory.device import Device
from pimsim.memory.policy import Policy
from pimsim.memory.reference import Channel, Rank, Request
from pimsim.memory.rules import rules
from pimsim.memory.serving.service import Batching

Steps = Generator[simpy.Event, Any, None]
Access = tuple[int, bool]
"""Byte address, and whether it is written."""


@dataclass
class Inference:
    """Times of one, in cycles."""

    number: int
    arrival: float
    taken: float = -1.0
    looked_up: float = -1.0
    computing: float = -1.0
    computed: float = -1.0
    done: float = -1.0


class Bank(Channel):
    """A channel that goes on as long as the clock runs, and tells when the data of a request end."""

    ends: dict[int, simpy.Event]

    def run(self, clock: simpy.Environment) -> Steps:
        self.clock, self.coming = clock, []
        self.rules = rules(self.device, self.policy)
        self.ranks = [Rank(index) for index in range(self.device.organisation.ranks)]
        yield clock.timeout(0.5)
        while True:
            self.cycle(int(clock.now))
            yield clock.timeout(1)

    def act(self, request: Request, name: str, now: int, *more: Any) -> None:
        super().act(request, name, now, *more)
        if request.done >= 0:
            self.clock.process(self.end(request))

    def end(self, request: Request) -> Steps:
        yield self.clock.timeout(request.done - self.clock.now)
        self.ends.pop(request.number).succeed()


@dataclass
class Service:
    """Everything of a run. rows, inputs, weights, outputs: the accesses of inference i, as it asks for them. cached:
    its words in a cache; cache: when the first of them is there, and how long each keeps the port."""

    device: Device
    policy: Policy
    batching: Batching
    latency: Sequence[float]
    interval: Sequence[float]
    rows: Sequence[Sequence[Access]]
    inputs: Sequence[Sequence[Access]]
    weights: Sequence[Sequence[Access]]
    outputs: Sequence[Sequence[Access]]
    inferences: list[Inference]
    cached: Sequence[int]
    cache: tuple[float, float]
    asked: list[tuple[float, tuple[int, ...], Sequence[Access], list[simpy.Event]]] = field(default_factory=list)

    def run(self) -> None:
        """To the end of the last inference."""
        self.clock = simpy.Environment()
        self.ends: dict[int, simpy.Event] = {}
        self.banks = [Bank(self.device, self.policy, []) for _ in range(self.device.channels)]
        for bank in self.banks:
            bank.ends = self.ends
            self.clock.process(bank.run(self.clock))
        self.numbers = 0
        self.port = simpy.Resource(self.clock)
        self.places = simpy.Container(self.clock, init=self.batching.in_flight)
        self.batches = simpy.Store(self.clock)
        self.leaving = simpy.Store(self.clock)
        self.before: simpy.Event = self.clock.timeout(0)
        for process in (self.gate(), self.take(), self.compute()):
            self.clock.process(process)
        self.clock.run(self.clock.process(self.give_back()))

    def ask(self, turn: tuple[int, ...], accesses: Sequence[Access]) -> simpy.Event:
        """Ask the memory at the next clock edge; the event is the end of the last access. turn: who goes first of those
        that ask at one time: outputs (0), weights (1), rows of a batch (2), then its inputs; the oldest of each."""
        ends = [self.clock.event() for _ in accesses]
        self.asked.append((self.clock.now, turn, accesses, ends))
        return self.clock.all_of(ends)

    def gate(self) -> Steps:
        """At every clock edge, what was asked for goes to its channels."""
        yield self.clock.timeout(0.25)
        while True:
            edge = int(self.clock.now)
            due = sorted((one for one in self.asked if one[0] <= edge), key=lambda one: one[:2])
            for _, _, accesses, ends in due:
                for (address, write), end in zip(accesses, ends, strict=True):
                    at = {key: int(value) for key, value in decode(self.device, self.policy.mapping, address).items()}
                    place = (at["rank"], at["group"], at["bank"])
                    request = Request(self.numbers, place, at["row"], write, edge)
                    self.ends[self.numbers] = end
                    self.numbers += 1
                    self.banks[at["channel"] * self.device.organisation.pseudo_channels + at["pseudo"]].coming.append(
                        request
                    )
            self.asked = [one for one in self.asked if one[0] > edge]
            yield self.clock.timeout(1)

    def take(self) -> Steps:
        """Batches: when there is room for one and enough wait, or the oldest has waited long enough."""
        left = list(self.inferences)
        while left:
            yield self.places.get(1)
            due = left[0].arrival + self.batching.timeout_ns
            while True:
                waiting = [one for one in left if one.arrival <= self.clock.now][: self.batching.size]
                if waiting and (len(waiting) == self.batching.size or self.clock.now >= due):
                    break
                later = [one.arrival for one in left if one.arrival > self.clock.now]
                yield self.clock.timeout(min([*later[:1], *([due] if due > self.clock.now else [])]) - self.clock.now)
            del left[: len(waiting)]
            for one in waiting:
                one.taken = self.clock.now
            self.batches.put((waiting, [self.look_up(one, waiting[0].number) for one in waiting]))

    def look_up(self, one: Inference, batch: int) -> simpy.Event:
        """The rows and inputs of an inference. batch: its first one."""

        def steps() -> Steps:
            number = one.number
            rows = self.ask((2, batch, 0, number), self.rows[number])
            inputs = self.ask((2, batch, 1, number), self.inputs[number])
            yield rows & inputs & self.clock.process(self.from_cache(self.cached[number]))
            one.looked_up = self.clock.now

        return self.clock.process(steps())

    def from_cache(self, words: int) -> Steps:
        """The words of an inference in the cache, which has one port."""
        first, each = self.cache
        if words:
            with self.port.request() as turn:
                yield turn
                yield self.clock.timeout(words * each)
            yield self.clock.timeout(first - each)

    def compute(self) -> Steps:
        """The pipeline's entry: batch by batch, when all its rows are there; one inference after the other."""
        while True:
            batch, rows = yield self.batches.get()
            yield self.clock.all_of(rows)
            steps = []
            for one in batch:
                one.computing = self.clock.now
                self.before = done = self.clock.process(self.leave(one, self.before))
                steps.append(done)
                yield self.clock.timeout(self.interval[one.number])
            self.leaving.put(steps)

    def leave(self, one: Inference, before: simpy.Event) -> Generator[simpy.Event, Any, simpy.Event]:
        """An inference in the pipeline, up to its outputs; those of the one before leave first."""
        arithmetic = self.clock.timeout(self.latency[one.number])
        yield arithmetic & self.ask((1, one.number), self.weights[one.number]) & before
        one.computed = self.clock.now

        def steps() -> Steps:
            yield self.ask((0, one.number), self.outputs[one.number])
            one.done = self.clock.now

        return self.clock.process(steps())

    def give_back(self) -> Steps:
        """Batches give their places back in order, when all their inferences are done."""
        while any(one.done < 0 for one in self.inferences):
            batch = yield self.leaving.get()
            for computed in batch:
                written = yield computed
                yield written
            self.places.put(1)


def serve_reference(
    device: Device, policy: Policy, batching: Batching, latency: Sequence[float], interval: Sequence[float],
    rows: Sequence[Sequence[Access]], inputs: Sequence[Sequence[Access]], weights: Sequence[Sequence[Access]],
    outputs: Sequence[Sequence[Access]], arrivals: Sequence[float], cached: Sequence[int], cache: tuple[float, float],
) -> list[Inference]:  # fmt: skip
    """Times (in cycles, as all that is given, the timeout too) of an inference for each of `arrivals`."""
    policy.check(device)
    found = [Inference(number, at) for number, at in enumerate(arrivals)]
    assert all(math.isfinite(one.arrival) for one in found)
    Service(device, policy, batching, latency, interval, rows, inputs, weights, outputs, found, cached, cache).run()
    return found
