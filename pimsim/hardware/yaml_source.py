"""YAML text -> a tree that knows the line and column of every key and value.

The tree is built from the parser's events, not by `yaml.load`: nothing is constructed from tags, and depth, number
of values and what aliases expand to are bounded while reading.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pimsim.errors import InputError, Place, printable
from pimsim.hardware.yaml_scalar import Plain, plain_value

MAX_BYTES = 1 << 20
MAX_DEPTH = 50
MAX_NODES = 20_000  # after aliases are expanded
MAX_ALIASES = 100

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STANDARD = "tag:yaml.org,2002:"
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value; `text` is what was written, `quoted` whether in quotes (or as a block)."""

    value: Plain
    text: str
    quoted: bool
    place: Place
    size: int = 1
    height: int = 1
    reset: bool = False  # a null by which an extending file takes a key back to its default


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of nodes."""

    items: tuple[Node, ...]
    place: Place
    size: int
    height: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a mapping with its value, each with its place."""

    key_place: Place
    node: Node


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys in the order of the file."""

    entries: dict[str, Entry]
    place: Place
    size: int
    height: int


Node = Scalar | Listing | Mapping


def plain(node: Node) -> object:
    """The node as dict, list and scalar values (its depth is bounded by MAX_DEPTH)."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Listing):
        return [plain(item) for item in node.items]
    return {key: plain(entry.node) for key, entry in node.entries.items()}


def read_text(path: Path, shown: str, place: Place | None = None) -> str:
    """The file's text. `place` is where the file was asked for (an `extends` line), if not on the command line.

    Raises InputError for a file that cannot be read, is not a regular file, is over MAX_BYTES or not UTF-8.
    """
    name = printable(shown)
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise InputError(f"'{name}' is a folder; give a YAML file", place)
        if not stat.S_ISREG(mode):
            raise InputError(f"'{name}' is not a regular file", place)
        with open(path, "rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as fault:
        reason = (fault.strerror or str(fault)) if isinstance(fault, OSError) else str(fault)
        raise InputError(f"cannot read '{name}': {printable(reason)}", place) from None
    if len(raw) > MAX_BYTES:
        raise InputError(f"larger than {MAX_BYTES} bytes, which no hardware file needs", Place(shown))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        before = raw[: fault.start].decode("utf-8-sig", "replace")
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        byte = raw[fault.start]
        message = f"not UTF-8 text (byte 0x{byte:02x}); save the file as UTF-8"
        raise InputError(message, Place(shown, line, column)) from None


def parse_mapping(text: str, shown: str) -> Mapping:
    """The tree of a hardware file. Raises InputError with file, line and column for anything but one mapping."""
    node = _Reader(text, shown, None).document()
    if node is None:
        raise InputError("the file is empty; expected a mapping of keys to values", Place(shown, 1, 1))
    if not isinstance(node, Mapping):
        raise InputError(f"expected a mapping of keys to values; got {describe(node)}", node.place)
    return node


def parse_value(text: str, place: Place) -> Node | None:
    """The tree of a value given on the command line, every part of it at `place`; None for no value at all."""
    return _Reader(text, place.file or "", place).document()


def describe(node: Node) -> str:
    """A value in words for "got ...": `0`, `text 'x'`, `nothing (null)`, `a list`, `a mapping`."""
    if isinstance(node, Mapping):
        return "a mapping"
    if isinstance(node, Listing):
        return "a list"
    if node.value is None:
        return "nothing (null)"
    if isinstance(node.value, str):
        return f"text '{printable(node.value, 80)}'"
    return printable(node.text, 80)


class _Reader:
    """Builds one document's tree from parser events, in one pass, without recursion over more than MAX_DEPTH."""

    def __init__(self, text: str, shown: str, fixed: Place | None):
        self.text, self.shown, self.fixed = text, shown, fixed
        self.anchors: dict[str, Node | None] = {}
        self.nodes = 0
        self.aliases = 0

    def place(self, mark: Any) -> Place:
        return self.fixed or Place(self.shown, mark.line + 1, mark.column + 1)

    def document(self) -> Node | None:
        if bad := _UNPRINTABLE.search(self.text):
            before = self.text[: bad.start()]
            line, column = before.count("\n") + 1, bad.start() - (before.rfind("\n") + 1) + 1
            place = self.fixed or Place(self.shown, line, column)
            raise InputError(f"character U+{ord(bad.group()):04X} is not allowed in YAML", place)
        try:
            return self._single(self._events())
        except yaml.MarkedYAMLError as fault:
            mark = fault.problem_mark or fault.context_mark
            what = fault.problem or fault.context or "cannot be read"
            place = self.place(mark) if mark else Place(self.shown)
            raise InputError(f"not valid YAML: {printable(what)}{_syntax_hint(what)}", place) from None
        except yaml.YAMLError as fault:
            raise InputError(f"not valid YAML: {printable(fault)}", self.fixed or Place(self.shown)) from None

    def _events(self) -> Iterator[Any]:
        try:
            yield from yaml.parse(self.text, Loader=_LOADER)
        except (ValueError, OverflowError) as fault:  # the parser in Python lets \UFFFFFFFF through to chr()
            raise yaml.YAMLError(f"an escape or a number is out of range ({fault})") from None

    def _single(self, events: Iterator[Any]) -> Node | None:
        root: Node | None = None
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise InputError("a second document starts here; one file holds one", self.place(event.start_mark))
            elif isinstance(event, yaml.NodeEvent):
                root = self._node(event, events, 1)
        if isinstance(root, Scalar) and root.value is None and not root.text:
            return None
        return root

    def _node(self, event: Any, events: Iterator[Any], depth: int) -> Node:
        place = self.place(event.start_mark)
        if depth > MAX_DEPTH:
            raise InputError(f"nested deeper than {MAX_DEPTH} levels", place)
        if isinstance(event, yaml.AliasEvent):
            return self._alias(str(event.anchor), place, depth)
        self._count(1, place)
        if event.anchor is not None:
            if event.anchor in self.anchors:
                raise InputError(f"anchor '&{printable(event.anchor)}' is defined twice", place)
            self.anchors[event.anchor] = None
        node: Node
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event, place)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._check_tag(event.tag, "seq", place)
            node = self._listing(events, place, depth)
        else:
            self._check_tag(event.tag, "map", place)
            node = self._mapping(events, place, depth, bool(event.flow_style))
        if event.anchor is not None:
            self.anchors[event.anchor] = node
        return node

    def _count(self, size: int, place: Place) -> None:
        self.nodes += size
        if self.nodes > MAX_NODES:
            raise InputError(f"more than {MAX_NODES} values (aliases expanded), which no hardware file needs", place)

    def _alias(self, name: str, place: Place, depth: int) -> Node:
        if name not in self.anchors:
            raise InputError(f"alias '*{printable(name)}' has no anchor '&{printable(name)}' before it", place)
        node = self.anchors[name]
        if node is None:
            raise InputError(f"alias '*{printable(name)}' stands inside its own anchor", place)
        self.aliases += 1
        if self.aliases > MAX_ALIASES:
            raise InputError(f"more than {MAX_ALIASES} aliases", place)
        self._count(node.size, place)
        if depth + node.height - 1 > MAX_DEPTH:
            raise InputError(f"nested deeper than {MAX_DEPTH} levels", place)
        return node

    def _scalar(self, event: Any, place: Place) -> Scalar:
        text: str = event.value
        if any("\ud800" <= c <= "\udfff" for c in text):
            raise InputError("half of a surrogate pair is not text", place)
        quoted = event.style in ("'", '"', "|", ">")
        if event.tag is None:
            return Scalar(text if quoted else plain_value(text), text, quoted, place)
        kind = self._check_tag(event.tag, "str int float bool null", place)
        if kind == "str":
            return Scalar(text, text, True, place)
        value = plain_value(text)
        wanted = {"int": (int,), "float": (int, float), "bool": (bool,), "null": (type(None),)}[kind]
        if not isinstance(value, wanted) or (isinstance(value, bool) and kind != "bool"):
            raise InputError(f"text '{printable(text, 80)}' does not fit its tag !!{kind}", place)
        return Scalar(value, text, False, place)

    def _check_tag(self, tag: str | None, allowed: str, place: Place) -> str:
        if tag is None or tag == "!":
            return "str"
        kind = tag.removeprefix(_STANDARD)
        if kind == tag or kind not in allowed.split():
            shown = f"!!{kind}" if kind != tag else tag
            raise InputError(f"the tag '{printable(shown, 80)}' is not allowed; write the plain value", place)
        return kind

    def _listing(self, events: Iterator[Any], place: Place, depth: int) -> Listing:
        items: list[Node] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self._node(event, events, depth + 1))
        height = 1 + max((n.height for n in items), default=0)
        return Listing(tuple(items), place, 1 + sum(n.size for n in items), height)

    def _mapping(self, events: Iterator[Any], place: Place, depth: int, in_braces: bool) -> Mapping:
        entries: dict[str, Entry] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key, key_place = self._key(event, entries, in_braces)
            entries[key] = Entry(key_place, self._node(next(events), events, depth + 1))
        nodes = [entry.node for entry in entries.values()]
        size = 1 + len(nodes) + sum(n.size for n in nodes)
        return Mapping(entries, place, size, 1 + max((n.height for n in nodes), default=0))

    def _key(self, event: Any, entries: dict[str, Entry], in_braces: bool) -> tuple[str, Place]:
        place = self.place(event.start_mark)
        if not isinstance(event, yaml.ScalarEvent) or event.anchor is not None:
            raise InputError("a key must be plain text, not a list, a mapping, an anchor or an alias", place)
        self._count(1, place)
        scalar = self._scalar(event, place)
        if not isinstance(scalar.value, str):
            got = "nothing" if scalar.value is None else printable(scalar.text, 80)
            hint = " (between braces a comma starts the next key)" if in_braces else ""
            raise InputError(f"a key must be text; got {got}{hint}", place)
        if scalar.value == "<<" and not scalar.quoted:
            raise InputError("merge keys (<<) are not read; use 'extends: FILE', or repeat the values", place)
        if scalar.value in entries:
            first = entries[scalar.value].key_place
            where = f"; the first is on line {first.line}" if first.line is not None else ""
            raise InputError(f"the key '{printable(scalar.value, 80)}' stands here a second time{where}", place)
        return scalar.value, place


def _syntax_hint(problem: str) -> str:
    if "cannot start any token" in problem and "\\t" in repr(problem):
        return " (indent with spaces, not tabs)"
    if problem.startswith("mapping values are not allowed"):
        return " (text with ': ' in it needs quotes; or the indentation is off)"
    return ""
