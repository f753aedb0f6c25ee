"""A price: what one action of a circuit costs, what one instance occupies and leaks, and where that is known from.

Formulas are written over scalars or NumPy arrays alike: no branch on a value, only on whether a figure was given.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pimsim.hardware.schema import Circuit

Number = Any  # float or float64 array; mypy cannot say "the same of both" without noise in every formula

LOGIC_LEAKAGE_MW_PER_UM2 = 1e-5
"""Static power of low-power logic at 45 nm and 0.9 V: 10 mW a mm2 (assumed, between ITRS 2011 LSTP and LOP)."""

BOLTZMANN_J_PER_K = 1.380649e-23

COMPUTED = ("computed", "computed", "computed")


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
    energy_pJ: Number,
    area_um2: Number,
    leakage_mW: Number = 0.0,
    leakage_mW_per_um2: Number = 0.0,
    formula: str,
) -> Price:
    """The price of `spec`: what the file gives stands; the rest is as computed, times the calibration.

    Computed leakage is `leakage_mW` and `leakage_mW_per_um2` of the area that the circuit turns out to have. A circuit
    whose energy and area are both given, and which says nothing of leakage, is taken to have none beside its
    `static_share`: the publication's power holds it already.
    """
    calibration = spec.calibration
    if spec.energy_pJ is spec.power_mW is spec.area_um2 is spec.leakage_mW is None and calibration is None:
        # the usual case first: a search loop prices every circuit for every point
        leakage = leakage_mW + leakage_mW_per_um2 * area_um2
        return Price(energy_pJ, area_um2, leakage, action_ns, COMPUTED, formula)
    energy_origin = area_origin = leakage_origin = "given"
    computed = "computed" if calibration is None else "calibrated"
    static_mW: Number = 0.0
    if spec.energy_pJ is not None:
        energy_pJ = spec.energy_pJ
    elif spec.power_mW is not None:
        static_mW = spec.power_mW * spec.static_share
        energy_pJ = (spec.power_mW - static_mW) * action_ns  # mW x ns = pJ
    else:
        energy_origin = computed
        energy_pJ = energy_pJ if calibration is None else energy_pJ * calibration.energy
    if spec.area_um2 is not None:
        area_um2 = spec.area_um2
    else:
        area_origin = computed
        area_um2 = area_um2 if calibration is None else area_um2 * calibration.area
    if spec.leakage_mW is not None:
        leakage = spec.leakage_mW
    elif energy_origin == "given" and (area_origin == "given" or spec.power_mW is not None):
        leakage = static_mW
    else:
        leakage_origin = computed
        leakage = leakage_mW + leakage_mW_per_um2 * area_um2
        leakage = leakage if calibration is None else leakage * calibration.leakage
    return Price(energy_pJ, area_um2, leakage, action_ns, (energy_origin, area_origin, leakage_origin), formula)


def logic_leakage_mW_per_um2(hw: Any) -> Number:
    """Static power of logic: density at 45 nm scaled with 1/F (more transistors a um2, each narrower) and with the
    supply."""
    tech = hw.technology
    return LOGIC_LEAKAGE_MW_PER_UM2 * (45.0 / tech.node_nm) * (tech.supply_V / 0.9)


def energy_scale(hw: Any, node_nm: float, supply_V: float) -> Number:
    """Factor from an energy known at (node_nm, supply_V): C V^2 with C proportional to the feature size."""
    tech = hw.technology
    ratio = tech.supply_V / supply_V
    return tech.node_nm / node_nm * ratio * ratio


def area_scale(hw: Any, node_nm: float) -> Number:
    """Factor from an area known at node_nm: F^2."""
    ratio = hw.technology.node_nm / node_nm
    return ratio * ratio
