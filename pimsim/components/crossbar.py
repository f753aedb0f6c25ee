"""Cell array. One action: one read of the whole array (all active rows, all columns, one read cycle)."""

from __future__ import annotations

from typing import Any

from pimsim.components.price import Number, Price, resolve

MEAN_INPUT_ACTIVITY = 0.5
"""Share of rows that carry a one (or mean input over full scale): random operands."""

SRAM_CELL_LEAKAGE_MW = 2e-8
"""Static power of a 6T cell: 20 pW (assumed: low-power 45 nm cell, ITRS 2011 LSTP)."""

BITLINE_WIRE_SHARE = 1.0
"""Wire of a bitline a cell, in cell pitches (square cells)."""

BITLINE_JUNCTION_GATES = 1.0
"""Drain junction of the read port, in access-gate capacitances (usual for minimum devices)."""

ADDER_GATES = 4.5
"""A full adder in NAND2-equivalents of switched capacitance (28-transistor mirror adder: 7 NAND2 of area)."""

DIGITAL_ACTIVITY = 0.5
"""Switching of a bit-serial adder tree over that of a datapath: a quarter of the products are one (random operands)."""

LEVEL_SHIFTER_GATES = 23.0
"""Area of a thick-oxide level shifter in NAND2: 85.96 um2 (sky130_fd_sc_hvl__lsbuflv2hv_1) over 3.7536 um2
(sky130_fd_sc_hd__nand2_1), SkyWater's open libraries at 130 nm. A lower bound below 65 nm: thick oxide shrinks
less than logic."""

LOGIC_V = 1.5
"""Write voltages above it need level shifters (NeuroSim V1.3 draws the line there too)."""

DEFAULT_CAPACITOR_fF = 1.0
"""Metal fringe capacitor over an SRAM cell (Valavi et al., JSSC 2019, and Jia et al.: about 1 to 2 fF; remembered)."""


def step_ns(hw: Any) -> Number:
    """One decision of the converter under `binary_pulses`; a read step when the file does not say."""
    step = hw.crossbar.adc.step_ns
    return hw.cycle_ns if step is None else step / hw.process.speed


def off_ratio(cell: Any) -> Number:
    """Conductance of the lowest state over that of the highest; 0 for SRAM, whose zeros draw nothing."""
    if cell.kind == "sram":
        return 0.0
    r_on = 1e5 if cell.r_on_ohm is None else cell.r_on_ohm
    return r_on / (10.0 * r_on if cell.r_off_ohm is None else cell.r_off_ohm)


def compute_style(cell: Any) -> str:
    """How a cell multiplies when the file does not say: Ohm's law, or a discharged bitline in SRAM."""
    style: str | None = cell.compute
    return style or ("current" if cell.kind == "sram" else "resistive")


def bitline_fF(hw: Any) -> Number:
    """Capacitance of one column: junctions of the cells and a wire of one cell pitch each."""
    pitch_mm = hw.technology.node_nm * 1e-6 * hw.crossbar.cell.area_F2**0.5
    wire = pitch_mm * BITLINE_WIRE_SHARE * hw.process.wire_fF_per_mm
    return hw.crossbar.rows * (BITLINE_JUNCTION_GATES * hw.process.access_fF + wire)


def read_energy_pJ(hw: Any) -> Number:
    """One read of the whole array, for random operands.

    resistive: rows x columns x V^2 x mean conductance x pulse x activity (Ohm's law; both states equally likely), and
    charging the columns to the read voltage. current: each column discharges by half the supply on average (C V dV).
    charge: half of the capacitors switch by V^2, half of these for a one of the weight. digital: a gate and two full
    adders an active cell and input bit (an adder tree of n inputs has about 2 n full adders for one-bit products).
    """
    bar, cell = hw.crossbar, hw.crossbar.cell
    rows = bar.rows if bar.active_rows is None else bar.active_rows
    volt = hw.process.supply_V
    style = compute_style(cell)
    if style == "digital":
        gates = bar.dac.bits * (1.0 + 2.0 * ADDER_GATES) * DIGITAL_ACTIVITY
        return rows * bar.columns * gates * hw.process.gate_fJ * 1e-3
    if style == "current":
        return bar.columns * bitline_fF(hw) * 1e-3 * volt * volt * MEAN_INPUT_ACTIVITY
    if style == "charge":
        each_fF = DEFAULT_CAPACITOR_fF if cell.capacitor_fF is None else cell.capacitor_fF
        lines = bar.columns * bitline_fF(hw) * MEAN_INPUT_ACTIVITY
        return (rows * bar.columns * each_fF * 0.25 + lines) * 1e-3 * volt * volt
    across = volt if cell.read_voltage_V is None else cell.read_voltage_V
    r_on = 1e5 if cell.r_on_ohm is None else cell.r_on_ohm
    r_off = 10.0 * r_on if cell.r_off_ohm is None else cell.r_off_ohm
    pulse = bar.read_ns if cell.read_pulse_ns is None else cell.read_pulse_ns
    conductance_S = (1.0 / r_on + 1.0 / r_off) / 2.0
    joule = rows * bar.columns * across * across * conductance_S * pulse * 1e3 * MEAN_INPUT_ACTIVITY  # V^2 S ns = nJ
    return joule + bar.columns * bitline_fF(hw) * 1e-3 * across * across


def area_um2(hw: Any) -> Number:
    """rows x columns x area_F2 x F^2. Resistive cells that are written above LOGIC_V have a level shifter on every
    wordline, bitline and source line. digital: a gate and two full adders of 7 NAND2 beside each cell that is active at
    a time, for each input bit taken at once (rows that take turns share them)."""
    f_um = hw.technology.node_nm * 1e-3
    cells = hw.crossbar.rows * hw.crossbar.columns
    area = cells * hw.crossbar.cell.area_F2 * f_um * f_um
    if compute_style(hw.crossbar.cell) == "digital":
        rows = hw.crossbar.rows if hw.crossbar.active_rows is None else hw.crossbar.active_rows
        gates = rows * hw.crossbar.columns * hw.crossbar.dac.bits * (1.0 + 2.0 * 7.0)
        return area + gates * hw.process.logic_um2
    if compute_style(hw.crossbar.cell) == "resistive":
        lines = (hw.crossbar.rows + 2.0 * hw.crossbar.columns) * (hw.crossbar.cell.write.voltage_V > LOGIC_V)
        return area + lines * LEVEL_SHIFTER_GATES * hw.process.logic_um2
    return area


def leakage_mW(hw: Any) -> Number:
    """Non-volatile cells hold their state without power; SRAM cells leak."""
    if hw.crossbar.cell.kind != "sram":
        return 0.0
    return hw.crossbar.rows * hw.crossbar.columns * SRAM_CELL_LEAKAGE_MW * hw.technology.supply_V / 0.9


FORMULA = {
    "resistive": "rows x columns x V^2 x mean conductance x pulse x activity 0.5 (Ohm's law) + columns' C V^2",
    "current": "columns x bitline capacitance x V^2 x activity 0.5; junction and wire by the technology table",
    "charge": "rows x columns x capacitor x V^2 / 4 + columns' C V^2 / 2",
    "digital": "a NAND2 and two full adders of 4.5 NAND2 a cell, half as active as a datapath; technology table",
}


def price(hw: Any) -> Price:
    """Price of one array without converters."""
    return resolve(
        hw,
        hw.crossbar,
        action_ns=hw.cycle_ns,
        energy_pJ=read_energy_pJ(hw),
        area_um2=area_um2(hw),
        leakage_mW=leakage_mW(hw),
        formula=FORMULA[compute_style(hw.crossbar.cell)],
    )
