"""Cell array. One action: one read of the whole array (all active rows, all columns, one read cycle).

How a cell multiplies chooses the circuit: resistive_cell.py, current_cell.py, charge_cell.py or digital_cell.py.
"""

from __future__ import annotations

from typing import Any

from pimsim.components import charge_cell, current_cell, digital_cell, resistive_cell, silicon
from pimsim.components.lines import line_ns, row_fF
from pimsim.components.price import Number, Price, resolve

CELLS = {
    "resistive": resistive_cell, "current": current_cell, "charge": charge_cell, "digital": digital_cell,
}  # fmt: skip

PHASES = 2.0
"""Read of an array over the delays along its way: precharge or reset takes as long again (assumed)."""


def step_ns(hw: Any) -> Number:
    """One decision of the converter under `binary_pulses`; a read step when the file does not say."""
    step = hw.crossbar.adc.step_ns
    return hw.cycle_ns if step is None else step / hw.process.speed


def off_ratio(hw: Any) -> Number:
    """Conductance of the lowest state over that of the highest; 0 for SRAM whose zeros draw nothing."""
    if compute_style(hw.crossbar.cell) != "resistive" and hw.crossbar.cell.kind == "sram":
        return 0.0
    r_on, r_off = resistive_cell.resistances(hw)
    return r_on / r_off


def compute_style(cell: Any) -> str:
    """How a cell multiplies when the file does not say: Ohm's law, or a discharged bitline in SRAM."""
    style: str | None = cell.compute
    return style or ("current" if cell.kind == "sram" else "resistive")


def active_rows(hw: Any) -> Number:
    """Rows driven at once."""
    bar = hw.crossbar
    return bar.rows if bar.active_rows is None else bar.active_rows


def read_ns(hw: Any) -> Number:
    """One read where the file gives no time (ns): along the row, through the cells, and as long again for precharge or
    reset. Needs `hw.process` and `hw.fo4_ns`."""
    style = compute_style(hw.crossbar.cell)
    row = line_ns(hw, row_fF(hw, style), hw.crossbar.columns)
    through = CELLS[style].latency_ns(hw, active_rows(hw), hw.crossbar.adc.bits)
    return PHASES * (row + through)


def price(hw: Any) -> Price:
    """Price of one array without converters."""
    style = compute_style(hw.crossbar.cell)
    cell, kind = CELLS[style], f"array, {style}"
    return resolve(
        hw,
        hw.crossbar,
        action_ns=hw.cycle_ns,
        energy_pJ=cell.energy_pJ(hw, active_rows(hw)) * silicon.energy(kind),
        area_um2=cell.area_um2(hw) * silicon.area(kind),
        leakage_mW=cell.leakage_mW(hw),
        formula=cell.FORMULA,
    )
