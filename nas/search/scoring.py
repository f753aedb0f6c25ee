"""Quality of architectures with the weights of a supernet, fine-tuned a little before they are measured.

Shared weights serve many networks and none well. So a sampled one gets a copy, and some steps of training on a part of
it, before it is scored (Zhang et al., WWW 2023, post-training fine-tuning). A score follows from the supernet, the
data, the settings and the architecture alone, not from what was scored before.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from nas.data.batch import Splits
from nas.objectives.objective import Objective
from nas.search.table import ScoreTable
from nas.spaces.architecture import Architecture
from nas.supernets.nasrec import Network, Supernet, key_of
from nas.training.config import Training
from nas.training.evaluate import evaluate
from nas.training.loop import fit
from nas.training.metrics import measure
from pimsim.errors import InputError
from pimsim.hardware.circuit import Model

Array = np.ndarray[Any, Any]

FLUSH = 8
"""Scores between writes of the table: what a killed process loses at most."""


class Scoring(Model):
    """How an architecture is scored. part: what is fine-tuned; the embeddings are in `all` only."""

    steps: int = Field(default=500, ge=0, le=10**9, description="of fine-tuning; 0: the shared weights as they are")
    part: Literal["head", "network", "all"] = Field(default="head", description="head: the last linear layer")
    rows: int = Field(default=0, ge=0, le=2**31, description="first rows of validation that are scored, 0: all")
    batch_size: int = Field(default=512, ge=1, le=10_000_000)
    evaluation_batch_size: int = Field(default=8192, ge=1, le=10_000_000)
    optimizer: Literal["adam", "adagrad"] = "adam"
    learning_rate: float = Field(default=1e-3, ge=0, le=1e6, allow_inf_nan=False)
    seed: int = Field(default=0, ge=0, lt=2**63)
    threads: int = Field(default=0, ge=0, le=4096, description="threads of torch, 0: as torch chooses")

    def training(self) -> Training:
        """The settings of the training loop: one look at the end."""
        own = self.model_dump(exclude={"part", "rows"})
        return Training(**own, evaluate_every=self.steps, patience=0)


class Tuned(nn.Module):
    """A network of which one part is trained: that part alone is a parameter of this module."""

    def __init__(self, network: Network, part: str):
        super().__init__()
        self._whole = (network,)  # in a tuple, so that torch does not take its parameters for ours
        for parameter in network.parameters():
            parameter.requires_grad_(False)
        chosen = [key_of("head.weight"), key_of("head.bias")] if part == "head" else list(network.matrices)
        self.tuned = nn.ParameterList([network.matrices[key].requires_grad_() for key in chosen])

    def forward(self, dense: Tensor, sparse: Tensor) -> Tensor:
        found: Tensor = self._whole[0](dense, sparse)
        return found


class Scorer:
    """scorer(architectures) -> their metrics on validation; those that the table holds are not computed again.

    weights: the file of the supernet's weights, whose content is part of what names a score.
    """

    def __init__(self, supernet: Supernet, weights: Path, splits: Splits, settings: Scoring, table: ScoreTable):
        self.supernet, self.settings, self.table = supernet, settings, table
        rows = settings.rows
        some = splits.validation.take(np.arange(rows)) if 0 < rows < splits.validation.size else splits.validation
        self.splits = Splits(splits.train, some, splits.hashes, splits.about)
        told = {
            "weights": hashlib.sha256(weights.read_bytes()).hexdigest(),
            "data": [splits.hashes["training"], splits.hashes["validation"]],
            "scoring": settings.model_dump(mode="json", exclude={"evaluation_batch_size"}),
        }
        self.name = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]
        self.reused = 0

    def __call__(
        self, architectures: Sequence[Architecture], scored: Callable[[int], None] = lambda count: None
    ) -> list[dict[str, Any]]:
        """See the class. scored: told after each how many are done; it may raise to interrupt, and what was scored is
        kept."""
        found: list[dict[str, Any]] = []
        fresh: list[dict[str, Any]] = []
        try:
            for one in architectures:
                row = self.table.get(self.name, one)
                if row is None:
                    row = self._row(one)
                    fresh.append(row)
                else:
                    self.reused += 1
                if len(fresh) == FLUSH:
                    self.table.add(fresh)
                    fresh = []
                found.append(row)
                scored(len(found))
        finally:
            self.table.add(fresh)
        return found

    def _row(self, architecture: Architecture) -> dict[str, Any]:
        started = time.perf_counter()
        metrics = self.measure(architecture)
        seconds = time.perf_counter() - started
        return self.table.row(self.name, architecture, {**metrics, "seconds": seconds})

    def measure(self, architecture: Architecture) -> dict[str, Any]:
        """The metrics after fine-tuning; none where the loss did not stay finite."""
        settings = self.settings
        network = self.supernet.network(architecture, copy_embeddings=settings.part == "all")
        if not settings.steps:
            return evaluate(network, self.splits.validation, settings.evaluation_batch_size).to_json()
        model = network if settings.part == "all" else Tuned(network, settings.part)
        try:
            return fit(model, self.splits, settings.training()).metrics
        except InputError:  # of a loss that is not finite: the network is worth nothing, the search goes on
            return {}


class BatchQuality:
    """quality(architectures, step) -> (n,) the objective's metric of networks with the shared weights as they are, all
    on the same rows of validation, which follow from seed and step. GAUC is taken as AUC: users have few rows there."""

    def __init__(self, scorer: Scorer, objective: Objective, batch_size: int, seed: int):
        self.supernet, self.split, self.threads = scorer.supernet, scorer.splits.validation, scorer.settings.threads
        own = {"metric": "auc"} if objective.metric == "gauc" else {}
        self.objective, self.batch_size, self.seed = objective.model_copy(update=own), batch_size, seed

    def __call__(self, architectures: Sequence[Architecture], step: int) -> Array:
        """See the class."""
        generator = np.random.default_rng([self.seed, step, 2])
        rows = generator.choice(self.split.size, min(self.batch_size, self.split.size), replace=False)
        batch = self.split.rows(np.sort(rows))
        dense, sparse, _ = batch.tensors()
        before = torch.get_num_threads()
        try:
            torch.set_num_threads(self.threads or before)
            with torch.no_grad():
                found = [self.supernet(dense, sparse, one).numpy() for one in architectures]
        finally:
            torch.set_num_threads(before)
        return np.array([self._measured(batch.labels, logits) for logits in found])

    def _measured(self, labels: Array, logits: Array) -> float:
        if not np.isfinite(logits).all():
            return -np.inf
        return self.objective.quality(measure(labels, logits).to_json())
