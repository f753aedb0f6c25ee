"""Sections as plain aligned text: no colour, no box drawing, no wrapping. What a pipe or a file gets."""

from __future__ import annotations

from collections.abc import Sequence

from pimsim.report.sections import Column, Facts, Lines, Section, Table
from pimsim.report.units import cells


def render(sections: Sequence[Section]) -> str:
    """The sections one under another, ending in a line break."""
    return "\n".join("\n".join(_lines(section)) + "\n" for section in sections)


def _lines(section: Section) -> list[str]:
    if isinstance(section, Table):
        return table_lines(section)
    if isinstance(section, Facts):
        width = max((cells(name) for name, _ in section.pairs), default=0)
        return [section.title, *(f"  {_pad(name, width, False)}  {value}" for name, value in section.pairs)]
    assert isinstance(section, Lines)
    return [section.title, *(f"  {line}" for line in section.lines)]


def table_lines(table: Table) -> list[str]:
    """The title, the heading, a rule, the rows and the sum of one table."""
    rows = [tuple(column.title for column in table.columns), *table.rows]
    if table.last is not None:
        rows.append(table.last)
    widths = [max(cells(row[i]) for row in rows) for i in range(len(table.columns))]
    drawn = [_line(row, widths, table.columns) for row in rows]
    rule = "  " + "-" * (sum(widths) + 2 * (len(widths) - 1))
    head = [f"{table.title} ({table.caption})" if table.caption else table.title, drawn[0], rule]
    if table.last is not None:
        return [*head, *drawn[1:-1], rule, drawn[-1]]
    return [*head, *drawn[1:]]


def _line(row: Sequence[str], widths: Sequence[int], columns: Sequence[Column]) -> str:
    drawn = (_pad(text, width, column.right) for text, width, column in zip(row, widths, columns, strict=True))
    return "  " + "  ".join(drawn).rstrip()


def _pad(text: str, width: int, right: bool) -> str:
    space = " " * (width - cells(text))
    return space + text if right else text + space


def fitted(table: Table, width: int) -> Table:
    """`table` without as many of its least important columns as it takes to fit `width` characters."""
    keep = list(range(len(table.columns)))
    rows = [tuple(column.title for column in table.columns), *table.rows, *([table.last] if table.last else [])]
    sizes = [max(cells(row[i]) for row in rows) + 2 for i in keep]
    while sum(sizes[i] for i in keep) > width:
        worst = max(keep, key=lambda i: (table.columns[i].rank, i))
        if table.columns[worst].rank == 0:
            break
        keep.remove(worst)
    return Table(
        table.title,
        tuple(table.columns[i] for i in keep),
        [tuple(row[i] for i in keep) for row in table.rows],
        tuple(table.last[i] for i in keep) if table.last else None,
        table.dim,
        table.caption,
    )
