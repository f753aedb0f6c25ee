"""Do the trees see every kind of field, stop on validation, and give the same scores again?"""

from dataclasses import replace

import numpy as np
import pytest

from nas.baselines.boosted_trees import BoostedTrees, Settings
from nas.data.batch import Split
from nas.data.fields import Schema, SparseField
from nas.training.metrics import auc, log_loss
from pimsim.errors import InputError

SCHEMA = Schema(("x",), (SparseField("small", 4), SparseField("large", 600), SparseField("tags", 6, "sum", 2)))
QUICK = Settings(max_iter=60, n_iter_no_change=5)


def split(rows, seed, uses="all"):
    """A label that depends on one kind of column, or on all."""
    rng = np.random.default_rng(seed)
    dense = rng.normal(size=(rows, 1)).astype(np.float32)
    large = rng.integers(0, 600, rows)
    sparse = np.stack([rng.integers(0, 4, rows), large, rng.integers(0, 6, rows), rng.integers(0, 6, rows)], 1)
    effect = np.random.default_rng(99).normal(size=600)
    parts = {
        "x": 2.0 * np.sin(2.0 * dense[:, 0]),
        "small": 3.0 * (sparse[:, 0] == 2) - 1.0,
        "large": 1.5 * effect[large],
        "tags": 3.0 * (sparse[:, 3] == 5) - 0.5,
    }
    logits = sum(parts.values()) if uses == "all" else parts[uses]
    labels = (rng.random(rows) < 1.0 / (1.0 + np.exp(-logits))).astype(np.float32)
    return Split("training", SCHEMA, dense, sparse.astype(np.int32), labels)


@pytest.mark.parametrize(("uses", "least"), [("x", 0.75), ("small", 0.7), ("large", 0.7), ("tags", 0.62), ("all", 0.8)])
def test_every_kind_of_column_is_learnt(uses, least):
    trees = BoostedTrees(QUICK).fit(split(8000, 1, uses), split(2000, 2, uses))
    test = split(4000, 3, uses)
    assert auc(test.labels, trees.predict(test)) > least


def test_the_same_seed_gives_the_same_scores():
    train, validation = split(3000, 1), split(1000, 2)
    first, second = (BoostedTrees(QUICK, seed=4).fit(train, validation).predict(validation) for _ in range(2))
    assert np.array_equal(first, second)


def test_validation_decides_how_many_trees():
    train, validation = split(1500, 1), split(1000, 2)
    trees = BoostedTrees(Settings(max_iter=300, learning_rate=0.3, n_iter_no_change=10)).fit(train, validation)
    assert 1 <= trees.trees < 300
    losses = [
        log_loss(validation.labels, np.ravel(scores))
        for scores in trees._model.staged_decision_function(trees._prepared(validation))
    ]
    assert np.argmin(losses) + 1 == trees.trees
    assert log_loss(validation.labels, trees.predict(validation)) == pytest.approx(min(losses), abs=1e-6)


def test_one_label_only_is_refused():
    train = split(100, 1)
    with pytest.raises(InputError, match="boosted_trees needs rows of both labels in the training split"):
        BoostedTrees(QUICK).fit(replace(train, labels=np.ones_like(train.labels)), train)
