"""Sense amplifiers as a converter: one a level or fewer that search, without preamplifier and trim. One action: one
conversion."""

from __future__ import annotations

from typing import Any

from pimsim.components.comparator import DEFAULT, Parameters
from pimsim.components.flash import comparators, steps
from pimsim.components.price import Number

FORMULA = (
    "2^bits - 1 sense amplifiers of 13 gates (NeuroSim V1.3 at 22 nm), or as many as the file has; gate by the "
    "technology table"
)


def energy_pJ(hw: Any, parameters: Parameters = DEFAULT) -> Number:
    """Every amplifier decides in every step (pJ): C V^2."""
    adc = hw.crossbar.adc
    return comparators(adc) * steps(adc) * parameters.sense_gates * hw.process.gate_fJ * 1e-3


def latency_ns(hw: Any, parameters: Parameters = DEFAULT) -> Number:
    """A decision a step and the encoder's depth, two delays a bit (ns)."""
    return (steps(hw.crossbar.adc) * parameters.delay_fo4 + 2.0 * hw.crossbar.adc.bits) * hw.fo4_ns


def area_um2(hw: Any, conversion_pJ: Number, parameters: Parameters = DEFAULT) -> Number:
    """Amplifiers in matched layout, encoder included (um2)."""
    gates = comparators(hw.crossbar.adc) * parameters.sense_area * parameters.matched_layout
    return gates * hw.process.logic_um2
