"""Two workers of a local Ray cluster beside one process, on the same points."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from pimsim.explore.evaluation import Piece, Setup, evaluate_piece
from pimsim.explore.executor import Executor
from pimsim.explore.request import request

from .fixture import BLOCK, COLUMNS, deep, space

BAR = 1.6
_PROBE = 20_000
_PIECE = 50_000
_TURNS = 5


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
    """Evaluate as many points as one process is busy with for `seconds`."""
    points = _points(seconds)
    setup = request(deep(), space(points), columns=COLUMNS).setup
    begun = time.monotonic()
    with Executor() as one, Executor(2, ray="local") as two:
        start_s = time.monotonic() - begun
        begun = time.monotonic()
        _timed(two, [Piece(at, at + 1000) for at in range(0, 8000, 1000)], setup)
        warm_s = time.monotonic() - begun
        pieces = [Piece(at, min(at + _PIECE, points)) for at in range(0, points, _PIECE)]
        one_s = two_s = 0.0
        equal = True
        for turn in range(_TURNS):  # in turns, so that what else the machine does strikes both alike
            own = pieces[turn::_TURNS]
            (first_s, first), (second_s, second) = _timed(one, own, setup), _timed(two, own, setup)
            one_s, two_s, equal = one_s + first_s, two_s + second_s, equal and first == second
    return Ray(points, one_s, two_s, start_s, warm_s, equal, seconds)


def _points(seconds: float) -> int:
    """A multiple of BLOCK that takes one process longer than `seconds`."""
    asked = request(deep(), space(10 * BLOCK), columns=COLUMNS)
    evaluate_piece(Piece(0, 1000), asked.setup)  # compiles
    begun = time.perf_counter()
    evaluate_piece(Piece(BLOCK, BLOCK + _PROBE), asked.setup)
    rate = _PROBE / (time.perf_counter() - begun)
    return BLOCK * max(1, round(1.6 * seconds * rate / BLOCK))


def _timed(executor: Executor, pieces: list[Piece], setup: Setup) -> tuple[float, list[bytes]]:
    begun = time.perf_counter()
    rows = list(executor.map(evaluate_piece, pieces, shared=setup))
    return time.perf_counter() - begun, rows
