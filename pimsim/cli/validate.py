"""`pimsim validate`: published results against ours."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from pimsim.cli.output import deliver, show, targets
from pimsim.cli.parsing import Parser, choice

if TYPE_CHECKING:
    from pimsim.report.sections import Section
    from pimsim.validation import Report, Row

HEADER = ("case", "quantity", "unit", "published", "ours", "error", "tolerance", "kind", "passed")


def parser() -> Parser:
    """The options of `pimsim validate`."""
    made = Parser(
        "pimsim validate",
        "Published results against ours: each figure with its error, its tolerance, and whether it is bookkeeping\n"
        "(the published figures went in) or a prediction (they did not). Exit code 1 when one misses its tolerance.",
        "example: pimsim validate isaac",
    )
    made.add_argument("names", nargs="*", metavar="NAME", help="cases to run; all when left out")
    made.add_argument(
        "--format", type=choice("table", "json", "csv"), default="table", metavar="table|json|csv", help="form"
    )
    made.add_argument("--out", metavar="FILE", help="write it to FILE instead of printing it")
    return made


def execute(options: argparse.Namespace) -> int:
    """Run the command; returns 0, or 1 when a figure is outside its tolerance."""
    from pimsim.validation import run_all

    target = targets(out=options.out).get("out")
    reports = run_all(options.names)
    if options.format == "json":
        deliver(json.dumps(to_dict(reports), allow_nan=False, indent=1) + "\n", target)
    elif options.format == "csv":
        from pimsim.report.tabular import csv_text

        deliver(csv_text(HEADER, [[report.name, *_fields(row)] for report in reports for row in report.rows]), target)
    elif target is not None:
        from pimsim.report.text import render

        deliver(render(sections(reports)), target)
    else:
        show(sections(reports))
    return 0 if all(report.passed for report in reports) else 1


def to_dict(reports: list[Report]) -> dict[str, object]:
    """The reports as plain data: `passed`, and `reports` with name, source, passed, notes and rows."""
    keys = HEADER[1:]
    return {
        "passed": all(report.passed for report in reports),
        "reports": [
            {
                "name": report.name,
                "source": report.source,
                "passed": report.passed,
                "notes": list(report.notes),
                "rows": [dict(zip(keys, _fields(row), strict=True)) for row in report.rows],
            }
            for report in reports
        ],
    }


def sections(reports: list[Report]) -> list[Section]:
    """One table a case with its notes, and a last line that says what failed."""
    from pimsim.report.sections import Column, Lines, Table

    columns = (
        Column("quantity", right=False), Column("published"), Column("ours"), Column("unit", right=False, rank=2),
        Column("error"), Column("tolerance", rank=1), Column("kind", right=False), Column("", right=False),
    )  # fmt: skip
    made: list[Section] = []
    for report in reports:
        made.append(Table(report.name, columns, [_shown(row) for row in report.rows], caption=report.source))
        if report.notes:
            made.append(Lines(f"{report.name}: notes", list(report.notes)))
    compared = [row for report in reports for row in report.rows if row.published is not None]
    failed = [f"{report.name}: {row.quantity}" for report in reports for row in report.rows if not row.passed]
    verdict = f"{len(compared) - len(failed)} of {len(compared)} published figures within their tolerance"
    made.append(Lines(verdict, failed, warning=bool(failed)))
    return made


def _fields(row: Row) -> list[object]:
    return [row.quantity, row.unit, row.published, row.ours, row.error, row.tolerance, row.kind, row.passed]


def _shown(row: Row) -> tuple[str, ...]:
    from pimsim.report.units import significant

    if row.published is None:
        return row.quantity, "-", significant(row.ours, 5), row.unit, "-", "-", row.kind, ""
    error, tolerance = 100.0 * (row.error or 0.0), 100.0 * (row.tolerance or 0.0)
    return (
        row.quantity,
        significant(row.published, 5),
        significant(row.ours, 5),
        row.unit,
        "0" if abs(error) < 5e-7 else f"{error:+.2f}%",
        "exact" if tolerance < 1e-4 else f"{tolerance:.2f}%",
        row.kind,
        "" if row.passed else "FAILED",
    )
