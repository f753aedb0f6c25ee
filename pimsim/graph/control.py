"""If, Loop, Scan and SequenceMap: bodies with the shapes that flow into them, and the shapes that flow out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from onnx import GraphProto, TypeProto

from pimsim.errors import InputError
from pimsim.graph.building import Builder, Length, Scope, Site, element_types, enter
from pimsim.graph.dims import substitute
from pimsim.graph.nodes import Constant, Graph, Node, Tensor
from pimsim.graph.operators.trips import loop_trips
from pimsim.graph.ordering import subgraphs
from pimsim.graph.types import tensor_of, type_of

Shape = tuple[int, ...] | None
TRIED_TRIPS = 8
"""Trips of a loop that are tried out where shapes depend on the trip's number."""


@dataclass(frozen=True)
class Inflow:
    """What one input of a body receives."""

    tensor: Tensor
    length: Length | None = None


@dataclass(frozen=True)
class Body:
    """A walked body: the graph, its scope, and its outputs."""

    graph: Graph
    scope: Scope
    proto: GraphProto

    def length(self, index: int) -> Length | None:
        """Length of output `index`, if it is a sequence of known length."""
        return self.scope.sequence(self.proto.output[index].name)

    def complete(self) -> bool:
        """Whether every tensor in the body has a shape."""
        return all(t.shape is not None or "(" in t.dtype for t in self.scope.tensors.values())


def control_flow(builder: Builder, site: Site) -> tuple[dict[str, Graph], list[Tensor] | None]:
    """The bodies of a node and its outputs (None: to be found as for any other node).

    Lengths of sequences that come out are put into the node's scope.
    """
    bodies = dict(subgraphs(site.proto))
    if site.op == "If" and {"then_branch", "else_branch"} <= bodies.keys():
        return _if(builder, site, bodies)
    if site.op == "Loop" and "body" in bodies:
        return _loop(builder, site, bodies["body"])
    if site.op == "Scan" and "body" in bodies:
        return _scan(builder, site, bodies["body"])
    if site.op == "SequenceMap" and "body" in bodies:
        return _sequence_map(builder, site, bodies["body"])
    return {name: _walk(builder, site, name, graph, []).graph for name, graph in bodies.items()}, None


def _walk(
    builder: Builder,
    site: Site,
    name: str,
    graph: GraphProto,
    inflow: Sequence[Inflow],
) -> Body:
    where = f"{site.place}, {name}, "
    scope = Scope(site.scope)
    for value in (*graph.input, *graph.output, *graph.value_info):
        substitute(value.type, builder.bound)
    inputs = []
    for index, value in enumerate(graph.input):
        tensor = tensor_of(value.name, value.type)
        if index < len(inflow):
            given = inflow[index]
            tensor = replace(given.tensor, name=value.name, dtype=given.tensor.dtype or tensor.dtype)
            if given.length is not None:
                scope.lengths[value.name] = given.length
        scope.tensors[value.name] = tensor
        inputs.append(tensor)
    enter(graph, scope, where, {})
    nodes = builder.walk(graph, scope, {}, element_types(graph), where)
    if builder.record is not None:
        builder.record.update((where + name, tensor) for name, tensor in scope.tensors.items())
    outputs = tuple(scope.find(v.name) or tensor_of(v.name, v.type) for v in graph.output)
    opset = builder.versions.get("", 0)
    return Body(Graph(graph.name, nodes, tuple(inputs), outputs, opset), scope, graph)


def _given(site: Site, index: int) -> Tensor | None:
    return site.inputs[index] if index < len(site.inputs) else None


def _number(tensor: Tensor | None) -> int | None:
    """Value of a constant scalar."""
    if tensor is None or tensor.constant is None or tensor.constant.values is None or not tensor.constant.values.size:
        return None
    return int(tensor.constant.values.reshape(-1)[0])


def _plain(tensor: Tensor) -> Tensor:
    return replace(tensor, constant=None)


def _if(builder: Builder, site: Site, bodies: Mapping[str, GraphProto]) -> tuple[dict[str, Graph], list[Tensor]]:
    known = _number(_given(site, 0))
    if known is None and builder.branch is not None:
        known = builder.branch == "then"
    taken = None if known is None else ("then_branch" if known else "else_branch")
    walked, failures = _walk_branches(builder, site, bodies, taken)
    graphs = {name: body.graph for name, body in walked.items()}
    for name, graph in bodies.items():
        if name in failures:
            graphs[name] = Graph(graph.name, (), (), tuple(tensor_of(v.name, v.type) for v in graph.output))
    results = []
    for index, name in enumerate(site.proto.output):
        sides = [body for key, body in walked.items() if taken in (None, key) and index < len(body.graph.outputs)]
        if not sides or not name:
            results.append(Tensor(name, None, ""))
            continue
        results.append(_merged(builder, site, name, [body.graph.outputs[index] for body in sides]))
        lengths = {body.length(index) for body in sides}
        length = lengths.pop() if len(lengths) == 1 else None
        if length is not None:
            site.scope.lengths[name] = length
    return graphs, results


def _walk_branches(
    builder: Builder, site: Site, bodies: Mapping[str, GraphProto], taken: str | None
) -> tuple[dict[str, Body], dict[str, InputError]]:
    """Both branches. One whose shapes cannot be is never taken (exporters leave such behind): it stays empty."""
    walked: dict[str, Body] = {}
    failures: dict[str, InputError] = {}
    for name in ("then_branch", "else_branch"):
        mark = builder.mark()
        try:
            walked[name] = _walk(builder, site, name, bodies[name], [])
        except InputError as error:
            if name == taken or failures:
                raise
            failures[name] = error
            builder.forget(mark)
    if failures and taken is None:
        name, failure = next(iter(failures.items()))
        builder.note(f"{site.place}: {name} cannot be taken with these shapes ({failure.problems[0]})")
    return walked, failures


def _merged(builder: Builder, site: Site, name: str, sides: Sequence[Tensor]) -> Tensor:
    """One output from what the branches give; where the shapes differ, the larger one, and a note."""
    first = sides[0]
    if all(side == replace(first, name=side.name) for side in sides):
        return replace(first, name=name)
    same = all(side.constant is not None and side.constant == first.constant for side in sides)
    constant = first.constant if same else None
    shapes = {side.shape for side in sides}
    shape: Shape = first.shape
    if len(shapes) > 1:
        shape = None
        if None not in shapes:
            shape = max(sides, key=lambda side: side.elements).shape
            larger = list(shape or ())
            builder.note(f"{site.place}: the branches give different shapes; the larger one is used, {larger}")
    bits = {side.activation_bits for side in sides}
    return Tensor(name, shape, first.dtype, constant, bits.pop() if len(bits) == 1 else None)


def _passes_through(graph: GraphProto, output: str, source: str) -> bool:
    """Whether a body hands `source` on to `output` untouched."""
    if output == source:
        return True
    copies = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "Identity" and node.input}
    for _ in range(len(copies)):
        output = copies.get(output, "")
        if output == source:
            return True
        if not output:
            return False
    return False


def _loop(builder: Builder, site: Site, graph: GraphProto) -> tuple[dict[str, Graph], list[Tensor]]:
    names = list(site.proto.input)[2:]
    states = [_given(site, index + 2) or Tensor("", None, "") for index in range(len(names))]
    flows = []
    for index, (name, state) in enumerate(zip(names, states, strict=True)):
        kept = index + 2 < len(graph.input) and index + 1 < len(graph.output)
        kept = kept and _passes_through(graph, graph.output[index + 1].name, graph.input[index + 2].name)
        flows.append(Inflow(state if kept else _plain(state), site.scope.sequence(name)))
    body, trips = _walk_loop(builder, site, graph, flows, states)
    results = []
    for index, name in enumerate(site.proto.output):
        if index + 1 >= len(body.graph.outputs):
            results.append(Tensor(name, None, ""))
            continue
        inner = body.graph.outputs[index + 1]
        if index < len(states):
            results.append(_final_state(name, flows[index].tensor, inner, trips))
            _final_length(site, name, flows[index].length, body.length(index + 1), trips)
        else:
            stacked = None if inner.shape is None or trips is None else (max(trips, 0), *inner.shape)
            results.append(Tensor(name, stacked, inner.dtype))
    return {"body": body.graph}, results


def _final_state(name: str, initial: Tensor, inner: Tensor, trips: int | None) -> Tensor:
    if initial.constant is not None:  # handed on untouched
        return replace(initial, name=name)
    shape = inner.shape if inner.shape == initial.shape or trips == 1 else None
    return Tensor(name, shape, inner.dtype or initial.dtype)


def _final_length(site: Site, name: str, initial: Length | None, inner: Length | None, trips: int | None) -> None:
    if initial is None or inner is None or trips is None:
        return
    site.scope.lengths[name] = Length(initial.count + (inner.count - initial.count) * max(trips, 0), inner.shape)


def _walk_loop(
    builder: Builder, site: Site, graph: GraphProto, flows: Sequence[Inflow], states: Sequence[Tensor]
) -> tuple[Body, int | None]:
    """The body as it is in every trip, and the number of trips. States whose shape a trip changes have no shape."""
    counter, condition = _loop_inputs(graph)
    mark, bounds = builder.mark(), builder.bounded
    body = _walk(builder, site, "body", graph, [counter, condition, *flows])
    trips = loop_trips(Node("", "Loop", site.inputs, ()), body.graph)
    if trips is None:
        trips = builder.trips
    changed = [
        index
        for index, flow in enumerate(flows)
        if index + 1 < len(body.graph.outputs)
        and flow.tensor.shape is not None
        and body.graph.outputs[index + 1].shape != flow.tensor.shape
    ]
    settled = body.complete() and builder.bounded == bounds
    if (settled and not changed) or not builder.again(mark):
        return body, trips
    if settled or trips is None or trips < 1:
        loose = [
            replace(flow, tensor=replace(flow.tensor, shape=None)) if index in changed else flow
            for index, flow in enumerate(flows)
        ]
        return _walk(builder, site, "body", graph, [counter, condition, *loose]), trips
    builder.agreed.update(_first_trips(builder, site, graph, flows, states, trips))
    return _walk(builder, site, "body", graph, [counter, condition, *flows]), trips


def _loop_inputs(graph: GraphProto) -> tuple[Inflow, Inflow]:
    """Trip number and condition as the body takes them: scalars, or vectors of one element where it says so."""
    shapes: list[tuple[int, ...]] = []
    for value in graph.input[:2]:
        dims = value.type.tensor_type.shape.dim
        shapes.append((1,) if len(dims) == 1 and dims[0].dim_value == 1 else ())
    shapes += [()] * (2 - len(shapes))
    return Inflow(Tensor("", shapes[0], "int64")), Inflow(Tensor("", shapes[1], "bool"))


def _first_trips(
    builder: Builder,
    site: Site,
    graph: GraphProto,
    flows: Sequence[Inflow],
    states: Sequence[Tensor],
    trips: int,
) -> dict[str, TypeProto]:
    """Types of the values in a body, and in bodies inside it, on which its first trips agree; in each of them the
    trip's number and the carried values are known.

    Empty if one of them is only an upper bound.
    """
    agreed: dict[str, TypeProto] | None = None
    plain_counter, condition = _loop_inputs(graph)
    carried = [replace(flow, tensor=state) for flow, state in zip(flows, states, strict=True)]
    for number in range(min(trips, TRIED_TRIPS)):
        mark, bounds = builder.mark(), builder.bounded
        shape = plain_counter.tensor.shape or ()
        value = Constant("", 64, False, 1, np.full(shape, number, np.int64))
        counter = Inflow(Tensor("", shape, "int64", value))
        outer, builder.record = builder.record, {}
        body = _walk(builder, site, "body", graph, [counter, condition, *carried])
        found = {k: p for k, t in builder.record.items() if t.shape is not None and (p := type_of(t))}
        builder.record = outer
        agreed = found if agreed is None else {n: p for n, p in agreed.items() if found.get(n) == p}
        outputs = body.graph.outputs[1 : len(flows) + 1]
        carried = [replace(flow, tensor=tensor) for flow, tensor in zip(flows, outputs, strict=False)]
        exact, enough = builder.bounded == bounds, not builder.again(mark)
        builder.forget(mark)
        if not exact:
            return {}
        if enough or not agreed:
            break
    if trips > TRIED_TRIPS:
        builder.note(f"{site.place}: shapes that depend on the trip are those of the first {TRIED_TRIPS} trips")
    return agreed or {}


def _scan(builder: Builder, site: Site, graph: GraphProto) -> tuple[dict[str, Graph], list[Tensor]]:
    old = site.opset == 8  # a batch dimension in front, and an input with the lengths of the sequences
    inputs = [_given(site, index) for index in range(len(site.proto.input))][1 if old else 0 :]
    scanned = min(max(int(site.attributes.get("num_scan_inputs", 1)), 0), len(inputs))
    count = len(inputs) - scanned
    axes = site.attributes.get("scan_input_axes") or [0] * scanned
    flows, trips, batch = [], None, None
    for index, tensor in enumerate(inputs):
        tensor = tensor or Tensor("", None, "")
        shape = tensor.shape
        if old and shape:
            batch, shape = shape[0], shape[1:]
        if index >= count and shape is not None:
            axis = int(axes[index - count]) if index - count < len(axes) and not old else 0
            if shape and -len(shape) <= axis < len(shape):
                trips = shape[axis]
                axis %= len(shape)
                shape = shape[:axis] + shape[axis + 1 :]
            else:
                shape = None
        flows.append(Inflow(Tensor("", shape, tensor.dtype)))
    body = _walk(builder, site, "body", graph, flows)
    out_axes = site.attributes.get("scan_output_axes") or []
    results = []
    for index, name in enumerate(site.proto.output):
        inner = body.graph.outputs[index] if index < len(body.graph.outputs) else Tensor("", None, "")
        shape = inner.shape
        if index >= count and shape is not None:
            place = int(out_axes[index - count]) if index - count < len(out_axes) else 0
            place = place + len(shape) + 1 if place < 0 else place
            shape = None if trips is None else (*shape[:place], trips, *shape[place:])
        if old and shape is not None:
            shape = None if batch is None else (batch, *shape)
        results.append(Tensor(name, shape, inner.dtype))
    return {"body": body.graph}, results


def _sequence_map(builder: Builder, site: Site, graph: GraphProto) -> tuple[dict[str, Graph], list[Tensor]]:
    flows, count = [], None
    for index, name in enumerate(site.proto.input):
        tensor = _given(site, index) or Tensor("", None, "")
        if tensor.dtype.startswith("sequence("):
            length = site.scope.sequence(name)
            count = length.count if length is not None and index == 0 else count
            element = tensor.dtype.removeprefix("sequence(").removesuffix(")")
            shape = length.shape if length is not None else None
            if shape is None and length is None and index < len(graph.input):
                substitute(graph.input[index].type, builder.bound)
                shape = tensor_of(name, graph.input[index].type).shape  # as the body declares it: nothing else says
            flows.append(Inflow(Tensor("", shape, element)))
        else:
            flows.append(Inflow(tensor))
    body = _walk(builder, site, "body", graph, flows)
    results = []
    for name, inner in zip(site.proto.output, body.graph.outputs, strict=False):
        results.append(Tensor(name, None, f"sequence({inner.dtype})"))
        if count is not None:
            site.scope.lengths[name] = Length(count, inner.shape)
    return {"body": body.graph}, results
