"""Do searched networks reach the best baseline on real data, and pass the mean of the neural ones?

    python -m validation.nasrec.real --data SHARED --work FOLDER [--sets kuairand,census] [--mini]

Independent searches a set: supernet, evolution with fine-tuned scores, the best candidates trained from scratch, the
best of them by validation. Every baseline is tuned with at least the optimiser steps of a search, over the same
learning rates, and trained with as many seeds. When all of a set is chosen, each run is measured on its test split
once, by `nas eval`. A stopped study goes on where it was; the record holds the sets that are complete.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from pimsim.report.atomic import write_atomic
from validation.nasrec import records
from validation.nasrec.real_plan import FULL, MINI, Plan
from validation.nasrec.real_record import set_record, verdicts
from validation.nasrec.real_report import report
from validation.nasrec.real_runs import Study, timed

__all__ = ["main", "report", "run"]

NAME = "real"
PART = "record.json"


def run(
    plans: Sequence[Plan], data: Path, work: Path, *, only: Sequence[str] = (), train: bool = False, resamples: int
) -> None:
    """Do all of `plans` that is not done; the record of each set goes to its folder below `work`. train: no looks at
    test and no record."""
    torch.set_num_threads(1)
    for plan in plans:
        study = Study(plan, data, work)
        found = timed(study, lambda name: not only or name in only, lambda text: print(text, flush=True))
        if not train:
            records.write(PART.removesuffix(".json"), set_record(study, found, resamples), study.work)


def collect(plans: Sequence[Plan], work: Path, resamples: int) -> dict[str, Any]:
    """The record out of those of the sets that are complete."""
    sets = {
        plan.name: records.read(PART.removesuffix(".json"), work / plan.name)
        for plan in plans
        if (work / plan.name / PART).exists()
    }
    return {
        "command": "python -m validation.nasrec.real --data SHARED --work FOLDER",
        "ran_as": sorted(parts(work)),
        "resamples": resamples,
        "sets": sets,
        "bars": verdicts(sets),
    }


def parts(work: Path, told: str | None = None) -> set[str]:
    """Every choice of sets and models with which the study ran in `work`; `told` is added."""
    file = work / "processes.txt"
    found = set(file.read_text(encoding="utf-8").splitlines()) if file.exists() else set()
    if told is not None:
        write_atomic(file, "\n".join(sorted(found | {told})) + "\n")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the study, or its miniature; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m validation.nasrec.real", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(), help="folder of the shared data")
    parser.add_argument("--work", type=Path, required=True, help="folder for stores, ledgers and scores")
    parser.add_argument("--mini", action="store_true", help="the whole study in seconds, on generated data")
    parser.add_argument("--sets", default="", help="only these, separated by commas")
    parser.add_argument("--models", default="", help="only these models; the record then lacks the others")
    parser.add_argument("--train", action="store_true", help="no looks at test and no record yet")
    parser.add_argument("--record", type=Path, help="folder of the record (default: beside the study; mini: --work)")
    options = parser.parse_args(arguments)
    plans, resamples = (MINI, 200) if options.mini else (FULL, 1000)
    sets = [name for name in options.sets.split(",") if name]
    only = [name for name in options.models.split(",") if name]
    chosen = [f"--{name} {value}" for name, value in (("sets", options.sets), ("models", options.models)) if value]
    options.work.mkdir(parents=True, exist_ok=True)
    parts(options.work, " ".join(chosen))
    run([plan for plan in plans if not sets or plan.name in sets], options.data, options.work, only=only,
        train=options.train, resamples=resamples)  # fmt: skip
    if options.train:
        return 0
    where = options.record or (options.work if options.mini else records.FOLDER)
    print(f"wrote {records.write(NAME, collect(plans, options.work, resamples), where)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
