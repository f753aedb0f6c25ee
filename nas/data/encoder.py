"""Everything that was learnt from the training rows of a set, and how it turns rows into a model's inputs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.data.dense import DenseFit, fit_dense
from nas.data.fields import Schema, SparseField
from nas.data.hashing import Keys
from nas.data.rows import Rows
from nas.data.sparse import SparseFit, fit_sparse
from nas.data.spec import Spec
from nas.data.splitting import Assignment
from nas.data.staging import STEP
from nas.data.values import Numbers


@dataclass(frozen=True)
class Encoder:
    """The fits in the order of the spec; bins of dense columns come as sparse fields after the others."""

    dense: tuple[DenseFit, ...]
    sparse: tuple[SparseFit, ...]

    @property
    def schema(self) -> Schema:
        bins = [SparseField(f"{fit.name}_bin", fit.bin_rows) for fit in self.dense if fit.edges is not None]
        return Schema(tuple(fit.name for fit in self.dense), (*(fit.field for fit in self.sparse), *bins))

    def encode(self, dense: Numbers, keys: Keys) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """(n, D) float32 and (n, S) int32 of raw numbers and keys."""
        size = len(dense)
        numbers = [fit.apply(dense[:, column]) for column, fit in enumerate(self.dense)]
        ids, first = [], 0
        for fit in self.sparse:
            last = first + fit.field.length
            ids.append(fit.apply(keys[:, first:last]))
            first = last
        ids += [fit.bins(dense[:, column])[:, None] for column, fit in enumerate(self.dense) if fit.edges is not None]
        stacked = np.stack(numbers, axis=1) if numbers else np.empty((size, 0), np.float32)
        return stacked, np.concatenate([np.empty((size, 0), np.int32), *ids], axis=1)

    def save(self, path: Path) -> None:
        """Keys, rows and edges as an npz file (no pickle); the numbers of the fits are in the set's meta.json."""
        arrays: dict[str, Any] = {}
        for place, fit in enumerate(self.sparse):
            arrays |= {f"keys_{place}": fit.keys, f"places_{place}": fit.places}
        for place, dense in enumerate(self.dense):
            if dense.edges is not None:
                arrays[f"edges_{place}"] = dense.edges
        np.savez(path, allow_pickle=False, **arrays)

    def to_json(self) -> dict[str, Any]:
        return {
            "dense": [
                {"name": fit.name, "transform": list(fit.transform), "missing": fit.missing, "mean": fit.mean,
                 "deviation": fit.deviation, "bins": fit.bin_rows}
                for fit in self.dense
            ],
            "sparse": [
                {"name": fit.field.name, "rows": fit.field.rows, "ids_in_training": fit.distinct, "kept": len(fit.keys),
                 "hashed": fit.hashed}
                for fit in self.sparse
            ],
        }  # fmt: skip


def fit_encoder(spec: Spec, rows: Rows, assignment: Assignment) -> Encoder:
    """The encoder of the rows that are training rows; no other row is looked at."""
    size = int(np.count_nonzero(assignment.codes == 0))

    def training(array: Any, columns: slice | int) -> Iterator[Any]:
        for start in range(0, len(assignment.codes), STEP):
            mine = assignment.codes[start : start + STEP] == 0
            yield np.asarray(array[start : start + STEP, columns])[mine]

    dense: list[DenseFit] = []
    for entry in spec.dense:
        for name in entry.columns:
            column = len(dense)
            transform = tuple(entry.transform)
            dense.append(
                fit_dense(name, transform, entry.missing, entry.bins, lambda c=column: training(rows.dense, c), size)  # type: ignore[misc]
            )
    sparse, first = [], 0
    for field in spec.sparse:
        for name in field.columns:
            sparse.append(fit_sparse(name, field, training(rows.keys, slice(first, first + field.length))))
            first += field.length
    return Encoder(tuple(dense), tuple(sparse))
