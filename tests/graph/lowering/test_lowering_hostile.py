"""Graphs that contradict themselves: a result that holds its promises, or an InputError, and nothing else."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx.backend.test.case.node import collect_testcases

from pimsim.errors import InputError
from pimsim.graph.lowering import lower
from pimsim.graph.nodes import Constant, Graph, Node, Tensor
from pimsim.graph.operators import HANDLERS
from pimsim.graph.reader import read_graph
from pimsim.graph.workload import LARGEST_COUNT, Kind, Workload

SHAPES: list[Any] = [
    None, (), (0,), (1,), (3,), (2, 3), (0, 3, 3), (1, 2, 3), (1, 3, 4, 4), (2**40, 2**40), (2**62,) * 12,
    (1, 3, 2**31, 7),
    (1, 2, 3, 4, 5), (1,) * 9, (5,) * 3,
]  # fmt: skip
VALUES: list[Any] = [
    0, -1, 2, 2**63 - 1, -(2**63), "x", b"\xff", 1.5, float("nan"), float("inf"),
    [], [0], [1, 1], [-1] * 4, [2**62] * 4,
    ["a"], [1.5], None, np.zeros(3), np.zeros((0,)), "ab,bc->ac", "...i,ij", "((", [b"Tanh"], True,
]  # fmt: skip
ATTRIBUTES = [
    "axis",
    "group",
    "perm",
    "kernel_shape",
    "strides",
    "num_heads",
    "equation",
    "auto_pad",
    "axes",
    "blocksize",
]
STORED: list[Any] = [None, np.array([1, 2]), np.array(["a"]), np.array(float("nan")), np.array(2**60), np.zeros((0,))]


class Mutator:
    """Changes to tensors, nodes and graphs, from one seed."""

    def __init__(self, seed: int):
        self.r = random.Random(seed)

    def tensor(self, t: Tensor | None) -> Tensor | None:
        """Another shape, type or constant."""
        if t is None:
            return None
        r = self.r
        shape = r.choice(SHAPES)
        if t.shape and r.random() < 0.5:
            dims = list(t.shape)
            dims[r.randrange(len(dims))] = r.choice([0, 1, 2, 3, 7, 2**33])
            shape = tuple(dims)
        constant = t.constant
        if r.random() < 0.3:
            constant = None if constant else Constant("k", r.choice([1, 4, 32]), r.random() < 0.5, 7, r.choice(STORED))
        return replace(t, shape=shape, constant=constant, dtype=r.choice([t.dtype, "int8", "string", "sequence"]))

    def node(self, n: Node) -> Node:
        """One change to inputs, outputs, attributes, bodies or the type."""
        r = self.r
        inputs, outputs, attributes = list(n.inputs), list(n.outputs), dict(n.attributes)
        kind = r.randrange(9)
        if kind <= 1 and inputs:
            at = r.randrange(len(inputs))
            inputs[at] = self.tensor(inputs[at]) if kind == 0 or r.random() < 0.5 else None
        elif kind == 2:
            del inputs[r.randint(0, len(inputs)) :]
        elif kind == 3 and outputs:
            at = r.randrange(len(outputs))
            outputs[at] = self.tensor(outputs[at]) or outputs[at]
        elif kind == 4:
            outputs = outputs if r.random() < 0.8 else []
        elif kind <= 6:
            attributes[r.choice([*attributes, *ATTRIBUTES])] = r.choice(VALUES)
        elif kind == 7:
            graphs = {key: self.graph(g) for key, g in n.subgraphs.items()} if r.random() < 0.8 else {}
            return replace(n, subgraphs=graphs)
        else:
            return replace(n, op=r.choice(sorted(HANDLERS)))
        return replace(n, inputs=tuple(inputs), outputs=tuple(outputs), attributes=attributes)

    def graph(self, g: Graph) -> Graph:
        """Up to three changed nodes, at times another order, no outputs or no inputs."""
        nodes = list(g.nodes)
        for _ in range(self.r.randint(1, 3)):
            if nodes:
                at = self.r.randrange(len(nodes))
                nodes[at] = self.node(nodes[at])
        if self.r.random() < 0.1:
            self.r.shuffle(nodes)
        outputs = g.outputs if self.r.random() < 0.95 else ()
        inputs = g.inputs if self.r.random() < 0.95 else ()
        return replace(g, nodes=tuple(nodes), outputs=outputs, inputs=inputs)


def check(work: Workload) -> None:
    """What every workload promises."""
    names = [layer.name for layer in work.layers]
    assert len(set(names)) == len(names)
    for i, layer in enumerate(work.layers):
        counts = (
            layer.macs, layer.ops, layer.input_elements, layer.fetched_elements, layer.output_elements,
            layer.weight_elements, layer.bias_elements, layer.serial_steps, layer.lookups, layer.table_rows,
        )  # fmt: skip
        assert all(isinstance(n, int) and 0 <= n <= LARGEST_COUNT for n in counts), layer
        for edge in layer.inputs:
            assert -1 <= edge.source < i
            assert 0 < edge.first <= 1
            assert 0 < edge.last <= 1
            assert isinstance(edge.elements, int)
            assert edge.elements >= 0
        if layer.kind in (Kind.MVM, Kind.DYNAMIC):
            assert layer.macs > 0
            assert layer.vectors % layer.serial_steps == 0
        if layer.kind is Kind.MVM:
            assert layer.weight_elements == layer.groups * layer.rows * layer.cols
        if layer.kind is Kind.LOOKUP:
            assert layer.lookups > 0
            assert layer.output_elements == layer.lookups * layer.row_elements


def models() -> list[onnx.ModelProto]:
    """The node tests of the onnx package: every operator, most attributes."""
    with np.errstate(all="ignore"):
        return [case.model for case in collect_testcases()]


@pytest.mark.slow
def test_node_tests_of_onnx_and_mutations_of_them() -> None:
    """All of them as they are, then each changed three times."""
    lowered = refused = 0
    graphs = []
    for model in models():
        try:
            graphs.append(read_graph(model, batch=1, trips=2))
        except InputError:
            continue
    assert len(graphs) > 1000
    for graph in graphs:
        nodes = {node.op for node in graph.nodes}
        if any(op.startswith("ai.onnx.preview.training") for op in nodes):
            continue
        try:
            check(lower(graph, trips=2))
            lowered += 1
        except InputError:
            refused += 1
    assert lowered > 50 * refused
    for seed, graph in enumerate(graphs * 3):
        mutated = Mutator(seed).graph(graph)
        try:
            check(lower(mutated, trips=random.Random(seed).choice([None, 2]), unknown_ops="digital"))
        except InputError as error:
            assert all(line.isprintable() for line in error.problems)  # noqa: PT017 - either outcome is right


def test_mutations_of_a_small_network(make) -> None:
    """A quick look at the same: convolution, look-up, attention, recurrence."""
    x, y = make.x("x", 1, 4, 8, 8), make.x("y", 1, 4, 8, 8)
    t = make.x("t", 1, 8, 32)
    nodes = [
        make.node("Conv", [x, make.w("w", 4, 4, 3, 3), make.w("b", 4)], y, pads=[1] * 4),
        make.node("Reshape", [y, make.values("s", [1, 8, 32])], t),
        make.node("MatMul", [t, make.w("m", 32, 16)], make.x("q", 1, 8, 16)),
        make.node("Attention", [make.x("q", 1, 8, 16)] * 3, make.x("a", 1, 8, 16), q_num_heads=2, kv_num_heads=2),
        make.node(
            "LSTM", [make.x("a", 1, 8, 16), make.w("W", 1, 20, 16), make.w("R", 1, 20, 5)], make.x("l", 1, 1, 8, 5)
        ),
        make.node(
            "Einsum", [make.x("l", 1, 1, 8, 5), make.w("e", 5, 3)], make.x("z", 1, 1, 8, 3), equation="tdbi,io->tdbo"
        ),
    ]
    graph = make.graph(nodes, [x], [make.x("z", 1, 1, 8, 3)])
    check(lower(graph))
    results = 0
    for seed in range(2000):
        try:
            check(lower(Mutator(seed).graph(graph), unknown_ops="skip"))
            results += 1
        except InputError:
            continue
    assert 200 < results < 1900
