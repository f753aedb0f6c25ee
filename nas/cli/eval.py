"""`nas eval`: a finished run on validation or, counted, on test."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from nas.cli.options import Parser, settings
from nas.cli.progress import Teller, figure
from pimsim.cli.output import say, show, targets
from pimsim.cli.parsing import choice
from pimsim.errors import InputError
from pimsim.hardware.circuit import Model
from pimsim.report.sections import Facts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from nas.data.batch import Split
    from nas.training.store import Record, RunStore


class Evaluation(Model):
    """What is measured, as the options say."""

    run: Annotated[int, Field(ge=1, lt=2**62)] | None = None
    split: Literal["validation", "test"] = "validation"
    scores: Annotated[str, Field(min_length=1, max_length=4096)] | None = None


def parser() -> Parser:
    """The options of `nas eval`."""
    made = Parser(
        "nas eval",
        "Measure a finished run. Every look at the test split is counted in the run store and beside the data:\n"
        "choose models, settings and epochs on validation, and look at test once.",
        "example: nas eval 7 --split test",
    )
    made.add_run("number of the run", optional=True)
    made.add_argument(
        "--split", type=choice("validation", "test"), metavar="validation|test", help="which rows (validation)"
    )
    made.add_argument(
        "--scores", metavar="FILE", help="also write the logits, in the order of the rows (.npy), with labels (.npz)"
    )
    made.add_argument("--quiet", action="store_true", help="no progress on stderr")
    made.add_argument("--format", type=choice("text", "json"), default="text", metavar="text|json", help="its form")
    made.add_settings("run, split, scores")
    made.add_store()
    return made


def execute(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code."""
    asked = settings(options, Evaluation)
    if asked.run is None:
        raise InputError("eval: give the number of a RUN")
    target = targets(scores=asked.scores).get("scores")
    from nas.data.config import open_data
    from nas.training.config import from_json
    from nas.training.metrics import measure
    from nas.training.run import check_hashes, scores_of, usable
    from nas.training.store import RunStore

    store = RunStore(options.store, create=False)
    record = store.get(asked.run)
    usable(record, store)
    splits = open_data(from_json(record.config).data)[1]
    check_hashes(record, splits)
    looks: dict[str, int] = {}
    if asked.split == "test":
        split, looks = _test_split(record, store)
    else:
        split = splits.validation
    teller = Teller(options.quiet)
    try:
        scores = scores_of(record, store, split, teller.rows)
    finally:
        teller.done()
    figures: dict[str, Any] = measure(split.labels, scores, split.groups).to_json()
    if asked.split == "test":
        store.fill_look(record.id, "test", figures)
    if target is not None:
        _write(target, scores, split)
    answer = {"run": record.id, "model": record.model, "split": asked.split, **figures, **looks}
    if options.format == "json":
        print(json.dumps(answer, indent=1))
    else:
        show([_facts(answer, record)])
    return 0


def _test_split(record: Record, store: RunStore) -> tuple[Split, dict[str, int]]:
    """The test rows; the look is written down in both places before they are read."""
    from nas.data.test_split import open_test

    count = store.add_look(record.id, "test")
    opened = open_test(record.config["data"]["folder"], run=f"{store.folder.name[:150]} {record.id}")
    return opened.split, {"looks_of_this_run": count, "looks_of_all_runs": opened.total}


def _write(target: Path, scores: NDArray[Any], split: Split) -> None:
    import io

    import numpy as np

    from pimsim.report.atomic import write_atomic

    buffer = io.BytesIO()
    if target.suffix == ".npz":
        np.savez(buffer, logits=scores, labels=np.asarray(split.labels))
    else:
        np.save(buffer, scores, allow_pickle=False)
    write_atomic(target, buffer.getvalue())
    say(f"wrote {target}")


def _facts(answer: dict[str, Any], record: Record) -> Facts:
    pairs = [("rows", f"{answer['rows']:,}"), ("AUC", figure(answer["auc"], 5))]
    if answer["gauc"] is not None:
        pairs.append(("GAUC", figure(answer["gauc"], 5)))
    pairs += [
        ("LogLoss", figure(answer["logloss"], 5)),
        ("calibration", f"{figure(answer['calibration'])} predicted over observed clicks"),
        ("calibration error", figure(answer["calibration_error"])),
    ]
    if "looks_of_this_run" in answer:
        seen = f"{answer['looks_of_this_run']} of this run, {answer['looks_of_all_runs']} of all runs on this data"
        pairs.append(("looks at test", seen))
    return Facts(f"Run {record.id} ({record.model}) on {answer['split']}", pairs)
