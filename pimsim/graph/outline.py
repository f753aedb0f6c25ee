"""A model file without its weights, cut out of the protobuf encoding: the bytes of large tensors are never read.

The encoding (protobuf.dev/programming-guides/encoding) is a list of fields, each a tag and a value; a field of
wire type 2 says its length, so it can be stepped over. Field numbers are those of onnx.proto.
"""

from __future__ import annotations

import mmap

_GRAPH_OF_MODEL = 7
_INITIALIZER_OF_GRAPH = 5
_RAW_DATA_OF_TENSOR = 9
LARGE_BYTES = 32_768
"""Raw data of at least so many bytes are left out: no tensor of at most LARGEST_VALUES elements has as many."""

Field = tuple[int, int, int, int]
"""Number, start of the tag, start of the value, end of the value."""


def without_raw_data(data: mmap.mmap | bytes) -> tuple[bytes, dict[int, int]] | None:
    """The encoded model without the raw data of large initialisers, and position of each of those -> bytes left out.

    None if `data` is no regular encoding of a model with one graph; protobuf itself then says what is wrong.
    """
    left_out: dict[int, int] = {}
    try:
        top = fields(data, 0, len(data))
        graphs = [field for field in top if field[0] == _GRAPH_OF_MODEL]
        if len(graphs) != 1:
            return None
        _, tag, start, end = graphs[0]
        graph = _outline_of_graph(data, start, end, left_out)
    except (IndexError, ValueError):
        return None
    return data[:tag] + _delimited(_GRAPH_OF_MODEL, graph) + data[end:], left_out


def _outline_of_graph(data: mmap.mmap | bytes, start: int, end: int, left_out: dict[int, int]) -> bytes:
    parts: list[bytes] = []
    copied, position = start, 0
    for number, tag, first, last in fields(data, start, end):
        if number != _INITIALIZER_OF_GRAPH:
            continue
        inner = fields(data, first, last) if last - first > LARGE_BYTES else []
        raw = [field for field in inner if field[0] == _RAW_DATA_OF_TENSOR]
        if len(raw) == 1 and raw[0][3] - raw[0][2] > LARGE_BYTES:
            _, raw_tag, raw_first, raw_last = raw[0]
            left_out[position] = raw_last - raw_first
            parts.append(data[copied:tag])
            parts.append(_delimited(_INITIALIZER_OF_GRAPH, data[first:raw_tag] + data[raw_last:last]))
            copied = last
        position += 1
    parts.append(data[copied:end])
    return b"".join(parts)


def fields(data: mmap.mmap | bytes, start: int, end: int) -> list[Field]:
    """Fields of the message between `start` and `end`. Raises ValueError or IndexError if there is none."""
    found: list[Field] = []
    while start < end:
        key, value = _varint(data, start)
        kind = key & 7
        if kind == 2:
            length, value = _varint(data, value)
            last = value + length
        elif kind == 0:
            _, last = _varint(data, value)
        elif kind in (1, 5):
            last = value + (8 if kind == 1 else 4)
        else:
            raise ValueError("unknown wire type")
        if last > end:
            raise ValueError("field ends after its message")
        found.append((key >> 3, start, value, last))
        start = last
    return found


def _varint(data: mmap.mmap | bytes, position: int) -> tuple[int, int]:
    """A number and the position behind it."""
    byte = data[position]
    if byte < 128:
        return byte, position + 1
    result, shift = byte & 127, 7
    while shift < 70:
        position += 1
        byte = data[position]
        result |= (byte & 127) << shift
        if byte < 128:
            return result, position + 1
        shift += 7
    raise ValueError("number of more than ten bytes")


def _delimited(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _encoded(len(content)) + content


def _encoded(number: int) -> bytes:
    result = bytearray()
    while number > 127:
        result.append(number & 127 | 128)
        number >>= 7
    result.append(number)
    return bytes(result)
