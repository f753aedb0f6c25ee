"""The layers that give the sparse features of a schema: look-ups and pooling."""

from __future__ import annotations

from dataclasses import replace

from nas.data.fields import Schema
from nas.spaces.sizes import runs
from pimsim.graph.workload import MODEL_INPUT, Edge, Kind, Layer


def stem_layers(schema: Schema, dim: int, given: bool) -> tuple[Layer, ...]:
    """The layers; the last gives (dim, fields). given: embedded features come in from outside."""
    size = dim * len(schema.sparse)
    if given:
        share = 1.0 / len(schema.sparse)
        return (_layer("embeddings/transpose", "Transpose", Kind.MOVE, ((MODEL_INPUT, size),), size, share=share),)
    ids, rows = schema.width, schema.embedding_rows
    add = _layer("embeddings/places", "Add", Kind.DIGITAL, ((MODEL_INPUT, ids),), ids, vector=ids)
    look_up = Layer(
        "embeddings/rows", "Gather", Kind.LOOKUP, (Edge(0, ids),), weight_elements=rows * dim, input_elements=ids,
        output_elements=ids * dim, lookups=ids, row_elements=dim, table_rows=rows,
    )  # fmt: skip
    found = [add, look_up]
    source = 1
    if any(field.pooling for field in schema.sparse):
        source = _pool(found, schema, dim)
    return (*found, _layer("embeddings/transpose", "Transpose", Kind.MOVE, ((source, size),), size))


def _pool(found: list[Layer], schema: Schema, dim: int) -> int:
    """Appends the steps of pooled fields, beside slices of those between them; returns the layer with all features."""
    parts = []
    for pooling, columns in runs((field.pooling, field.length) for field in schema.sparse):
        length = columns.stop - columns.start
        found.append(_layer(_name("slice", found), "Slice", Kind.MOVE, ((1, length * dim),), length * dim))
        if pooling:
            _masked_sum(found, length, dim, pooling == "mean")
        parts.append((len(found) - 1, dim if pooling else length * dim))
    if len(parts) > 1:
        found.append(_layer("embeddings/concat", "Concat", Kind.MOVE, tuple(parts), sum(size for _, size in parts)))
    return len(found) - 1


def _masked_sum(found: list[Layer], length: int, dim: int, mean: bool) -> None:
    """Adds up the rows of the last layer where ids are not padding; divides by their number."""
    rows, size = len(found) - 1, length * dim

    def step(name: str, op: str, *sources: tuple[int, int], outputs: int, **counts: int) -> int:
        kind = Kind.MOVE if op == "Slice" else Kind.DIGITAL
        found.append(_layer(_name(name, found), op, kind, sources, outputs, **counts))
        return len(found) - 1

    at = step("ids", "Slice", (MODEL_INPUT, length), outputs=length)
    at = step("equal", "Equal", (at, length), outputs=length, vector=length)
    at = step("not", "Not", (at, length), outputs=length, vector=length)
    mask = step("mask", "Cast", (at, length), outputs=length, vector=length)
    at = step("masked", "Mul", (rows, size), (mask, length), outputs=size, vector=size)
    share = 1.0 / length  # the mask is taken id by id
    whole, part = found[at].inputs
    found[at] = replace(found[at], inputs=(whole, replace(part, first=share, last=share)))
    total = step("sum", "ReduceSum", (at, size), outputs=dim, vector=size)
    if mean:
        at = step("count", "ReduceSum", (mask, length), outputs=1, vector=length)
        at = step("least", "Clip", (at, 1), outputs=1, vector=2)
        step("mean", "Div", (total, dim), (at, 1), outputs=dim, special=dim)


def _name(name: str, found: list[Layer]) -> str:
    return f"embeddings/{name}_{len(found)}"


def _layer(
    name: str, op: str, kind: Kind, sources: tuple[tuple[int, int], ...], outputs: int, *, vector: int = 0,
    special: int = 0, share: float = 1.0,
) -> Layer:  # fmt: skip
    edges = tuple(Edge(source, elements, share, share) for source, elements in sources)
    return Layer(
        name, op, kind, edges, input_elements=sum(elements for _, elements in sources), output_elements=outputs,
        vector_ops=vector, special_ops=special,
    )  # fmt: skip
