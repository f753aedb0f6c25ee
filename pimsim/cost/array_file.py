"""Arrays in one file without code in it: the layout of safetensors (header length, JSON header, raw numbers).

Written whole or not at all, and mapped into memory when read, so that processes share it. Files are untrusted: lengths,
types and places are checked against the file's own size before anything is mapped.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pimsim.errors import InputError, Place, printable

AnyArray = np.ndarray[Any, np.dtype[Any]]

TYPES = {"F64": "<f8", "F32": "<f4", "I64": "<i8", "U8": "|u1"}
"""Types of numbers by the name that the format has for them; little-endian."""

LARGEST_HEADER = 1 << 24
ALIGNMENT = 64


def write_arrays(path: str | os.PathLike[str], arrays: Mapping[str, AnyArray], notes: Mapping[str, str]) -> None:
    """Write `arrays` and `notes` (text by name) to `path`: to a file beside it first, which then takes its name.
    Raises InputError when the system refuses; nothing is left behind then."""
    names = {np.dtype(code): name for name, code in TYPES.items()}
    header: dict[str, Any] = {"__metadata__": dict(notes)}
    offset = 0
    wide_first = sorted(arrays.items(), key=lambda item: -item[1].itemsize)  # so that each is aligned, without holes
    plain = {name: np.ascontiguousarray(array, array.dtype.newbyteorder("<")) for name, array in wide_first}
    for name, array in plain.items():
        place = [offset, offset + array.nbytes]
        header[name] = {"dtype": names[array.dtype], "shape": list(array.shape), "data_offsets": place}
        offset = place[1]
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-(len(text) + 8) % ALIGNMENT)
    target = Path(os.path.realpath(path))
    draft = target.with_name(f".{os.urandom(8).hex()}.part")
    try:
        with draft.open("xb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            for array in plain.values():
                file.write(array.tobytes())
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, target)
    except OSError as fault:
        raise InputError(f"cannot write {printable(path)}: {printable(fault.strerror or fault)}") from fault
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def read_arrays(path: str | os.PathLike[str], what: str) -> tuple[dict[str, AnyArray], dict[str, str]]:
    """The arrays of a file, mapped (what is written to them stays in this process), and its notes. `what`: what it
    should be, for messages.
    Raises InputError when it is absent or not a whole file of this layout."""
    place = Place(str(path))
    try:
        with open(path, "rb") as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise InputError(f"not a regular file; {what} is read from a file", place)
            head = file.read(8)
            length = struct.unpack("<Q", head)[0] if len(head) == 8 else state.st_size
            if length > min(LARGEST_HEADER, state.st_size - 8):
                raise InputError(f"not {what}: its header does not fit into the file; write the file again", place)
            text = file.read(length)
        whole = np.memmap(path, dtype=np.uint8, mode="c") if state.st_size else np.zeros(0, np.uint8)
    except (OSError, ValueError) as fault:
        reason = getattr(fault, "strerror", None) or fault
        raise InputError(f"cannot read {what}: {printable(reason)}", place) from fault
    try:
        header = json.loads(text)
        notes = header.pop("__metadata__", {})
        body = whole[8 + length :]
        arrays = {str(name): _mapped(body, entry) for name, entry in header.items()}
        return arrays, {str(key): str(value) for key, value in notes.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as fault:
        raise InputError(f"not {what}, or damaged ({printable(fault, 80)}); write the file again", place) from fault


def _mapped(body: AnyArray, entry: Mapping[str, Any]) -> AnyArray:
    kind = np.dtype(TYPES[entry["dtype"]])
    begin, end = (int(x) for x in entry["data_offsets"])
    shape = tuple(int(x) for x in entry["shape"])
    size = kind.itemsize
    for length in shape:
        if length < 0:
            raise ValueError("a negative length")
        size *= length
    if not 0 <= begin <= end <= body.size or end - begin != size or begin % kind.itemsize:
        raise ValueError("an array does not lie where the header says")
    return body[begin:end].view(kind).reshape(shape)
