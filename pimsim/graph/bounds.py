"""Largest shape of outputs whose size depends on the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pimsim.graph.nodes import Tensor


def upper_bound(
    op: str, index: int, inputs: Sequence[Tensor | None], attributes: Mapping[str, Any]
) -> tuple[int, ...] | None:
    """Largest possible shape of output `index`, or None where no bound follows from the inputs' shapes."""
    first = inputs[0] if inputs else None
    if first is None or first.shape is None:
        return None
    if op == "NonZero":
        return (len(first.shape), first.elements)
    if op == "NonMaxSuppression":
        return _non_max_suppression(inputs)
    if op in ("Unique", "Compress"):
        return _along_axis(op, index, inputs, first.shape, attributes.get("axis"))
    if op == "Slice":
        return first.shape
    return None


def shape_by_rule(op: str, index: int, inputs: Sequence[Tensor | None]) -> tuple[int, ...] | None:
    """Exact shape of an output that onnx's inference leaves out: the mask of Dropout before opset 10."""
    first = inputs[0] if inputs else None
    return first.shape if op == "Dropout" and index == 1 and first is not None else None


def _along_axis(
    op: str, index: int, inputs: Sequence[Tensor | None], shape: tuple[int, ...], axis: int | None
) -> tuple[int, ...] | None:
    count = 1
    for d in shape:
        count *= d
    if axis is None:
        flat = count
    elif -len(shape) <= axis < len(shape):
        flat = shape[axis]
    else:
        return None
    condition = inputs[1] if op == "Compress" and len(inputs) > 1 else None
    if condition is not None and condition.shape is not None and len(condition.shape) == 1:
        flat = min(flat, condition.shape[0])
    if axis is None or (op == "Unique" and index > 0):
        return (flat,)
    result = list(shape)
    result[axis] = flat
    return tuple(result)


def _non_max_suppression(inputs: Sequence[Tensor | None]) -> tuple[int, ...] | None:
    boxes, scores = inputs[0], inputs[1] if len(inputs) > 1 else None
    if boxes is None or scores is None or scores.shape is None or len(scores.shape) != 3:
        return None
    batches, classes, count = scores.shape
    limit = inputs[2] if len(inputs) > 2 else None
    if limit is not None and limit.constant is not None and limit.constant.values is not None:
        count = min(count, max(int(limit.constant.values.reshape(-1)[0]), 0))
    return (batches * classes * count, 3)
