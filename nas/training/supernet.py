"""Training a supernet on the loop of single networks: every step another path, looks at validation over fixed paths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field
from torch import Tensor, nn

from nas.data.batch import Split, Splits
from nas.data.config import DataConfig, open_data
from nas.spaces.architecture import Architecture
from nas.spaces.nasrec import Space
from nas.supernets.nasrec import Supernet, sample_path
from nas.training.config import Training
from nas.training.evaluate import evaluate
from nas.training.loop import Outcome, fit_task, rates
from nas.training.metrics import Metrics
from nas.training.models import Spread, parameter_counts
from nas.training.run import Hooks, check_hashes, machine, recorded, reporter, resumable, told
from nas.training.slices import SliceOptimizer
from nas.training.store import Record, RunStore
from pimsim.hardware.circuit import Model
from pimsim.hardware.load import load_path, validate_tree
from pimsim.hardware.merge import apply_overrides
from pimsim.hardware.yaml_source import Mapping

Widths = Annotated[tuple[Annotated[int, Field(ge=1, le=65536)], ...], Field(min_length=1, max_length=64)]
Names = Annotated[tuple[str, ...], Field(min_length=2, max_length=16)]


class SpaceConfig(Model):
    """A space by name, and what of it is other than the paper's."""

    kind: Literal["full", "small"] = Field(default="full", description="NASRec-Full or NASRec-Small")
    blocks: int = Field(default=7, ge=1, le=64)
    operators: Names | None = Field(default=None, description="some of the space's; null: all")
    dense_widths: Widths = (16, 32, 64, 128, 256, 512, 768, 1024)
    sparse_widths: Widths = (16, 32, 48, 64)
    most_connections: Annotated[int, Field(ge=1, le=64)] | None = Field(default=4, description="null: any number")
    use_layernorm: bool = True
    balanced: bool = Field(default=True, description="dot products over about sqrt(2 x width) projected features")

    def space(self) -> Space:
        """The space. Raises InputError for widths that are not sorted, and for unknown operators."""
        made = Space.full if self.kind == "full" else Space.small
        return made(**self.model_dump(exclude={"kind"} | ({"operators"} if self.operators is None else set())))


class Recipe(Model):
    """How paths are drawn and looked at. Defaults: the paper's single-operator any-connection with warm-up."""

    embedding_dim: int = Field(default=16, ge=1, le=4096)
    table_cap: int = Field(default=500_000, ge=2, le=2**31 - 1, description="rows of an embedding table at most")
    embedding_std: Spread = None
    strategy: Literal["single-operator", "single-path", "any-path"] = "single-operator"
    full_steps: int = Field(default=0, ge=0, le=10**12, description="steps over which the full supernet fades out")
    look_paths: int = Field(default=8, ge=1, le=10_000, description="paths whose mean a look at validation is")
    look_rows: int = Field(default=0, ge=0, le=2**31, description="first rows of validation looked at, 0: all")


class SupernetRun(Model):
    """A whole run of `nas supernet`."""

    name: str = Field(default="", max_length=200)
    data: DataConfig
    space: SpaceConfig = SpaceConfig()
    supernet: Recipe = Recipe()
    training: Training = Training()


class Shared:
    """The task of a supernet. The path of a step follows from seed and step; looks average over paths drawn once."""

    def __init__(self, supernet: Supernet, recipe: Recipe, settings: Training):
        self.model: nn.Module = supernet.to(settings.device)
        self.supernet, self.recipe, self.settings = supernet, recipe, settings
        self.optimizer = SliceOptimizer(supernet, settings.optimizer, **rates(settings))
        generator = np.random.default_rng([settings.seed, 2])
        self.paths = [supernet.space.sample(generator) for _ in range(recipe.look_paths)]

    def path(self, step: int) -> Architecture:
        """What is trained at `step`."""
        generator = np.random.default_rng([self.settings.seed, 1, step])
        return sample_path(self.supernet.space, generator, step, self.recipe.full_steps, self.recipe.strategy)

    def logits(self, step: int, dense: Tensor, sparse: Tensor) -> Tensor:
        found: Tensor = self.supernet(dense, sparse, self.path(step))
        return found

    def look(self, split: Split) -> Metrics:
        if 0 < self.recipe.look_rows < split.size:
            split = split.take(np.arange(self.recipe.look_rows))
        return mean_metrics([self._measured(path, split) for path in self.paths])

    def _measured(self, path: Architecture, split: Split) -> Metrics:
        return evaluate(PathOf(self.supernet, path), split, self.settings.evaluation_batch_size, self.settings.device)


class PathOf(nn.Module):
    """One architecture of a supernet with the shared weights, as a model: (dense, sparse) -> logits."""

    def __init__(self, supernet: Supernet, architecture: Architecture):
        super().__init__()
        self.supernet, self.architecture = supernet, architecture

    def forward(self, dense: Tensor, sparse: Tensor) -> Tensor:
        found: Tensor = self.supernet(dense, sparse, self.architecture)
        return found


def mean_metrics(found: Sequence[Metrics]) -> Metrics:
    """Field by field; GAUC None where one is."""
    means: dict[str, Any] = {}
    for field in fields(Metrics):
        values = [getattr(metrics, field.name) for metrics in found]
        means[field.name] = None if None in values else float(np.mean(values))
    return Metrics(**{**means, "rows": found[0].rows})


def fit_supernet(supernet: Supernet, splits: Splits, recipe: Recipe, settings: Training, **how: Any) -> Outcome:
    """Train a supernet; `how` as for `nas.training.loop.fit_task` (folder, resume, report, stop)."""
    return fit_task(lambda: Shared(supernet, recipe, settings), splits, settings, **how)


def load_supernet_run(path: str | Path | None, overrides: Sequence[str] = ()) -> SupernetRun:
    """The run of a YAML file with overrides. Raises InputError with every problem."""
    if path is not None:
        return load_path(Path(path), SupernetRun, overrides=overrides)
    from pimsim.errors import Place

    return validate_tree(SupernetRun, apply_overrides(Mapping({}, Place(), 1, 1), overrides))[0]


def fresh(run: SupernetRun, splits: Splits) -> Supernet:
    """The supernet of a run before its first step."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(run.training.seed)
        recipe = run.supernet
        return Supernet(run.space.space(), splits.schema, recipe.embedding_dim, recipe.table_cap, recipe.embedding_std)


def start_supernet(run: SupernetRun, store: RunStore, hooks: Hooks | None = None) -> Record:
    """Train and record a supernet; returns the record."""
    splits = open_data(run.data)[1]
    told_settings = run.model_dump(mode="json")
    number = store.begin("supernet", "supernet", told_settings, splits.hashes, machine(run.training), run.name)
    return _go(number, run, splits, store, hooks or Hooks(), False)


def resume_supernet(number: int, store: RunStore, hooks: Hooks | None = None) -> Record:
    """Go on with an interrupted supernet, to the result that it would have had."""
    record = resumable(number, store, "supernet")
    run = SupernetRun.model_validate(record.config, strict=False)
    splits = open_data(run.data)[1]
    check_hashes(record, splits)
    return _go(number, run, splits, store, hooks or Hooks(), True)


def supernet_of(record: Record, store: RunStore, splits: Splits) -> Supernet:
    """The supernet of a finished run with its chosen weights."""
    from nas.training import checkpoint

    supernet = fresh(SupernetRun.model_validate(record.config, strict=False), splits)
    path = store.files_of(record.id) / checkpoint.BEST
    checkpoint.load_weights(supernet, checkpoint.load(path)[0], path)
    return supernet


def _go(number: int, run: SupernetRun, splits: Splits, store: RunStore, hooks: Hooks, resume: bool) -> Record:
    def work() -> dict[str, Any]:
        supernet = fresh(run, splits)
        outcome = fit_supernet(
            supernet, splits, run.supernet, run.training, folder=store.files_of(number), resume=resume,
            report=reporter(number, store, hooks), stop=hooks.stop,
        )  # fmt: skip
        return {**told(outcome), "parameters": parameter_counts(supernet)}

    return recorded(number, store, hooks, work)
