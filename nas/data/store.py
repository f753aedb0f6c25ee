"""A prepared set on disk: one folder a split with plain .npy files, and meta.json. No test split is opened here."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap

from nas.data.batch import Split, Splits
from nas.data.fields import Schema
from pimsim.errors import InputError, Place, printable

FORMAT = 1
META = "meta.json"
ARRAYS = ("dense", "sparse", "labels", "groups", "dates")
RESIDENT_BYTES = 2 * 2**30  # a split up to this size is read into memory and its hash is checked
_KINDS = {"dense": np.float32, "sparse": np.int32, "labels": np.float32, "groups": np.int64, "dates": np.int32}
_PIECE = 2**24


class SplitWriter:
    """Writes the arrays of one split, whose size is known, a piece at a time."""

    def __init__(self, folder: Path, schema: Schema, size: int, extras: tuple[str, ...]):
        folder.mkdir(parents=True)
        shapes = {"dense": (size, len(schema.dense)), "sparse": (size, schema.width)}
        self._arrays = {
            name: open_memmap(folder / f"{name}.npy", "w+", _KINDS[name], shapes.get(name, (size,)))
            if np.prod(shapes.get(name, (size,)))
            else _empty(folder / f"{name}.npy", shapes[name], _KINDS[name])
            for name in ("dense", "sparse", "labels", *extras)
        }
        self._filled = 0

    def append(self, **arrays: Any) -> None:
        last = self._filled + len(arrays["labels"])
        for name, target in self._arrays.items():
            target[self._filled : last] = arrays[name]
        self._filled = last

    def close(self) -> None:
        for array in self._arrays.values():
            if isinstance(array, np.memmap):
                array.flush()
        self._arrays.clear()


def _empty(path: Path, shape: tuple[int, ...], kind: Any) -> Any:
    array = np.empty(shape, kind)
    np.save(path, array, allow_pickle=False)
    return array


def split_hash(folder: Path, schema: Schema) -> str:
    """sha256 of the schema and of the arrays of a split, whatever the header of the files."""
    digest = hashlib.sha256(json.dumps(schema.to_json(), sort_keys=True).encode())
    for name in ARRAYS:
        path = folder / f"{name}.npy"
        if path.exists():
            array = _loaded(path, "r")
            digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
            flat = array.reshape(-1)
            step = _PIECE // array.dtype.itemsize
            for start in range(0, len(flat), step):
                digest.update(np.ascontiguousarray(flat[start : start + step]).data)
    return digest.hexdigest()


def write_meta(folder: Path, meta: Mapping[str, Any]) -> None:
    (folder / META).write_text(json.dumps(meta, indent=1, sort_keys=True) + "\n", "utf-8")


def read_meta(folder: Path) -> dict[str, Any]:
    """What the preparation wrote down. Raises InputError for a folder that is no prepared set of this format."""
    path = folder / META
    try:
        if path.stat().st_size > 2**24:
            raise InputError("is too large to be the description of a prepared set", Place(str(path)))
        meta = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise InputError(f"{printable(folder)} holds no prepared data set") from None
    except (OSError, ValueError, RecursionError) as fault:
        raise InputError(f"cannot be read: {printable(fault)}", Place(str(path))) from None
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        found = meta.get("format") if isinstance(meta, dict) else None
        raise InputError(f"prepared sets of format {FORMAT} are read; got {printable(found, 40)}", Place(str(path)))
    missing = {"schema", "hashes", "sizes", "request"} - set(meta)
    if missing:
        raise InputError(f"lacks {', '.join(sorted(missing))}", Place(str(path)))
    return meta


def read_split(folder: Path, name: str, meta: Mapping[str, Any], *, verify: bool | None = None) -> Split:
    """One split of a prepared set. verify: compare its hash; by default for splits that are read into memory."""
    schema = Schema.from_json(meta["schema"])
    there = folder / name
    total = sum(path.stat().st_size for part in ARRAYS if (path := there / f"{part}.npy").exists())
    resident = total <= RESIDENT_BYTES
    arrays = {}
    for part in ARRAYS:
        path = there / f"{part}.npy"
        if path.exists() or part in ("dense", "sparse", "labels"):
            arrays[part] = _loaded(path, None if resident else "r")
            if arrays[part].dtype != _KINDS[part]:
                raise InputError(f"must hold {np.dtype(_KINDS[part])}; got {arrays[part].dtype}", Place(str(path)))
    if (resident if verify is None else verify) and split_hash(there, schema) != meta["hashes"].get(name):
        raise InputError(f"the {name} split of {printable(folder)} is not what its meta.json says: prepare it again")
    return Split(name, schema, **arrays, resident=resident)


def open_splits(folder: str | Path, *, verify: bool | None = None) -> Splits:
    """The training and validation splits of a prepared set, and the hashes of all three.

    Raises InputError where the files are not those that were prepared.
    """
    folder = Path(folder)
    meta = read_meta(folder)
    hashes = MappingProxyType(dict(meta["hashes"]))
    about = MappingProxyType({key: value for key, value in meta.items() if key not in ("hashes", "schema")})
    train, validation = (read_split(folder, name, meta, verify=verify) for name in ("training", "validation"))
    return Splits(train, validation, hashes, about)


def _loaded(path: Path, mode: Any) -> Any:
    try:
        return np.load(path, mmap_mode=mode, allow_pickle=False)
    except FileNotFoundError:
        raise InputError("no such file: the prepared set is incomplete", Place(str(path))) from None
    except (OSError, ValueError, EOFError, MemoryError) as fault:
        raise InputError(f"cannot be read: {printable(fault)}", Place(str(path))) from None
