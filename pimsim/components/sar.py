"""Successive-approximation converter, by the law fitted to published converters (`adc_survey`). One action: one
conversion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pimsim.components import adc_survey
from pimsim.components.comparator import DEFAULT as COMPARATOR
from pimsim.components.price import Number


@dataclass(frozen=True, slots=True)
class Parameters:
    """lost_bits: effective bits below the nominal resolution, what `adc_survey.MACRO_ENERGY_SHARE` was taken with.
    oversampled: conversions' worth of energy in one (a delta-sigma loop runs its integrator and comparator many times;
    twice a SAR, assumed)."""

    lost_bits: float = 0.5
    oversampled: float = 1.0


DEFAULT = Parameters()
FORMULA = "median of 215 published converters at bits - 0.5, x 4.3 (energy), x 0.041 (area) as in macros (adc_survey)"


def energy_pJ(hw: Any, parameters: Parameters = DEFAULT) -> Number:
    """The survey's median law at lost_bits below nominal as converters of macros have it (pJ): 2x a bit where
    technology limits, 4x where noise does; flat in the rate to a corner, rising past it."""
    adc = hw.crossbar.adc
    rate = adc.rate_GSps * hw.process.speed
    law = adc_survey.macro_energy_pJ(
        adc.bits - parameters.lost_bits, rate, hw.technology.node_nm, hw.process.supply_V
    )
    return law * parameters.oversampled


def latency_ns(hw: Any, parameters: Parameters = DEFAULT) -> Number:
    """A decision a bit and one for sampling, each with as long for the capacitors to settle (ns)."""
    return (hw.crossbar.adc.bits + 1.0) * 2.0 * COMPARATOR.delay_fo4 * hw.fo4_ns * parameters.oversampled


def area_um2(hw: Any, conversion_pJ: Number, parameters: Parameters = DEFAULT) -> Number:
    """The survey's law from node, rate and energy, times the share of macros' converters (um2)."""
    adc = hw.crossbar.adc
    return adc_survey.area_um2(hw.technology.node_nm, adc.rate_GSps, conversion_pJ) * adc_survey.MACRO_AREA_SHARE
