"""Which values are known at load time, and what they are stored as, without ever looking at the weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pimsim.graph.dtypes import bits_of, is_quantized
from pimsim.graph.nodes import Constant, Tensor
from pimsim.graph.sizes import LARGEST_VALUES, elements_of

_DEQUANTIZE = frozenset(["DequantizeLinear", "com.microsoft.DequantizeLinear"])
_QUANTIZE = frozenset(["QuantizeLinear", "com.microsoft.QuantizeLinear"])
_RESHAPES = frozenset(["Identity", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Flatten", "Dropout"])
VIEWS = _RESHAPES | _DEQUANTIZE | {"Cast", "CastLike"}
"""Operators whose result is the same stored data, seen otherwise."""

_SCALING = frozenset(["Add", "Sub", "Mul", "Div"])
_RANDOM = frozenset(["Random" + kind + like for kind in ("Normal", "Uniform") for like in ("", "Like")])
_NEVER = _RANDOM | {"Multinomial", "Bernoulli"}
_QLINEAR_NAMES = ["Conv", "MatMul", "Add", "Mul", "Concat", "Where", "ReduceMean", "LeakyRelu", "Sigmoid", "Softmax"]
_QLINEAR_NAMES += ["AveragePool", "GlobalAveragePool"]
_QLINEAR = frozenset(prefix + "QLinear" + name for prefix in ("", "com.microsoft.") for name in _QLINEAR_NAMES)
WITH_BITS = _QUANTIZE | _DEQUANTIZE | _QLINEAR | {"DynamicQuantizeLinear"}
"""Operators whose outputs have a quantised form although their first input has none."""
_PASSING = _RESHAPES | {"Slice", "Split", "Gather", "Expand", "Pad", "MaxPool"}
"""Operators that hand on a quantised activation as it is."""


def constant_of(
    op: str,
    inputs: Sequence[Tensor | None],
    shape: tuple[int, ...] | None,
    dtype: str,
    key: str,
    values: np.ndarray[Any, Any] | None,
) -> Constant | None:
    """The constant that an operator's output is, or None if it depends on the model's inputs.

    key: name for data that are new, not a view of stored ones.
    values: the output's values where they are known.
    """
    if values is not None and values.size > LARGEST_VALUES:
        values = None
    first = inputs[0].constant if inputs and inputs[0] is not None else None
    if op in VIEWS and first is not None:
        return Constant(first.key, first.bits, first.quantized, first.elements, values)
    if op in _QUANTIZE and first is not None:
        return Constant(f"{first.key}|{dtype}", bits_of(dtype), True, first.elements, values)
    if values is not None:
        return Constant(key, bits_of(dtype), is_quantized(dtype), int(values.size), values)
    present = [tensor for tensor in inputs if tensor is not None]
    if shape is None or op in _NEVER or any(tensor.constant is None for tensor in present):
        return None
    if not present and op not in ("Constant", "ConstantOfShape"):
        return None
    stored = _scaled(present, elements_of(shape)) if op in _SCALING else None
    if stored is not None:
        return Constant(key, stored.bits, stored.quantized, stored.elements)
    return Constant(key, bits_of(dtype), is_quantized(dtype), elements_of(shape))


def _scaled(inputs: Sequence[Tensor], elements: int) -> Constant | None:
    """A quantised weight times its scale (or minus its zero point) is still stored as it was."""
    for tensor in inputs:
        constant = tensor.constant
        if constant is not None and constant.quantized and tensor.elements == elements > 1:
            return constant
    return None


def activation_bits_of(op: str, inputs: Sequence[Tensor | None], dtype: str, index: int) -> int | None:
    """Bits of the quantised form of an activation, if output `index` of an operator has one."""
    first = inputs[0] if inputs else None
    if op in _QUANTIZE or (op == "DynamicQuantizeLinear" and index == 0):
        return bits_of(dtype) if dtype else 8
    if op in _DEQUANTIZE and first is not None:
        return first.activation_bits or bits_of(first.dtype)
    if op in _QLINEAR and is_quantized(dtype):
        return bits_of(dtype)
    if op in _PASSING and index == 0 and first is not None:
        return first.activation_bits
    return None
