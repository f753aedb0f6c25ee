"""A trace as inferences of a model ask its tables, also where it is of other tables than the model's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pimsim.errors import InputError
from pimsim.memory.device import Device
from pimsim.memory.lookup_trace import MOST_REQUESTS, Asked, Rows, asked_of
from pimsim.memory.serving.lookups import Array, trace_arrivals
from pimsim.memory.traces.form import Trace
from pimsim.memory.traces.tables import ModelTables


@dataclass(frozen=True)
class ModelTrace:
    """asked: the rows that the model is asked for. note: what had to be done for that; empty when the
    trace is of the model's tables. dealt: whether requests were dealt out (see `dealt`)."""

    asked: Asked
    note: str
    given: Trace
    dealt: int = 0

    @property
    def rows(self) -> Rows:
        """As an open trace: bag i is inference i."""
        return Rows(self.asked)

    def arrivals(self, device: Device) -> Array:
        """When (ns) each inference arrives: with its first request. Raises InputError for a trace that does not say."""
        name = self.given.header.arrival
        if not self.dealt or not name:
            return trace_arrivals(self.given, device)[: self.asked.inferences]
        scale = 1.0 if name == "arrival_ns" else 1000.0 / device.clock_MHz
        times = np.concatenate([chunk[name] for chunk in self.given.chunks(["table", "row", name])])
        return times[:: self.dealt][: self.asked.inferences] * scale


def of_model(trace: Trace, model: ModelTables) -> ModelTrace:
    """A trace as the model asks it: as it is where its tables and rows are the model's (`lookup_trace.asked_of`), else
    dealt out, with a note that says why. Raises InputError for a trace of addresses, or without requests."""
    try:
        asked = asked_of(trace, model)
    except InputError as fault:
        if not trace.header.of_rows:
            raise
        why, asked = str(fault), dealt(trace, model)
    else:
        return ModelTrace(asked, "", trace)
    note = f"{why}; its requests are dealt out to the model's tables in turn, row numbers modulo their rows"
    return ModelTrace(asked, note, trace, model.lookups)


def dealt(trace: Trace, model: ModelTables) -> Asked:
    """The requests of a trace as one stream of row numbers: an inference takes the next `model.lookups` of them, in
    the order of the model's tables, each modulo the rows of its table. What is left over at the end is dropped, unless
    there is nothing else. Raises InputError for a trace without requests."""
    parts, held = [], 0
    for chunk in trace.chunks(["table", "row"]):
        parts.append(chunk["row"])
        held += len(chunk["row"])
        if held > MOST_REQUESTS:
            break
    if not held:
        raise InputError("the trace has no requests")
    slots = model.lookups
    number = np.arange(held if held < slots else min(held, MOST_REQUESTS) // slots * slots)
    table = np.repeat(np.arange(len(model.tables), dtype=np.int32), model.pooling)[number % slots]
    rows = np.array([shape.rows for shape in model.tables], dtype=np.int64)
    return Asked(
        number // slots, table, np.concatenate(parts)[: len(number)] % rows[table], table, model.tables,
        held <= MOST_REQUESTS,
    )  # fmt: skip
