"""SRAM cell that multiplies by discharging a bitline (6T, 8T, 10T). One action: one read of the whole array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pimsim.components.lines import bitline_fF, cell_um2
from pimsim.components.price import Number


@dataclass(frozen=True, slots=True)
class Parameters:
    """swing: mean discharge over the supply (random operands). 6T cells and 10T cells discharge both bitlines of a
    pair, one read port a single one. leakage_mW: of a 6T cell at 0.9 V: 20 pW (assumed: low-power 45 nm cell, ITRS 2011
    LSTP). stack: current of a cell's two transistors in series over that of an inverter."""

    swing: float = 0.5
    leakage_mW: float = 2e-8
    stack: float = 0.5


DEFAULT = Parameters()
FORMULA = "columns x bitlines x capacitance x V^2 x swing 0.5; junction and wire by the technology table"


def bitlines(cell: Any) -> Number:
    """Bitlines of a column: a pair in 6T and 10T cells, one for a single read port."""
    return 1.0 + ((cell.transistors == 6) | (cell.transistors >= 10))


def energy_pJ(hw: Any, rows: Number) -> Number:
    """C V dV of the columns (pJ): each discharges by half the supply on average, whatever the rows."""
    volt = hw.process.supply_V
    lines = hw.crossbar.columns * bitlines(hw.crossbar.cell) * bitline_fF(hw)
    return lines * 1e-3 * volt * volt * DEFAULT.swing


def latency_ns(hw: Any, rows: Number, bits: Number) -> Number:
    """Discharge of a bitline by the swing through one cell (ns); an inverter drives five of its inputs in a
    fan-out-of-4 delay. More rows at once draw more current for a larger sum; the least one counts."""
    drive_fF_per_ns = 5.0 * hw.process.gate_fF_in / hw.fo4_ns
    return DEFAULT.swing * bitline_fF(hw) / (DEFAULT.stack * drive_fF_per_ns * MINIMUM)


MINIMUM = 0.25
"""Current of a cell's minimum transistor over that of a standard inverter (assumed)."""


def area_um2(hw: Any) -> Number:
    """Cells."""
    return hw.crossbar.rows * hw.crossbar.columns * cell_um2(hw)


def leakage_mW(hw: Any) -> Number:
    """SRAM cells leak, by their transistors (mW)."""
    cells = hw.crossbar.rows * hw.crossbar.columns * (hw.crossbar.cell.transistors / 6.0)
    return cells * DEFAULT.leakage_mW * hw.technology.supply_V / 0.9
