"""Embedding bags: the loops that both exporters of PyTorch make of nn.EmbeddingBag.

Each trip cuts one bag out of a list and reduces it to one row. The TorchScript exporter cuts the list of indices
and gathers from the table inside the loop; the dynamo exporter gathers all rows first and cuts the gathered rows.
The bags divide the list among them, so together the trips touch every index once, whatever the offsets are: lookups
= number of indices, pooling = one operation for each element gathered. (pytorch/pytorch#138485)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pimsim.graph.nodes import Graph, Node, Tensor
from pimsim.graph.operators.lookup import emit_lookup, is_table
from pimsim.graph.operators.site import Site
from pimsim.graph.operators.trips import trace
from pimsim.graph.workload import Edge, Kind

SMALL_STEPS = frozenset(
    {
        "Add", "Cast", "CastLike", "Concat", "Constant", "ConstantOfShape", "Div", "Equal", "Expand", "Gather",
        "Identity",
        "If", "Less", "Max", "Mul", "Reshape", "SequenceEmpty", "SequenceInsert", "Shape", "Slice", "Squeeze", "Sub",
        "Unsqueeze", "Where", "ReduceSum", "ReduceMean", "ReduceMax", "Not", "And", "LessOrEqual", "Greater",
    }
)  # fmt: skip
"""All that stands in such a loop; a loop with anything else in it is counted as a loop."""

REDUCTIONS = ("ReduceSum", "ReduceMean", "ReduceMax")


def _nodes(graph: Graph, depth: int = 0) -> Iterator[Node]:
    for node in graph.nodes:
        yield node
        if depth < 3:
            for inner in node.subgraphs.values():
                yield from _nodes(inner, depth + 1)


def embedding_bag(site: Site, body: Graph, trips: int | None) -> bool:
    """Lowers the loop if it is an embedding bag; says whether it was."""
    nodes = list(_nodes(body))
    if len(nodes) > 60 or any(node.op not in SMALL_STEPS for node in nodes):
        return False
    made_by = {tensor.name: node for node in nodes for tensor in node.outputs}
    inner = {tensor.name for tensor in body.inputs} | set(made_by)
    for node in nodes:
        if node.op not in REDUCTIONS or not node.inputs:
            continue
        found = _pattern(made_by, inner, node)
        if found is not None:
            return _emit(site, nodes, node, *found, trips)
    return False


def _back(made_by: Mapping[str, Node], tensor: Tensor | None) -> Node | None:
    """The node behind `tensor`, through steps that keep its rows (per-sample weights are a Mul)."""
    for _ in range(8):
        tensor = trace(made_by, tensor)
        node = None if tensor is None else made_by.get(tensor.name)
        if node is None or node.op != "Mul" or not node.inputs:
            return node
        tensor = node.inputs[0]
    return None


def _pattern(made_by: Mapping[str, Node], inner: set[str], reduction: Node) -> tuple[Tensor | None, Tensor] | None:
    """(table or None, the list that is cut), when `reduction` reduces rows cut from a list outside the loop."""
    node = _back(made_by, reduction.inputs[0])
    table = None
    if node is not None and node.op == "Gather" and len(node.inputs) == 2:
        table = node.inputs[0]
        if table is None or not is_table(table) or len(table.shape or ()) != 2 or node.attributes.get("axis", 0) != 0:
            return None
        node = _back(made_by, node.inputs[1])
    if node is None or node.op != "Slice" or len(node.inputs) < 3:
        return None
    listed = trace(made_by, node.inputs[0])
    if listed is None or listed.name in inner or listed.shape is None or listed.constant is not None:
        return None
    cut = [node.inputs[i] for i in (1, 2)]
    if any(t is None or t.constant is not None for t in cut) or len(listed.shape) != (2 if table is None else 1):
        return None
    return table, listed


def _emit(
    site: Site, nodes: list[Node], reduction: Node, table: Tensor | None, listed: Tensor, trips: int | None
) -> bool:
    shape = listed.shape or ()
    count = shape[0]
    source = site.flow_of(listed)
    scaled = site.builder.trips
    edges: tuple[Edge, ...] = ()
    if source.source >= -1:
        edges = (Edge(source.source, listed.elements * scaled),)
    if table is not None and table.constant is not None:
        rows, width = (table.shape or (0, 0))[:2]
        index = emit_lookup(
            site,
            edges,
            table.constant,
            lookups=count,
            row=width,
            rows=rows,
            indices=count,
            suffix="/lookup",
            outputs=(),
        )
        if index is None:
            return True
        edges = (Edge(index, count * width * scaled),)
        site.mark(Kind.LOOKUP.value)
    else:
        width = shape[1]
    out = site.output()
    bags = trips
    if bags is None and out is not None and out.shape is not None and width:
        bags = out.elements // width
    if bags is None:
        bags = count
        site.note("the number of bags depends on data: counted as one for each index")
    site.note("an embedding bag: every index is read once, whatever the bags are")
    site.emit(
        Kind.DIGITAL, edges, suffix="/pooling", input_elements=count * width, output_elements=bags * width,
        vector_ops=count * width + (bags * width if reduction.op == "ReduceMean" else 0),
    )  # fmt: skip
    site.include(nodes, "part of an embedding bag")
    return True
