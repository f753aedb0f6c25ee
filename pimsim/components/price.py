"""A price: what one action of a circuit costs, what one instance occupies and leaks, and where that is known from.

Formulas are written over scalars or NumPy arrays alike: no branch on a value, only on whether a figure was given.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from pimsim.components import plugins
from pimsim.components.process import process
from pimsim.hardware.circuit import Circuit

Number = Any  # float or float64 array; mypy cannot say "the same of both" without noise in every formula

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
    hw: Any,
    spec: Circuit,
    *,
    action_ns: Number,
    energy_pJ: Number,
    area_um2: Number,
    leakage_mW: Number = 0.0,
    leakage_mW_per_um2: Number = 0.0,
    formula: str,
    on_supply: bool = True,
) -> Price:
    """The price of `spec`: what the file gives stands; the rest is as computed, times the calibration.

    Computed leakage is `leakage_mW` and `leakage_mW_per_um2` of the area that the circuit turns out to have. A circuit
    whose energy and area are both given, and which says nothing of leakage, is taken to have none beside its
    `static_share`: the publication's power holds it already. A given energy scales with V^2 and a given leakage with V
    from the supply at which it holds; not so off the chip (`on_supply` False).
    """
    if spec.model is not None:
        energy_pJ, area_um2, own_mW, formula = plugins.computed(hw, spec)
        if own_mW is not None:
            leakage_mW, leakage_mW_per_um2 = own_mW, 0.0
    calibration = spec.calibration
    if spec.energy_pJ is spec.power_mW is spec.area_um2 is spec.leakage_mW is None and calibration is None:
        # the usual case first: a search loop prices every circuit for every point
        leakage = leakage_mW + leakage_mW_per_um2 * area_um2
        return Price(energy_pJ, area_um2, leakage, action_ns, COMPUTED, formula)
    energy_origin = area_origin = leakage_origin = "given"
    computed = "computed" if calibration is None else "calibrated"
    here = process(hw)
    square = here.given_energy if on_supply else 1.0
    given_mW: Number = 0.0
    if spec.energy_pJ is not None:
        energy_pJ = spec.energy_pJ * square
    elif spec.power_mW is not None:
        given_mW = spec.power_mW * spec.static_share
        # mW x ns = pJ; the power holds at the given clocks
        energy_pJ = (spec.power_mW - given_mW) * action_ns * square * (here.speed if on_supply else 1.0)
    else:
        energy_origin = computed
        energy_pJ = energy_pJ if calibration is None else energy_pJ * calibration.energy
    if spec.area_um2 is not None:
        area_um2 = spec.area_um2
    else:
        area_origin = computed
        area_um2 = area_um2 if calibration is None else area_um2 * calibration.area
    if spec.leakage_mW is not None:
        leakage = spec.leakage_mW * square**0.5
    elif energy_origin == "given" and (area_origin == "given" or spec.power_mW is not None):
        leakage = given_mW * square**0.5
    else:
        leakage_origin = computed
        leakage = leakage_mW + leakage_mW_per_um2 * area_um2
        leakage = leakage if calibration is None else leakage * calibration.leakage
    return Price(energy_pJ, area_um2, leakage, action_ns, (energy_origin, area_origin, leakage_origin), formula)
