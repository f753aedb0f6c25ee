"""`pimsim trace convert`: a trace from one form to another."""

from __future__ import annotations

import argparse
import os

from pimsim.cli.output import say, targets
from pimsim.cli.parsing import Parser, choice
from pimsim.cli.trace_make import told
from pimsim.errors import InputError, printable

FORMS = ("ramulator", "ramulator2", "dramsim3", "dramsim2")


def parser() -> Parser:
    """The options of `pimsim trace convert`."""
    made = Parser(
        "pimsim trace convert",
        "A trace from one form to another. Read: parquet and text of pimsim, .npz of indices and offsets as\n"
        "torch.nn.EmbeddingBag takes them, address traces of Ramulator, Ramulator 2, DRAMSim2 and DRAMsim3.\n"
        "Written: parquet or text, by the ending; or, with --to, for another simulator (rows become addresses of\n"
        "the memory --hw, tables one after another, a line an access).",
        "example: pimsim trace convert bags.npz bags.parquet",
    )
    made.add_argument("source", metavar="FROM", help="trace to read; what it begins with tells its form")
    made.add_argument("out", metavar="TO", help="file to write: .parquet or .txt, or any with --to")
    made.add_argument("--to", type=choice(*FORMS), metavar="|".join(FORMS), help="form of another simulator")
    made.add_argument("--hw", metavar="H", help="memory whose addresses and cycles are meant, as for 'trace run'")
    made.add_argument("--progress", action=argparse.BooleanOptionalAction, help="show how far it is")
    return made


def execute(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code. Raises InputError for a trace that is not well formed."""
    from pimsim.explore.progress import bar
    from pimsim.memory.traces import open_trace, write_trace
    from pimsim.memory.traces.files import check_ending

    target = targets(TO=options.out)["TO"]
    if options.to is None:
        check_ending(target, "TO")
    if os.path.realpath(target) == os.path.realpath(options.source):
        raise InputError(f"trace convert: FROM and TO name the same file: {printable(target)}")
    trace = open_trace(options.source)
    if options.hw is not None:
        from pimsim.memory.of_hardware import load_memory
        from pimsim.memory.placement.run import Laid

        trace = Laid(trace, load_memory(options.hw))
    elif options.to is not None and (trace.header.of_rows or trace.header.arrival == "arrival_ns"):
        raise InputError("trace convert: --to needs the memory --hw, whose addresses and cycles the trace gets")
    with bar(options.progress, "requests") as progress:
        count = write_trace(target, trace.header, told(trace.chunks(), progress, trace.requests), "TO", options.to)
    say(f"wrote {count:,} requests to {printable(target)}")
    return 0
