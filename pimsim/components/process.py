"""What the technology table says at one node and supply: looked up once, for scalars or arrays alike."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

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
    energies that the file gives at `price_supply_V`.
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


def _compute(node_nm: Number, supply_V: Number, price_supply_V: Number, flavour: table.Flavour) -> Process:
    ratio = supply_V / price_supply_V
    logic_um2 = table.logic_um2_per_gate(node_nm)
    energy_fJ = table.gate_energy_fJ(node_nm, supply_V)
    values = (
        supply_V,
        energy_fJ,
        energy_fJ / GATE_45_fJ,
        energy_fJ / GATE_32_fJ,
        logic_um2 / LOGIC_45_UM2,
        logic_um2,
        table.sram_um2_per_cell(node_nm),
        table.access_gate_fF(node_nm),
        table.wire_fF_per_mm(node_nm),
        table.leakage_per_gate_nW(node_nm, supply_V, flavour) * 1e-6 / logic_um2,
        table.frequency_factor(node_nm, supply_V, price_supply_V, flavour),
        ratio * ratio,
    )
    return Process(*values)


_remembered = lru_cache(maxsize=1024)(_compute)


class View:
    """A hardware point as the formulas see it: its sections, with process, clock and read cycle worked out once."""

    __slots__ = (
        "chip", "clock_GHz", "crossbar", "cycle_ns", "memory", "network", "pe", "precision", "process", "technology",
        "tile",
    )  # fmt: skip

    def __init__(self, hw: Any):
        self.technology, self.precision, self.crossbar = hw.technology, hw.precision, hw.crossbar
        self.pe, self.tile, self.chip, self.network, self.memory = hw.pe, hw.tile, hw.chip, hw.network, hw.memory
        self.process = process(hw)
        self.clock_GHz = hw.technology.clock_GHz * self.process.speed
        self.cycle_ns = cycle_ns(self)


def process(hw: Any) -> Process:
    """The process of `hw` (a Hardware, a View of one, or an object of the same shape whose leaves are arrays)."""
    if type(hw) is View:
        return hw.process
    tech = hw.technology
    price_V = tech.supply_V if tech.price_supply_V is None else tech.price_supply_V
    try:
        return _remembered(tech.node_nm, tech.supply_V, price_V, tech.flavour)
    except TypeError:  # arrays do not hash
        return _compute(tech.node_nm, tech.supply_V, price_V, tech.flavour)


def clock_GHz(hw: Any) -> Number:
    """Clock of the digital parts at the present supply."""
    return hw.technology.clock_GHz * process(hw).speed


def cycle_ns(hw: Any) -> Number:
    """One read cycle: the array's read, or the time its slowest ADC needs for its columns, whichever is longer."""
    bar = hw.crossbar
    adc, read = bar.adc, bar.read_ns
    turn = adc.columns_per_adc / adc.columns_combined / adc.rate_GSps
    longer = (turn + read + abs(turn - read)) / 2  # the larger of the two, for scalars and arrays alike
    return longer / process(hw).speed
