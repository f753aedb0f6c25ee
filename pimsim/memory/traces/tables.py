"""The tables that a model looks up, and a trace of requests to them where none is given."""

from __future__ import annotations

from dataclasses import dataclass

from pimsim.errors import InputError, printable
from pimsim.graph.workload import Kind, Layer, Workload
from pimsim.memory.traces.form import MAX_TABLES, TableShape
from pimsim.memory.traces.generators import Recipe

ELEMENT_BITS = 32
"""Bits of an element of a table that the model does not store quantised: frameworks keep tables in float32."""

INFERENCES = 10_000
"""Of a default trace."""


@dataclass(frozen=True)
class ModelTables:
    """The tables of a model, in the order in which they are first looked up, and of each the rows that an inference
    asks for. layers: of each, the indices in `Workload.layers` of its lookups."""

    tables: tuple[TableShape, ...]
    pooling: tuple[int, ...]
    layers: tuple[tuple[int, ...], ...]

    @property
    def lookups(self) -> int:
        """Rows that an inference asks for."""
        return sum(self.pooling)


def asks(layer: Layer) -> bool:
    """Whether `layer` is a lookup of at least one row."""
    return layer.kind is Kind.LOOKUP and layer.lookups > 0 and layer.row_elements > 0


def model_tables(workload: Workload, element_bits: int = ELEMENT_BITS) -> ModelTables:
    """The tables of a model's lookups. Lookups of one table ask it for one bag together; those that ask for nothing are
    left out. A layer that does not say how many rows its table has gives it those that its weights make, or that it
    asks for. element_bits: of tables that the model does not store quantised; a row takes whole bytes. Raises
    InputError for a model without lookups."""
    found: dict[tuple[str, int, int, int], tuple[list[int], int]] = {}
    for index, layer in enumerate(workload.layers):
        if not asks(layer):
            continue
        bits = element_bits if layer.weight_bits is None else layer.weight_bits
        rows = layer.table_rows or max(layer.lookups, layer.weight_elements // layer.row_elements)
        key = (layer.weight_key or layer.name, rows, layer.row_elements, bits)
        layers, lookups = found.get(key, ([], 0))
        found[key] = ([*layers, index], lookups + layer.lookups)
    if not found:
        raise InputError(f"the model {printable(workload.name, 60)} looks no table up")
    if len(found) > MAX_TABLES:
        raise InputError(f"the model looks up {len(found):,} tables; at most {MAX_TABLES:,}")
    names: set[str] = set()
    tables = tuple(TableShape(_name(key, names), rows, -(-elements * bits // 8)) for key, rows, elements, bits in found)
    return ModelTables(
        tables, tuple(lookups for _, lookups in found.values()), tuple(tuple(layers) for layers, _ in found.values())
    )


def model_recipe(
    tables: ModelTables, inferences: int = INFERENCES, *, kind: str = "zipf", seed: int = 0, exponent: float = 1.05
) -> Recipe:
    """The recipe of a trace in which each of `inferences` looks up what the model does."""
    pooled = tables.pooling
    pooling = pooled[0] if len({*pooled}) == 1 else pooled
    return Recipe(kind, tables.tables, inferences * tables.lookups, seed, pooling, exponent)


def _name(key: str, taken: set[str]) -> str:
    """`key` as the name of a table: printable, no blanks, unlike the names before."""
    name = printable(key, 150).replace(" ", "_") or "table"
    number, made = 1, name
    while made in taken:
        number += 1
        made = f"{name}_{number}"
    taken.add(made)
    return made
