"""`pimsim compare`: two results side by side."""

from __future__ import annotations

import argparse
import json

from pimsim.cli.output import deliver, show, targets
from pimsim.cli.parsing import Parser, choice
from pimsim.errors import InputError


def parser() -> Parser:
    """The options of `pimsim compare`."""
    made = Parser(
        "pimsim compare",
        "Two results side by side: totals, components, and the layers that changed most.",
        "example: pimsim run ... --format json --out a.json; pimsim compare a.json b.json",
    )
    made.add_argument("a", metavar="A.json", help="result written by 'pimsim run --format json'")
    made.add_argument("b", metavar="B.json", help="result to set beside it")
    made.add_argument(
        "--format", type=choice("table", "json", "csv"), default="table", metavar="table|json|csv", help="form"
    )
    made.add_argument("--out", metavar="FILE", help="write it to FILE instead of printing it")
    return made


def execute(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code. Faults of both files are reported together."""
    from pimsim.report.compare import compare, comparison_sections
    from pimsim.report.stored import read_result

    target = targets(out=options.out).get("out")
    problems: list[str] = []
    results = []
    for path in (options.a, options.b):
        try:
            results.append(read_result(path))
        except InputError as error:
            problems.extend(error.problems)
    if problems:
        raise InputError(problems[0], more=tuple(problems[1:]))
    first, second = results
    found = compare(first, second)
    if options.format == "json":
        deliver(json.dumps(found.to_dict(), allow_nan=False, indent=1) + "\n", target)
    elif options.format == "csv":
        from pimsim.report.tabular import csv_text

        deliver(csv_text(("group", "name", "quantity", "a", "b", "ratio"), found.rows()), target)
    elif target is not None:
        from pimsim.report.text import render

        deliver(render(comparison_sections(found)), target)
    else:
        show(comparison_sections(found))
    return 0
