"""Row driver. One action: one row driven for one read cycle. One instance a row."""

from __future__ import annotations

from typing import Any

from pimsim.components.crossbar import MEAN_INPUT_ACTIVITY, cycle_ns
from pimsim.components.price import Number, Price, area_scale, logic_leakage_mW_per_um2, resolve

GATE_fF_PER_CELL_AT_130_NM = 1.5
"""Access transistor on a wordline (Wan et al., Nature 608, 504 (2022), as modelled by CiMLoop)."""


def energy_pJ(hw: Any) -> Number:
    """Wordline capacitance x V^2 x activity; a DAC of b bits switches b such loads (pulse train)."""
    row_fF = hw.crossbar.columns * GATE_fF_PER_CELL_AT_130_NM * hw.technology.node_nm / 130.0
    volt = hw.technology.supply_V
    return row_fF * 1e-3 * volt * volt * MEAN_INPUT_ACTIVITY * hw.crossbar.dac.bits


def area_um2(hw: Any) -> Number:
    """A buffer of two inverters and a latch for each bit: 4 um2 at 45 nm (assumed: four NAND2)."""
    return 4.0 * hw.crossbar.dac.bits * area_scale(hw, 45.0)


def price(hw: Any) -> Price:
    """Price of one row driver."""
    return resolve(
        hw.crossbar.dac,
        action_ns=cycle_ns(hw),
        energy_pJ=energy_pJ(hw),
        area_um2=area_um2(hw),
        leakage_mW_per_um2=logic_leakage_mW_per_um2(hw),
        formula="wordline C V^2 x bits x activity 0.5; 1.5 fF a cell at 130 nm (Wan et al., Nature 2022)",
    )
