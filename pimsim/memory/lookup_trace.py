"""A trace as the tables of a model see it: which rows each inference asks for, in arrays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pimsim.errors import InputError, printable
from pimsim.memory.traces.form import Chunk, Header, TableShape, Trace, chosen
from pimsim.memory.traces.tables import ModelTables

Array = Any
MOST_REQUESTS = 1 << 22
"""Rows of a trace that are looked at; what follows is left out."""


@dataclass(frozen=True)
class Asked:
    """Rows in the order in which they are asked for. inference: from 0, never decreasing. table: of the model. part:
    rows of one inference, table and part are pooled as the trace has them (its own table). tables: their shapes.
    whole: whether that is all of the trace."""

    inference: Array
    table: Array
    row: Array
    part: Array
    tables: tuple[TableShape, ...]
    whole: bool = True

    @property
    def inferences(self) -> int:
        """How many inferences ask."""
        return int(self.inference[-1]) + 1 if len(self.inference) else 0

    def first(self, inferences: int) -> Asked:
        """What the first inferences ask for."""
        n = int(np.searchsorted(self.inference, inferences))
        return Asked(self.inference[:n], self.table[:n], self.row[:n], self.part[:n], self.tables, False)


class Rows:
    """`Asked` as an open trace. arrival: cycle of each inference; None: all rows are asked for at the start."""

    def __init__(self, asked: Asked, arrival: Array | None = None):
        columns = ("bag", "table", "row") + (() if arrival is None else ("arrival_cycle",))
        self.header = Header(columns, asked.tables)
        self.requests: int | None = len(asked.row)
        self.columns = {"bag": asked.inference, "table": asked.table, "row": asked.row}
        if arrival is not None:
            self.columns["arrival_cycle"] = arrival[asked.inference]

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[Chunk]:
        """All at once."""
        yield {name: self.columns[name] for name in chosen(self.header, columns)}


def asked_of(trace: Trace, model: ModelTables) -> Asked:
    """The rows that a trace asks the model's tables for.

    Tables of a trace are the model's by their names, or, where no name is a table's of the model, by their order, as
    many as the model has. Where the model has one table and the trace several with as many rows in all, they stand one
    after another in it. Rows have the model's bytes. Raises InputError for addresses, a table or a row that the model
    does not have, and a table of the model that is never asked.
    """
    header = trace.header
    if not header.of_rows:
        raise InputError("lookups of a model need a trace of table rows; this one has addresses")
    target, offset = _targets(header.tables, model)
    limit = np.array([table.rows for table in model.tables], dtype=np.int64)
    parts: list[tuple[Array, ...]] = []
    held, last, count = 0, -1, 0
    for chunk in trace.chunks(["bag", "table", "row"]):
        bag = chunk["bag"] if "bag" in chunk else np.arange(last + 1, last + 1 + len(chunk["row"]))
        inference = count - 1 + np.cumsum(np.diff(bag, prepend=last) != 0)
        if len(bag):
            last, count = int(bag[-1]), int(inference[-1]) + 1
        own, table = chunk["table"], target[chunk["table"]]
        row = chunk["row"] + offset[own]
        bad = np.flatnonzero(row >= limit[table])
        if len(bad):
            at = int(bad[0])
            shape = model.tables[int(table[at])]
            raise InputError(
                f"request {held + at:,} of the trace asks for row {int(row[at]):,} of table "
                f"'{printable(shape.name, 60)}', which has {shape.rows:,} rows in the model"
            )
        parts.append((inference, table.astype(np.int32), row, own))
        held += len(row)
        if held > MOST_REQUESTS:
            break
    if not held:
        raise InputError("the trace has no requests")
    inference, table, row, own = (np.concatenate(some) for some in zip(*parts, strict=True))
    asked = Asked(inference, table, row, own, model.tables)
    never = set(range(len(model.tables))) - set(np.unique(table).tolist())
    if never:
        name = printable(model.tables[min(never)].name, 60)
        raise InputError(f"the trace asks for no row of table '{name}', which the model looks up")
    return asked.first(max(1, asked.inferences - 1)) if held > MOST_REQUESTS else asked


def _targets(tables: tuple[TableShape, ...], model: ModelTables) -> tuple[Array, Array]:
    """Of each table of a trace: the table of the model, and where it begins in it."""
    names = {table.name: index for index, table in enumerate(model.tables)}
    rows = sum(table.rows for table in tables)
    nothing = np.zeros(len(tables), dtype=np.int64)
    if any(table.name in names for table in tables):
        unknown = next((table.name for table in tables if table.name not in names), None)
        if unknown is not None:
            known = ", ".join(printable(table.name, 60) for table in model.tables[:8])
            known += ", ..." if len(model.tables) > 8 else ""
            raise InputError(f"the trace has a table '{printable(unknown, 60)}', the model does not; its are {known}")
        return np.array([names[table.name] for table in tables], dtype=np.int64), nothing
    if len(tables) == len(model.tables):
        return np.arange(len(tables), dtype=np.int64), nothing
    if len(model.tables) == 1 and rows == model.tables[0].rows:
        before = np.cumsum([0, *(table.rows for table in tables)])[:-1]
        return nothing, before.astype(np.int64)
    shown = f"{len(model.tables):,} tables with {sum(table.rows for table in model.tables):,} rows"
    raise InputError(f"the trace has {len(tables):,} tables with {rows:,} rows, the model {shown}")
