"""Row driver with its input converter. One action: one row driven for one read cycle. One instance a row.

driver: inverters put bits or pulses on the row. r2r, c2c: an input of several bits becomes one of 2^bits voltages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pimsim.components import silicon
from pimsim.components.crossbar import active_rows, compute_style
from pimsim.components.lines import CHAIN, row_fF
from pimsim.components.price import Number, Price, resolve


@dataclass(frozen=True, slots=True)
class Parameters:
    """activity: share of inputs that are one, or mean input over full scale (random operands). held: share of those on
    which a row rises that holds its level from one bit to the next (half of random bits follow a zero). latch_gates:
    flip-flop and its clock for an input bit, in NAND2 of switched capacitance (assumed). unit_fF: capacitor of a C-2C
    ladder; its bits have 2 and 1 units each (assumed: the least that matches to 8 bits). gm_per_A: transconductance of
    the buffer that settles the row, over its current (1/V; usual in moderate inversion). latch_um2: at 45 nm (four
    NAND2)."""

    activity: float = 0.5
    held: float = 0.5
    latch_gates: float = 10.0
    unit_fF: float = 2.0
    gm_per_A: float = 15.0
    latch_um2: float = 4.0
    unit_um2_per_fF: float = 1.0 / 1.5  # metal capacitor (assumed, usual for 65 to 28 nm)
    resistor_um2: float = 4.0  # of a unit of poly, at 45 nm (assumed)
    buffer_gates: float = 40.0  # area of the row's buffer, in NAND2 (assumed)


DEFAULT = Parameters()


def kind(hw: Any) -> str:
    """The converter: as the file says; else inverters, but ladders where several bits are a voltage at once: C-2C in
    charge-domain arrays, R-2R in others. (Among an array of bits a ladder of one bit is an inverter too.)"""
    dac = hw.crossbar.dac
    if dac.kind is not None:
        named: str = dac.kind
        return named
    if isinstance(dac.bits, int) and dac.bits == 1:
        return "driver"
    style = compute_style(hw.crossbar.cell)
    if style == "digital" or dac.encoding != "bit_serial":
        return "driver"
    return "c2c" if style == "charge" else "r2r"


def several(hw: Any) -> Number:
    """1 where a ladder makes a voltage of several bits, 0 where inverters do (a ladder of one bit is an inverter)."""
    return 0.0 if kind(hw) == "driver" else 1.0 * (hw.crossbar.dac.bits > 1)


def factor(share: Number, of: Any) -> Number:
    """Factor of measured macros: rows of inverters, or of voltages (`share`, see `several`). `of`: silicon.energy or
    silicon.area."""
    return share * of("driver, voltage") + (1.0 - share) * of("driver")


def row_pJ(hw: Any, fF: Number) -> Number:
    """C V^2 of a row of that capacitance with its driver chain (pJ)."""
    volt = hw.process.supply_V
    return fF * CHAIN * 1e-3 * volt * volt


def energy_pJ(hw: Any, chosen: str, fF: Number) -> Number:
    """Of the converter `chosen` on a row of `fF` (pJ). driver: C V^2 of row and chain x the pulses of one read: one for
    each bit, 2^bits - 1 in a train that counts, one of any width; half of them on average. Rows of gates (compute:
    digital) hold their level instead, and take C V^2 when it rises. r2r, c2c with more than one bit: the row at a third
    of C V^2 (mean square of a uniform voltage), a class-A buffer that settles it to half a step: I = C V ln(2)
    (bits + 1) / (gm/I t), and the ladder: c2c, 3 units a bit, a quarter of them switching; r2r, V^2 t / (3 R) with R
    settling the row in that time."""
    dac, volt = hw.crossbar.dac, hw.process.supply_V
    latch = DEFAULT.latch_gates * hw.process.gate_fJ * 1e-3 * dac.bits
    if chosen == "driver":
        if dac.encoding == "pulse_count":
            pulses = 2.0**dac.bits - 1.0
        elif dac.encoding == "pulse_width":
            pulses = 1.0
        else:
            pulses = dac.bits
        held = DEFAULT.held if compute_style(hw.crossbar.cell) == "digital" else 1.0
        return row_pJ(hw, fF) * DEFAULT.activity * held * pulses + latch
    share = several(hw)
    settling = 0.6931 * (dac.bits + 1.0)
    amplifier = 2.0 * fF * settling / DEFAULT.gm_per_A  # current of both branches x time; x V below
    ladder = 3.0 * dac.bits * DEFAULT.unit_fF * 0.25 * volt if chosen == "c2c" else fF * settling / 3.0 * volt
    analog = (fF * volt / 3.0 + amplifier + ladder) * volt * 1e-3
    return share * analog + (1.0 - share) * row_pJ(hw, fF) * DEFAULT.activity + latch


def area_um2(hw: Any, chosen: str, fF: Number) -> Number:
    """Of the converter `chosen` on a row of `fF` (um2). driver: a latch a bit and the chain, whose last stage has a
    quarter of the row's gates. Ladders: their units, and the row's buffer. Rows that take turns have a chain each and
    share the rest."""
    dac, here = hw.crossbar.dac, hw.process
    at_once = active_rows(hw) / hw.crossbar.rows
    latch = DEFAULT.latch_um2 * dac.bits * here.area_45 * at_once
    chain = fF / 3.0 / here.gate_fF_in * 0.5 * here.logic_um2
    if chosen == "driver":
        return latch + chain
    if chosen == "c2c":
        ladder = 3.0 * dac.bits * DEFAULT.unit_fF * DEFAULT.unit_um2_per_fF
    else:
        ladder = 3.0 * dac.bits * DEFAULT.resistor_um2 * here.area_45
    return latch + chain + several(hw) * at_once * (ladder + DEFAULT.buffer_gates * here.logic_um2)


FORMULA = {
    "driver": "row and driver chain C V^2 x pulses x activity 0.5 (half of it in digital arrays), a latch a bit; "
    "technology table",
    "r2r": "R-2R ladder and class-A buffer that settle the row to half a step (textbook); technology table",
    "c2c": "C-2C ladder of 2 fF units and class-A buffer that settles the row to half a step; technology table",
}


def price(hw: Any) -> Price:
    """Price of one row driver."""
    chosen, share, fF = kind(hw), several(hw), row_fF(hw, compute_style(hw.crossbar.cell))
    return resolve(
        hw,
        hw.crossbar.dac,
        action_ns=hw.cycle_ns,
        energy_pJ=energy_pJ(hw, chosen, fF) * factor(share, silicon.energy),
        area_um2=area_um2(hw, chosen, fF) * factor(share, silicon.area),
        leakage_mW_per_um2=hw.process.leakage_mW_per_um2,
        formula=FORMULA[chosen],
    )
