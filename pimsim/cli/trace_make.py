"""`pimsim trace make`: a trace of a given kind."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from pimsim.cli.binding import add_binding_options, load_bound_model
from pimsim.cli.output import say, targets
from pimsim.cli.parsing import Parser, choice, whole
from pimsim.errors import InputError, printable

if TYPE_CHECKING:
    from pimsim.explore.progress import Progress
    from pimsim.memory.traces import Chunk, TableShape

_TABLE = re.compile(r"([^=\s]{1,200})=([0-9]{1,13})x([0-9]{1,7})", re.ASCII)


def number(low: float, high: float) -> Callable[[str], float]:
    """A parser of numbers from `low` to `high`."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"must be a number from {low:g} to {high:g}; got '{printable(text, 40)}'")
        return value

    return parse


def parser() -> Parser:
    """The options of `pimsim trace make`."""
    made = Parser(
        "pimsim trace make",
        "A trace of requests for rows of embedding tables. An inference looks up --pooling rows of each table, or\n"
        "what the lookups of a --model ask for.",
        "example: pimsim trace make --kind zipf --requests 1000000 --seed 1 --out zipf.parquet",
    )
    kinds = ("zipf", "uniform", "production", "reuse", "stream")
    made.add_argument(
        "--kind", type=choice(*kinds), required=True, metavar="|".join(kinds),
        help="rank k in proportion to k^-EXPONENT; every row alike; as often as Meta's ads models ask; reuse distances "
        "by --curve; row after row",
    )  # fmt: skip
    count = made.add_mutually_exclusive_group(required=True)
    count.add_argument("--requests", type=whole(0, 2**40), metavar="N", help="rows asked for in all")
    count.add_argument("--inferences", type=whole(0, 2**40), metavar="N", help="the same in whole inferences")
    made.add_argument("--seed", type=whole(0, 2**53), default=0, metavar="S", help="of the random numbers (0)")
    made.add_argument("--out", required=True, metavar="T.parquet|T.txt", help="file to write")
    tables = made.add_argument_group("tables")
    tables.add_argument("--tables", type=whole(1, 65536), metavar="N", help="tables of one shape (1)")
    tables.add_argument("--rows", type=whole(1, 2**40), metavar="N", help="rows of each (1,000,000)")
    tables.add_argument("--row-bytes", type=whole(1, 2**20), metavar="N", help="bytes of a row (64)")
    tables.add_argument(
        "--table", action="append", default=[], metavar="NAME=ROWSxBYTES", help="a table of its own shape (repeatable)"
    )
    tables.add_argument("--model", metavar="FILE", help="tables and lookups of this ONNX model")
    tables.add_argument(
        "--element-bits", type=whole(1, 64), metavar="N", help="of a model's tables that are not quantised (32)"
    )
    add_binding_options(made, unknown_ops=False)
    more = made.add_argument_group("requests")
    more.add_argument("--pooling", type=whole(1, 2**20), metavar="N", help="rows of a bag (1)")
    more.add_argument("--exponent", type=number(0, 20), default=1.05, metavar="A", help="of kind zipf (1.05)")
    more.add_argument("--ordered", action="store_true", help="hot rows first in the table, not scattered over it")
    more.add_argument(
        "--curve", metavar="D:S,D:S...",
        help="kind reuse: share S of requests reuse a row within D others; rising, e.g. 100:0.1,10000:0.4",
    )  # fmt: skip
    more.add_argument("--rate", type=number(1e-3, 1e12), metavar="R", help="inferences a second, as a Poisson process")
    more.add_argument("--write-share", type=number(0, 1), default=0.0, metavar="F", help="share that writes (0)")
    made.add_argument("--progress", action=argparse.BooleanOptionalAction, help="show how far it is")
    return made


def execute(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code. Raises InputError for options that do not go together."""
    from pimsim.explore.progress import bar
    from pimsim.memory.traces import write_trace
    from pimsim.memory.traces.files import check_ending
    from pimsim.memory.traces.generators import Recipe, parse_curve
    from pimsim.memory.traces.stack import HIT_CURVE

    target = targets(out=options.out)["out"]
    check_ending(target, "--out")
    if options.curve is not None and options.kind != "reuse":
        raise InputError("trace make: --curve is of --kind reuse")
    try:
        curve = HIT_CURVE if options.curve is None else parse_curve(options.curve.split(","))
    except InputError as fault:
        raise InputError(f"--curve: {fault}") from fault
    shapes, pooling = tables(options)
    inference = pooling * len(shapes) if isinstance(pooling, int) else sum(pooling)
    requests = options.inferences * inference if options.requests is None else options.requests
    recipe = Recipe(
        options.kind, shapes, requests, options.seed, pooling, options.exponent, not options.ordered, options.rate,
        options.write_share, curve,
    )  # fmt: skip
    with bar(options.progress, "requests") as progress:
        count = write_trace(target, recipe.header(), told(recipe.chunks(), progress, requests), "--out")
    say(f"wrote {count:,} requests to {printable(target)}")
    return 0


def tables(options: argparse.Namespace) -> tuple[tuple[TableShape, ...], int | tuple[int, ...]]:
    """The tables that the options describe, and the rows of a bag. Raises InputError for options that do not go
    together."""
    from pimsim.memory.traces import TableShape
    from pimsim.memory.traces.generators import even_tables
    from pimsim.memory.traces.tables import ELEMENT_BITS, model_tables

    even = options.tables or options.rows or options.row_bytes
    if options.model is not None:
        if even or options.table or options.pooling:
            raise InputError("trace make: --model says all of the tables; leave out --table, --tables, --rows, "
                             "--row-bytes and --pooling")  # fmt: skip
        workload = load_bound_model(options.model, options, "skip")
        found = model_tables(workload, options.element_bits or ELEMENT_BITS)
        say(f"note: an inference of {printable(workload.name, 60)} looks {found.lookups:,} rows up in "
            f"{len(found.tables):,} tables of {sum(table.size_bytes for table in found.tables):,} bytes")  # fmt: skip
        return found.tables, found.pooling if len({*found.pooling}) > 1 else found.pooling[0]
    of_model = [name for name in ("batch", "dim", "shape", "trips", "branch", "element_bits") if getattr(options, name)]
    if of_model:
        raise InputError(f"trace make: --{of_model[0].replace('_', '-')} is of --model")
    pooling = options.pooling or 1
    if not options.table:
        return even_tables(options.tables or 1, options.rows or 1_000_000, options.row_bytes or 64), pooling
    if even:
        raise InputError("trace make: --table says all of a table; leave out --tables, --rows and --row-bytes")
    shapes = []
    for text in options.table:
        match = _TABLE.fullmatch(text)
        if match is None:
            raise InputError(f"--table: must be NAME=ROWSxBYTES, e.g. users=1000000x64; got '{printable(text, 80)}'")
        shapes.append(TableShape(match[1], int(match[2]), int(match[3])))
    return tuple(shapes), pooling


def told(chunks: Iterable[Chunk], progress: Progress | None, total: int | None) -> Iterator[Chunk]:
    """The chunks, each told to `progress` when it has been dealt with (nothing where the total is not known)."""
    done = 0
    for chunk in chunks:
        yield chunk
        done += len(next(iter(chunk.values())))
        if progress is not None and total is not None:
            progress(done, total)
