"""`nas supernet`: train the shared weights of a search space."""

from __future__ import annotations

import argparse
import json

from nas.cli.options import STORE, Parser, asked_to_stop, config_file
from nas.cli.progress import Teller
from pimsim.cli.parsing import choice, whole
from pimsim.errors import InputError, printable

EXAMPLE = """\
a configuration:
  data: {set: kuairand, root: FOLDER_OF_ITS_FILES, folder: prepared/kuairand}
  space: {blocks: 4, dense_widths: [16, 32, 64, 128], sparse_widths: [4, 8, 16]}
  supernet: {strategy: single-operator, full_steps: 1000}
  training: {epochs: 3, learning_rate: 0.003, embedding_l2: 1.0e-5}

example: nas supernet --config supernet.yaml --set training.seed=1"""


def parser() -> Parser:
    """The options of `nas supernet`."""
    made = Parser("nas supernet", "Train a supernet, and record the run.", EXAMPLE)
    made.add_argument("--config", metavar="FILE", help="YAML file or shipped name: data, space, supernet, training")
    made.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a value over the file's (repeatable)"
    )
    made.add_argument("--resume", type=whole(1, 2**62), metavar="RUN", help="go on with an interrupted run")
    made.add_argument("--quiet", action="store_true", help="no progress on stderr")
    made.add_argument("--format", type=choice("text", "json"), default="text", metavar="text|json", help="its form")
    made.add_store()
    return made


def execute(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code: 130 for a run that was interrupted (and can be resumed)."""
    if options.resume is not None and (options.config or options.set):
        raise InputError("supernet: --resume takes no --config and no --set: a run keeps the settings it began with")
    if options.resume is None and not options.config and not options.set:
        raise InputError("supernet: give --config FILE, or --set KEY=VALUE for every value, or --resume RUN")
    from nas.training.run import Hooks
    from nas.training.store import RunStore
    from nas.training.supernet import load_supernet_run, resume_supernet, start_supernet

    run = load_supernet_run(config_file(options.config), options.set) if options.resume is None else None
    store, teller = RunStore(options.store, create=options.resume is None), Teller(options.quiet)
    with asked_to_stop() as stop:
        hooks = Hooks(step=teller.step, stop=stop)
        try:
            if run is not None:
                record = start_supernet(run, store, hooks)
            else:
                record = resume_supernet(options.resume, store, hooks)
        finally:
            teller.done()
    if record.state == "interrupted":
        where = "" if options.store == STORE else f" --store {printable(options.store)}"
        print(f"run {record.id} interrupted; go on: nas supernet --resume {record.id}{where}", file=teller.stream)
        return 130
    if options.format == "json":
        print(json.dumps(record.to_json(), indent=1))
    else:
        from nas.cli.runs import facts
        from pimsim.cli.output import show

        show([facts(record)])
    return 0
