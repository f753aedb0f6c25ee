"""A click generator whose interactions are known, and with them the best AUC that any model can reach.

Fields are independent and uniform. The logit of a click is

    bias + sum over the main fields of m_f[x_f] + strength * sum over the groups of prod over f in group of a_f[x_f]

with m_f of mean 0 and deviation `main`, and a_f of mean square 1. With offset 0 every a_f has mean 0, so that a product
of k of them cannot be seen from fewer than k fields; with an offset above 0 it shows weakly in fewer as well, as in
real data, which is what lets a network find it step by step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from nas.data.batch import Splits
from nas.data.fields import Schema, SparseField
from nas.data.prepare import check_request, described, make_folder
from nas.data.splitting import NAMES
from nas.data.store import META, SplitWriter, open_splits
from pimsim.hardware.circuit import Model

EXACT_CELLS = 4_000_000  # combinations of the informative fields up to which the bound is summed, not sampled
SAMPLED = 2_000_000  # rows otherwise
_BLOCKS = 16  # of the sample, for its standard error
_STEP = 65_536


class Synthetic(Model):
    """What is planted. interaction: false takes the products out of the logit and leaves everything else."""

    rows: Annotated[int, Field(ge=1000, le=100_000_000)] = 400_000  # of training
    validation_rows: Annotated[int, Field(ge=100, le=100_000_000)] = 50_000
    test_rows: Annotated[int, Field(ge=100, le=100_000_000)] = 100_000
    fields: Annotated[int, Field(ge=1, le=200)] = 8
    values: Annotated[int, Field(ge=2, le=50)] = 10  # of each field
    dense: Annotated[int, Field(ge=0, le=200)] = 2  # standard normal columns that say nothing
    groups: tuple[tuple[Annotated[int, Field(ge=0)], ...], ...] = ((0, 1, 2),)  # fields that are multiplied
    strength: Annotated[float, Field(ge=0.0, le=100.0)] = 1.5
    offset: Annotated[float, Field(ge=0.0, le=10.0)] = 0.5
    main_fields: tuple[Annotated[int, Field(ge=0)], ...] = (0, 1, 2, 3)
    main: Annotated[float, Field(ge=0.0, le=100.0)] = 0.5
    bias: Annotated[float, Field(ge=-20.0, le=20.0)] = -1.0
    interaction: bool = True

    @model_validator(mode="after")
    def _known_fields(self) -> Synthetic:
        for group in (*self.groups, self.main_fields):
            if len(set(group)) < len(group) or any(field >= self.fields for field in group):
                raise ValueError(f"groups and main_fields must name different fields from 0 to {self.fields - 1}")
        if any(len(group) < 2 for group in self.groups):
            raise ValueError("a group needs at least 2 fields")
        return self

    @property
    def order(self) -> int:
        """Order of the highest planted interaction; 1 where there is none."""
        return max((len(group) for group in self.groups), default=1) if self.interaction else 1


@dataclass(frozen=True)
class Truth:
    """The effects behind a set. main, latent: (fields, values)."""

    setting: Synthetic
    main: NDArray[np.float64]
    latent: NDArray[np.float64]

    def logits(self, ids: NDArray[np.int64]) -> NDArray[np.float64]:
        """(n,) logits of rows of values, ids (n, fields) from 0."""
        total = np.full(len(ids), self.setting.bias)
        for field in self.setting.main_fields:
            total += self.main[field][ids[:, field]]
        if self.setting.interaction:
            for group in self.setting.groups:
                product = np.full(len(ids), self.setting.strength)
                for field in group:
                    product *= self.latent[field][ids[:, field]]
                total += product
        return total

    def bound(self) -> dict[str, Any]:
        """The AUC and LogLoss of the true probabilities: summed over all combinations of the informative fields
        ("exact"), or over a large sample of rows with their true probabilities, with its standard error ("sample")."""
        informative = sorted(self._informative())
        cells = self.setting.values ** len(informative)
        if cells <= EXACT_CELLS:
            ids = np.zeros((cells, self.setting.fields), np.int64)
            grid = np.unravel_index(np.arange(cells), (self.setting.values,) * len(informative)) if informative else ()
            for field, column in zip(informative, grid, strict=True):
                ids[:, field] = column
            logits = self.logits(ids)
            return {"method": "exact", "cells": cells, "auc": bayes_auc(logits), "log_loss": _entropy(logits)}
        generator = np.random.default_rng([self.setting.values, cells % 2**32, 0xBA1E5])
        blocks = []
        for _ in range(_BLOCKS):
            ids = generator.integers(0, self.setting.values, (SAMPLED // _BLOCKS, self.setting.fields))
            blocks.append(self.logits(ids))
        spread = float(np.std([bayes_auc(block) for block in blocks], ddof=1) / np.sqrt(_BLOCKS))
        logits = np.concatenate(blocks)
        found = {"auc": bayes_auc(logits), "log_loss": _entropy(logits), "standard_error": spread}
        return {"method": "sample", "rows": len(logits), **found}

    def _informative(self) -> set[int]:
        fields = set(self.setting.main_fields) if self.setting.main else set()
        if self.setting.interaction and self.setting.strength:
            fields |= {field for group in self.setting.groups for field in group}
        return fields


def truth_of(setting: Synthetic, seed: int) -> Truth:
    """The effects that `seed` draws; the same ones with and without the interaction."""
    generator = np.random.default_rng([seed, 0])
    shape = (setting.fields, setting.values)
    # Evenly spaced values in random order: bounded, so that no single value carries a product.
    spaced = np.linspace(-1.0, 1.0, setting.values)
    spaced /= np.sqrt(np.mean(spaced**2))
    latent = np.stack([generator.permutation(spaced) for _ in range(setting.fields)])
    latent = (latent + setting.offset) / np.sqrt(1.0 + setting.offset**2)
    main = generator.standard_normal(shape)
    main = main - main.mean(axis=1, keepdims=True)
    main *= setting.main / np.sqrt(np.mean(main**2, axis=1, keepdims=True))
    return Truth(setting, main, latent)


def made(setting: Synthetic, folder: str | Path, *, seed: int = 0) -> Splits:
    """The splits of a generated set; made in `folder` at the first call, opened at every later one.

    about["bayes"] holds the bound (see `Truth.bound`) and `validation_auc`, `test_auc`: what the true logits reach on
    the very rows of these splits. The id of value v is v + 1, id 0 is never drawn.
    """
    folder = Path(folder)
    request = {"synthetic": setting.model_dump(mode="json"), "seed": seed}
    if (folder / META).exists():
        check_request(folder, request)
        return open_splits(folder)
    truth = truth_of(setting, seed)
    sparse = tuple(SparseField(f"field_{number}", setting.values + 1) for number in range(setting.fields))
    schema = Schema(tuple(f"noise_{number}" for number in range(setting.dense)), sparse)
    sizes = dict(zip(NAMES, (setting.rows, setting.validation_rows, setting.test_rows), strict=True))

    def fill(target: Path) -> dict[str, Any]:
        reached, positives = {}, []
        for stream, (name, size) in enumerate(sizes.items(), 1):
            writer = SplitWriter(target / name, schema, size, ())
            logits, labels = [], []
            for ids, dense, logit, label in _drawn(truth, size, np.random.default_rng([seed, stream])):
                writer.append(dense=dense, sparse=ids + 1, labels=label)
                logits.append(logit)
                labels.append(label)
            writer.close()
            every = np.concatenate(labels)
            reached[f"{name}_auc"] = _auc(np.concatenate(logits), every, 1.0 - every)
            positives.append(int(every.sum()))
        bayes = truth.bound() | {key: reached[key] for key in ("validation_auc", "test_auc")}
        about = {"name": "synthetic", "order": setting.order, "bayes": bayes, "request": request}
        return about | described(target, schema, sizes, positives)

    make_folder(folder, fill)
    check_request(folder, request)
    return open_splits(folder)


def _drawn(truth: Truth, size: int, generator: np.random.Generator) -> Iterator[tuple[Any, Any, Any, Any]]:
    setting = truth.setting
    for start in range(0, size, _STEP):
        count = min(_STEP, size - start)
        ids = generator.integers(0, setting.values, (count, setting.fields))
        dense = generator.standard_normal((count, setting.dense), np.float32)
        draw = generator.random(count)
        logits = truth.logits(ids)
        yield ids, dense, logits, (draw < 1.0 / (1.0 + np.exp(-logits))).astype(np.float32)


def bayes_auc(logits: NDArray[np.float64]) -> float:
    """AUC of the true logits in expectation over labels: each row counts as a click with its probability p and as none
    with 1 - p. P(score of a click > score of another) + P(equal) / 2."""
    chance = 1.0 / (1.0 + np.exp(-logits))
    return _auc(logits, chance, 1.0 - chance)


def _auc(scores: NDArray[np.float64], clicks: Any, others: Any) -> float:
    order = np.argsort(scores, kind="stable")
    scores, clicks, others = scores[order], np.asarray(clicks, float)[order], np.asarray(others, float)[order]
    starts = np.flatnonzero(np.append(True, scores[1:] != scores[:-1]))
    clicks, others = np.add.reduceat(clicks, starts), np.add.reduceat(others, starts)
    below = np.cumsum(others) - others
    return float(np.sum(clicks * (below + others / 2)) / (clicks.sum() * others.sum()))


def _entropy(logits: NDArray[np.float64]) -> float:
    chance = 1.0 / (1.0 + np.exp(-logits))
    return float(np.mean(chance * np.logaddexp(0.0, -logits) + (1.0 - chance) * np.logaddexp(0.0, logits)))
