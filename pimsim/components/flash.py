"""Flash converter: a comparator a level, all at once. One action: one conversion."""

from __future__ import annotations

from typing import Any

from pimsim.components.comparator import DEFAULT, Parameters
from pimsim.components.price import Number

FORMULA = "2^bits - 1 comparators of 30 gates (assumed), gate by the technology table"


def levels(adc: Any) -> Number:
    """Decisions of a conversion: 2^bits - 1."""
    return 2.0**adc.bits - 1.0


def energy_pJ(hw: Any, parameters: Parameters = DEFAULT) -> Number:
    """Every comparator decides once (pJ): C V^2."""
    return levels(hw.crossbar.adc) * parameters.comparator_gates * hw.process.gate_fJ * 1e-3


def latency_ns(hw: Any, parameters: Parameters = DEFAULT) -> Number:
    """One decision and the encoder's depth, two delays a bit (ns)."""
    return (parameters.delay_fo4 + 2.0 * hw.crossbar.adc.bits) * hw.fo4_ns


def area_um2(hw: Any, conversion_pJ: Number, parameters: Parameters = DEFAULT) -> Number:
    """Comparators in matched layout (um2)."""
    gates = levels(hw.crossbar.adc) * parameters.comparator_area * parameters.matched_layout
    return gates * hw.process.logic_um2
