"""Arrays out of an .npz file that nobody vouches for: no pickle, sizes checked before anything is allocated."""

from __future__ import annotations

import io
import os
import stat
import zipfile
import zlib
from math import prod
from os import PathLike
from tokenize import TokenError
from typing import Any, NamedTuple

import numpy as np

from pimsim.errors import InputError, Place, printable

LARGEST_BYTES = 2**30
"""Bytes of all arrays of a file together, unpacked."""

LARGEST_MEMBERS = 1000

_PIECE = 2**20
_KINDS = "biuf"


class Limits(NamedTuple):
    """Of one file, and what its user is told to do about more."""

    size: int
    members: int
    hint: str


def read_arrays(
    path: str | PathLike[str], *, largest: int | None = None, members: int = LARGEST_MEMBERS, hint: str = ""
) -> dict[str, np.ndarray[Any, Any]]:
    """Name -> array of numbers for every member of the .npz file at `path`. Raises InputError for anything else.

    largest: bytes of all arrays together, unpacked (LARGEST_BYTES). members: arrays. hint: what to do where there is
    more, after the colon of the error.
    """
    limits = Limits(LARGEST_BYTES if largest is None else largest, members, hint or "give fewer samples")
    place = Place(str(path))
    try:
        with open(path, "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise InputError("is not a regular file; give the path of an .npz file", place)
            with zipfile.ZipFile(stream) as archive:
                return _members(archive, place, limits)
    except FileNotFoundError as error:
        raise InputError("no such file; an .npz file as numpy.savez writes it is needed", place) from error
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError) as error:
        raise InputError(f"is no .npz file as numpy.savez writes it: {printable(error)}", place) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"cannot be read: {printable(reason)}", place) from error


def _members(archive: zipfile.ZipFile, place: Place, limits: Limits) -> dict[str, np.ndarray[Any, Any]]:
    entries = archive.infolist()
    total = sum(entry.file_size for entry in entries)
    if len(entries) > limits.members or total > limits.size:
        raise InputError(
            f"holds {len(entries)} arrays of {total} bytes; at most {limits.members} of {limits.size} bytes "
            f"together are read: {limits.hint}",
            place,
        )
    arrays = {}
    for entry in entries:
        name = entry.filename.removesuffix(".npy")
        if name in arrays:
            raise InputError(f"holds two arrays of the name '{printable(name)}'", place)
        arrays[name] = _array(_unpacked(archive, entry, place, limits.size), name, place)
    return arrays


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, place: Place, largest: int) -> bytes:
    """The member's bytes, taken piece by piece: memory grows with what is there, not with what the file claims."""
    pieces, held = [], 0
    with archive.open(entry) as member:
        while piece := member.read(_PIECE):
            held += len(piece)
            if held > largest:
                raise InputError(f"the array '{printable(entry.filename)}' is larger than the file says", place)
            pieces.append(piece)
    return b"".join(pieces)


def _array(data: bytes, name: str, place: Place) -> np.ndarray[Any, Any]:
    what = f"the array '{printable(name)}'"
    stream = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(stream)
        if version not in ((1, 0), (2, 0)):
            raise ValueError("unknown version of the .npy format")
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = header(stream)
    except (ValueError, TypeError, SyntaxError, TokenError, RecursionError, MemoryError) as error:
        raise InputError(f"{what} is not in the .npy format: {printable(error)}", place) from error
    if dtype.hasobject or dtype.kind not in _KINDS or dtype.names:
        raise InputError(f"{what} holds {printable(dtype)}; numbers are needed", place)
    left = len(data) - stream.tell()
    if any(size < 0 for size in shape) or prod(shape) * dtype.itemsize != left:
        raise InputError(f"{what} claims the shape {printable(list(shape))} of {dtype}, but has {left} bytes", place)
    flat = np.frombuffer(data, dtype, offset=stream.tell())
    array = flat.reshape(shape, order="F" if fortran else "C")
    return array.astype(dtype.newbyteorder("="), order="C")
