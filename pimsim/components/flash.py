"""Flash converter: a comparator a level, all at once, or fewer that search. One action: one conversion."""

from __future__ import annotations

from typing import Any

from pimsim.components.arithmetic import log2
from pimsim.components.comparator import DEFAULT, Parameters
from pimsim.components.price import Number

FORMULA = "2^bits - 1 comparators of 30 gates (assumed), or as many as the file has; gate by the technology table"


def levels(adc: Any) -> Number:
    """Thresholds of a conversion: 2^bits - 1."""
    return 2.0**adc.bits - 1.0


def comparators(adc: Any) -> Number:
    """Comparators of a converter: one a threshold when the file does not say."""
    return levels(adc) if adc.comparators is None else 1.0 * adc.comparators


def steps(adc: Any) -> Number:
    """Decisions of each comparator in a conversion: c of them tell c + 1 ranges apart, one decides bit by bit."""
    return 1.0 if adc.comparators is None else adc.bits / log2(1.0 + adc.comparators)


def energy_pJ(hw: Any, parameters: Parameters = DEFAULT) -> Number:
    """Every comparator decides in every step (pJ): C V^2."""
    adc = hw.crossbar.adc
    return comparators(adc) * steps(adc) * parameters.comparator_gates * hw.process.gate_fJ * 1e-3


def latency_ns(hw: Any, parameters: Parameters = DEFAULT) -> Number:
    """A decision a step and the encoder's depth, two delays a bit (ns)."""
    return (steps(hw.crossbar.adc) * parameters.delay_fo4 + 2.0 * hw.crossbar.adc.bits) * hw.fo4_ns


def area_um2(hw: Any, conversion_pJ: Number, parameters: Parameters = DEFAULT) -> Number:
    """Comparators in matched layout (um2)."""
    gates = comparators(hw.crossbar.adc) * parameters.comparator_area * parameters.matched_layout
    return gates * hw.process.logic_um2
