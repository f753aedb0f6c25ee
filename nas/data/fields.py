"""What a model must know of a data set: its dense columns and the rows of each embedding table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from pimsim.errors import InputError, printable

POOLINGS = ("", "sum", "mean")
MAX_ROWS = 2**31 - 1  # ids are kept as int32
MAX_LENGTH = 4096


@dataclass(frozen=True)
class SparseField:
    """One categorical field.

    rows: rows of its embedding table; ids are 0 <= id < rows. Row 0 of a plain field stands for every value that is
    rare or was not seen in training. pooling: "" for one id a row; "sum" or "mean" for up to `length` ids, which take
    `length` neighbouring columns of the sparse matrix: id 0 fills unused places and counts for nothing (not in the mean
    either), id 1 is the rare or unseen value.
    """

    name: str
    rows: int
    pooling: str = ""
    length: int = 1

    def __post_init__(self) -> None:
        name = printable(self.name, 60)
        if not 1 <= self.rows <= MAX_ROWS:
            raise InputError(f"field {name} must have 1 to {MAX_ROWS} rows; got {self.rows}")
        if self.pooling not in POOLINGS:
            raise InputError(f"pooling of field {name} must be empty, sum or mean; got {printable(self.pooling, 40)}")
        if not 1 <= self.length <= (MAX_LENGTH if self.pooling else 1):
            limit = f"1 to {MAX_LENGTH}" if self.pooling else "1 without pooling"
            raise InputError(f"length of field {name} must be {limit}; got {self.length}")


@dataclass(frozen=True)
class Schema:
    """The model-facing part of a data set: names of the dense columns, and the sparse fields in order."""

    dense: tuple[str, ...]
    sparse: tuple[SparseField, ...]

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for name in (*self.dense, *(field.name for field in self.sparse)):
            if name in seen:
                raise InputError(f"field {printable(name, 60)} stands twice in the schema")
            seen.add(name)
        if not seen:
            raise InputError("a schema needs at least one dense column or sparse field")

    @property
    def width(self) -> int:
        """Columns of the sparse matrix: one for a plain field, `length` for a pooled one."""
        return sum(field.length for field in self.sparse)

    @property
    def columns(self) -> tuple[slice, ...]:
        """The columns of each sparse field in the sparse matrix."""
        found, start = [], 0
        for field in self.sparse:
            found.append(slice(start, start + field.length))
            start += field.length
        return tuple(found)

    @property
    def embedding_rows(self) -> int:
        return sum(field.rows for field in self.sparse)

    def capped(self, rows: int) -> Schema:
        """The schema with no table above `rows`; a model that uses it folds ids by `fold` (`nas.data.batch`)."""
        return Schema(self.dense, tuple(replace(field, rows=min(field.rows, rows)) for field in self.sparse))

    def to_json(self) -> dict[str, Any]:
        return {"dense": list(self.dense), "sparse": [vars(field).copy() for field in self.sparse]}

    @staticmethod
    def from_json(data: object) -> Schema:
        """The schema of `to_json`'s value; InputError says what else was found."""
        try:
            if not isinstance(data, Mapping):
                raise TypeError("it is no mapping")
            dense, sparse = data["dense"], data["sparse"]
            if not isinstance(dense, list) or not all(isinstance(name, str) for name in dense):
                raise TypeError("dense must be a list of names")
            fields = []
            for entry in sparse:
                field = SparseField(**entry)
                whole = type(field.rows) is int and type(field.length) is int
                if not whole or not isinstance(field.name, str):
                    raise TypeError("a sparse field needs a name and whole rows and length")
                fields.append(field)
            return Schema(tuple(dense), tuple(fields))
        except (KeyError, TypeError) as fault:
            raise InputError(f"not a schema: {printable(fault)}") from None
