"""Column converter. One action: one conversion (under `binary_pulses`: one magnitude bit sampled and integrated).

The file's `kind` chooses the circuit: sar.py and delta_sigma.py follow the law fitted to published converters,
flash.py, ramp.py and sense_amplifier.py are counted in comparators: at the few bits they have, the survey says little.
"""

from __future__ import annotations

from typing import Any

from pimsim.components import delta_sigma, flash, ramp, sar, sense_amplifier, silicon
from pimsim.components.price import Price, resolve

CONVERTERS: dict[str, Any] = {
    "sar": sar, "flash": flash, "ramp": ramp, "sense_amplifier": sense_amplifier, "delta_sigma": delta_sigma,
}  # fmt: skip
KINDS = (*CONVERTERS, "none")
SURVEYED = ("sar", "delta_sigma")


def silicon_kind(kind: str) -> str:
    """Circuit kind of the factor: converters of the survey, and those counted in comparators."""
    return "converter, sar" if kind in SURVEYED else "converter, compared"


def price(hw: Any) -> Price:
    """Price of one converter."""
    adc = hw.crossbar.adc
    converter = CONVERTERS.get(adc.kind)
    if converter is None:
        return resolve(hw, adc, action_ns=1.0 / (adc.rate_GSps * hw.process.speed), energy_pJ=0.0, area_um2=0.0,
                       formula="no converter")  # fmt: skip
    bare_pJ, kind = converter.energy_pJ(hw), silicon_kind(adc.kind)
    return resolve(
        hw,
        adc,
        action_ns=1.0 / (adc.rate_GSps * hw.process.speed),
        energy_pJ=bare_pJ * silicon.energy(kind),
        area_um2=converter.area_um2(hw, bare_pJ) * silicon.area(kind),
        leakage_mW_per_um2=hw.process.leakage_mW_per_um2,
        formula=converter.FORMULA,
    )
