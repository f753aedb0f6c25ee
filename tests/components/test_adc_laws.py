"""Do the fitted converter laws have the shape that the physics gives: 2x or 4x a bit, flat then rising in rate?"""

from __future__ import annotations

import numpy as np
import pytest

from pimsim.components import adc_survey as law

QUANTILES = tuple(law.ENERGY)


@pytest.mark.parametrize("quantile", QUANTILES)
def test_twice_a_bit_where_technology_limits_and_four_times_where_noise_does(quantile: law.Quantile) -> None:
    coarse = law.energy_pJ(np.array([4.0, 5.0, 6.0]), 1e-3, 65, 1.0, quantile)
    fine = law.energy_pJ(np.array([15.0, 16.0, 17.0]), 1e-6, 65, 1.0, quantile)
    assert coarse[1:] / coarse[:-1] == pytest.approx([2.0, 2.0])
    assert fine[1:] / fine[:-1] == pytest.approx([4.0, 4.0])


@pytest.mark.parametrize("quantile", QUANTILES)
def test_the_larger_limit_counts(quantile: law.Quantile) -> None:
    bits = np.linspace(3.0, 17.0, 57)
    technology = law.technology_limited_pJ(bits, 65, 1.0, quantile)
    noise = law.noise_limited_pJ(bits, quantile)
    assert technology[0] > noise[0]
    assert technology[-1] < noise[-1]
    assert law.energy_pJ(bits, 1e-6, 65, 1.0, quantile) == pytest.approx(np.maximum(technology, noise))


def test_flat_in_rate_up_to_the_corner_and_rising_past_it() -> None:
    corner = law.corner_GSps(28)
    below = law.energy_pJ(8, corner * np.array([1e-3, 0.1, 0.999]), 28, 0.9)
    assert below == pytest.approx([below[0]] * 3, rel=1e-12)
    past = law.energy_pJ(8, corner * np.array([1.0, 2.0, 4.0]), 28, 0.9)
    assert past[1:] / past[:-1] == pytest.approx([2.0**law.RATE_EXPONENT] * 2)
    assert law.RATE_EXPONENT > 0


def test_a_finer_process_has_a_higher_corner() -> None:
    assert law.corner_GSps(32.5) == pytest.approx(2 * law.corner_GSps(65))


def test_node_and_supply_move_the_technology_limit_alone() -> None:
    slow = 1e-6
    assert law.energy_pJ(6, slow, 65, 1.2) == pytest.approx(4 * law.energy_pJ(6, slow, 65, 0.6))
    assert law.energy_pJ(6, slow, 130, 1.0) == pytest.approx(2 * law.energy_pJ(6, slow, 65, 1.0))
    assert law.energy_pJ(16, slow, 130, 1.2) == pytest.approx(law.energy_pJ(16, slow, 32, 0.8))


def test_area_follows_its_exponents() -> None:
    base = law.area_um2(65, 0.1, 1.0)
    assert base == pytest.approx(law.AREA_UM2["median"])
    assert law.area_um2(130, 0.1, 1.0) == pytest.approx(base * 2.0**law.AREA_NODE_EXPONENT)
    assert law.area_um2(65, 0.2, 1.0) == pytest.approx(base * 2.0**law.AREA_RATE_EXPONENT)
    assert law.area_um2(65, 0.1, 2.0) == pytest.approx(base * 2.0**law.AREA_ENERGY_EXPONENT)


def test_the_low_law_lies_below_the_median() -> None:
    bits = np.linspace(3.0, 17.0, 29)
    assert np.all(law.energy_pJ(bits, 0.01, 28, 0.9, "low") < law.energy_pJ(bits, 0.01, 28, 0.9, "median"))
    assert law.area_um2(28, 0.01, 1.0, "low") < law.area_um2(28, 0.01, 1.0, "median")


def test_arrays_and_scalars_agree() -> None:
    bits, rates = np.meshgrid(np.arange(3.0, 15.0), np.geomspace(1e-4, 10.0, 7))
    whole = law.energy_pJ(bits, rates, 22, 0.8)
    single = [float(law.energy_pJ(b, r, 22, 0.8)) for b, r in zip(bits.ravel(), rates.ravel(), strict=True)]
    assert whole.ravel() == pytest.approx(single, rel=1e-12)
    areas = law.area_um2(22, rates, whole)
    assert areas.shape == bits.shape
    assert areas[0, 0] == pytest.approx(law.area_um2(22, rates[0, 0], whole[0, 0]))
