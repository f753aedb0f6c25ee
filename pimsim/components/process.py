"""What the technology table says at one node and supply: looked up once, for scalars or arrays alike."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from pimsim.hardware import technology as table

Number = Any  # float or float64 array


GATE_45_fJ = float(table.gate_energy_fJ(45.0, 0.9))
GATE_32_fJ = float(table.gate_energy_fJ(32.0, 1.0))
LOGIC_45_UM2 = float(table.logic_um2_per_gate(45.0))


class Process(NamedTuple):
    """Factors and constants at (node, supply).

    gate_fJ, logic_um2: energy and area of a NAND2-equivalent. energy_45, energy_32: factors on digital energies known
    at 45 nm and 0.9 V, at 32 nm and 1 V (C V^2 with the capacitance that the table says a gate switches). area_45:
    factor on logic areas known at 45 nm. leakage_mW_per_um2: of logic. speed, given_energy: factors on clocks and
    energies that the file gives at `price_supply_V`. gate_fF_in: input of a NAND2.
    """

    supply_V: Number
    gate_fJ: Number
    energy_45: Number
    energy_32: Number
    area_45: Number
    logic_um2: Number
    sram_um2: Number
    access_fF: Number
    wire_fF_per_mm: Number
    leakage_mW_per_um2: Number
    speed: Number
    given_energy: Number
    gate_fF_in: Number
    wire_ohm_per_mm: Number


def _node(node_nm: Number, flavour: table.Flavour) -> tuple[Number, ...]:
    """What depends on the node alone: a sweep over supplies asks for it once."""
    nominal_V = table.nominal_supply_V(node_nm, flavour)
    return (
        table.gate_energy_fJ(node_nm, 1.0),
        table.logic_um2_per_gate(node_nm),
        table.sram_um2_per_cell(node_nm),
        table.access_gate_fF(node_nm),
        table.wire_fF_per_mm(node_nm),
        table.leakage_per_gate_nW(node_nm, nominal_V, flavour),
        nominal_V,
        table.threshold_V(node_nm, flavour),
        table.gate_input_fF(node_nm),
        table.wire_ohm_per_mm(node_nm),
    )


_remembered = lru_cache(maxsize=256)(_node)


def process(hw: Any) -> Process:
    """The process of `hw` (a Hardware, a View of one, or an object of the same shape whose leaves are arrays)."""
    if type(hw) is View:
        return hw.process
    tech = hw.technology
    volt, flavour = tech.supply_V, tech.flavour
    at_node = _remembered if isinstance(tech.node_nm, float) else _node
    switched_fF, logic_um2, sram_um2, access_fF, wire_fF, leakage_nW, nominal_V, threshold_V, gate_fF, wire_ohm = (
        at_node(tech.node_nm, flavour)
    )
    price_V = volt if tech.price_supply_V is None else tech.price_supply_V
    energy_fJ = switched_fF * volt * volt
    ratio = volt / price_V
    return Process(
        volt,
        energy_fJ,
        energy_fJ / GATE_45_fJ,
        energy_fJ / GATE_32_fJ,
        logic_um2 / LOGIC_45_UM2,
        logic_um2,
        sram_um2,
        access_fF,
        wire_fF,
        leakage_nW * table.leakage_factor(volt, nominal_V) * 1e-6 / logic_um2,
        1.0 if price_V is volt else table.speed_factor(threshold_V, volt, price_V),
        ratio * ratio,
        gate_fF,
        wire_ohm,
    )


class View:
    """A hardware point as the formulas see it: its sections, with process, clock and read cycle worked out once."""

    __slots__ = (
        "chip", "clock_GHz", "crossbar", "cycle_ns", "mapping", "memory", "network", "operands", "outputs_per_cycle",
        "pe", "precision", "process", "read_ns", "technology", "tile",
    )  # fmt: skip

    @property
    def fo4_ns(self) -> Number:
        """Fan-out-of-4 delay at the present supply; asked for only where times are computed."""
        tech = self.technology
        return table.fo4_ps(tech.node_nm, tech.supply_V, tech.flavour) * 1e-3

    def __init__(self, hw: Any):
        self.technology, self.precision, self.crossbar = hw.technology, hw.precision, hw.crossbar
        self.pe, self.tile, self.chip, self.network, self.memory = hw.pe, hw.tile, hw.chip, hw.network, hw.memory
        self.mapping, self.operands = hw.mapping, hw.operands
        self.process = process(hw)
        self.clock_GHz = clock_GHz(self)
        self.read_ns = _read_ns(self)
        self.cycle_ns = _cycle_ns(self)
        self.outputs_per_cycle = outputs_per_cycle(self)


def clock_GHz(hw: Any) -> Number:
    """Clock of the digital parts at the present supply."""
    return hw.technology.clock_GHz * process(hw).speed


def _read_ns(hw: View) -> Number:
    """One read of the array at the present supply: the file's, which holds at `price_supply_V`, or computed."""
    given = hw.crossbar.read_ns
    if given is not None:
        return given / hw.process.speed
    from pimsim.components.crossbar import read_ns as computed  # the arrays' formulas rest on this module

    return computed(hw)


def cycle_ns(hw: Any) -> Number:
    """One read cycle of `hw` (ns)."""
    return (hw if type(hw) is View else View(hw)).cycle_ns


def _cycle_ns(hw: View) -> Number:
    """One read cycle: the array's read, or the time its slowest ADC needs for its columns, whichever is longer."""
    adc, read = hw.crossbar.adc, hw.read_ns
    if adc.kind == "none":
        return read
    turn = adc.columns_per_adc / adc.columns_combined / (adc.rate_GSps * hw.process.speed)
    return (turn + read + abs(turn - read)) / 2  # the larger of the two, for scalars and arrays alike


WEIGHT_COLUMNS = {
    "offset": (0, 1, 0),
    "twos_complement": (0, 1, 0),
    "differential": (1, 2, 0),
    "differential_rows": (1, 1, 0),
    "xnor": (0, 1, 0),
    "xnor_rows": (0, 1, 0),
    "sign_magnitude": (1, 1, 1),
}
"""Encoding of signed weights -> (bits that take no slice, columns of a slice, columns beside the slices)."""


def _up(x: Number) -> Number:
    """Next whole number up, of a float or an array."""
    return math.ceil(x) if isinstance(x, float | int) else np.ceil(x)


def weight_columns(hw: Any, weight_bits: Number | None = None) -> Number:
    """Columns of one weight: slices of cell.bits, twice for a differential pair (whose sign needs no slice)."""
    bits = hw.precision.weight_bits if weight_bits is None else weight_bits
    sign_bits, pair, beside = WEIGHT_COLUMNS[hw.crossbar.signed]
    slices = _up((bits - sign_bits) / hw.crossbar.cell.bits)
    return pair * (slices + (slices < 1)) + beside  # a single bit that is a sign takes a slice too


def input_cycles(hw: Any, input_bits: Number | None = None) -> Number:
    """Read cycles of one input vector: its bits over those that the DAC applies at once."""
    bits = hw.precision.input_bits if input_bits is None else input_bits
    return _up(bits / hw.crossbar.dac.bits)


def outputs_per_cycle(hw: Any) -> Number:
    """Finished outputs of a busy PE in one read cycle."""
    return hw.pe.crossbars * (hw.crossbar.columns / weight_columns(hw)) / input_cycles(hw)
