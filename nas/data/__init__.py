"""Data sets for click prediction: public file formats in, three fixed splits out."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nas.data.batch import Batch, Split, Splits
    from nas.data.config import DataConfig, open_data
    from nas.data.fields import Schema, SparseField

_HOMES = {
    "Batch": "nas.data.batch",
    "DataConfig": "nas.data.config",
    "Schema": "nas.data.fields",
    "SparseField": "nas.data.fields",
    "Split": "nas.data.batch",
    "Splits": "nas.data.batch",
    "open_data": "nas.data.config",
}

__all__ = ["Batch", "DataConfig", "Schema", "SparseField", "Split", "Splits", "open_data"]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'nas.data' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
