"""The training loop: batches in a seeded order, looks at validation, early stopping, checkpoints to resume from."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nas.data.batch import Split, Splits
from nas.training import checkpoint
from nas.training.config import Training
from nas.training.evaluate import evaluate
from nas.training.metrics import Metrics
from nas.training.optimizer import Optimizer
from nas.training.schedules import factor
from pimsim.errors import InputError


@dataclass(frozen=True)
class Progress:
    """Where a run is. loss: mean training loss since the last look. metrics: of a look at validation, else None."""

    step: int
    total: int
    epoch: int
    loss: float
    seconds: float
    metrics: Metrics | None = None
    best: bool = False


@dataclass(frozen=True)
class Outcome:
    """What a run came to. The model holds the weights of `best_step`. history: one mapping a look at validation.

    stopped: "patience", "end", or "interrupted" (then nothing is final, and a resumed run goes on).
    """

    stopped: str
    steps: int
    best_step: int
    metrics: dict[str, Any]
    history: tuple[dict[str, Any], ...]


@dataclass
class _State:
    """What changes while training, beside the weights."""

    step: int = 0
    since_best: int = 0
    best_step: int = 0
    best_value: float | None = None
    loss_sum: float = 0.0
    loss_count: int = 0
    history: list[dict[str, Any]] = field(default_factory=list)


class Task(Protocol):
    """What the loop trains: a model, how a step computes its logits, and what a look at validation measures."""

    model: nn.Module
    optimizer: Any

    def logits(self, step: int, dense: Tensor, sparse: Tensor) -> Tensor:
        """Of a batch at `step` (from 0); whatever it draws follows from the step and the settings alone."""

    def look(self, split: Split) -> Metrics:
        """The quality of the model now."""


class Single(Task):
    """One network, trained by itself."""

    def __init__(self, model: nn.Module, settings: Training):
        self.model = model.to(settings.device)
        self.settings = settings
        self.optimizer = Optimizer(self.model, settings.optimizer, **rates(settings))

    def logits(self, step: int, dense: Tensor, sparse: Tensor) -> Tensor:
        found: Tensor = self.model(dense, sparse)
        return found

    def look(self, split: Split) -> Metrics:
        return evaluate(self.model, split, self.settings.evaluation_batch_size, self.settings.device)


def rates(settings: Training) -> dict[str, Any]:
    """The arguments of an optimiser."""
    return {
        "rate": settings.learning_rate,
        "table_rate": settings.embedding_learning_rate,
        "weight_decay": settings.weight_decay,
        "table_l2": settings.embedding_l2,
        "initial_accumulator": settings.initial_accumulator,
    }


def fit(model: nn.Module, splits: Splits, settings: Training, **how: Any) -> Outcome:
    """Train one network; `how` as for `fit_task`."""
    return fit_task(lambda: Single(model, settings), splits, settings, **how)


def fit_task(
    task: Callable[[], Task],
    splits: Splits,
    settings: Training,
    *,
    folder: Path | None = None,
    resume: bool = False,
    report: Callable[[Progress], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Outcome:
    """Train a model and leave the weights of its best look at validation in it.

    folder: where checkpoints go (None: best weights are held in memory, and nothing can be resumed). resume: go on from
    the checkpoint there, to the same result as a run that was never interrupted. stop: asked after every step; when it
    says yes, the state is saved and the outcome is "interrupted". Raises InputError for an empty split, a loss that is
    not finite, or a checkpoint that is of another run.
    """
    for split in (splits.train, splits.validation):
        if not split.size:
            raise InputError(f"the {split.name} split has no rows")
    with _reproducible(settings):
        return _Loop(task(), splits, settings, folder, report, stop).run(resume)


class _Loop:
    def __init__(
        self,
        task: Task,
        splits: Splits,
        settings: Training,
        folder: Path | None,
        report: Callable[[Progress], None] | None,
        stop: Callable[[], bool] | None,
    ):
        self.task, self.model, self.optimizer = task, task.model, task.optimizer
        self.splits, self.settings, self.folder = splits, settings, folder
        self.report, self.stop = report or (lambda progress: None), stop or (lambda: False)
        self.per_epoch = -(-splits.train.size // settings.batch_size)
        self.total = settings.steps or settings.epochs * self.per_epoch
        self.every = settings.evaluate_every or self.per_epoch
        self.state = _State()
        self.best: dict[str, Tensor] = {}
        self.started = time.perf_counter()

    def run(self, resume: bool) -> Outcome:
        if resume:
            self._restore()
        state, settings = self.state, self.settings
        self.model.train()
        while state.step < self.total and not self._patience_is_out():
            epoch = state.step // self.per_epoch
            for dense, sparse, labels in self._batches(epoch, state.step % self.per_epoch):
                self._step(dense, sparse, labels)
                looked = state.step % self.every == 0 or state.step == self.total
                if looked:
                    self._look(epoch)
                ended = state.step == self.total or self._patience_is_out()
                interrupted = not ended and self.stop()
                due = settings.checkpoint_every and state.step % settings.checkpoint_every == 0
                if looked or interrupted or due:
                    self._save()
                if interrupted:
                    return self._outcome("interrupted")
                if ended:
                    break
        self._take_best()
        return self._outcome("patience" if state.step < self.total else "end")

    def _batches(self, epoch: int, done: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """The batches of an epoch after the first `done`; their order follows from the seed and the epoch alone."""
        generator = np.random.default_rng([self.settings.seed, epoch])
        for batch in self.splits.train.batches(self.settings.batch_size, generator, start=done):
            yield batch.tensors(self.settings.device)

    def _step(self, dense: Tensor, sparse: Tensor, labels: Tensor) -> None:
        state, settings = self.state, self.settings
        self.optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(self.task.logits(state.step, dense, sparse), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        if settings.clip_norm:
            self.optimizer.clip(settings.clip_norm)
        self.optimizer.step(
            factor(settings.schedule, state.step, self.total, settings.warmup_steps, settings.final_factor)
        )
        value = loss.item()
        if not math.isfinite(value):
            raise InputError(
                f"the training loss is {value} at step {state.step + 1}: lower training.learning_rate "
                f"(now {settings.learning_rate:g}) or set training.clip_norm"
            )
        state.step += 1
        state.loss_sum += value
        state.loss_count += 1
        self.report(self._progress((state.step - 1) // self.per_epoch))

    def _look(self, epoch: int) -> None:
        state, settings = self.state, self.settings
        metrics = self.task.look(self.splits.validation)
        value = _worth(metrics, settings.metric)
        best = state.best_value is None or value > state.best_value
        if best:
            state.best_value, state.best_step, state.since_best = value, state.step, 0
            self._keep_best(metrics)
        else:
            state.since_best += 1
        progress = self._progress(epoch, metrics, best)
        state.history.append(
            {"step": state.step, "epoch": epoch, "loss": progress.loss, "best": best, **metrics.to_json()}
        )
        state.loss_sum, state.loss_count = 0.0, 0
        self.report(progress)

    def _progress(self, epoch: int, metrics: Metrics | None = None, best: bool = False) -> Progress:
        loss = self.state.loss_sum / max(1, self.state.loss_count)
        seconds = time.perf_counter() - self.started
        return Progress(self.state.step, self.total, epoch, loss, seconds, metrics, best)

    def _patience_is_out(self) -> bool:
        return bool(self.settings.patience) and self.state.since_best >= self.settings.patience

    def _keep_best(self, metrics: Metrics) -> None:
        weights = self.model.state_dict()
        if self.folder is None:
            self.best = {key: value.clone() for key, value in weights.items()}
        else:
            about = {"step": self.state.step, "metrics": metrics.to_json()}
            checkpoint.save(self.folder / checkpoint.BEST, weights, about)

    def _take_best(self) -> None:
        if self.folder is None:
            self.model.load_state_dict(self.best)
        else:
            path = self.folder / checkpoint.BEST
            checkpoint.load_weights(self.model, checkpoint.load(path, self.settings.device)[0], path)

    def _save(self) -> None:
        if self.folder is None:
            return
        tensors = {f"model.{key}": value for key, value in self.model.state_dict().items()}
        tensors |= {f"optimizer.{key}": value for key, value in self.optimizer.state().items()}
        tensors["rng"] = torch.get_rng_state()
        about = {"state": vars(self.state), "settings": _identity(self.settings)}
        checkpoint.save(self.folder / checkpoint.LAST, tensors, about)

    def _restore(self) -> None:
        if self.folder is None:
            raise InputError("only a run with a folder of checkpoints can be resumed")
        path = self.folder / checkpoint.LAST
        if not path.exists():
            return  # interrupted before the first checkpoint: the run starts anew, to the same result
        tensors, about = checkpoint.load(path, self.settings.device)
        if about.get("settings") != _identity(self.settings):
            raise InputError(f"{path} was written with other training settings; resume with those of the run")
        checkpoint.load_weights(self.model, checkpoint.part(tensors, "model"), path)
        self.optimizer.load(checkpoint.part(tensors, "optimizer"))
        torch.set_rng_state(tensors["rng"].cpu())
        self.state = _State(**about["state"])

    def _outcome(self, stopped: str) -> Outcome:
        best: dict[str, Any] = next((look for look in self.state.history if look["step"] == self.state.best_step), {})
        metrics = {key: value for key, value in best.items() if key not in ("step", "epoch", "loss", "best")}
        return Outcome(stopped, self.state.step, self.state.best_step, metrics, tuple(self.state.history))


def _worth(metrics: Metrics, name: str) -> float:
    """The metric so that more is better; one that is not defined (an AUC of one class) is worse than any."""
    value = -metrics.logloss if name == "logloss" else getattr(metrics, name)
    if value is None:
        raise InputError("training.metric gauc needs groups, and the data set's spec names no group column")
    return float(value) if math.isfinite(value) else -math.inf


def _identity(settings: Training) -> dict[str, Any]:
    """The settings that decide what is computed."""
    return settings.model_dump(mode="json", exclude={"checkpoint_every"})


@contextmanager
def _reproducible(settings: Training) -> Iterator[None]:
    """torch's generator seeded and its algorithms deterministic, threads as asked for; all put back afterwards."""
    deterministic, threads = torch.are_deterministic_algorithms_enabled(), torch.get_num_threads()
    memory = torch.utils.deterministic
    fill = memory.fill_uninitialized_memory  # type: ignore[attr-defined]
    devices = [torch.cuda.current_device()] if settings.device == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        try:
            torch.manual_seed(settings.seed)
            torch.use_deterministic_algorithms(settings.device == "cpu")
            memory.fill_uninitialized_memory = False  # type: ignore[attr-defined]
            if settings.threads:
                torch.set_num_threads(settings.threads)
            yield
        finally:
            torch.use_deterministic_algorithms(deterministic)
            memory.fill_uninitialized_memory = fill  # type: ignore[attr-defined]
            torch.set_num_threads(threads)
