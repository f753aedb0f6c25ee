"""The walk over a checked model that makes a `Graph`: shapes, constants and values of every node, in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import GraphProto, NodeProto, TypeProto, shape_inference

from pimsim.errors import InputError, printable
from pimsim.graph import attributes as attribute_values
from pimsim.graph.bounds import shape_by_rule, upper_bound
from pimsim.graph.constants import WITH_BITS, activation_bits_of, constant_of
from pimsim.graph.contrib import contrib_shapes
from pimsim.graph.dtypes import NUMBERS
from pimsim.graph.folding import fold
from pimsim.graph.inference import Inference
from pimsim.graph.nodes import Graph, Node, Tensor
from pimsim.graph.offsets import OPERATORS as OFFSETS
from pimsim.graph.offsets import fixed_slice, note_offset
from pimsim.graph.ordering import place_of, subgraphs
from pimsim.graph.possible import CONVOLUTIONS, check_possible
from pimsim.graph.stripping import small_tensor
from pimsim.graph.tidy import UNREGISTERED
from pimsim.graph.types import tensor_of

_NATIVE_FAULTS = (onnx.checker.ValidationError, RuntimeError, ValueError, TypeError, LookupError, OverflowError)
"""What calls into the onnx package raise on types and attributes that do not fit."""

PARTICULAR = frozenset(["Shape", "Size", "SequenceInsert", "SequenceErase"]) | WITH_BITS
"""Operators whose outputs are more than a type, whatever their inputs are."""

Values = list[np.ndarray[Any, Any]]


@dataclass(frozen=True, slots=True)
class Length:
    """A sequence: how many tensors, and their shape where it is the same for all."""

    count: int
    shape: tuple[int, ...] | None


class Scope:
    """Values visible in a graph: its own, then those of the graphs around it."""

    def __init__(self, outer: Scope | None = None):
        self.outer = outer
        self.tensors: dict[str, Tensor] = {}
        self.lengths: dict[str, Length] = {}
        self.offsets: dict[str, tuple[str, int]] = {}  # name -> (other name, n): its value is the other's plus n

    def find(self, name: str) -> Tensor | None:
        """The value called `name`, or None."""
        scope: Scope | None = self
        while scope is not None:
            found = scope.tensors.get(name)
            if found is not None:
                return found
            scope = scope.outer
        return None

    def sequence(self, name: str) -> Length | None:
        """Length and element shape of a sequence, where known."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.lengths:
                return scope.lengths[name]
            scope = scope.outer
        return None


@dataclass(slots=True)
class Site:
    """One node on its way to a `Node`."""

    proto: NodeProto
    op: str
    place: str
    key: str  # prefix of keys and names in this graph
    scope: Scope
    inputs: tuple[Tensor | None, ...]
    attributes: dict[str, Any]
    opset: int


@dataclass
class Builder:
    """State of one walk over a model."""

    versions: Mapping[str, int]
    trips: int | None = None
    branch: str | None = None
    bound: Mapping[str, int] = field(default_factory=dict)  # named dimensions
    notes: dict[str, None] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    log: list[str] = field(default_factory=list)  # names in the order in which they were given
    agreed: dict[str, TypeProto] = field(default_factory=dict)  # key + name -> type found by trying the trips of a loop
    record: dict[str, Tensor] | None = None  # key + name -> value, while trips are tried
    bounded: int = 0  # outputs whose shape is an upper bound
    budget: int = 0  # nodes that may still be walked a second time, in loop bodies
    types: dict[bytes, tuple[tuple[int, ...] | None, str]] = field(default_factory=dict)  # message -> what it says

    def __post_init__(self) -> None:
        self.inference = Inference(self.versions)

    def note(self, text: str) -> None:
        """Remember a statement for the user, once, and not without end."""
        if len(self.notes) < 50:
            self.notes[text] = None

    def mark(self) -> tuple[int, int]:
        """A point to come back to with `again` or `forget`."""
        return len(self.log), len(self.notes)

    def again(self, mark: tuple[int, int]) -> bool:
        """Forget what was said since `mark`, so that a body can be walked once more.

        False (and nothing forgotten) if that has been done too often: loops in loops would take exponential time.
        """
        if self.budget < len(self.log) - mark[0]:
            return False
        self.forget(mark)
        return True

    def forget(self, mark: tuple[int, int]) -> None:
        """Forget names and notes given since `mark`."""
        self.budget -= len(self.log) - mark[0]
        self.names.difference_update(self.log[mark[0] :])
        del self.log[mark[0] :]
        for text in list(self.notes)[mark[1] :]:
            del self.notes[text]

    def walk(
        self,
        graph: GraphProto,
        scope: Scope,
        types: Mapping[str, TypeProto],
        hints: Mapping[str, TypeProto],
        where: str = "",
    ) -> tuple[Node, ...]:
        """Nodes of `graph`, whose inputs and initialisers stand in `scope` already; adds all its values to `scope`.

        types: what shape inference found; hints: what the file declares, used where nothing else is known.
        """
        nodes = []
        own = scope.tensors
        for position, proto in enumerate(graph.node):
            place = where + place_of(position, proto)
            domain = "" if proto.domain == UNREGISTERED else proto.domain
            op = f"{domain}.{proto.op_type}" if domain else proto.op_type
            inputs = tuple([(own.get(name) or scope.find(name)) if name else None for name in proto.input])
            while inputs and inputs[-1] is None:
                inputs = inputs[:-1]
            attributes = attribute_values.plain(proto, place) if proto.attribute else {}
            if op in CONVOLUTIONS:
                check_possible(op, inputs, attributes, place)
            site = Site(proto, op, place, where, scope, inputs, attributes, self.versions.get(proto.domain, 0))
            known = None if scope.lengths or op in PARTICULAR else self._known(site, types)
            if known is not None:
                own.update(known)
                name = self._unique(proto.name or f"{proto.op_type}_{position}")
                outputs = tuple(known.values())
                nodes.append(Node(name, op, inputs, outputs, attributes, {}, site.opset, place))
            else:
                nodes.append(self._node(site, position, types, hints))
        return tuple(nodes)

    def _known(self, site: Site, types: Mapping[str, TypeProto]) -> dict[str, Tensor] | None:
        """Outputs of a plain node whose types inference has found, by name; None for any other node."""
        if not _varies(site.inputs) or len(site.proto.attribute):
            return None
        found = {}
        for name in site.proto.output:
            proto = types.get(name)
            if proto is None:
                return None
            code = proto.SerializeToString()
            known = self.types.get(code)
            if known is None:
                tensor = self._typed(site, name, types)
                if not _complete(tensor):
                    return None
                known = self.types[code] = (tensor.shape, tensor.dtype)
            found[name] = Tensor(name, *known)
        return found

    def _node(
        self, site: Site, position: int, types: Mapping[str, TypeProto], hints: Mapping[str, TypeProto]
    ) -> Node:
        proto, scope = site.proto, site.scope
        bodies: dict[str, Graph] = {}
        outputs: list[Tensor] | None = None
        if proto.attribute and any(True for _ in subgraphs(proto)):
            from pimsim.graph.control import control_flow  # control walks bodies with this builder

            bodies, outputs = control_flow(self, site)
        if outputs is None:
            outputs = self._outputs(site, types, hints)
        if "equence" in site.op or scope.lengths:
            from pimsim.graph.sequences import sequence_step

            outputs = sequence_step(site, outputs)
        if site.op in OFFSETS and scope.outer is not None:  # slices by a running number stand in loop bodies
            note_offset(site, outputs)
        for tensor in outputs:
            if tensor.name:
                scope.tensors[tensor.name] = tensor
        return Node(
            self._unique(proto.name or f"{proto.op_type}_{position}"),
            site.op,
            site.inputs,
            tuple(outputs),
            site.attributes,
            bodies,
            site.opset,
            site.place,
        )

    def _unique(self, name: str) -> str:
        candidate, count = name, 1
        while candidate in self.names:
            count += 1
            candidate = f"{name}_{count}"
        self.names.add(candidate)
        self.log.append(candidate)
        return candidate

    def _outputs(
        self, site: Site, types: Mapping[str, TypeProto], hints: Mapping[str, TypeProto]
    ) -> list[Tensor]:
        names = list(site.proto.output)
        while names and not names[-1]:
            names.pop()
        values = self._values(site, len(names))
        found = [self._typed(site, name, types) for name in names]
        if values is not None:
            found = [
                Tensor(n, tuple(v.shape), _dtype(v, t.dtype)) for n, v, t in zip(names, values, found, strict=True)
            ]
        elif not all(_complete(tensor) for tensor in found):
            found = self._inferred(site, names, found, hints)
        if values is None and _varies(site.inputs) and site.op not in WITH_BITS:
            return found
        results = []
        for index, tensor in enumerate(found):
            value = values[index] if values is not None else None
            constant = constant_of(site.op, site.inputs, tensor.shape, tensor.dtype, site.key + tensor.name, value)
            bits = activation_bits_of(site.op, site.inputs, tensor.dtype, index)
            if constant is not None or bits is not None:
                tensor = Tensor(tensor.name, tensor.shape, tensor.dtype, constant, bits)
            results.append(tensor)
        return results

    def _typed(self, site: Site, name: str, types: Mapping[str, TypeProto]) -> Tensor:
        proto = types.get(name) or (self.agreed.get(site.key + name) if self.agreed else None)
        if proto is None:
            return Tensor(name, None, "")
        try:
            return tensor_of(name, proto)
        except InputError as error:
            raise InputError(f"{site.place}: {error}") from error

    def _values(self, site: Site, outputs: int) -> Values | None:
        """Values of the outputs, if they follow from small known tensors."""
        if site.proto.domain != "":
            return None
        first = site.inputs[0] if site.inputs else None
        if site.op in ("Shape", "Size"):
            return _shape_values(site.op, first, site.attributes)
        if _varies(site.inputs):
            return None
        known: list[np.ndarray[Any, Any] | None] = []
        like = site.inputs[1] if site.op == "CastLike" and len(site.inputs) > 1 else None  # only its type matters
        for tensor in site.inputs:
            if tensor is None or tensor is like:
                known.append(None)
            elif tensor.constant is None or tensor.constant.values is None:
                return None
            else:
                known.append(tensor.constant.values)
        attributes = site.attributes
        if site.op in ("Cast", "CastLike"):
            number = int(attributes.get("to", 0)) if like is None else NUMBERS.get(like.dtype, 0)
            attributes = {**attributes, "_to": attribute_values.numpy_type(number)}
        return fold(site.op, known, attributes, outputs, site.opset)

    def _inferred(
        self, site: Site, names: Sequence[str], found: list[Tensor], hints: Mapping[str, TypeProto]
    ) -> list[Tensor]:
        """Output types of one node from its inputs alone, then bounds, then what the file declares."""
        failure = ""
        try:
            types = self.inference.types(site)
        except shape_inference.InferenceError as error:
            failure = " ".join(str(error).split())
            if "ShapeInferenceError" in failure:
                raise InputError(f"{site.place}: {printable(failure, 300)}") from error
            types = {}
        except _NATIVE_FAULTS as error:
            failure, types = " ".join(str(error).split()), {}
        results = []
        shapes = contrib_shapes(site.op, site.inputs, site.attributes)
        for index, (name, old) in enumerate(zip(names, found, strict=True)):
            tensor = self._typed(site, name, types)
            if not tensor.dtype and old.dtype:
                tensor = Tensor(name, tensor.shape if tensor.shape is not None else old.shape, old.dtype)
            if not _complete(tensor) and index < len(shapes):
                tensor = Tensor(name, shapes[index][0], tensor.dtype or shapes[index][1])
            if not _complete(tensor):
                tensor = self._bounded(site, index, tensor)
            if not _complete(tensor) and name in hints:
                hinted = self._typed(site, name, hints)
                tensor = Tensor(name, hinted.shape, tensor.dtype or hinted.dtype)
            results.append(tensor)
        if failure and not all(_complete(tensor) for tensor in results):
            raise InputError(f"{site.place}: {printable(failure, 300)}")
        return results

    def _bounded(self, site: Site, index: int, tensor: Tensor) -> Tensor:
        exact = shape_by_rule(site.op, index, site.inputs) or fixed_slice(site)
        if exact is not None:
            return Tensor(tensor.name, exact, tensor.dtype or ("bool" if site.op == "Dropout" else ""))
        bound = upper_bound(site.op, index, site.inputs, site.attributes)
        if bound is None:
            return tensor
        self.bounded += 1
        self.note(f"{site.place}: the size of its output depends on the data; the upper bound {list(bound)} is used")
        first = site.inputs[0]
        return Tensor(tensor.name, bound, tensor.dtype or (first.dtype if first is not None else ""))


def _varies(inputs: Sequence[Tensor | None]) -> bool:
    """Whether the first input depends on the model's inputs and was never quantised: the common case."""
    first = inputs[0] if inputs else None
    return first is not None and first.constant is None and first.activation_bits is None


def _complete(tensor: Tensor) -> bool:
    """Whether the shape is known, or the value is none that has one."""
    return tensor.shape is not None or "(" in tensor.dtype or tensor.dtype == "map" or not tensor.name


def _dtype(values: np.ndarray[Any, Any], inferred: str) -> str:
    return inferred or str(values.dtype)


def _shape_values(op: str, first: Tensor | None, attributes: Mapping[str, Any]) -> Values | None:
    if first is None or first.shape is None:
        return None
    if op == "Size":
        return [np.array(first.elements, np.int64)]
    start, end = attributes.get("start"), attributes.get("end")
    return [np.array(first.shape[slice(start, end)], np.int64)]


def enter(graph: GraphProto, scope: Scope, key: str, stored: Mapping[str, Tensor]) -> None:
    """Put the initialisers of `graph` into `scope`."""
    for proto in graph.initializer:
        tensor = stored.get(proto.name) if not key else None
        if tensor is None:
            tensor = small_tensor(proto)
            if key and tensor.constant is not None:
                constant = tensor.constant
                renamed = type(constant)(
                    key + proto.name, constant.bits, constant.quantized, constant.elements, constant.values
                )
                tensor = Tensor(proto.name, tensor.shape, tensor.dtype, renamed)
        scope.tensors[proto.name] = tensor


def element_types(graph: GraphProto) -> dict[str, TypeProto]:
    """Types of intermediate values and outputs that stand in `graph`."""
    return {value.name: value.type for value in (*graph.value_info, *graph.output)}
