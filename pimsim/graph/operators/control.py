"""Control flow: If, Loop, Scan, SequenceMap. Bodies are lowered in place, their counts multiplied by the trips."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import prod

from pimsim.errors import InputError, printable
from pimsim.graph.nodes import Graph, Tensor
from pimsim.graph.operators.bags import embedding_bag
from pimsim.graph.operators.builder import DEEPEST_NESTING, Scope
from pimsim.graph.operators.site import Handler, Site
from pimsim.graph.operators.streaming import NO_FLOW, Flow
from pimsim.graph.operators.trips import loop_trips, scalar
from pimsim.graph.operators.walking import walk
from pimsim.graph.workload import LARGEST_COUNT, Layer, NodeTreatment


def body_of(site: Site, name: str) -> Graph:
    """The subgraph in the attribute `name`."""
    graph = site.node.subgraphs.get(name)
    if graph is None:
        site.fail(f"the subgraph '{name}' is missing")
    return graph


def _inside(site: Site, graph: Graph, scope: Scope, label: str, trips: int = 1) -> None:
    """Lowers `graph` with names prefixed by the node's and counts multiplied by `trips`."""
    builder = site.builder
    if builder.depth >= DEEPEST_NESTING:
        site.fail(f"subgraphs are nested more than {DEEPEST_NESTING} deep")
    before = builder.prefix, builder.trips
    builder.prefix += f"{site.node.name}{label}/"
    builder.trips *= trips
    builder.depth += 1
    try:
        walk(builder, graph, scope)
    finally:
        builder.depth -= 1
        builder.prefix, builder.trips = before


def _unused(site: Site, graph: Graph, label: str, note: str) -> None:
    """One line for each node that is never executed."""
    prefix = f"{site.builder.prefix}{site.node.name}{label}/"
    stack = [(prefix, graph, 0)]
    while stack:
        name, inner, depth = stack.pop()
        for node in inner.nodes:
            site.builder.treatments.append(NodeTreatment(name + node.name, node.op, "skipped", count=0, note=note))
            if depth < DEEPEST_NESTING:
                stack.extend((f"{name}{node.name}/", g, depth + 1) for g in node.subgraphs.values())


def _result(scope: Scope, tensor: Tensor) -> Flow:
    """Where a subgraph's output comes from, as a whole."""
    if tensor.constant is not None:
        return NO_FLOW
    flow = scope.find(tensor.name)
    return NO_FLOW if flow is None else flow


def branch(site: Site) -> None:
    """If: the branch that a constant condition or the user names, else the one with more MACs (then operations)."""
    graphs = {"then": body_of(site, "then_branch"), "else": body_of(site, "else_branch")}
    condition = scalar(site.input(0))
    forced = site.builder.branch
    if condition is not None:
        chosen, why = ("then" if condition else "else"), "the condition is constant"
    elif forced is not None:
        chosen, why = forced, f"--branch {forced}"
    else:
        _dearer(site, graphs)
        return
    site.declare("free", f"{chosen} branch: {why}")
    other = "else" if chosen == "then" else "then"
    scope = Scope(site.scope)
    _inside(site, graphs[chosen], scope, f"/{chosen}")
    _unused(site, graphs[other], f"/{other}", "in the branch that is not taken")
    for tensor, inner in zip(site.node.outputs, graphs[chosen].outputs, strict=False):
        site.produce(tensor, _result(scope, inner))
    _bind_rest(site)


def _dearer(site: Site, graphs: Mapping[str, Graph]) -> None:
    builder = site.builder
    start, line, notes = len(builder.layers), len(builder.treatments), builder.notes
    remarks: dict[str, dict[str, None]] = {}
    kept: dict[str, tuple[list[Layer], list[NodeTreatment], list[Flow], tuple[int, int]]] = {}
    for name, graph in graphs.items():
        scope = Scope(site.scope)
        builder.notes = dict(notes)
        try:
            _inside(site, graph, scope, f"/{name}")
        except InputError as error:
            way = f"in the {name} branch of '{printable(site.node.name)}'; --branch then|else leaves the other one out"
            raise InputError(error.problems[0], more=(*error.problems[1:], way)) from error
        layers, lines = builder.layers[start:], builder.treatments[line:]
        del builder.layers[start:], builder.treatments[line:]
        cost = (sum(layer.macs for layer in layers), sum(layer.ops for layer in layers))
        kept[name] = layers, lines, [_result(scope, t) for t in graph.outputs], cost
        remarks[name] = builder.notes
    chosen = "then" if kept["then"][3] >= kept["else"][3] else "else"
    other = "else" if chosen == "then" else "then"
    layers, lines, flows, cost = kept[chosen]
    builder.notes = remarks[chosen]
    why = (
        f"the condition depends on data; counted the {chosen} branch, the dearer one "
        f"({cost[0]} MACs, {cost[1]} operations; the {other} branch: {kept[other][3][0]}, {kept[other][3][1]})"
    )
    site.declare("free", why)
    builder.remark(f"If node '{printable(builder.prefix + site.node.name)}': {why}; --branch then|else chooses another")
    builder.layers.extend(layers)
    builder.treatments.extend(lines)
    _unused(site, graphs[other], f"/{other}", "in the branch that is not taken")
    for tensor, flow in zip(site.node.outputs, flows, strict=False):
        site.produce(tensor, flow)
    _bind_rest(site)


def _bind_rest(site: Site) -> None:
    """Outputs that no body gives have no source."""
    for tensor in site.node.outputs:
        if tensor.name not in site.scope.flows:
            site.produce(tensor, NO_FLOW)


def _repeat(site: Site, body: Graph, label: str, trips: int, first: int, bound: Iterable[Flow]) -> list[Flow]:
    """Lowers a loop's body with its inputs from `first` on bound to `bound`; returns the flows of its outputs."""
    scope = Scope(site.scope)
    for tensor in body.inputs:
        scope.flows[tensor.name] = NO_FLOW
    for tensor, flow in zip(body.inputs[first:], bound, strict=False):
        scope.flows[tensor.name] = flow if trips == 1 else flow._replace(order=())
    if trips == 0:
        _unused(site, body, label, "in a loop that runs no time")
    else:
        _inside(site, body, scope, label, trips)
    return [_result(scope, tensor) for tensor in body.outputs]


def _trips_or_default(site: Site, known: int | None, what: str) -> int:
    if known is not None:
        return known
    default = site.builder.default_trips
    if default is None:
        site.fail(f"{what} depends on data; give the number of executions to count with --trips N")
    site.builder.remark(
        f"'{printable(site.builder.prefix + site.node.name)}': {what} depends on data; counted {default} (--trips)"
    )
    return default


def loop(site: Site) -> None:
    """Loop: the body's counts times the trips; trips follow each other, so nothing overlaps."""
    body = body_of(site, "body")
    known = loop_trips(site.node, body)
    if embedding_bag(site, body, known):
        return
    most = scalar(site.input(0))
    if known is None and most is not None and most > LARGEST_COUNT and site.builder.default_trips is None:
        site.fail(
            "the number of trips of the loop is left to its condition, or is more than can be counted (its limit is "
            "above 2**53); give the number of executions to count with --trips N"
        )
    trips = _trips_or_default(site, known, "the number of trips of the loop")
    site.declare("free", f"{trips} trips" + ("" if known is not None else " (--trips)"))
    carried = [site.flow(i) for i in range(2, len(site.node.inputs))]
    flows = _repeat(site, body, "", trips, 2, carried)[1:]
    _loop_outputs(site, flows if trips else carried, trips)


def _loop_outputs(site: Site, flows: list[Flow], trips: int) -> None:
    """Binds the outputs of a loop to where its last trip (or, without a trip, its first value) comes from."""
    for i, tensor in enumerate(site.node.outputs):
        flow = flows[i] if i < len(flows) else NO_FLOW
        size = None if flow.elements is None else flow.elements * max(1, trips)
        site.produce(tensor, flow if trips == 1 else flow._replace(order=(), elements=None), size)


def scan(site: Site) -> None:
    """Scan: one trip for each slice along the scanned axis (opset 8: and for each sequence of the batch)."""
    body = body_of(site, "body")
    scanned = site.attr_int("num_scan_inputs", 1, low=1)
    old = 0 < site.node.opset < 9
    inputs = list(range(1 if old else 0, len(site.node.inputs)))
    if scanned > len(inputs):
        site.fail(f"num_scan_inputs is {scanned}, but the node has {len(inputs)} inputs")
    known = None
    last = inputs[len(inputs) - scanned]
    tensor = site.need(last)
    if tensor.shape is not None:
        axes = site.attr_ints("scan_input_axes", low=-64) or [0]
        shape = site.shape(last, 2 if old else 1)
        known = prod(shape[:2]) if old else shape[site.axis(axes[0], len(shape))]
    trips = _trips_or_default(site, known, "the length of the scanned axis")
    site.declare("free", f"{trips} trips")
    bound = [site.flow(i) for i in inputs]
    flows = _repeat(site, body, "", trips, 0, bound)
    _loop_outputs(site, flows if trips else bound[: len(inputs) - scanned], trips)


def sequence_map(site: Site) -> None:
    """SequenceMap: one trip for each element of a sequence, whose length only --trips can tell."""
    body = body_of(site, "body")
    trips = _trips_or_default(site, None, "the length of the sequence")
    site.declare("free", f"{trips} trips (--trips)")
    flows = _repeat(site, body, "", trips, 0, [site.flow(i) for i in range(len(site.node.inputs))])
    _loop_outputs(site, flows, trips)


OPERATORS: Mapping[str, Handler] = {
    "If": branch,
    "Loop": loop,
    "Scan": scan,
    "SequenceMap": sequence_map,
}
