"""Sections for a terminal, through rich. Text is put in as `Text`, never as markup: names come from files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from pimsim.report.sections import TERMINAL_ROWS, Facts, Lines, Section, Table, sections
from pimsim.report.text import fitted

if TYPE_CHECKING:
    from pimsim.report.result import Result


class _Fitting:
    """A table that leaves out columns where the terminal is narrow."""

    def __init__(self, table: Table):
        self.table = table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        yield from _table(fitted(self.table, options.max_width))


def group(result: Result) -> Group:
    """The whole report as one renderable."""
    return renderable(sections(result, TERMINAL_ROWS))


def renderable(parts: Sequence[Section]) -> Group:
    """`parts` as one renderable."""
    drawn: list[RenderableType] = []
    for part in parts:
        drawn.extend([_Fitting(part)] if isinstance(part, Table) else _block(part))
        drawn.append(Text(""))
    return Group(*drawn[:-1])


def _block(part: Facts | Lines) -> list[RenderableType]:
    if isinstance(part, Lines):
        style = "yellow" if part.warning else ""
        title = Text(part.title, style="bold yellow" if part.warning else "bold")
        return [title, *(Text(f"  {line}", style=style) for line in part.lines)]
    grid = RichTable.grid(padding=(0, 2))
    grid.add_column()
    grid.add_column(overflow="fold")
    for name, value in part.pairs:
        grid.add_row(Text(f"  {name}", style="cyan"), Text(value))
    return [Text(part.title, style="bold"), grid]


def _table(table: Table) -> list[RenderableType]:
    drawn = RichTable(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="cyan", show_footer=bool(table.last))
    last = len(table.columns) - 1
    for index, column in enumerate(table.columns):
        footer = Text(table.last[index], style="bold") if table.last else ""
        drawn.add_column(
            Text(column.title),
            footer=footer,
            justify="right" if column.right else "left",
            no_wrap=column.right or index < last,  # prose at the end of a line may wrap, figures may not
            overflow="fold",
        )
    for number, row in enumerate(table.rows):
        style = "dim" if number in table.dim else ""
        drawn.add_row(*(Text(cell, style="dim" if cell == "0" else "") for cell in row), style=style)
    title = Text(table.title, style="bold")
    if table.caption:
        title.append(f" ({table.caption})", style="not bold dim")
    return [title, drawn]
