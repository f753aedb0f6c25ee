"""What a study has done: one JSON line a unit of work, so that a stopped study goes on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any


class Ledger:
    """The file at `path`. A last line that a kill cut short is dropped, and its unit is done again."""

    def __init__(self, path: Path):
        self.path = path
        self.done: dict[str, Any] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = b""
        for line in path.read_bytes().splitlines(keepends=True) if path.exists() else ():
            if not line.endswith(b"\n"):
                break
            entry = json.loads(line)
            self.done[entry["unit"]] = entry["result"]
            whole += line
        if path.exists() and path.stat().st_size != len(whole):
            path.write_bytes(whole)

    def once(self, unit: str, work: Callable[[], Any]) -> Any:
        """The result of a unit, a JSON value: from the file, or of `work()` now and then in the file."""
        if unit not in self.done:
            result = json.loads(json.dumps(work()))
            line = json.dumps({"unit": unit, "result": result}) + "\n"
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
            self.done[unit] = result
        return self.done[unit]
