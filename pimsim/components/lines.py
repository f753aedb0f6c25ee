"""Wordlines and bitlines: capacitance, resistance and delay by geometry, and the chain of inverters that drives one.

Cells are taken as squares; a line has one cell pitch of intermediate wire a cell (technology table) and what each cell
hangs on it. Textbook: Rabaey, Chandrakasan and Nikolic, "Digital Integrated Circuits", 2nd ed., chapters 4 (distributed
RC: 0.38 R C) and 5 (tapered buffers).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from pimsim.components.price import Number

NVM_AREA_F2 = 40.0
"""1T1R cell whose transistor carries the write current: 22 nm RRAM and MRAM macros have 90 to 100 F2, 40 to 130 nm ones
30 to 130 (remembered; Xu et al., HPCA 2015, count 12 with a minimum transistor)."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """taper: fan-out of each stage of a line's driver. self_load: drain of a stage over its gate. distributed: delay of
    a line over its R C. junction: drain contact of a cell on its bitline, in access gates."""

    taper: float = 4.0
    self_load: float = 1.0
    distributed: float = 0.38
    junction: float = 1.0

    @property
    def chain(self) -> float:
        """Capacitance that switches in line and driver over that of the line alone: stages of a geometric series."""
        return 1.0 + (1.0 + self.self_load) / (self.taper - 1.0)


DEFAULT = Parameters()
CHAIN = DEFAULT.chain
NVM_WIDTHS = 4.3
"""Access transistor of a resistive cell in minimum widths: 1.5 fF at 130 nm (Wan et al., Nature 608, 504 (2022), as
modelled by CiMLoop) where a minimum gate has 0.35 fF."""


def log(x: Number) -> Number:
    """Natural logarithm, of a float or an array."""
    return math.log(x) if isinstance(x, float) else np.log(x)


def cell_um2(hw: Any) -> Number:
    """Area of a cell (um2): as the file says in F2; SRAM: the 6T cell of the table, by transistors; else
    NVM_AREA_F2."""
    cell, f_um = hw.crossbar.cell, hw.technology.node_nm * 1e-3
    if cell.area_F2 is not None:
        return cell.area_F2 * f_um * f_um
    if cell.kind == "sram":
        return hw.process.sram_um2 * (cell.transistors / 6.0)
    return NVM_AREA_F2 * f_um * f_um


def pitch_mm(hw: Any) -> Number:
    """Side of a cell (mm)."""
    return cell_um2(hw) ** 0.5 * 1e-3


def gates_fF(hw: Any, style: str) -> Number:
    """What a cell hangs on its row (fF): resistive, its access transistor; current, the access transistors of a 6T cell
    or one read port; charge, the two gates of the switch that multiplies; digital, half a NAND2's input."""
    if style == "digital":
        return 0.5 * hw.process.gate_fF_in
    if style == "resistive":
        return NVM_WIDTHS * hw.process.access_fF
    if style == "charge":
        return 2.0 * hw.process.access_fF
    return (1.0 + (hw.crossbar.cell.transistors == 6)) * hw.process.access_fF


def row_fF(hw: Any, style: str) -> Number:
    """Capacitance of one row (fF): cells as the file says, or gates and wire."""
    given = hw.crossbar.dac.row_fF_per_cell
    each = gates_fF(hw, style) + pitch_mm(hw) * hw.process.wire_fF_per_mm if given is None else given
    return hw.crossbar.columns * each


def bitline_fF(hw: Any) -> Number:
    """Capacitance of one column (fF): a junction and a cell pitch of wire for every cell."""
    wire = pitch_mm(hw) * hw.process.wire_fF_per_mm
    return hw.crossbar.rows * (DEFAULT.junction * hw.process.access_fF + wire)


def line_ohm(hw: Any, cells: Number) -> Number:
    """Resistance of a line along `cells` cells (ohm)."""
    return cells * pitch_mm(hw) * hw.process.wire_ohm_per_mm


def line_ns(hw: Any, capacitance_fF: Number, cells: Number) -> Number:
    """Delay of a line (ns): its driver chain, a fan-out-of-4 delay a stage, then 0.38 R C of the wire."""
    stages = log(1.0 + capacitance_fF / hw.process.gate_fF_in) / log(DEFAULT.taper)
    wire = DEFAULT.distributed * line_ohm(hw, cells) * capacitance_fF * 1e-6
    return stages * hw.fo4_ns + wire
