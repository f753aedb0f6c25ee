"""What a model allows at a dotted path, read off its JSON Schema: keys, types, ranges, choices, in words."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from pimsim.hardware.suggest import number_text

Path = tuple[str | int, ...]
Schema = dict[str, Any]

_TYPES = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping (indented keys)",
}
_MAX_PLACES = 2000


class Allowed:
    """Answers for one model class. Made only when there is something to complain about."""

    def __init__(self, model: type[BaseModel]):
        self.root = _json_schema(model)

    def at(self, path: Path) -> list[Schema]:
        """The alternatives that a value at `path` may take (without null); empty for an unknown path."""
        found = list(self._flat(self.root))
        for step in path:
            below = [schema for current in found for schema in self._step(current, step)]
            found = [flat for schema in below for flat in self._flat(schema)]
        return found

    def keys(self, path: Path) -> list[str]:
        """The keys of the mapping at `path`, in the order of the model."""
        return list(dict.fromkeys(key for schema in self.at(path) for key in schema.get("properties", {})))

    def what(self, path: Path) -> str:
        """`a whole number`, `one of sar, flash`, `auto or a whole number`."""
        return _join(dict.fromkeys(_what(schema) for schema in self.at(path)))

    def range(self, path: Path) -> str:
        """`1 to 16`, `above 0 and at most 5`, `3 to 2000 characters`; empty when there is no bound."""
        return _join(dict.fromkeys(text for schema in self.at(path) if (text := _range(schema))))

    def choices(self, path: Path) -> list[str]:
        """The words that a value at `path` may be."""
        return [str(choice) for schema in self.at(path) for choice in _choices(schema)]

    def types(self, path: Path) -> set[str]:
        """The JSON types allowed at `path`."""
        return {str(schema.get("type", "")) for schema in self.at(path)}

    def description(self, path: Path) -> str:
        """The field's description on one line; empty when it has none."""
        for parent in self.at(path[:-1]):
            field = parent.get("properties", {}).get(path[-1] if path else None)
            if field and field.get("description"):
                return " ".join(str(field["description"]).split())
        return ""

    def elsewhere(self, key: str) -> list[str]:
        """Dotted paths of the model that end in `key`."""
        return [".".join(path) for path in self._paths() if path[-1] == key]

    def _paths(self) -> Iterator[tuple[str, ...]]:
        waiting: list[tuple[tuple[str, ...], Schema]] = [((), self.root)]
        for _ in range(_MAX_PLACES):
            if not waiting:
                return
            path, schema = waiting.pop(0)
            for flat in self._flat(schema):
                for key, below in flat.get("properties", {}).items():
                    yield (*path, key)
                    if len(path) < 8:
                        waiting.append(((*path, key), below))

    def _step(self, schema: Schema, step: str | int) -> Iterator[Schema]:
        if isinstance(step, int):
            prefix = schema.get("prefixItems", [])
            items = prefix[step] if step < len(prefix) else schema.get("items")
            if isinstance(items, dict):
                yield items
        elif step in schema.get("properties", {}):
            yield schema["properties"][step]
        elif isinstance(schema.get("additionalProperties"), dict):
            yield schema["additionalProperties"]

    def _flat(self, schema: Schema, depth: int = 0) -> Iterator[Schema]:
        """The alternatives of a schema with references followed, null left out."""
        if depth > 20:
            return
        if "$ref" in schema:
            name = str(schema["$ref"]).rpartition("/")[2]
            yield from self._flat(self.root.get("$defs", {}).get(name, {}), depth + 1)
        elif parts := [p for word in ("anyOf", "oneOf", "allOf") for p in schema.get(word, [])]:
            for part in parts:
                yield from self._flat(part, depth + 1)
        elif schema.get("type") != "null":
            yield schema


@functools.lru_cache(maxsize=8)
def _json_schema(model: type[BaseModel]) -> Schema:
    """Read only. Takes tens of milliseconds to make, and a search that tries overrides may fail thousands of times."""
    return model.model_json_schema()


def _choices(schema: Schema) -> list[object]:
    return list(schema.get("enum", [schema["const"]] if "const" in schema else []))


def _what(schema: Schema) -> str:
    choices = _choices(schema)
    if choices:
        words = ", ".join(str(c) for c in choices)
        return f"one of {words}" if len(choices) > 1 else f"'{words}'"
    return _TYPES.get(str(schema.get("type")), "a valid value")


def _range(schema: Schema) -> str:
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f"{number_text(low)} to {number_text(high)}"
    bounds = [
        f"{word} {number_text(bound)}"
        for word, bound in (("at least", low), ("above", above), ("at most", high), ("below", below))
        if bound is not None
    ]
    if bounds:
        return " and ".join(bounds)
    for prefix, unit in (("Length", "characters"), ("Items", "items")):
        least, most = schema.get(f"min{prefix}"), schema.get(f"max{prefix}")
        if least is not None and least == most:
            return f"exactly {least} {unit}"
        if most is not None:
            return f"{least or 0} to {most} {unit}"
        if least is not None:
            return f"at least {least} {unit}"
    return f"text that matches {schema['pattern']}" if "pattern" in schema else ""


def _join(words: dict[str, None]) -> str:
    return " or ".join(words)
