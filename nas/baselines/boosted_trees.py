"""Gradient-boosted trees by scikit-learn (HistGradientBoostingClassifier, after LightGBM: Ke et al., NeurIPS 2017): the
reference row for data whose head-room networks do not find.

Fields of few values are categories as they are; a field with more than the library's 255 becomes the click rate of its
value (cross-fitted target encoding: Micci-Barreca 2001, as scikit-learn does it). A pooled field is one column a place.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from nas.data.batch import Split
from pimsim.errors import InputError
from pimsim.hardware.circuit import Model

MOST_CATEGORIES = 255
ROWS_AT_A_TIME = 65536


class Settings(Model):
    """scikit-learn's names and defaults, but for a higher bound on the trees: validation decides how many there are."""

    learning_rate: float = Field(default=0.1, gt=0, le=10, description="shrinkage of each tree")
    max_iter: int = Field(default=1000, ge=1, le=100_000, description="trees at most")
    max_leaf_nodes: int = Field(default=31, ge=2, le=65536, description="leaves of a tree at most")
    min_samples_leaf: int = Field(default=20, ge=1, le=10**9, description="rows in a leaf at least")
    l2_regularization: float = Field(default=0.0, ge=0, le=1e9, description="L2 on the values of leaves")
    max_features: float = Field(default=1.0, gt=0, le=1, description="share of the columns tried at each split")
    n_iter_no_change: int = Field(default=20, ge=1, le=100_000, description="trees without a better validation loss")


class BoostedTrees:
    """Fitted trees: the first `trees` of them, as many as validation LogLoss likes best."""

    def __init__(self, settings: Settings, seed: int = 0):
        self.settings, self.seed = settings, seed
        self.trees = 0
        self._model: Any = None
        self._encoder: Any = None
        self._encoded: NDArray[np.bool_] = np.zeros(0, np.bool_)

    def fit(self, train: Split, validation: Split) -> BoostedTrees:
        """Fit on `train`; `validation` decides when to stop. The same rows and seed give the same trees."""
        from sklearn.ensemble import HistGradientBoostingClassifier
        from sklearn.model_selection import StratifiedKFold
        from sklearn.preprocessing import TargetEncoder

        labels = np.asarray(train.labels)
        if len(np.unique(labels)) < 2:
            raise InputError("boosted_trees needs rows of both labels in the training split")
        rows = np.array([field.rows for field in train.schema.sparse for _ in range(field.length)], np.int64)
        self._encoded = rows > MOST_CATEGORIES
        columns = _columns(train)
        if self._encoded.any():
            folds = StratifiedKFold(5, shuffle=True, random_state=self.seed)
            self._encoder = TargetEncoder(target_type="binary", cv=folds)
            dense = columns.shape[1] - len(rows)
            places = dense + np.flatnonzero(self._encoded)
            columns[:, places] = self._encoder.fit_transform(columns[:, places], labels)
        dense_flags = np.zeros(len(train.schema.dense), np.bool_)
        self._model = HistGradientBoostingClassifier(
            **self.settings.model_dump(),
            early_stopping=True,
            categorical_features=np.concatenate([dense_flags, ~self._encoded]),
            random_state=self.seed,
        )
        self._model.fit(columns, labels, X_val=self._prepared(validation), y_val=np.asarray(validation.labels))
        # Entry 0 is the score before the first tree.
        self.trees = max(1, int(np.argmax(self._model.validation_score_)))
        return self

    def predict(self, split: Split) -> NDArray[np.float32]:
        """Logits (n,)."""
        if self._model is None:
            raise RuntimeError("fit comes first")
        columns = self._prepared(split)
        staged = self._model.staged_decision_function(columns)
        scores = next(islice(staged, self.trees - 1, None))
        return np.asarray(scores, np.float32).ravel()

    def _prepared(self, split: Split) -> NDArray[np.float64]:
        columns = _columns(split)
        if self._encoder is not None:
            places = columns.shape[1] - len(self._encoded) + np.flatnonzero(self._encoded)
            columns[:, places] = self._encoder.transform(columns[:, places])
        return columns


def _columns(split: Split) -> NDArray[np.float64]:
    """(n, D + S): numeric columns, then ids."""

    def pieces() -> Iterator[NDArray[np.float64]]:
        for batch in split.batches(ROWS_AT_A_TIME):
            yield np.concatenate([batch.dense.astype(np.float64), batch.sparse.astype(np.float64)], axis=1)

    return np.concatenate(list(pieces()))
