"""Records of studies: one small JSON file each, written whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pimsim.report.atomic import write_atomic

FOLDER = Path(__file__).parent / "records"


def write(name: str, record: dict[str, Any], folder: Path = FOLDER) -> Path:
    """Write `record` as NAME.json and return where."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    write_atomic(path, (json.dumps(record, indent=1, sort_keys=True) + "\n").encode())
    return path


def read(name: str, folder: Path = FOLDER) -> dict[str, Any]:
    """The record NAME.json."""
    found: dict[str, Any] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return found
