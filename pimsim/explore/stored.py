"""What the formats of result files have in common: a writer that takes pieces, a source that gives them back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

from pimsim.cost.table import Table

BLOCK_ROWS = 65536
MAX_TEXT = 100_000
"""Characters of one text of a file that is read."""

Array = Any


class Writer(ABC):
    """Takes tables of the same columns, one after the other."""

    def add(self, table: Table) -> None:
        """Append the rows of `table`."""
        self.add_arrow(arrow_of(table))

    @abstractmethod
    def add_arrow(self, made: Any) -> None:
        """Append the rows of an Arrow table."""

    @abstractmethod
    def close(self) -> None:
        """Nothing more comes."""


class Source(ABC):
    """An open file. rows: how many it says that it has. kinds: column -> int64, float64, bool or object (text).
    about: what it is of, as JSON."""

    rows: int
    kinds: dict[str, str]
    about: str

    @abstractmethod
    def blocks(self, names: Sequence[str], wanted: Array | None = None) -> Iterator[tuple[int, Table]]:
        """(number of the first row, rows) in order, of the columns `names`. wanted: sorted numbers of rows; blocks
        without any of them may be left out. Missing numbers are NaN, missing texts empty."""


def arrow_of(table: Table) -> Any:
    """`table` as an Arrow table; columns of mixed values become text."""
    import pyarrow as pa

    return pa.table({name: _arrow_column(column) for name, column in table.data.items()})


def _arrow_column(values: Any) -> Any:
    import pyarrow as pa

    if values.dtype != object:
        return pa.array(values)
    texts = [value if isinstance(value, str) else "" if value is None else str(value) for value in values.tolist()]
    return pa.array(texts, pa.string())
