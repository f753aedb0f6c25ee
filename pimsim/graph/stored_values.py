"""Samples of stored weights: what the reader leaves in the file, looked at one tensor at a time.

Nothing is held in proportion to the model: of each tensor at most LARGEST_SCAN elements are read, and SAMPLE of them
kept. Data inside the model file are found by its protobuf encoding and read piece by piece; external data come through
the onnx loader, which refuses what lies outside the model's folder.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import SparseTensorProto, TensorProto, external_data_helper, numpy_helper

from pimsim.graph.dtypes import NAMES, bits_of
from pimsim.graph.model_file import external_file_present
from pimsim.graph.outline import Field
from pimsim.graph.outline import fields as fields_of

SAMPLE = 65_536
"""Elements of a tensor that are kept: the mean of a bit over so many is known to 0.2%."""

LARGEST_SCAN = 2**20
"""Elements of a tensor that are looked at for its largest value."""

_PIECES = 64
"""Pieces, evenly spread, that stand for a tensor of more than LARGEST_SCAN elements."""

_GRAPH_OF_MODEL = 7
_NODE_OF_GRAPH, _INITIALIZER_OF_GRAPH, _SPARSE_OF_GRAPH = 1, 5, 15
_OUTPUT_OF_NODE, _ATTRIBUTE_OF_NODE = 2, 5
_TENSOR_OF_ATTRIBUTE = 5
_NAME_OF_TENSOR, _RAW_DATA_OF_TENSOR = 8, 9
_VALUES_OF_SPARSE = 1
_OP_TYPE_CONSTANT = b"\x22\x08Constant"
"""Field 4 (op_type) of a NodeProto, 8 characters."""

Bytes = mmap.mmap | bytes
Read = Callable[[int, int], bytes]
"""(offset, length) of a tensor's data -> those bytes."""


@dataclass(frozen=True)
class Sample:
    """What is known of a stored tensor.

    values: at most SAMPLE of its elements, finite, flat: integers as they are stored, else float32 or float64.
    largest: largest magnitude among all elements that were looked at. zero_share: share of the tensor's elements that
    are zeros beside `values` (sparse tensors). stored_bits: of an integer type of at most 8 bits, else 0. unsigned: it
    is an unsigned type.
    """

    values: np.ndarray[Any, Any]
    largest: float
    zero_share: float = 0.0
    stored_bits: int = 0
    unsigned: bool = False


def sample_weights(source: str, names: Collection[str]) -> Iterator[tuple[str, Sample]]:
    """(name, sample) of the initialisers and Constant nodes of the main graph of the model file at `source` whose names
    are in `names`; those that hold no values, or none that can be read, are left out.

    Raises InputError for external data outside the model's folder.
    """
    if not names or not source:
        return
    try:
        with open(source, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            for place in _places(data, names):
                sample = _sample(place, data, stream.fileno(), Path(source).parent)
                if sample is not None and sample.values.size:
                    yield place.name, sample
    except (OSError, ValueError, IndexError):
        return  # changed or gone since it was read: what is not measured keeps the default


@dataclass(frozen=True)
class _Place:
    """Where a tensor stands in the file: its TensorProto (or SparseTensorProto) from `start` to `end`."""

    name: str
    start: int
    end: int
    sparse: bool = False


def _places(data: Bytes, names: Collection[str]) -> Iterator[_Place]:
    wanted = {name.encode("utf-8", "surrogateescape"): name for name in names}
    graphs = [field for field in fields_of(data, 0, len(data)) if field[0] == _GRAPH_OF_MODEL]
    for _, _, start, end in graphs[:1]:
        for number, _, first, last in fields_of(data, start, end):
            if number == _INITIALIZER_OF_GRAPH:
                name = wanted.get(_text(data, fields_of(data, first, last), _NAME_OF_TENSOR))
                if name is not None:
                    yield _Place(name, first, last)
            elif number == _SPARSE_OF_GRAPH:
                for inner in _inner(data, first, last, _VALUES_OF_SPARSE):
                    name = wanted.get(_text(data, fields_of(data, *inner[2:]), _NAME_OF_TENSOR))
                    if name is not None:
                        yield _Place(name, first, last, sparse=True)
            elif number == _NODE_OF_GRAPH and data.find(_OP_TYPE_CONSTANT, first, last) >= 0:
                yield from _constant(data, first, last, wanted)


def _constant(data: Bytes, start: int, end: int, wanted: dict[bytes, str]) -> Iterator[_Place]:
    name = wanted.get(_text(data, fields_of(data, start, end), _OUTPUT_OF_NODE))
    if name is None:
        return
    for _, _, first, last in _inner(data, start, end, _ATTRIBUTE_OF_NODE):
        for tensor in _inner(data, first, last, _TENSOR_OF_ATTRIBUTE):
            yield _Place(name, tensor[2], tensor[3])


def _inner(data: Bytes, start: int, end: int, number: int) -> list[Field]:
    return [field for field in fields_of(data, start, end) if field[0] == number]


def _text(data: Bytes, fields: list[Field], number: int) -> bytes:
    """The first field of that number; empty when there is none."""
    return next((data[first:last] for found, _, first, last in fields if found == number), b"")


def _sample(place: _Place, data: Bytes, file: int, folder: Path) -> Sample | None:
    try:
        if place.sparse:
            return _sample_sparse(SparseTensorProto.FromString(data[place.start : place.end]))
        raw = _inner(data, place.start, place.end, _RAW_DATA_OF_TENSOR)
        if len(raw) != 1:
            return _sample_message(TensorProto.FromString(data[place.start : place.end]), folder)
        _, tag, first, last = raw[0]
        tensor = TensorProto.FromString(data[place.start : tag] + data[last : place.end])

        def read(offset: int, length: int) -> bytes:
            return os.pread(file, length, first + offset)

        return _sample_pieces(tensor.data_type, prod(tensor.dims), last - first, read)
    except (DecodeError, ValueError, TypeError, KeyError):
        return None  # a tensor of no known type, or of other data than its type and shape ask for


def _sample_message(tensor: TensorProto, folder: Path) -> Sample | None:
    """Of a tensor whose data stand in a typed field, or in a file beside the model."""
    if tensor.data_location != TensorProto.EXTERNAL:
        values = numpy_helper.to_array(tensor).reshape(-1)
        return _of_values(values, tensor.data_type)
    entries = {entry.key: entry.value for entry in tensor.external_data}
    if not external_file_present(tensor, folder):
        return None
    base, elements = int(entries.get("offset", "0")), prod(tensor.dims)
    expected = (elements * bits_of(NAMES.get(tensor.data_type, "")) + 7) // 8
    if base < 0 or int(entries.get("length", str(expected))) != expected:
        return None

    def read(offset: int, length: int) -> bytes:
        piece = TensorProto(name=tensor.name, data_type=TensorProto.UINT8, dims=[length])
        piece.data_location = TensorProto.EXTERNAL
        for key, value in (("location", entries["location"]), ("offset", base + offset), ("length", length)):
            piece.external_data.add(key=key, value=str(value))
        try:
            external_data_helper.load_external_data_for_tensor(piece, str(folder))
        except (onnx.checker.ValidationError, RuntimeError) as error:
            raise ValueError("external data cannot be read") from error
        return piece.raw_data

    return _sample_pieces(tensor.data_type, elements, expected, read)


def _sample_sparse(sparse: SparseTensorProto) -> Sample | None:
    """The values that are stored; the others are zeros."""
    if sparse.values.data_location == TensorProto.EXTERNAL:
        return None
    sample = _of_values(numpy_helper.to_array(sparse.values).reshape(-1), sparse.values.data_type)
    dense = prod(sparse.dims)
    if sample is None or dense <= 0:
        return sample
    return replace(sample, zero_share=max(0.0, 1.0 - prod(sparse.values.dims) / dense))


def _sample_pieces(data_type: int, elements: int, held: int, read: Read) -> Sample | None:
    """Of `elements` packed elements in `held` bytes: all of them, or _PIECES evenly spread ones when they are many."""
    dtype = NAMES.get(data_type, "")
    bits = 8 if dtype == "bool" else bits_of(dtype)
    if data_type == TensorProto.UNDEFINED or elements < 1 or held != (elements * bits + 7) // 8:
        return None
    if elements <= LARGEST_SCAN:
        pieces = [(0, elements)]
    else:
        length = LARGEST_SCAN // _PIECES
        pieces = [((elements - length) * i // (_PIECES - 1) // 64 * 64, length) for i in range(_PIECES)]
    kept, largest = [], 0.0
    for start, length in pieces:
        values = _values(read(start * bits // 8, (length * bits + 7) // 8), data_type, length)
        if values is None:
            return None
        finite, top = _finite(values)
        largest = max(largest, top)
        kept.append(_thinned(finite, SAMPLE // len(pieces)))
    return _described(np.concatenate(kept), largest, data_type)


def _values(raw: bytes, data_type: int, elements: int) -> np.ndarray[Any, Any] | None:
    """The elements that `raw` encodes, as integers or floats that NumPy can count with; None if it is too short."""
    if data_type == TensorProto.FLOAT:
        return np.frombuffer(raw, "<f4", elements) if len(raw) >= 4 * elements else None
    tensor = TensorProto(data_type=data_type, dims=[elements], raw_data=raw)
    return _plain(numpy_helper.to_array(tensor))


def _plain(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any] | None:
    """The same numbers in a type of NumPy's own: int64 for integers (int4 too), else float32 or float64."""
    name = values.dtype.name
    if values.dtype.kind in "iub" or name.startswith(("int", "uint")):
        return values.astype(np.int64)
    if name in ("float32", "float64"):
        return values
    return values.astype(np.float32) if "float" in name else None


def _of_values(values: np.ndarray[Any, Any], data_type: int) -> Sample | None:
    plain = _plain(values)
    if plain is None:
        return None
    finite, largest = _finite(plain)
    return _described(_thinned(finite, SAMPLE), largest, data_type)


def _finite(values: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], float]:
    """The finite ones, and their largest magnitude."""
    if not values.size:
        return values, 0.0
    largest = max(float(values.max()), -float(values.min()))
    if not np.isfinite(largest):
        values = values[np.isfinite(values)]
        largest = float(np.abs(values).max()) if values.size else 0.0
    return values, largest


def _thinned(values: np.ndarray[Any, Any], most: int) -> np.ndarray[Any, Any]:
    """At most `most` of the values, evenly spread in a few runs, so that no period of a matrix's rows is met."""
    if values.size <= most:
        return values
    runs = min(16, most)
    run = most // runs
    starts = np.linspace(0, values.size - run, runs).astype(np.int64)
    return np.concatenate([values[start : start + run] for start in starts])


def _described(values: np.ndarray[Any, Any], largest: float, data_type: int) -> Sample:
    dtype = NAMES.get(data_type, "")
    integer = dtype.startswith(("int", "uint")) and bits_of(dtype) <= 8
    return Sample(values, largest, 0.0, bits_of(dtype) if integer else 0, dtype.startswith("uint"))
