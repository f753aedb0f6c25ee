"""Column sampler. One action: one column sampled. One instance a column."""

from __future__ import annotations

from typing import Any

from pimsim.components.price import BOLTZMANN_J_PER_K, Number, Price, resolve

TEMPERATURE_K = 300.0
CAPACITANCE_fF_PER_UM2 = 1.5
"""Metal-oxide-metal capacitor density (assumed, usual for 65 to 28 nm)."""


def capacitance_fF(hw: Any) -> Number:
    """Capacitor whose thermal noise kT/C equals the quantisation noise of the ADC that reads it: C = 12 kT 4^bits / V^2
    (textbook: quantisation noise is LSB^2 / 12), and not below 1 fF, which parasitics give anyway."""
    noise_fF = 12.0 * BOLTZMANN_J_PER_K * TEMPERATURE_K * 4.0**hw.crossbar.adc.bits / hw.technology.supply_V**2 * 1e15
    return noise_fF + 1.0


def price(hw: Any) -> Price:
    """Price of one sampler."""
    size_fF = capacitance_fF(hw)
    return resolve(
        hw,
        hw.crossbar.sample_hold,
        action_ns=hw.cycle_ns,
        energy_pJ=size_fF * 1e-3 * hw.technology.supply_V**2,
        area_um2=size_fF / CAPACITANCE_fF_PER_UM2,
        formula="C V^2 with C = 12 kT 4^bits / V^2 + 1 fF: thermal noise at the ADC's quantisation noise (textbook)",
    )
