"""Normalisation unit (layer, batch, group, instance, RMS). One action: one element through statistics, scale and shift.

Mean and mean square in one pass (variance = mean square - mean^2, Wang et al., "SOLE", ICCAD 2023), then subtraction,
product with the reciprocal root, scale and shift. The root is found once a row from a table and left out of the energy.
Energies and areas are those of its adders and multipliers (Horowitz, ISSCC 2014).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pimsim.components.arithmetic import (
    HOROWITZ,
    add_pJ,
    add_um2,
    has_none,
    latency_ns,
    multiply_pJ,
    multiply_um2,
    table_um2,
    unit,
)
from pimsim.components.price import Number, Price

__all__ = ["DEFAULT", "SOURCE", "Parameters", "area_um2", "energy_pJ", "latency_ns", "price"]


@dataclass(frozen=True, slots=True)
class Parameters:
    """Circuits of a unit, each acting once an element; a table for the reciprocal root."""

    multipliers: float = 3.0  # square, reciprocal root, scale
    adders: float = 2.0  # subtraction of the mean, shift
    sums: float = 2.0  # of elements and of their squares
    sum_width: float = 2.0  # of the adders that sum up, over the operand width (assumed)
    table_entries: float = 64.0  # assumed, as for the activation units


DEFAULT = Parameters()
SOURCE = f"three multiplications, two additions and two sums of twice the width an element {HOROWITZ}"
ABSENT = f"no unit of its own: normalisations run on the vector and activation units; if there were one: {SOURCE}"


def energy_pJ(parameters: Parameters, hw: Any) -> Number:
    """One element (pJ)."""
    bits = hw.tile.normalisation.bits
    adds = parameters.adders + parameters.sums * parameters.sum_width
    return parameters.multipliers * multiply_pJ(hw, bits) + adds * add_pJ(hw, bits)


def area_um2(parameters: Parameters, hw: Any) -> Number:
    """One unit (um2)."""
    bits = hw.tile.normalisation.bits
    adders = (parameters.adders + parameters.sums * parameters.sum_width) * add_um2(hw, bits)
    return parameters.multipliers * multiply_um2(hw, bits) + adders + table_um2(hw, parameters.table_entries, bits)


def price(hw: Any) -> Price:
    """Price of one unit; where a tile has none, nothing is ever booked on it."""
    spec = hw.tile.normalisation
    formula = ABSENT if has_none(spec) else SOURCE
    return unit(hw, spec, energy_pJ(DEFAULT, hw), area_um2(DEFAULT, hw), formula)
