"""Off-chip memory. One action: one bit read or written, with its share of activation and interface.

Energies a bit are those of the literature for each kind (`KINDS`), where no publication gives one derived from its
neighbour by the supply squared; background and refresh power are in them at the bandwidth of a busy memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pimsim.components.price import Number, Price, resolve


@dataclass(frozen=True, slots=True)
class Parameters:
    """One kind of memory."""

    pJ_per_bit: float
    source: str


DDR4 = (1.2 * 90.0 + 1.2 * 55.0) / 19.2 + 1.2**2 / 82.0 * 1e3 / 2.0 / 2.4
"""8 Gb x8 at 2400 MT/s, 19.2 Gb/s: 1.2 V x (IDD4R - IDD3N = 90 mA) for the burst and 1.2 V x IDD3N = 55 mA of standby
(currents of Ramulator 2's preset), and half of the bits low across driver and termination, 34 + 48 ohm."""

KINDS = {
    "dram": Parameters(20.0, "1.3 to 2.6 nJ for 64 bits (Horowitz, ISSCC 2014)"),
    "ddr4": Parameters(DDR4, "currents of an 8 Gb x8 part at 2400 MT/s (Ramulator 2) and its termination, rows open"),
    "ddr5": Parameters(DDR4 * (1.1 / 1.2) ** 2, "as DDR4, by the supply squared: 1.1 V over 1.2 V (JESD79-5)"),
    "lpddr4": Parameters(8.0, "8 pJ a bit (Accelergy's DRAM table, Wu et al., ICCAD 2019)"),
    "lpddr5": Parameters(8.0 * (1.05 / 1.1) ** 2, "as LPDDR4, by the supply squared: 1.05 V over 1.1 V (JESD209-5)"),
    "gddr5": Parameters(14.0, "14.0 pJ a bit (O'Connor et al., MICRO 2017)"),
    "gddr6": Parameters(6.4, "350 to 480 pJ for 64 bits (Jouppi et al., ISCA 2021, table 2; remembered)"),
    "hbm": Parameters(3.92, "HBM2: 3.92 pJ a bit (O'Connor et al., MICRO 2017)"),
    "hbm2": Parameters(3.92, "3.92 pJ a bit (O'Connor et al., MICRO 2017)"),
    "hbm3": Parameters(3.92 * (1.1 / 1.2) ** 2, "as HBM2, by the supply squared: 1.1 V over 1.2 V (JESD238)"),
    "nvm": Parameters(30.0, "30 pJ a bit (assumed)"),
}


def energy_pJ(parameters: Parameters) -> float:
    """One bit (pJ)."""
    return parameters.pJ_per_bit


def latency_ns(hw: Any) -> Number:
    """First access (ns); the bits of a burst follow at the bandwidth."""
    return hw.memory.latency_ns


def area_um2() -> float:
    """On the chip none (um2): the memory is on dies of its own."""
    return 0.0


def price(hw: Any) -> Price:
    """Price of the memory of one chip; its supply is its own."""
    spec = hw.memory
    kind = KINDS[spec.kind]
    return resolve(
        hw,
        spec,
        action_ns=1.0 / (8.0 * spec.bandwidth_GBps),
        energy_pJ=energy_pJ(kind),
        area_um2=area_um2(),
        on_supply=False,
        formula=kind.source,
    )
