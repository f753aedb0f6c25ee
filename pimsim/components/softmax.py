"""Softmax unit. One action: one element through maximum, subtraction, exponential, sum and division.

A pipelined unit as in Stevens et al., "Softermax", DAC 2021: a running maximum, the exponential as a piecewise linear
function from a table, a sum in twice the width, and the division as a product with the reciprocal of the sum, which is
found once a row and left out. Energies and areas are those of its adders and multipliers (Horowitz, ISSCC 2014).
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
    """Circuits of a unit, each acting once an element. Tables: one for the exponential, one for the reciprocal."""

    multipliers: float = 2.0  # slope of the exponential; reciprocal of the sum
    adders: float = 3.0  # maximum, subtraction, offset of the exponential
    table_reads: float = 2.0  # slope and offset, each read taken as one addition (assumed)
    sum_width: float = 2.0  # of the adder that sums up, over the operand width (assumed)
    tables: float = 2.0
    table_entries: float = 64.0  # assumed, as for the activation units


DEFAULT = Parameters()
SOURCE = f"two multiplications, three additions, a table read and a sum of twice the width an element {HOROWITZ}"
ABSENT = f"no unit of its own: softmax runs on the vector and activation units; if there were one: {SOURCE}"


def energy_pJ(parameters: Parameters, hw: Any) -> Number:
    """One element (pJ)."""
    bits = hw.tile.softmax.bits
    adds = parameters.adders + parameters.table_reads + parameters.sum_width
    return parameters.multipliers * multiply_pJ(hw, bits) + adds * add_pJ(hw, bits)


def area_um2(parameters: Parameters, hw: Any) -> Number:
    """One unit (um2)."""
    bits = hw.tile.softmax.bits
    adders = (parameters.adders + parameters.sum_width) * add_um2(hw, bits)
    tables = parameters.tables * table_um2(hw, parameters.table_entries, bits)
    return parameters.multipliers * multiply_um2(hw, bits) + adders + tables


def price(hw: Any) -> Price:
    """Price of one unit; where a tile has none, nothing is ever booked on it."""
    spec = hw.tile.softmax
    formula = ABSENT if has_none(spec) else SOURCE
    return unit(hw, spec, energy_pJ(DEFAULT, hw), area_um2(DEFAULT, hw), formula)
