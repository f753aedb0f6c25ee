"""One point of a sweep as files that `pimsim run` takes: its hardware, and its bits of layers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pimsim.errors import InputError, printable
from pimsim.explore.evaluation import layer_settings
from pimsim.explore.space import is_layer_path, layer_target, plain
from pimsim.explore.space_file import hardware_with
from pimsim.graph import load_model
from pimsim.graph.workload import Workload
from pimsim.hardware.export import resolved_yaml, yaml_text
from pimsim.hardware.schema import Hardware


@dataclass(frozen=True)
class PointFile:
    """hardware: YAML of the whole description. bits: YAML for `pimsim run --bits`, "" where the point sets none."""

    hardware: str
    bits: str = ""


def settings_of(row: Mapping[str, Any], about: Mapping[str, Any]) -> dict[str, Any]:
    """Path -> value that a row of results sets. A file keeps knobs of numbers and words as texts: the space, which
    stands in `about`, says what they were."""
    known = {str(path): values for path, values in (about.get("space") or {}).get("knobs", ())}
    found: dict[str, Any] = {}
    for path in about.get("knobs", ()):
        if path not in row:
            continue
        value = plain(row[path])
        if isinstance(value, str):
            value = next((given for given in known.get(path, ()) if str(given) == value), value)
        elif isinstance(value, float) and value.is_integer() and path not in known:
            value = int(value)  # a derived count, in a column of numbers that are not all whole
        found[path] = value
    return found


def hardware_of(settings: Mapping[str, Any], about: Mapping[str, Any]) -> Hardware:
    """The hardware of a point. Raises InputError where it breaks a rule, and where `about` holds no base."""
    try:
        base = Hardware.model_validate_json(json.dumps(about.get("base")), strict=True)
    except ValidationError:
        raise InputError("these results do not hold the hardware that they were swept over; sweep again") from None
    return hardware_with(base, {path: value for path, value in settings.items() if not is_layer_path(path)})


def point_file(
    row: Mapping[str, Any], about: Mapping[str, Any], models: Sequence[Workload] | None = None
) -> PointFile:
    """The files of one row of results. models: those that were swept, for the names of an operator's layers; read again
    from their files when None. Raises InputError for a point that is no hardware, or a model that is gone."""
    settings = settings_of(row, about)
    hardware = resolved_yaml(hardware_of(settings, about))
    space = printable((about.get("space") or {}).get("name", "?"), 80)
    lines = [f"# point {printable(row.get('point', '?'), 40)} of the design space {space}"]
    lines += [f"#   {printable(path, 120)}: {printable(value, 80)}" for path, value in settings.items()]
    return PointFile("\n".join(lines) + "\n" + hardware, _bits(settings, about, models))


def _bits(settings: Mapping[str, Any], about: Mapping[str, Any], models: Sequence[Workload] | None) -> str:
    asked = {path: value for path, value in settings.items() if is_layer_path(path)}
    if not asked:
        return ""
    if any(path.startswith("operators.") for path in asked):
        asked = layer_settings(asked, _models(about) if models is None else models)
    found: dict[str, dict[str, int]] = {}
    for path, value in asked.items():
        _, pattern, key = layer_target(path)
        found.setdefault(pattern, {})[key] = int(value)
    return yaml_text(found)


def _models(about: Mapping[str, Any]) -> list[Workload]:
    found = []
    for model in about.get("models", ()):
        source = str(model.get("source") or "")
        if not source or not Path(source).is_file():
            shown = printable(source or model.get("name", "?"), 120)
            raise InputError(
                f"the point sets bits by operator, and the model '{shown}' that says which layers those are is not "
                "there; give it: results.yaml(point, models=[...])"
            )
        found.append(load_model(source))
    return found
