"""The table of scored networks: one parquet file that searches share, a row a network and way of scoring."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from nas.spaces.architecture import Architecture
from pimsim.errors import InputError, printable
from pimsim.report.atomic import check_target, write_atomic

METRICS = ("auc", "gauc", "logloss", "calibration", "calibration_error")
TEXTS = ("scorer", "digest", "architecture")
COLUMNS = (*TEXTS, *METRICS, "seconds")

Row = dict[str, Any]


class ScoreTable:
    """The file at `path`, made with the first rows. scorer: names supernet, data and settings of a score, so that one
    file can hold scores of many. Raises InputError for a file that is not such a table."""

    def __init__(self, path: str | Path):
        self.path = check_target(path, "table")
        if self.path.suffix != ".parquet":
            raise InputError(f"table: {printable(path)} must end in .parquet")
        self._rows: dict[tuple[str, str], Row] = {}
        self._read()

    def __len__(self) -> int:
        return len(self._rows)

    def rows(self) -> list[Row]:
        """All rows, in the order they were scored."""
        return list(self._rows.values())

    def get(self, scorer: str, architecture: Architecture) -> Row | None:
        """The row of an architecture, if there is one."""
        return self._rows.get((scorer, architecture.digest))

    @staticmethod
    def row(scorer: str, architecture: Architecture, metrics: Row) -> Row:
        """What `add` takes; metrics that are not there are None."""
        texts = (scorer, architecture.digest, architecture.to_json())
        return {**dict(zip(TEXTS, texts, strict=True)), **{name: metrics.get(name) for name in COLUMNS[len(TEXTS) :]}}

    def add(self, rows: Sequence[Row]) -> None:
        """Add rows to the file, beside those that other searches have written since; the first of equals stays."""
        if not rows:
            return
        with _held(self.path):
            self._read()
            for row in rows:
                self._rows.setdefault((row["scorer"], row["digest"]), row)
            write_rows(self.path, self.rows(), COLUMNS, TEXTS)

    def _read(self) -> None:
        if not self.path.exists():
            return
        for row in read_rows(self.path, COLUMNS):
            self._rows.setdefault((row["scorer"], row["digest"]), row)


def write_rows(path: Path, rows: Sequence[Row], columns: Sequence[str], texts: Sequence[str]) -> None:
    """A parquet file of texts and numbers, whole or not at all."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {name: pa.string() if name in texts else pa.float64() for name in columns}
    arrays = [pa.array([row[name] for row in rows], type=kinds[name]) for name in columns]
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_arrays(arrays, names=list(columns)), buffer, compression="zstd")
    write_atomic(path, buffer.getvalue())


def read_rows(path: Path, columns: Sequence[str]) -> list[Row]:
    """The rows that `write_rows` wrote. Raises InputError for another file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        lacking = [name for name in columns if name not in pq.read_schema(path).names]
        if lacking:
            raise InputError(f"{printable(path)} is not a table of scored networks: it has no column {lacking[0]}")
        found: list[Row] = pq.read_table(path, columns=list(columns)).to_pylist()
    except (OSError, pa.ArrowException) as fault:
        raise InputError(f"{printable(path)} is not a table of scored networks: {printable(fault, 120)}") from fault
    return found


@contextlib.contextmanager
def _held(path: Path) -> Iterator[None]:
    """One writer at a time; the system lets go when the process ends."""
    with open(path.with_name(f".{path.name}.lock"), "wb") as file:
        with contextlib.suppress(ImportError):  # no such locks on this system
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield
