"""How far a run is, on stderr: one line that moves on a terminal, one line a look at validation elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from nas.search.loop import Generation
    from nas.training.loop import Progress

SECONDS_BETWEEN = 0.2


class Teller:
    """Tells progress; `quiet` tells nothing."""

    def __init__(self, quiet: bool = False, stream: TextIO | None = None):
        self.stream = stream or sys.stderr
        self.quiet, self.moving = quiet, self.stream.isatty()
        self._last = 0.0
        self._open = False

    def step(self, progress: Progress) -> None:
        """A step of training, or a look at validation."""
        if progress.metrics is not None:
            figures = progress.metrics
            parts = [f"validation AUC {figures.auc:.4f}"]
            parts += [f"GAUC {figures.gauc:.4f}"] if figures.gauc is not None else []
            parts += [f"LogLoss {figures.logloss:.4f}", *(["best"] if progress.best else [])]
            self._line(f"{_where(progress)}  {'  '.join(parts)}", stays=True)
        elif self.moving:
            self._line(_where(progress))

    def iteration(self, count: int, objective: float) -> None:
        """An iteration of a convex solver."""
        if self.moving or count % 100 == 0:
            self._line(f"iteration {count}  objective {objective:.6f}", stays=not self.moving)

    def generation(self, at: Generation) -> None:
        """A network scored, or a whole generation."""
        where = f"generation {at.number}/{at.total}"
        if at.figures is not None:
            found = at.figures
            parts = [f"best {figure(found['score'], 5)}", f"mean {figure(found['mean_score'], 5)}"]
            parts += [f"AUC {figure(found['auc'])}"]
            parts += [f"{key} {found[key]:.4g}" for key in ("energy_uJ", "latency_us") if found[key] is not None]
            self._line(f"{where}  {'  '.join(parts)}", stays=True)
        elif self.moving:
            self._line(f"{where}  {at.done}/{at.wanted} {at.stage}")

    def rows(self, done: int, total: int) -> None:
        """Rows scored."""
        if self.moving:
            self._line(f"{done:,} of {total:,} rows")

    def done(self) -> None:
        """End a line that is still moving."""
        if self._open:
            self.stream.write("\n")
            self._open = False

    def _line(self, text: str, stays: bool = False) -> None:
        now = time.monotonic()
        if self.quiet or (not stays and now - self._last < SECONDS_BETWEEN):
            return
        self._last = now
        self.stream.write(f"\r\x1b[K{text}" if self.moving else text)
        if stays:
            self.stream.write("\n")
        self._open = not stays
        self.stream.flush()


def _where(progress: Progress) -> str:
    return (
        f"step {progress.step}/{progress.total}  epoch {progress.epoch + 1}  loss {progress.loss:.4f}  "
        f"{progress.seconds:.0f} s"
    )


def figure(value: Any, digits: int = 4) -> str:
    """A metric as text; "-" where there is none."""
    return "-" if value is None else f"{value:.{digits}f}"
