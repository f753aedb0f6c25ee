"""Shape arithmetic: small tensors evaluated with NumPy so that shapes computed by the model itself become known.

Every function gets arrays of at most LARGEST_VALUES elements and returns such arrays, or None where it does not
apply; sizes are checked before anything is allocated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from pimsim.graph.sizes import LARGEST_VALUES, elements_of

Array = np.ndarray[Any, Any]
Attributes = Mapping[str, Any]
Folder = Callable[[Sequence[Array | None], Attributes, int], "list[Array] | None"]

LARGEST_FILL = 64
"""Elements up to which a ConstantOfShape of floats keeps its values."""

_BINARY: dict[str, Callable[[Array, Array], Array]] = {
    "Add": np.add,
    "Sub": np.subtract,
    "Mul": np.multiply,
    "Equal": np.equal,
    "Greater": np.greater,
    "Less": np.less,
    "GreaterOrEqual": np.greater_equal,
    "LessOrEqual": np.less_equal,
    "And": np.logical_and,
    "Or": np.logical_or,
    "Xor": np.logical_xor,
}
_UNARY: dict[str, Callable[[Array], Array]] = {
    "Neg": np.negative,
    "Abs": np.abs,
    "Sign": np.sign,
    "Sqrt": np.sqrt,
    "Floor": np.floor,
    "Ceil": np.ceil,
    "Round": np.rint,
    "Not": np.logical_not,
    "Exp": np.exp,
    "Log": np.log,
    "Reciprocal": np.reciprocal,
}
_REDUCE: dict[str, Callable[..., Array]] = {
    "ReduceProd": np.prod,
    "ReduceSum": np.sum,
    "ReduceMin": np.min,
    "ReduceMax": np.max,
    "ReduceMean": np.mean,
}


def fold(
    op: str, inputs: Sequence[Array | None], attributes: Attributes, outputs: int, opset: int
) -> list[Array] | None:
    """Values of the outputs of an ai.onnx operator whose inputs are all known (None: an omitted input).

    Returns None if the operator is not foldable here, the values do not suit it, or the result is too large.
    """
    function = FOLDERS.get(op)
    if function is None and op not in _BINARY and op not in _UNARY and op not in _REDUCE:
        return None
    try:
        with np.errstate(all="ignore"):
            if op in _BINARY:
                results = _binary(_BINARY[op], inputs)
            elif op in _UNARY:
                results = _same_type(_UNARY[op], inputs)
            elif op in _REDUCE:
                results = _reduce(_REDUCE[op], inputs, attributes)
            else:
                assert function is not None
                results = function(inputs, {**attributes, "_outputs": outputs}, opset)
    except (ValueError, TypeError, IndexError, KeyError, OverflowError, ZeroDivisionError):
        return None  # the values do not suit the operator: shape inference reports what is wrong with the node
    if results is None or len(results) < outputs or any(r.size > LARGEST_VALUES for r in results):
        return None
    return [np.asarray(result) for result in results]


def _given(inputs: Sequence[Array | None], index: int) -> Array:
    value = inputs[index] if index < len(inputs) else None
    if value is None:
        raise ValueError("input missing")
    return value


def _optional(inputs: Sequence[Array | None], index: int) -> Array | None:
    return inputs[index] if index < len(inputs) else None


def _ints(inputs: Sequence[Array | None], index: int, attributes: Attributes, name: str) -> list[int] | None:
    """A list of integers that is an input in newer opsets and an attribute in older ones."""
    value = _optional(inputs, index)
    if value is not None:
        return [int(v) for v in value.reshape(-1)]
    given = attributes.get(name)
    return None if given is None else [int(v) for v in given]


def _bounded(shape: Sequence[int]) -> bool:
    return all(d >= 0 for d in shape) and elements_of(shape) <= LARGEST_VALUES


def _binary(function: Callable[[Array, Array], Array], inputs: Sequence[Array | None]) -> list[Array] | None:
    left, right = _given(inputs, 0), _given(inputs, 1)
    if not _bounded(np.broadcast_shapes(left.shape, right.shape)):
        return None
    return [np.asarray(function(left, right))]


def _same_type(function: Callable[[Array], Array], inputs: Sequence[Array | None]) -> list[Array]:
    value = _given(inputs, 0)
    return [np.asarray(function(value)).astype(value.dtype)]


def _reduce(function: Callable[..., Array], inputs: Sequence[Array | None], attributes: Attributes) -> list[Array]:
    value = _given(inputs, 0)
    axes = _ints(inputs, 1, attributes, "axes")
    keep = bool(attributes.get("keepdims", 1))
    if not value.size and function is np.mean:
        raise ValueError("there is no mean of nothing")
    if not axes:
        if attributes.get("noop_with_empty_axes", 0):
            return [value]
        axes = list(range(value.ndim))
    return [np.asarray(function(value, axis=tuple(axes), keepdims=keep)).astype(value.dtype)]


def _div(inputs: Sequence[Array | None], _: Attributes, __: int) -> list[Array] | None:
    left, right = _given(inputs, 0), _given(inputs, 1)
    if not _bounded(np.broadcast_shapes(left.shape, right.shape)):
        return None
    if left.dtype.kind in "iu":
        if not right.all():
            return None
        quotient = np.abs(left) // np.abs(right) * np.sign(left) * np.sign(right)
        return [quotient.astype(left.dtype)]
    return [left / right]


def _mod(inputs: Sequence[Array | None], attributes: Attributes, _: int) -> list[Array] | None:
    left, right = _given(inputs, 0), _given(inputs, 1)
    if not _bounded(np.broadcast_shapes(left.shape, right.shape)) or not right.all():
        return None
    return [np.fmod(left, right) if attributes.get("fmod", 0) else np.mod(left, right)]


def _pow(inputs: Sequence[Array | None], _: Attributes, __: int) -> list[Array] | None:
    left, right = _given(inputs, 0), _given(inputs, 1)
    if not _bounded(np.broadcast_shapes(left.shape, right.shape)):
        return None
    return [np.power(left.astype(np.float64), right).astype(left.dtype)]


def _minmax(function: Callable[[Array, Array], Array]) -> Folder:
    def apply(inputs: Sequence[Array | None], _: Attributes, __: int) -> list[Array] | None:
        result = _given(inputs, 0)
        for index in range(1, len(inputs)):
            other = _given(inputs, index)
            if not _bounded(np.broadcast_shapes(result.shape, other.shape)):
                return None
            result = function(result, other)
        return [result]

    return apply


def _where(inputs: Sequence[Array | None], _: Attributes, __: int) -> list[Array] | None:
    condition, left, right = (_given(inputs, i) for i in range(3))
    if not _bounded(np.broadcast_shapes(condition.shape, left.shape, right.shape)):
        return None
    return [np.where(condition, left, right)]


def _clip(inputs: Sequence[Array | None], attributes: Attributes, _: int) -> list[Array]:
    value = _given(inputs, 0)
    for index, name, function in ((1, "min", np.maximum), (2, "max", np.minimum)):
        bound = _optional(inputs, index)
        bound = attributes.get(name) if bound is None else bound
        if bound is not None:
            value = function(value, bound).astype(value.dtype)
    return [value]


def _gather(inputs: Sequence[Array | None], attributes: Attributes, _: int) -> list[Array] | None:
    data, indices = _given(inputs, 0), _given(inputs, 1)
    axis = int(attributes.get("axis", 0))
    if elements_of(data.shape) // max(data.shape[axis], 1) * indices.size > LARGEST_VALUES:
        return None
    return [np.take(data, indices, axis=axis)]


def _gather_nd(inputs: Sequence[Array | None], attributes: Attributes, _: int) -> list[Array] | None:
    data, indices = _given(inputs, 0), _given(inputs, 1)
    if attributes.get("batch_dims", 0) or indices.size * data.size > LARGEST_VALUES**2:
        return None
    depth = indices.shape[-1]
    if not _bounded(indices.shape[:-1] + data.shape[depth:]):
        return None
    return [data[tuple(np.moveaxis(indices, -1, 0))]]


def _gather_elements(inputs: Sequence[Array | None], attributes: Attributes, _: int) -> list[Array]:
    return [np.take_along_axis(_given(inputs, 0), _given(inputs, 1), int(attributes.get("axis", 0)))]


def _concat(inputs: Sequence[Array | None], attributes: Attributes, _: int) -> list[Array] | None:
    parts = [_given(inputs, i) for i in range(len(inputs))]
    if sum(p.size for p in parts) > LARGEST_VALUES:
        return None
    return [np.concatenate(parts, axis=int(attributes["axis"]))]


def _unsqueeze(inputs: Sequence[Array | None], attributes: Attributes, _: int) -> list[Array] | None:
    axes = _ints(inputs, 1, attributes, "axes")
    return None if axes is None else [np.expand_dims(_given(inputs, 0), tuple(axes))]


def _squeeze(inputs: Sequence[Array | None], attributes: Attributes, _: int) -> list[Array]:
    axes = _ints(inputs, 1, attributes, "axes")
    return [np.squeeze(_given(inputs, 0), None if axes is None else tuple(axes))]


def _reshape(inputs: Sequence[Array | None], attributes: Attributes, _: int) -> list[Array]:
    data, wanted = _given(inputs, 0), [int(v) for v in _given(inputs, 1).reshape(-1)]
    if not attributes.get("allowzero", 0):
        wanted = [data.shape[i] if d == 0 else d for i, d in enumerate(wanted)]
    return [data.reshape(wanted)]


def _flatten(inputs: Sequence[Array | None], attributes: Attributes, _: int) -> list[Array]:
    data, axis = _given(inputs, 0), int(attributes.get("axis", 1))
    axis = axis + data.ndim if axis < 0 else axis
    return [data.reshape(elements_of(data.shape[:axis]), -1)]


def _transpose(inputs: Sequence[Array | None], attributes: Attributes, _: int) -> list[Array]:
    return [np.transpose(_given(inputs, 0), attributes.get("perm"))]


def _identity(inputs: Sequence[Array | None], _: Attributes, __: int) -> list[Array]:
    return [_given(inputs, 0)]


def _cast(inputs: Sequence[Array | None], attributes: Attributes, _: int) -> list[Array] | None:
    dtype = attributes.get("_to")
    return None if dtype is None else [_given(inputs, 0).astype(dtype)]


def _range(inputs: Sequence[Array | None], _: Attributes, __: int) -> list[Array] | None:
    start, limit, delta = (_given(inputs, i).reshape(-1)[0] for i in range(3))
    if not float(delta) or not all(math.isfinite(float(v)) for v in (start, limit, delta)):
        return None
    count = max(math.ceil((float(limit) - float(start)) / float(delta)), 0)
    if count > LARGEST_VALUES:
        return None
    return [(start + np.arange(count) * delta).astype(_given(inputs, 0).dtype)]


def _constant_of_shape(inputs: Sequence[Array | None], attributes: Attributes, _: int) -> list[Array] | None:
    shape = [int(v) for v in _given(inputs, 0).reshape(-1)]
    if not _bounded(shape):
        return None
    value = attributes.get("value")
    fill = np.float32(0) if value is None else np.asarray(value).reshape(-1)[0]
    if fill.dtype.kind == "f" and elements_of(shape) > LARGEST_FILL:
        return None  # a weight, as in the light models of onnx, not shape arithmetic
    return [np.full(shape, fill)]


def _expand(inputs: Sequence[Array | None], _: Attributes, __: int) -> list[Array] | None:
    data, shape = _given(inputs, 0), tuple(int(v) for v in _given(inputs, 1).reshape(-1))
    if not _bounded(shape) or not _bounded(full := np.broadcast_shapes(data.shape, shape)):
        return None
    return [np.broadcast_to(data, full)]


def _tile(inputs: Sequence[Array | None], _: Attributes, __: int) -> list[Array] | None:
    data, repeats = _given(inputs, 0), [int(v) for v in _given(inputs, 1).reshape(-1)]
    if len(repeats) != data.ndim or not _bounded([d * r for d, r in zip(data.shape, repeats, strict=True)]):
        return None
    return [np.tile(data, repeats)]


def _slice(inputs: Sequence[Array | None], attributes: Attributes, _: int) -> list[Array] | None:
    data = _given(inputs, 0)
    starts, ends = _ints(inputs, 1, attributes, "starts"), _ints(inputs, 2, attributes, "ends")
    if starts is None or ends is None:
        return None
    axes = _ints(inputs, 3, attributes, "axes") or list(range(len(starts)))
    steps = _ints(inputs, 4, attributes, "steps") or [1] * len(starts)
    index = [slice(None)] * data.ndim
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        size = data.shape[axis]
        if step > 0:
            index[axis] = slice(start, end, step)
        else:
            stop = end + size if -size <= end < 0 else end
            index[axis] = slice(start, None if stop < 0 else stop, step)
    return [data[tuple(index)]]


def _split(inputs: Sequence[Array | None], attributes: Attributes, _: int) -> list[Array] | None:
    data, axis = _given(inputs, 0), int(attributes.get("axis", 0))
    sizes = _ints(inputs, 1, attributes, "split")
    count = attributes["_outputs"]
    if sizes is None:
        step = -(-data.shape[axis] // count)
        sizes = [max(min(step, data.shape[axis] - step * i), 0) for i in range(count)]
    if sum(sizes) != data.shape[axis] or len(sizes) != count:
        return None
    return list(np.split(data, np.cumsum(sizes)[:-1], axis=axis))


def _nonzero(inputs: Sequence[Array | None], _: Attributes, __: int) -> list[Array]:
    return [np.array(np.nonzero(_given(inputs, 0)), np.int64)]


def _cumsum(inputs: Sequence[Array | None], attributes: Attributes, _: int) -> list[Array] | None:
    data, axis = _given(inputs, 0), int(_given(inputs, 1).reshape(-1)[0])
    if attributes.get("exclusive", 0) or attributes.get("reverse", 0):
        return None
    return [np.cumsum(data, axis=axis, dtype=data.dtype)]


def _scatter_nd(inputs: Sequence[Array | None], attributes: Attributes, _: int) -> list[Array] | None:
    data, indices, updates = (_given(inputs, i) for i in range(3))
    if attributes.get("reduction", "none") != "none":
        return None
    result = data.copy()
    result[tuple(np.moveaxis(indices, -1, 0))] = updates
    return [result]


def _scatter_elements(inputs: Sequence[Array | None], attributes: Attributes, _: int) -> list[Array] | None:
    if attributes.get("reduction", "none") != "none":
        return None
    result = _given(inputs, 0).copy()
    np.put_along_axis(result, _given(inputs, 1), _given(inputs, 2), int(attributes.get("axis", 0)))
    return [result]


def _pad(inputs: Sequence[Array | None], attributes: Attributes, _: int) -> list[Array] | None:
    data, pads = _given(inputs, 0), _ints(inputs, 1, attributes, "pads")
    if pads is None or len(pads) != 2 * data.ndim or min(pads, default=0) < 0 or _optional(inputs, 3) is not None:
        return None
    if attributes.get("mode", "constant") != "constant":
        return None
    widths = list(zip(pads[: data.ndim], pads[data.ndim :], strict=True))
    if not _bounded([d + a + b for d, (a, b) in zip(data.shape, widths, strict=True)]):
        return None
    fill = _optional(inputs, 2)
    return [np.pad(data, widths, constant_values=0 if fill is None else fill.reshape(-1)[0])]


def _constant(_: Sequence[Array | None], attributes: Attributes, __: int) -> list[Array] | None:
    if "value" in attributes and isinstance(attributes["value"], np.ndarray):
        return [attributes["value"]]
    for name, dtype in (("value_int", np.int64), ("value_ints", np.int64)):
        if name in attributes:
            return [np.array(attributes[name], dtype)]
    for name in ("value_float", "value_floats"):
        if name in attributes:
            return [np.array(attributes[name], np.float32)]
    return None


FOLDERS: dict[str, Folder] = {
    "Div": _div,
    "Mod": _mod,
    "Pow": _pow,
    "Min": _minmax(np.minimum),
    "Max": _minmax(np.maximum),
    "Where": _where,
    "Clip": _clip,
    "Gather": _gather,
    "GatherND": _gather_nd,
    "GatherElements": _gather_elements,
    "Concat": _concat,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Transpose": _transpose,
    "Identity": _identity,
    "Cast": _cast,
    "CastLike": _cast,
    "Range": _range,
    "ConstantOfShape": _constant_of_shape,
    "Expand": _expand,
    "Tile": _tile,
    "Slice": _slice,
    "Split": _split,
    "NonZero": _nonzero,
    "CumSum": _cumsum,
    "ScatterND": _scatter_nd,
    "ScatterElements": _scatter_elements,
    "Pad": _pad,
    "Constant": _constant,
}
