"""Do intervals hold what they promise? Against a brute-force draw, and against given tolerances."""

from __future__ import annotations

import math

import numpy as np
import pytest

import pimsim
from pimsim.components import REGISTRY, prices
from pimsim.components.spread import AREA_SIGMA, ENERGY_SIGMA, GIVEN_TOLERANCE, KIND
from pimsim.cost.intervals import Z80, interval, latency_interval, sigmas
from pimsim.graph.workload import Kind, Layer, Workload
from pimsim.hardware.load import load_hardware

MODEL = Workload("w", (Layer("fc", "Gemm", Kind.MVM, groups=1, rows=128, cols=64, vectors=10),))


def test_every_component_has_a_kind_and_every_kind_a_spread() -> None:
    assert set(KIND) == set(REGISTRY)
    assert set(KIND.values()) == set(ENERGY_SIGMA) == set(AREA_SIGMA)


def test_one_part_is_log_normal() -> None:
    low, high = interval(np.array([100.0]), np.array([0.5]))
    assert low == pytest.approx(100 * math.exp(-Z80 * 0.5))
    assert high == pytest.approx(100 * math.exp(Z80 * 0.5))


def test_nothing_has_no_interval() -> None:
    assert interval(np.zeros(3), np.ones(3)) == (0.0, 0.0)


def test_a_sum_covers_80_of_100_draws() -> None:
    """Independent parts: the interval of the sum is narrower than that of the parts, and holds 80% of what is drawn."""
    values, sigma = np.array([50.0, 30.0, 20.0]), np.array([0.4, 0.5, 0.6])
    low, high = interval(values, sigma)
    draws = (values * np.exp(np.random.default_rng(0).normal(0, sigma, (20000, 3)))).sum(1)
    drawn = draws / np.median(draws) * values.sum()  # medians of sums lie a little above the sum of medians
    assert ((drawn > low) & (drawn < high)).mean() == pytest.approx(0.8, abs=0.03)
    assert high / 100 < math.exp(Z80 * 0.4)


def test_given_figures_have_the_files_tolerance() -> None:
    sets = ["crossbar.adc.energy_pJ=1.0", "crossbar.adc.area_um2=100", "crossbar.adc.tolerance=0.2"]
    hardware = load_hardware("reram_128", overrides=sets)
    energy, area = sigmas(hardware, prices(hardware))
    at = list(REGISTRY).index("adc")
    assert energy[at] == area[at] == pytest.approx(math.log(1.2) / Z80)
    isaac = load_hardware("isaac")
    assert sigmas(isaac, prices(isaac))[0][at] == pytest.approx(math.log1p(GIVEN_TOLERANCE) / Z80)


@pytest.mark.parametrize("name", ["reram_128", "isaac"])
def test_every_result_has_intervals_around_its_totals(name: str) -> None:
    result = pimsim.simulate(MODEL, name)
    totals = result.to_dict()["totals"]
    for key in ("energy_pJ", "latency_ns", "area_um2"):
        low, high = totals[f"{key}_interval"]
        assert 0 < low < totals[key] < high
    assert "+" in result.to_text().split("energy", 1)[1].split("\n")[0]


def test_given_prices_are_surer_than_computed_ones() -> None:
    def width(name: str) -> float:
        low, high = pimsim.simulate(MODEL, name).intervals["energy_pJ_interval"]
        return high / low

    assert width("isaac") < width("reram_128")


def test_latency() -> None:
    low, high = latency_interval(100.0)
    assert low * high == pytest.approx(100.0**2)
