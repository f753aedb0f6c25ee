"""Weights out of the way: what is known of every stored tensor is noted, and large data leave the model.

Checking, inlining and shape inference each serialise the model. A stripped initialiser becomes a graph input of the
same type, which keeps all three right and costs nothing in proportion to the weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, SparseTensorProto, TensorProto, numpy_helper

from pimsim.errors import InputError, printable
from pimsim.graph.dtypes import NAMES, bits_of, is_quantized
from pimsim.graph.model_file import external_file_present, external_location, load_external
from pimsim.graph.nodes import Constant, Tensor
from pimsim.graph.outline import LARGE_BYTES
from pimsim.graph.sizes import LARGEST_VALUES, checked_shape, elements_of

PLAIN_TYPES = frozenset(
    ["float32", "float64", "float16", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool"]
)
"""Types whose values NumPy itself can hold."""

_LITTLE = {name: np.dtype(name).newbyteorder("<") for name in PLAIN_TYPES}


@dataclass
class Store:
    """Every stored tensor by name, as `strip` met it."""

    folder: Path | None
    tensors: dict[str, Tensor] = field(default_factory=dict)
    left_out: dict[int, int] = field(default_factory=dict)  # position of an initialiser -> bytes that were not loaded
    absent: int = 0  # tensors whose external data file is not there
    empty: int = 0  # tensors that hold no data although they have elements
    present: dict[str, bool] = field(default_factory=dict)  # external location -> there

    def notes(self) -> Iterator[str]:
        """What the user should know."""
        if self.absent:
            yield f"external data of {self.absent} tensors not present (shapes suffice for cost)"
        if self.empty:
            yield f"{self.empty} initializers hold no data (shapes suffice for cost)"


def without_weights(model: ModelProto) -> tuple[ModelProto, dict[int, int]]:
    """A copy of `model` that may be changed, without the raw data of large initialisers; and for those, by position,
    the bytes left out."""
    copy = ModelProto()
    left_out: dict[int, int] = {}
    for descriptor, value in model.ListFields():
        if descriptor.name == "graph":
            _copy_graph(value, copy.graph, left_out)
        elif descriptor.is_repeated:
            getattr(copy, descriptor.name).extend(value)
        else:
            setattr(copy, descriptor.name, value)
    return copy, left_out


def _copy_graph(source: GraphProto, target: GraphProto, left_out: dict[int, int]) -> None:
    target.SetInParent()
    for descriptor, value in source.ListFields():
        if descriptor.name == "initializer":
            for position, tensor in enumerate(value):
                if len(tensor.raw_data) > LARGE_BYTES and tensor.data_location != TensorProto.EXTERNAL:
                    left_out[position] = len(tensor.raw_data)
                    target.initializer.add(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
                else:
                    target.initializer.add().CopyFrom(tensor)
        elif descriptor.is_repeated:
            getattr(target, descriptor.name).extend(value)
        else:
            setattr(target, descriptor.name, value)


def strip(graph: GraphProto, store: Store) -> None:
    """Move large initialisers and Constant nodes of `graph` and its subgraphs into `store`, in place.

    Stripped tensors become inputs of `graph`. Raises InputError for impossible dimensions or data of a wrong size.
    """
    taken = {value.name for value in graph.input}
    _strip_level(graph, graph, store, {}, taken)
    store.left_out = {}  # positions count no longer


def _strip_level(
    graph: GraphProto, main: GraphProto, store: Store, renamed: Mapping[str, str], taken: set[str]
) -> None:
    inner = graph is not main
    names = dict(renamed)
    if inner and names:
        for name in [*(v.name for v in graph.input), *(t.name for t in graph.initializer)]:
            names.pop(name, None)
    kept: list[TensorProto] = []
    for position, tensor in enumerate(graph.initializer):
        outer = store.tensors.get(tensor.name) if inner else None
        if _keep_values(tensor, store, inner, None if inner else store.left_out.get(position)):
            kept.append(tensor)
            continue
        _lift(tensor.name, tensor.data_type, tensor.dims, main, taken, names, inner, store)
        if outer is not None:  # of the same name, in a graph around this one
            store.tensors[tensor.name] = outer
    if len(kept) != len(graph.initializer):
        copies = [TensorProto.FromString(t.SerializeToString()) for t in kept]
        del graph.initializer[:]
        graph.initializer.extend(copies)
    for sparse in graph.sparse_initializer:
        tensor = sparse.values
        outer = store.tensors.get(tensor.name) if inner else None
        store.tensors[tensor.name] = _sparse_tensor(sparse)
        _lift(tensor.name, tensor.data_type, sparse.dims, main, taken, names, inner, store)
        if outer is not None:
            store.tensors[tensor.name] = outer
    del graph.sparse_initializer[:]
    _strip_nodes(graph, main, store, names, taken)


def _strip_nodes(graph: GraphProto, main: GraphProto, store: Store, names: dict[str, str], taken: set[str]) -> None:
    inner = graph is not main
    removed: list[int] = []
    for position, node in enumerate(graph.node):
        constant = node.op_type == "Constant" and len(node.output) == 1
        outer = store.tensors.get(node.output[0]) if constant and inner else None
        if constant and _strip_constant(node, store):
            tensor = store.tensors[node.output[0]]
            number = next(n for n, t in NAMES.items() if t == tensor.dtype)
            _lift(node.output[0], number, tensor.shape or (), main, taken, names, inner, store)
            if outer is not None:
                store.tensors[node.output[0]] = outer
            removed.append(position)
            continue
        if names:
            for index, name in enumerate(node.input):
                if name in names:
                    node.input[index] = names[name]
        for attribute in node.attribute:
            for child in (attribute.g, *attribute.graphs) if attribute.graphs else (attribute.g,):
                if child.node or child.initializer or child.sparse_initializer:
                    _strip_level(child, main, store, names, taken)
    if removed:
        gone = set(removed)
        kept = [NodeProto.FromString(n.SerializeToString()) for i, n in enumerate(graph.node) if i not in gone]
        del graph.node[:]
        graph.node.extend(kept)
    if names:
        for value in graph.output:
            value.name = names.get(value.name, value.name)


def _lift(
    name: str,
    number: int,
    dims: Any,
    main: GraphProto,
    taken: set[str],
    names: dict[str, str],
    inner: bool,
    store: Store,
) -> None:
    """Make the stored tensor an input of the main graph; one from a subgraph gets a name of its own."""
    target = name
    if inner:
        count = len(taken)
        while target in taken or target == name:
            target = f"{name}/lifted_{count}"
            count += 1
        names[name] = target
        old = store.tensors.pop(name)
        store.tensors[target] = _renamed(old, target)
    if target in taken:
        return
    taken.add(target)
    value = main.input.add(name=target)
    value.type.tensor_type.elem_type = number
    value.type.tensor_type.shape.SetInParent()
    for size in dims:
        value.type.tensor_type.shape.dim.add().dim_value = size


def _renamed(tensor: Tensor, name: str) -> Tensor:
    assert tensor.constant is not None
    constant = tensor.constant
    return Tensor(
        name,
        tensor.shape,
        tensor.dtype,
        Constant(name, constant.bits, constant.quantized, constant.elements, constant.values),
    )


def _keep_values(tensor: TensorProto, store: Store, inner: bool, left_out: int | None = None) -> bool:
    """Note `tensor` in `store`; True if it is small and its data may stay in the model.

    left_out: bytes of raw data that it has in the file and that were not loaded.
    """
    shape = _dims(tensor, tensor.dims)
    dtype = NAMES.get(tensor.data_type, "")
    present = _data_present(tensor, shape, dtype, store, left_out)
    small = left_out is None and elements_of(shape) <= LARGEST_VALUES
    values = None
    if present and small:
        if tensor.data_location == TensorProto.EXTERNAL:
            assert store.folder is not None
            loaded = load_external(tensor, store.folder, (elements_of(shape) * bits_of(dtype) + 7) // 8)
            if loaded is None:
                present = False
            else:
                tensor.CopyFrom(loaded)
        values = _values(tensor, dtype) if present else None
    if not inner or not (present and small):
        store.tensors[tensor.name] = stored(tensor.name, shape, dtype, values)
    return present and small


def stored(name: str, shape: tuple[int, ...], dtype: str, values: np.ndarray[Any, Any] | None) -> Tensor:
    """A tensor that stands in the file, with its constant."""
    return Tensor(name, shape, dtype, Constant(name, bits_of(dtype), is_quantized(dtype), elements_of(shape), values))


def small_tensor(tensor: TensorProto) -> Tensor:
    """An inline tensor that `strip` left in the model."""
    dtype = NAMES.get(tensor.data_type, "")
    return stored(tensor.name, _dims(tensor, tensor.dims), dtype, _values(tensor, dtype))


def _dims(tensor: TensorProto, dims: Any) -> tuple[int, ...]:
    return checked_shape(dims, "initializer", tensor.name)


def _values(tensor: TensorProto, dtype: str) -> np.ndarray[Any, Any] | None:
    if dtype not in PLAIN_TYPES:
        return None
    try:
        return values_of(tensor)
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(f"initializer '{printable(tensor.name)}' cannot be read: {printable(error)}") from error


def values_of(tensor: TensorProto) -> np.ndarray[Any, Any]:
    """Values of an inline tensor of one of PLAIN_TYPES. Raises ValueError or TypeError if the data do not fit."""
    if tensor.HasField("raw_data") and tensor.data_location != TensorProto.EXTERNAL:
        return np.frombuffer(tensor.raw_data, _LITTLE[NAMES[tensor.data_type]]).reshape(tensor.dims)
    if tensor.data_type == TensorProto.FLOAT and tensor.float_data:
        return np.array(tensor.float_data, np.float32).reshape(tensor.dims)
    return numpy_helper.to_array(tensor)


def _data_present(
    tensor: TensorProto, shape: tuple[int, ...], dtype: str, store: Store, left_out: int | None
) -> bool:
    """Whether the data of a tensor are in reach. Raises InputError if they are there but have the wrong size."""
    if tensor.data_location == TensorProto.EXTERNAL:
        location = external_location(tensor)
        if location not in store.present:
            store.present[location] = external_file_present(tensor, store.folder)
        store.absent += not store.present[location]
        return store.present[location]
    if tensor.data_type == TensorProto.STRING or not dtype:
        return len(tensor.string_data) == elements_of(shape)
    elements, bits = elements_of(shape), bits_of(dtype)
    width = 8 if dtype == "bool" else bits
    expected = (elements * width + 7) // 8
    if left_out is not None:
        held, unit = left_out, "bytes"
    elif tensor.HasField("raw_data"):
        held, unit = len(tensor.raw_data), "bytes"
    else:
        expected, held, unit = _typed_count(tensor, elements, width), _typed_length(tensor), "values"
    if held == 0 and expected:
        store.empty += 1
        return False
    if held != expected:
        raise InputError(
            f"initializer '{printable(tensor.name)}': {dtype} of shape {list(shape)} needs {expected} {unit} of data, "
            f"the file holds {held}"
        )
    return True


def _typed_length(tensor: TensorProto) -> int:
    fields = (tensor.float_data, tensor.int32_data, tensor.int64_data, tensor.double_data, tensor.uint64_data)
    return max(len(f) for f in fields)


def _typed_count(tensor: TensorProto, elements: int, width: int) -> int:
    """Entries of the typed data field: complex numbers take two, types under a byte share one."""
    if tensor.data_type in (TensorProto.COMPLEX64, TensorProto.COMPLEX128):
        return 2 * elements
    return elements if width >= 8 else (elements * width + 7) // 8


def _sparse_tensor(sparse: SparseTensorProto) -> Tensor:
    name = sparse.values.name
    shape = _dims(sparse.values, sparse.dims)
    present = len(sparse.values.dims) == 1 and sparse.values.dims[0] <= elements_of(shape)
    if not shape or not present:
        raise InputError(
            f"sparse initializer '{printable(name)}': {list(sparse.values.dims)} values do not fit into {list(shape)}"
        )
    return stored(name, shape, NAMES.get(sparse.values.data_type, ""), None)


def _strip_constant(node: NodeProto, store: Store) -> bool:
    """Note the tensor of a Constant node that is too large to stay, or whose data are elsewhere."""
    name = node.output[0]
    for attribute in node.attribute:
        if attribute.name == "sparse_value" and attribute.type == AttributeProto.SPARSE_TENSOR:
            sparse = attribute.sparse_tensor
            sparse.values.name = name
            store.tensors[name] = _sparse_tensor(sparse)
            return True
        if attribute.name == "value" and attribute.type == AttributeProto.TENSOR:
            tensor = attribute.t
            external = tensor.data_location == TensorProto.EXTERNAL
            if not external and elements_of(tensor.dims) <= LARGEST_VALUES and min(tensor.dims, default=0) >= 0:
                return False
            tensor.name = name
            return not _keep_values(tensor, store, inner=True)
        many = attribute.floats or attribute.ints or attribute.strings
        if len(many) > LARGEST_VALUES:
            kinds = {"value_floats": "float32", "value_ints": "int64", "value_strings": "string"}
            store.tensors[name] = stored(name, (len(many),), kinds.get(attribute.name, "float32"), None)
            return True
    return False
