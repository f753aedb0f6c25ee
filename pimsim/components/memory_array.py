"""What SRAM, eDRAM and register files have in common: cells in subarrays with decoder, wordlines, bitlines and sense
amplifiers, and the wires between them, by geometry.

In the manner of CACTI (Wilton and Jouppi, JSSC 31(5), 1996; Thoziyoor et al., HPL-2008-20): an access drives one row
of two subarrays, a column multiplexer takes the word from it, and a tree of wires carries it. CACTI searches for the
number of subarrays; here they follow in closed form (`Style`), and the constants of `FIT` make up for the difference.

Formulas take floats or float64 arrays alike, and give the same bits for both. Units: fF, um, ns; a capacitance times
V^2 is an energy in fJ.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from pimsim.components.process import Process
from pimsim.hardware import technology

Number = Any  # float or float64 array

CELL_ASPECT = 1.46
"""Width over height of a 6T cell (CACTI 7, technology.cc)."""

PORT_PITCH_F = 5.0
"""A further port widens a cell by two bitlines and heightens it by two wordlines, 2.5 F each (CACTI 7: local pitch)."""

WIRE_PITCH_F = 4.0
"""Pitch of the wires of the tree (CACTI 7: semi-global, 4 F)."""

REPEATED_WIRE = 1.47
"""Delay of a wire with the best repeaters over length x sqrt(FO4 R C) (Ho, Mai and Horowitz, Proc. IEEE 89(4), 2001,
1.4 to 1.5; remembered)."""


class Fit(NamedTuple):
    """Ratios fitted to the runs of CACTI 7.0 in validation/cacti/runs.csv by `python -m validation.cacti.fit`.

    junction: drain of a cell on its bitline, over the gate of an access transistor. swing: share of the supply by which
    a bitline falls in a read. decode: capacitance that an access switches in decoders, in switched NAND2. wire: way of
    a bit, in sides of the memory. column_end: height of sense amplifier, precharge and write driver, in sides of a
    NAND2. tree: tracks of the tree over the bits of a word; they run over the cells, as far as these are wide enough.
    gate_delay: decoder and sense amplifier, FO4 an address bit. cell_delay: bitline, FO4 a row. wire_delay: way of
    address and word, in sides of the memory.
    """

    junction: float = 1.86
    swing: float = 0.242
    decode: float = 123.0
    wire: float = 1.67
    column_end: float = 12.6
    tree: float = 1.94
    gate_delay: float = 0.741
    cell_delay: float = 0.0151
    wire_delay: float = 6.08


FIT = Fit()


class Style(NamedTuple):
    """What a kind of memory looks like. cell: area of a cell with one port over that of a 6T cell. part: share of a
    bank in one subarray, up to limit_bits. ratio: of columns driven to rows. column_end, tree: as in `Fit`."""

    cell: float
    part: float
    limit_bits: float
    ratio: float
    column_end: float
    tree: float


class Array(NamedTuple):
    """Geometry of a memory. columns: driven by one access. side_um: of the square that all banks make.
    bitline_fF: of a column, cells and wire. wordline_fF: of one cell."""

    rows: Number
    columns: Number
    cell_um2: Number
    side_um: Number
    bitline_fF: Number
    wordline_fF: Number


def larger(a: Number, b: Number) -> Number:
    """The larger of two, for floats and arrays alike."""
    return 0.5 * (a + b + abs(a - b))


def smaller(a: Number, b: Number) -> Number:
    """The smaller of two, for floats and arrays alike."""
    return 0.5 * (a + b - abs(a - b))


def root(x: Number) -> Number:
    """Square root, rounded alike for floats and arrays (x ** 0.5 is not)."""
    return math.sqrt(x) if isinstance(x, float) else np.sqrt(x)


def lay_out(
    process: Process,
    node_nm: Number,
    capacity_bits: Number,
    width_bits: Number,
    ports: Number,
    banks: Number,
    style: Style,
    fit: Fit = FIT,
) -> Array:
    """Cells, subarrays and wires of a memory.

    Subarrays hold `style.part` of a bank, and at most `style.limit_bits`. An access drives `style.ratio` times as many
    columns as there are rows, or those of the word if they are more. Each further port adds wires to a cell in both
    directions, and its own sense amplifiers and tree. The tree widens a bank that is narrower than its tracks.
    """
    cell, part, limit_bits, ratio, column_end, tree = style
    bits = capacity_bits / banks
    subarray = smaller(part * bits, limit_bits)
    columns = larger(width_bits, root((2.0 * ratio) * subarray))
    rows = 2.0 * subarray / columns
    feature_um = node_nm * 1e-3
    ports_um = PORT_PITCH_F * feature_um * (ports - 1.0)
    height = root(process.sram_um2 * (cell / CELL_ASPECT))
    width = CELL_ASPECT * height + ports_um
    height = height + ports_um
    column_um = rows * height + column_end * ports * root(process.logic_um2)
    bank_um = root(bits / subarray * 0.5 * columns * width * column_um)
    side = larger(bank_um, (tree * WIRE_PITCH_F) * feature_um * ports * width_bits) * root(banks)
    wire_fF, gate_fF = process.wire_fF_per_mm * 1e-3, process.access_fF
    bitline_fF = rows * (wire_fF * height + fit.junction * gate_fF)
    return Array(rows, columns, width * height, side, bitline_fF, wire_fF * width + 2.0 * gate_fF)


def way_fF(process: Process, array: Array, width_bits: Number, fit: Fit = FIT) -> Number:
    """What one access switches beside the bitlines: decoders, the wires of the word. Half of its bits toggle, in and
    out: `fit.wire` holds that too."""
    gates = fit.decode * process.gate_fJ / (process.supply_V * process.supply_V)
    return gates + width_bits * (fit.wire * 1e-3) * process.wire_fF_per_mm * array.side_um


def access_ns(
    process: Process, node_nm: Number, flavour: technology.Flavour, capacity_bits: Number, array: Array, fit: Fit = FIT
) -> Number:
    """Time from address to word: decoder and sense amplifier with the bits of the address, bitline with its rows,
    repeated wires over the memory."""
    fo4_ns = technology.fo4_ps(node_nm, process.supply_V, flavour) * 1e-3
    rc_ns = technology.wire_ohm_per_mm(node_nm) * process.wire_fF_per_mm * 1e-6
    gates = fo4_ns * (fit.gate_delay * np.log2(capacity_bits) + fit.cell_delay * array.rows)
    return gates + fit.wire_delay * REPEATED_WIRE * 1e-3 * array.side_um * root(fo4_ns * rc_ns)


def periphery_mW(process: Process, capacity_bits: Number, array: Array) -> Number:
    """Leakage of decoders, drivers and amplifiers: PERIPHERY_SHARE of what is not cells leaks as logic does."""
    beside_um2 = array.side_um * array.side_um - capacity_bits * array.cell_um2
    return PERIPHERY_SHARE * process.leakage_mW_per_um2 * beside_um2


PERIPHERY_SHARE = 0.1
"""Wide drivers stand on wires and mostly off stacks (assumed; CACTI's periphery leaks little beside its cells)."""
