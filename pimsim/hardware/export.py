"""Out again: a hardware description as YAML that loads to an equal one, and the JSON Schema for editors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml
from pydantic import BaseModel

from pimsim.hardware.schema import Hardware
from pimsim.hardware.yaml_scalar import plain_value


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Quotes text that the reader of this package takes for something else (`1e-9`, which YAML 1.1 has as text)."""


def _text(dumper: Any, text: str) -> yaml.ScalarNode:
    style = None if isinstance(plain_value(text), str) else "'"
    node: yaml.ScalarNode = dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)
    return node


_Dumper.add_representer(str, _text)


def resolved_yaml(hardware: Hardware) -> str:
    """Every value, defaults included, as YAML. Loading it gives a `Hardware` equal to this one.

    Keys whose value and default are both null (prices that are computed, not given) are left out.
    """
    values = _without_null_defaults(hardware, hardware.model_dump(mode="json", round_trip=True))
    return yaml_text(values)


def yaml_text(data: Mapping[str, Any]) -> str:
    """Plain data as YAML that the readers of this package read as the same."""
    text: str = yaml.dump(dict(data), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text


def _without_null_defaults(model: BaseModel, dumped: dict[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if value is None and field.default is None:
            continue
        kept[name] = _without_null_defaults(value, dumped[name]) if isinstance(value, BaseModel) else dumped[name]
    return kept


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of hardware files, for editors that complete and check while typing.

    A file that extends another may leave anything out, so nothing is required in sections, and the top-level keys are
    required only of files without `extends`; `pimsim configs check` tests the merged whole.
    """
    schema = Hardware.model_json_schema()
    required = schema.pop("required", [])
    for section in schema.get("$defs", {}).values():
        section.pop("required", None)
    extends = {
        "type": "string",
        "title": "Extends",
        "description": "a shipped configuration, or a file in this folder or below it, that this file changes;"
        " mappings merge, numbers, text and lists replace, null takes a key back to its default",
    }
    schema["properties"] = {"extends": extends, **schema["properties"]}
    schema.update({"if": {"not": {"required": ["extends"]}}, "then": {"required": required}})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "pimsim hardware file",
        "description": "A processing-in-memory accelerator: device and cell, crossbar, PE, tile, chip, network, memory",
        **{key: value for key, value in schema.items() if key not in ("title", "description")},
    }
