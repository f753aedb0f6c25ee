"""`nas tune`: a grid of settings under a budget of steps, chosen on validation."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from nas.cli.options import STORE, Parser, asked_to_stop, config_file
from nas.cli.progress import Teller, figure
from nas.cli.runs import facts
from pimsim.cli.output import show
from pimsim.cli.parsing import choice, whole
from pimsim.errors import InputError, printable
from pimsim.report.sections import Column, Table

if TYPE_CHECKING:
    from nas.training.store import Record
    from nas.training.tuning import Tuned


def parser() -> Parser:
    """The options of `nas tune`."""
    made = Parser(
        "nas tune",
        "Train a model at the points of a grid and tell which one validation likes best. Every point is a run of the\n"
        "store; asked for again, points that it holds are not trained again, and an interrupted one goes on.",
        "example: nas tune --config train.yaml --grid training.learning_rate=0.001,0.003 "
        "--grid training.embedding_l2=0,1.0e-5 --steps 20000",
    )
    made.add_argument("--config", metavar="FILE", help="YAML file or shipped name, as for nas train")
    made.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a value over the file's (repeatable)"
    )
    made.add_argument(
        "--grid", action="append", default=[], metavar="KEY=VALUE,VALUE", help="values to try (repeatable)"
    )
    made.add_argument("--steps", type=whole(1, 10**12), metavar="N", help="optimiser steps in all (default: any)")
    made.add_argument("--seed", type=whole(0, 2**62), default=0, metavar="N", help="of the order of the points (0)")
    made.add_argument("--quiet", action="store_true", help="no progress on stderr")
    made.add_argument("--format", type=choice("text", "json"), default="text", metavar="text|json", help="its form")
    made.add_store()
    return made


def execute(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code: 130 if it was interrupted."""
    if not options.grid:
        raise InputError("tune: give at least one --grid KEY=VALUE,VALUE")
    grid = dict(_grid(text) for text in options.grid)
    if len(grid) < len(options.grid):
        raise InputError("tune: --grid names a key twice; give all its values at once")
    from nas.training.config import Run
    from nas.training.run import Hooks
    from nas.training.store import RunStore
    from nas.training.tuning import points, tune

    runs = points(config_file(options.config), options.set, grid, options.seed)
    store, teller = RunStore(options.store), Teller(options.quiet)

    def tell(text: str) -> None:
        if not options.quiet:
            teller.done()
            print(text, file=teller.stream)

    def failed(run: Run, error: InputError) -> None:
        tell(f"{printable(run.name)}: failed: {error.problems[0]}")

    with asked_to_stop() as stop:
        hooks = Hooks(teller.step, teller.iteration, stop, lambda run: tell(f"run {run}: {store.get(run).name}"))
        try:
            found = tune(runs, store, budget=options.steps or 0, hooks=hooks, failed=failed)
        finally:
            teller.done()
    if found.interrupted:
        print(f"nas: interrupted after {len(found.runs)} points; the same command goes on", file=teller.stream)
        return 130
    assert found.best is not None
    _answer(found, found.best, len(runs), options)
    return 0


def _answer(found: Tuned, best: Record, asked: int, options: argparse.Namespace) -> None:
    if options.format == "json":
        told = {"best": best.to_json(), "runs": [record.id for record in found.runs], "steps": found.steps}
        print(json.dumps({**told, "points": asked}, indent=1))
        return
    rows = [
        (str(r.id), printable(r.name, 100), figure(r.result.get("auc"), 5), figure(r.result.get("logloss"), 5),
         str(r.result.get("steps", "-")), "best" if r.id == best.id else "")
        for r in found.runs
    ]  # fmt: skip
    titles = ("run", "name", "AUC", "LogLoss", "steps", "")
    columns = tuple(Column(name, right=name not in ("name", "")) for name in titles)
    title = f"{len(found.runs)} of {asked} points, {found.steps:,} steps, on validation"
    show([Table(title, columns, list(rows)), facts(best)])
    where = "" if options.store == STORE else f" --store {printable(options.store)}"
    print(f"\nmeasure it once: nas eval {best.id} --split test{where}")


def _grid(text: str) -> tuple[str, tuple[str, ...]]:
    key, equals, values = text.partition("=")
    found = tuple(value.strip() for value in _apart(values))
    if not key.strip() or not equals or not all(found):
        raise InputError(f"--grid {printable(text, 100)}: expected KEY=VALUE,VALUE such as training.seed=1,2,3")
    return key.strip(), found


def _apart(text: str) -> list[str]:
    """Split at commas outside brackets: `[64,64],[128]` are two values."""
    found, depth = [""], 0
    for character in text:
        depth += (character in "[{") - (character in "]}")
        if character == "," and depth == 0:
            found.append("")
        else:
            found[-1] += character
    return found
