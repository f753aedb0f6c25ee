"""Two workers of a local Ray cluster beside one process, on the same points."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from pimsim.explore.evaluation import Piece, evaluate_piece
from pimsim.explore.executor import Executor
from pimsim.explore.parquet_file import encoded
from pimsim.explore.request import Request, request
from pimsim.explore.sweep import run

from .fixture import BLOCK, COLUMNS, deep, space

BAR = 1.6
_PROBE = 20_000


@dataclass(frozen=True)
class Ray:
    """What was seen. start_s: until the cluster is up; warm_s: until its workers have loaded everything."""

    points: int
    one_s: float
    two_s: float
    start_s: float
    warm_s: float
    equal: bool
    least_s: float

    @property
    def held(self) -> bool:
        """Whether all that was promised is so."""
        return self.equal and self.one_s >= self.least_s and self.one_s / self.two_s >= BAR

    def lines(self) -> Iterator[str]:
        """As printed."""
        yield f"points                          {self.points:,} of a network of 60 layers, balanced replication"
        yield f"one process                     {self.one_s:.1f} s (at least {self.least_s:g} s)"
        faster = self.one_s / self.two_s
        yield f"two workers of Ray              {self.two_s:.1f} s, {faster:.2f} times faster (bar {BAR})"
        yield f"start-up, not counted           {self.start_s:.1f} s for Ray, {self.warm_s:.1f} s for its workers"
        yield f"the same table                  {'yes' if self.equal else 'NO'}, to the bit"


def ray(seconds: float) -> Ray:
    """Sweep as many points as one process is busy with for `seconds`."""
    with Executor() as executor:
        points = _points(seconds)
        asked = request(deep(), space(points), columns=COLUMNS)
        one_s, one = _timed(asked, executor)
    begun = time.monotonic()
    with Executor(2, ray="local") as executor:
        start_s = time.monotonic() - begun
        begun = time.monotonic()
        pieces = [Piece(at, at + 1000) for at in range(0, 8000, 1000)]
        for _ in executor.map(evaluate_piece, pieces, shared=asked.setup):
            pass
        warm_s = time.monotonic() - begun
        two_s, two = _timed(asked, executor)
    return Ray(points, one_s, two_s, start_s, warm_s, one == two, seconds)


def _points(seconds: float) -> int:
    """A multiple of BLOCK that takes one process a little longer than `seconds`."""
    asked = request(deep(), space(10 * BLOCK), columns=COLUMNS)
    evaluate_piece(Piece(0, 1000), asked.setup)  # compiles
    begun = time.perf_counter()
    evaluate_piece(Piece(BLOCK, BLOCK + _PROBE), asked.setup)
    rate = _PROBE / (time.perf_counter() - begun)
    return BLOCK * max(1, round(1.25 * seconds * rate / BLOCK))


def _timed(asked: Request, executor: Executor) -> tuple[float, bytes]:
    begun = time.perf_counter()
    done = run(asked, executor, None)
    seconds = time.perf_counter() - begun
    assert done.table is not None
    return seconds, encoded(done.table)
