"""What architectures cost, in the units that a user gives limits in."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nas.spaces.architecture import Architecture
from nas.spaces.sizes import Inputs, fvcore_flops

if TYPE_CHECKING:
    from nas.data.fields import Schema
    from pimsim.hardware.schema import Hardware

Array = np.ndarray[Any, np.dtype[np.float64]]

COLUMNS = {"energy": "energy_uJ", "latency": "latency_us", "area": "area_mm2", "flops": "Mflops"}
"""Column of each figure that a penalty may be on."""

_FROM_PIMSIM = {"energy_uJ": ("energy_pJ", 1e-6), "latency_us": ("latency_ns", 1e-3), "area_mm2": ("area_um2", 1e-6)}


class Figures:
    """figures(architectures, columns) -> arrays by COLUMNS (those asked for, else all), one entry an architecture.

    Energy, latency and area are pimsim's for one sample on `hardware`; without hardware they are NaN. Mflops are
    million multiply-adds of one sample. Raises InputError for hardware that cannot be loaded.
    """

    def __init__(self, schema: Schema, embedding_dim: int, hardware: Hardware | str | os.PathLike[str] | None = None):
        self.inputs = Inputs.of(len(schema.dense), len(schema.sparse), embedding_dim)
        self.costs = None
        if hardware is not None:
            from nas.lowering.costs import Costs
            from nas.lowering.nasrec import Lowering

            self.costs = Costs(Lowering(schema, embedding_dim), hardware)

    def __call__(
        self, architectures: Sequence[Architecture], columns: Collection[str] = tuple(COLUMNS.values())
    ) -> dict[str, Array]:
        """See the class."""
        found: dict[str, Array] = {}
        if "Mflops" in columns:
            found["Mflops"] = np.array([fvcore_flops(one, self.inputs) * 1e-6 for one in architectures], dtype=float)
        asked = [name for name in _FROM_PIMSIM if name in columns]
        costs = self.costs(architectures) if self.costs is not None and asked else {}
        for name in asked:
            source, scale = _FROM_PIMSIM[name]
            found[name] = costs[source] * scale if costs else np.full(len(architectures), np.nan)
        return found
