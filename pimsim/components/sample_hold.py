"""Column sampler. One action: one column sampled (or several that share their charge). One instance a column.

sample_hold: a capacitor a column. With
`adc.columns_combined`, the columns of a weight each charge a capacitor of their bit's weight and then share the charge.
integrator: `integrator.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pimsim.components import adc, integrator, silicon
from pimsim.components.price import BOLTZMANN_J_PER_K, Number, Price, resolve


@dataclass(frozen=True, slots=True)
class Parameters:
    """temperature_K: of the thermal noise. least_fF: what parasitics give anyway, the unit of a weighted bank too.
    fF_per_um2: metal-oxide-metal capacitor (assumed, usual for 65 to 28 nm)."""

    temperature_K: float = 300.0
    least_fF: float = 1.0
    fF_per_um2: float = 1.5


DEFAULT = Parameters()


def noise_fF(hw: Any) -> Number:
    """Capacitor whose thermal noise kT/C equals the quantisation noise of the ADC that reads it (fF):
    C = 12 kT 4^bits / V^2 (textbook: quantisation noise is LSB^2 / 12)."""
    joule = 12.0 * BOLTZMANN_J_PER_K * DEFAULT.temperature_K * 4.0**hw.crossbar.adc.bits
    return joule / hw.technology.supply_V**2 * 1e15


def bank_fF(hw: Any) -> Number:
    """Capacitors of one conversion (fF): noise, and a unit for a single column; n columns that share charge have units
    of their bits' weights (2^n - 1 in all) or, from four columns on, a C-2C ladder (3 n)."""
    combined = hw.crossbar.adc.columns_combined
    binary, ladder = 2.0**combined - 1.0, 3.0 * combined
    return noise_fF(hw) + DEFAULT.least_fF * (binary + ladder - abs(binary - ladder)) / 2.0


def kind(hw: Any) -> str:
    """The sampler: as the file says; else none without a converter, an integrator for inputs bit by bit on one column,
    or capacitors."""
    named: str | None = hw.crossbar.sample_hold.kind
    if named is not None:
        return named
    if hw.crossbar.adc.kind == "none":
        return "none"
    return "integrator" if hw.crossbar.dac.encoding == "binary_pulses" else "sample_hold"


FORMULA = {
    "sample_hold": "C V^2 with C = 12 kT 4^bits / V^2 + 1 fF: thermal noise at the ADC's quantisation noise (textbook)"
    "; combined columns: units of their bits' weights",
    "integrator": integrator.FORMULA,
    "none": "no sampler",
}


def price(hw: Any) -> Price:
    """Price of one sampler."""
    size_fF = bank_fF(hw)
    size_um2 = size_fF / DEFAULT.fF_per_um2 / hw.crossbar.adc.columns_combined
    chosen = kind(hw)
    if chosen == "integrator":
        energy, area = integrator.energy_pJ(hw, size_fF), integrator.area_um2(hw, size_um2)
    else:
        energy, area = size_fF * 1e-3 * hw.technology.supply_V**2, size_um2
    present = 0.0 if chosen == "none" else 1.0
    return resolve(
        hw,
        hw.crossbar.sample_hold,
        action_ns=hw.cycle_ns,
        energy_pJ=energy * present * silicon.energy(adc.silicon_kind(hw.crossbar.adc.kind)),
        area_um2=area * present * silicon.area(adc.silicon_kind(hw.crossbar.adc.kind)),
        formula=FORMULA[chosen],
    )
