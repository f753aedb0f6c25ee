"""`pimsim explain`: where each price of a hardware description comes from."""

from __future__ import annotations

import argparse
import json

from pimsim.cli.output import show
from pimsim.cli.parsing import Parser, add_allow_code, choice
from pimsim.errors import printable

KEYS = ("component", "quantity", "value", "unit", "origin", "source")


def parser() -> Parser:
    """The options of `pimsim explain`."""
    made = Parser(
        "pimsim explain",
        "Where each price of a hardware description comes from: given, computed or calibrated, and its source.",
        "example: pimsim explain reram_128 adc",
    )
    made.add_argument("hardware", metavar="NAME|FILE", help="shipped hardware, or a YAML file")
    made.add_argument("component", nargs="?", help="one component; all when left out")
    made.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override a hardware value (repeatable)"
    )
    add_allow_code(made)
    made.add_argument(
        "--format", type=choice("table", "json", "csv"), default="table", metavar="table|json|csv", help="form"
    )
    return made


def execute(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code. Raises InputError for a component that is not known."""
    from pimsim.components import explain
    from pimsim.hardware.load import load_hardware

    hardware = load_hardware(options.hardware, overrides=options.set, allow_code=options.allow_code)
    rows = explain(hardware, options.component)
    if options.format == "json":
        print(json.dumps(rows, allow_nan=False, indent=1))
        return 0
    if options.format == "csv":
        from pimsim.report.tabular import csv_text

        print(csv_text(KEYS, ([row[key] for key in KEYS] for row in rows)), end="")
        return 0
    from pimsim.report.sections import Column, Table
    from pimsim.report.units import significant

    lines = []
    for row in rows:
        value = row["value"]
        shown = significant(value) if isinstance(value, int | float) else str(value)
        rest = [printable(row[key], 400) for key in ("unit", "origin", "source")]
        lines.append((str(row["component"]).replace("_", " "), str(row["quantity"]), shown, *rest))
    columns = tuple(Column(key, right=key == "value") for key in KEYS)
    show([Table(f"Prices of {printable(hardware.name, 100)}", columns, list(lines))])
    return 0
