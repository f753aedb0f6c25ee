"""What an operator's handler sees: one node with checked accessors, and the workload that grows under its hands."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from math import prod
from typing import Any, NoReturn

import numpy as np

from pimsim.errors import InputError, printable
from pimsim.graph.nodes import Constant, Node, Tensor
from pimsim.graph.operators import streaming
from pimsim.graph.operators.builder import REPORTED, Builder, Scope
from pimsim.graph.operators.causes import why_unknown
from pimsim.graph.operators.streaming import NO_FLOW, NOWHERE, Flow, Order, Shape
from pimsim.graph.workload import LARGEST_COUNT, Edge, Kind, NodeTreatment

Handler = Callable[["Site"], None]

BITS_OF_TYPE = {
    "int2": 2, "uint2": 2, "int4": 4, "uint4": 4, "float4e2m1": 4, "int8": 8, "uint8": 8, "float8e4m3fn": 8,
    "float8e4m3fnuz": 8, "float8e5m2": 8, "float8e5m2fnuz": 8, "float8e8m0": 8, "bool": 1,
}  # fmt: skip
"""Types narrow enough to be fed to a crossbar as they stand."""


class Site:
    """One node where it stands: accessors that check, and the few ways to say what it becomes.

    A handler calls `emit` for every layer the node becomes, or `alias` / `fold` when it costs nothing.
    """

    __slots__ = ("_first_layer", "_inner", "_note", "_stored_bits", "_treatment", "builder", "node", "scope")

    def __init__(self, builder: Builder, node: Node, scope: Scope):
        self.builder = builder
        self.node = node
        self.scope = scope
        self._first_layer = len(builder.layers)
        self._treatment = ""
        self._note = ""
        self._stored_bits = 0
        self._inner: list[NodeTreatment] = []

    # ---- checked access to the node ----

    def fail(self, problem: str) -> NoReturn:
        """Raises InputError with the node's place and type before `problem`."""
        node = self.node
        where = printable(node.place or node.name)
        if f"({node.op.rpartition('.')[2]})" not in where:  # the reader's places name the type already
            where += f": {printable(node.op)}"
        raise InputError(f"{where}: {problem}")

    def input(self, i: int) -> Tensor | None:
        """Input `i`, or None when it is omitted."""
        inputs = self.node.inputs
        return inputs[i] if i < len(inputs) else None

    def need(self, i: int) -> Tensor:
        """Input `i`; InputError when it is omitted."""
        tensor = self.input(i)
        if tensor is None:
            self.fail(f"input {i} is missing; the operator needs it")
        return tensor

    def constant(self, i: int) -> Constant | None:
        """The constant behind input `i`, or None."""
        tensor = self.input(i)
        return None if tensor is None else tensor.constant

    def values(self, i: int) -> list[float] | None:
        """The values of a small constant input as a flat list, or None when they are not known."""
        constant = self.constant(i)
        if constant is None or constant.values is None:
            return None
        try:
            return [float(v) for v in np.asarray(constant.values).ravel()]
        except (TypeError, ValueError, OverflowError):
            return None

    def shape_of(self, tensor: Tensor, rank: int = 0) -> Shape:
        """Shape of `tensor`, of at least `rank` dimensions; InputError when unknown or too small."""
        shape = tensor.shape
        if shape is None:
            self.fail(
                f"the shape of the tensor '{printable(tensor.name)}' is not known, and the cost depends on it; "
                f"{why_unknown(self.scope, tensor)}"
            )
        if len(shape) < rank:
            self.fail(f"the tensor '{printable(tensor.name)}' has the shape {list(shape)}, but needs {rank} dimensions")
        return shape

    def shape(self, i: int, rank: int = 0) -> Shape:
        """Shape of input `i`, of at least `rank` dimensions."""
        return self.shape_of(self.need(i), rank)

    def output(self, i: int = 0) -> Tensor | None:
        """Output `i`, or None when the node has fewer."""
        outputs = self.node.outputs
        return outputs[i] if i < len(outputs) else None

    def attr_int(self, name: str, default: int, low: int | None = None) -> int:
        """Integer attribute, at least `low`."""
        value = self.node.attributes.get(name, default)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
            self.fail(f"the attribute '{name}' is {printable(repr(value), 60)}; an integer is needed")
        if low is not None and value < low:
            self.fail(f"the attribute '{name}' is {value}; it must be at least {low}")
        return int(value)

    def attr_ints(
        self, name: str, length: int | None = None, default: int | None = None, low: int = 0
    ) -> list[int] | None:
        """List of integers, each at least `low`; `length` copies of `default` when absent (None when no default)."""
        value = self.node.attributes.get(name)
        if value is None or (hasattr(value, "__len__") and len(value) == 0 and default is not None):
            return None if default is None or length is None else [default] * length
        if not isinstance(value, (list, tuple, np.ndarray)):
            self.fail(f"the attribute '{name}' is {printable(repr(value), 60)}; a list of integers is needed")
        result = []
        for v in value:
            if isinstance(v, bool) or not isinstance(v, (int, np.integer)) or v < low:
                self.fail(
                    f"the attribute '{name}' holds {printable(repr(v), 60)}; integers of at least {low} are needed"
                )
            result.append(int(v))
        if length is not None and len(result) != length:
            self.fail(f"the attribute '{name}' has {len(result)} entries; {length} are needed")
        return result

    def attr_float(self, name: str, default: float) -> float:
        """Number attribute."""
        value = self.node.attributes.get(name, default)
        if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
            self.fail(f"the attribute '{name}' is {printable(repr(value), 60)}; a number is needed")
        return float(min(value, LARGEST_COUNT))

    def attr_str(self, name: str, default: str) -> str:
        """Text attribute."""
        value = self.node.attributes.get(name, default)
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        if not isinstance(value, str):
            self.fail(f"the attribute '{name}' is {printable(repr(value), 60)}; a text is needed")
        return value

    def axis(self, value: int, rank: int) -> int:
        """`value` as a non-negative axis of a tensor of `rank` dimensions."""
        if not -rank <= value < rank:
            self.fail(f"the axis {value} is outside a tensor of {rank} dimensions")
        return value % rank if rank else 0

    # ---- where values come from ----

    def flow(self, i: int) -> Flow:
        """Where input `i` comes from."""
        tensor = self.input(i)
        return NO_FLOW if tensor is None else self.flow_of(tensor)

    def flow_of(self, tensor: Tensor) -> Flow:
        """Where `tensor` comes from; NO_FLOW for constants and for what nothing produces."""
        if tensor.constant is not None:
            return NO_FLOW
        return self.scope.find(tensor.name) or NO_FLOW

    def elements(self, tensor: Tensor | None) -> int:
        """Elements of `tensor`, or of what it was made from when its shape is not known (0 when that is not known)."""
        if tensor is None:
            return 0
        if tensor.shape is not None:
            return tensor.elements
        flow = self.flow_of(tensor)
        return flow.elements or 0

    def output_size(self) -> int:
        """Elements of all outputs; of the inputs, with a note, when an output's size depends on the data."""
        total = 0
        for tensor in self.node.outputs:
            if tensor.shape is None:
                return self._size_from_inputs(tensor)
            total += tensor.elements
        return total

    def _size_from_inputs(self, tensor: Tensor) -> int:
        inputs = [t for t in self.node.inputs if t is not None]
        best = max((t.elements if t.constant is not None else self.elements(t) for t in inputs), default=0)
        known = any(t.shape is not None or self.flow_of(t).elements is not None for t in inputs)
        if not known:
            self.shape_of(tensor)
        self.note("the size of its output depends on the data: counted as that of its largest input")
        return best

    def edge(self, i: int, order: Order | None = None) -> tuple[Edge, ...]:
        """Edge of an input that is read in `order` (None: as it comes), or () when it is a constant."""
        flow = self.flow(i)
        if flow.source == NOWHERE:
            return ()
        tensor = self.need(i)
        shape = tensor.shape
        if shape is None:
            return self._edge(flow.source, flow.elements or 0, 1.0, 1.0)
        if order is None:
            order = self.order_of(i)
        first, last = streaming.handover(flow, shape, order)
        return self._edge(flow.source, tensor.elements, first, last)

    def edge_and_order(self, i: int) -> tuple[tuple[Edge, ...], Order | None]:
        """Edge of input `i`, whose shape is known, read as it comes; and the order in which it comes."""
        tensor = self.need(i)
        flow = self.flow_of(tensor)
        shape = tensor.shape or ()
        if flow.source == NOWHERE:
            return (), flow.order
        order = streaming.natural(len(shape)) if flow.order is None else flow.order
        first, last = streaming.handover(flow, shape, order)
        return self._edge(flow.source, tensor.elements, first, last), flow.order

    def edge_with(self, i: int, first: float, last: float) -> tuple[Edge, ...]:
        """Edge of input `i` with given shares, or () when it is a constant."""
        flow = self.flow(i)
        if flow.source == NOWHERE:
            return ()
        return self._edge(flow.source, self.elements(self.need(i)), first, last)

    def _edge(self, source: int, elements: int, first: float, last: float) -> tuple[Edge, ...]:
        trips = self.builder.trips
        if elements * trips > LARGEST_COUNT:
            self.fail(f"a tensor of {elements} elements is larger than 2**53, more than can be counted exactly")
        if trips != 1:
            # producer and consumer take turns trip by trip: their times add up, as if one waited for all of the other
            return (Edge(source, elements * trips),)
        return (Edge(source, elements, first, last),)

    def order_of(self, i: int) -> Order:
        """The order in which input `i` comes, or the natural one when all of it is there."""
        tensor = self.input(i)
        if tensor is None or tensor.shape is None:
            return ()
        order = self.flow(i).order
        return streaming.natural(len(tensor.shape)) if order is None else order

    def all_edges(self, order: Order = ()) -> tuple[Edge, ...]:
        """Edges of all inputs, each read in `order` (as far as its rank goes)."""
        edges: tuple[Edge, ...] = ()
        for i, tensor in enumerate(self.node.inputs):
            if tensor is not None:
                rank = len(tensor.shape or ())
                edges += self.edge(i, tuple(a for a in order if a < rank))
        return edges

    # ---- what the node becomes ----

    def note(self, text: str) -> None:
        """Adds a remark to the node's line in `pimsim ops` and to its next layer."""
        if text not in self._note:
            self._note = f"{self._note}; {text}" if self._note else text

    def emit(
        self,
        kind: Kind,
        edges: Iterable[Edge] = (),
        *,
        order: Order | None = (),
        suffix: str = "",
        outputs: Iterable[int] | None = None,
        grain: float = 0.0,
        **counts: Any,
    ) -> int:
        """Appends a layer that produces the node's outputs (or those in `outputs`) in `order`; returns its index."""
        node = self.node
        if not self._treatment:
            self._treatment = kind.value
        elements = counts.get("output_elements")
        counts.update(op=node.op, kind=kind, inputs=tuple(edges))
        if self._note:
            counts["note"] = self._note
        index = self.builder.add(node.name + suffix, counts, node)
        flow = Flow(index, None, order, grain)
        for position, tensor in enumerate(node.outputs):
            if outputs is None or position in outputs:
                self.produce(tensor, flow, elements)
        return index

    def produce(self, tensor: Tensor, flow: Flow, elements: int | None = None) -> None:
        """Binds `tensor` to `flow`; `elements` counts when its own shape is not known."""
        shape = tensor.shape
        if shape is None:
            flow = Flow(flow.source, elements if flow.elements is None else flow.elements, (), 0.0)
        else:
            order = flow.order
            if order and max(order) >= len(shape):
                order = ()
            flow = Flow(flow.source, prod(shape), order, flow.grain)
        self.scope.flows[tensor.name] = flow

    def alias(self, flow: Flow, treatment: str = "free") -> None:
        """The node costs nothing: its outputs are `flow` under another name."""
        self._treatment = treatment
        for tensor in self.node.outputs:
            self.produce(tensor, flow, flow.elements)

    def weigh(self, constant: Constant) -> None:
        """Counts a weight or table, as it is stored, into the node's line in `pimsim ops`."""
        self._stored_bits += constant.elements * constant.bits

    def extend_last(self, edges: tuple[Edge, ...]) -> None:
        """Adds edges to the layer that the node became last (nothing to do when it became none)."""
        layers = self.builder.layers
        if edges and len(layers) > self._first_layer:
            layers[-1] = replace(layers[-1], inputs=layers[-1].inputs + edges)

    def mark(self, treatment: str) -> None:
        """Overrides the word that stands in the node's line of `pimsim ops`."""
        self._treatment = treatment

    def include(self, nodes: Iterable[Node], note: str) -> None:
        """Lines, after the node's own, for the nodes of its body that it stands for."""
        prefix, count = f"{self.builder.prefix}{self.node.name}/", self.builder.trips
        self._inner += [NodeTreatment(prefix + node.name, node.op, "free", count=count, note=note) for node in nodes]

    def declare(self, treatment: str, note: str = "") -> None:
        """Writes the node's line for `pimsim ops` now, before those of the nodes inside it."""
        builder, node = self.builder, self.node
        self._treatment = REPORTED
        builder.treatments.append(
            NodeTreatment(builder.prefix + node.name, node.op, treatment, count=builder.trips, note=note)
        )

    def finish(self) -> None:
        """Writes the node's line for `pimsim ops`."""
        builder, node = self.builder, self.node
        if self._treatment == REPORTED:
            return
        macs = sum([layer.macs for layer in builder.layers[self._first_layer :] if layer.groups])
        builder.treatments.append(
            NodeTreatment(
                builder.prefix + node.name,
                node.op,
                self._treatment or "free",
                macs,
                -(-self._stored_bits // 8),
                builder.trips,
                self._note,
            )
        )
        builder.treatments += self._inner
