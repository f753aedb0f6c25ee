"""Ramp (single-slope) converter: a comparator watches 2^bits steps while a counter runs. One action: one conversion."""

from __future__ import annotations

from typing import Any

from pimsim.components.comparator import DEFAULT, Parameters
from pimsim.components.flash import levels
from pimsim.components.price import Number

FORMULA = "comparator of 30 gates over 2^bits steps, counter of 12 gates a bit (assumed), technology table"


def energy_pJ(hw: Any, parameters: Parameters = DEFAULT) -> Number:
    """A decision, a tenth of one for every step watched, and the counter (pJ): C V^2."""
    adc = hw.crossbar.adc
    watching = parameters.comparator_gates * (1.0 + parameters.watching * levels(adc))
    return (watching + parameters.counter_gates * adc.bits) * hw.process.gate_fJ * 1e-3


def latency_ns(hw: Any, parameters: Parameters = DEFAULT) -> Number:
    """2^bits steps of one decision each (ns)."""
    return 2.0**hw.crossbar.adc.bits * parameters.delay_fo4 * hw.fo4_ns


def area_um2(hw: Any, conversion_pJ: Number, parameters: Parameters = DEFAULT) -> Number:
    """Comparator in matched layout, counter and latches (um2)."""
    gates = parameters.comparator_area * parameters.matched_layout + parameters.counter_gates * hw.crossbar.adc.bits
    return gates * hw.process.logic_um2
