"""The untangled graph: what `reader` hands to `lowering`. No onnx protobuf goes beyond this point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Constant:
    """A tensor known at load time, perhaps without its values.

    key: identity of the stored data; two tensors that reach the same initialiser through Reshape, Transpose, Cast,
        Identity or DequantizeLinear carry the same key (so tied and shared weights are recognised).
    values: only for small tensors that shape arithmetic needs (at most a few thousand elements); None for weights.
    bits: bits of one stored element (int4 4, float8 8, float32 32), after following DequantizeLinear to what is stored.
    quantized: the stored element is an integer or a float of at most 8 bits: the model fixes its precision.
    elements: number of stored elements (as in the file; sparse initialisers: their dense size).
    """

    key: str
    bits: int
    quantized: bool
    elements: int
    values: np.ndarray[Any, Any] | None = None


@dataclass(frozen=True, slots=True)
class Tensor:
    """A value in the graph. `shape` is None when unknown (a sequence, an optional); else all dimensions are bound."""

    name: str
    shape: tuple[int, ...] | None
    dtype: str  # "float32", "int4", "string", "sequence"...
    constant: Constant | None = None
    activation_bits: int | None = None  # set when the value passes a QuantizeLinear: bits of the quantised form

    @property
    def elements(self) -> int:
        """Number of elements; 0 when the shape is unknown."""
        return 0 if self.shape is None else prod(self.shape)


@dataclass(frozen=True, slots=True)
class Node:
    """One operator with its inputs and outputs resolved to tensors (None: an omitted optional input)."""

    name: str  # unique; the node's own name or "<op>_<position>" when it has none
    op: str  # operator type without domain for ai.onnx ("Conv"), with it otherwise ("com.microsoft.MatMulNBits")
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)  # ints, floats, str, lists, small numpy arrays
    subgraphs: Mapping[str, Graph] = field(default_factory=dict)  # attribute name -> graph (If, Loop, Scan...)
    opset: int = 0
    place: str = ""  # "node 17 'conv1'" or "function f, node 3": for messages


@dataclass(frozen=True)
class Graph:
    """Nodes in topological order, local functions inlined, constants resolved."""

    name: str
    nodes: tuple[Node, ...]
    inputs: tuple[Tensor, ...]  # without initialisers
    outputs: tuple[Tensor, ...]
    opset: int = 0
    notes: tuple[str, ...] = ()  # statements for the user gathered while reading
    source: str = ""
