"""The `data:` section of a run's YAML, and the splits that it names."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from nas.data.batch import Splits
from nas.data.fields import Schema
from nas.data.prepare import prepared
from nas.data.store import open_splits
from nas.data.synthetic import Synthetic, made
from pimsim.errors import InputError, printable
from pimsim.hardware.circuit import Model


class DataConfig(Model):
    """folder: where the prepared set is, or is made at first use. set: a shipped spec by name, or a YAML file; root:
    the folder of its files. synthetic: a generated set in its place. Neither: the folder holds a set already."""

    folder: Annotated[str, Field(min_length=1)]
    set: str = ""
    root: str = ""
    synthetic: Synthetic | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    malformed: Literal["fatal", "skip"] = "fatal"
    overrides: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_source(self) -> DataConfig:
        if self.set and self.synthetic:
            raise ValueError("set and synthetic exclude each other")
        if self.set and not self.root:
            raise ValueError("root must be the folder of the set's files")
        if not self.set and (self.root or self.overrides):
            raise ValueError("root and overrides need a set")
        return self


def open_data(data: DataConfig | Mapping[str, Any], base: Path | None = None) -> tuple[Schema, Splits]:
    """The schema, and the training and validation splits; prepared first where that has not been done.

    Relative paths start at `base` (the working directory by default). Raises InputError for a mapping that is no
    DataConfig, and for whatever is wrong with the files.
    """
    if not isinstance(data, DataConfig):
        try:
            data = DataConfig.model_validate_json(json.dumps(dict(data)))
        except (TypeError, ValueError) as fault:
            if not isinstance(fault, ValidationError):
                raise InputError(f"data must be plain YAML values: {printable(fault)}") from None
            first = fault.errors(include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"])
            raise InputError(f"data{'.' if where else ''}{printable(where, 80)}: {printable(first['msg'])}") from None
    base = base or Path()
    folder = base / data.folder
    if data.synthetic:
        splits = made(data.synthetic, folder, seed=data.seed)
    elif data.set:
        source = base / data.set if data.set.endswith((".yaml", ".yml")) else data.set
        splits = prepared(
            source, base / data.root, folder, seed=data.seed, malformed=data.malformed, overrides=data.overrides
        )
    else:
        splits = open_splits(folder)
    return splits.schema, splits
