"""RRAM, PCM, FeFET or MRAM cell that multiplies by Ohm's law, or SRAM cell whose transistors pull a bitline up and down
against those of others (a resistive divider). One action: one read of the whole array.

Energy goes with V^2 G t over the cells that conduct; what operands change stands in `mapping/counts.py` (mean driven
input, mean stored level). Programming has a file of its own (`programming.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pimsim.components import current_cell
from pimsim.components.lines import bitline_fF, cell_um2
from pimsim.components.price import Number


@dataclass(frozen=True, slots=True)
class Parameters:
    """What stands for figures that the file leaves out. Of SRAM the resistance of a minimum transistor does, in either
    state, and half of the supply across it: a bitline on which cells pull both ways stays about there.

    r_on_ohm, ratio: foundry RRAM has 3 to 30 kohm and a ratio of 5 to 50 (22 nm macros of Xue et al., ISSCC 2020 and
    2021, and of Jain et al., ISSCC 2019; remembered). read_V: sensing clamps a cell at 0.1 to 0.3 V against read
    disturb (same papers; remembered). level_shifter_gates: a thick-oxide level shifter in NAND2: 85.96 um2
    (sky130_fd_sc_hvl__lsbuflv2hv_1) over 3.7536 um2 (sky130_fd_sc_hd__nand2_1), SkyWater's open libraries at 130 nm; a
    lower bound below 65 nm. logic_V: write voltages above it need them (NeuroSim V1.3 draws the line there too).
    """

    r_on_ohm: float = 2e4
    ratio: float = 10.0
    read_V: float = 0.2
    activity: float = 0.5  # rows that carry a one: random operands
    level_shifter_gates: float = 23.0
    logic_V: float = 1.5


DEFAULT = Parameters()
FORMULA = "rows x columns x V^2 x mean conductance x pulse x activity 0.5 (Ohm's law) + columns' C V^2"
LN2 = 0.6931


def transistor_ohm(hw: Any) -> Number:
    """A minimum transistor (ohm): a fan-out-of-4 delay is ln 2 R C of an inverter with five of its inputs."""
    return hw.fo4_ns * 1e6 / (LN2 * 5.0 * hw.process.gate_fF_in * current_cell.MINIMUM)


def resistances(hw: Any) -> tuple[Number, Number]:
    """(low, high) resistance of a cell (ohm)."""
    cell = hw.crossbar.cell
    r_on, ratio = cell.r_on_ohm, 1.0 if cell.kind == "sram" else DEFAULT.ratio
    if r_on is None:
        r_on = transistor_ohm(hw) if cell.kind == "sram" else DEFAULT.r_on_ohm
    return r_on, (ratio * r_on if cell.r_off_ohm is None else cell.r_off_ohm)


def read_V(hw: Any) -> Number:
    """Voltage across a cell in a read (V)."""
    cell = hw.crossbar.cell
    if cell.read_voltage_V is not None:
        return cell.read_voltage_V
    return 0.5 * hw.process.supply_V if cell.kind == "sram" else DEFAULT.read_V


def driven(hw: Any) -> float:
    """Share of the rows that conduct: half of random inputs, or all where a zero drives a row the other way."""
    return 1.0 if hw.crossbar.signed == "xnor" and hw.crossbar.cell.kind == "sram" else DEFAULT.activity


def energy_pJ(hw: Any, rows: Number) -> Number:
    """Conduction of the cells in `rows` active rows, both states equally likely, and charging the columns (pJ)."""
    bar, across = hw.crossbar, read_V(hw)
    r_on, r_off = resistances(hw)
    pulse = hw.read_ns if bar.cell.read_pulse_ns is None else bar.cell.read_pulse_ns
    conductance_S = (1.0 / r_on + 1.0 / r_off) / 2.0
    joule = rows * bar.columns * across * across * conductance_S * pulse * 1e3 * driven(hw)  # V^2 S ns = nJ
    return joule + bar.columns * bitline_fF(hw) * 1e-3 * across * across


def latency_ns(hw: Any, rows: Number, bits: Number) -> Number:
    """Settling of a column to half a step of `bits` through the cells that conduct (ns): ln(2) (bits + 1) R C with the
    resistance of a single cell in its low state, the slowest case of a column current."""
    r_on, _ = resistances(hw)
    return LN2 * (bits + 1.0) * r_on * bitline_fF(hw) * 1e-6 / (1.0 + 0.25 * rows)


def area_um2(hw: Any) -> Number:
    """Cells, and a level shifter on every wordline, bitline and source line where cells are written above logic_V."""
    bar = hw.crossbar
    lines = (bar.rows + 2.0 * bar.columns) * (bar.cell.write.voltage_V > DEFAULT.logic_V)
    return bar.rows * bar.columns * cell_um2(hw) + lines * DEFAULT.level_shifter_gates * hw.process.logic_um2


def leakage_mW(hw: Any) -> Number:
    """None where the cells hold their state without power."""
    return current_cell.leakage_mW(hw) if hw.crossbar.cell.kind == "sram" else 0.0
