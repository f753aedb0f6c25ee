"""`nas search`: search a space with the shared weights of its supernet."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from nas.cli.options import STORE, Parser, asked_to_stop, config_file
from nas.cli.progress import Teller, figure
from pimsim.cli.parsing import choice, whole
from pimsim.errors import InputError, printable

if TYPE_CHECKING:
    from nas.training.store import Record, RunStore

EXAMPLE = """\
a configuration:
  supernet: 3
  hw: reram_128
  objective: {metric: auc, penalty: energy, form: soft, weight: 0.01, max_latency_us: 50}
  search: {algorithm: evolution, population: 128, sample: 64, children: 8, generations: 240, seed: 1}
  scoring: {steps: 500, part: head}

example: nas search --supernet 3 --hw reram_128 --objective auc --penalty energy --set search.generations=40"""

SHORT = {
    "data": "data.folder", "supernet": "supernet", "hw": "hw", "objective": "objective.metric",
    "penalty": "objective.penalty", "max_energy_uJ": "objective.max_energy_uJ",
    "max_latency_us": "objective.max_latency_us", "max_area_mm2": "objective.max_area_mm2", "table": "table",
}  # fmt: skip
"""Options that are short for a --set."""


def parser() -> Parser:
    """The options of `nas search`."""
    made = Parser("nas search", "Search for architectures with a trained supernet, and record the run.", EXAMPLE)
    made.add_argument(
        "--config", metavar="FILE", help="YAML file or shipped name: supernet, hw, objective, search, scoring"
    )
    made.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a value over the file's (repeatable)"
    )
    made.add_argument("--supernet", metavar="RUN", help="the run of nas supernet whose weights are used")
    made.add_argument("--data", metavar="FOLDER", help="prepared set, if it is not where the supernet found it")
    made.add_argument("--hw", metavar="HW", help="hardware file or shipped name; without it, FLOPs are the only cost")
    made.add_argument("--objective", metavar="auc|gauc|logloss", help="quality on validation (auc)")
    made.add_argument("--penalty", metavar="energy|latency|area|flops", help="figure that the score pays for")
    made.add_argument("--max-energy-uJ", metavar="X", help="no dearer network is scored")
    made.add_argument("--max-latency-us", metavar="X", help="no slower one")
    made.add_argument("--max-area-mm2", metavar="X", help="no larger one")
    made.add_argument("--table", metavar="FILE", help="scores to reuse and add to (default: beside the supernet's)")
    made.add_argument("--resume", type=whole(1, 2**62), metavar="RUN", help="go on with an interrupted run")
    made.add_argument("--quiet", action="store_true", help="no progress on stderr")
    made.add_argument("--format", type=choice("text", "json"), default="text", metavar="text|json", help="its form")
    made.add_store()
    return made


def execute(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code: 130 for a run that was interrupted (and can be resumed)."""
    # Short options are quoted, so that a value is never read as YAML structure; numbers stay numbers.
    plain = ("supernet", "max_energy_uJ", "max_latency_us", "max_area_mm2")
    given = {key: getattr(options, key) for key in SHORT if getattr(options, key) is not None}
    overrides = [f"{SHORT[key]}={value if key in plain else json.dumps(value)}" for key, value in given.items()]
    overrides += options.set
    if options.resume is not None and (options.config or overrides):
        raise InputError("search: --resume takes no other settings: a run keeps those it began with")
    if options.resume is None and not options.config and not overrides:
        raise InputError("search: give --config FILE, or --supernet RUN, or --resume RUN")
    from nas.search.run import load_search_run, resume_search, start_search
    from nas.training.run import Hooks
    from nas.training.store import RunStore

    run = load_search_run(config_file(options.config), overrides) if options.resume is None else None
    store, teller = RunStore(options.store, create=False), Teller(options.quiet)
    with asked_to_stop() as stop:
        hooks = Hooks(stop=stop)
        try:
            if run is not None:
                record = start_search(run, store, hooks, teller.generation)
            else:
                record = resume_search(options.resume, store, hooks, teller.generation)
        finally:
            teller.done()
    where = "" if options.store == STORE else f" --store {printable(options.store)}"
    if record.state == "interrupted":
        print(f"run {record.id} interrupted; go on: nas search --resume {record.id}{where}", file=teller.stream)
        return 130
    _answer(record, store, options.format)
    return 0


def _answer(record: Record, store: RunStore, form: str) -> None:
    from nas.cli.runs import facts
    from nas.search.run import HISTORY_COLUMNS, PICTURE_FILE, SEARCH_FILE, TOP_FOLDER, Searched
    from nas.search.table import read_rows
    from pimsim.cli.output import show
    from pimsim.report.sections import Column, Facts, Table

    folder = store.files_of(record.id)
    best = Searched(read_rows(folder / SEARCH_FILE, HISTORY_COLUMNS)).best(record.config["top"])
    if form == "json":
        print(json.dumps({**record.to_json(), "top": best}, indent=1))
        return
    titles = ("", "score", "AUC", "LogLoss", "energy uJ", "latency us", "area mm2", "Mflops", "network")
    keys = ("score", "auc", "logloss", "energy_uJ", "latency_us", "area_mm2", "Mflops")
    rows = [
        (str(at), *(figure(row[key], 5) for key in keys), row["digest"])
        for at, row in enumerate(best, start=1)
    ]
    files = [
        ("candidates", f"{printable(folder / TOP_FOLDER)}: 1.json is the best; nas train --set model.name=nasrec "
                       "--set model.architecture=FILE trains one from scratch"),
        ("all that was scored", printable(folder / SEARCH_FILE)),
        ("picture", printable(folder / PICTURE_FILE)),
    ]  # fmt: skip
    columns = tuple(Column(title, right=title != "network") for title in titles)
    counts = f"{record.result['scored']:,} scored, {record.result['reused']:,} of them out of the table"
    show([facts(record), Table(f"Best of the search ({counts})", columns, rows), Facts("Files", files)])
