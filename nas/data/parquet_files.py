"""Parquet files, some rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from nas.data.chunks import Chunk, reading, unique_names

ROWS = 65_536  # read at a time


def parquet_chunks(path: Path, rename: dict[str, str], wanted: set[str]) -> Iterator[Chunk]:
    """The chunks of a file with its `wanted` columns, of whatever types the file has."""
    import pyarrow.parquet as pq

    first = 1
    with reading(path), pq.ParquetFile(path) as file:
        stored = unique_names(file.schema_arrow.names, path)
        chosen = [name for name in stored if rename.get(name, name) in wanted]
        for batch in file.iter_batches(ROWS, columns=chosen):
            columns = {rename.get(name, name): batch.column(name) for name in chosen}
            if len(batch):
                yield Chunk(columns, np.arange(first, first + len(batch)), str(path))
            first += len(batch)


def parquet_columns(path: Path, rename: dict[str, str]) -> list[str]:
    """Names of the columns of a file, renamed."""
    import pyarrow.parquet as pq

    with reading(path):
        return [rename.get(name, name) for name in unique_names(pq.read_schema(path).names, path)]
