"""One recorded run of any model: data, training, validation figures, checkpoints, and the record in the store."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray

from nas.data.batch import Split, Splits
from nas.data.config import open_data
from nas.training import checkpoint
from nas.training.config import Run, Training, from_json
from nas.training.evaluate import predict
from nas.training.loop import Outcome, Progress, fit
from nas.training.metrics import measure
from nas.training.models import network, parameter_counts, pinned, settings_of
from nas.training.store import Record, RunStore
from pimsim.errors import InputError

if TYPE_CHECKING:
    from nas.data.fields import Schema
    from nas.training.convex import Fit

Result = dict[str, Any]


@dataclass(frozen=True)
class Hooks:
    """What a caller may watch and ask: a look at validation or a step, an iteration of L-BFGS, and whether to stop."""

    step: Callable[[Progress], None] = lambda progress: None
    iteration: Callable[[int, float], None] = lambda iteration, objective: None
    stop: Callable[[], bool] = lambda: False
    started: Callable[[int], None] = lambda run: None


def start(run: Run, store: RunStore, hooks: Hooks | None = None) -> Record:
    """Train what `run` describes and record it; returns the record (state "done", or "interrupted" if stopped).

    Raises InputError for bad data or a diverged loss; the record then says "failed".
    """
    run = run.model_copy(update={"model": pinned(run.model)})
    splits = open_data(run.data)[1]
    number = store.begin("train", run.model_name, run.to_json(), splits.hashes, machine(run.training), run.name)
    return _go(number, run, splits, store, hooks or Hooks(), False)


def resume(number: int, store: RunStore, hooks: Hooks | None = None) -> Record:
    """Go on with an interrupted run, to the result that it would have had.

    Raises InputError if it is done, or if its data changed.
    """
    record = resumable(number, store, "train")
    run = from_json(record.config)
    splits = open_data(run.data)[1]
    check_hashes(record, splits)
    return _go(number, run, splits, store, hooks or Hooks(), True)


def resumable(number: int, store: RunStore, command: str) -> Record:
    """The record of a run of `command` that is not done. InputError for any other."""
    record = store.get(number)
    if record.state == "done":
        raise InputError(f"run {number} is done; there is nothing to resume")
    if record.command != command:
        raise InputError(f"run {number} was made by nas {record.command}; resume it by that command")
    return record


def scores_of(
    record: Record, store: RunStore, split: Split, told: Callable[[int, int], None] = lambda done, total: None
) -> NDArray[np.float32]:
    """Logits (n,) of a finished run's model on `split`. Trees are fitted again: their kind has no safe file format.

    told(done, all): rows.
    """
    usable(record, store)
    run = from_json(record.config)
    if run.model_name == "boosted_trees":
        scores: NDArray[np.float32] = _trees(run, open_data(run.data)[1]).predict(split)
        return scores
    model = model_of(record, store, split.schema)
    with _threads(run.training):
        return predict(model, split, run.training.evaluation_batch_size, run.training.device, told)


def model_of(record: Record, store: RunStore, schema: Schema) -> torch.nn.Module:
    """The network of a finished run with its chosen weights. InputError for boosted trees, which are no network."""
    usable(record, store)
    if record.model == "boosted_trees":
        raise InputError(f"run {record.id} is of boosted_trees, which are no network")
    run = from_json(record.config)
    model = network(run.model_name, schema, _settings(run), run.training.seed).to(run.training.device)
    path = store.files_of(record.id) / checkpoint.BEST
    checkpoint.load_weights(model, checkpoint.load(path, run.training.device)[0], path)
    return model


def usable(record: Record, store: RunStore) -> None:
    """InputError if a run's model cannot be scored: it is not finished, or its weights are gone."""
    if record.command != "train":
        raise InputError(f"run {record.id} was made by nas {record.command}; nas eval measures those of nas train")
    if record.state != "done":
        raise InputError(f"run {record.id} is {record.state}; finish it first: nas train --resume {record.id}")
    path = store.folder / str(record.id) / checkpoint.BEST
    if record.model != "boosted_trees" and not path.exists():
        raise InputError(f"the weights of run {record.id} are gone: there is no {path}")


def check_hashes(record: Record, splits: Splits) -> None:
    """InputError if the data folder no longer holds the splits that the run was trained on."""
    for name, value in record.hashes.items():
        if splits.hashes.get(name) != value:
            raise InputError(f"the {name} split is not the one that run {record.id} was trained on (its hash differs)")


def machine(training: Training) -> Result:
    """What the figures of a run may depend on beside its settings."""
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "threads": training.threads or torch.get_num_threads(),
        "device": training.device,
        "platform": f"{platform.system()} {platform.machine()}",
    }


def _go(number: int, run: Run, splits: Splits, store: RunStore, hooks: Hooks, resume: bool) -> Record:
    return recorded(number, store, hooks, lambda: _train(number, run, splits, store, hooks, resume))


def recorded(number: int, store: RunStore, hooks: Hooks, work: Callable[[], Result]) -> Record:
    """Do the work of a run and keep its record true, whatever happens; returns the record."""
    hooks.started(number)
    begun = time.perf_counter()
    before = store.get(number).result.get("seconds", 0.0)
    with store.held(number):
        store.set_state(number, "running")
        try:
            result = work()
        except KeyboardInterrupt:
            store.set_state(number, "interrupted")
            raise
        except BaseException:
            store.set_state(number, "failed")
            raise
        state = "interrupted" if result.get("stopped") == "interrupted" else "done"
        seconds = before + time.perf_counter() - begun
        store.set_state(number, state, {**result, "seconds": round(seconds, 2)})
    return store.get(number)


def _train(number: int, run: Run, splits: Splits, store: RunStore, hooks: Hooks, resume: bool) -> Result:
    training, folder = run.training, store.files_of(number)
    if run.model_name == "boosted_trees":
        trees = _trees(run, splits)
        return {**_measured(splits.validation, trees.predict(splits.validation)), "trees": trees.trees}
    model = network(run.model_name, splits.schema, _settings(run), training.seed)
    counts = {"parameters": parameter_counts(model)}
    if run.model_name == "logistic":
        with _threads(training):
            return {**_linear(run, model, splits, folder, hooks), **counts}
    report = reporter(number, store, hooks)
    outcome = fit(model, splits, training, folder=folder, resume=resume, report=report, stop=hooks.stop)
    return {**told(outcome), **counts}


def reporter(number: int, store: RunStore, hooks: Hooks) -> Callable[[Progress], None]:
    """What writes the looks of a run into the store and passes all on."""

    def report(progress: Progress) -> None:
        if progress.metrics is not None:
            figures = {"epoch": progress.epoch, "loss": progress.loss, **progress.metrics.to_json()}
            store.add_history(number, progress.step, figures)
        hooks.step(progress)

    return report


def _linear(run: Run, model: torch.nn.Module, splits: Splits, folder: Path, hooks: Hooks) -> Result:
    from nas.baselines.logistic import Net
    from nas.training.convex import fit_logistic

    def iteration(count: int, objective: float) -> None:
        if hooks.stop():
            raise KeyboardInterrupt
        hooks.iteration(count, objective)

    found: Fit = fit_logistic(cast(Net, model), splits.train, _settings(run), iteration)
    figures = _measured(splits.validation, predict(model, splits.validation, run.training.evaluation_batch_size))
    checkpoint.save(folder / checkpoint.BEST, model.state_dict(), {"metrics": figures})
    return {**figures, **vars(found)}


def _trees(run: Run, splits: Splits) -> Any:
    from nas.baselines.boosted_trees import BoostedTrees

    return BoostedTrees(_settings(run), run.training.seed).fit(splits.train, splits.validation)


def _settings(run: Run) -> Any:
    """The hyperparameters, without the model's name."""
    return settings_of(run.model_name).model_validate(run.model.model_dump(exclude={"name"}))


def _measured(split: Split, logits: NDArray[np.float32]) -> Result:
    return measure(split.labels, logits, split.groups).to_json()


def told(outcome: Outcome) -> Result:
    """The outcome of a training loop as it is recorded."""
    return {**outcome.metrics, "stopped": outcome.stopped, "steps": outcome.steps, "best_step": outcome.best_step}


@contextmanager
def _threads(training: Training) -> Iterator[None]:
    before = torch.get_num_threads()
    try:
        if training.threads:
            torch.set_num_threads(training.threads)
        yield
    finally:
        torch.set_num_threads(before)
