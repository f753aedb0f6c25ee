"""Graphs by hand: tensors, weights and nodes in a few words."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import pytest

from pimsim.graph.lowering import lower
from pimsim.graph.nodes import Constant, Graph, Node, Tensor
from pimsim.graph.workload import Layer, Workload


class Make:
    """Short names for the parts of a graph."""

    @staticmethod
    def x(name: str, *shape: int, dtype: str = "float32", bits: int | None = None) -> Tensor:
        """An activation."""
        return Tensor(name, shape, dtype, activation_bits=bits)

    @staticmethod
    def unknown(name: str) -> Tensor:
        """An activation whose shape is not known."""
        return Tensor(name, None, "float32")

    @staticmethod
    def w(name: str, *shape: int, bits: int = 32, quantized: bool = False, key: str = "", dtype: str = "") -> Tensor:
        """A weight without values."""
        kind = dtype or ("int8" if quantized else "float32")
        return Tensor(name, shape, kind, Constant(key or name, bits, quantized, prod(shape)))

    @staticmethod
    def values(name: str, values: Any) -> Tensor:
        """A small constant with its values."""
        array = np.asarray(values)
        return Tensor(name, array.shape, str(array.dtype), Constant(name, 64, False, array.size, array))

    @staticmethod
    def node(
        op: str, inputs: list[Tensor | None], outputs: Tensor | list[Tensor], *, name: str = "", opset: int = 17,
        subgraphs: dict[str, Graph] | None = None, **attributes: Any,
    ) -> Node:  # fmt: skip
        """A node named after its operator."""
        outs = (outputs,) if isinstance(outputs, Tensor) else tuple(outputs)
        label = name or op.rpartition(".")[2].lower()
        return Node(label, op, tuple(inputs), outs, attributes, subgraphs or {}, opset, f"node 0 '{label}'")

    @staticmethod
    def graph(nodes: list[Node], inputs: list[Tensor], outputs: list[Tensor]) -> Graph:
        """A graph of these nodes."""
        return Graph("test", tuple(nodes), tuple(inputs), tuple(outputs))

    def run(self, *nodes: Node, **options: Any) -> Workload:
        """The workload of a chain of nodes; what none of them makes is an input."""
        made = {t.name for n in nodes for t in n.outputs}
        inputs = {t.name: t for n in nodes for t in n.inputs if t and t.constant is None and t.name not in made}
        return lower(self.graph(list(nodes), list(inputs.values()), list(nodes[-1].outputs)), **options)

    def one(self, op: str, inputs: list[Tensor | None], outputs: Tensor | list[Tensor], **attributes: Any) -> Layer:
        """The only layer of a graph of one node."""
        (layer,) = self.run(self.node(op, inputs, outputs, **attributes)).layers
        return layer


@pytest.fixture
def make() -> Make:
    """Parts of graphs."""
    return Make()
