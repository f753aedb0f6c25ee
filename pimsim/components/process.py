"""What the technology table says at one node and supply: looked up once, for scalars or arrays alike."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from pimsim.hardware import technology as table

Number = Any  # float or float64 array


class Process(NamedTuple):
    """Factors and constants at (node, supply).

    switched_fF: by a NAND2-equivalent of a datapath in one operation. leakage_mW_per_um2: of logic. speed and
    given_energy: factors on clocks and energies that the file gives at `price_supply_V`.
    """

    supply_V: Number
    switched_fF: Number
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
    values = (
        supply_V,
        table.gate_energy_fJ(node_nm, 1.0),
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
    """A hardware point with its process beside its sections, so that two dozen formulas look it up once."""

    __slots__ = ("chip", "crossbar", "memory", "network", "pe", "precision", "process", "technology", "tile")

    def __init__(self, hw: Any):
        self.technology, self.precision, self.crossbar = hw.technology, hw.precision, hw.crossbar
        self.pe, self.tile, self.chip, self.network, self.memory = hw.pe, hw.tile, hw.chip, hw.network, hw.memory
        self.process = process(hw)


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


@lru_cache(maxsize=64)
def _reference(node_nm: float) -> tuple[float, float]:
    return float(table.gate_energy_fJ(node_nm, 1.0)), float(table.logic_um2_per_gate(node_nm))


def energy_scale(hw: Any, node_nm: float, supply_V: float) -> Number:
    """Factor from a digital energy known at (node_nm, supply_V): C V^2 with the table's switched capacitance."""
    here = process(hw)
    ratio = here.supply_V / supply_V
    return here.switched_fF / _reference(node_nm)[0] * ratio * ratio


def area_scale(hw: Any, node_nm: float) -> Number:
    """Factor from an area of logic known at node_nm: the table's NAND2."""
    return process(hw).logic_um2 / _reference(node_nm)[1]


def clock_GHz(hw: Any) -> Number:
    """Clock of the digital parts at the present supply."""
    return hw.technology.clock_GHz * process(hw).speed
