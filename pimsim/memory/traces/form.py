"""What a trace is: columns of whole numbers in chunks, and a header that names the tables.

A trace of table rows has the columns `table` and `row`, a trace of addresses the column `address` (bytes). The rest may
be left out: `bag` (rows of one table with one bag number are pooled together, as bag i of torch.nn.EmbeddingBag; bag i
of all tables is inference i; without it every row is a bag), `write` (1: a write), and one arrival time, `arrival_ns`
or `arrival_cycle` (of the memory's clock; without it a request is there as soon as it can be taken).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from pimsim.errors import InputError, Place, printable
from pimsim.jit import suited

Array = Any
Chunk = Mapping[str, Array]
"""Column -> array; all of one length."""

CHUNK = 2**18
"""Requests of a chunk as pimsim writes it: its columns fit into the second-level cache."""

KINDS = {
    "bag": np.int64, "table": np.int32, "row": np.int64, "address": np.int64, "write": np.uint8,
    "arrival_ns": np.int64, "arrival_cycle": np.int64,
}  # fmt: skip
"""Every column there is, and its type."""

ARRIVALS = ("arrival_ns", "arrival_cycle")
LARGEST = 2**62
"""Bag numbers, addresses and times are below this, so that sums of two stay in 64 bits."""
MAX_TABLES = 65536
MAX_ROWS = 2**40
MAX_ROW_BYTES = 2**20
VERSION = 1


@dataclass(frozen=True, slots=True)
class TableShape:
    """An embedding table: rows, and bytes of one row."""

    name: str
    rows: int
    row_bytes: int

    def __post_init__(self) -> None:
        shown = f"table '{printable(self.name, 60)}'"
        if not self.name or len(self.name) > 200 or not self.name.isprintable() or " " in self.name:
            raise InputError(f"{shown}: a name is 1 to 200 printable characters without a space")
        for what, value, most in (("rows", self.rows, MAX_ROWS), ("row_bytes", self.row_bytes, MAX_ROW_BYTES)):
            if not 1 <= value <= most:
                raise InputError(f"{shown}: {what} must be from 1 to {most:,}; got {printable(value, 40)}")

    @property
    def size_bytes(self) -> int:
        """Bytes of the whole table."""
        return self.rows * self.row_bytes


@dataclass(frozen=True, slots=True)
class Header:
    """What a trace says before its requests. columns: in the order of KINDS. about: how it was made, for people."""

    columns: tuple[str, ...]
    tables: tuple[TableShape, ...] = ()
    about: str = ""

    def __post_init__(self) -> None:
        got = ", ".join(printable(name, 40) for name in self.columns[:12])
        for name in self.columns:
            if name not in KINDS:
                known = ", ".join(KINDS)
                raise InputError(f"unknown column '{printable(name, 60)}' of a trace (columns: {known})")
        if self.columns != tuple(name for name in KINDS if name in self.columns):
            raise InputError(f"columns of a trace stand once each in the order {', '.join(KINDS)}; got {got}")
        of_rows = {"table", "row"} <= set(self.columns)
        of_addresses = "address" in self.columns and not {"bag", "table", "row"} & set(self.columns)
        if (not of_rows and not of_addresses) or (of_rows and "address" in self.columns):
            raise InputError(f"a trace has the columns table and row, or address without bag, table, row; got {got}")
        if len(set(ARRIVALS) & set(self.columns)) > 1:
            raise InputError("a trace has one arrival time, arrival_ns or arrival_cycle; got both")
        if of_rows != bool(self.tables):
            raise InputError("a trace of rows names its tables; a trace of addresses has none")
        if len(self.tables) > MAX_TABLES:
            raise InputError(f"at most {MAX_TABLES:,} tables; got {len(self.tables):,}")
        names: set[str] = set()
        for table in self.tables:
            if table.name in names:
                raise InputError(f"two tables have the name '{printable(table.name, 60)}'")
            names.add(table.name)

    @property
    def of_rows(self) -> bool:
        """Whether requests are table rows, not addresses."""
        return "row" in self.columns

    @property
    def arrival(self) -> str:
        """The column of arrival times, or ''."""
        return next((name for name in ARRIVALS if name in self.columns), "")

    def first_rows(self) -> Array:
        """Where each table begins when the rows of all are counted through: tables + 1 numbers (int64)."""
        return np.cumsum([0, *(table.rows for table in self.tables)], dtype=np.int64)

    def to_json(self) -> str:
        """The header as the text that a parquet file carries; `from_json` is its inverse."""
        tables = [{"name": t.name, "rows": t.rows, "row_bytes": t.row_bytes} for t in self.tables]
        return json.dumps({"version": VERSION, "tables": tables, "about": self.about})

    @staticmethod
    def from_json(text: str, columns: Sequence[str]) -> Header:
        """The header of a file with these columns. Raises InputError for what is no header."""
        try:
            read = json.loads(text)
            if read["version"] != VERSION:
                got = printable(read["version"], 40)
                raise InputError(f"is of version {got} of the trace format; this pimsim reads version {VERSION}")
            if len(read["tables"]) > MAX_TABLES:
                raise InputError(f"at most {MAX_TABLES:,} tables; got {len(read['tables']):,}")
            tables = tuple(TableShape(*_typed(table)) for table in read["tables"])
            about = read.get("about", "")
            if not isinstance(about, str):
                raise TypeError("about is a text")
        except (ValueError, KeyError, TypeError, RecursionError, AttributeError) as fault:
            raise InputError(f"has a header that is none: {printable(fault, 120)}") from fault
        return Header(tuple(columns), tables, about)


def _typed(table: Mapping[str, Any]) -> tuple[str, int, int]:
    name, rows, row_bytes = table["name"], table["rows"], table["row_bytes"]
    if not isinstance(name, str) or type(rows) is not int or type(row_bytes) is not int:
        raise TypeError("a table has a name (text), rows and row_bytes (whole numbers)")
    return name, rows, row_bytes


class Trace(Protocol):
    """A trace that is open for reading, once or again. requests: their number, None where only reading it all tells."""

    header: Header
    requests: int | None

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[Chunk]:
        """The requests in order, with these columns (all when None). Raises InputError for one that breaks a rule."""
        ...


def chosen(header: Header, columns: Sequence[str] | None) -> list[str]:
    """The names of `columns` that the trace has, in its order, with the table wherever the row is."""
    if columns is None:
        return list(header.columns)
    wanted = {*columns, *(["table"] if "row" in columns else [])}
    return [name for name in header.columns if name in wanted]


# -- rules of the requests ---------------------------------------------------------------------------------------------

FAULTS = {
    1: "table {value} is not there; tables are numbered from 0, and there are {bound}",
    2: "row {value} is outside its table; rows are numbered from 0, and there are {bound}",
    3: "address {value} is not from 0 to 2^62 - 1",
    4: "write is {value}; it is 0 or 1",
    5: "bag {value} comes after bag {bound}; bags do not go back, and are not below 0",
    6: "arrival {value} comes after arrival {bound}; arrivals do not go back, and are not below 0",
}


def check_rows(table: Array, row: Array, sizes: Array, fault: Array) -> int:
    """Index of the first request outside its table, with (rule, value, bound) in `fault`; -1 for none."""
    tables = len(sizes)
    # Lows and highs first: the compiler takes many at a time, and almost always they are all that is needed.
    low, high, first, last = 0, -1, 0, -1
    for i in range(len(row)):
        low, high = min(low, row[i]), max(high, row[i])
        first, last = min(first, table[i]), max(last, table[i])
    smallest = LARGEST
    for t in range(tables):
        smallest = min(smallest, sizes[t])
    if low == 0 and high < smallest and first == 0 and last < tables:
        return -1
    for i in range(len(row)):
        t = table[i]
        if t < 0 or t >= tables:
            fault[0], fault[1], fault[2] = 1, t, tables
            return i
        if row[i] < 0 or row[i] >= sizes[t]:
            fault[0], fault[1], fault[2] = 2, row[i], sizes[t]
            return i
    return -1


def check_order(values: Array, last: int, largest: int, rule: int, fault: Array) -> int:
    """As `check_rows`, for values that do not go back (from `last` on) and stay below `largest`."""
    for i in range(len(values)):
        if values[i] < last or values[i] >= largest:
            fault[0], fault[1], fault[2] = rule, values[i], last
            return i
        last = values[i]
    return -1


def check_range(values: Array, largest: int, rule: int, fault: Array) -> int:
    """As `check_rows`, for values from 0 to `largest` - 1."""
    for i in range(len(values)):
        if values[i] < 0 or values[i] >= largest:
            fault[0], fault[1] = rule, values[i]
            return i
    return -1


def need_rows(header: Header) -> None:
    """Raises InputError for a trace of addresses."""
    if not header.of_rows:
        raise InputError("a trace of table rows is needed; this one has addresses")


@dataclass
class Checker:
    """Holds requests to the rules of a header, chunk after chunk. place: the file, for messages."""

    header: Header
    place: Place
    requests: int = 0
    last: dict[str, int] = field(default_factory=dict)

    def check(self, chunk: Chunk, where: Callable[[int, str], Place] | None = None) -> None:
        """Raises InputError for a request of `chunk` that breaks a rule, with its number (from 0) or its place. where:
        the place of a column of a request of the chunk."""
        fault = np.zeros(3, dtype=np.int64)
        found = -1
        count = len(next(iter(chunk.values())))
        rows, order, span = (suited(self.requests + count, one) for one in (check_rows, check_order, check_range))
        for name, values in chunk.items():
            if name == "row":
                sizes = np.array([table.rows for table in self.header.tables], dtype=np.int64)
                found = rows(chunk["table"], values, sizes, fault)
            elif name == "write":
                found = span(values, 2, 4, fault)
            elif name == "address":
                found = span(values, LARGEST, 3, fault)
            elif name in ("bag", *ARRIVALS):
                found = order(values, self.last.get(name, 0), LARGEST, 5 if name == "bag" else 6, fault)
                if count:
                    self.last[name] = int(values[-1])
            if found >= 0:
                text = FAULTS[int(fault[0])].format(value=int(fault[1]), bound=int(fault[2]))
                if where is not None:
                    raise InputError(text, where(found, "table" if fault[0] == 1 else name))
                raise InputError(f"request {self.requests + found:,}: {text}", self.place)
        self.requests += count
