"""Column converter. One action: one conversion."""

from __future__ import annotations

from typing import Any

from pimsim.components.price import Number, Price, resolve

STEP_fJ_AT_32_NM_1_V = {"sar": 6.1, "flash": 12.0, "ramp": 4.0, "sense_amplifier": 5.0, "delta_sigma": 12.0}
"""Energy a conversion step (2^bits steps a conversion). SAR: ISAAC Table 1, 2 mW at 1.28 GS/s and 8 bits; the same
figure scaled to Jia et al. (JSSC 2020), 65 nm, gives 2.3 pJ at 0.85 V where 1.79 pJ are published, and 4.6 pJ at 1.2 V
where 3.56 pJ are. The other kinds stand to it as one comparator a level, one shared ramp, one latch a level, and an
oversampled loop do (assumed)."""

AREA_UM2_AT_32_NM = {"sar": 1200.0, "flash": 2400.0, "ramp": 500.0, "sense_amplifier": 600.0, "delta_sigma": 1500.0}
"""8-bit converter. SAR: ISAAC Table 1, 0.0012 mm2. Scaled with F to 65 nm: 2440 um2 where Jia et al. have 1941 um2."""


def energy_pJ(hw: Any) -> Number:
    """2^bits x energy a step, scaled with C V^2 (Walden's figure of merit, constant over resolution)."""
    adc = hw.crossbar.adc
    return STEP_fJ_AT_32_NM_1_V[adc.kind] * 1e-3 * 2.0**adc.bits * hw.process.energy_32


def area_um2(hw: Any) -> Number:
    """A third for logic and comparator, two thirds for what doubles with each bit (the capacitor array); proportional
    to F, since capacitors and matched devices shrink less than logic."""
    adc = hw.crossbar.adc
    return AREA_UM2_AT_32_NM[adc.kind] * (1.0 / 3.0 + 2.0 / 3.0 * 2.0 ** (adc.bits - 8)) * hw.technology.node_nm / 32.0


def price(hw: Any) -> Price:
    """Price of one converter."""
    return resolve(
        hw,
        hw.crossbar.adc,
        action_ns=1.0 / hw.crossbar.adc.rate_GSps,
        energy_pJ=energy_pJ(hw),
        area_um2=area_um2(hw),
        leakage_mW_per_um2=hw.process.leakage_mW_per_um2,
        formula="2^bits x 6.1 fJ (SAR, 32 nm, 1 V) x C V^2 scaling (ISAAC Table 1; other kinds assumed)",
    )
