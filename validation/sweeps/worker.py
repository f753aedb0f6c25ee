"""A worker killed with signal 9 in the middle of a sweep: what is computed again?"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pimsim.explore.evaluation import Piece, Setup, evaluate_piece
from pimsim.explore.executor import Executor
from pimsim.explore.request import request

from .fixture import COLUMNS, deep, space

_PIECES = 40


@dataclass(frozen=True)
class Worker:
    """What was seen. again: pieces that were computed more than once."""

    where: str
    pieces: int
    begun: int
    again: list[int]
    equal: bool

    @property
    def held(self) -> bool:
        """Whether all that was promised is so."""
        return self.equal and self.begun == self.pieces + 1 and len(self.again) == 1

    def lines(self) -> Iterator[str]:
        """As printed."""
        yield f"{self.where:<31} {self.pieces} chunks, begun {self.begun} times; computed again: {self.again}"
        yield f"the same rows as undisturbed    {'yes' if self.equal else 'NO'}, to the bit"


def noted_piece(task: Piece, shared: tuple[str, Setup]) -> bytes:
    """`evaluate_piece`, leaving a mark `start-pid` when it begins and removing `busy` marks when it ends."""
    folder, setup = Path(shared[0]), shared[1]
    mark = f"{task.start}-{os.getpid()}-{os.urandom(4).hex()}"
    busy = folder / f"busy-{mark}"
    (folder / f"begun-{mark}").touch()
    busy.touch()
    rows = evaluate_piece(task, setup)
    busy.unlink()
    return rows


def worker(folder: Path, points: int, ray: str | None) -> Worker:
    """Sweep `points` points with two workers, one of which is killed at about a third of the way."""
    setup = request(deep(), space(points), columns=COLUMNS).setup
    size = points // _PIECES
    pieces = [Piece(at, min(at + size, points)) for at in range(0, points, size)]
    marks = folder / (ray or "processes")
    marks.mkdir()
    alone = [evaluate_piece(piece, setup) for piece in pieces]
    killer = threading.Thread(target=_kill_one, args=(marks, len(pieces) // 3))
    with Executor(2, ray=ray) as executor:
        killer.start()
        found = list(executor.map(noted_piece, pieces, shared=(str(marks), setup)))
    killer.join()
    starts = Counter(int(mark.name.split("-")[1]) for mark in marks.glob("begun-*"))
    again = [start // size for start, times in starts.items() if times > 1]
    where = "two workers of Ray" if ray else "two processes"
    return Worker(where, len(pieces), sum(starts.values()), again, found == alone)


def _kill_one(marks: Path, after: int) -> None:
    """Kill the worker that is busy when `after` pieces have begun."""
    while len(list(marks.glob("begun-*"))) < after:
        time.sleep(0.005)
    while True:
        for mark in marks.glob("busy-*"):
            os.kill(int(mark.name.split("-")[2]), signal.SIGKILL)
            return
        time.sleep(0.001)
