"""Does a service ask for the rows that the trace has, of the model's own tables, near the banks as well?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from pimsim.errors import InputError
from pimsim.memory.device import load_device
from pimsim.memory.near.run import NearMemory, run_near
from pimsim.memory.near.spec import load_near
from pimsim.memory.policy import Policy
from pimsim.memory.serving.banks import Traffic
from pimsim.memory.serving.near import near_of_model, near_tables
from pimsim.memory.serving.run import Pipeline, serve
from pimsim.memory.serving.service import Batching
from pimsim.memory.serving.trace import of_model
from pimsim.memory.traces.form import Chunk, Header, TableShape
from pimsim.memory.traces.tables import ModelTables

MODEL = ModelTables((TableShape("users", 10, 64), TableShape("items", 1000, 64)), (1, 2), ((0,), (1,)))


class Given:
    """A trace out of columns, in two chunks."""

    def __init__(self, tables: tuple[TableShape, ...], **columns: Sequence[int]):
        self.columns = {name: np.array(values) for name, values in columns.items()}
        self.header, self.requests = Header(tuple(columns), tables), len(self.columns[next(iter(columns))])

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[Chunk]:
        for part in (slice(0, 4), slice(4, None)):
            yield {name: values[part] for name, values in self.columns.items() if columns is None or name in columns}


def test_a_trace_of_the_models_tables_is_taken_as_it_is() -> None:
    tables = (TableShape("users", 10, 32), TableShape("items", 1000, 32))
    trace = Given(tables, bag=[0, 0, 0, 1, 1], table=[0, 1, 1, 0, 1], row=[9, 7, 8, 1, 2], arrival_ns=[5, 5, 6, 9, 9])
    made = of_model(trace, MODEL)
    assert made.note == ""
    assert made.rows.columns["bag"].tolist() == [0, 0, 0, 1, 1]
    assert made.rows.header.tables == MODEL.tables, "rows have the model's bytes"
    assert made.arrivals(load_device("ddr4_2400")).tolist() == [5.0, 9.0]


def test_another_trace_is_dealt_out() -> None:
    """Three rows an inference: a user, two items; numbers beyond a table's end come round; the seventh is left over."""
    trace = Given(
        (TableShape("t", 5000, 32),), table=[0] * 7, row=[12, 1500, 3, 4, 5, 6, 7], arrival_cycle=range(10, 17)
    )
    made = of_model(trace, MODEL)
    assert made.note == (
        "the trace has 1 tables with 5,000 rows, the model 2 tables with 1,010 rows; its requests are dealt out to the "
        "model's tables in turn, row numbers modulo their rows"
    )
    columns = made.rows.columns
    assert [columns[name].tolist() for name in ("bag", "table", "row")] == [
        [0, 0, 0, 1, 1, 1], [0, 1, 1, 0, 1, 1], [2, 500, 3, 4, 5, 6],
    ]  # fmt: skip
    device = load_device("ddr4_2400")
    assert made.arrivals(device).tolist() == [device.ns(10), device.ns(13)]


def test_a_trace_that_cannot_be_dealt_is_refused() -> None:
    with pytest.raises(InputError, match="lookups of a model need a trace of table rows; this one has addresses"):
        of_model(Given((), address=[0, 64]), MODEL)
    with pytest.raises(InputError, match="the trace has no requests"):
        of_model(Given((TableShape("t", 5000, 32),), table=[], row=[]), MODEL)


def test_near_the_banks_rows_are_added_where_the_model_adds_them() -> None:
    tables = (TableShape("users", 10, 64), TableShape("items", 1000, 64))
    trace = Given(tables, bag=[0, 0, 0, 1, 1, 1], table=[0, 1, 1, 0, 1, 1], row=[9, 7, 8, 1, 2, 3])
    asked, near, policy = of_model(trace, MODEL).asked, load_near("hbm2_banks"), Policy()
    pooled, single = (near_of_model(asked, sums, near, policy) for sums in ((1, 1), (1, 2)))
    assert (pooled.first.tolist(), single.first.tolist()) == ([0, 2, 4], [0, 3, 6])
    plain = near_tables(trace, near, policy)
    assert plain.first.tolist() == pooled.first.tolist()
    assert plain.bags.address.tolist() == pooled.bags.address.tolist()
    # Both at once is one run of the near memory; an inference is there with its last sum.
    served = serve(pooled, Pipeline(0.0, 0.0), Batching(2), np.zeros(2))
    bags = pooled.bags
    whole = run_near(near, policy, bags.address, bags.first, bags.row_bytes)
    last = np.maximum.reduceat(whole.done, pooled.first[:-1]) * 1000.0 / near.clock_MHz
    assert served.looked_up == pytest.approx(last)
    assert served.energy_pJ["memory"] == {name: value / 2 for name, value in whole.energy_pJ.items()}


def test_near_the_banks_the_arithmetic_moves_its_bytes_over_the_same_banks() -> None:
    """Call by call: rows and inputs of an inference, its weights, its outputs, one after the other in one memory."""
    tables = (TableShape("users", 10, 64), TableShape("items", 1000, 64))
    trace = Given(tables, bag=[0, 0, 1, 1, 2, 2], table=[0, 1] * 3, row=[9, 7, 1, 2, 9, 7])
    near, policy = load_near("hbm2_banks"), Policy()
    own = near_tables(trace, near, policy, Traffic(100, 600, 1))
    served = serve(own, Pipeline(300.0, 30.0), Batching(), np.zeros(3))
    assert near.clock_MHz == 1000.0, "a cycle is a nanosecond"
    memory, bags = NearMemory(near, policy), own.bags
    base = near.memory.capacity_bytes - 32 * (4 + 1 + 19)
    inputs, output, weights = (base + 32 * np.arange(*at) for at in ((0, 4), (4, 5), (5, 24)))
    now = 0
    for i in range(3):
        rows = bags.address[2 * i : 2 * i + 2]
        sums = memory.feed(rows, np.arange(3), 64, np.array([now, now]))
        looked_up = max(*sums, *memory.move(inputs, False, now))
        computed = max(looked_up + 300, *memory.move(weights, False, looked_up))
        now = int(memory.move(output, True, computed)[0])
        assert (served.looked_up[i], served.computed[i], served.done[i]) == (looked_up, computed, now)
    assert served.memory.energy_pJ == memory.finish().energy_pJ
    assert served.memory.energy_pJ["write"] > 0.0


def test_near_the_banks_bytes_that_do_not_fit_are_refused() -> None:
    trace = Given((TableShape("t", 100, 64),), bag=[0, 1, 2, 3, 4], table=[0] * 5, row=[99] * 5)
    near = load_near("hbm2_banks", overrides=["device.organisation.rows=1", "device.organisation.channels=1"])
    own = near_tables(trace, near, Policy(), Traffic(near.memory.capacity_bytes))
    with pytest.raises(InputError, match=r"hbm2: no room behind the tables for [\d,]+ bytes of inputs, outputs"):
        serve(own, Pipeline(1.0, 1.0), Batching(), np.zeros(1))
