"""One tree out of a file, the files it extends, and the overrides of a command line. Every value keeps its place."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pimsim.errors import InputError, Place, printable
from pimsim.hardware.library import find_base, shown_path
from pimsim.hardware.yaml_source import MAX_DEPTH, Entry, Mapping, Node, Scalar, parse_mapping, parse_value, read_text

MAX_CHAIN = 10


def read_tree(path: Path, shown: str | None = None) -> Mapping:
    """The file with everything that it extends merged below it (without the `extends` keys).

    Raises InputError for a chain that is too long or runs in a circle, naming the chain.
    """
    layers: list[Mapping] = []
    chain: list[tuple[str, str]] = []
    place: Place | None = None
    current, name = path, shown if shown is not None else shown_path(path)
    while True:
        real = os.path.realpath(current)
        seen = [known for known, _ in chain]
        names = " -> ".join([*(printable(n, 60) for _, n in chain), printable(name, 60)])
        if real in seen:
            raise InputError(f"extends runs in a circle: {names}", place)
        if len(chain) == MAX_CHAIN:
            raise InputError(f"extends goes through more than {MAX_CHAIN} files: {names}", place)
        chain.append((real, name))
        tree = parse_mapping(read_text(current, name, place), name)
        base = _base_of(tree)
        layers.append(_without(tree, "extends"))
        if base is None:
            break
        text, place = base
        current = find_base(text, current, place)
        name = shown_path(current)
    merged = layers.pop()
    while layers:
        merged = merge(merged, layers.pop())
    return merged


def apply_overrides(tree: Mapping, overrides: Sequence[str]) -> Mapping:
    """`tree` with each override `a.b.c=value` merged over it, in order; its place is `--set a.b.c=value`.

    The value is a YAML scalar or flow value; `null` takes a key back to its default.
    """
    for override in overrides:
        tree = merge(tree, _override(override))
    return tree


def merge(base: Mapping, over: Mapping) -> Mapping:
    """Mappings merge key by key; scalars and lists replace; null removes a key that `base` has."""
    entries = dict(base.entries)
    for key, entry in over.entries.items():
        below = entries.get(key)
        if below is not None and isinstance(entry.node, Scalar) and entry.node.value is None:
            del entries[key]
        elif below is not None and isinstance(below.node, Mapping) and isinstance(entry.node, Mapping):
            written = below if entry.key_place.line is None else entry
            entries[key] = Entry(written.key_place, merge(below.node, entry.node))
        else:
            entries[key] = Entry(entry.key_place, _resetting(entry.node))
    # A section stands where the extending file has it, not where the command line changes one of its keys.
    place = base.place if over.place.line is None else over.place
    return Mapping(entries, place, base.size + over.size, max(base.height, over.height))


def _resetting(node: Node) -> Node:
    """Nulls in what `over` adds are marked: there is nothing to remove, and they mean the default all the same."""
    if isinstance(node, Scalar):
        return replace(node, reset=True) if node.value is None else node
    if isinstance(node, Mapping):
        entries = {key: Entry(entry.key_place, _resetting(entry.node)) for key, entry in node.entries.items()}
        return replace(node, entries=entries)
    return node


def _base_of(tree: Mapping) -> tuple[str, Place] | None:
    entry = tree.entries.get("extends")
    if entry is None:
        return None
    node = entry.node
    if not isinstance(node, Scalar) or not isinstance(node.value, str):
        raise InputError("extends must be the name of one hardware file, as text", node.place)
    return node.value, node.place


def _without(tree: Mapping, key: str) -> Mapping:
    entries = {k: e for k, e in tree.entries.items() if k != key}
    return Mapping(entries, tree.place, tree.size, tree.height)


def _override(text: str) -> Mapping:
    path, equals, written = text.partition("=")
    place = Place(f"--set {printable(text, 100)}")
    keys = [key.strip() for key in path.split(".")]
    if not equals or not all(keys):
        raise InputError("expected KEY.KEY=VALUE, such as crossbar.adc.bits=8", place)
    if len(keys) > MAX_DEPTH:
        raise InputError(f"nested deeper than {MAX_DEPTH} levels", place)
    if keys == ["extends"]:
        raise InputError("extends cannot be set here; write a file that extends, or name another one", place)
    node = parse_value(written, place)
    if node is None:
        raise InputError("no value after '='; write null to take the key back to its default", place)
    for key in reversed(keys):
        node = Mapping({key: Entry(place, node)}, place, node.size + 2, node.height + 1)
    assert isinstance(node, Mapping)
    return node
