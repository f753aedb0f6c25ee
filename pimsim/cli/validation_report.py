"""REPORT.md of `pimsim validate`: all tables as Markdown, with the pictures of the cases as PNG files beside it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pimsim.cli.output import say
from pimsim.cli.validate import failures, reasons, shown, verdict
from pimsim.data_files import data_folder
from pimsim.errors import InputError, printable
from pimsim.report.atomic import write_atomic
from pimsim.report.pictures import Picture, png
from pimsim.validation import Report, Row

HEAD = """# Validation

Written by `pimsim validate`. Each row sets a published figure against ours:

- **bookkeeping**: the published figure went into the hardware file and comes out again.
- **fitted**: a number of the file was set so that this figure comes out, on the operating point that the case names.
- **prediction**: nothing of it was entered.
- **flagged**: printed without a bar, for the reason below the table.
- **bar**: a summary that must hold, else the command fails. **goal**: one that may be missed.
"""

COLUMNS = ("quantity", "published", "ours", "unit", "error", "tolerance", "kind", "")
ALIGNED = "| :--- | ---: | ---: | :--- | ---: | ---: | :--- | :--- |"


def report_file() -> Path | None:
    """`validation/REPORT.md` of a checkout; None in an installed package. A checkout that cannot be written is left as
    it is, with a line that says so."""
    folder = data_folder("validation")
    if not (folder.parent / "pyproject.toml").is_file():
        return None
    target = folder / "REPORT.md"
    try:
        check(target)
    except InputError as refused:
        say(f"pimsim: REPORT.md is not written: {refused}")
        return None
    return target


def check(target: Path) -> None:
    """Raise InputError when `target`, or figures/ beside it, cannot be written."""
    from pimsim.report.atomic import check_target

    check_target(target, "--report")
    figures = target.parent / "figures"
    if figures.exists():
        check_target(figures / "picture.png", "--report")


def write(reports: list[Report], target: Path) -> None:
    """Write the report to `target` and its pictures to `figures/` beside it, each file whole or not at all."""
    pictures = [picture for report in reports for picture in report.pictures]
    if pictures:
        figures = target.parent / "figures"
        try:
            figures.mkdir(exist_ok=True)
        except OSError as fault:
            raise InputError(f"--report: cannot make {printable(figures)}: {fault.strerror}") from fault
        for picture in pictures:
            write_atomic(figures / f"{picture.name}.png", png(picture))
    write_atomic(target, markdown(reports))


def markdown(reports: list[Report]) -> str:
    """The whole report: verdict, a summary line a case, and each case with table, notes and pictures."""
    parts = [HEAD, f"{verdict(reports)}.\n"]
    parts += [f"- FAILED: {failure}\n" for failure in failures(reports)]
    parts.append(_summary(reports))
    for report in reports:
        parts.append(f"## {report.name}\n\n{report.source}\n")
        if report.text:
            parts.append(report.text.rstrip() + "\n")
        parts += [_picture(picture) for picture in report.pictures]
        parts.append(_table([COLUMNS, *(shown(row) for row in report.rows)], ALIGNED))
        whys = reasons(report)
        parts += (
            ["\n".join(f"- {_cell(note)}" for note in (*report.notes, *whys)) + "\n"] if report.notes or whys else []
        )
    return "\n".join(parts)


def _summary(reports: list[Report]) -> str:
    """One line a case: how many figures of each kind, mean and largest error of the predictions."""
    lines = [("case", "bookkeeping", "fitted", "predictions", "without a bar", "mean error", "largest", "")]
    for report in reports:
        errors = [100 * abs(row.error) for row in report.rows if row.kind == "prediction" and row.error is not None]
        lines.append(
            (
                f"[{report.name}](#{report.name})",
                str(_count(report.rows, "bookkeeping")), str(_count(report.rows, "fitted")),
                str(len(errors)), str(_count(report.rows, "flagged")),
                f"{sum(errors) / len(errors):.1f}%" if errors else "-", f"{max(errors):.1f}%" if errors else "-",
                "" if report.passed else "FAILED",
            )
        )  # fmt: skip
    return _table(lines, "| :--- | ---: | ---: | ---: | ---: | ---: | ---: | :--- |")


def _count(rows: tuple[Row, ...], kind: str) -> int:
    return sum(row.kind == kind and row.published is not None for row in rows)


def _table(lines: Sequence[tuple[str, ...]], alignment: str) -> str:
    made = ["| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines]
    return "\n".join([made[0], alignment, *made[1:]]) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _picture(picture: Picture) -> str:
    return f"![{picture.title}](figures/{picture.name}.png)\n"
