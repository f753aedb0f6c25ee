"""Between ONNX type messages and `Tensor`."""

from __future__ import annotations

from onnx import TypeProto

from pimsim.graph.dtypes import NUMBERS, type_name
from pimsim.graph.nodes import Tensor
from pimsim.graph.sizes import checked_shape


def known_shape(proto: TypeProto, name: str) -> tuple[int, ...] | None:
    """Shape of a tensor type if every dimension is a number, else None.

    Raises InputError, naming the value `name`, for negative dimensions and for more elements than can be counted.
    """
    kind = proto.WhichOneof("value")
    if kind == "tensor_type":
        tensor = proto.tensor_type
        if not tensor.HasField("shape"):
            return None
        dims = tensor.shape.dim
    elif kind == "sparse_tensor_type" and proto.sparse_tensor_type.HasField("shape"):
        dims = proto.sparse_tensor_type.shape.dim
    else:
        return None
    sizes = [dimension.dim_value for dimension in dims]
    if 0 in sizes and not all(dimension.HasField("dim_value") for dimension in dims):
        return None
    return checked_shape(sizes, "value", name)


def tensor_of(name: str, proto: TypeProto) -> Tensor:
    """A value of the given type."""
    return Tensor(name, known_shape(proto, name), type_name(proto))


def type_of(tensor: Tensor) -> TypeProto | None:
    """The ONNX type of a value, or None if not even its element type is known."""
    proto = TypeProto()
    inner, dtype = proto, tensor.dtype
    while dtype.startswith(("sequence(", "optional(")):
        kind, _, dtype = dtype.partition("(")
        dtype = dtype.removesuffix(")")
        inner = inner.sequence_type.elem_type if kind == "sequence" else inner.optional_type.elem_type
    if dtype not in NUMBERS:
        return None
    inner.tensor_type.elem_type = NUMBERS[dtype]
    if tensor.shape is not None:
        inner.tensor_type.shape.SetInParent()
        for size in tensor.shape:
            inner.tensor_type.shape.dim.add().dim_value = size
    return proto
