"""`pimsim sweep`: one or several models over a design space."""

from __future__ import annotations

import argparse
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pimsim.cli.binding import add_binding_options, load_bound_model
from pimsim.cli.output import say, show
from pimsim.cli.parsing import Parser, add_allow_code, choice, whole
from pimsim.errors import InputError, printable

if TYPE_CHECKING:
    from pimsim.explore.progress import Done
    from pimsim.explore.request import Request
    from pimsim.explore.summary import Summary


def parser() -> Parser:
    """The options of `pimsim sweep`."""
    made = Parser(
        "pimsim sweep",
        "Energy, latency and area of a model on every point of a design space, on a sample of it, or on the points\n"
        "that an optimiser proposes. Killed or out of time, the same command goes on where it was.",
        "example: pimsim sweep --space reram_small --model model.onnx --out results.parquet",
    )
    made.add_argument(
        "--space", required=True, metavar="NAME|FILE", help="YAML file of knobs and their values, or a shipped one"
    )
    made.add_argument(
        "--model",
        action="append",
        metavar="FILE",
        help="ONNX model; repeated: several models on one chip; those that the space names when left out",
    )
    made.add_argument("--out", required=True, metavar="FILE", help="results: .parquet, .sqlite or .db")
    points = made.add_argument_group("which points (all of them when left out)")
    points.add_argument("--sample", metavar="sobol|random", help="draw -n points", type=choice("sobol", "random"))
    points.add_argument("-n", type=whole(1, 10_000_000), metavar="N", help="points to draw")
    points.add_argument(
        "--optimise", "--optimize", metavar="nsga2|bayes", help="search", type=choice("nsga2", "bayes")
    )
    points.add_argument("--budget", type=whole(1, 1_000_000), metavar="N", help="points that a search may evaluate")
    points.add_argument(
        "--objectives",
        metavar="A,B",
        help="what is sought, e.g. energy_pJ,max:tops_per_W; energy_pJ,latency_ns when left out",
    )
    points.add_argument("--seed", type=whole(0, 2**32 - 1), default=0, metavar="N", help="of a sample or search (0)")
    answer = made.add_argument_group("answer")
    answer.add_argument("--columns", metavar="A,B", help="figures to keep, or 'all'; the totals when left out")
    answer.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="stop after this time, with what is there")
    answer.add_argument("--fresh", action="store_true", help="throw away what an earlier sweep has left at --out")
    answer.add_argument("--no-progress", action="store_true", help="no bar and no lines on stderr")
    where = made.add_argument_group("where it runs (the results are the same, to the bit)")
    where.add_argument("--workers", type=whole(0, 1024), metavar="N", help="processes of this machine (none)")
    where.add_argument("--ray", metavar="ADDRESS", help="a Ray cluster, or 'local' for one on this machine")
    where.add_argument("--chunk", type=whole(1, 10_000_000), metavar="N", help="points that a worker takes at a time")
    hardware = made.add_argument_group("operands and code")
    hardware.add_argument(
        "--operands",
        type=choice("model", "default"),
        default="model",
        metavar="model|default",
        help="statistics of weights: the model's own where the file holds them (default), or the hardware file's",
    )
    add_allow_code(hardware)
    add_binding_options(made, unknown_ops=True)
    return made


def execute(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code. Raises InputError with what is wrong, or when every point failed."""
    from pimsim.explore.executor import Executor
    from pimsim.explore.progress import bar
    from pimsim.explore.store import check_out
    from pimsim.explore.summary import summary
    from pimsim.explore.sweep import run

    target = check_out(options.out)
    asked = _request(options)
    with Executor(options.workers, options.ray) as executor, bar(not options.no_progress) as progress:
        try:
            done = run(
                asked, executor, target, timeout_s=options.timeout, chunk=options.chunk, fresh=options.fresh,
                progress=progress,
            )  # fmt: skip
        except KeyboardInterrupt:
            say("finished pieces are kept; the same command goes on")
            raise
    found = summary(target, asked.objectives)
    _report(asked, done, found, target)
    if found.failed and found.failed == found.rows:
        raise InputError(f"every point failed, the first with: {printable(found.first, 400)}")
    return 0


def _request(options: argparse.Namespace) -> Request:
    """What is asked for; faults of the space and of the models are reported together."""
    from pimsim.explore.request import request
    from pimsim.explore.space_file import load_space

    problems: list[str] = []

    def attempt(load: Any, *arguments: Any, **extra: Any) -> Any:
        try:
            return load(*arguments, **extra)
        except InputError as error:
            problems.extend(error.problems)
            return None

    space = attempt(load_space, options.space, allow_code=options.allow_code)
    paths = options.model or (list(space.models) if space else [])
    models = [attempt(load_bound_model, path, options, options.unknown_ops) for path in paths]
    if problems:
        raise InputError(problems[0], more=tuple(problems[1:]))
    if not models:
        raise InputError("no model: give --model FILE, or list models in the space file")
    return request(
        models, space, sample=options.sample, n=options.n, seed=options.seed, optimise=options.optimise,
        objectives=_listed(options.objectives), budget=options.budget, columns=_listed(options.columns),
        operands=options.operands,
    )  # fmt: skip


def _report(asked: Request, done: Done, found: Summary, target: Path) -> None:
    from pimsim.report.sections import Facts, Section

    space = asked.space
    facts = [
        ("space", f"{printable(space.name, 60)}, {space.size_text} points, {len(space.knobs)} knobs"),
        ("models", printable(", ".join(asked.names), 400)),
        ("rows", _rows(asked, done, found)),
    ]
    if found.failed:
        facts.append(("failed", f"{found.failed:,}, the first with: {printable(found.first, 400)}"))
    shown: list[Section] = [Facts(f"Sweep{'' if done.complete else ' (unfinished)'}", facts)]
    best = [(printable(aim), _best(row, aim, space.paths)) for aim, row in found.best.items()]
    if best:
        shown.append(Facts("Best", best))
    aims = list(dict.fromkeys((*asked.objectives, *asked.columns)))
    if found.failed < found.rows and len(aims) > 1:
        command = f"pimsim pareto {printable(shlex.quote(str(target)))} --x {aims[0]} --y {aims[1]}"
        shown.append(Facts("Next", [("the front", command)]))
    show(shown)
    say(f"wrote {printable(target)}")


def _rows(asked: Request, done: Done, found: Summary) -> str:
    text = f"{found.rows:,}"
    if asked.optimise is None and asked.sample is None and done.points > found.rows:
        text += f" of {done.points:,} points; constraints rule out the others"
    if not done.complete:
        text += f"; time is up with {done.points:,} of {done.total:,} points done: the same command goes on"
    return text


def _best(row: dict[str, Any], aim: str, paths: list[str]) -> str:
    from pimsim.explore.request import objective_of

    knobs = ", ".join(f"{printable(path, 60)}={_value(row[path])}" for path in paths[:12])
    more = ", ..." if len(paths) > 12 else ""
    return f"{row[objective_of(aim)[0]]:.6g} at point {row['point']}: {knobs}{more}"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else printable(value, 40)


def _listed(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in text.split(",")]


def _seconds(text: str) -> float:
    value = float(text) if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text, re.ASCII) else 0.0
    if not value > 0.0:
        raise argparse.ArgumentTypeError(f"must be a number of seconds above 0; got '{printable(text, 40)}'")
    return value
