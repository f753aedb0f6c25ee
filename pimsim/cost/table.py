"""What a batched evaluation gives: named columns of equal length, one row a network on a hardware point."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pimsim.cost.evaluation import COMPONENTS
from pimsim.errors import InputError, printable

if TYPE_CHECKING:
    import pandas

Column = np.ndarray[Any, Any]

TOTALS = (
    "energy_pJ",
    "latency_ns",
    "interval_ns",
    "throughput_inferences_per_s",
    "area_um2",
    "power_W",
    "macs",
    "ops",
    "tops",
    "tops_per_W",
    "tops_per_mm2",
    "crossbars",
    "utilization",
    "energy_dynamic_pJ",
    "energy_static_pJ",
    "crossbars_on_chips",
    "chips",
    "tiles",
    "contexts",
)
"""As `Result.totals`, with the time between two inferences and the times that the chip is rewritten."""

PARTS = ("energy_pJ", "energy_dynamic_pJ", "energy_static_pJ", "area_um2")
"""Of each component, under the name `<component>_<part>`."""

BY_COMPONENT = tuple(f"{component}_{part}" for part in PARTS for component in COMPONENTS)
FIGURES = (*TOTALS, *BY_COMPONENT)
INTERVALS = tuple(f"{name}_{end}" for name in ("energy_pJ", "latency_ns", "area_um2") for end in ("low", "high"))
"""Ends of the 80% intervals of three totals."""

COLUMNS = ("workload", "point", *TOTALS, *INTERVALS, *BY_COMPONENT, "error")


@dataclass(frozen=True, eq=False)
class Table:
    """Columns by name, in `data`, all of one length. Figures of a row that failed are NaN, and its `error` says why
    ("" where it did not). Units stand in the names."""

    data: Mapping[str, Column]

    def __post_init__(self) -> None:
        lengths = {len(column) for column in self.data.values()}
        if len(lengths) > 1:
            raise ValueError(f"columns of different lengths: {sorted(lengths)}")

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self.data)

    def __len__(self) -> int:
        return next((len(column) for column in self.data.values()), 0)

    def __contains__(self, name: object) -> bool:
        return name in self.data

    def __getitem__(self, name: str) -> Column:
        """The column `name`. Raises InputError for a name that the table does not have."""
        if name not in self.data:
            listed = ", ".join(self.columns[:24]) + (", ..." if len(self.columns) > 24 else "")
            raise InputError(f"no column {printable(repr(name), 80)}; columns are {listed}")
        return self.data[name]

    def row(self, index: int) -> dict[str, Any]:
        """Column -> value at one row, as plain Python values."""
        return {name: _plain(column[index]) for name, column in self.data.items()}

    def take(self, indices: Sequence[int] | Column | slice) -> Table:
        """The rows at `indices` (numbers, a mask of booleans, or a slice), in that order."""
        at = indices if isinstance(indices, slice) else np.asarray(indices)
        return Table({name: column[at] for name, column in self.data.items()})

    @staticmethod
    def concat(tables: Iterable[Table]) -> Table:
        """The rows of all tables, one after the other. Raises ValueError where their columns differ."""
        parts = list(tables)
        if not parts:
            return Table({})
        names = parts[0].columns
        if any(part.columns != names for part in parts):
            raise ValueError("tables with different columns")
        return Table({name: np.concatenate([part.data[name] for part in parts]) for name in names})

    def to_pandas(self) -> pandas.DataFrame:
        """The columns as a DataFrame."""
        import pandas

        return pandas.DataFrame(dict(self.data))

    def __repr__(self) -> str:
        failed = int(np.count_nonzero(self.data["error"] != "")) if "error" in self.data else 0
        shown = ", ".join(self.columns[:8]) + (", ..." if len(self.columns) > 8 else "")
        return f"<Table {len(self):,} rows ({failed:,} failed), {len(self.columns)} columns: {shown}>"


def chosen_columns(columns: Sequence[str] | None) -> tuple[str, ...]:
    """`columns` (all when None) as they will stand in the table. Raises InputError for an unknown name."""
    if columns is None:
        return COLUMNS
    unknown = [name for name in columns if name not in COLUMNS]
    if unknown:
        raise InputError(
            f"no column {printable(repr(unknown[0]), 80)}; columns are {', '.join((*TOTALS, *INTERVALS))}, and "
            f"<component>_<figure> with {', '.join(PARTS)} of {', '.join(COMPONENTS)}"
        )
    kept = {"workload", "point", "error", *columns}
    return tuple(name for name in COLUMNS if name in kept)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
