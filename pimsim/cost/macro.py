"""One array fully in use: what macro papers print. The same engine on one layer that fills one crossbar exactly."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pimsim.components import REGISTRY, prices
from pimsim.components.process import weight_columns
from pimsim.cost.evaluator import run_kernels
from pimsim.graph.workload import Kind, Layer, Workload
from pimsim.mapping import columns as c
from pimsim.mapping.columns import pack
from pimsim.mapping.point import point_row


@dataclass(frozen=True)
class MacroFigures:
    """Figures of one crossbar whose rows and columns all hold weights, MVM after MVM.

    ops: of one matrix-vector product, a multiply-add being two. mvm_ns: time between two products.
    energy_pJ: of one product, by component, dynamic and leakage together. area_um2: by component.
    """

    ops: float
    mvm_ns: float
    energy_pJ: dict[str, float]
    area_um2: dict[str, float]

    @property
    def tops(self) -> float:
        """Tera-operations a second."""
        return self.ops / self.mvm_ns * 1e-3

    @property
    def tops_per_W(self) -> float:
        """Tera-operations a joule: ops / pJ."""
        return self.ops / sum(self.energy_pJ.values())

    @property
    def tops_per_mm2(self) -> float:
        """Tera-operations a second and square millimetre."""
        return self.tops / (sum(self.area_um2.values()) * 1e-6)


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
    for column, (name, entry) in enumerate(REGISTRY.items()):
        if name in chosen:
            price = prices(hw)[name]
            instances = float(entry.count(hw)) * share.get(entry.level, 0.0)
            leakage_pJ = price.leakage_mW * instances * mvm_ns
            energy[name] = float(raw.counts[0, 0, column]) * float(price.energy_pJ) + float(leakage_pJ)
            area[name] = float(price.area_um2) * instances
    return MacroFigures(2.0 * rows * outputs, mvm_ns, energy, area)
