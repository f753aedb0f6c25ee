"""Runs a task over many items in processes that may crash or hang: either is an outcome, and the rest goes on."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

Task = Callable[[Any], Any]


@dataclass(frozen=True)
class Lost:
    """What became of an item without a result."""

    how: str


@dataclass
class _Worker:
    process: Any
    pipe: Connection
    item: Any = None
    since: float = 0.0
    busy: bool = False
    fresh: bool = True  # its imports are not the item's time


def _serve(make_task: Callable[[], Task], pipe: Connection, limit_s: float) -> None:
    task = make_task()
    pipe.send(None)  # ready
    while True:
        item = pipe.recv()
        signal.setitimer(signal.ITIMER_PROF, limit_s)  # its signal ends the process, inside native code too
        result = task(item)
        signal.setitimer(signal.ITIMER_PROF, 0)
        pipe.send(result)


def run(
    make_task: Callable[[], Task], items: Iterable[Any], *, workers: int, limit_s: float, patience_s: float = 120.0
) -> list[tuple[Any, Any]]:
    """(item, result) in the order of completion; `Lost` for an item whose process died or took longer than limit_s.

    limit_s is processor time, so that a busy machine makes no difference; patience_s is how long a process may sit
    without using any. make_task runs once in each process and returns the task; both must be importable there.
    """
    context = multiprocessing.get_context("spawn")

    def start() -> _Worker:
        here, there = context.Pipe()
        process = context.Process(target=_serve, args=(make_task, there, limit_s), daemon=True)
        process.start()
        there.close()
        return _Worker(process, here, since=time.monotonic())

    pending, outcomes = iter(items), []
    pool = [start() for _ in range(workers)]

    def feed(worker: _Worker) -> None:
        worker.busy = False
        for item in pending:
            worker.item, worker.busy, worker.since = item, True, time.monotonic()
            worker.pipe.send(item)
            return

    def lose(worker: _Worker, how: str) -> None:
        worker.process.kill()
        worker.process.join()
        worker.pipe.close()
        if worker.fresh:
            raise RuntimeError(f"a worker {how} before its first item")
        outcomes.append((worker.item, Lost(how)))
        pool[pool.index(worker)] = start()

    while any(w.busy or w.fresh for w in pool):
        ready = wait([w.pipe for w in pool if w.busy or w.fresh], timeout=0.5)
        for worker in list(pool):
            if worker.pipe in ready:
                try:
                    result = worker.pipe.recv()
                except EOFError:
                    worker.process.join()
                    code = worker.process.exitcode
                    hung = code == -signal.SIGPROF
                    lose(worker, f"took more than {limit_s} s" if hung else f"died with exit code {code}")
                    continue
                if worker.fresh:
                    worker.fresh = False
                else:
                    outcomes.append((worker.item, result))
                feed(worker)
            elif (worker.busy or worker.fresh) and time.monotonic() - worker.since > patience_s:
                lose(worker, f"gave no answer in {patience_s} s")
    for worker in pool:
        worker.process.kill()
        worker.process.join()
    return outcomes
