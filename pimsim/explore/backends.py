"""Where chunks run: in this process, or in processes of this machine. Ray has a file of its own."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from multiprocessing import Pipe

from pimsim.explore.tasks import Chunk, Job, Outcome, run_chunk
from pimsim.explore.threads import SINGLE_THREADED

MAX_LOSSES = 3
_BOOT = "import sys; sys.path[:] = {path!r}; from pimsim.explore.worker import main; main({handle})"


class WorkerLost(RuntimeError):
    """The same chunk has taken several workers with it."""


class Backend(ABC):
    """Runs up to `slots` chunks at once."""

    slots: int

    @abstractmethod
    def begin(self, job: Job) -> None:
        """What the chunks from here on belong to. Nothing is in flight when this is called."""

    @abstractmethod
    def submit(self, chunk: Chunk) -> None:
        """Start a chunk; at most `slots` are in flight."""

    @abstractmethod
    def wait(self, seconds: float | None) -> Outcome:
        """The next outcome, in whichever order they come. Raises TimeoutError after `seconds`, and WorkerLost."""

    @abstractmethod
    def abandon(self) -> None:
        """Give up everything in flight."""

    @abstractmethod
    def close(self) -> None:
        """Give up everything and free what was taken."""


class Serial(Backend):
    """In this process, one chunk after the other."""

    slots = 1

    def __init__(self) -> None:
        self._waiting: deque[Chunk] = deque()

    def begin(self, job: Job) -> None:
        self._job = job

    def submit(self, chunk: Chunk) -> None:
        self._waiting.append(chunk)

    def wait(self, seconds: float | None) -> Outcome:
        if seconds is not None and seconds <= 0.0:
            raise TimeoutError
        return run_chunk(self._job, self._waiting.popleft())

    def abandon(self) -> None:
        self._waiting.clear()

    close = abandon


class _Worker:
    """One process, with a thread that puts what it answers into `answers`."""

    def __init__(self, answers: queue.SimpleQueue[tuple[_Worker, Outcome | None]]):
        self.line, other = Pipe()
        command = [sys.executable, "-c", _BOOT.format(path=list(sys.path), handle=other.fileno())]
        # What a task prints goes to the error stream, since standard output is for the caller's answer.
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=2, pass_fds=[other.fileno()],
            env={**os.environ, **SINGLE_THREADED},
        )  # fmt: skip
        other.close()
        self.chunk: Chunk | None = None
        self.job: Job | None = None
        threading.Thread(target=self._listen, args=(answers,), daemon=True).start()

    def give(self, job: Job, chunk: Chunk) -> None:
        """Start `chunk`. A worker that has died meanwhile is noticed by its thread."""
        self.chunk = chunk
        try:
            if self.job is not job:
                self.line.send(job)
                self.job = job
            self.line.send(chunk)
        except OSError:
            pass  # `_listen` reports the loss, and the chunk is given to another

    def stop(self) -> None:
        """End the process; its thread closes the pipe."""
        self.process.kill()
        self.process.wait()

    def _listen(self, answers: queue.SimpleQueue[tuple[_Worker, Outcome | None]]) -> None:
        with self.line:
            try:
                while True:
                    answers.put((self, self.line.recv()))
            except (EOFError, OSError):  # the process has ended
                answers.put((self, None))


class Processes(Backend):
    """Fresh interpreters (nothing of this process is forked, and no script is run again) that live until `close`.

    A worker that is killed costs the chunk it was at, which another one does again; a chunk that takes MAX_LOSSES
    workers with it raises WorkerLost.
    """

    def __init__(self, workers: int):
        self.slots = workers
        self._idle: list[_Worker] = []
        self._busy: set[_Worker] = set()
        self._losses: dict[int, int] = {}
        self._answers: queue.SimpleQueue[tuple[_Worker, Outcome | None]] = queue.SimpleQueue()

    def begin(self, job: Job) -> None:
        self._job, self._losses = job, {}

    def submit(self, chunk: Chunk) -> None:
        while self._idle and self._idle[-1].process.poll() is not None:
            self._idle.pop().stop()  # it was killed while it had nothing to do
        worker = self._idle.pop() if self._idle else _Worker(self._answers)
        self._busy.add(worker)
        worker.give(self._job, chunk)

    def wait(self, seconds: float | None) -> Outcome:
        until = None if seconds is None else time.monotonic() + seconds
        while True:
            left = None if until is None else max(until - time.monotonic(), 0.0)
            try:
                worker, outcome = self._answers.get(timeout=left)
            except queue.Empty:
                raise TimeoutError from None
            if worker not in self._busy:
                continue  # a word of a worker that was given up
            self._busy.remove(worker)
            chunk = worker.chunk
            assert chunk is not None
            if outcome is not None:
                self._idle.append(worker)
                return outcome
            self._lost(worker, chunk)

    def _lost(self, worker: _Worker, chunk: Chunk) -> None:
        worker.stop()
        losses = self._losses[chunk.number] = self._losses.get(chunk.number, 0) + 1
        if losses == MAX_LOSSES:
            last = chunk.first + len(chunk.tasks) - 1
            raise WorkerLost(
                f"tasks {chunk.first} to {last} ended {losses} worker processes (the last with exit code "
                f"{worker.process.returncode}); is there enough memory? Fewer workers or smaller chunks need less"
            )
        self.submit(chunk)

    def abandon(self) -> None:
        for worker in self._busy:
            worker.stop()
        self._busy.clear()

    def close(self) -> None:
        self.abandon()
        for worker in self._idle:
            worker.stop()
        self._idle.clear()
