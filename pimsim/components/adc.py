"""Column converter. One action: one conversion (under `binary_pulses`: one magnitude bit sampled and integrated).

SAR and delta-sigma follow the law fitted to published converters (`adc_survey`). Flash, ramp and sense amplifiers are
counted in comparators: at the few bits they have, the survey says little.
"""

from __future__ import annotations

from typing import Any

from pimsim.components import adc_survey
from pimsim.components.price import Number, Price, resolve

LOST_BITS = 0.5
"""Effective bits below the nominal resolution: what `adc_survey.MACRO_ENERGY_SHARE` was taken with."""

OVERSAMPLED = {"sar": 1.0, "delta_sigma": 2.0}
"""A delta-sigma loop runs its integrator and comparator many times a conversion; twice a SAR (assumed)."""

COMPARATOR_GATES = 60.0
"""A clocked comparator with its latch and offset trim, in the capacitance that NAND2s of the process switch: 70 fJ at
65 nm and 1 V (assumed; published dynamic comparators take 30 to 150 fJ there)."""

SENSE_GATES = 25.0
"""A sense amplifier: the comparator without preamplifier and trim (assumed)."""

COUNTER_GATES = 12.0
"""A bit of a ramp's counter and its latch in each column (assumed: a flip-flop is 6 to 8 NAND2)."""

MATCHED_LAYOUT = 2.0
"""Matched pairs with dummies and common centroid take twice the area of as many standard cells (assumed), encoder
included. NeuroSim V1.3 has 378 um2 for 31 sense amplifiers at 22 nm, this rule 418 um2."""

KINDS = ("sar", "flash", "ramp", "sense_amplifier", "delta_sigma", "none")


def gates(adc: Any) -> Number:
    """NAND2-equivalents that switch in one conversion of a comparator-based kind."""
    levels = 2.0**adc.bits - 1.0
    if adc.kind == "flash":
        return levels * COMPARATOR_GATES
    if adc.kind == "sense_amplifier":
        return levels * SENSE_GATES
    # ramp: the comparator watches a ramp of 2^bits steps, a tenth of a comparison each; the counter runs along
    return COMPARATOR_GATES * (1.0 + 0.1 * levels) + COUNTER_GATES * adc.bits


def energy_pJ(hw: Any) -> Number:
    """SAR, delta-sigma: the survey's median law at LOST_BITS below nominal, times the share of macros' converters; the
    rate counts past the corner. Others: gates x energy of a gate (C V^2)."""
    adc, tech = hw.crossbar.adc, hw.technology
    if adc.kind == "none":
        return 0.0
    if adc.kind in OVERSAMPLED:
        rate = adc.rate_GSps * hw.process.speed
        law = adc_survey.energy_pJ(adc.bits - LOST_BITS, rate, tech.node_nm, hw.process.supply_V)
        return law * adc_survey.MACRO_ENERGY_SHARE * OVERSAMPLED[adc.kind]
    return gates(adc) * hw.process.gate_fJ * 1e-3


def area_um2(hw: Any, conversion_pJ: Number) -> Number:
    """SAR, delta-sigma: the survey's law from node, rate and energy, times the share of macros' converters. Others: the
    gates of all levels (a ramp: its comparator, counter and latches)."""
    adc = hw.crossbar.adc
    if adc.kind == "none":
        return 0.0
    if adc.kind in OVERSAMPLED:
        law = adc_survey.area_um2(hw.technology.node_nm, adc.rate_GSps, conversion_pJ)
        return law * adc_survey.MACRO_AREA_SHARE
    if adc.kind == "ramp":
        return (COMPARATOR_GATES * MATCHED_LAYOUT + COUNTER_GATES * adc.bits) * hw.process.logic_um2
    return gates(adc) * MATCHED_LAYOUT * hw.process.logic_um2


FORMULA = {
    "sar": "median of 215 published converters at bits - 0.5, x 1.9 (energy), x 0.041 (area) as in macros (adc_survey)",
    "delta_sigma": "twice a SAR of the same bits (assumed); SAR by the law of 215 published converters (adc_survey)",
    "flash": "2^bits - 1 comparators of 60 gates (assumed), gate by the technology table",
    "sense_amplifier": "2^bits - 1 sense amplifiers of 25 gates (assumed), gate by the technology table",
    "ramp": "comparator of 60 gates over 2^bits steps, counter of 12 gates a bit (assumed), technology table",
    "none": "no converter",
}


def price(hw: Any) -> Price:
    """Price of one converter."""
    adc = hw.crossbar.adc
    conversion_pJ = energy_pJ(hw)
    return resolve(
        hw,
        adc,
        action_ns=1.0 / (adc.rate_GSps * hw.process.speed),
        energy_pJ=conversion_pJ,
        area_um2=area_um2(hw, conversion_pJ),
        leakage_mW_per_um2=0.0 if adc.kind == "none" else hw.process.leakage_mW_per_um2,
        formula=FORMULA[adc.kind],
    )
