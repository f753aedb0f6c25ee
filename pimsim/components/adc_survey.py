"""What a converter costs, by effective bits, rate, node and supply: laws fitted to 215 published converters.

Data: B. Murmann's ADC Performance Survey as carried by Accelergy's ADC plug-in; the form of the energy law after
Andrulis, Chen, Lee, Emer and Sze (2024). Refit with `python -m validation.adc_survey.fit`, which prints the constants
below as they stand. What the survey cannot tell apart is set by physics: 2x and 4x a bit, C V^2 with C proportional to
the node, and a corner proportional to 1 / node (left free, the node's exponents in the energy and in the corner trade
against each other: 0 with 2.7 fits as well as 1 with 1). All functions take scalars or NumPy arrays alike.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

Number = Any  # float or float64 array
Quantile = Literal["low", "median"]


class EnergyLevel(NamedTuple):
    """Level of the two branches: fJ a step (2^bits steps) at 65 nm and 1 V, and aJ for each 4^bits."""

    technology_fJ: float
    noise_aJ: float


ENERGY = {
    "low": EnergyLevel(technology_fJ=1.3329, noise_aJ=0.14096),
    "median": EnergyLevel(technology_fJ=4.6869, noise_aJ=1.1263),
}
"""Half of the survey's converters take less than the median law, a tenth less than the low one."""

CORNER_MHZ_AT_65_NM = 5.5385
"""Rate up to which the energy is flat."""

RATE_EXPONENT = 0.62187
"""Energy rises with this power of the rate past the corner."""

AREA_UM2 = {"low": 7299.9, "median": 36737.3}
"""Area at 65 nm, 0.1 GS/s and 1 pJ."""

AREA_NODE_EXPONENT = 1.0731
AREA_RATE_EXPONENT = 0.10075
AREA_ENERGY_EXPONENT = 0.27163

ENERGY_SPREAD = (0.25, 1.0, 6.7)
AREA_SPREAD = (0.20, 1.0, 9.6)
"""10%, 50% and 90% points of published over the median law, over the survey."""

MACRO_RATE_EXPONENT = 0.183
MACRO_ENERGY_SHARE = 4.26
"""Converters of compute-in-memory macros over the median law, effective bits taken half a bit below the nominal ones.
They drive no pins and are not built to be fast for their process: Jia et al., JSSC 2020 (0.7 MS/s), NeuRRAM, Nature
2022 (1 MS/s, with its integrator), Wang et al., VLSI 2022 (0.22 GS/s) and ISAAC, ISCA 2016 (1.28 GS/s, at its
converter's measured 6.3 bits) scatter least about one share, a factor 1.5, when the energy past the corner rises with
this power of the rate; with the survey's own exponent a factor 2.5."""

MACRO_AREA_SHARE = 0.041
"""Area of those converters over the median law: geometric mean of 0.064, 0.015, 0.048 and 0.062; one standard deviation
is a factor 1.8. Without pads, references, clocks and calibration logic of their own, they are smaller than 98 of 100 in
the survey."""


def _larger(a: Number, b: Number) -> Number:
    """The larger of two; plain floats take the quick way, since a search loop asks at every point."""
    return max(a, b) if isinstance(a, float) and isinstance(b, float) else np.maximum(a, b)


def corner_GSps(node_nm: Number) -> Number:
    """Rate at which the energy of a conversion begins to rise (GS/s): as fast as the process, with 1 / node."""
    return CORNER_MHZ_AT_65_NM * 1e-3 * 65.0 / node_nm


def technology_limited_pJ(effective_bits: Number, node_nm: Number, supply_V: Number, quantile: Quantile) -> Number:
    """Energy of a conversion whose capacitors are as small as the process allows (pJ): 2x a bit, C V^2."""
    steps = 2.0**effective_bits
    return ENERGY[quantile].technology_fJ * 1e-3 * steps * node_nm / 65.0 * supply_V * supply_V


def noise_limited_pJ(effective_bits: Number, quantile: Quantile) -> Number:
    """Energy of a conversion whose capacitors are as large as kT/C noise asks (pJ): 4x a bit, at every node and supply
    (a lower supply needs a larger capacitor: C V^2 stays)."""
    return ENERGY[quantile].noise_aJ * 1e-6 * 4.0**effective_bits


def energy_pJ(
    effective_bits: Number, rate_GSps: Number, node_nm: Number, supply_V: Number, quantile: Quantile = "median"
) -> Number:
    """Energy of one conversion (pJ): the larger of technology and noise limit, times (rate / corner)^0.62 past it.

    `effective_bits` is (SNDR - 1.76 dB) / 6.02 dB, in published converters half a bit to a bit and a half below the
    nominal resolution.
    """
    noise = noise_limited_pJ(effective_bits, quantile)
    floor = _larger(technology_limited_pJ(effective_bits, node_nm, supply_V, quantile), noise)
    return floor * _larger(rate_GSps / corner_GSps(node_nm), 1.0) ** RATE_EXPONENT


def area_um2(node_nm: Number, rate_GSps: Number, conversion_pJ: Number, quantile: Quantile = "median") -> Number:
    """Area of a converter (um2) from node, rate and the energy of a conversion; through it, from resolution."""
    return (
        AREA_UM2[quantile]
        * (node_nm / 65.0) ** AREA_NODE_EXPONENT
        * (rate_GSps / 0.1) ** AREA_RATE_EXPONENT
        * conversion_pJ**AREA_ENERGY_EXPONENT
    )


def macro_energy_pJ(effective_bits: Number, rate_GSps: Number, node_nm: Number, supply_V: Number) -> Number:
    """Energy of one conversion in a compute-in-memory macro (pJ): the median law's floor times MACRO_ENERGY_SHARE,
    rising with MACRO_RATE_EXPONENT past the corner."""
    noise = noise_limited_pJ(effective_bits, "median")
    floor = _larger(technology_limited_pJ(effective_bits, node_nm, supply_V, "median"), noise)
    return floor * MACRO_ENERGY_SHARE * _larger(rate_GSps / corner_GSps(node_nm), 1.0) ** MACRO_RATE_EXPONENT
