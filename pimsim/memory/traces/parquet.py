"""Traces as parquet files: one row group a chunk, the header as JSON in the metadata of the file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pimsim.errors import InputError, Place, printable
from pimsim.memory.traces.form import CHUNK, KINDS, Checker, Chunk, Header, chosen

KEY = b"pimsim.trace"
_NARROW = 2**31

AT_ONCE = 2**22
"""Requests of a row group that are read at once; of a larger one (someone else's) they come by CHUNK."""


class ParquetTrace:
    """The trace in the file `path`. Raises InputError for what is no whole parquet file, or no trace."""

    def __init__(self, path: Path):
        import pyarrow as pa
        import pyarrow.parquet as pq

        self.path, self.place = path, Place(str(path))
        try:
            with pq.ParquetFile(path) as file:
                schema, metadata = file.schema_arrow, file.metadata
        except (pa.ArrowException, OSError) as fault:
            raise InputError(f"is no whole parquet file: {printable(fault, 120)}", self.place) from fault
        text = (schema.metadata or {}).get(KEY)
        if text is None:
            raise InputError(
                "is no trace: its metadata has no 'pimsim.trace' ('pimsim trace make' and 'convert' write traces)",
                self.place,
            )
        for field in schema:
            if not pa.types.is_integer(field.type):
                what = f"column '{printable(field.name, 60)}' holds {printable(field.type, 60)}"
                raise InputError(f"{what}; a trace holds whole numbers", self.place)
        try:
            self.header = Header.from_json(text.decode("utf-8", "replace"), schema.names)
        except InputError as fault:
            raise InputError(str(fault), self.place) from fault
        self.requests: int | None = int(metadata.num_rows)

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[Chunk]:
        """The requests, a row group at a time (CHUNK of a larger one); the next ones are decoded while the caller works
        on these."""
        from concurrent.futures import ThreadPoolExecutor

        import pyarrow as pa
        import pyarrow.parquet as pq

        names = chosen(self.header, columns)
        checker = Checker(self.header, self.place)
        try:
            with ThreadPoolExecutor(1) as ahead, pq.ParquetFile(self.path, pre_buffer=False) as file:
                pieces = _pieces(file, names)
                coming = ahead.submit(next, pieces, None)
                while (table := coming.result()) is not None:
                    coming = ahead.submit(next, pieces, None)
                    chunk = {name: self._array(name, table.column(i)) for i, name in enumerate(names)}
                    if table.num_rows:
                        checker.check(chunk)
                        yield chunk
        except (pa.ArrowException, OSError) as fault:
            raise InputError(f"is damaged: {printable(fault, 120)}", self.place) from fault

    def _array(self, name: str, column: Any) -> Any:
        """The column as an array of its kind that is the caller's own."""
        if column.null_count:
            raise InputError(f"column {name} has gaps; every request has a value", self.place)
        values = _values(column)
        kind = np.dtype(KINDS[name])
        if not np.can_cast(values.dtype, kind) and len(values):
            limit: Any = np.iinfo(kind)
            low, high = int(values.min()), int(values.max())
            if low < limit.min or high > limit.max:
                worst = low if low < limit.min else high
                raise InputError(f"column {name} holds {worst}; it is from {limit.min} to {limit.max}", self.place)
        return values.astype(kind, copy=True)


def _values(column: Any) -> Any:
    """What a column without gaps holds. pyarrow's own conversion imports pandas: longer than most traces take."""
    kind = np.dtype(str(column.type))
    parts = [
        np.frombuffer(piece.buffers()[1], kind, len(piece), piece.offset * kind.itemsize)
        for piece in column.chunks
        if len(piece)
    ]
    return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0, dtype=kind), *parts])


def _pieces(file: Any, names: list[str]) -> Iterator[Any]:
    """The requests as tables: memory grows with AT_ONCE, not with what the file says of a row group."""
    import pyarrow as pa

    for group in range(file.num_row_groups):
        if file.metadata.row_group(group).num_rows <= AT_ONCE:
            yield file.read_row_group(group, columns=names, use_threads=False)
            continue
        for batch in file.iter_batches(CHUNK, row_groups=[group], columns=names, use_threads=False):
            yield pa.Table.from_batches([batch])


class ParquetWriter:
    """Writes the chunks of a trace to `path`, each as a row group."""

    def __init__(self, path: Path, header: Header):
        import pyarrow as pa
        import pyarrow.parquet as pq

        fields = [pa.field(name, _type_of(name, header), nullable=False) for name in header.columns]
        self.schema = pa.schema(fields, metadata={KEY: header.to_json().encode()})
        # Rows are too many for a dictionary; tables are few. LZ4 unpacks faster than the disk reads.
        small = [name for name in ("table", "write") if name in header.columns]
        times = [name for name in ("bag", "arrival_ns", "arrival_cycle") if name in header.columns]
        self.file = pq.ParquetWriter(
            path, self.schema, compression="lz4", use_dictionary=small, write_statistics=False,
            column_encoding=dict.fromkeys(times, "DELTA_BINARY_PACKED"),
        )  # fmt: skip

    def add(self, chunk: Chunk) -> None:
        """Append one chunk."""
        import pyarrow as pa

        arrays = []
        for field in self.schema:
            values = np.ascontiguousarray(chunk[field.name], dtype=np.dtype(str(field.type)))
            arrays.append(pa.Array.from_buffers(field.type, len(values), [None, pa.py_buffer(values)]))
        made = pa.Table.from_arrays(arrays, schema=self.schema)
        self.file.write_table(made, row_group_size=max(1, made.num_rows))

    def close(self) -> None:
        """Nothing more comes."""
        self.file.close()


def _type_of(name: str, header: Header) -> Any:
    import pyarrow as pa

    if name == "row" and all(table.rows <= _NARROW for table in header.tables):
        return pa.int32()
    return pa.from_numpy_dtype(KINDS[name])
