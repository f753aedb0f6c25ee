"""Rows read from constant tables: Gather and its relatives, and embedding layers of com.microsoft."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from pimsim.graph.nodes import Constant, Tensor
from pimsim.graph.operators import streaming
from pimsim.graph.operators.movement import picked
from pimsim.graph.operators.products import weight_bits
from pimsim.graph.operators.site import Handler, Site
from pimsim.graph.workload import Edge, Kind, Unit


def emit_lookup(
    site: Site,
    edges: tuple[Edge, ...],
    table: Constant,
    *,
    lookups: int,
    row: int,
    rows: int,
    indices: int,
    order: tuple[int, ...] = (),
    suffix: str = "",
    outputs: tuple[int, ...] | None = None,
) -> int | None:
    """Emits a LOOKUP layer of `lookups` rows of `row` elements out of a table of `rows` rows; None when empty."""
    if lookups * row * rows == 0:
        site.note("a dimension of this look-up is 0: nothing is read")
        site.alias(streaming.NO_FLOW)
        return None
    site.weigh(table)
    return site.emit(
        Kind.LOOKUP, edges, order=order, suffix=suffix, outputs=outputs, weight_key=table.key,
        weight_elements=rows * row,
        weight_bits=weight_bits(table), input_elements=indices, output_elements=lookups * row, lookups=lookups,
        row_elements=row, table_rows=rows,
    )  # fmt: skip


def is_table(tensor: Tensor) -> bool:
    """Whether a constant is a table of rows: at least two dimensions, or one of a type that no index has."""
    if tensor.constant is None or not tensor.shape:
        return False
    return len(tensor.shape) >= 2 or not tensor.dtype.startswith(("int", "uint", "bool"))


def gather(site: Site) -> None:
    """Gather: a look-up when the data are a constant table, else a movement.

    An index along `axis` reads what lies behind that axis as one row, once for each position before it.
    """
    data = site.need(0)
    if not is_table(data):
        picked(site)
        return
    indices = site.need(1)
    shape = site.shape(0, 1)
    axis = site.axis(site.attr_int("axis", 0), len(shape))
    count = site.elements(indices)
    if indices.shape is None and not count:
        site.shape(1)
    outer = prod(shape[:axis])
    order = site.order_of(1) if axis == 0 else ()
    emit_lookup(
        site, site.edge(1), data.constant or site.fail("its table is not constant"), lookups=outer * count,
        row=prod(shape[axis + 1 :]), rows=outer * shape[axis], indices=count, order=order,
    )  # fmt: skip


def gather_elements(site: Site) -> None:
    """GatherElements on a constant: every index reads a single element."""
    data = site.need(0)
    if not is_table(data):
        picked(site)
        return
    count = site.elements(site.need(1)) or prod(site.shape(1))
    emit_lookup(
        site, site.edge(1), data.constant or site.fail("its table is not constant"), lookups=count, row=1,
        rows=prod(site.shape(0)), indices=count,
    )  # fmt: skip


def gather_nd(site: Site) -> None:
    """GatherND on a constant: every index tuple (the last axis of the indices) reads the rest of the data as a row."""
    data = site.need(0)
    if not is_table(data):
        picked(site)
        return
    shape, indices = site.shape(0, 1), site.shape(1, 1)
    batch = site.attr_int("batch_dims", 0, low=0)
    depth = batch + indices[-1]
    if depth > len(shape):
        site.fail(f"its indices have the shape {list(indices)}; the data {list(shape)} have fewer dimensions")
    emit_lookup(
        site, site.edge(1, ()), data.constant or site.fail("its table is not constant"), lookups=prod(indices[:-1]),
        row=prod(shape[depth:]), rows=prod(shape[:depth]), indices=prod(indices),
    )  # fmt: skip


def gather_block_quantized(site: Site) -> None:
    """com.microsoft GatherBlockQuantized: rows of a table quantised in blocks, then dequantised."""
    data, indices = site.need(0), site.need(1)
    if data.constant is None:
        picked(site)
        return
    shape = site.shape(0, 2)
    axis = site.axis(site.attr_int("gather_axis", 0), len(shape))
    count = site.elements(indices) or prod(site.shape(1))
    out = site.output()
    row = prod(shape[axis + 1 :])
    if out is not None and out.shape is not None and count:
        row = out.elements // count  # two 4-bit values may be packed into one stored byte
    index = emit_lookup(
        site, site.edge(1, ()), data.constant, lookups=count, row=row, rows=shape[axis], indices=count, outputs=()
    )
    if index is not None:
        n = count * row
        site.emit(
            Kind.DIGITAL, (Edge(index, n * site.builder.trips),), suffix="/dequantize", input_elements=n,
            output_elements=n, vector_ops=2 * n,
        )  # fmt: skip
        site.mark(Kind.LOOKUP.value)


def embed_layer_normalization(site: Site) -> None:
    """com.microsoft EmbedLayerNormalization: word, position and segment rows are read, added and normalised."""
    ids = site.shape(0, 2)
    tokens = prod(ids)
    edges: list[Edge] = []
    width = 0
    parts = 0
    for i, source, name in ((2, 0, "/word"), (3, 8, "/position"), (4, 1, "/segment")):
        table = site.input(i)
        if table is None or (i == 4 and site.input(1) is None):
            continue
        shape = site.shape(i, 2)
        width = shape[1]
        if table.constant is None:
            edges += site.edge(i, ())
            continue
        index = emit_lookup(
            site, site.edge(source), table.constant, lookups=tokens, row=width, rows=shape[0], indices=tokens,
            suffix=name,
            outputs=(),
        )  # fmt: skip
        if index is None:
            return
        parts += 1
        edges.append(Edge(index, tokens * width * site.builder.trips))
    n = tokens * width
    site.emit(
        Kind.DIGITAL, edges, suffix="/normalize", order=(0, 1), input_elements=parts * n, output_elements=n,
        vector_ops=(8 + max(0, parts - 1)) * n, special_ops=2 * tokens, unit=Unit.NORMALISATION,
    )  # fmt: skip
    site.mark(Kind.LOOKUP.value)


OPERATORS: Mapping[str, Handler] = {
    "Gather": gather,
    "GatherElements": gather_elements,
    "GatherND": gather_nd,
    "com.microsoft.GatherND": gather_nd,
    "com.microsoft.GatherBlockQuantized": gather_block_quantized,
    "com.microsoft.EmbedLayerNormalization": embed_layer_normalization,
}
