"""Small splits in memory with a planted signal."""

import numpy as np
import pytest

from nas.data.batch import Split, Splits
from nas.data.fields import Schema, SparseField

SCHEMA = Schema(("x", "y"), (SparseField("a", 6), SparseField("tags", 5, "mean", 3), SparseField("b", 4)))


def made(name, rows, seed, schema=SCHEMA):
    rng = np.random.default_rng(seed)
    dense = rng.normal(size=(rows, 2)).astype(np.float32)
    sparse = np.concatenate(
        [rng.integers(0, field.rows, (rows, field.length)) for field in schema.sparse], axis=1
    ).astype(np.int32)
    logits = dense[:, 0] + 1.5 * (sparse[:, 0] == 2) - (sparse[:, 4] == 1) + (sparse[:, 0] % 2) * dense[:, 1]
    labels = (rng.random(rows) < 1 / (1 + np.exp(-logits))).astype(np.float32)
    groups = rng.integers(0, 20, rows).astype(np.int64)
    return Split(name, schema, dense, sparse, labels, groups)


@pytest.fixture
def splits():
    hashes = {"training": "1", "validation": "2", "test": "3"}
    return Splits(made("training", 700, 1), made("validation", 300, 2), hashes)
