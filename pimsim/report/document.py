"""The JSON form of a result: written here, and read back (strictly) for `pimsim compare`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from pimsim.report import figures

if TYPE_CHECKING:
    from pimsim.report.result import Result


def to_dict(result: Result) -> dict[str, Any]:
    """Plain data: schema_version, model, hardware, totals, modes, programming, layers, components, notes, warnings."""
    from pimsim.report.result import SCHEMA_VERSION

    workload = result.workload
    rows = [
        {**row, "components": parts}
        for row, parts in zip(result.layers, figures.layer_components(result.evaluation), strict=True)
    ]
    lookups = {} if result.lookups is None else {"lookups": result.lookups}
    return {
        "schema_version": SCHEMA_VERSION,
        "model": {
            "name": workload.name,
            "source": workload.source,
            "opset": workload.opset,
            "macs": result.totals["macs"],
            "ops": result.totals["ops"],
            "weights": workload.weights,
            "input_elements": workload.input_elements,
            "output_elements": workload.output_elements,
            "precision": result.precision,
            "notes": list(workload.notes),
        },
        "hardware": dict(result.hardware_info),
        "mode": "pipeline" if result.evaluation.pipelined else "layer_by_layer",
        "totals": {**result.totals, **result.intervals},
        "modes": {name: dict(mode) for name, mode in result.modes.items()},
        "programming": dict(result.programming),
        "layers": rows,
        "components": {name: dict(row) for name, row in result.components.items()},
        **lookups,
        "notes": list(result.notes),
        "warnings": list(result.warnings),
    }


def to_json(result: Result) -> str:
    """`to_dict` as strict JSON, ASCII only: one line a layer and a component, a line break at the end.

    Put together from lines because `json` with an indent runs in Python, ten times slower than its C encoder.
    """
    encode = json.JSONEncoder(allow_nan=False).encode
    members = []
    for key, value in to_dict(result).items():
        if isinstance(value, list) and value:
            text = "[\n  " + ",\n  ".join(map(encode, value)) + "\n ]"
        elif isinstance(value, dict) and value:
            inner = (f"{encode(name)}: {encode(entry)}" for name, entry in value.items())
            text = "{\n  " + ",\n  ".join(inner) + "\n }"
        else:
            text = encode(value)
        members.append(f" {encode(key)}: {text}")
    return "{\n" + ",\n".join(members) + "\n}\n"
