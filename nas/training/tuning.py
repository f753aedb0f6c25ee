"""A grid of settings under a budget of optimiser steps, chosen on validation; every point is a recorded run.

All models of a comparison get the same grid and the same budget. An interrupted search goes on where it stood: points
that the store holds already are not trained again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from nas.data.config import open_data
from nas.training.config import Run, load_run
from nas.training.models import NETWORKS, pinned
from nas.training.run import Hooks, resume, start
from nas.training.store import Record, RunStore
from pimsim.errors import InputError

MOST_POINTS = 10_000


@dataclass(frozen=True)
class Tuned:
    """runs: one a point, in the order they were trained. best: the one that validation likes best, None if interrupted
    before the first ended. steps: optimiser steps of all."""

    runs: tuple[Record, ...]
    best: Record | None
    steps: int
    interrupted: bool = False


def points(
    path: str | Path | None, overrides: Sequence[str], grid: Mapping[str, Sequence[str]], seed: int = 0
) -> list[Run]:
    """The runs of every combination of the grid's values, in an order drawn by `seed`; all are checked first.

    grid: "training.learning_rate" -> ("0.001", "0.003"). Raises InputError for a bad key or value.
    """
    count = int(np.prod([len(values) for values in grid.values()], dtype=object)) if grid else 1
    if count > MOST_POINTS:
        raise InputError(f"the grid has {count} points; at most {MOST_POINTS} can be asked for")
    found = []
    for values in product(*grid.values()):
        chosen = [f"{key}={value}" for key, value in zip(grid, values, strict=True)]
        run = load_run(path, [*overrides, *chosen])
        name = " ".join([run.name or run.model_name, *chosen])[:200]
        found.append(run.model_copy(update={"name": name, "model": pinned(run.model)}))
    return [found[index] for index in np.random.default_rng(seed).permutation(len(found))]


def tune(
    runs: Sequence[Run],
    store: RunStore,
    *,
    budget: int = 0,
    hooks: Hooks | None = None,
    failed: Callable[[Run, InputError], None] = lambda run, error: None,
) -> Tuned:
    """Train `runs` in order until `budget` steps are used (0: all of them; the last one that fits is cut short).

    A run whose loss is not finite is reported to `failed` and left behind. Raises InputError if all fail.
    """
    hooks = hooks or Hooks()
    done: list[Record] = []
    used, first_fault = 0, None
    for asked in runs:
        run = _within(asked, budget - used) if budget else asked
        if run is None:
            break
        try:
            record = _trained(run, store, hooks)
        except InputError as fault:
            first_fault = first_fault or fault
            failed(run, fault)
            continue
        if record.state != "done":
            return Tuned(tuple(done), _best(done), used, interrupted=True)
        used += int(record.result.get("steps", 0))
        done.append(record)
    if not done and first_fault is not None:
        raise first_fault
    return Tuned(tuple(done), _best(done), used)


def _within(run: Run, left: int) -> Run | None:
    """The run with no more steps than are left; None if nothing is. Models that take no steps are never cut."""
    if run.model_name not in NETWORKS:
        return run
    if left <= 0:
        return None
    rows = open_data(run.data)[1].train.size
    wanted = run.training.steps or run.training.epochs * -(-rows // run.training.batch_size)
    if wanted <= left:
        return run
    return run.model_copy(update={"training": run.training.model_copy(update={"steps": left})})


def _trained(run: Run, store: RunStore, hooks: Hooks) -> Record:
    """The record of the run: an old one of the same settings and data, gone on with where it was interrupted."""
    hashes = dict(open_data(run.data)[1].hashes)
    told = run.to_json()
    for record in store.runs():
        if record.command == "train" and record.config == told and record.hashes == hashes:
            return record if record.state == "done" else resume(record.id, store, hooks)
    return start(run, store, hooks)


def _best(records: Sequence[Record]) -> Record | None:
    """By the metric of the run's settings; the earlier of equals."""

    def worth(record: Record) -> float:
        metric = record.config["training"]["metric"]
        value = record.result.get(metric)
        if value is None:
            return -np.inf
        return -float(value) if metric == "logloss" else float(value)

    return max(records, key=worth, default=None)
