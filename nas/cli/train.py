"""`nas train`: one recorded training run, out of a YAML file."""

from __future__ import annotations

import argparse
import json

from nas.cli.options import STORE, Parser, asked_to_stop, config_file
from nas.cli.progress import Teller
from pimsim.cli.parsing import choice, whole
from pimsim.errors import InputError, printable

EXAMPLE = """\
a configuration:
  data: {set: adult, root: FOLDER_OF_ITS_FILES, folder: prepared/adult}
  model: {name: deepfm, hidden_units: [200, 200]}
  training: {epochs: 10, learning_rate: 0.001, embedding_l2: 1.0e-5}

example: nas train --config train.yaml --set model.name=dcnv2 --set training.seed=1"""


def parser() -> Parser:
    """The options of `nas train`."""
    made = Parser("nas train", "Train a model, choose its weights on validation, and record the run.", EXAMPLE)
    made.add_argument("--config", metavar="FILE", help="YAML file or shipped name: data, model, training")
    made.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a value over the file's (repeatable)"
    )
    made.add_argument("--resume", type=whole(1, 2**62), metavar="RUN", help="go on with an interrupted run")
    made.add_argument("--models", action="store_true", help="list the models, or with --set model.name=X its settings")
    made.add_argument("--quiet", action="store_true", help="no progress on stderr")
    made.add_argument("--format", type=choice("text", "json"), default="text", metavar="text|json", help="its form")
    made.add_store()
    return made


def execute(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code: 130 for a run that was interrupted (and can be resumed)."""
    if options.models:
        _list_models(options.set)
        return 0
    if options.resume is not None and (options.config or options.set):
        raise InputError("train: --resume takes no --config and no --set: a run keeps the settings it began with")
    if options.resume is None and not options.config and not options.set:
        raise InputError("train: give --config FILE, or --set KEY=VALUE for every value, or --resume RUN")
    from nas.training.config import load_run

    run = load_run(config_file(options.config), options.set) if options.resume is None else None
    from nas.training.run import Hooks, resume, start
    from nas.training.store import RunStore

    store = RunStore(options.store, create=options.resume is None)
    teller = Teller(options.quiet)
    with asked_to_stop() as stop:
        hooks = Hooks(teller.step, teller.iteration, stop, lambda number: _say(teller, f"run {number}"))
        try:
            record = start(run, store, hooks) if run is not None else resume(options.resume, store, hooks)
        finally:
            teller.done()
    if record.state == "interrupted":
        where = "" if options.store == STORE else f" --store {printable(options.store)}"
        _say(teller, f"run {record.id} interrupted; go on: nas train --resume {record.id}{where}", always=True)
        return 130
    if options.format == "json":
        print(json.dumps(record.to_json(), indent=1))
    else:
        from nas.cli.runs import facts
        from pimsim.cli.output import show

        show([facts(record)])
    return 0


def _say(teller: Teller, text: str, always: bool = False) -> None:
    if always or not teller.quiet:
        print(text, file=teller.stream)


def _list_models(overrides: list[str]) -> None:
    from nas.training.models import MODELS, settings_of
    from pimsim.cli.output import show
    from pimsim.report.sections import Column, Table

    names = [text.partition("=")[2] for text in overrides if text.startswith("model.name=")]
    if not names:
        show([Table("Models", (Column("name", right=False), Column("what it is", right=False)), [*MODELS.items()])])
        return
    rows: list[tuple[str, ...]] = [
        (key, printable(json.dumps(field.get_default(), default=str)), printable(field.description or "", 200))
        for key, field in settings_of(names[-1]).model_fields.items()
    ]
    columns = (Column("setting", right=False), Column("default", right=False), Column("what it is", right=False))
    show([Table(f"Settings of {names[-1]}", columns, rows)])
