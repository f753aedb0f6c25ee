"""H-tree between the buffer of a tile and its PEs (`tile.bus.topology: htree`). One action: one bit to or from one PE.

The buffer stands at the root, in the middle of a square of side `length_mm` in which the PEs are the leaves. Halving
the square in turn along and across, the way to one of n leaves is a side times 1 - 1 / sqrt(n), and all wires together
are 1.5 sides times sqrt(n) - 1 (exact for n = 4^k; plain geometry). Branches that do not lead to the leaf stay still.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pimsim.components import wire
from pimsim.components.price import Number


@dataclass(frozen=True, slots=True)
class Parameters:
    """wires: of which the tree is made. um2_per_wire_mm_32: area of a millimetre of one at 32 nm: that of ISAAC's bus
    (bus.py), which is taken to be 0.5 mm long."""

    wires: wire.Parameters = wire.DEFAULT
    um2_per_wire_mm_32: float = 90000.0 / 384.0 / 0.5


DEFAULT = Parameters()
SOURCE = f"H-tree over a square: way of side (1 - 1 / sqrt(PEs)); {wire.SOURCE}; area by ISAAC's bus"


def way_mm(hw: Any) -> Number:
    """From the root to one PE (mm)."""
    return hw.tile.bus.length_mm * (1.0 - hw.tile.pes**-0.5)


def wires_mm(hw: Any) -> Number:
    """All branches for one bit together (mm)."""
    return 1.5 * hw.tile.bus.length_mm * (hw.tile.pes**0.5 - 1.0)


def energy_pJ(parameters: Parameters, hw: Any) -> Number:
    """One bit between root and PE (pJ)."""
    return way_mm(hw) * wire.energy_pJ_per_mm(parameters.wires, hw)


def latency_ns(parameters: Parameters, hw: Any) -> Number:
    """From the root to a PE (ns). Bits follow each other by the clock."""
    return way_mm(hw) * wire.latency_ns_per_mm(parameters.wires, hw)


def area_um2(parameters: Parameters, hw: Any) -> Number:
    """All branches of all wires (um2)."""
    each = parameters.um2_per_wire_mm_32 * hw.technology.node_nm / 32.0
    return wires_mm(hw) * each * hw.tile.bus.width_bits
