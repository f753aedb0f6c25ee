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

HEADER = ("case", "quantity", "unit", "published", "ours", "error", "tolerance", "kind", "passed", "why")


def parser() -> Parser:
    """The options of `pimsim validate`."""
    made = Parser(
        "pimsim validate",
        "Published results against ours: each figure with its error, its tolerance, and whether it is bookkeeping\n"
        "(the published figure went in), fitted, a prediction, or flagged (printed without a bar, with the reason).\n"
        "Bars are summaries that must hold, goals may be missed. Exit code 1 when a figure or bar is not held.\n"
        "All cases together also write validation/REPORT.md with its pictures, in a checkout.",
        "example: pimsim validate isaac",
    )
    made.add_argument("names", nargs="*", metavar="NAME", help="cases to run; all when left out")
    made.add_argument(
        "--format", type=choice("table", "json", "csv"), default="table", metavar="table|json|csv", help="form"
    )
    made.add_argument("--out", metavar="FILE", help="write it to FILE instead of printing it")
    made.add_argument(
        "--report", metavar="FILE", help="write the report (Markdown; pictures in figures/ beside) to FILE"
    )
    return made


def execute(options: argparse.Namespace) -> int:
    """Run the command; returns 0, or 1 when a figure is outside its tolerance."""
    from pimsim.cli.validation_report import report_file, write
    from pimsim.validation import run_all

    files = targets(out=options.out, report=options.report)
    target = files.get("out")
    reports = run_all(options.names)
    report = files.get("report") or (None if options.names else report_file())
    if report is not None:
        write(reports, report)
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
        made.append(Table(report.name, columns, [shown(row) for row in report.rows], caption=report.source))
        whys = reasons(report)
        if report.notes or whys:
            made.append(Lines(f"{report.name}: notes", [*report.notes, *whys]))
    made.append(Lines(verdict(reports), failures(reports), warning=bool(failures(reports))))
    return made


def reasons(report: Report) -> list[str]:
    """Why figures stand without a bar: one line a reason, naming the figures (the number of them if they are many)."""
    found: dict[str, list[str]] = {}
    for row in report.rows:
        if row.kind == "flagged":
            found.setdefault(row.why, []).append(row.quantity)
    return [
        f"no bar for {'; '.join(names) if len(names) < 8 else f'{len(names)} figures'}: {why}"
        for why, names in found.items()
    ]


def failures(reports: list[Report]) -> list[str]:
    """Case and quantity of everything outside its tolerance."""
    return [f"{report.name}: {row.quantity}" for report in reports for row in report.rows if not row.passed]


def verdict(reports: list[Report]) -> str:
    """One line: how many figures were compared and how many hold."""
    rows = [row for report in reports for row in report.rows]
    judged = [row for row in rows if row.published is not None and row.tolerance is not None]
    text = f"{sum(row.passed for row in judged)} of {len(judged)} published figures within their tolerance"
    bars, flagged = [row for row in rows if row.kind == "bar"], sum(row.kind == "flagged" for row in rows)
    if bars:
        text += f"; {sum(row.passed for row in bars)} of {len(bars)} bars hold"
    return f"{text}; {flagged} printed without a bar" if flagged else text


def _fields(row: Row) -> list[object]:
    return [row.quantity, row.unit, row.published, row.ours, row.error, row.tolerance, row.kind, row.passed, row.why]


def shown(row: Row) -> tuple[str, ...]:
    """A row as the table prints it: quantity, published, ours, unit, error, tolerance, kind, state."""
    from pimsim.report.units import significant

    ours = significant(row.ours, 5)
    if row.kind in ("bar", "goal"):
        state = "FAILED" if not row.passed else "met" if row.ours <= (row.tolerance or 0.0) else "missed"
        return row.quantity, "-", ours, row.unit, "-", significant(row.tolerance or 0.0, 5), row.kind, state
    if row.published is None:
        return row.quantity, "-", ours, row.unit, "-", "-", row.kind, ""
    error, tolerance = 100.0 * (row.error or 0.0), 100.0 * (row.tolerance or 0.0)
    allowed = "none" if row.tolerance is None else "exact" if tolerance < 1e-4 else f"{tolerance:.2f}%"
    shown = "0" if abs(error) < 5e-7 else f"{error:+.2f}%"
    state = "" if row.passed else "FAILED"
    return row.quantity, significant(row.published, 5), ours, row.unit, shown, allowed, row.kind, state
