"""A hardware file (or the name of a shipped one) -> `Hardware`, with the place of every value kept beside it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping as ReadOnly
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from pimsim.errors import Place, printable
from pimsim.hardware.library import find_hardware, shown_path
from pimsim.hardware.memory_names import check_names
from pimsim.hardware.merge import apply_overrides, read_tree
from pimsim.hardware.models import bind_models
from pimsim.hardware.problems import data_path, dotted, explain, locate
from pimsim.hardware.schema import Hardware
from pimsim.hardware.yaml_scalar import old_boolean
from pimsim.hardware.yaml_source import Entry, Listing, Mapping, Node, Scalar, plain

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class LoadedHardware:
    """A hardware description and where each of its values was written.

    places: dotted path -> place of the value, for what was written (defaults have no place).
    warnings: (dotted path, message) of settings that work but waste hardware.
    """

    hardware: Hardware
    places: ReadOnly[str, Place]
    warnings: tuple[tuple[str, str], ...]


def load_hardware(
    source: str | os.PathLike[str], *, overrides: Sequence[str] = (), allow_code: bool = False
) -> Hardware:
    """The hardware of a file, or of a shipped configuration by name.

    overrides: "crossbar.adc.bits=6" strings, as after `--set`. allow_code: Python files that the file names as `model`
    of a circuit may run (with the first price that is asked for).
    Raises InputError with one line a problem, all problems of the file at once.
    """
    return load_hardware_file(source, overrides=overrides, allow_code=allow_code).hardware


def load_hardware_file(
    source: str | os.PathLike[str], *, overrides: Sequence[str] = (), allow_code: bool = False
) -> LoadedHardware:
    """Like `load_hardware`, with the places of the values and the warnings."""
    path = find_hardware(source)
    tree = apply_overrides(read_tree(path, shown_path(path)), overrides)
    hardware, tree = validate_tree(Hardware, tree)
    places = places_of(tree)
    check_names(hardware, places)
    hardware = bind_models(hardware, path.parent, places, allow_code)
    return LoadedHardware(hardware, MappingProxyType(places), tuple(hardware.warnings()))


def hardware_warnings(loaded: LoadedHardware) -> list[str]:
    """One line a warning: `file:line:column: warning: dotted.path: message`."""
    lines = []
    for path, message in loaded.warnings:
        place, parent = loaded.places.get(path), path
        while place is None and parent:
            parent = parent.rpartition(".")[0]
            place = loaded.places.get(parent)
        where = f"{place}: " if place else ""
        lines.append(f"{where}warning: {path}: {printable(message, 500)}")
    return lines


def validate_tree(model: type[M], tree: Mapping) -> tuple[M, Mapping]:
    """The tree as a `model`, and the tree as it was understood (`yes` as true where a boolean is asked for).

    Raises InputError with all problems. Types are taken strictly, as JSON: text is never a number, `true` never 1.
    """
    try:
        return model.model_validate_json(json.dumps(plain(tree)), strict=True), tree
    except ValidationError as fault:
        mended = _mended(tree, fault)
        if mended is None:
            raise explain(fault, model, tree) from None
    try:
        return model.model_validate_json(json.dumps(plain(mended)), strict=True), mended
    except ValidationError as fault:
        raise explain(fault, model, mended) from None


def places_of(tree: Mapping) -> dict[str, Place]:
    """Dotted path -> place of the value, "" being the whole file."""
    places: dict[str, Place] = {}

    def walk(node: Node, path: tuple[str | int, ...]) -> None:
        places[dotted(path)] = node.place
        if isinstance(node, Mapping):
            for key, entry in node.entries.items():
                walk(entry.node, (*path, key))
        elif isinstance(node, Listing):
            for index, item in enumerate(node.items):
                walk(item, (*path, index))

    walk(tree, ())
    return places


def _mended(tree: Mapping, fault: ValidationError) -> Mapping | None:
    """The tree with unquoted yes, no, on, off as booleans where the model asks for one, and without the nulls by which
    an extending file takes a key back to its default; None if there are none of either."""
    mended: Mapping = tree
    for error in fault.errors(include_url=False, include_input=False, include_context=False):
        if error["type"] in ("extra_forbidden", "missing"):
            continue
        path = data_path(error["loc"], mended, False)
        node, complete = locate(mended, path)[2:]
        if not isinstance(node, Scalar) or not path or not complete:
            continue
        if node.reset:
            mended = _changed(mended, path, None)
        elif error["type"] == "bool_type" and not node.quoted and old_boolean(node.text) is not None:
            mended = _changed(mended, path, replace(node, value=old_boolean(node.text)))
    return mended if mended is not tree else None


def _changed(node: Mapping, path: tuple[str | int, ...], value: Node | None) -> Mapping:
    """`node` with the value at `path` replaced, or its key removed (None)."""
    key = str(path[0])
    entry = node.entries[key]
    entries = dict(node.entries)
    if len(path) > 1:
        entries[key] = Entry(entry.key_place, _changed_below(entry.node, path[1:], value))
    elif value is None:
        del entries[key]
    else:
        entries[key] = Entry(entry.key_place, value)
    return replace(node, entries=entries)


def _changed_below(node: Node, path: tuple[str | int, ...], value: Node | None) -> Node:
    if isinstance(node, Mapping):
        return _changed(node, path, value)
    if not isinstance(node, Listing):
        raise TypeError(f"no path leads into {node!r}")
    items = list(node.items)
    index = int(path[0])
    if len(path) > 1:
        items[index] = _changed_below(items[index], path[1:], value)
    elif value is not None:
        items[index] = value
    return replace(node, items=tuple(items))


def load_path(path: Path, model: type[M], *, overrides: Sequence[str] = ()) -> M:
    """A file of any model of this kind (the same rules for YAML, `extends` and errors)."""
    return validate_tree(model, apply_overrides(read_tree(path, shown_path(path)), overrides))[0]
