"""Tables as SQLite files: the rows in `results`, what they are of in `about`."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from pimsim.cost.table import Table
from pimsim.errors import InputError, printable
from pimsim.explore.stored import BLOCK_ROWS, MAX_TEXT, Source, Writer

MAX_COLUMNS = 2000
_ABOUT, _ROWS = "about", "results"
_KINDS = {"INTEGER": "int64", "BOOLEAN": "bool", "REAL": "float64", "TEXT": "object"}

Array = Any


class SqliteWriter(Writer):
    """One table; NaN is NULL."""

    def __init__(self, path: Path, about: str):
        self.connection = sqlite3.connect(path)
        self.connection.execute("PRAGMA journal_mode = OFF")  # the draft is thrown away when anything fails
        self.connection.execute("PRAGMA synchronous = OFF")
        self.connection.execute(f"CREATE TABLE {_ABOUT} (text TEXT)")
        self.connection.execute(f"INSERT INTO {_ABOUT} VALUES (?)", (about,))
        self.insert = ""

    def add_arrow(self, made: Any) -> None:
        """Append the rows of an Arrow table."""
        if not self.insert:
            columns = ", ".join(f"{_quoted(field.name)} {_sql_type(field.type)}" for field in made.schema)
            self.connection.execute(f"CREATE TABLE {_ROWS} ({columns})")
            self.insert = f"INSERT INTO {_ROWS} VALUES ({', '.join('?' * made.num_columns)})"
        values = [column.to_pylist() for column in made.columns]
        self.connection.executemany(self.insert, zip(*values, strict=True))

    def close(self) -> None:
        """Nothing more comes."""
        with contextlib.closing(self.connection):
            if not self.insert:
                self.connection.execute(f"CREATE TABLE {_ROWS} (point INTEGER)")
            self.connection.commit()


@contextmanager
def open_sqlite(path: Path) -> Iterator[SqliteSource]:
    """The file `path`. Raises InputError for what is no SQLite file, damaged, or not a table of results."""
    try:
        with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, 2**28)
            connection.execute("PRAGMA trusted_schema = OFF")
            connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
            yield SqliteSource(connection, printable(path))
    except sqlite3.Error as fault:
        raise InputError(f"{printable(path)} is no SQLite file of results: {printable(fault, 120)}") from fault


class SqliteSource(Source):
    """Plain tables only: a view or a computed column of a file from elsewhere could run for ever."""

    def __init__(self, connection: sqlite3.Connection, shown: str):
        self.connection = connection
        for table in (_ABOUT, _ROWS):
            columns = connection.execute(f"PRAGMA table_xinfo({table})").fetchall()
            kind = connection.execute("SELECT type, sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()
            plain = kind is not None and kind[0] == "table" and "VIRTUAL" not in str(kind[1]).split("(")[0].upper()
            if not plain or not columns or any(column[6] for column in columns):
                raise InputError(f"{shown} has no plain table '{table}'; a sweep writes one")
        row = connection.execute(f"SELECT text FROM {_ABOUT}").fetchone()
        self.about = str(row[0]) if row else ""
        self.rows = int(connection.execute(f"SELECT COUNT(*) FROM {_ROWS}").fetchone()[0])
        self.kinds = {}
        for _, name, declared, *_ in columns:
            if declared not in _KINDS:
                what = f"{shown}: column '{printable(name, 80)}' is of the type {printable(declared, 40) or 'none'}"
                raise InputError(f"{what}; results are {', '.join(_KINDS)}")
            self.kinds[str(name)] = _KINDS[declared]

    def blocks(self, names: Sequence[str], wanted: Array | None = None) -> Iterator[tuple[int, Table]]:
        """(number of the first row, rows) in order; all of them, since rows have no numbers to find them by."""
        chosen = ", ".join(map(_quoted, names))
        rows = self.connection.execute(f"SELECT {chosen} FROM {_ROWS} ORDER BY rowid")
        start = 0
        while block := rows.fetchmany(BLOCK_ROWS):
            columns = zip(*block, strict=True)
            yield start, Table({name: self._column(name, column) for name, column in zip(names, columns, strict=True)})
            start += len(block)

    def _column(self, name: str, values: tuple[Any, ...]) -> Array:
        kind = self.kinds[name]
        if kind == "float64":
            values = tuple(np.nan if value is None else value for value in values)
        elif kind == "object":
            values = tuple("" if value is None else value for value in values)
        allowed = {"float64": (int, float), "int64": int, "bool": int, "object": str}[kind]
        if not all(isinstance(value, allowed) for value in values):  # type: ignore[arg-type]
            raise InputError(f"column '{printable(name, 80)}' holds values that are not of its type")
        if kind == "object" and max(map(len, values), default=0) > MAX_TEXT:
            raise InputError(f"column '{printable(name, 80)}' holds a text of more than {MAX_TEXT:,} characters")
        return np.array(values, dtype=kind)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _sql_type(kind: Any) -> str:
    import pyarrow as pa

    if pa.types.is_boolean(kind):
        return "BOOLEAN"
    return "INTEGER" if pa.types.is_integer(kind) else "REAL" if pa.types.is_floating(kind) else "TEXT"
