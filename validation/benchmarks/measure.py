"""One measurement with its bar, how to time a call or a process, and what the machine is."""

from __future__ import annotations

import gc
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pimsim

PACKAGE = Path(pimsim.__file__).resolve().parent
SPAWN = Path(__file__).with_name("spawn.py")


@dataclass(frozen=True)
class Measurement:
    """A measured value and the bar below which it should stay (None: shown for comparison only)."""

    name: str
    value: float
    unit: str
    bar: float | None = None
    detail: str = ""

    @property
    def ratio(self) -> float | None:
        """value / bar: at most 1 is within it."""
        return None if self.bar is None else self.value / self.bar

    @property
    def within(self) -> bool:
        """Whether the bar, if there is one, is kept."""
        return self.bar is None or self.value <= self.bar


class Usage(NamedTuple):
    """What one process took: wall-clock and processor time in s, peak resident memory in MB (1e6 bytes)."""

    wall_s: float
    cpu_s: float
    peak_MB: float


def best(
    repetitions: int, prepare: Callable[[], Sequence[object]], call: Callable[[object], object]
) -> tuple[float, float]:
    """Mean seconds of `call` over the items of one repetition, in the best repetition: wall clock, processor time.
    `prepare` makes new items for each repetition, outside the measured time, so that nothing can be remembered from
    the last one."""
    walls, processor = [], []
    for _ in range(repetitions):
        items = prepare()
        gc.collect()
        begin, used = time.perf_counter(), time.process_time()
        for item in items:
            call(item)
        walls.append((time.perf_counter() - begin) / len(items))
        processor.append((time.process_time() - used) / len(items))
    return min(walls), min(processor)


def run_process(command: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Usage:
    """Run a Python command line (without the interpreter) to its end, with this package importable unless PYTHONPATH is
    given. A small process starts it: Linux counts the memory of whoever forks into the peak of the child.

    Raises RuntimeError with its error output when it fails.
    """
    full = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), **(environment or {})}
    # -P: not what happens to lie in the present folder, such as a checkout beside which a copy is to be measured
    words = [sys.executable, "-I", "-S", str(SPAWN), sys.executable, "-P", *map(str, command)]
    done = subprocess.run(words, env=full, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))} ended with exit code {done.returncode}:\n{done.stderr}")
    return Usage(**json.loads(done.stdout))


def machine() -> str:
    """One line about where this was measured, and how busy it was."""
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"Python {platform.python_version()}, {platform.machine()}, {cores} cores, load average {load}"


def as_dict(measurement: Measurement) -> dict[str, object]:
    """Plain data for `--json`."""
    return {
        "name": measurement.name, "value": measurement.value, "unit": measurement.unit, "bar": measurement.bar,
        "ratio": measurement.ratio, "within": measurement.within, "detail": measurement.detail,
    }  # fmt: skip
