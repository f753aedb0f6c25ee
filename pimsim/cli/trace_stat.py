"""`pimsim trace stat`: what a trace is like."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from pimsim.cli.output import deliver, say, show, targets
from pimsim.cli.parsing import Parser, choice, whole
from pimsim.errors import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pimsim.memory.traces.stat import TraceStatistics
    from pimsim.report.sections import Section

BAR = 40
MOST_TABLES = 30
COLOUR = "#4e79a7"


def parser() -> Parser:
    """The options of `pimsim trace stat`."""
    made = Parser(
        "pimsim trace stat",
        "What a trace is like: unique rows, exact reuse distances (and with them what an LRU cache of any size would\n"
        "serve), and the share of the hottest rows, with a picture.",
        "example: pimsim trace stat zipf.parquet --out zipf.png",
    )
    made.add_argument("trace", metavar="TRACE", help="trace of any form ('pimsim trace convert --help' lists them)")
    made.add_argument("--out", metavar="FILE.png", help="also write the picture (.png, .svg or .pdf)")
    made.add_argument("--format", type=choice("table", "json"), default="table", metavar="table|json", help="form")
    made.add_argument(
        "--line-bytes", type=whole(1, 2**20), default=64, metavar="N",
        help="of a trace of addresses: bytes that count as one row (64)",
    )  # fmt: skip
    made.add_argument("--progress", action=argparse.BooleanOptionalAction, help="show how far it is")
    return made


def execute(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code. Raises InputError for a trace that is not well formed."""
    from pimsim.explore.progress import bar
    from pimsim.memory.traces import open_trace
    from pimsim.memory.traces.stat import trace_statistics

    files = targets(out=options.out)
    if "out" in files:
        from pimsim.report.plot import picture_format

        picture_format(files["out"], "--out")
    trace = open_trace(options.trace)
    with bar(options.progress, "requests") as progress:
        found = trace_statistics(
            trace, options.line_bytes,
            lambda done, total: progress(done, total) if progress is not None and total is not None else None,
        )  # fmt: skip
    if options.format == "json":
        deliver(json.dumps(found.to_dict(), allow_nan=False, indent=1) + "\n", None)
    else:
        show(_sections(found, printable(options.trace, 100), trace.header.about))
    if "out" in files:
        from pimsim.report.plot import written

        written(lambda: draw(found, printable(options.trace, 100)), files["out"])
        say(f"wrote {printable(files['out'])}")
    return 0


def _sections(found: TraceStatistics, name: str, about: str) -> list[Section]:
    from pimsim.report.sections import Column, Facts, Lines, Table
    from pimsim.report.units import percent, scaled

    requests = found.requests
    of = f" of {found.all_rows:,}" if found.all_rows else ""
    pairs = [
        ("made as", printable(about, 200)),
        ("requests", f"{requests:,}" + (f", {found.writes:,} of them write" if found.writes else "")),
        ("bags", f"{found.bags:,}"),
        ("unique rows", f"{found.unique_rows:,}{of}, {scaled('bytes', found.unique_bytes)}"),
    ]
    if found.span_ns is not None:
        pairs.append(("arrivals", f"over {scaled('latency_ns', found.span_ns)}"))
    for quantile, distance in found.reuse_distance.items():
        shown = "no row is asked for twice" if distance is None else f"{distance:,} other rows"
        pairs.append((f"reuse distance p{float(quantile) * 100:g}", shown))
    for share, part in found.hot_rows.items():
        pairs.append((f"hottest {float(share) * 100:g}% of rows", f"{percent(part, 1)}% of requests"))
    sections: list[Section] = [Facts(f"Trace {name}", [pair for pair in pairs if pair[1]])]
    if len(found.by_table) > 1:
        rows: list[tuple[str, ...]] = [
            (printable(table, 60), f"{n:,}", percent(n, requests)) for table, n in found.by_table.items()
        ]
        caption = f"the first {MOST_TABLES} of {len(rows)}" if len(rows) > MOST_TABLES else ""
        columns = (Column("table", right=False), Column("requests"), Column("%"))
        sections.append(Table("By table", columns, rows[:MOST_TABLES], caption=caption))
    sections.append(Lines("Served by an LRU cache of so many rows", picture(found)))
    return sections


def picture(found: TraceStatistics) -> list[str]:
    """The hit curve as bars of characters, a line for each power of 4 rows."""
    lines = []
    size = 1
    while found.hit_curve and size < 4 * found.unique_rows:
        share = max((s for c, s in found.hit_curve if c <= size), default=0.0)
        lines.append(f"{min(size, found.unique_rows):>13,} {'#' * round(BAR * share):<{BAR}} {100 * share:5.1f}%")
        size *= 4
    return lines or ["nothing is asked for"]


def draw(found: TraceStatistics, name: str) -> Figure:
    """Two panels: requests that an LRU cache of so many rows serves; requests that go to the hottest share of rows."""
    from pimsim.report.plot import blank

    figure = blank(9.5, 4.0)
    left, right = figure.subplots(1, 2)
    _curve(left, found.hit_curve, "rows of an LRU cache", "requests it serves")
    _curve(right, found.popularity, "share of the rows asked for, hottest first", "share of requests")
    figure.suptitle(
        f"{name}: {found.requests:,} requests, {found.unique_rows:,} unique rows", parse_math=False, fontsize=11
    )
    return figure


def _curve(panel: Any, points: list[Any], across: str, up: str) -> None:
    panel.plot(
        [x for x, _ in points], [share for _, share in points], color=COLOUR, marker="." if len(points) < 3 else ""
    )
    if points:
        panel.set_xscale("log")
    panel.set_ylim(0, 1.02)
    panel.set_xlabel(across)
    panel.set_ylabel(up)
    panel.grid(color="#dddddd", linewidth=0.6)
    panel.spines[["top", "right"]].set_visible(False)
