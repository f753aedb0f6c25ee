"""ONNX element types: their names here and the bits of one stored element."""

from __future__ import annotations

import re

from onnx import TensorProto, TypeProto

_RENAMED = {"float": "float32", "double": "float64", "undefined": ""}
NAMES: dict[int, str] = {
    number: _RENAMED.get(name.lower(), name.lower()) for name, number in TensorProto.DataType.items()
}
"""Element type number -> name ("float32", "int4", "float8e4m3fn", "string"...); "" for undefined."""

NUMBERS: dict[str, int] = {name: number for number, name in NAMES.items() if name}


def _bits(name: str) -> int:
    if name == "bool":
        return 1
    found = re.match(r"[a-z]+(\d+)", name)
    return int(found.group(1)) if found else 32


BITS: dict[str, int] = {name: _bits(name) for name in NUMBERS}
"""Bits of one stored element. Strings have no fixed width; they count as 32."""


def bits_of(dtype: str) -> int:
    """Bits of one element of `dtype`; 32 where the type is unknown."""
    return BITS.get(dtype, 32)


def is_quantized(dtype: str) -> bool:
    """True for integers and floats of at most 8 bits: the model itself fixes the precision."""
    return 1 < bits_of(dtype) <= 8


def type_name(proto: TypeProto, depth: int = 0) -> str:
    """Name of a type: the element type of a tensor, "sequence(float32)", "optional(...)", "map"."""
    kind = proto.WhichOneof("value")
    if kind == "tensor_type":
        return NAMES.get(proto.tensor_type.elem_type, "")
    if kind == "sparse_tensor_type":
        return NAMES.get(proto.sparse_tensor_type.elem_type, "")
    if kind == "sequence_type" and depth < 4:
        return f"sequence({type_name(proto.sequence_type.elem_type, depth + 1)})"
    if kind == "optional_type" and depth < 4:
        return f"optional({type_name(proto.optional_type.elem_type, depth + 1)})"
    return (kind or "").removesuffix("_type")
