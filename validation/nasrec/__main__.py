"""`python -m validation.nasrec`: REPORT.md out of the records of the studies."""

from __future__ import annotations

import importlib
from pathlib import Path

from pimsim.report.atomic import write_atomic
from validation.nasrec import records

STUDIES = ("real", "synthetic", "ranking", "speed", "hardware")
"""Modules with `report(record) -> str`, Markdown of a section, in the order of the report."""

REPORT = Path(__file__).parent / "REPORT.md"


def report() -> str:
    """All sections whose record exists."""
    parts = ["# Studies of the NASRec search\n\nWritten by `python -m validation.nasrec` out of `records/`.\n"]
    for name in STUDIES:
        if (records.FOLDER / f"{name}.json").exists():
            module = importlib.import_module(f"validation.nasrec.{name}")
            parts.append(module.report(records.read(name)).strip() + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    write_atomic(REPORT, report().encode())
    print(f"wrote {REPORT.name}")
