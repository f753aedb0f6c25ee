"""Are a model's tables, and the trace of requests to them, those that its lookups say?"""

from __future__ import annotations

import numpy as np
import pytest

from pimsim.errors import InputError
from pimsim.graph.workload import Kind, Layer, Workload
from pimsim.memory.traces import write_trace
from pimsim.memory.traces.generators import MadeTrace, Recipe, even_tables
from pimsim.memory.traces.tables import model_recipe, model_tables


def lookup(name: str, key: str, rows: int, elements: int, lookups: int, bits: int | None = None) -> Layer:
    return Layer(
        name, "Gather", Kind.LOOKUP, weight_key=key, table_rows=rows, row_elements=elements, lookups=lookups,
        weight_bits=bits,
    )  # fmt: skip


def workload(*layers: Layer) -> Workload:
    return Workload("net", (Layer("fc", "Gemm", Kind.MVM, rows=4, cols=4, groups=1, vectors=1), *layers))


NET = workload(
    lookup("a", "users", 1000, 16, 1), lookup("b", "items", 50, 10, 20, bits=4), lookup("c", "users", 1000, 16, 2),
    lookup("d", "", 7, 3, 1), lookup("e", "a name\n", 9, 1, 1),
)  # fmt: skip


def test_tables_are_those_of_the_lookups() -> None:
    found = model_tables(NET)
    assert [(t.name, t.rows, t.row_bytes) for t in found.tables] == [
        ("users", 1000, 64), ("items", 50, 5), ("d", 7, 12), ("a_name\\n", 9, 4)
    ]  # fmt: skip
    assert found.pooling == (3, 20, 1, 1)
    assert found.layers == ((1, 3), (2,), (4,), (5,))
    assert [t.row_bytes for t in model_tables(NET, element_bits=8).tables] == [16, 5, 3, 1]


def test_a_default_trace_asks_for_what_an_inference_looks_up() -> None:
    trace = MadeTrace(model_recipe(model_tables(NET), 300, seed=3))
    assert trace.requests == 300 * 25
    whole = [np.concatenate(parts) for parts in zip(*(c.values() for c in trace.chunks()), strict=True)]
    bag, table, row = whole
    for number, pooling in enumerate((3, 20, 1, 1)):
        np.testing.assert_array_equal(np.bincount(bag[table == number]), np.full(300, pooling))
    assert row.max() < 1000
    again = np.concatenate([chunk["row"] for chunk in trace.chunks(["row"])])
    np.testing.assert_array_equal(again, row)
    seeded = MadeTrace(model_recipe(model_tables(NET), 300, seed=4))
    other = np.concatenate([chunk["row"] for chunk in seeded.chunks()])
    assert (other != row).any()


def test_pooling_by_table_is_the_same_trace_as_pooling_for_all(tmp_path) -> None:  # type: ignore[no-untyped-def]
    recipes = [Recipe("zipf", even_tables(3, 500, 64), 1000, 1, pooling) for pooling in (4, (4, 4, 4))]
    files = [tmp_path / f"{i}.parquet" for i in range(2)]
    for recipe, file in zip(recipes, files, strict=True):
        write_trace(file, recipe.header(), MadeTrace(recipe).chunks())
    assert files[0].read_bytes() == files[1].read_bytes()


def test_many_tables_take_little_room() -> None:
    """Each table has random numbers of its own; 20,000 of them must not draw 64 Ki each."""
    recipe = Recipe("zipf", even_tables(20_000, 10, 64), 20_000)
    (chunk,) = recipe.chunks()
    np.testing.assert_array_equal(chunk["table"], np.arange(20_000))


def test_a_model_without_lookups_has_no_trace() -> None:
    with pytest.raises(InputError, match=r"^the model net looks no table up$"):
        model_tables(workload())
    with pytest.raises(InputError, match=r"^pooling has 2 numbers for 1 tables$"):
        Recipe("zipf", even_tables(1, 5, 8), 1, 0, (1, 2))
    assert model_recipe(model_tables(NET), 2).requests == 50
