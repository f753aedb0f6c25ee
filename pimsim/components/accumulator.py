"""Accumulator of a tile: partial sums of row tiles added up. One action: one value added.

An adder with its register; with more than one input an adder tree in front of it, so that a unit takes that many values
a clock (adder_tree.py; Horowitz, ISSCC 2014).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pimsim.components import adder_tree
from pimsim.components.activation import lent, lent_where_none
from pimsim.components.arithmetic import HOROWITZ, add_pJ, add_um2, has_none, log2
from pimsim.components.price import Number, Price, resolve


@dataclass(frozen=True, slots=True)
class Parameters:
    """Circuits of a unit behind its tree."""

    adders: float = 1.0


DEFAULT = Parameters()
SOURCE = f"one addition {HOROWITZ}; with several inputs a tree of them, shared by the values that it adds"


def _adder_bits(parameters: Parameters, hw: Any) -> Number:
    """Full adders of a unit: those of the tree, and of the addition that follows."""
    inputs, bits = hw.tile.accumulator.inputs, hw.tile.accumulator.bits
    levels = log2(inputs)
    return adder_tree.full_adders(inputs, bits, levels) + parameters.adders * (bits + levels)


def energy_pJ(parameters: Parameters, hw: Any) -> Number:
    """One value added (pJ): its share of the tree and of the addition that follows."""
    return add_pJ(hw, _adder_bits(parameters, hw)) / hw.tile.accumulator.inputs


def latency_ns(hw: Any) -> Number:
    """Time between two values (ns): as many as a unit has inputs are added a clock."""
    return 1.0 / (hw.tile.accumulator.inputs * hw.clock_GHz)


def area_um2(parameters: Parameters, hw: Any) -> Number:
    """One unit (um2)."""
    return add_um2(hw, _adder_bits(parameters, hw))


def price(hw: Any) -> Price:
    """Price of one unit, or of the activation units where a tile has none."""
    spec = hw.tile.accumulator
    if has_none(spec):
        return lent(hw)
    own = resolve(
        hw,
        spec,
        action_ns=latency_ns(hw),
        energy_pJ=energy_pJ(DEFAULT, hw),
        area_um2=area_um2(DEFAULT, hw),
        leakage_mW_per_um2=hw.process.leakage_mW_per_um2,
        formula=SOURCE,
    )
    return lent_where_none(hw, spec, own)
