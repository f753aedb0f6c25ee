"""One way to run many tasks: in this process, in processes of this machine, or on Ray. The results do not tell which.

    with Executor(workers=4) as executor:
        for result in executor.map(my_module.train_client, clients, seed=7, shared=weights):
            ...

A task function stands at the top level of an importable module and is called as `function(task)`, with `shared=` when
something is shared and with `rng=` (a numpy Generator of that task alone) when there is a seed. Sweeps, searches and
federated rounds all go through here.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from pimsim.errors import InputError, printable
from pimsim.explore.backends import Backend, Processes, Serial, WorkerLost
from pimsim.explore.tasks import Chunk, Job, Outcome, entropy, reference

__all__ = ["MAX_WORKERS", "Executor", "WorkerLost"]

MAX_WORKERS = 1024
_AHEAD = 4  # chunks a worker that `map` runs ahead of the one whose results are due


class Executor:
    """Runs tasks; a context manager that leaves no process behind.

    workers: 0 runs in this process, N in N worker processes that stay up from call to call; with `ray` as many of its
        workers (None: all of the cluster, or of this machine).
    ray: address of a Ray cluster ("auto", "ray://host:port"), or "local" for one on the loopback address.

    The same tasks and seed give the same bits on every back end: a task's generator depends on its number alone, and
    numerical libraries use one thread. A worker that is killed costs its chunk, which is done again; a chunk that ends
    three workers raises WorkerLost. Leaving the iteration early (break, an exception, Ctrl-C) gives up what is running.
    """

    def __init__(self, workers: int | None = 0, ray: str | None = None):
        if workers is not None and (isinstance(workers, bool) or not 0 <= workers <= MAX_WORKERS):
            raise InputError(f"workers must be 0 (this process) to {MAX_WORKERS}; got {printable(workers, 40)}")
        self._backend: Backend = _backend(workers, ray)
        self._running = False

    @property
    def workers(self) -> int:
        """How many chunks run at once."""
        return self._backend.slots

    def map(
        self,
        function: Callable[..., Any],
        tasks: Iterable[Any],
        *,
        seed: int | Sequence[int] | None = None,
        shared: Any = None,
        chunk_size: int = 1,
        timeout_s: float | None = None,
    ) -> Iterator[Any]:
        """Results of `function` on `tasks`, in the order of `tasks`, which are taken as they are needed.

        seed: every task gets a generator of its own, `SeedSequence(seed).spawn(n)[its number]`; (seed, round) works.
        shared: sent once to each worker. chunk_size: tasks that travel together; more for tasks under a millisecond.
        timeout_s: seconds from the first result asked for; TimeoutError then (within this process after the chunk).
        Raises what a task raises, with the worker's traceback as a note.
        """
        ready: dict[int, Outcome] = {}
        due = _Due()
        for outcome in self._run(function, tasks, seed, shared, chunk_size, timeout_s, due):
            ready[outcome.number] = outcome
            while due.number in ready:
                yield from _results(ready.pop(due.number))
                due.number += 1

    def completed(
        self,
        function: Callable[..., Any],
        tasks: Iterable[Any],
        *,
        seed: int | Sequence[int] | None = None,
        shared: Any = None,
        timeout_s: float | None = None,
    ) -> Iterator[tuple[int, Any]]:
        """(number of the task, result) as tasks finish, in whichever order; otherwise like `map`.

        A worker gets its next task when the caller comes back for the next result: a caller that keeps each result
        first loses, when it is killed, no more than one task a worker.
        """
        for outcome in self._run(function, tasks, seed, shared, 1, timeout_s, None):
            yield outcome.number, _results(outcome)[0]

    def close(self) -> None:
        """Give up what is running and end the workers. An executor that was closed starts new ones when used again."""
        self._backend.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(
        self,
        function: Callable[..., Any],
        tasks: Iterable[Any],
        seed: int | Sequence[int] | None,
        shared: Any,
        chunk_size: int,
        timeout_s: float | None,
        due: _Due | None,
    ) -> Iterator[Outcome]:
        """Outcomes of chunks as they finish. `due` keeps the work from running far ahead of what is used; without it
        no chunk is started while the caller has an outcome in hand."""
        if chunk_size < 1:
            raise InputError(f"chunk_size must be 1 or more; got {chunk_size}")
        if self._running:
            raise RuntimeError("this executor is in the middle of another call; use a second one")
        backend = self._backend
        job = Job(reference(function), shared, entropy(seed))
        chunks = _chunks(tasks, chunk_size)
        until = None if timeout_s is None else time.monotonic() + timeout_s
        flying = 0
        self._running = True
        backend.begin(job)
        try:
            flying = self._fill(chunks, flying, due)
            while flying:
                outcome = backend.wait(None if until is None else until - time.monotonic())
                flying -= 1
                if due:  # before the caller takes its time over this one
                    flying = self._fill(chunks, flying, due)
                yield outcome
                flying = self._fill(chunks, flying, due)
        finally:
            self._running = False
            backend.abandon()

    def _fill(self, chunks: Iterator[Chunk], flying: int, due: _Due | None) -> int:
        """Start chunks while there is room; how many are in flight then."""
        slots = self._backend.slots
        while flying < slots and not (due and due.submitted - due.number >= _AHEAD * slots):
            chunk = next(chunks, None)
            if chunk is None:
                break
            self._backend.submit(chunk)
            flying += 1
            if due:
                due.submitted += 1
        return flying


@dataclass
class _Due:
    """How far `map` has come: the chunk whose results are next, and how many were started."""

    number: int = 0
    submitted: int = 0


def _backend(workers: int | None, ray: str | None) -> Backend:
    if ray is not None:
        from pimsim.explore.ray_backend import Ray

        return Ray(ray, workers or None)
    return Processes(workers) if workers else Serial()


def _chunks(tasks: Iterable[Any], size: int) -> Iterator[Chunk]:
    remaining = iter(tasks)
    for number in itertools.count():
        taken = tuple(itertools.islice(remaining, size))
        if not taken:
            return
        yield Chunk(number, number * size, taken)


def _results(outcome: Outcome) -> list[Any]:
    if outcome.fault is None:
        return outcome.results
    if outcome.where:
        outcome.fault.add_note(f"in the worker:\n{outcome.where}")
    raise outcome.fault
