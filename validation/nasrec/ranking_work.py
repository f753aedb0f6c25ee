"""Units of work of the study of rank correlation: stand-alone trainings, supernets, and scores of subnets by them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nas.data.batch import Split, Splits
from nas.data.config import DataConfig, open_data
from nas.data.synthetic import Synthetic
from nas.search.scoring import Scorer, Scoring
from nas.search.table import ScoreTable
from nas.spaces.architecture import Architecture
from nas.spaces.nasrec import Space
from nas.spaces.sizes import weights
from nas.supernets.nasrec import Supernet, inputs_of
from nas.training import checkpoint
from nas.training.config import Training
from nas.training.loop import fit
from nas.training.models import NASRec, network
from nas.training.supernet import Recipe, SpaceConfig, fit_supernet
from validation.nasrec import setting
from validation.nasrec.ledger import Ledger

STRATEGIES = ("single-operator", "single-path", "any-path")
SPACES = {"balanced": True, "unbalanced": False}
"""Name of a space -> whether its dot products are balanced."""


@dataclass(frozen=True)
class Setting:
    """Sizes of the study. data: a set of `setting.SETS`, or what is planted. rows, validation_rows: drawn once of each
    split. steps: of a stand-alone training. rate: of learning, but for the fine-tuning. full_steps: over which the full
    supernet fades out of the full recipe."""

    data: str | Synthetic
    rows: int
    validation_rows: int
    steps: int
    supernet_steps: int
    full_steps: int
    tuning: Scoring
    subnets: int = 60
    seeds: int = 2
    supernets: int = 3
    rate: float = 3e-3
    schedule: Literal["constant", "linear"] = "constant"
    batch_size: int = setting.BATCH_SIZE
    embedding_dim: int = setting.EMBEDDING_DIM
    space: SpaceConfig = setting.SPACE

    def told(self) -> dict[str, Any]:
        """As JSON values."""
        models = {"tuning": self.tuning.model_dump(mode="json"), "space": self.space.model_dump(mode="json")}
        data = self.data if isinstance(self.data, str) else self.data.model_dump(mode="json")
        return {**vars(self), **models, "data": data}

    def training(self, steps: int, seed: int) -> Training:
        """Of `steps` steps, with one look at validation at the end."""
        return Training(
            steps=steps, evaluate_every=steps, patience=0, learning_rate=self.rate, schedule=self.schedule,
            batch_size=self.batch_size, seed=seed, threads=1,
        )  # fmt: skip


@dataclass(frozen=True)
class Study:
    """A setting with its data and its folder of work."""

    setting: Setting
    splits: Splits
    work: Path

    def space(self, name: str) -> Space:
        """One of SPACES."""
        return self.setting.space.model_copy(update={"balanced": SPACES[name]}).space()

    def subnets(self, name: str) -> list[Architecture]:
        """Random networks of a space; those of the two spaces differ in nothing but their dot products."""
        generator, space = np.random.default_rng(60), self.space(name)
        return [space.sample(generator) for _ in range(self.setting.subnets)]

    def is_same(self, one: Architecture, other: Architecture) -> bool:
        """Whether two networks have the same weights and compute the same: those of both spaces without a dot product
        that balancing changes. They are trained once."""
        inputs = inputs_of(self.splits.schema, self.setting.embedding_dim)
        return list(weights(one, inputs)) == list(weights(other, inputs))

    def alone(self, subnet: Architecture, seed: int) -> dict[str, Any]:
        """AUC on validation of a network that is trained by itself."""
        started = time.process_time()
        text = NASRec(architecture=subnet.to_json(), embedding_dim=self.setting.embedding_dim)
        outcome = fit(
            network("nasrec", self.splits.schema, text, seed), self.splits,
            self.setting.training(self.setting.steps, seed),
        )  # fmt: skip
        return {"auc": outcome.metrics["auc"], "cpu_seconds": time.process_time() - started}

    def train(self, supernet: Supernet, strategy: str, seed: int, folder: Path) -> dict[str, Any]:
        """Train a supernet and leave its weights in `folder`."""
        started = time.process_time()
        folder.mkdir(parents=True, exist_ok=True)
        full_steps = self.setting.full_steps if strategy == STRATEGIES[0] else 0
        recipe = Recipe.model_validate({"strategy": strategy, "full_steps": full_steps})
        outcome = fit_supernet(
            supernet, self.splits, recipe, self.setting.training(self.setting.supernet_steps, seed), folder=folder
        )
        return {"mean_auc": outcome.metrics["auc"], "cpu_seconds": time.process_time() - started}

    def fresh(self, space: str, seed: int) -> Supernet:
        """A supernet before its first step."""
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return Supernet(self.space(space), self.splits.schema, self.setting.embedding_dim)

    def score(self, supernet: Supernet, folder: Path, subnets: list[Architecture], steps: int) -> dict[str, Any]:
        """AUC on validation of subnets with shared weights after `steps` of fine-tuning; 0 where they diverged."""
        started = time.process_time()
        scoring = self.setting.tuning.model_copy(update={"steps": steps})
        table = ScoreTable(folder / "scored.parquet")
        rows = Scorer(supernet, folder / checkpoint.BEST, self.splits, scoring, table)(subnets)
        return {"auc": [row["auc"] or 0.0 for row in rows], "cpu_seconds": time.process_time() - started}


def open_study(chosen: Setting, data: Path, work: Path) -> Study:
    """Training and validation rows of the study; prepared first where that has not been done."""
    if isinstance(chosen.data, str):
        splits = setting.splits_of(chosen.data, data, work)
    else:
        splits = open_data(DataConfig(folder=str(work / "data" / "planted"), synthetic=chosen.data))[1]
    train, validation = _some(splits.train, chosen.rows), _some(splits.validation, chosen.validation_rows)
    return Study(chosen, Splits(train, validation, splits.hashes, splits.about), work)


def _some(split: Split, rows: int) -> Split:
    """Random rows in their order."""
    generator = np.random.default_rng(rows)
    return split.take(np.sort(generator.permutation(split.size)[:rows]).astype(np.int64))


class Worker:
    """Does the units of a study once each. told: called with the name of each."""

    def __init__(self, study: Study, ledger: Ledger, told: Callable[[str], None], prefix: str = ""):
        self.study, self.ledger, self.told, self.prefix = study, ledger, told, prefix
        self.seconds: dict[str, dict[str, float]] = {kind: {} for kind in ("alone", "supernet", "shared", "tuned")}

    def once(self, kind: str, name: str, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The result of a unit, done now or before."""
        unit = f"{self.prefix}{kind}/{name}"
        found: dict[str, Any] = self.ledger.once(unit, work)
        self.seconds[kind][unit] = found["cpu_seconds"]
        self.told(unit)
        return found

    def cpu_seconds(self) -> dict[str, float]:
        """By kind of work."""
        return {kind: round(sum(each.values()), 1) for kind, each in self.seconds.items()}

    def alone(self, space: str, index: int, subnet: Architecture) -> list[float]:
        """AUC of each stand-alone seed."""
        seeds = range(self.study.setting.seeds)
        found = [
            self.once("alone", f"{space}/{index}/{seed}", partial(self.study.alone, subnet, seed)) for seed in seeds
        ]
        return [one["auc"] for one in found]

    def scores(self, space: str, strategy: str, seed: int, subnets: list[Architecture]) -> dict[str, list[float]]:
        """Train a supernet, and score the subnets by it without ("shared") and with fine-tuning ("tuned")."""
        name, study = f"{space}/{strategy}/{seed}", self.study
        folder = study.work / "supernets" / (self.prefix + name)
        supernet = study.fresh(space, seed)
        self.once("supernet", name, lambda: study.train(supernet, strategy, seed, folder))
        checkpoint.load_weights(supernet, checkpoint.load(folder / checkpoint.BEST)[0], folder / checkpoint.BEST)
        steps = {"shared": 0, "tuned": study.setting.tuning.steps}
        return {
            kind: self.once(kind, name, partial(study.score, supernet, folder, subnets, count))["auc"]
            for kind, count in steps.items()
        }


def run(worker: Worker) -> dict[str, Any]:
    """All figures: {space: {"alone": [[AUC a seed] a subnet], "scores": {strategy: {"shared" or "tuned": [[AUC a
    subnet] a supernet]}}}}."""
    study = worker.study
    subnets = {name: study.subnets(name) for name in SPACES}
    figures: dict[str, Any] = {name: {"alone": [], "scores": {}} for name in SPACES}
    for index, pair in enumerate(zip(*subnets.values(), strict=True)):
        same = study.is_same(*pair)
        for name, subnet in zip(SPACES, pair, strict=True):
            figures[name]["alone"].append(worker.alone("balanced" if same else name, index, subnet))
    for seed in range(study.setting.supernets):
        for name in SPACES:
            for strategy in STRATEGIES:
                found = worker.scores(name, strategy, seed, subnets[name])
                kept = figures[name]["scores"].setdefault(strategy, {kind: [] for kind in found})
                for kind, scores in found.items():
                    kept[kind].append(scores)
    return figures


def pilot(worker: Worker) -> dict[str, Any]:
    """The figures of the balanced space and the full recipe alone, as `run` gives them."""
    subnets = worker.study.subnets("balanced")
    alone = [worker.alone("balanced", index, subnet) for index, subnet in enumerate(subnets)]
    every = [worker.scores("balanced", STRATEGIES[0], seed, subnets) for seed in range(worker.study.setting.supernets)]
    return {"alone": alone, "scores": {kind: [one[kind] for one in every] for kind in every[0]}}
