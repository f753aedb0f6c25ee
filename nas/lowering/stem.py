"""The layers that give the sparse features of a schema: look-ups and pooling."""

from __future__ import annotations

from nas.data.fields import Schema
from pimsim.graph.workload import MODEL_INPUT, Edge, Kind, Layer


def stem_layers(schema: Schema, dim: int, given: bool) -> tuple[Layer, ...]:
    """The layers; the last gives (dim, fields). given: embedded features come in from outside."""
    size = dim * len(schema.sparse)
    if given:
        return (_layer("embeddings/transpose", "Transpose", Kind.MOVE, ((MODEL_INPUT, size),), size, share=1.0 / dim),)
    ids, rows = schema.width, schema.embedding_rows
    look_up = Layer(
        "embeddings/rows", "Gather", Kind.LOOKUP, (Edge(0, ids),), weight_elements=rows * dim, input_elements=ids,
        output_elements=ids * dim, lookups=ids, row_elements=dim, table_rows=rows,
    )  # fmt: skip
    add = _layer("embeddings/places", "Add", Kind.DIGITAL, ((MODEL_INPUT, ids),), ids, vector=ids)
    return (add, look_up, _layer("embeddings/transpose", "Transpose", Kind.MOVE, ((1, size),), size))


def _layer(
    name: str, op: str, kind: Kind, sources: tuple[tuple[int, int], ...], outputs: int, *, vector: int = 0,
    special: int = 0, share: float = 1.0,
) -> Layer:  # fmt: skip
    edges = tuple(Edge(source, elements, share, share) for source, elements in sources)
    return Layer(
        name, op, kind, edges, input_elements=sum(elements for _, elements in sources), output_elements=outputs,
        vector_ops=vector, special_ops=special,
    )  # fmt: skip
