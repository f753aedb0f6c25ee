"""All-digital bit-serial compute in memory: multipliers and an adder tree among the cells. One action: one read cycle
of the whole array (all active rows, dac.bits input bits)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pimsim.components import current_cell
from pimsim.components.lines import cell_um2, log
from pimsim.components.price import Number


@dataclass(frozen=True, slots=True)
class Parameters:
    """adder_gates: a full adder in NAND2 of switched capacitance (28-transistor mirror adder), adder_area its area.
    activity: switching over that of a datapath: a quarter of the products are one (random operands). booth_gates:
    selection and negation of a radix-4 digit (0, +-1, +-2) a weight bit in place of two one-bit multipliers (Booth,
    1951; usual radix-4 cells have 6 to 10 gates)."""

    multiplier_gates: float = 1.0
    adder_gates: float = 4.5
    adder_area: float = 7.0
    activity: float = 0.5
    booth_gates: float = 8.0


DEFAULT = Parameters()
FORMULA = (
    "a NAND2 and 1 + 1 / columns_combined full adders of 4.5 NAND2 a cell, half as active as a datapath; technology "
    "table"
)


def full_adders(hw: Any) -> Number:
    """Full adders a cell: n words of w bits take (w + 1) n of them in a binary tree (`adder_tree`), w columns being
    added as one word (`columns_combined`)."""
    return 1.0 + 1.0 / hw.crossbar.adc.columns_combined


def lanes(hw: Any, adder: float) -> Number:
    """Gates of the multipliers and trees beside a cell, a full adder being `adder` of them: a tree for each input bit
    taken at once; with Booth's recoding a pair of bits is one digit, so one tree serves two bits."""
    bits, tree = hw.crossbar.dac.bits, full_adders(hw) * adder
    if not hw.crossbar.cell.booth:
        return bits * (DEFAULT.multiplier_gates + tree)
    return (bits + 1.0) / 2.0 * (DEFAULT.booth_gates + tree)


def energy_pJ(hw: Any, rows: Number) -> Number:
    """Multipliers and adder trees of the active rows (pJ)."""
    gates = lanes(hw, DEFAULT.adder_gates)
    return rows * hw.crossbar.columns * gates * DEFAULT.activity * hw.process.gate_fJ * 1e-3


def latency_ns(hw: Any, rows: Number, bits: Number) -> Number:
    """Multiplier and the depth of the tree (ns): log2(rows) adders of about two fan-out-of-4 delays each (carries of a
    level ripple while the next begins), and the last one's carry through a word of `columns_combined` bits."""
    levels = log(rows * 1.0) / log(2.0) + hw.crossbar.adc.columns_combined - 1.0
    return (2.0 + 2.0 * levels) * hw.fo4_ns


def area_um2(hw: Any) -> Number:
    """Cells, and multipliers with adder trees beside each cell that is active at a time (rows that take turns share
    them)."""
    bar = hw.crossbar
    rows = bar.rows if bar.active_rows is None else bar.active_rows
    gates = lanes(hw, DEFAULT.adder_area)
    return bar.rows * bar.columns * cell_um2(hw) + rows * bar.columns * gates * hw.process.logic_um2


def leakage_mW(hw: Any) -> Number:
    """Cells and gates (mW)."""
    logic_um2 = area_um2(hw) - hw.crossbar.rows * hw.crossbar.columns * cell_um2(hw)
    return current_cell.leakage_mW(hw) + logic_um2 * hw.process.leakage_mW_per_um2
