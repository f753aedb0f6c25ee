"""Special function unit (sigmoid, tanh, exp, square root). One action: one function value.

Piecewise linear: a table gives slope and offset of the segment, one multiply-add does the rest. Energies and areas are
those of its adder and multiplier (Horowitz, ISSCC 2014).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pimsim.components.arithmetic import (
    HOROWITZ,
    add_pJ,
    add_um2,
    latency_ns,
    multiply_pJ,
    multiply_um2,
    table_um2,
    unit,
)
from pimsim.components.price import Number, Price

__all__ = ["DEFAULT", "SOURCE", "Parameters", "area_um2", "energy_pJ", "latency_ns", "lent", "lent_where_none", "price"]


@dataclass(frozen=True, slots=True)
class Parameters:
    """Circuits of a unit."""

    multipliers: float = 1.0
    adders: float = 1.0
    table_reads: float = 2.0  # slope and offset, each read taken as one addition (assumed)
    table_entries: float = 64.0  # assumed


DEFAULT = Parameters()
SOURCE = f"piecewise linear: table read as two additions, one multiply-add {HOROWITZ}"
RUNS_ON = "no unit of its own: runs on the activation units"
LENT = f"{RUNS_ON}; {SOURCE}"


def energy_pJ(parameters: Parameters, hw: Any) -> Number:
    """One function value (pJ)."""
    bits = hw.tile.activation.bits
    adds = parameters.table_reads + parameters.adders
    return parameters.multipliers * multiply_pJ(hw, bits) + adds * add_pJ(hw, bits)


def area_um2(parameters: Parameters, hw: Any) -> Number:
    """One unit (um2)."""
    bits = hw.tile.activation.bits
    logic = parameters.multipliers * multiply_um2(hw, bits) + parameters.adders * add_um2(hw, bits)
    return logic + table_um2(hw, parameters.table_entries, bits)


def price(hw: Any) -> Price:
    """Price of one unit."""
    return unit(hw, hw.tile.activation, energy_pJ(DEFAULT, hw), area_um2(DEFAULT, hw), SOURCE)


def lent(hw: Any) -> Price:
    """Price of a kind of unit that a tile has none of: its operations run on the activation units, at their price."""
    shared = price(hw)
    note = LENT if shared.formula is SOURCE else f"{RUNS_ON}; {shared.formula}"
    return Price(shared.energy_pJ, 0.0, 0.0, shared.action_ns, shared.origins, note)


def lent_where_none(hw: Any, spec: Any, own: Price) -> Price:
    """`own`, but the activation units' price at those points of an array of counts that have no unit of this kind."""
    if isinstance(spec.count, int):
        return own
    none, shared = np.equal(spec.count, 0), lent(hw)
    return Price(
        np.where(none, shared.energy_pJ, own.energy_pJ),
        np.where(none, shared.area_um2, own.area_um2),
        np.where(none, shared.leakage_mW, own.leakage_mW),
        np.where(none, shared.action_ns, own.action_ns),
        own.origins,
        own.formula,
    )
