"""The local record of runs: one SQLite file, a row a run; what each was told, on which data, what came of it, and how
often it has looked at the test split.

Every change is one transaction, so that an interruption leaves a whole record, and several processes may write.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pimsim.errors import InputError, printable

FILE = "runs.sqlite"
VERSION = 1
STATES = ("running", "interrupted", "failed", "done")
_TIMEOUT_S = 60.0

_TABLES = """
CREATE TABLE run (
    id INTEGER PRIMARY KEY,
    command TEXT NOT NULL,
    name TEXT NOT NULL,
    model TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('running', 'interrupted', 'failed', 'done')),
    started TEXT NOT NULL,
    changed TEXT NOT NULL,
    config TEXT NOT NULL,
    hashes TEXT NOT NULL,
    machine TEXT NOT NULL,
    result TEXT NOT NULL
);
CREATE TABLE history (
    run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    step INTEGER NOT NULL,
    figures TEXT NOT NULL,
    PRIMARY KEY (run, step)
) WITHOUT ROWID;
CREATE TABLE look (
    id INTEGER PRIMARY KEY,
    run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    split TEXT NOT NULL,
    time TEXT NOT NULL,
    figures TEXT NOT NULL
);
"""


@dataclass(frozen=True)
class Record:
    """One run. hashes: of its three splits. looks: how often it has been measured on the test split."""

    id: int
    command: str
    name: str
    model: str
    state: str
    started: str
    changed: str
    config: dict[str, Any]
    hashes: dict[str, str]
    machine: dict[str, Any]
    result: dict[str, Any]
    looks: int

    def to_json(self) -> dict[str, Any]:
        return dict(vars(self))


class RunStore:
    """The store in a folder. Files of run 7 (checkpoints) stand in the sub-folder `7`."""

    def __init__(self, folder: str | Path, *, create: bool = True):
        self.folder = Path(folder)
        self.path = self.folder / FILE
        if not self.path.exists():
            if not create:
                raise InputError(f"there is no run store in {printable(folder)} (no {FILE})")
            try:
                self.folder.mkdir(parents=True, exist_ok=True)
            except OSError as fault:
                raise InputError(f"cannot make the run store {printable(folder)}: {printable(fault)}") from fault
        with self._transaction() as connection:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                for statement in _TABLES.split(";"):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {VERSION}")
            elif version != VERSION:
                raise InputError(f"{printable(self.path)} is a run store of version {version}; this is {VERSION}")

    def files_of(self, run: int) -> Path:
        """The folder of a run's files, made if it is not there."""
        folder = self.folder / str(run)
        try:
            folder.mkdir(exist_ok=True)
        except OSError as fault:
            raise InputError(f"cannot make {printable(folder)}: {printable(fault)}") from fault
        return folder

    @contextmanager
    def held(self, run: int) -> Iterator[None]:
        """No other process may work on the run meanwhile; InputError if one does. The system lets go when we end."""
        path = self.files_of(run) / "lock"
        with open(path, "wb") as file:
            try:
                import fcntl

                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except ImportError:  # no such locks on this system
                pass
            except OSError:
                raise InputError(f"run {run} is being worked on by another process") from None
            yield

    def begin(
        self,
        command: str,
        model: str,
        config: Mapping[str, Any],
        hashes: Mapping[str, str],
        machine: Mapping[str, Any],
        name: str = "",
    ) -> int:
        """The number of a new run, in state "running"."""
        now = _now()
        values = (command, name, model, "running", now, now, _text(config), _text(hashes), _text(machine), "{}")
        with self._transaction() as connection:
            cursor = connection.execute(
                "INSERT INTO run (command, name, model, state, started, changed, config, hashes, machine, result)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                values,
            )
            assert cursor.lastrowid is not None
            return cursor.lastrowid

    def set_state(self, run: int, state: str, result: Mapping[str, Any] | None = None) -> None:
        """Move a run to `state`, with its result if there is one."""
        if state not in STATES:
            raise ValueError(f"state must be one of {STATES}; got {state!r}")
        with self._transaction() as connection:
            connection.execute("UPDATE run SET state = ?, changed = ? WHERE id = ?", (state, _now(), run))
            if result is not None:
                connection.execute("UPDATE run SET result = ? WHERE id = ?", (_text(result), run))

    def add_history(self, run: int, step: int, figures: Mapping[str, Any]) -> None:
        """What a look at validation found; a step that is there already is replaced (a resumed run passes it again)."""
        with self._transaction() as connection:
            connection.execute("INSERT OR REPLACE INTO history VALUES (?, ?, ?)", (run, step, _text(figures)))

    def history(self, run: int) -> list[dict[str, Any]]:
        """The looks at validation, by step."""
        with self._transaction() as connection:
            rows = connection.execute("SELECT step, figures FROM history WHERE run = ? ORDER BY step", (run,))
            return [{"step": step, **json.loads(figures)} for step, figures in rows]

    def add_look(self, run: int, split: str) -> int:
        """Write down that `run` is about to be measured on `split`; returns which time it is."""
        self.get(run)
        with self._transaction() as connection:
            connection.execute(
                "INSERT INTO look (run, split, time, figures) VALUES (?, ?, ?, '{}')", (run, split, _now())
            )
            count: int = connection.execute(
                "SELECT count(*) FROM look WHERE run = ? AND split = ?", (run, split)
            ).fetchone()[0]
            return count

    def fill_look(self, run: int, split: str, figures: Mapping[str, Any]) -> None:
        """What the latest look of `run` at `split` found."""
        with self._transaction() as connection:
            connection.execute(
                "UPDATE look SET figures = ? WHERE id = (SELECT max(id) FROM look WHERE run = ? AND split = ?)",
                (_text(figures), run, split),
            )

    def looks(self, run: int) -> list[dict[str, Any]]:
        """All looks at kept-back splits, oldest first."""
        with self._transaction() as connection:
            rows = connection.execute("SELECT split, time, figures FROM look WHERE run = ? ORDER BY id", (run,))
            return [{"split": split, "time": time, **json.loads(figures)} for split, time, figures in rows]

    def get(self, run: int) -> Record:
        """One run. InputError if there is none of this number."""
        found = self._select("WHERE run.id = ?", (run,))
        if not found:
            with self._transaction() as connection:
                count, last = connection.execute("SELECT count(*), max(id) FROM run").fetchone()
            known = f"it holds {count} runs, the last is {last}" if count else "it holds no runs"
            raise InputError(f"there is no run {run} in {printable(self.folder)}: {known}")
        return found[0]

    def runs(self) -> list[Record]:
        """All runs, oldest first."""
        return self._select("", ())

    def _select(self, where: str, values: tuple[Any, ...]) -> list[Record]:
        query = (
            "SELECT run.id, command, name, model, state, started, changed, config, hashes, machine, result,"
            " (SELECT count(*) FROM look WHERE look.run = run.id AND look.split = 'test')"
            f" FROM run {where} ORDER BY run.id"
        )
        with self._transaction() as connection:
            rows = connection.execute(query, values).fetchall()
        return [Record(*(*row[:7], *map(json.loads, row[7:11]), row[11])) for row in rows]

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """A connection in one immediate transaction: kept whole, or rolled back."""
        try:
            with closing(sqlite3.connect(self.path, timeout=_TIMEOUT_S, isolation_level=None)) as connection:
                connection.execute("PRAGMA foreign_keys = ON")
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
        except sqlite3.Error as fault:
            raise InputError(f"run store {printable(self.path)}: {printable(fault)}") from fault


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _text(value: Mapping[str, Any]) -> str:
    return json.dumps(dict(value), sort_keys=True, allow_nan=False)
