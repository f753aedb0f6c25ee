"""Why the shape of a value is not known: the first node on the way to it whose output could not be shaped."""

from __future__ import annotations

from pimsim.errors import printable
from pimsim.graph.nodes import Node, Tensor
from pimsim.graph.operators.builder import Scope

LONGEST_SEARCH = 100_000
"""Nodes that are looked at for one message."""

_INDICES = frozenset(["int64", "int32"])


def why_unknown(scope: Scope, tensor: Tensor) -> str:
    """End of a message about `tensor`, whose shape is not known: the cause, and the way out that fits it."""
    producers = _producers(scope)
    origin = producers.get(tensor.name)
    if origin is None:
        return "give the shapes of the inputs (--shape NAME=1x3x224x224, --dim NAME=N)"
    for _ in range(LONGEST_SEARCH):
        earlier = next((t for t in origin.inputs if t is not None and t.shape is None and t.name in producers), None)
        if earlier is None:
            earlier = _inside(origin, producers)
        if earlier is None:
            break
        origin = producers[earlier.name]
    place = printable(origin.place or origin.name)
    values = [t for t in origin.inputs if t is not None and t.constant is None and t.dtype in _INDICES]
    sources = _inputs_behind(producers, values)
    if sources:
        names = ", ".join(f"'{printable(name)}'" for name in sources[:3])
        return (
            f"the output of {place} depends on the data of the input {names}, not on its shape: "
            "make that input a constant of the model (an initializer)"
        )
    return f"the shape of the output of {place} depends on data, or no rule for it is known"


def _inside(node: Node, producers: dict[str, Node]) -> Tensor | None:
    """A result of the node's bodies that has no shape; the bodies' nodes go to `producers`."""
    for body in node.subgraphs.values():
        own = {tensor.name: inner for inner in body.nodes for tensor in inner.outputs}
        wanting = next((t for t in body.outputs if t.shape is None and t.name in own), None)
        if wanting is not None:
            producers.update(own)
            return wanting
    return None


def _producers(scope: Scope) -> dict[str, Node]:
    """The node behind every value that is visible."""
    found: dict[str, Node] = {}
    level: Scope | None = scope
    while level is not None:
        for node in level.nodes:
            for tensor in node.outputs:
                found.setdefault(tensor.name, node)
        level = level.outer
    return found


def _inputs_behind(producers: dict[str, Node], values: list[Tensor]) -> list[str]:
    """Inputs of the model from which `values` are computed."""
    found: dict[str, None] = {}
    stack, seen = list(values), set[str]()
    while stack:
        tensor = stack.pop()
        if tensor.name in seen or tensor.constant is not None:
            continue
        seen.add(tensor.name)
        node = producers.get(tensor.name)
        if node is None:
            found[tensor.name] = None
        elif node.op not in ("Shape", "Size"):
            stack.extend(t for t in node.inputs if t is not None)
            for body in node.subgraphs.values():
                producers.update((t.name, inner) for inner in body.nodes for t in inner.outputs)
                stack.extend(body.outputs)
    return list(found)
