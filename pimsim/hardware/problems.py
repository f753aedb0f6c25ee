"""pydantic's errors about a tree -> one line a problem: place, dotted path, rule, what was got, what is allowed."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from pimsim.errors import InputError, Place, printable
from pimsim.hardware.allowed import Allowed, Path
from pimsim.hardware.suggest import nearest, number_text, number_with_unit, same_quantity
from pimsim.hardware.yaml_scalar import number_hint
from pimsim.hardware.yaml_source import Entry, Listing, Mapping, Node, Scalar, describe

MAX_SHOWN = 50

_KEY_ERRORS = ("extra_forbidden", "missing")
_RANGE_ERRORS = (
    "greater_than", "greater_than_equal", "less_than", "less_than_equal", "too_short", "too_long", "string_too_short",
    "string_too_long", "string_pattern_mismatch", "multiple_of",
)  # fmt: skip
_TYPE_ERRORS = (
    "int_type", "int_parsing", "int_from_float", "int_parsing_size", "float_type", "float_parsing", "finite_number",
    "bool_type", "bool_parsing", "string_type", "literal_error", "enum", "list_type", "tuple_type", "dict_type",
    "model_type", "model_attributes_type", "none_required", "set_type", "frozen_set_type", "is_instance_of",
    "dataclass_type",
)  # fmt: skip


@dataclass(frozen=True)
class Problem:
    """One fault: where it stands, the dotted path, and what is wrong in words."""

    place: Place
    path: str
    text: str

    def line(self) -> str:
        """`file:line:column: dotted.path: text`."""
        return f"{self.place}: {self.path}: {self.text}" if self.path else f"{self.place}: {self.text}"


def dotted(path: Path) -> str:
    """`a.b[3].c`, printable."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{printable(step, 60)}" if text else printable(step, 60)
    return text


def locate(tree: Mapping, path: Iterable[str | int]) -> tuple[Place, Place, Node, bool]:
    """(place of the key, place of the value, value, whether it is the whole path) for the deepest part that exists."""
    node: Node = tree
    key_place, complete = tree.place, True
    for step in path:
        entry = child(node, step)
        if entry is None:
            complete = False
            break
        key_place, node = entry.key_place, entry.node
    return key_place, node.place, node, complete


def child(node: Node, step: str | int) -> Entry | None:
    """What stands under a key or at an index; None if nothing does."""
    if isinstance(node, Mapping):
        return node.entries.get(str(step))
    if isinstance(node, Listing) and str(step).isdecimal() and len(str(step)) < 7 and int(step) < len(node.items):
        item = node.items[int(step)]
        return Entry(item.place, item)
    return None


def data_path(loc: Iterable[str | int], tree: Mapping, keep_last: bool) -> Path:
    """pydantic's location as a path of the tree, without the names of union members that pydantic puts in between."""
    steps = list(loc)
    path: list[str | int] = []
    node: Node = tree
    for index, step in enumerate(steps):
        entry = child(node, step)
        if entry is not None:
            path.append(step)
            node = entry.node
        elif keep_last and index == len(steps) - 1:
            path.append(step)
    return tuple(path)


def explain(fault: ValidationError, model: type[BaseModel], tree: Mapping) -> InputError:
    """All problems of a file as one InputError, in the order of the file."""
    problems = find_problems(fault, model, tree)
    lines = [problem.line() for problem in problems[:MAX_SHOWN]]
    if len(problems) > MAX_SHOWN:
        lines.append(f"{tree.place.file}: and {len(problems) - MAX_SHOWN} more problems")
    return InputError(lines[0], more=tuple(lines[1:]))


def find_problems(fault: ValidationError, model: type[BaseModel], tree: Mapping) -> list[Problem]:
    """One Problem a fault, sorted by place; only the first MAX_SHOWN are worked out in full."""
    located: list[tuple[Place, Path, dict[str, Any]]] = []
    seen: set[Path] = set()
    for error in fault.errors(include_url=False, include_input=False):
        kind = error["type"]
        path = data_path(error["loc"], tree, kind in _KEY_ERRORS)
        if kind in (*_TYPE_ERRORS, *_RANGE_ERRORS):
            if path in seen:
                continue  # the members of a union complain one by one; the schema names them all at once
            seen.add(path)
        key_place, place, _, _ = locate(tree, path)
        located.append((key_place if kind in _KEY_ERRORS else place, path, dict(error)))
    located.sort(key=_order(tree))
    writer = _Writer(Allowed(model), tree)
    problems: list[Problem] = []
    for index, (place, path, found) in enumerate(located):
        problems.extend(writer.write(place, path, found) if index <= MAX_SHOWN else [Problem(place, "", "")])
    named = writer.named
    return [p for p in problems if not (p.text.startswith("missing") and p.path in named)]


def _order(tree: Mapping) -> Any:
    main = tree.place.file
    return lambda item: (item[0].file != main, item[0].file or "", item[0].line or 0, item[0].column or 0)


class _Writer:
    """Puts errors into words. `named` collects valid keys that a mistyped one was meant for: not missing as well."""

    def __init__(self, allowed: Allowed, tree: Mapping):
        self.allowed, self.tree = allowed, tree
        self.named: set[str] = set()

    def write(self, place: Place, path: Path, error: dict[str, Any]) -> list[Problem]:
        kind, name = error["type"], dotted(path)
        if kind == "extra_forbidden":
            return [Problem(place, name, self._unknown(path))]
        if kind == "missing":
            return [Problem(place, name, self._missing(path))]
        if kind in _TYPE_ERRORS or kind in _RANGE_ERRORS:
            return [Problem(place, name, self._value(path, kind in _RANGE_ERRORS))]
        return self._rule(path, error)

    def _unknown(self, path: Path) -> str:
        key, keys = str(path[-1]), self.allowed.keys(path[:-1])
        if unit := same_quantity(key, keys):
            valid, conversion, factor = unit
            self.named.add(dotted((*path[:-1], valid)))
            value = locate(self.tree, path)[2]
            number = value.value if isinstance(value, Scalar) else None
            write = ""
            if isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number * factor):
                write = f"; write {valid}: {number_text(number * factor)}"
            return f"unit: use {valid} ({conversion}){write}"
        elsewhere = self.allowed.elsewhere(key)[:3] if len(key) < 100 else []
        near = nearest(key, keys)
        if near and not elsewhere:
            self.named.add(dotted((*path[:-1], near)))
            return f"unknown key; did you mean '{near}'?"
        listed = f"; allowed: {', '.join(keys[:40])}" if keys else ""
        return f"unknown key{listed}{'; it belongs at ' + ' or '.join(elsewhere) if elsewhere else ''}"

    def _missing(self, path: Path) -> str:
        what, bounds, why = self.allowed.what(path), self.allowed.range(path), self.allowed.description(path)
        text = f"missing; expected {what or 'a value'}"
        return text + (f"; allowed {bounds}" if bounds else "") + (f" ({printable(why, 120)})" if why else "")

    def _value(self, path: Path, out_of_range: bool) -> str:
        node, bounds = locate(self.tree, path)[2], self.allowed.range(path)
        rule = "out of range" if out_of_range and bounds else f"must be {self.allowed.what(path) or 'a valid value'}"
        got = describe(node)
        if out_of_range and isinstance(node, Scalar) and isinstance(node.value, str):
            got = f"{len(node.value)} characters"
        elif out_of_range and isinstance(node, Listing):
            got = f"a list of {len(node.items)}"
        hint = self._hint(path, node)
        return f"{rule}; got {got}{f'; allowed {bounds}' if bounds else ''}{f'; {hint}' if hint else ''}"

    def _hint(self, path: Path, node: Node) -> str | None:
        types = self.allowed.types(path)
        if not isinstance(node, Scalar):
            return None
        if node.value is None:
            return "leave the key out for its default"
        if not isinstance(node.value, str):
            is_text = types == {"string"} and not self._chosen(path)
            return f"put it in quotes: '{printable(node.text, 40)}'" if is_text else None
        if near := nearest(node.value, self._chosen(path)):
            return f"did you mean '{near}'?"
        if types & {"integer", "number"}:
            key = next((str(step) for step in reversed(path) if isinstance(step, str)), "")
            return number_hint(node.text, node.quoted) or number_with_unit(node.text, key)
        return None

    def _chosen(self, path: Path) -> list[str]:
        return self.allowed.choices(path)

    def _inherited(self, place: Place, path: Path) -> str:
        """What to do about a value that stands in an extended file: there it was right."""
        main = self.tree.place.file
        if place.file is None or main is None or place.file == main or place.file.startswith("--set"):
            return ""
        return f"; it comes from the file that {main} extends: set {dotted(path)} in {main}"

    def _rule(self, path: Path, error: dict[str, Any]) -> list[Problem]:
        """A rule between fields: `ctx` may say which key it is about, or list several (path, message)."""
        context = error.get("ctx") or {}
        message = printable(str(error["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, "), 500)
        listed = context.get("problems") or [(context.get("path") or context.get("field") or "", message)]
        found: list[Problem] = []
        for relative, text in listed:
            full = (*path, *(step for step in str(relative).split(".") if step))
            key_place, place, _, complete = locate(self.tree, full)
            where = place if complete and relative else key_place
            found.append(Problem(where, dotted(full), printable(text, 500) + self._inherited(where, full)))
        return found
