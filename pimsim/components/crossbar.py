"""Cell array. One action: one read of the whole array (all active rows, all columns, one read cycle)."""

from __future__ import annotations

import math
from typing import Any

from pimsim.components.price import Number, Price, resolve
from pimsim.components.process import cycle_ns, process

MEAN_INPUT_ACTIVITY = 0.5
"""Share of rows that carry a one (or mean input over full scale): random operands."""

SRAM_CELL_LEAKAGE_MW = 2e-8
"""Static power of a 6T cell: 20 pW (assumed: low-power 45 nm cell, ITRS 2011 LSTP)."""

BITLINE_fF_PER_CELL_AT_45_NM = 0.6
"""Bitline capacitance a cell adds: drain junction, and wire of 0.2 fF/um over a 0.4 um cell (assumed)."""


def step_ns(hw: Any) -> Number:
    """One decision of the converter under `binary_pulses`; a read step when the file does not say."""
    step = hw.crossbar.adc.step_ns
    return cycle_ns(hw) if step is None else step / process(hw).speed


def off_ratio(cell: Any) -> Number:
    """Conductance of the lowest state over that of the highest; 0 for SRAM, whose zeros draw nothing."""
    if cell.kind == "sram":
        return 0.0
    r_on = 1e5 if cell.r_on_ohm is None else cell.r_on_ohm
    return r_on / (10.0 * r_on if cell.r_off_ohm is None else cell.r_off_ohm)


def weight_columns(hw: Any, weight_bits: int | None = None) -> int:
    """Columns of one weight: slices of cell.bits, twice for a differential pair (whose sign needs no slice)."""
    bits: int = hw.precision.weight_bits if weight_bits is None else weight_bits
    cell_bits: int = hw.crossbar.cell.bits
    if hw.crossbar.signed == "differential":
        return 2 * max(1, math.ceil((bits - 1) / cell_bits))
    return max(1, math.ceil(bits / cell_bits))


def input_cycles(hw: Any, input_bits: int | None = None) -> int:
    """Read cycles of one input vector: its bits over those that the DAC applies at once."""
    bits: int = hw.precision.input_bits if input_bits is None else input_bits
    per_cycle: int = hw.crossbar.dac.bits
    return math.ceil(bits / per_cycle)


def read_energy_pJ(hw: Any) -> Number:
    """Resistive: rows x columns x V^2 x mean conductance x pulse x activity (Ohm's law; both states equally likely).
    SRAM: columns x bitline capacitance x V^2 x activity."""
    bar, cell = hw.crossbar, hw.crossbar.cell
    rows = bar.rows if bar.active_rows is None else bar.active_rows
    volt = hw.technology.supply_V if cell.read_voltage_V is None else cell.read_voltage_V
    if cell.kind == "sram":
        line_fF = bar.rows * BITLINE_fF_PER_CELL_AT_45_NM * hw.technology.node_nm / 45.0
        return bar.columns * line_fF * 1e-3 * volt * volt * MEAN_INPUT_ACTIVITY
    r_on = 1e5 if cell.r_on_ohm is None else cell.r_on_ohm
    r_off = 10.0 * r_on if cell.r_off_ohm is None else cell.r_off_ohm
    pulse = bar.read_ns if cell.read_pulse_ns is None else cell.read_pulse_ns
    conductance_S = (1.0 / r_on + 1.0 / r_off) / 2.0
    return rows * bar.columns * volt * volt * conductance_S * pulse * 1e3 * MEAN_INPUT_ACTIVITY  # V^2 S ns = nJ


def area_um2(hw: Any) -> Number:
    """rows x columns x area_F2 x F^2."""
    f_um = hw.technology.node_nm * 1e-3
    return hw.crossbar.rows * hw.crossbar.columns * hw.crossbar.cell.area_F2 * f_um * f_um


def leakage_mW(hw: Any) -> Number:
    """Non-volatile cells hold their state without power; SRAM cells leak."""
    if hw.crossbar.cell.kind != "sram":
        return 0.0
    return hw.crossbar.rows * hw.crossbar.columns * SRAM_CELL_LEAKAGE_MW * hw.technology.supply_V / 0.9


def price(hw: Any) -> Price:
    """Price of one array without converters."""
    return resolve(
        hw,
        hw.crossbar,
        action_ns=hw.cycle_ns,
        energy_pJ=read_energy_pJ(hw),
        area_um2=area_um2(hw),
        leakage_mW=leakage_mW(hw),
        formula="rows x columns x V^2 x mean conductance x pulse x activity 0.5 (Ohm's law); SRAM: bitline C V^2",
    )
