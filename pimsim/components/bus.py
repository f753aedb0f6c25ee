"""Bus of a tile, between its buffer and its PEs. One action: one bit carried.

`topology: bus`: every bit goes `length_mm` over repeated wires (wire.py). `topology: htree`: htree.py.
Area of a wire: 0.09 mm2 for the 384 wires of ISAAC's bus at 32 nm (Shafiee et al., ISCA 2016, Table 1), with the node.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pimsim.components import htree, wire
from pimsim.components.price import Number, Price, resolve


@dataclass(frozen=True, slots=True)
class Parameters:
    """wires: of which the bus is made. um2_per_wire_32: area of one with its drivers at 32 nm. leaking: share of that
    area that is logic (assumed: the rest is wire over other circuits)."""

    wires: wire.Parameters = wire.DEFAULT
    um2_per_wire_32: float = 90000.0 / 384.0
    leaking: float = 0.1


DEFAULT = Parameters()
SOURCE = f"{wire.SOURCE}; area by the 384 wires of ISAAC's bus"


def energy_pJ(parameters: Parameters, hw: Any) -> Number:
    """One bit from end to end (pJ)."""
    return hw.tile.bus.length_mm * wire.energy_pJ_per_mm(parameters.wires, hw)


def latency_ns(parameters: Parameters, hw: Any) -> Number:
    """From end to end (ns). Bits follow each other by the clock."""
    return hw.tile.bus.length_mm * wire.latency_ns_per_mm(parameters.wires, hw)


def area_um2(parameters: Parameters, hw: Any) -> Number:
    """All wires (um2)."""
    return parameters.um2_per_wire_32 * hw.tile.bus.width_bits * (hw.technology.node_nm / 32.0)


def action_ns(hw: Any) -> Number:
    """Time between two bits (ns)."""
    return 1.0 / (hw.tile.bus.width_bits * hw.clock_GHz)


def price(hw: Any) -> Price:
    """Price of the bus of one tile."""
    tree = hw.tile.bus.topology == "htree"
    return resolve(
        hw,
        hw.tile.bus,
        action_ns=action_ns(hw),
        energy_pJ=htree.energy_pJ(htree.DEFAULT, hw) if tree else energy_pJ(DEFAULT, hw),
        area_um2=htree.area_um2(htree.DEFAULT, hw) if tree else area_um2(DEFAULT, hw),
        leakage_mW_per_um2=DEFAULT.leaking * hw.process.leakage_mW_per_um2,
        formula=htree.SOURCE if tree else SOURCE,
    )
