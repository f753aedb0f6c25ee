"""The other end of the process pool: reads chunks from standard input, writes outcomes to standard output.

A frame is its length (8 bytes) and a pickle; both ends are processes of one run, on a pipe that nobody else has.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import struct
import sys
import threading
from typing import IO, Any

from pimsim.explore.tasks import Job, Outcome, run_chunk

_LENGTH = struct.Struct("<Q")


def send(stream: IO[bytes], value: object) -> None:
    """Write one frame."""
    data = pickle.dumps(value, protocol=5)
    stream.write(_LENGTH.pack(len(data)))
    stream.write(data)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """The next frame; EOFError when the other end has gone."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        raise EOFError
    data = stream.read(_LENGTH.unpack(head)[0])
    if len(data) < _LENGTH.unpack(head)[0]:
        raise EOFError
    return pickle.loads(data)


def main() -> None:
    """Serve until the other end closes the pipe; a chunk that is running then is given up at once."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt is the caller's to handle
    orders = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)  # what a task prints must not end up between two frames
    waiting: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(orders, waiting), daemon=True).start()
    job: Job | None = None
    while True:
        order = waiting.get()
        if isinstance(order, Job):
            job = order
            continue
        assert job is not None
        _answer(answers, run_chunk(job, order))


def _listen(orders: IO[bytes], waiting: queue.SimpleQueue[Any]) -> None:
    try:
        while True:
            waiting.put(receive(orders))
    except EOFError:
        os._exit(0)
    except BaseException as fault:  # an order that cannot be read: say why, so that the caller sees more than an exit
        print(f"pimsim worker: cannot read an order: {fault!r}", file=sys.stderr)
        os._exit(1)


def _answer(answers: IO[bytes], outcome: Outcome) -> None:
    try:
        send(answers, outcome)
    except BrokenPipeError:
        os._exit(0)
    except Exception as fault:  # results or an exception that cannot be pickled
        words = f"what the task gave cannot be sent back ({fault}); its own fault: {outcome.where or 'none'}"
        send(answers, Outcome(outcome.number, [], RuntimeError(words), outcome.where))
