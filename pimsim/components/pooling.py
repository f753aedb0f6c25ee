"""Pooling unit. One action: one comparison or addition in a pooling window.

An adder that also compares (Horowitz, ISSCC 2014).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pimsim.components.activation import lent, lent_where_none
from pimsim.components.arithmetic import HOROWITZ, add_pJ, add_um2, has_none, latency_ns, unit
from pimsim.components.price import Number, Price

__all__ = ["DEFAULT", "SOURCE", "Parameters", "area_um2", "energy_pJ", "latency_ns", "price"]


@dataclass(frozen=True, slots=True)
class Parameters:
    """Circuits of a unit."""

    adders: float = 1.0


DEFAULT = Parameters()
SOURCE = f"one addition {HOROWITZ}"


def energy_pJ(parameters: Parameters, hw: Any) -> Number:
    """One comparison or addition (pJ)."""
    return parameters.adders * add_pJ(hw, hw.tile.pool.bits)


def area_um2(parameters: Parameters, hw: Any) -> Number:
    """One unit (um2)."""
    return parameters.adders * add_um2(hw, hw.tile.pool.bits)


def price(hw: Any) -> Price:
    """Price of one unit, or of the activation units where a tile has none."""
    spec = hw.tile.pool
    if has_none(spec):
        return lent(hw)
    own = unit(hw, spec, energy_pJ(DEFAULT, hw), area_um2(DEFAULT, hw), SOURCE)
    return lent_where_none(hw, spec, own)
