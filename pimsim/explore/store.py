"""Result tables on disk: parquet and SQLite, whole or absent, with what they are of written inside. No pickle."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from pimsim.cost.table import Table
from pimsim.errors import InputError, printable
from pimsim.explore.parquet_file import ParquetWriter, open_parquet, read_arrow
from pimsim.explore.sqlite_file import MAX_COLUMNS, SqliteWriter, open_sqlite
from pimsim.explore.stored import Source, Writer
from pimsim.hardware.suggest import nearest
from pimsim.report.atomic import check_target

FORMATS = {".parquet": "parquet", ".sqlite": "sqlite", ".db": "sqlite"}
MAX_CELLS = 2**31
"""Of a table that is read at once: 16 GiB of numbers."""

_NAMES = ", ".join(FORMATS)

Array = Any
About = Mapping[str, Any]
FilePath = str | os.PathLike[str]


def check_out(path: FilePath, option: str = "--out") -> Path:
    """`path` as a file that a table can be written to. Raises InputError for its ending or its folder."""
    target = check_target(path, option)
    if target.suffix.lower() not in FORMATS:
        raise InputError(f"{option}: {printable(target)} must end in {_NAMES}, which says the format")
    return target


def check_columns(target: Path, names: Sequence[str]) -> None:
    """Raises InputError for columns that the format cannot hold, before anything is computed."""
    if FORMATS[target.suffix.lower()] != "sqlite":
        return
    if len(names) > MAX_COLUMNS:
        raise InputError(f"{len(names)} columns; SQLite holds {MAX_COLUMNS}: write .parquet, or fewer columns")
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.lower(), name)
        if other != name:
            shown = f"'{printable(other, 60)}' and '{printable(name, 60)}'"
            raise InputError(f"SQLite does not tell {shown} apart: write .parquet, or rename one")


def write_table(path: FilePath, table: Table, about: About) -> None:
    """`table` to a file, in the format of its ending, with `about` (plain data) inside."""
    target = check_out(path, "path")
    check_columns(target, table.columns)
    with writer(target, about) as made:
        made.add(table)


def read_table(path: FilePath, columns: Sequence[str] | None = None) -> Table:
    """The table of a file that `write_table` or a sweep has written, or those of its columns.

    Raises InputError for a file that is absent, of another format, damaged or too large to be read at once, and for a
    column that it does not have.
    """
    with _source(path) as source:
        names = _chosen(source, columns)
        if source.rows * max(1, len(names)) > MAX_CELLS:
            raise InputError(
                f"{printable(path)} has {source.rows:,} rows of {len(names)} columns, too many to read at once "
                f"(at most {MAX_CELLS:,} values); read some of its columns"
            )
        kinds = {name: np.dtype(source.kinds[name]) for name in names}
        whole = {name: np.empty(source.rows, dtype=kind) for name, kind in kinds.items()}
        filled = 0
        for start, block in source.blocks(names):
            filled = start + len(block)
            if filled > source.rows:
                break
            for name in names:
                whole[name][start:filled] = block[name]
        if filled != source.rows:
            raise InputError(f"{printable(path)} is damaged: it has not the {source.rows:,} rows that it says")
    return Table(whole)


def read_rows(path: FilePath, indices: Sequence[int] | Array) -> Table:
    """All columns of the rows at `indices`, in that order; a file of any size is read piece by piece.

    Raises InputError as `read_table` does, and for an index outside the table.
    """
    wanted = np.asarray(indices, dtype=np.int64)
    with _source(path) as source:
        outside = (wanted < 0) | (wanted >= source.rows)
        if outside.any():
            raise InputError(f"rows are numbered 0 to {source.rows - 1:,}; got {wanted[outside][0]}")
        names = _chosen(source, None)
        order = np.argsort(wanted, kind="stable")
        ordered = wanted[order]
        found = [Table({name: np.empty(0, dtype=source.kinds[name]) for name in names})]
        for start, block in source.blocks(names, ordered):
            first, last = np.searchsorted(ordered, (start, start + len(block)))
            found.append(block.take(ordered[first:last] - start))
    rows = Table.concat(found)
    if len(rows) != len(wanted):
        raise InputError(f"{printable(path)} is damaged: it has not the {source.rows:,} rows that it says")
    return rows.take(np.argsort(order, kind="stable"))


def stream(path: FilePath, columns: Sequence[str] | None = None) -> Iterator[Table]:
    """The table piece by piece. Raises InputError as `read_table` does, but for the size."""
    with _source(path) as source:
        for _, block in source.blocks(_chosen(source, columns)):
            yield block


def read_about(path: FilePath) -> dict[str, Any]:
    """What the table of a file is of. Raises InputError as `read_table` does."""
    with _source(path) as source:
        text = source.about
    try:
        about = json.loads(text)
    except (ValueError, RecursionError):
        about = None
    if not isinstance(about, dict):
        raise InputError(f"{printable(path)} was not written by pimsim: it does not say what its table is of")
    return about


@contextmanager
def writer(path: Path, about: About, drafts: Path | None = None) -> Iterator[Writer]:
    """A writer of the file `path`, which is there whole when the block ends, and untouched when it fails.

    drafts: folder of the unfinished file, on the same disk; that of `path` when None.
    """
    target = Path(os.path.realpath(path))
    draft = (drafts or target.parent) / f".{os.urandom(8).hex()}.part"
    kind = ParquetWriter if FORMATS[path.suffix.lower()] == "parquet" else SqliteWriter
    try:
        made = kind(draft, json.dumps(about))
        try:
            yield made
        finally:
            made.close()
        _sync(draft)
        os.replace(draft, target)
        _sync(target.parent)
    except (OSError, sqlite3.Error) as fault:
        reason = getattr(fault, "strerror", None) or fault
        raise InputError(f"cannot write {printable(path)}: {printable(reason)}") from fault
    finally:
        draft.unlink(missing_ok=True)


def merge_parts(
    files: Sequence[Path], target: Path, about: About, drafts: Path, empty: Callable[[], Table] | None = None
) -> int:
    """One file out of the parquet files `files`, in their order and one at a time; the number of rows. empty: gives the
    table without rows that is written where there are no files."""
    rows = 0
    with writer(target, about, drafts) as made:
        if not files and empty is not None:
            made.add(empty())
        for file in files:
            part = read_arrow(file)
            rows += part.num_rows
            made.add_arrow(part)
    return rows


def _source(path: FilePath) -> Any:
    source = Path(path)
    if source.suffix.lower() not in FORMATS:
        raise InputError(f"{printable(source)} is no table of results; they end in {_NAMES}")
    try:
        there = source.is_file()
    except (OSError, ValueError):
        there = False
    if not there:
        parts = source.with_name(source.name + ".parts")
        hint = f"; {printable(parts)} has an unfinished sweep, with which the same command goes on"
        raise InputError(f"no file {printable(source)}{hint if parts.is_dir() else ''}")
    return open_parquet(source) if FORMATS[source.suffix.lower()] == "parquet" else open_sqlite(source)


def _chosen(source: Source, columns: Sequence[str] | None) -> list[str]:
    if columns is None:
        return list(source.kinds)
    for name in columns:
        if name not in source.kinds:
            near = nearest(name, source.kinds)
            listed = ", ".join(printable(known, 60) for known in list(source.kinds)[:24])
            meant = f"did you mean '{printable(near, 80)}'?" if near else f"columns are {listed}"
            raise InputError(f"no column {printable(repr(name), 80)}; {meant}")
    return list(dict.fromkeys(columns))


def _sync(path: Path) -> None:
    """Have the system put a file or folder on the disk (folders cannot be opened on Windows)."""
    if path.is_dir() and not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

