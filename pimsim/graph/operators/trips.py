"""How often a loop runs, as far as the model says."""

from __future__ import annotations

from collections.abc import Mapping

from pimsim.graph.nodes import Graph, Node, Tensor
from pimsim.graph.workload import LARGEST_COUNT

PASSING = frozenset({"Identity", "Cast", "CastLike", "Reshape", "Squeeze", "Unsqueeze"})
"""Operators that hand a scalar on."""


def producers(graph: Graph) -> dict[str, Node]:
    """The node behind each value of `graph`."""
    return {tensor.name: node for node in graph.nodes for tensor in node.outputs}


def trace(made_by: Mapping[str, Node], tensor: Tensor | None) -> Tensor | None:
    """`tensor`, followed back through the nodes that only hand it on."""
    for _ in range(len(made_by) + 1):
        node = None if tensor is None else made_by.get(tensor.name)
        if tensor is None or tensor.constant is not None or node is None or node.op not in PASSING or not node.inputs:
            break
        tensor = node.inputs[0]
    return tensor


def scalar(tensor: Tensor | None) -> float | None:
    """The value of a constant of one element, or None."""
    if tensor is None or tensor.constant is None or tensor.constant.values is None or tensor.constant.values.size != 1:
        return None
    try:
        return float(tensor.constant.values.ravel()[0])
    except (TypeError, ValueError):
        return None


def loop_trips(node: Node, body: Graph) -> int | None:
    """Trips of a Loop, or None when they depend on data.

    Known: the condition is false at once (0); the count M is constant and the condition stays true; or the condition
    compares a counter, which starts at a constant and grows by a constant, with a constant.
    """
    count, start = (node.inputs[i] if i < len(node.inputs) else None for i in (0, 1))
    most = scalar(count)
    if (start is not None and scalar(start) == 0) or (most is not None and most <= 0):
        return 0
    bound = None if most is None or not most <= LARGEST_COUNT else int(most)
    open_start = start is not None and scalar(start) is None
    made_by = producers(body)
    condition = trace(made_by, body.outputs[0]) if body.outputs else None
    passes = condition is None or scalar(condition) not in (None, 0.0)
    if condition is not None and len(body.inputs) > 1 and condition.name == body.inputs[1].name:
        passes = True
    if passes:
        return None if open_start else bound if count is None or most is not None else None
    if scalar(condition) == 0 and not open_start:
        return 1
    counted = _counter(node, body, made_by, condition)
    if counted is None or open_start or (count is not None and most is None):
        return None
    return counted if bound is None else min(bound, counted)


def _counter(node: Node, body: Graph, made_by: Mapping[str, Node], condition: Tensor | None) -> int | None:
    """Trips of `for i = a; i < b; i += c` written as a condition, all of a, b, c constant."""
    test = None if condition is None else made_by.get(condition.name)
    if test is None or test.op not in ("Less", "LessOrEqual") or len(test.inputs) < 2:
        return None
    limit = scalar(trace(made_by, test.inputs[1]))
    value = trace(made_by, test.inputs[0])
    if value is None or limit is None:
        return None
    for i, carried in enumerate(body.inputs[2:]):
        if i + 1 >= len(body.outputs) or i + 2 >= len(node.inputs):
            return None
        after = trace(made_by, body.outputs[i + 1])
        if after is None or value.name not in (after.name, carried.name):
            continue
        step = _step(made_by, after, carried)
        begin = scalar(node.inputs[i + 2])
        if step is None or begin is None or step <= 0:
            return None
        room = limit - begin + (step if test.op == "LessOrEqual" else 0)
        trips = max(1, int(-(-room // step))) if abs(room / step) < LARGEST_COUNT else None
        return trips if trips is None or value.name == after.name else trips + 1
    return None


def _step(made_by: Mapping[str, Node], after: Tensor, carried: Tensor) -> float | None:
    """c where `after` = `carried` + c."""
    add = made_by.get(after.name)
    if add is None or add.op != "Add" or len(add.inputs) != 2:
        return None
    terms = [trace(made_by, t) for t in add.inputs]
    for one, other in (terms, terms[::-1]):
        if one is not None and one.name == carried.name:
            return scalar(other)
    return None
