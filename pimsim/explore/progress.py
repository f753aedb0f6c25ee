"""How far a sweep has come: a bar on the error stream, and how it ended."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from pimsim.cost.table import Table

COMPILING = "compiling kernels (once)"


class Progress(Protocol):
    """Is told how far a sweep has come."""

    def __call__(self, done: int, total: int) -> None:
        """`done` of `total` points are there."""


@dataclass(frozen=True)
class Done:
    """How a sweep ended. points: gone through, of `total`; what constraints rule out counts, and has no row.
    computed: points computed in this run. table: the rows, where no file was asked for."""

    points: int
    total: int
    computed: int
    table: Table | None = None

    @property
    def complete(self) -> bool:
        """Whether nothing is left to do."""
        return self.points >= self.total


@contextmanager
def bar(wanted: bool | None, what: str = "points") -> Iterator[Progress | None]:
    """What moves a bar of `what` on stderr; None where no bar is wanted (`wanted` None: one on a terminal only). Where
    stderr is no terminal, a bar is a line every ten seconds."""
    terminal = sys.stderr.isatty()
    if wanted is False or (wanted is None and not terminal):
        yield None
    elif not terminal:
        yield _Lines(what)
    else:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        columns = (
            TextColumn(what), BarColumn(), MofNCompleteColumn(), TextColumn(f"{{task.fields[rate]}} {what}/s"),
            TimeRemainingColumn(),
        )  # fmt: skip
        with Bar(*columns, console=Console(stderr=True), transient=True) as shown:
            task = shown.add_task(what, total=None, rate="-")
            pace = Pace()
            yield lambda done, total: shown.update(task, completed=done, total=total, rate=pace.rate(done))


@contextmanager
def slow(words: str, after_s: float = 2.0) -> Iterator[None]:
    """`words` on stderr when what is done here takes longer than `after_s`."""
    timer = threading.Timer(after_s, lambda: print(words, file=sys.stderr, flush=True))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


class Pace:
    """Points a second of this run: what was there before it does not count."""

    def __init__(self) -> None:
        self.begun = 0.0
        self.first: int | None = None

    def per_s(self, done: int) -> float:
        """Since the first report."""
        if self.first is None:
            self.first, self.begun = done, time.monotonic()
        return (done - self.first) / max(time.monotonic() - self.begun, 1e-9)

    def rate(self, done: int) -> str:
        """As text; a dash before anything is known."""
        per_s = self.per_s(done)
        return f"{per_s:,.3g}" if 0.0 < per_s < 1000.0 else f"{per_s:,.0f}" if per_s else "-"


class _Lines:
    """A line now and then, for logs."""

    def __init__(self, what: str = "points", every_s: float = 10.0):
        self.what = what
        self.every_s, self.last, self.pace = every_s, time.monotonic(), Pace()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        per_s = self.pace.per_s(done)
        if now - self.last < self.every_s or not per_s:
            return
        self.last = now
        left = (total - done) / per_s
        text = f"{done:,} of {total:,} {self.what}, {self.pace.rate(done)} {self.what}/s, about {left:,.0f} s left"
        print(text, file=sys.stderr, flush=True)
