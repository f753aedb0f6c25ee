"""Slices whose place depends on data but whose width does not: from i to i + 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pimsim.graph.nodes import Tensor

if TYPE_CHECKING:
    from pimsim.graph.building import Scope, Site

PASSING = frozenset(["Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze"])
OPERATORS = PASSING | {"Add"}
"""Operators whose result is a number at a known distance from another."""


def note_offset(site: Site, outputs: list[Tensor]) -> None:
    """Remember in the node's scope that its output is another value plus a constant."""
    if not outputs or not outputs[0].dtype.startswith("int") or outputs[0].elements > 1:
        return
    names, distance = list(site.proto.input), 0
    if site.op == "Add":
        numbers = [_number(tensor) for tensor in site.inputs]
        if len(numbers) != 2 or (numbers[0] is None) == (numbers[1] is None):
            return
        base = names[0] if numbers[0] is None else names[1]
        distance = numbers[1] if numbers[0] is None else numbers[0]  # type: ignore[assignment]
    elif names:
        base = names[0]
    else:
        return
    root, known = _offset(site.scope, base)
    site.scope.offsets[outputs[0].name] = (root, known + distance)


def fixed_slice(site: Site) -> tuple[int, ...] | None:
    """Shape of a Slice along one axis whose end lies a constant behind its start; None for any other node."""
    first = site.inputs[0] if site.inputs else None
    names = list(site.proto.input)
    if site.op != "Slice" or first is None or not first.shape or len(names) < 3:
        return None
    if len(site.inputs) > 4 and _number(site.inputs[4]) != 1:
        return None
    start, end = site.inputs[1], site.inputs[2]
    if start is None or end is None or start.shape != (1,) or end.shape != (1,):
        return None
    axis = _number(site.inputs[3]) if len(site.inputs) > 3 and site.inputs[3] is not None else 0
    (one, begin), (other, stop) = _offset(site.scope, names[1]), _offset(site.scope, names[2])
    if axis is None or one != other or stop < begin or not -len(first.shape) <= axis < len(first.shape):
        return None
    result = list(first.shape)
    result[axis] = min(result[axis], stop - begin)
    return tuple(result)


def _offset(scope: Scope, name: str) -> tuple[str, int]:
    level: Scope | None = scope
    while level is not None:
        if name in level.offsets:
            return level.offsets[name]
        level = level.outer
    return name, 0


def _number(tensor: Tensor | None) -> int | None:
    """Value of a constant of one element."""
    constant = None if tensor is None else tensor.constant
    if constant is None or constant.values is None or constant.values.size != 1 or constant.values.dtype.kind != "i":
        return None
    return int(constant.values.reshape(-1)[0])
