"""The small setting that all studies share: data sets, space, embedding width, batch size."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nas.data.config import DataConfig
from nas.training.supernet import SpaceConfig

if TYPE_CHECKING:
    from nas.data.batch import Splits

SETS = {"kuairand": "ctr/kuairand", "census": "ctr/census_kdd", "movielens": "movielens",
        "movielens_global": "movielens", "adult": "adult"}  # fmt: skip
"""Folder of each data set below the folder of data."""

SPACE = SpaceConfig(kind="full", blocks=4, dense_widths=(16, 32, 64, 128), sparse_widths=(4, 8, 16))
EMBEDDING_DIM = 16
BATCH_SIZE = 512


def data_of(name: str, data: Path, work: Path) -> DataConfig:
    """Where a set's files lie below `data`, and where its splits are kept below `work`."""
    return DataConfig(set=name, root=str(data / SETS[name]), folder=str(work / "data" / name))


def splits_of(name: str, data: Path, work: Path) -> Splits:
    """The splits of a set, made once. Never the test split."""
    from nas.data.config import open_data

    return open_data(data_of(name, data, work))[1]
