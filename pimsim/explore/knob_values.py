"""The values of a knob as a space file writes them (lists, ranges, doublings), and what a knob may be called."""

from __future__ import annotations

import math
from collections.abc import Mapping as AnyMapping
from typing import Any

from pimsim.errors import InputError, Place, printable
from pimsim.explore.expressions import ExpressionError
from pimsim.hardware.allowed import Allowed
from pimsim.hardware.schema import Hardware
from pimsim.hardware.suggest import nearest
from pimsim.hardware.yaml_source import Entry, Listing, Mapping, Node, Scalar, describe

MAX_VALUES = 65536
FORMS = "a list [64, 128], {from: 4, to: 9, step: 1}, {log2: [64, 512]} or {values: [...], name: short}"
_FREE_TEXT = ("name", "description", "source", "model", "parameters", "comment")


def node_of(value: Any, place: Place, depth: int = 0) -> Node:
    """Plain Python data (dict, list, tuple, range, array, scalars) as a tree of which every part is at `place`."""
    if depth > 20:
        raise InputError("nested deeper than 20 levels", place)
    if isinstance(value, AnyMapping):
        entries = {str(key): Entry(place, node_of(below, place, depth + 1)) for key, below in value.items()}
        return Mapping(entries, place, 1 + len(entries), 1)
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple | range):
        items = tuple(node_of(item, place, depth + 1) for item in value)
        return Listing(items, place, 1 + len(items), 1)
    if value is None or isinstance(value, bool | int | float | str):
        return Scalar(value, str(value), isinstance(value, str), place)
    raise InputError(f"expected numbers, text, lists and mappings; got a {type(value).__name__}", place)


def unknown_path(path: str) -> str:
    """What is wrong with a dotted path of the hardware, with the nearest valid one; empty when it names a value."""
    shown = printable(path, 80)
    steps = tuple(path.split("."))
    allowed = Allowed(Hardware)
    if len(path) > 200 or not all(steps):
        return f"'{shown}' is not a dotted path such as crossbar.rows"
    if set(steps) & set(_FREE_TEXT):
        return f"'{shown}' is no knob: it names or describes, and no figure follows from it"
    for depth, step in enumerate(steps):
        keys = allowed.keys(steps[:depth])
        if step not in keys:
            return f"unknown path '{shown}'; {_meant(allowed, steps, depth, keys)}"
    if below := allowed.keys(steps):
        return f"'{shown}' is a section; name one of its keys: {', '.join(below[:30])}"
    return ""


def _meant(allowed: Allowed, steps: tuple[str, ...], depth: int, keys: list[str]) -> str:
    """The valid path nearest to one that goes wrong at step `depth`, where `keys` would be right."""
    if near := nearest(steps[depth], keys):
        return f"did you mean '{'.'.join((*steps[:depth], near, *steps[depth + 1 :]))}'?"
    if elsewhere := [place for place in allowed.elsewhere(steps[-1]) if "." in place][:4]:
        return f"did you mean {' or '.join(repr(place) for place in elsewhere)}?"
    where = f"'{'.'.join(steps[:depth])}' has the keys" if depth else "sections are"
    return f"{where} {', '.join(keys[:30])}"


def listed(node: Node) -> list[Scalar]:
    """The values that a knob's node stands for. Raises ExpressionError with the forms that there are."""
    if isinstance(node, Listing):
        items = [item for item in node.items if isinstance(item, Scalar)]
        if len(items) != len(node.items):
            raise ExpressionError(f"values are numbers, texts or true/false; write {FORMS}")
        if not items:
            raise ExpressionError(f"an empty list; write {FORMS}")
        if len(items) > MAX_VALUES:
            raise ExpressionError(f"{len(items)} values; at most {MAX_VALUES} are allowed")
        return items
    if isinstance(node, Scalar):
        raise ExpressionError(f"must be {FORMS}; got {describe(node)}")
    keys = set(node.entries)
    if keys == {"values"}:
        return listed(node.entries["values"].node)
    if keys == {"log2"}:
        return _doubling(node.entries["log2"].node)
    if {"from", "to"} <= keys <= {"from", "to", "step"}:
        return _range(node)
    raise ExpressionError(f"must be {FORMS}; got the keys {printable(', '.join(node.entries), 80)}")


def _range(node: Mapping) -> list[Scalar]:
    numbers = {}
    for key, entry in node.entries.items():
        numbers[key] = _number(entry.node, key)
    start, end, step = numbers["from"], numbers["to"], numbers.get("step", 1)
    if step <= 0 or end < start:
        raise ExpressionError(f"needs from <= to and step > 0; got from {start}, to {end}, step {step}")
    count = math.floor((end - start) / step * (1 + 1e-12) + 1e-9) + 1
    if count > MAX_VALUES:
        raise ExpressionError(f"{count:,} values; at most {MAX_VALUES} are allowed")
    return [_scalar(start + index * step, node.place) for index in range(count)]


def _doubling(node: Node) -> list[Scalar]:
    if not isinstance(node, Listing) or len(node.items) != 2:
        raise ExpressionError("log2 takes the first and the last value, e.g. {log2: [64, 512]} for 64, 128, 256, 512")
    low, high = (_number(item, "log2") for item in node.items)
    if not 0 < low <= high:
        raise ExpressionError(f"log2 needs 0 < first <= last; got {low} and {high}")
    found: list[Scalar] = []
    value = low
    while value <= high and len(found) <= 64:
        found.append(_scalar(value, node.place))
        value = value * 2
    return found


def _number(node: Node, key: str) -> int | float:
    if not isinstance(node, Scalar) or isinstance(node.value, bool) or not isinstance(node.value, int | float):
        raise ExpressionError(f"{key} must be a number; got {describe(node)}")
    if not math.isfinite(node.value) or abs(node.value) > 1e15:
        raise ExpressionError(f"{key} must be within -1e15 and 1e15; got {describe(node)}")
    return node.value


def _scalar(value: int | float, place: Place) -> Scalar:
    """Steps of 0.1 give 0.3, not 0.30000000000000004."""
    value = value if isinstance(value, int) else float(f"{value:.12g}")
    return Scalar(value, str(value), False, place)
