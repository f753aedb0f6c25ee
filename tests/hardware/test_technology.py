"""Do the technology table and its laws hold: C V^2, areas with the node, clocks that fall faster than the supply?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from pimsim.hardware import technology as tech

NODES = np.array(tech.NODE_NM)
FLAVOURS = ("hp", "lp")

ONE_ARGUMENT: tuple[Callable[[Any], Any], ...] = (
    tech.gate_input_fF,
    tech.access_gate_fF,
    tech.wire_fF_per_mm,
    tech.wire_ohm_per_mm,
    tech.logic_um2_per_gate,
    tech.sram_um2_per_cell,
)


@pytest.mark.parametrize("function", ONE_ARGUMENT, ids=lambda function: function.__name__)
def test_arrays_and_scalars_agree(function: Callable[[Any], Any]) -> None:
    nodes = np.geomspace(4.0, 180.0, 41)
    assert function(nodes) == pytest.approx([float(function(node)) for node in nodes], rel=1e-12)
    assert np.all(np.isfinite(function(nodes)))
    assert np.all(function(nodes) > 0)


@pytest.mark.parametrize("flavour", FLAVOURS)
def test_arrays_and_scalars_agree_over_supplies(flavour: tech.Flavour) -> None:
    supplies = np.linspace(0.2, 1.3, 12)
    for law in (
        lambda volt: tech.frequency_factor(28, volt, 0.9, flavour),
        lambda volt: tech.leakage_per_gate_nW(28, volt, flavour),
        lambda volt: tech.fo4_ps(28, volt, flavour),
        lambda volt: tech.energy_factor(28, 45, volt, 0.9),
    ):
        assert law(supplies) == pytest.approx([float(law(volt)) for volt in supplies], rel=1e-12)


def test_a_row_of_the_table_is_returned_as_it_stands() -> None:
    assert tech.sram_um2_per_cell(NODES) == pytest.approx(tech.SRAM_UM2_PER_CELL)
    assert tech.threshold_V(NODES, "lp") == pytest.approx(tech.THRESHOLD_V["lp"])
    assert tech.nominal_supply_V(NODES, "hp") == pytest.approx(tech.SUPPLY_V["hp"])


def test_between_rows_a_power_law_holds() -> None:
    middle = np.sqrt(45.0 * 32.0)
    assert tech.logic_um2_per_gate(middle) == pytest.approx(np.sqrt(0.80 * 0.42))
    steps = tech.sram_um2_per_cell(np.array([4.0, 4.5, 5.0]) ** 1.0)
    slope = np.diff(np.log(steps)) / np.diff(np.log([4.0, 4.5, 5.0]))
    assert slope[0] == pytest.approx(slope[1]), "the outermost power law goes on below the table"


def test_digital_energy_goes_with_the_square_of_the_supply() -> None:
    assert tech.gate_energy_fJ(28, 0.9) == pytest.approx(2.25 * tech.gate_energy_fJ(28, 0.6))
    assert tech.energy_factor(65, 65, 1.2, 0.6) == pytest.approx(4.0)
    assert tech.energy_factor(7, 45, 0.7, 0.9) * tech.energy_factor(45, 7, 0.9, 0.7) == pytest.approx(1.0)


def test_gate_energy_meets_horowitz() -> None:
    """32-bit adder 0.1 pJ in 137 um2, 8-bit multiplier 0.2 pJ in 282 um2, both at 45 nm and 0.9 V (ISSCC 2014)."""
    for energy_pJ, area_um2 in ((0.1, 137.0), (0.2, 282.0)):
        gates = area_um2 / tech.logic_um2_per_gate(45)
        assert gates * tech.gate_energy_fJ(45, 0.9) * 1e-3 == pytest.approx(energy_pJ, rel=0.05)


@pytest.mark.parametrize("kind", ["logic", "sram"])
def test_area_goes_with_the_square_of_the_node(kind: tech.AreaKind) -> None:
    planar, all_nodes = np.array([130.0, 90.0, 65.0, 45.0, 32.0, 28.0, 22.0]), NODES
    for nodes, low, high in ((planar, 1.6, 2.1), (all_nodes, 1.4, 2.1)):
        slope = np.polyfit(np.log(nodes), np.log(tech.area_factor(kind, nodes, 130.0)), 1)[0]
        assert low < slope < high, "planar cells shrink with F^2, FinFET rows slower: their node is a name"


def test_analog_area_goes_with_the_node() -> None:
    assert tech.area_factor("analog", 65, 130) == pytest.approx(0.5)


def test_what_shrinks_with_the_node_does_so_at_every_step() -> None:
    nodes = np.geomspace(130.0, 5.0, 60)
    for values in (
        tech.logic_um2_per_gate(nodes),
        tech.sram_um2_per_cell(nodes),
        tech.gate_energy_fJ(nodes, 1.0),
        tech.gate_input_fF(nodes),
        tech.fo4_ps(nodes, tech.nominal_supply_V(nodes)),
    ):
        assert np.all(np.diff(values) < 0)
    assert np.all(np.diff(tech.wire_ohm_per_mm(nodes)) > 0)
    assert tech.wire_fF_per_mm(nodes) == pytest.approx(210.0, rel=0.1)


@pytest.mark.parametrize("flavour", FLAVOURS)
@pytest.mark.parametrize("node_nm", [130, 65, 28, 16, 7])
def test_frequency_falls_faster_than_the_supply_near_threshold(node_nm: int, flavour: tech.Flavour) -> None:
    threshold = float(tech.threshold_V(node_nm, flavour))
    supplies = np.linspace(0.5 * threshold, threshold + 0.2, 30)
    factor = tech.frequency_factor(node_nm, supplies, threshold + 0.2, flavour)
    slope = np.diff(np.log(factor)) / np.diff(np.log(supplies))
    assert np.all(slope > 1.0), "faster than V"
    above = supplies[1:-1] > threshold
    assert np.all(np.diff(slope)[above] < 0), "and the faster, the closer the supply is to the threshold"


def test_below_threshold_a_decade_takes_the_subthreshold_slope() -> None:
    low, high = (float(tech.relative_current(volt, 0.6)) for volt in (0.20, 0.21))
    per_decade_V = 0.01 / np.log10(high / low)
    assert per_decade_V == pytest.approx(tech.SLOPE_FACTOR * tech.THERMAL_V * np.log(10), rel=0.01)


def test_far_above_threshold_the_alpha_power_law_holds() -> None:
    ratio = tech.relative_current(1.6, 0.4) / tech.relative_current(1.0, 0.4)
    assert ratio == pytest.approx((1.2 / 0.6) ** tech.ALPHA, rel=1e-3)


@pytest.mark.parametrize(
    ("node_nm", "flavour", "low_V", "high_V", "published"),
    [
        pytest.param(65, "lp", 0.85, 1.2, 2.5, id="Jia et al., JSSC 2020: TOPS at two supplies"),
        pytest.param(7, "hp", 0.8, 1.0, 5.5 / 4.5, id="Sinangil et al., JSSC 2021: cycle at two supplies"),
        pytest.param(65, "lp", 0.82, 1.17, 2.5, id="Chen et al. (Eyeriss), JSSC 2017: 100 to 250 MHz, 65 nm LP"),
        pytest.param(22, "hp", 0.7, 1.0, 3.596 / 2.377, id="Wang et al., VLSI 2022: TOPS/mm2 at two supplies"),
        pytest.param(32, "hp", 0.28, 1.2, 915.0 / 3.0, id="Jain et al., ISSCC 2012: 3 to 915 MHz"),
    ],
)
def test_published_clocks(node_nm: int, flavour: tech.Flavour, low_V: float, high_V: float, published: float) -> None:
    """Nothing of the table was fitted to these chips; 15% each."""
    assert tech.frequency_factor(node_nm, high_V, low_V, flavour) == pytest.approx(published, rel=0.15)


def test_leakage_falls_with_the_supply_faster_than_it() -> None:
    ratio = tech.leakage_per_gate_nW(45, 0.55, "lp") / tech.leakage_per_gate_nW(45, 1.1, "lp")
    assert 0.05 < ratio < 0.5
    nominal = {flavour: tech.nominal_supply_V(45, flavour) for flavour in FLAVOURS}
    hp = tech.leakage_per_gate_nW(45, nominal["hp"], "hp")
    assert hp == pytest.approx(1000 * tech.leakage_per_gate_nW(45, nominal["lp"], "lp"), rel=0.15)


def test_fo4_at_nominal_supply_is_the_row() -> None:
    assert tech.fo4_ps(7, 0.7, "lp") == pytest.approx(7.2)
    assert tech.fo4_ps(65, 0.7) > 1.5 * tech.fo4_ps(65, 1.1)
