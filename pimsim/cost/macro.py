"""One array fully in use: what macro papers print. The same engine on one layer that fills one crossbar exactly."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pimsim.components import REGISTRY, prices
from pimsim.components.process import weight_columns
from pimsim.cost.evaluator import run_kernels
from pimsim.cost.intervals import interval, sigmas
from pimsim.graph.workload import Kind, Layer, Workload
from pimsim.mapping import columns as c
from pimsim.mapping.columns import pack
from pimsim.mapping.point import point_row


@dataclass(frozen=True)
class MacroFigures:
    """Figures of one crossbar whose rows and columns all hold weights, MVM after MVM.

    ops: of one matrix-vector product, a multiply-add being two. mvm_ns: time between two products.
    energy_pJ: of one product, by component, dynamic and leakage together. area_um2: by component. energy_sigma,
    area_sigma: deviation of the logarithm of each (`cost/intervals.py`).
    """

    ops: float
    mvm_ns: float
    energy_pJ: dict[str, float]
    area_um2: dict[str, float]
    energy_sigma: dict[str, float]
    area_sigma: dict[str, float]

    @property
    def total_pJ(self) -> float:
        """Energy of one product."""
        return sum(self.energy_pJ.values())

    @property
    def total_um2(self) -> float:
        """Area."""
        return sum(self.area_um2.values())

    @property
    def tops(self) -> float:
        """Tera-operations a second."""
        return self.ops / self.mvm_ns * 1e-3

    @property
    def tops_per_W(self) -> float:
        """Tera-operations a joule: ops / pJ."""
        return self.ops / self.total_pJ if self.total_pJ else 0.0

    @property
    def tops_per_mm2(self) -> float:
        """Tera-operations a second and square millimetre."""
        return self.tops / (self.total_um2 * 1e-6) if self.total_um2 else 0.0

    @property
    def energy_pJ_interval(self) -> tuple[float, float]:
        """80% interval of `total_pJ`."""
        return _interval(self.energy_pJ, self.energy_sigma)

    @property
    def area_um2_interval(self) -> tuple[float, float]:
        """80% interval of `total_um2`."""
        return _interval(self.area_um2, self.area_sigma)

    @property
    def tops_per_W_interval(self) -> tuple[float, float]:
        """80% interval of `tops_per_W`."""
        low, high = self.energy_pJ_interval
        return (self.ops / high, self.ops / low) if low else (0.0, 0.0)

    def as_dict(self) -> dict[str, Any]:
        """Every figure under its name, for JSON."""
        return {
            "ops": self.ops,
            "mvm_ns": self.mvm_ns,
            "tops": self.tops,
            "tops_per_W": self.tops_per_W,
            "tops_per_W_interval": list(self.tops_per_W_interval),
            "tops_per_mm2": self.tops_per_mm2,
            "energy_pJ": self.energy_pJ,
            "energy_pJ_interval": list(self.energy_pJ_interval),
            "area_um2": self.area_um2,
            "area_um2_interval": list(self.area_um2_interval),
        }


def _interval(values: dict[str, float], sigma: dict[str, float]) -> tuple[float, float]:
    return interval(np.array(list(values.values())), np.array([sigma[name] for name in values]))


def macro_figures(hw: Any, components: Iterable[str] | None = None) -> MacroFigures:
    """Figures of one full crossbar of `hw` at the hardware file's own precision. `components`: those that the
    publication's figures include; all that stand at a crossbar or PE when left out. Parts of a PE are shared by its
    crossbars, parts of a tile by all crossbars of the tile."""
    chosen = [name for name, entry in REGISTRY.items() if entry.level in ("crossbar", "pe")]
    if components is not None:
        chosen = list(components)
    outputs = max(1, hw.crossbar.columns // weight_columns(hw))
    row = point_row(hw)
    rows = int(hw.crossbar.rows / row[c.P_ROWS_PER_INPUT])
    layer = Layer(
        "array",
        "MatMul",
        Kind.MVM,
        groups=1,
        rows=rows,
        cols=outputs,
        vectors=1,
        input_elements=rows,
        fetched_elements=rows,
        output_elements=outputs,
    )
    raw = run_kernels(pack(Workload("array", (layer,))), [row], compile_kernels=False)
    mvm_ns = float(raw.mapped[0, 0, c.M_VECTOR_NS])
    share = {"crossbar": 1.0, "pe": 1.0 / hw.pe.crossbars, "tile": 1.0 / (hw.pe.crossbars * hw.tile.pes)}
    share["chip"] = share["tile"] / hw.chip.tiles
    energy, area = {}, {}
    cost = prices(hw)
    spread = [dict(zip(REGISTRY, map(float, each), strict=True)) for each in sigmas(hw, cost)]
    for column, (name, entry) in enumerate(REGISTRY.items()):
        if name in chosen:
            price = cost[name]
            instances = float(entry.count(hw)) * share.get(entry.level, 0.0)
            leakage_pJ = price.leakage_mW * instances * mvm_ns
            energy[name] = float(raw.counts[0, 0, column]) * float(price.energy_pJ) + float(leakage_pJ)
            area[name] = float(price.area_um2) * instances
    return MacroFigures(2.0 * rows * outputs, mvm_ns, energy, area, *spread)
