"""Tables as parquet files."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from pimsim.cost.table import Table
from pimsim.errors import InputError, printable
from pimsim.explore.stored import BLOCK_ROWS, MAX_TEXT, Source, Writer, arrow_of

_KEY = b"pimsim"
Array = Any


def encoded(table: Table) -> bytes:
    """`table` as the bytes of a parquet file."""
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    made = arrow_of(table)
    pq.write_table(made, sink, **_options(made.schema))
    return sink.getvalue()


def decoded(content: bytes) -> Table:
    """The inverse of `encoded`."""
    with _opened(io.BytesIO(content), "a piece") as source:
        return Table.concat([block for _, block in source.blocks(list(source.kinds))] or [source.nothing()])


def read_arrow(path: Path) -> Any:
    """The Arrow table of a part. Raises InputError for a file that is damaged."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            return file.read()
    except (pa.ArrowException, OSError) as fault:
        reason = printable(fault, 80)
        text = f"{printable(path)} is damaged ({reason}); remove it, and its points are done again"
        raise InputError(text) from fault


@contextmanager
def open_parquet(path: Path) -> Iterator[ParquetSource]:
    """The file `path`. Raises InputError for what is no parquet file, damaged, or not a table of results."""
    with _opened(path, printable(path)) as source:
        yield source


class ParquetWriter(Writer):
    """Each piece becomes a row group."""

    def __init__(self, path: Path, about: str):
        self.path, self.about = path, about
        self.file: Any = None

    def add_arrow(self, made: Any) -> None:
        """Append the rows of an Arrow table."""
        import pyarrow.parquet as pq

        if self.file is None:
            schema = made.schema.with_metadata({_KEY: self.about.encode()})
            self.file = pq.ParquetWriter(self.path, schema, **_options(schema))
        self.file.write_table(made.cast(self.file.schema))

    def close(self) -> None:
        """Nothing more comes."""
        if self.file is None:  # no rows at all
            self.add(Table({"point": np.empty(0, dtype=np.int64)}))
            assert self.file is not None
        self.file.close()


class ParquetSource(Source):
    """`file`: opened so that texts come as dictionaries, in which each stands once however many rows have it."""

    def __init__(self, file: Any, kinds: dict[str, str]):
        self.file, self.kinds = file, kinds
        self.rows = int(file.metadata.num_rows)
        self.about = (file.schema_arrow.metadata or {}).get(_KEY, b"").decode("utf-8", "replace")

    def blocks(self, names: Sequence[str], wanted: Array | None = None) -> Iterator[tuple[int, Table]]:
        """(number of the first row, rows) in order; row groups without a wanted row are not read."""
        start = 0
        for group in range(self.file.num_row_groups):
            stop = start + int(self.file.metadata.row_group(group).num_rows)
            if wanted is None or np.searchsorted(wanted, start) < np.searchsorted(wanted, stop):
                at = start
                batches = self.file.iter_batches(BLOCK_ROWS, [group], list(names), use_threads=False)
                for batch in batches:
                    columns = {name: self._column(name, batch.column(i)) for i, name in enumerate(names)}
                    yield at, Table(columns)
                    at += batch.num_rows
            start = stop

    def nothing(self) -> Table:
        """The table without rows."""
        return Table({name: np.empty(0, dtype=kind) for name, kind in self.kinds.items()})

    def _column(self, name: str, column: Any) -> Array:
        if self.kinds[name] == "object":
            return _texts(name, column)
        if self.kinds[name] != "float64" and column.null_count:
            raise InputError(f"column '{printable(name, 80)}' has gaps; only texts and real numbers may be missing")
        return column.to_numpy(zero_copy_only=False).astype(self.kinds[name], copy=False)


@contextmanager
def _opened(place: Any, shown: str) -> Iterator[ParquetSource]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(place) as file:
            kinds = _kinds(file.schema_arrow, shown)
        texts = [name for name, kind in kinds.items() if kind == "object"]
        if not isinstance(place, Path):
            place.seek(0)
        with pq.ParquetFile(place, read_dictionary=texts) as file:
            yield ParquetSource(file, kinds)
    except (pa.ArrowException, OSError) as fault:
        raise InputError(f"{shown} is no whole parquet file: {printable(fault, 120)}") from fault


def _kinds(schema: Any, shown: str) -> dict[str, str]:
    import pyarrow.types as types

    known = (
        (types.is_boolean, "bool"), (types.is_integer, "int64"), (types.is_floating, "float64"),
        (types.is_string, "object"), (types.is_large_string, "object"),
    )  # fmt: skip
    kinds: dict[str, str] = {}
    for field in schema:
        kind = next((kind for is_it, kind in known if is_it(field.type)), "")
        what = f"{shown}: column '{printable(field.name, 80)}'"
        if not kind:
            raise InputError(f"{what} holds {printable(field.type, 60)}; results are numbers, texts, true and false")
        if field.name in kinds:
            raise InputError(f"{what} is there twice")
        kinds[field.name] = kind
    return kinds


def _texts(name: str, column: Any) -> Array:
    import pyarrow as pa
    import pyarrow.compute as pc

    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    if (pc.max(pc.binary_length(coded.dictionary)).as_py() or 0) > MAX_TEXT:
        raise InputError(f"column '{printable(name, 80)}' holds a text of more than {MAX_TEXT:,} bytes")
    words = np.array(["", *coded.dictionary.to_pylist()], dtype=object)
    words[[at for at, word in enumerate(words) if word is None]] = ""
    return words[coded.indices.fill_null(-1).to_numpy(zero_copy_only=False) + 1]


def _options(schema: Any) -> dict[str, Any]:
    """Figures are all different: a dictionary of them only costs time. Knobs have few values."""
    import pyarrow as pa

    few = [field.name for field in schema if not pa.types.is_floating(field.type) and field.name != "point"]
    return {"compression": "zstd", "compression_level": 1, "use_dictionary": few, "write_statistics": True}
