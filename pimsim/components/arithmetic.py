"""Adders, multipliers and small tables: what the digital circuits are made of.

M. Horowitz, "Computing's energy problem", ISSCC 2014, figure 1.1.9 and the table of its appendix: 45 nm, 0.9 V; 8-bit
add 0.03 pJ and 36 um2, 32-bit add 0.1 pJ and 137 um2; 8-bit multiply 0.2 pJ and 282 um2, 32-bit multiply 3.1 pJ and
3495 um2. An adder grows with its width, a multiplier with the square of it; energy scales with C V^2, area with logic.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pimsim.components.price import Number, Price, resolve

HOROWITZ = "(Horowitz, ISSCC 2014, 45 nm, scaled with C V^2 and F^2)"

ADD_PJ_PER_BIT = 0.1 / 32.0
ADD_UM2_PER_BIT = 137.0 / 32.0
MULTIPLY_PJ_PER_BIT2 = 0.2 / 64.0
MULTIPLY_UM2_PER_BIT2 = 282.0 / 64.0

TABLE_UM2_PER_BIT = 1.0
"""A bit of a small lookup table in logic, at 45 nm: a little over a NAND2 of 0.8 um2 (assumed)."""


def add_pJ(hw: Any, bits: Number) -> Number:
    """One addition or comparison (pJ): proportional to the width."""
    return ADD_PJ_PER_BIT * bits * hw.process.energy_45


def add_um2(hw: Any, bits: Number) -> Number:
    """An adder and its register (um2): proportional to the width."""
    return ADD_UM2_PER_BIT * bits * hw.process.area_45


def multiply_pJ(hw: Any, bits: Number) -> Number:
    """One multiplication (pJ): proportional to the square of the width."""
    return MULTIPLY_PJ_PER_BIT2 * bits * bits * hw.process.energy_45


def multiply_um2(hw: Any, bits: Number) -> Number:
    """A multiplier (um2): proportional to the square of the width."""
    return MULTIPLY_UM2_PER_BIT2 * bits * bits * hw.process.area_45


def table_um2(hw: Any, entries: Number, bits: Number) -> Number:
    """A table of slopes and offsets for a piecewise linear function (um2)."""
    return entries * 2.0 * bits * TABLE_UM2_PER_BIT * hw.process.area_45


def latency_ns(hw: Any) -> Number:
    """Time between two actions of a digital unit (ns): one clock."""
    return 1.0 / hw.clock_GHz


def log2(x: Number) -> Number:
    """Binary logarithm of a scalar or an array."""
    return math.log2(x) if isinstance(x, (int, float)) else np.log2(x)


def ln(x: Number) -> Number:
    """Natural logarithm of a scalar or an array."""
    return math.log(x) if isinstance(x, (int, float)) else np.log(x)


def has_none(spec: Any) -> bool:
    """Whether a tile has no unit of this kind; of an array of counts, see `activation.lent_where_none`."""
    return isinstance(spec.count, int) and spec.count == 0


def unit(hw: Any, spec: Any, energy_pJ: Number, area_um2: Number, formula: str) -> Price:
    """Price of a digital unit that takes one action a clock and leaks as logic of its area."""
    return resolve(
        hw,
        spec,
        action_ns=1.0 / hw.clock_GHz,
        energy_pJ=energy_pJ,
        area_um2=area_um2,
        leakage_mW_per_um2=hw.process.leakage_mW_per_um2,
        formula=formula,
    )
