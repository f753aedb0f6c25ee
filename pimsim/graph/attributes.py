"""Attributes of a node as plain Python values."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import AttributeProto, NodeProto, TensorProto, helper

from pimsim.errors import InputError, printable
from pimsim.graph.dtypes import NAMES
from pimsim.graph.sizes import LARGEST_VALUES, elements_of
from pimsim.graph.stripping import PLAIN_TYPES, values_of

_A = AttributeProto


def plain(node: NodeProto, place: str) -> dict[str, Any]:
    """Attribute name -> int, float, str, list of those, or a small NumPy array. Graphs and large tensors are left out.

    Raises InputError for a tensor that cannot be read.
    """
    values: dict[str, Any] = {}
    for attribute in node.attribute:
        value = _value(attribute, place)
        if value is not None:
            values[attribute.name] = value
    return values


def _value(attribute: AttributeProto, place: str) -> Any:
    kind = attribute.type
    if kind == _A.INT:
        return attribute.i
    if kind == _A.INTS:
        return list(attribute.ints)
    if kind == _A.FLOAT:
        return attribute.f
    if kind == _A.FLOATS:
        return list(attribute.floats)
    if kind == _A.STRING:
        return attribute.s.decode("utf-8", "replace")
    if kind == _A.STRINGS:
        return [text.decode("utf-8", "replace") for text in attribute.strings]
    if kind == _A.TENSOR:
        return _array(attribute.t, f"{place}: attribute '{printable(attribute.name)}'")
    return None


def _array(tensor: TensorProto, what: str) -> np.ndarray[Any, Any] | None:
    if tensor.data_location == TensorProto.EXTERNAL or NAMES.get(tensor.data_type) not in PLAIN_TYPES:
        return None
    if elements_of(tensor.dims) > LARGEST_VALUES or min(tensor.dims, default=0) < 0:
        return None
    try:
        return values_of(tensor)
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(f"{what} cannot be read: {printable(error)}") from error


def numpy_type(number: int) -> np.dtype[Any] | None:
    """NumPy type of an element type number; None for types that NumPy does not have."""
    if NAMES.get(number) not in PLAIN_TYPES:
        return None
    return np.dtype(helper.tensor_dtype_to_np_dtype(number))
