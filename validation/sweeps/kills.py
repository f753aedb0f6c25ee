"""A sweep killed with signal 9 again and again, beside one that was left alone."""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from pimsim.explore.parts import LOG, MANIFEST, Parts
from pimsim.explore.store import stream

from .fixture import COLUMNS, space, write_mlp

_PATIENCE_S = 3600.0


@dataclass(frozen=True)
class Kills:
    """What was seen. repeated: chunks that were begun again after each kill."""

    points: int
    alone_s: float
    killed_s: float
    kills: int
    repeated: list[int]
    once: bool
    equal: bool
    workers: int
    peak_MB: float
    size_MB: float

    @property
    def held(self) -> bool:
        """Whether all that was promised is so."""
        return self.once and self.equal and max(self.repeated, default=0) <= self.workers

    def lines(self) -> Iterator[str]:
        """As printed."""
        yield f"points                          {self.points:,}, {self.size_MB:,.0f} MB on disk"
        yield f"left alone                      {self.alone_s:.1f} s, {self.points / self.alone_s:,.0f} points/s"
        yield f"killed (-9) {self.kills:>2} times            {self.killed_s:.1f} s in all"
        yield f"every point exactly once        {_word(self.once)}"
        yield f"equal to the one left alone     {_word(self.equal)} (SHA-256 of the files)"
        yield f"chunks computed again a kill    {self.repeated}, at most {self.workers} (one a worker)"
        yield f"largest process                 {self.peak_MB:,.0f} MB"


def kills(folder: Path, points: int, count: int, workers: int, chunk: int | None, seed: int) -> Kills:
    """Sweep `points` points alone, then with `count` kills at random moments: every other one takes the workers too."""
    model, space_file = folder / "mlp.onnx", folder / "space.yaml"
    write_mlp(model)
    base = {"name": "without_copies", "extends": "reram_128", "mapping": {"replication": "none"}}
    (folder / "base.yaml").write_text(yaml.safe_dump(base))
    space_file.write_text(yaml.safe_dump(space(points, "base.yaml")))
    command = [
        sys.executable, "-m", "pimsim", "sweep", "--space", str(space_file), "--model", str(model), "--columns",
        ",".join(COLUMNS), "--workers", str(workers), "--no-progress", *(["--chunk", str(chunk)] if chunk else []),
    ]  # fmt: skip
    alone, killed = folder / "alone.parquet", folder / "killed.parquet"
    begun = time.monotonic()
    subprocess.run([*command, "--out", str(alone)], check=True, stdout=subprocess.DEVNULL)
    alone_s = time.monotonic() - begun
    rng = random.Random(seed)
    begun = time.monotonic()
    parts = Parts.of(killed)
    repeated = []
    for number in range(count):
        process = subprocess.Popen([*command, "--out", str(killed)], stdout=subprocess.DEVNULL, start_new_session=True)
        _wait(process, parts, rng.uniform(0.0, 1.6 / (count + 2)))
        time.sleep(rng.uniform(0.0, alone_s / 100))
        if process.poll() is not None:
            raise RuntimeError(f"the sweep had ended before kill {number + 1}: more points, or fewer kills")
        if number % 2:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()
        repeated.append(len(set(_noted(parts.folder / LOG)) - set(parts.done())))
    log = folder / "log.txt"
    os.link(parts.folder / LOG, log)  # it goes with the parts
    subprocess.run([*command, "--out", str(killed)], check=True, stdout=subprocess.DEVNULL)
    killed_s = time.monotonic() - begun
    again = sum(times - 1 for times in Counter(_noted(log)).values())
    if again != sum(repeated):
        raise RuntimeError(f"{again} chunks were begun again, {sum(repeated)} had been under way at the kills")
    size_MB = alone.stat().st_size / 1e6
    return Kills(
        points, alone_s, killed_s, count, repeated, _once(killed, points), _digest(alone) == _digest(killed), workers,
        _peak_MB(), size_MB,
    )  # fmt: skip


def _wait(process: subprocess.Popen[bytes], parts: Parts, share: float) -> None:
    """Until the process has begun to give out chunks (a kill before that costs nothing), and then until `share` of all
    chunks are done."""
    log = parts.folder / LOG
    before = len(_noted(log))
    until = time.monotonic() + _PATIENCE_S
    while len(_noted(log)) == before:
        _check(process, until)
    manifest = json.loads((parts.folder / MANIFEST).read_text())
    goal = len(parts.done()) + share * manifest["total"] / manifest["chunk"]
    while len(parts.done()) < goal:
        _check(process, until)


def _check(process: subprocess.Popen[bytes], until: float) -> None:
    """Wait a little for a process that is at work."""
    if process.poll() is not None:
        raise RuntimeError(f"the sweep ended with exit code {process.returncode} before it was to be killed")
    if time.monotonic() > until:
        raise RuntimeError("the sweep does not come on")
    time.sleep(0.01)


def _noted(log: Path) -> list[tuple[int, int]]:
    """The chunks that were given out, in order."""
    try:
        lines = log.read_text().splitlines()
    except FileNotFoundError:
        return []
    return [(int(line.split()[0]), int(line.split()[1])) for line in lines]


def _once(path: Path, points: int) -> bool:
    """Whether the points 0, 1, 2, ... stand in the file, each once, without an error."""
    at = 0
    for block in stream(path, ["point", "error"]):
        good = np.array_equal(block["point"], np.arange(at, at + len(block))) and bool(np.all(block["error"] == ""))
        if not good:
            return False
        at += len(block)
    return at == points


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _peak_MB() -> float:
    """Of the largest process that has ended."""
    import resource

    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024.0


def _word(good: bool) -> str:
    return "yes" if good else "NO"
