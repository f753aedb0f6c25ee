"""The walk over the nodes of a graph, and what becomes of operators that no table knows."""

from __future__ import annotations

from pimsim.errors import InputError
from pimsim.graph.nodes import Graph, Node
from pimsim.graph.operators.builder import DEEPEST_NESTING, Builder, Scope
from pimsim.graph.operators.site import Site
from pimsim.graph.operators.streaming import NO_FLOW, NOWHERE, Flow
from pimsim.graph.workload import Kind, NodeTreatment

UNKNOWN = "unknown"
UNSHAPED = "unknown shape"
"""Treatment of a node behind an unknown operator, whose cost depends on a shape that therefore is not known."""


def walk(builder: Builder, graph: Graph, scope: Scope) -> None:
    """Appends the layers of all nodes of `graph`; their values become visible in `scope`."""
    handlers = builder.handlers
    listing = builder.unknown_ops == "list"
    scope.nodes = graph.nodes
    for node in graph.nodes:
        outputs = node.outputs
        if outputs and outputs[0].constant is not None and all(t.constant is not None for t in outputs):
            builder.treatments.append(
                NodeTreatment(builder.prefix + node.name, node.op, "constant", count=builder.trips)
            )
            continue
        if listing and _listed(builder, node, scope):
            continue
        site = Site(builder, node, scope)
        handlers.get(node.op, unknown)(site)
        site.finish()


def unknown(site: Site) -> None:
    """An operator that no table knows: gathered for one error, listed, or treated as the user chose."""
    builder, node = site.builder, site.node
    if builder.unknown_ops == "digital":
        site.note("unknown operator: counted as one digital operation for each output element (--unknown-ops digital)")
        size = site.output_size()
        site.emit(
            Kind.DIGITAL,
            site.all_edges(),
            input_elements=sum(site.elements(t) for t in node.inputs if t is not None and t.constant is None),
            output_elements=size,
            vector_ops=size,
        )
        return
    if builder.unknown_ops == "skip":
        site.note("unknown operator: left out of the cost (--unknown-ops skip)")
        flows = (site.flow(i) for i in range(len(node.inputs)))
        flow = next((f for f in flows if f.source != NOWHERE), NO_FLOW)
        site.alias(Flow(flow.source, flow.elements, ()), "skipped")
        return
    count, place = builder.unknown.get(node.op, (0, node.place or node.name))
    builder.unknown[node.op] = (count + 1, place)
    builder.unshaped.update(tensor.name for tensor in node.outputs)
    site.alias(NO_FLOW, UNKNOWN)


def _listed(builder: Builder, node: Node, scope: Scope) -> bool:
    """Whether the line of a node that stands behind an unknown operator is written: what it could be counted as, or
    that a shape is wanting. Only for listings: no cost is taken from them."""
    tainted = any(t is not None and t.name in builder.unshaped for t in node.inputs)
    open_outputs = [t.name for t in node.outputs if t.shape is None]
    if tainted or node.subgraphs:
        builder.unshaped.update(open_outputs)
    if node.op not in builder.handlers:
        return False
    holds = any(child.op not in builder.handlers for body in node.subgraphs.values() for child in body.nodes)
    if not holds and (not tainted or not builder.unknown):
        return False
    wanting = any(t is not None and t.shape is None and t.name in builder.unshaped for t in node.inputs)
    if not node.subgraphs and (wanting or open_outputs):
        _give_up(builder, node, builder.prefix)
    else:
        _attempt(builder, node, scope)
    for tensor in node.outputs:
        scope.flows.setdefault(tensor.name, NO_FLOW)
    return True


def _attempt(builder: Builder, node: Node, scope: Scope) -> None:
    """Lowers `node`, or lists it as not shaped where that fails."""
    layers, lines = len(builder.layers), len(builder.treatments)
    try:
        site = Site(builder, node, scope)
        builder.handlers[node.op](site)
        site.finish()
    except InputError:
        del builder.layers[layers:], builder.treatments[lines:]
        _give_up(builder, node, builder.prefix)


def _give_up(builder: Builder, node: Node, prefix: str) -> None:
    """Lists a node, and those in its bodies, as not shaped."""
    stack = [(prefix, node, 0)]
    while stack:
        prefix, inner, depth = stack.pop()
        treatment = UNSHAPED if inner.op in builder.handlers else UNKNOWN
        builder.treatments.append(NodeTreatment(prefix + inner.name, inner.op, treatment, count=builder.trips))
        if depth < DEEPEST_NESTING:
            below = [child for graph in inner.subgraphs.values() for child in graph.nodes]
            stack.extend((f"{prefix}{inner.name}/", child, depth + 1) for child in reversed(below))
