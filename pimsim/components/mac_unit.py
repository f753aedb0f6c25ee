"""Multiply-add unit for products of two activations. One action: one multiply-add.

A multiplier of the operand width into an adder of accumulator_bits (Horowitz, ISSCC 2014).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pimsim.components.activation import lent, lent_where_none
from pimsim.components.arithmetic import (
    HOROWITZ,
    add_pJ,
    add_um2,
    has_none,
    latency_ns,
    multiply_pJ,
    multiply_um2,
    unit,
)
from pimsim.components.price import Number, Price

__all__ = ["DEFAULT", "SOURCE", "Parameters", "area_um2", "energy_pJ", "latency_ns", "price"]


@dataclass(frozen=True, slots=True)
class Parameters:
    """Circuits of a unit."""

    adders: float = 1.0
    multipliers: float = 1.0


DEFAULT = Parameters()
SOURCE = f"one multiplication and one addition of accumulator_bits {HOROWITZ}"


def energy_pJ(parameters: Parameters, hw: Any) -> Number:
    """One multiply-add (pJ)."""
    product = parameters.multipliers * multiply_pJ(hw, hw.tile.mac.bits)
    return product + parameters.adders * add_pJ(hw, hw.precision.accumulator_bits)


def area_um2(parameters: Parameters, hw: Any) -> Number:
    """One unit (um2)."""
    product = parameters.multipliers * multiply_um2(hw, hw.tile.mac.bits)
    return product + parameters.adders * add_um2(hw, hw.precision.accumulator_bits)


def price(hw: Any) -> Price:
    """Price of one unit, or of the activation units where a tile has none."""
    spec = hw.tile.mac
    if has_none(spec):
        return lent(hw)
    own = unit(hw, spec, energy_pJ(DEFAULT, hw), area_um2(DEFAULT, hw), SOURCE)
    return lent_where_none(hw, spec, own)
