"""The other end of the process pool: takes jobs and chunks from a pipe and sends outcomes back on it."""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
from multiprocessing.connection import Connection
from typing import Any

from pimsim.explore.tasks import Job, Outcome, run_chunk


def main(handle: int) -> None:
    """Serve the connection `handle` until its other end is closed; a chunk that is running then is given up at once."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the caller's to handle
    line: Connection[Any, Any] = Connection(handle)
    waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(line, waiting), daemon=True).start()
    job: Job | None = None
    while True:
        order = waiting.get()
        if isinstance(order, Job):
            job = order
            continue
        assert job is not None
        _answer(line, run_chunk(job, order))


def _listen(line: Connection[Any, Any], waiting: queue.SimpleQueue[Any]) -> None:
    try:
        while True:
            waiting.put(line.recv())
    except (EOFError, ConnectionResetError):
        os._exit(0)
    except BaseException as fault:  # an order that cannot be read: say why, so that the caller sees more than an exit
        print(f"pimsim worker: cannot read an order: {fault!r}", file=sys.stderr)
        os._exit(1)


def _answer(line: Connection[Any, Any], outcome: Outcome) -> None:
    try:
        line.send(outcome)
    except (BrokenPipeError, ConnectionResetError):
        os._exit(0)
    except Exception as fault:  # results or an exception that cannot be pickled
        words = f"what the task gave cannot be sent back ({fault}); its own fault: {outcome.where or 'none'}"
        line.send(Outcome(outcome.number, [], RuntimeError(words), outcome.where))
