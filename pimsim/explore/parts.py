"""An unfinished sweep on disk: one file a finished chunk beside the result, and a manifest that says of what.

A chunk's file is written under another name and renamed, so that what is there is whole; killed at any moment, a sweep
loses the chunks that were being computed and nothing else.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pimsim.errors import InputError, printable
from pimsim.explore.store import read_about
from pimsim.report.atomic import write_atomic

MANIFEST, LOG, LOCK = "manifest.json", "log.txt", "lock"
_PART = re.compile(r"(\d{12})-(\d{12})\.parquet")
_DRAFT = re.compile(r"\.[0-9a-f]{16}\.part")
_WORDS = {
    "space": "space", "hardware": "base hardware", "models": "models", "columns": "columns", "sample": "sample or seed",
    "search": "search", "versions": "version of pimsim or of its libraries", "operands": "operands",
}  # fmt: skip

Manifest = Mapping[str, Any]
Range = tuple[int, int]


@dataclass
class Parts:
    """The folder `R.parquet.parts` of the result file `R.parquet`, locked while it is open."""

    folder: Path
    target: Path
    _lock: Any = None

    @classmethod
    def of(cls, target: Path) -> Parts:
        """The parts of a result file, whether or not they are there."""
        return cls(target.with_name(target.name + ".parts"), target)

    def __enter__(self) -> Self:
        try:
            self.folder.mkdir(exist_ok=True)
            self._lock = (self.folder / LOCK).open("a")
        except OSError as fault:
            reason = printable(fault.strerror or fault)
            raise InputError(f"cannot keep parts in {printable(self.folder)}: {reason}") from fault
        if not _locked(self._lock):
            self._lock.close()
            raise InputError(f"another sweep is writing to {printable(self.target)}; let it end, or name another file")
        for entry in list(self.folder.iterdir()):
            if _DRAFT.fullmatch(entry.name):
                entry.unlink()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.close()

    def begin(self, manifest: Manifest, fresh: bool) -> Manifest:
        """The manifest in force: that of the unfinished sweep, or `manifest`, written down.

        fresh: throw away what is there, the result file too. Raises InputError when parts of something else are there.
        """
        if fresh:
            self.target.unlink(missing_ok=True)
            self.clear()
        there = self._read()
        if there is None:
            self.clear()
            write_atomic(self.folder / MANIFEST, json.dumps(manifest, indent=1))
            return manifest
        if text := _difference(there, manifest):
            raise InputError(
                f"{printable(self.folder)} holds an unfinished sweep of something else (other {text}); finish that "
                "one, name another --out, or throw it away with --fresh"
            )
        return there

    def done(self) -> list[Range]:
        """Ranges (start, stop) of the chunks that are there, in order."""
        found = [_PART.fullmatch(entry.name) for entry in self.folder.iterdir()]
        return sorted((int(match[1]), int(match[2])) for match in found if match)

    def write(self, start: int, stop: int, content: bytes) -> None:
        """Keep a finished chunk."""
        write_atomic(self._path(start, stop), content)

    def files(self) -> list[Path]:
        """The files of all chunks, in order."""
        return [self._path(start, stop) for start, stop in self.done()]

    def note(self, start: int, stop: int) -> None:
        """Write down that a chunk has been given to a worker, so that one can count what was computed again."""
        with (self.folder / LOG).open("a") as log:
            log.write(f"{start} {stop} {os.getpid()}\n")

    def clear(self) -> None:
        """Throw away all chunks and the manifest; the manifest last, so that chunks never stand without theirs."""
        for entry in list(self.folder.iterdir()):
            if _PART.fullmatch(entry.name) or entry.name == LOG:
                entry.unlink()
        (self.folder / MANIFEST).unlink(missing_ok=True)

    def sweep_up(self) -> None:
        """Remove what a run left that was killed after its result was in place."""
        if self.folder.is_dir():
            with self:
                self.remove()

    def remove(self) -> None:
        """Remove the folder after the result stands in its place."""
        self.clear()
        shutil.rmtree(self.folder)

    def _path(self, start: int, stop: int) -> Path:
        return self.folder / f"{start:012d}-{stop:012d}.parquet"

    def _read(self) -> Manifest | None:
        try:
            found = json.loads((self.folder / MANIFEST).read_text("utf-8"))
        except FileNotFoundError:
            return None
        except (ValueError, OSError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise InputError(f"{printable(self.folder / MANIFEST)} cannot be read; start again with --fresh")
        return found


def finished(target: Path, manifest: Manifest) -> bool:
    """Whether `target` is the complete result of `manifest` already.

    Raises InputError when it is the result of something else, or no result at all.
    """
    if not target.exists():
        return False
    try:
        about = read_about(target)
    except InputError:
        raise InputError(
            f"{printable(target)} is there and is no result of a sweep; name another --out, or replace it with --fresh"
        ) from None
    there = about.get("manifest")
    if text := _difference(there if isinstance(there, dict) else {}, manifest):
        raise InputError(
            f"{printable(target)} is the result of another sweep (other {text}); name another --out, or replace it "
            "with --fresh"
        )
    return about.get("complete") is True


def _difference(there: Manifest, manifest: Manifest) -> str:
    """In what two sweeps differ, in words; empty when they are the same."""
    words = [words for key, words in _WORDS.items() if there.get(key) != manifest.get(key)]
    return ", ".join(words)


def _locked(file: Any) -> bool:
    """Whether the lock was free; it goes with the process, however that ends. Systems without such locks have none."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
