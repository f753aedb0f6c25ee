"""What a network costs as an exported ONNX file: `nas export`, then `pimsim run`, the commands themselves."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

from nas.cli.main import main as nas
from nas.spaces.architecture import Architecture
from pimsim.cli.main import main as pimsim

TOLERANCES = {"energy_uJ": 0.001, "area_mm2": 0.001, "latency_us": 0.02}
"""Largest relative difference that the study allows."""

_SCALES = {"energy_uJ": ("energy_pJ", 1e-6), "area_mm2": ("area_um2", 1e-6), "latency_us": ("latency_ns", 1e-3)}


def measured(architecture: Architecture, schema: dict[str, Any], dim: int, hw: str, folder: Path) -> dict[str, float]:
    """Energy, area and latency that `pimsim run` prints for the file of `nas export`. The files in `folder` are written
    over. Raises RuntimeError where a command fails."""
    folder.mkdir(parents=True, exist_ok=True)
    arch, fields, model, answer = (folder / name for name in ("arch.json", "schema.json", "arch.onnx", "answer.json"))
    architecture.save(arch)
    fields.write_text(json.dumps(schema))
    _run(nas, "export", "--arch", arch, "--schema", fields, "--embedding-dim", dim, "--out", model)
    _run(pimsim, "run", "--model", model, "--hw", hw, "--batch", 1, "--format", "json", "--out", answer)
    totals = json.loads(answer.read_text())["totals"]
    return {name: totals[key] * scale for name, (key, scale) in _SCALES.items()}


def difference(penalty: dict[str, Any], run: dict[str, float]) -> dict[str, float]:
    """Relative difference of each figure that TOLERANCES names."""
    return {name: abs(penalty[name] / run[name] - 1.0) for name in TOLERANCES}


def _run(command: Any, *arguments: object) -> None:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = command([str(one) for one in arguments])
    if code:
        raise RuntimeError(f"exit code {code} of {arguments}: {said.getvalue()}")
