"""The options that say where the tables stand (`trace run` and `serve` share them)."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from pimsim.cli.parsing import Parser, choice, whole
from pimsim.errors import InputError, printable

if TYPE_CHECKING:
    from pimsim.memory.device import Device
    from pimsim.memory.placement.policies import Placement, Units
    from pimsim.memory.traces import TableShape, Trace

PLACEMENTS = ("round-robin", "size-balanced", "frequency-aware")
MOST_HOT = 4096


def add_placement_options(parser: Parser) -> None:
    """Add --placement, --units, --hot-rows, --copied-rows, --cached-rows and --profile."""
    where = parser.add_argument_group("placement of the tables")
    where.add_argument(
        "--placement", type=choice(*PLACEMENTS), metavar="|".join(PLACEMENTS),
        help="left out: one table after another, interleaved as the mapping says",
    )  # fmt: skip
    where.add_argument(
        "--units", type=choice("channel", "rank", "bank", "crossbar"), metavar="channel|rank|bank|crossbar",
        help="placed on (bank; crossbar where tables stand in crossbars)",
    )  # fmt: skip
    where.add_argument("--hot-rows", type=whole(0, MOST_HOT), metavar="N", help="rows placed one by one (2048)")
    where.add_argument("--copied-rows", type=whole(0, MOST_HOT), metavar="N", help="of them, with a copy on each unit")
    where.add_argument(
        "--cached-rows", type=whole(0, MOST_HOT), metavar="N", help="hottest, in a cache before the memory"
    )
    where.add_argument("--profile", metavar="TRACE", help="what hot rows are taken from (the trace itself)")


def check_placement(options: argparse.Namespace, command: str) -> None:
    """Raises InputError for options of a placement that is not asked for."""
    for name in ("hot_rows", "copied_rows", "cached_rows", "profile"):
        if getattr(options, name) is not None and options.placement != "frequency-aware":
            raise InputError(f"{command}: --{name.replace('_', '-')} is of --placement frequency-aware")
    if options.units is not None and options.placement is None:
        raise InputError(f"{command}: --units says what a --placement places on; give one")


def placements_of(options: argparse.Namespace, trace: Trace, device: Device) -> list[Placement]:
    """Round-robin, and the placement that is asked for, last; none where none is. Raises InputError for tables that do
    not fit, and for a profile of others."""
    from pimsim.memory.placement.run import units_of
    from pimsim.memory.traces.form import need_rows

    if options.placement is None:
        return []
    need_rows(trace.header)
    return placed(options, trace, trace.header.tables, units_of(device, options.units or "bank"))


def placed(
    options: argparse.Namespace, trace: Trace, tables: tuple[TableShape, ...], units: Units
) -> list[Placement]:  # fmt: skip
    """Round-robin, and the placement that is asked for, last, of `tables` (those of the trace as they are stored) on
    `units`."""
    from pimsim.memory.placement.policies import HOT_ROWS, place, profile
    from pimsim.memory.traces import open_trace

    made = [place(tables, units, "round_robin")]
    if options.placement == "size-balanced":
        made.append(place(tables, units, "size_balanced"))
    elif options.placement == "frequency-aware":
        known = trace if options.profile is None else open_trace(options.profile)
        if known.header.tables != trace.header.tables:
            raise InputError(f"--profile: {printable(options.profile)} is of other tables than the trace")
        hot = HOT_ROWS if options.hot_rows is None else options.hot_rows
        made.append(place(
            tables, units, "frequency_aware", profile(known), hot_rows=hot, copied_rows=options.copied_rows or 0,
            cached_rows=options.cached_rows or 0,
        ))  # fmt: skip
    return made


def placement_of(options: argparse.Namespace, trace: Trace, device: Device) -> Placement | None:
    """The placement that is asked for; None where none is."""
    made = placements_of(options, trace, device)
    return made[-1] if made else None
