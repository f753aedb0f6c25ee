"""SRAM cell that multiplies onto a metal capacitor (8T1C, 10T1C). One action: one read of the whole array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pimsim.components import current_cell
from pimsim.components.lines import bitline_fF, cell_um2
from pimsim.components.price import Number


@dataclass(frozen=True, slots=True)
class Parameters:
    """capacitor_fF: metal fringe capacitor over a cell (Valavi et al., JSSC 2019: 1.2 fF; remembered). bottom_plate:
    parasitic of the driven plate over it (usual 0.2 to 0.4 for thin metal; assumed). switches: junctions of the
    multiplying switch on the driven node, in access gates (two transmission gates). activity: share p of capacitors
    that are driven high gives p (1 - p) of C V^2 (charge on a floating common plate), 1/4 at random; half of the
    parasitics switch."""

    capacitor_fF: float = 1.2
    bottom_plate: float = 0.3
    switches: float = 4.0
    shared: float = 0.25
    driven: float = 0.5


DEFAULT = Parameters()
FORMULA = "rows x columns x (capacitor / 4 + parasitics / 2) x V^2 + columns' C V^2 / 2; junctions by technology table"


def capacitor_fF(cell: Any) -> Number:
    """Capacitor of a cell (fF)."""
    return DEFAULT.capacitor_fF if cell.capacitor_fF is None else cell.capacitor_fF


def energy_pJ(hw: Any, rows: Number) -> Number:
    """Capacitors and switches of the cells in active rows, and the common plates (pJ)."""
    bar, volt = hw.crossbar, hw.process.supply_V
    each_fF = capacitor_fF(bar.cell)
    parasitic_fF = DEFAULT.bottom_plate * each_fF + DEFAULT.switches * hw.process.access_fF
    cells = rows * bar.columns * (DEFAULT.shared * each_fF + DEFAULT.driven * parasitic_fF)
    lines = bar.columns * bitline_fF(hw) * DEFAULT.driven
    return (cells + lines) * 1e-3 * volt * volt


def latency_ns(hw: Any, rows: Number, bits: Number) -> Number:
    """Settling to half a step of `bits` (ns): ln(2) (bits + 1) time constants of a cell's switch and capacitor; an
    inverter charges five of its inputs in a fan-out-of-4 delay, a minimum switch a quarter of that."""
    drive_fF_per_ns = 5.0 * hw.process.gate_fF_in / hw.fo4_ns * current_cell.MINIMUM
    return 0.6931 * (bits + 1.0) * capacitor_fF(hw.crossbar.cell) / drive_fF_per_ns


def area_um2(hw: Any) -> Number:
    """Cells; their capacitors lie in the metals above."""
    return hw.crossbar.rows * hw.crossbar.columns * cell_um2(hw)


def leakage_mW(hw: Any) -> Number:
    """As other SRAM cells (mW)."""
    return current_cell.leakage_mW(hw)
