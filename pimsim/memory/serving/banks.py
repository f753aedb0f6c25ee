"""The memory as served inferences see it: a session takes what they ask, and says when the answers come."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from pimsim.errors import InputError
from pimsim.memory.device import Device
from pimsim.memory.near.result import NearResult
from pimsim.memory.placement.cache import CacheUse
from pimsim.memory.policy import Policy
from pimsim.memory.run import Memory, Result
from pimsim.memory.serving.kernel import OUTPUTS, ROWS, WEIGHTS
from pimsim.memory.serving.lookups import Lookups

Array = Any
_NONE = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Traffic:
    """Bytes that the arithmetic of an inference moves over the memory of the tables: inputs that the host has left
    there (read with the rows), weights that do not fit on the chip (read when the inference enters the pipeline), and
    outputs (written at its end)."""

    inputs_bytes: int = 0
    weights_bytes: int = 0
    outputs_bytes: int = 0

    def __post_init__(self) -> None:
        for name in ("inputs_bytes", "weights_bytes", "outputs_bytes"):
            if not 0 <= getattr(self, name) <= 2**32:
                raise InputError(f"traffic: {name} must be from 0 to {2**32:,}; got {getattr(self, name)}")


NO_TRAFFIC = Traffic()


class Room:
    """Where the traffic stands in the last bytes of a device: behind a place for inputs and outputs of each of `places`
    inferences under way, the weights. base: the first of these bytes. Raises InputError, with the sizes, where they
    do not fit behind the tables, whose last byte is `highest`."""

    def __init__(self, device: Device, traffic: Traffic, places: int, highest: int):
        self.places, self.access_bytes = places, device.access_bytes
        self.inputs, self.weights, self.outputs = (
            device.bursts(size) for size in (traffic.inputs_bytes, traffic.weights_bytes, traffic.outputs_bytes)
        )
        room = (places * (self.inputs + self.outputs) + self.weights) * self.access_bytes
        self.base = device.capacity_bytes - room
        if self.base <= highest:
            raise InputError(
                f"{device.name}: no room behind the tables for {room:,} bytes of inputs, outputs and weights of "
                f"{places:,} inferences; use a larger memory, or fewer batches in flight"
            )

    def of(self, what: int, which: Array) -> tuple[int, Array]:
        """(accesses of an inference, addresses of those of the inferences `which`): inputs are asked for with rows."""
        place = which % self.places * (self.inputs + self.outputs)
        if what == ROWS:
            count, first = self.inputs, place
        elif what == OUTPUTS:
            count, first = self.outputs, place + self.inputs
        else:
            assert what == WEIGHTS
            count, first = self.weights, np.full(len(which), self.places * (self.inputs + self.outputs))
        return count, (first[:, None] + np.arange(count)).ravel() * self.access_bytes + self.base


class Session(Protocol):
    """A memory while it serves. answers: that inference i mod len(answers) waits for when its batch is taken; weights,
    outputs: that every inference waits for. cached: words of inference i mod len(cached) in a cache (empty: none), the
    first after cache_ns, one every word_ns. queued: the memory in whose queues all of it waits, an answer coming
    `lookahead` cycles after a command at the earliest; None: every answer is known at once.
    """

    answers: Array
    cached: Array
    cache_ns: float
    word_ns: float
    weights: int
    outputs: int
    lookahead: int
    queued: Memory | None

    def ask(self, what: int, which: Array, cycle: int) -> tuple[Array, Array | None]:
        """The inferences `which` ask for rows (and inputs), for weights, or to write outputs. Cycles do not go back.
        Returns of every answer its inference, and its cycle (None where that is not known yet: it has the next number
        of an access of `queued`)."""
        ...

    def finish(self) -> Result | NearResult:
        """What the memory did; nothing is asked after it."""
        ...


class Tables(Protocol):
    """Tables on a memory, to be served once or again. clock_MHz: of the cycles of a session."""

    @property
    def clock_MHz(self) -> float: ...

    def session(self, places: int) -> Session:
        """A memory that has done nothing yet, for at most `places` inferences under way."""
        ...


@dataclass(frozen=True)
class Banks:
    """Lookups on the banks of a device, and what the arithmetic moves there: in its last bytes, the weights behind a
    place for inputs and outputs of each inference under way."""

    lookups: Lookups
    device: Device
    policy: Policy
    traffic: Traffic = NO_TRAFFIC

    @property
    def clock_MHz(self) -> float:
        """Of the device."""
        return self.device.clock_MHz

    def session(self, places: int) -> BankSession:
        """A memory that has done nothing yet. Raises InputError, with the sizes, where the traffic does not fit behind
        the tables."""
        return BankSession(self, places)


class BankSession:
    """See `Session`. Every access is an answer."""

    def __init__(self, own: Banks, places: int):
        self.lookups = own.lookups
        self.memory = Memory(own.device, own.policy, done_times=True)
        self.queued = self.memory if own.policy.scheduler == "frfcfs" else None
        self.room = Room(own.device, own.traffic, places, own.lookups.highest)
        self.weights, self.outputs = self.room.weights, self.room.outputs
        self.answers = np.diff(own.lookups.first) + self.room.inputs
        cache, self.use = own.lookups.cache, CacheUse()
        self.cached = _NONE if own.lookups.cached is None else own.lookups.cached
        self.cache_ns, self.word_ns = (0.0, 0.0) if cache is None else (cache.latency_ns, cache.word_ns)
        self.lookahead = min(own.device.timing.tCL, own.device.timing.tCWL) + own.device.timing.burst

    def ask(self, what: int, which: Array, cycle: int) -> tuple[Array, Array | None]:
        """Rows of all inferences come first, then their inputs."""
        owners, address, write = _NONE, _NONE, None
        if what == ROWS:
            at = which % self.lookups.inferences
            owners = np.repeat(which, self.lookups.first[at + 1] - self.lookups.first[at])
            address, write = self.lookups.of(at)
            if self.lookups.cached is not None and self.lookups.requests is not None:
                self.use.words += int(self.lookups.cached[at].sum())
                self.use.requests += int(self.lookups.requests[at].sum())
        count, more = self.room.of(what, which)
        if count:
            owners, address = np.concatenate([owners, np.repeat(which, count)]), np.concatenate([address, more])
        if what == OUTPUTS:
            write = np.ones(len(address), dtype=np.uint8)
        elif write is not None:
            write = np.concatenate([write, np.zeros(len(address) - len(write), dtype=np.uint8)])
        return owners, self.memory.feed(address, write, np.full(len(address), cycle, dtype=np.int64))

    def finish(self) -> Result:
        """See `Session.finish`; with the cache's energy."""
        result, cache = self.memory.finish(), self.lookups.cache
        if cache is None:
            return result
        return replace(result, energy_pJ={**result.energy_pJ, **cache.energy_pJ(self.use, result.time_ns)})
