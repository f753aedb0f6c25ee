"""Off-chip link. One action: one bit carried.

`kind: board`: 5 pJ a bit, usual for 2 to 8 pJ of published 28 nm serial links (assumed). `package`: 1.17 pJ a bit, a
25 Gb/s ground-referenced link in 16 nm (Poulton et al., JSSC 54(1), 2019). `interposer`: 0.5 pJ a bit, the target of
UCIe 1.0 for advanced packages (2022; remembered).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pimsim.components.price import Number, Price, resolve

PJ_PER_BIT = {"board": 5.0, "package": 1.17, "interposer": 0.5}


@dataclass(frozen=True, slots=True)
class Parameters:
    """idle: share of the full-rate power that is drawn at all times (assumed). um2_32: one link at 32 nm (assumed),
    with the node as converters."""

    idle: float = 0.1
    um2_32: float = 5e5


DEFAULT = Parameters()
SOURCE = {
    "board": "5 pJ a bit, 10% of full-rate power when idle, 0.5 mm2 at 32 nm (assumed)",
    "package": "1.17 pJ a bit (Poulton et al., JSSC 2019), 10% of full-rate power idle, 0.5 mm2 at 32 nm (assumed)",
    "interposer": "0.5 pJ a bit (UCIe 1.0), 10% of full-rate power when idle, 0.5 mm2 at 32 nm (assumed)",
}


def energy_pJ(hw: Any) -> Number:
    """One bit, both ends (pJ)."""
    return PJ_PER_BIT[hw.chip.link.kind]


def latency_ns(hw: Any) -> Number:
    """Time between two bits of one link (ns)."""
    return 1.0 / (8.0 * hw.chip.link.bandwidth_GBps)


def area_um2(parameters: Parameters, hw: Any) -> Number:
    """One link (um2)."""
    return parameters.um2_32 * hw.technology.node_nm / 32.0


def leakage_mW(parameters: Parameters, hw: Any) -> Number:
    """What one link draws at all times (mW = pJ / ns)."""
    return parameters.idle * energy_pJ(hw) * (8.0 * hw.chip.link.bandwidth_GBps)


def price(hw: Any) -> Price:
    """Price of one link; its supply is its own."""
    return resolve(
        hw,
        hw.chip.link,
        action_ns=latency_ns(hw),
        energy_pJ=energy_pJ(hw),
        area_um2=area_um2(DEFAULT, hw),
        leakage_mW=leakage_mW(DEFAULT, hw),
        on_supply=False,
        formula=SOURCE[hw.chip.link.kind],
    )
