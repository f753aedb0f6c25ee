"""Delta-sigma converter: a loop that oversamples. One action: one conversion."""

from __future__ import annotations

from typing import Any

from pimsim.components import sar
from pimsim.components.price import Number

DEFAULT = sar.Parameters(oversampled=2.0)
FORMULA = "twice a SAR of the same bits (assumed); SAR by the law of 215 published converters (adc_survey)"


def energy_pJ(hw: Any, parameters: sar.Parameters = DEFAULT) -> Number:
    """Twice a SAR of the same bits (pJ)."""
    return sar.energy_pJ(hw, parameters)


def latency_ns(hw: Any, parameters: sar.Parameters = DEFAULT) -> Number:
    """Twice a SAR of the same bits (ns)."""
    return sar.latency_ns(hw, parameters)


def area_um2(hw: Any, conversion_pJ: Number, parameters: sar.Parameters = DEFAULT) -> Number:
    """The survey's law, as a SAR (um2)."""
    return sar.area_um2(hw, conversion_pJ, parameters)
