"""Supernets that are timed against each other: ours, the authors' code from a copy of it, and a plain twin in torch."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from nas.data.fields import Schema, SparseField
from nas.spaces.architecture import Architecture
from nas.spaces.nasrec import Space

RATE = 0.02


@dataclass(frozen=True)
class Case:
    """A space, the inputs of a batch, and how often everything is timed."""

    blocks: int
    dense_widths: tuple[int, ...]
    sparse_widths: tuple[int, ...]
    dense: int
    fields: int
    rows: int
    batch: int
    pairs: int

    @property
    def space(self) -> Space:
        """NASRec-Full with these widths."""
        return Space.full(blocks=self.blocks, dense_widths=self.dense_widths, sparse_widths=self.sparse_widths)

    @property
    def schema(self) -> Schema:
        """Fields of `rows` values each."""
        fields = tuple(SparseField(f"s{i}", self.rows) for i in range(self.fields))
        return Schema(tuple(f"d{i}" for i in range(self.dense)), fields)

    def rows_of_a_batch(self, seed: int) -> tuple[Tensor, Tensor, Tensor]:
        """(dense, sparse, labels), drawn."""
        g = torch.Generator().manual_seed(seed)
        sparse = torch.randint(0, self.rows, (self.batch, self.fields), generator=g)
        labels = (torch.rand(self.batch, generator=g) < 0.3).float()
        return torch.randn(self.batch, self.dense, generator=g), sparse, labels

    def paths(self, count: int, seed: int = 0) -> list[Architecture]:
        """Networks drawn as a supernet draws them."""
        generator = np.random.default_rng(seed)
        return [self.space.sample(generator) for _ in range(count)]


@dataclass(frozen=True)
class Rival:
    """A supernet and its optimiser. prepare: of a path, outside the timed part; logits: of its result and a batch."""

    name: str
    prepare: Callable[[Architecture], Any]
    logits: Callable[[Any, Tensor, Tensor], Tensor]
    zero_grad: Callable[[], None]
    update: Callable[[], object]
    train: Callable[[bool], object]

    def step(self, path: Any, batch: tuple[Tensor, Tensor, Tensor]) -> None:
        """One training step."""
        dense, sparse, labels = batch
        self.zero_grad()
        loss = F.binary_cross_entropy_with_logits(self.logits(path, dense, sparse), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        self.update()

    def score(self, path: Any, batch: tuple[Tensor, Tensor, Tensor]) -> None:
        """The logits of a batch, without gradients."""
        with torch.inference_mode():
            self.logits(path, *batch[:2])


def rival_of(name: str, case: Case, folder: Path | None = None) -> Rival:
    """The rival of a name; folder: of the authors' code."""
    if name == "official":
        assert folder is not None
        return official(case, folder)
    return ours(case) if name == "ours" else twin(case)


def ours(case: Case) -> Rival:
    """The supernet of this repository with its optimiser."""
    from nas.supernets.nasrec import Supernet
    from nas.training.slices import SliceOptimizer

    torch.manual_seed(0)
    model = Supernet(case.space, case.schema)
    optimizer = SliceOptimizer(model, "adagrad", rate=RATE)
    return Rival(
        "ours", lambda path: path, lambda path, dense, sparse: model(dense, sparse, path),
        optimizer.zero_grad, optimizer.step, model.train,
    )  # fmt: skip


def twin(case: Case) -> Rival:
    """Plain torch: full widths, masked."""
    from validation.nasrec.speed_twin import PlainSupernet

    torch.manual_seed(0)
    model = PlainSupernet(case)
    optimizer = torch.optim.Adagrad(model.parameters(), lr=RATE)
    return Rival(
        "twin", lambda path: path, lambda path, dense, sparse: model(dense, sparse, path),
        optimizer.zero_grad, optimizer.step, model.train,
    )  # fmt: skip


def official(case: Case, folder: Path) -> Rival:
    """The authors' supernet (facebookresearch/NasRec in `folder`), its shapes inferred by a full pass as they do it."""
    theirs = official_module(folder)
    torch.manual_seed(0)
    widths = {"dense_node_dims": list(case.dense_widths), "sparse_node_dims": list(case.sparse_widths)}
    config = dict(theirs.ops_config_lib["xlarge"], **widths)
    model = theirs.SuperNet(
        num_blocks=case.blocks, ops_config=config, use_layernorm=True, activation="relu",
        num_embeddings=[case.rows] * case.fields, sparse_input_size=case.fields,
        path_sampling_strategy="full-path", anypath_choice="binomial-0.5",
    )  # fmt: skip
    dense, sparse, _ = case.rows_of_a_batch(0)
    with torch.no_grad():
        model(dense[:8], sparse[:8])
    model.configure_path_sampling_strategy("fixed-path")
    optimizer = torch.optim.Adagrad(model.parameters(), lr=RATE)

    def logits(choice: Any, dense: Tensor, sparse: Tensor) -> Tensor:
        found: Tensor = model(dense, sparse).squeeze(-1)
        return found

    def prepare(path: Architecture) -> None:
        model.configure_choice(json.loads(path.to_json()))

    return Rival("official", prepare, logits, optimizer.zero_grad, optimizer.step, model.train)


def official_module(folder: Path) -> Any:
    """Their module with `SuperNet` in it. Raises InputError where there is none."""
    from pimsim.errors import InputError

    if not (folder / "nasrec" / "supernet" / "supernet.py").exists():
        raise InputError(f"--official: no nasrec/supernet/supernet.py in {folder}")
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    import importlib

    return importlib.import_module("nasrec.supernet.supernet")
