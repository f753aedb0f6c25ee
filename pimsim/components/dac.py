"""Row driver. One action: one row driven for one read cycle. One instance a row."""

from __future__ import annotations

from typing import Any

from pimsim.components.crossbar import MEAN_INPUT_ACTIVITY
from pimsim.components.price import Number, Price, resolve

NVM_ACCESS_WIDTHS = 4.3
"""Access transistor of a resistive cell in minimum widths: 1.5 fF at 130 nm (Wan et al., Nature 608, 504 (2022), as
modelled by CiMLoop) where a minimum gate has 0.35 fF. An SRAM read port is one minimum gate."""


def row_fF(hw: Any) -> Number:
    """Load of one row: as the file says for a cell, or a gate for each cell."""
    dac = hw.crossbar.dac
    if dac.row_fF_per_cell is not None:
        return hw.crossbar.columns * dac.row_fF_per_cell
    widths = 1.0 if hw.crossbar.cell.kind == "sram" else NVM_ACCESS_WIDTHS
    return hw.crossbar.columns * hw.process.access_fF * widths


def energy_pJ(hw: Any) -> Number:
    """C V^2 of the row x the pulses of one read: one for each bit, 2^bits - 1 in a train that counts; half of them on
    average (random operands)."""
    dac, volt = hw.crossbar.dac, hw.process.supply_V
    pulses = 2.0**dac.bits - 1.0 if dac.encoding == "pulse_count" else dac.bits
    return row_fF(hw) * 1e-3 * volt * volt * MEAN_INPUT_ACTIVITY * pulses


def area_um2(hw: Any) -> Number:
    """A buffer of two inverters and a latch for each bit: 4 um2 at 45 nm (assumed: four NAND2)."""
    return 4.0 * hw.crossbar.dac.bits * hw.process.area_45


def price(hw: Any) -> Price:
    """Price of one row driver."""
    return resolve(
        hw,
        hw.crossbar.dac,
        action_ns=hw.cycle_ns,
        energy_pJ=energy_pJ(hw),
        area_um2=area_um2(hw),
        leakage_mW_per_um2=hw.process.leakage_mW_per_um2,
        formula="row C V^2 x pulses x activity 0.5; a gate a cell by the technology table (1T1R: 4.3 widths)",
    )
