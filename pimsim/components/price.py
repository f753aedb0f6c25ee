"""A price: what one action of a circuit costs, what one instance occupies and leaks, and where that is known from.

Formulas are written over scalars or NumPy arrays alike: no branch on a value, only on whether a figure was given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from pimsim.hardware.schema import Circuit

Number = Any  # float or float64 array; mypy cannot say "the same of both" without noise in every formula

LOGIC_LEAKAGE_MW_PER_UM2 = 1e-5
"""Static power of low-power logic at 45 nm and 0.9 V: 10 mW a mm2 (assumed, between ITRS 2011 LSTP and LOP)."""

BOLTZMANN_J_PER_K = 1.380649e-23


class Price(NamedTuple):
    """energy_pJ: of one action. area_um2, leakage_mW: of one instance. action_ns: time between two actions of a busy
    instance, so that peak power = energy_pJ / action_ns + leakage_mW. origins: of energy, area, leakage.
    formula: what computes the price when it is not given, and its source."""

    energy_pJ: Number
    area_um2: Number
    leakage_mW: Number
    action_ns: Number
    origins: tuple[str, str, str]
    formula: str


def resolve(
    spec: Circuit,
    *,
    action_ns: Number,
    energy_pJ: Callable[[], Number],
    area_um2: Callable[[], Number],
    leakage_mW: Callable[[Number], Number],
    formula: str,
) -> Price:
    """The price of `spec`: what the file gives stands; the rest is computed, times the calibration.

    `leakage_mW` is called with the area. A circuit whose energy and area are both given, and which says nothing of
    leakage, is taken to have none beside its `static_share`: the publication's power holds it already.
    """
    calibration = spec.calibration
    computed = "computed" if calibration is None else "calibrated"
    given = "given"
    energy_origin = area_origin = leakage_origin = given
    static_mW: Number = 0.0
    if spec.energy_pJ is not None:
        energy = spec.energy_pJ
    elif spec.power_mW is not None:
        static_mW = spec.power_mW * spec.static_share
        energy = (spec.power_mW - static_mW) * action_ns  # mW x ns = pJ
    else:
        energy_origin = computed
        energy = energy_pJ() if calibration is None else energy_pJ() * calibration.energy
    if spec.area_um2 is not None:
        area = spec.area_um2
    else:
        area_origin = computed
        area = area_um2() if calibration is None else area_um2() * calibration.area
    if spec.leakage_mW is not None:
        leakage = spec.leakage_mW
    elif energy_origin == given and (area_origin == given or spec.power_mW is not None):
        leakage = static_mW
    else:
        leakage_origin = computed
        leakage = leakage_mW(area) if calibration is None else leakage_mW(area) * calibration.leakage
    return Price(energy, area, leakage, action_ns, (energy_origin, area_origin, leakage_origin), formula)


def logic_leakage_mW(hw: Any, area_um2: Number) -> Number:
    """Static power of `area_um2` of logic: density at 45 nm scaled with 1/F (more transistors a um2, each narrower)
    and with the supply."""
    tech = hw.technology
    return LOGIC_LEAKAGE_MW_PER_UM2 * area_um2 * (45.0 / tech.node_nm) * (tech.supply_V / 0.9)


def energy_scale(hw: Any, node_nm: float, supply_V: float) -> Number:
    """Factor from an energy known at (node_nm, supply_V): C V^2 with C proportional to the feature size."""
    ratio = hw.technology.supply_V / supply_V
    return hw.technology.node_nm / node_nm * ratio * ratio


def area_scale(hw: Any, node_nm: float) -> Number:
    """Factor from an area known at node_nm: F^2."""
    ratio = hw.technology.node_nm / node_nm
    return ratio * ratio
