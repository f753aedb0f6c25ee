"""A space file, or a mapping of the same form -> `Space`, with the place of every fault."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pimsim.data_files import data_folder
from pimsim.errors import InputError, Place, printable
from pimsim.explore.expressions import ExpressionError
from pimsim.explore.knob_values import listed, node_of, unknown_path
from pimsim.explore.space import BIT_FIELDS, Knob, Space, Value, compile_all, is_layer_path, layer_target, whole
from pimsim.hardware.library import shown_path
from pimsim.hardware.load import load_hardware
from pimsim.hardware.merge import merge
from pimsim.hardware.problems import MAX_SHOWN, find_problems
from pimsim.hardware.schema import Hardware
from pimsim.hardware.suggest import nearest
from pimsim.hardware.yaml_source import (
    Entry,
    Listing,
    Mapping,
    Node,
    Scalar,
    describe,
    parse_mapping,
    plain,
    read_text,
)

MAX_KNOBS = 1000
_CHECKED = 1000  # values of one list that are checked one by one
KEYS = ("name", "description", "base", "knobs", "derived", "constraints", "models")
FOLDER = "spaces"


def load_space(source: str | os.PathLike[str] | AnyMapping[str, Any], *, allow_code: bool = False) -> Space:
    """The design space of a YAML file, of a shipped one by name, or of a mapping with the same keys.

    base: a hardware file (path from the space file's folder, or shipped name; in a mapping a `Hardware` too).
    knobs: dotted path -> values; `layers.PATTERN.weight_bits` and `operators.OP.input_bits` set bits of layers.
    derived: dotted path -> expression. constraints: list of comparisons. models: ONNX files.
    allow_code: Python files that the base names as `model` of a circuit may run.
    Raises InputError with every problem of the file, one a line.
    """
    if isinstance(source, AnyMapping):
        base = source.get("base")
        ready = base if isinstance(base, Hardware) else None
        given = {key: value for key, value in source.items() if ready is None or key != "base"}
        tree = node_of(given, Place("space"))
        assert isinstance(tree, Mapping)
        return _Reader(tree, "space", Path(), ready, allow_code).space()
    path = find_space(source)
    shown = shown_path(path)
    tree = parse_mapping(read_text(path, shown), shown)
    return _Reader(tree, shown, path.parent, None, allow_code).space()


def find_space(source: str | os.PathLike[str]) -> Path:
    """The space file meant: an existing path wins, then a shipped name. Raises InputError with the nearest name."""
    asked = os.fspath(source)
    path = Path(asked)
    folder = data_folder("hwconfigs") / FOLDER
    shipped = {file.stem: file for file in sorted(folder.glob("*.yaml"))} if folder.is_dir() else {}
    try:
        if path.exists():
            return path
    except (OSError, ValueError):
        pass  # a name that the file system cannot hold is no file
    if path.name.removesuffix(".yaml") in shipped and len(path.parts) == 1:
        return shipped[path.name.removesuffix(".yaml")]
    near = nearest(path.name.removesuffix(".yaml"), shipped)
    meant = f"did you mean '{near}'?" if near else f"shipped: {', '.join(shipped)}"
    raise InputError(f"no space file '{printable(asked)}', and none of that name is shipped; {meant}")


def hardware_with(base: Hardware, values: AnyMapping[str, Value]) -> Hardware:
    """`base` with the value at each dotted path changed (whole floats, as result files hold them, become counts).
    Raises InputError, one line a broken rule."""
    data = base.model_dump(mode="json", exclude_unset=True)
    for path, value in values.items():
        section = data
        *sections, key = path.split(".")
        for name in sections:
            section = section.setdefault(name, {})
        section[key] = whole(value)
    try:
        return Hardware.model_validate_json(json.dumps(data), strict=True)
    except ValidationError as fault:
        tree = node_of(data, Place())
        assert isinstance(tree, Mapping)
        lines = [f"{problem.path}: {problem.text}" for problem in find_problems(fault, Hardware, tree)]
        raise InputError(lines[0], more=tuple(lines[1:])) from None


@dataclass
class _Reader:
    """Reads one tree; `problems` gathers (place, line)."""

    tree: Mapping
    shown: str
    folder: Path
    ready: Hardware | None
    allow_code: bool
    problems: list[tuple[Place, str]] = field(default_factory=list)

    def space(self) -> Space:
        for key, entry in self.tree.entries.items():
            if key not in KEYS:
                near = nearest(key, KEYS)
                hint = f"did you mean '{near}'?" if near else f"allowed: {', '.join(KEYS)}"
                self.fault(entry.key_place, f"unknown key '{printable(key, 60)}'; {hint}")
        base = self.ready or self.base()
        knobs = self.knobs(base)
        derived = self.derived(base, knobs)
        constraints = self.texts("constraints", "comparisons, e.g. crossbar.columns <= 2 * crossbar.rows")
        if base is not None:
            self.compile(base, knobs, derived, constraints)
        models = self.texts("models", "ONNX files")
        name = self.text("name") or Path(self.shown).stem
        description = self.text("description")
        if self.problems:
            lines = [f"{place}: {text}" if str(place) else text for place, text in sorted(self.problems, key=_order)]
            if len(lines) > MAX_SHOWN:
                lines[MAX_SHOWN:] = [f"{self.shown}: and {len(lines) - MAX_SHOWN} more problems"]
            raise InputError(lines[0], more=tuple(lines[1:]))
        assert base is not None
        where = tuple(str(self.folder / model) if (self.folder / model).exists() else model for _, model in models)
        pairs = tuple((path, text) for _, path, text in derived)
        return Space(name, base, knobs, tuple(t for _, t in constraints), pairs, where, self.shown, description)

    def fault(self, place: Place, text: str) -> None:
        self.problems.append((place, text))

    def text(self, key: str) -> str:
        entry = self.tree.entries.get(key)
        if entry is None:
            return ""
        if not isinstance(entry.node, Scalar) or not isinstance(entry.node.value, str) or len(entry.node.value) > 2000:
            self.fault(entry.node.place, f"{key} must be text of up to 2000 characters; got {describe(entry.node)}")
            return ""
        return entry.node.value

    def base(self) -> Hardware | None:
        entry = self.tree.entries.get("base")
        example = "e.g. base: reram_128"
        if entry is None:
            self.fault(self.tree.place, f"base is missing; name the hardware file that the knobs change, {example}")
            return None
        node = entry.node
        if not isinstance(node, Scalar) or not isinstance(node.value, str):
            self.fault(node.place, f"base must be the name of one hardware file, as text; got {describe(node)}")
            return None
        try:
            beside = self.folder / node.value
            found = beside if _is_file(beside) else node.value
            return load_hardware(found, allow_code=self.allow_code)
        except InputError as error:
            for problem in error.problems:
                self.fault(node.place, f"base: {problem}")
            return None

    def section(self, key: str) -> dict[str, Entry]:
        entry = self.tree.entries.get(key)
        if entry is None:
            return {}
        if not isinstance(entry.node, Mapping):
            self.fault(entry.node.place, f"{key} must be a mapping (indented keys); got {describe(entry.node)}")
            return {}
        return entry.node.entries

    def texts(self, key: str, what: str) -> list[tuple[Place, str]]:
        entry = self.tree.entries.get(key)
        if entry is None:
            return []
        node = entry.node
        items = node.items if isinstance(node, Listing) else (node,)
        found = []
        for item in items:
            if isinstance(item, Scalar) and isinstance(item.value, str):
                found.append((item.place, item.value))
            else:
                self.fault(item.place, f"{key} must be a list of texts, {what}; got {describe(item)}")
        return found

    def knobs(self, base: Hardware | None) -> tuple[Knob, ...]:
        if "knobs" not in self.tree.entries:
            self.fault(self.tree.place, "knobs are missing; write e.g. knobs: {crossbar.rows: [64, 128, 256]}")
        entries = self.section("knobs")
        if "knobs" in self.tree.entries and not entries and not self.problems:
            self.fault(self.tree.entries["knobs"].node.place, "knobs are empty; write e.g. crossbar.rows: [64, 128]")
        if len(entries) > MAX_KNOBS:
            self.fault(self.tree.place, f"{len(entries)} knobs; at most {MAX_KNOBS} are allowed")
            return ()
        found: list[Knob] = []
        names: set[str] = set()
        for path, entry in entries.items():
            known = self.path_is_known(path, entry.key_place)
            values, name = self.values(path, entry.node)
            if not values or not known:
                continue
            if is_layer_path(path):
                self.check_bits(path, values)
            elif base is not None:
                self.check_values(path, values, base)
            for called in {path, name}:
                if called in names:
                    self.fault(entry.key_place, f"knobs: two knobs are called '{printable(called, 60)}'")
                names.add(called)
            found.append(Knob(path, tuple(node.value for node in values), name))  # type: ignore[misc]
        return tuple(found)

    def path_is_known(self, path: str, place: Place, section: str = "knobs") -> bool:
        """Whether a dotted path names a value of the hardware, or bits of layers; the fault says which is nearest."""
        if is_layer_path(path):
            kind, pattern, bits = layer_target(path)
            if bits in BIT_FIELDS and pattern:
                return True
            near = nearest(bits, BIT_FIELDS)
            form = f"{kind}.{'PATTERN' if kind == 'layers' else 'Conv'}.{near or 'weight_bits'}"
            self.fault(place, f"{section}: '{printable(path, 80)}' must be of the form {form}")
            return False
        problem = unknown_path(path)
        if problem:
            self.fault(place, f"{section}: {problem}")
        return not problem

    def values(self, path: str, node: Node) -> tuple[list[Scalar], str]:
        """The values of a knob as scalars with their places, and its name for expressions."""
        shown, name = f"knobs: {printable(path, 60)}", path
        if isinstance(node, Mapping) and "name" in node.entries:
            called = node.entries["name"].node
            if isinstance(called, Scalar) and isinstance(called.value, str) and called.value.isidentifier():
                name = called.value
            else:
                self.fault(called.place, f"{shown}: name must be one word of letters, digits and _, not a number first")
            node = replace(node, entries={key: entry for key, entry in node.entries.items() if key != "name"})
        try:
            values = listed(node)
        except ExpressionError as fault:
            self.fault(node.place, f"{shown}: {fault}")
            return [], name
        seen: dict[tuple[type, object], None] = {}
        for item in values:
            if item.value is None:
                self.fault(item.place, f"{shown}: a value is a number, a text or true/false; got {describe(item)}")
            key = (str if isinstance(item.value, str) else bool if isinstance(item.value, bool) else float, item.value)
            if key in seen:
                self.fault(item.place, f"{shown}: the value {describe(item)} stands here twice")
            seen[key] = None
        good = [item for item in values if item.value is not None]
        return good if len(good) == len(values) else [], name

    def check_bits(self, path: str, values: Iterable[Scalar]) -> None:
        for node in values:
            good = isinstance(node.value, int) and not isinstance(node.value, bool) and 1 <= node.value <= 32
            if not good:
                rule = "bits are whole numbers from 1 to 32"
                self.fault(node.place, f"knobs: {printable(path, 60)}: {rule}; got {describe(node)}")

    def check_values(self, path: str, values: list[Scalar], base: Hardware) -> None:
        """Each value by itself must be of the type and in the range of its field; whether it goes together with the
        others is a matter of each point."""
        tree = node_of(base.model_dump(mode="json", exclude_unset=True), Place())
        assert isinstance(tree, Mapping)
        some = values if len(values) <= _CHECKED else [values[0], values[len(values) // 2], values[-1]]
        for value in some:
            node: Node = value
            for key in reversed(path.split(".")):
                node = Mapping({key: Entry(value.place, node)}, value.place, node.size + 2, node.height + 1)
            assert isinstance(node, Mapping)
            merged = merge(tree, node)
            try:
                Hardware.model_validate_json(json.dumps(plain(merged)), strict=True)
            except ValidationError as fault:
                if all(error["type"] == "rule" for error in fault.errors(include_url=False, include_input=False)):
                    continue
                for problem in find_problems(fault, Hardware, merged):
                    if problem.path == path:
                        self.fault(value.place, f"knobs: {path}: {problem.text}")

    def derived(self, base: Hardware | None, knobs: tuple[Knob, ...]) -> list[tuple[Place, str, str]]:
        found = []
        paths = {knob.path for knob in knobs}
        for path, entry in self.section("derived").items():
            shown = f"derived: {printable(path, 60)}"
            if path in paths:
                self.fault(entry.key_place, f"{shown}: is a knob already")
            if not self.path_is_known(path, entry.key_place, "derived"):
                continue
            node = entry.node
            value = node.value if isinstance(node, Scalar) else None
            if isinstance(value, bool) or not isinstance(value, int | float | str):
                self.fault(node.place, f"{shown}: must be an expression, e.g. 2 * crossbar.rows; got {describe(node)}")
                continue
            found.append((node.place, path, str(value)))
        return found

    def compile(
        self,
        base: Hardware,
        knobs: tuple[Knob, ...],
        derived: list[tuple[Place, str, str]],
        constraints: list[tuple[Place, str]],
    ) -> None:
        def report(section: str, at: int, fault: ExpressionError) -> None:
            place = derived[at][0] if section == "derived" else constraints[at][0]
            text = derived[at][2] if section == "derived" else constraints[at][1]
            self.fault(place, f"{section}: '{printable(text, 80)}': {fault}")

        pairs = [(path, text) for _, path, text in derived]
        compile_all(base, knobs, pairs, [text for _, text in constraints], report)


def _order(problem: tuple[Place, str]) -> tuple[int, int]:
    return problem[0].line or 0, problem[0].column or 0


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False  # a name that the file system cannot hold
