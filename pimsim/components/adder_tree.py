"""Adder tree: `inputs` values of `bits` bits added up at once, in a binary tree whose words grow by a bit a level.

Level l of a tree of n inputs has n / 2^l adders of b + l - 1 bits: b (n - 1) + n - log2(n) - 1 full adders in all, two
an input for single bits. Energies and areas are those of adders of that many bits (Horowitz, ISSCC 2014).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pimsim.components.arithmetic import HOROWITZ, add_pJ, add_um2, log2
from pimsim.components.price import Number


@dataclass(frozen=True, slots=True)
class Parameters:
    """A tree. clocks_per_level: registers after every level, so that it takes new inputs each clock."""

    clocks_per_level: float = 1.0


DEFAULT = Parameters()
SOURCE = f"b (n - 1) + n - log2(n) - 1 full adders in a binary tree {HOROWITZ}"


def full_adders(inputs: Number, bits: Number, levels: Number) -> Number:
    """Full adders of a tree of `levels` = log2(inputs)."""
    return bits * (inputs - 1.0) + inputs - levels - 1.0


def energy_pJ(hw: Any, inputs: Number, bits: Number) -> Number:
    """One sum of all inputs (pJ)."""
    return add_pJ(hw, full_adders(inputs, bits, log2(inputs)))


def latency_ns(parameters: Parameters, hw: Any, inputs: Number) -> Number:
    """From the inputs to their sum (ns); a new sum follows every clock."""
    return log2(inputs) * parameters.clocks_per_level / hw.clock_GHz


def area_um2(hw: Any, inputs: Number, bits: Number) -> Number:
    """The tree with the registers of its adders (um2)."""
    return add_um2(hw, full_adders(inputs, bits, log2(inputs)))


def leakage_mW(hw: Any, inputs: Number, bits: Number) -> Number:
    """Leakage of logic of its area (mW)."""
    return hw.process.leakage_mW_per_um2 * area_um2(hw, inputs, bits)
