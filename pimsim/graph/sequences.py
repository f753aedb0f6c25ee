"""Sequences of tensors: how long they are and what shape their elements have, where it is known."""

from __future__ import annotations

from dataclasses import replace

from pimsim.graph.building import Length, Site
from pimsim.graph.nodes import Tensor

Shape = tuple[int, ...] | None


def sequence_step(site: Site, outputs: list[Tensor]) -> list[Tensor]:
    """Outputs of a node with what is known of sequences put in; lengths of new sequences go into the scope."""
    names = list(site.proto.input)
    first = site.scope.sequence(names[0]) if names else None
    made = _made(site, first)
    if made is not None and outputs:
        site.scope.lengths[outputs[0].name] = made
    if first is None or not outputs:
        return outputs
    if site.op == "SequenceAt" and first.shape is not None:
        return [replace(outputs[0], shape=first.shape)]
    if site.op == "ConcatFromSequence" and outputs[0].shape is None:
        return [replace(outputs[0], shape=_concatenated(first, site))]
    return outputs


def _made(site: Site, first: Length | None) -> Length | None:
    """Length of the sequence that a node makes."""
    if site.op == "SequenceEmpty":
        return Length(0, None)
    if site.op == "SequenceConstruct":
        shapes = {tensor.shape if tensor is not None else None for tensor in site.inputs}
        return Length(len(site.inputs), shapes.pop() if len(shapes) == 1 else None)
    if site.op == "SplitToSequence":
        return _split(site)
    if first is None:
        return None
    if site.op == "SequenceInsert":
        shape = site.inputs[1].shape if len(site.inputs) > 1 and site.inputs[1] is not None else None
        same = first.count == 0 or first.shape is None or first.shape == shape
        return Length(first.count + 1, shape if same else None)
    if site.op == "SequenceErase":
        return Length(max(first.count - 1, 0), first.shape)
    return first if site.op == "Identity" else None


def _split(site: Site) -> Length | None:
    data = site.inputs[0] if site.inputs else None
    axis = int(site.attributes.get("axis", 0))
    if data is None or data.shape is None or not -len(data.shape) <= axis < len(data.shape):
        return None
    axis %= len(data.shape)
    size = data.shape[axis]
    sizes = [1]
    count = size
    if len(site.inputs) > 1 and site.inputs[1] is not None:
        constant = site.inputs[1].constant
        if constant is None or constant.values is None:
            return None
        sizes = [int(v) for v in constant.values.reshape(-1)]
        if constant.values.ndim:
            count = len(sizes)
        elif sizes[0] > 0:
            count = -(-size // sizes[0])
        else:
            return None
    elif not site.attributes.get("keepdims", 1):
        return Length(count, data.shape[:axis] + data.shape[axis + 1 :])
    even = len(set(sizes)) == 1 and sizes[0] * count == size
    shape = (*data.shape[:axis], sizes[0], *data.shape[axis + 1 :]) if even else None
    return Length(count, shape)


def _concatenated(length: Length, site: Site) -> Shape:
    if length.shape is None or length.count < 1:
        return None
    axis, new = int(site.attributes.get("axis", 0)), bool(site.attributes.get("new_axis", 0))
    rank = len(length.shape) + new
    if not -rank <= axis < rank:
        return None
    axis %= rank
    if new:
        return (*length.shape[:axis], length.count, *length.shape[axis:])
    return (*length.shape[:axis], length.shape[axis] * length.count, *length.shape[axis + 1 :])

