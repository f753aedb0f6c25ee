"""Do the digital units follow the laws of their adders and multipliers?"""

from __future__ import annotations

import math

import pytest

from pimsim.components import adder_tree, arithmetic, prices
from pimsim.components.price import Price
from pimsim.components.process import View
from pimsim.errors import InputError
from pimsim.hardware.load import load_hardware
from pimsim.mapping import columns
from pimsim.mapping.point import point_row

AT_45 = ("technology.node_nm=45", "technology.supply_V=0.9")


def price(component: str, *sets: str) -> Price:
    return prices(load_hardware("reram_128", overrides=sets))[component]


def test_horowitz_comes_out_at_45_nm() -> None:
    """ISSCC 2014: 0.1 pJ and 137 um2 for a 32-bit addition, 0.2 pJ and 282 um2 for an 8-bit multiplication."""
    hw = View(load_hardware("reram_128", overrides=AT_45))
    assert arithmetic.add_pJ(hw, 32) == pytest.approx(0.1)
    assert arithmetic.add_um2(hw, 32) == pytest.approx(137)
    assert arithmetic.multiply_pJ(hw, 8) == pytest.approx(0.2)
    assert arithmetic.multiply_um2(hw, 8) == pytest.approx(282)
    assert arithmetic.multiply_pJ(hw, 32) == pytest.approx(3.1, rel=0.05), "the table's 32-bit multiplier, not used"
    assert arithmetic.multiply_um2(hw, 32) == pytest.approx(3495, rel=0.35), "the table's, relatively smaller"


@pytest.mark.parametrize("component", ["accumulator", "pool"])
def test_an_adder_grows_with_its_width(component: str) -> None:
    narrow, wide = (price(component, f"tile.{component}.bits={bits}") for bits in (8, 32))
    assert wide.energy_pJ == pytest.approx(4 * narrow.energy_pJ)
    assert wide.area_um2 == pytest.approx(4 * narrow.area_um2)


@pytest.mark.parametrize("component", ["activation", "vector", "mac", "softmax", "normalisation"])
def test_units_that_multiply_grow_faster(component: str) -> None:
    some = f"tile.{component}.count=1"
    narrow, wide = (price(component, some, f"tile.{component}.bits={bits}") for bits in (8, 32))
    assert 4 < wide.energy_pJ / narrow.energy_pJ < 16
    assert 4 < wide.area_um2 / narrow.area_um2 < 16


def test_shift_add_is_an_addition_on_the_way_from_converter_to_accumulator() -> None:
    wide = (*AT_45, "precision.accumulator_bits=32")
    assert price("shift_add", *wide, "crossbar.adc.kind=none").energy_pJ == pytest.approx(0.1)
    assert price("shift_add", *wide, "crossbar.adc.bits=8").energy_pJ == pytest.approx(0.1 * 20 / 32)
    two, four = (price("shift_add", f"pe.shift_add.count={n}").action_ns for n in (2, 4))
    assert four == pytest.approx(2 * two), "a read cycle's conversions are shared by the units"


@pytest.mark.parametrize(("inputs", "bits"), [(2, 8), (4, 8), (64, 1), (128, 4)])
def test_full_adders_of_a_tree_are_those_of_its_levels(inputs: int, bits: int) -> None:
    levels = int(math.log2(inputs))
    counted = sum(inputs // 2**level * (bits + level - 1) for level in range(1, levels + 1))
    assert adder_tree.full_adders(inputs, bits, levels) == counted


def test_a_tree_of_single_bits_has_two_full_adders_an_input() -> None:
    assert adder_tree.full_adders(1024, 1, 10) == pytest.approx(2 * 1024, rel=0.01)


def test_a_level_more_is_a_clock_more() -> None:
    hw = View(load_hardware("reram_128"))
    clock_ns = 1 / hw.clock_GHz
    assert adder_tree.latency_ns(adder_tree.DEFAULT, hw, 64) == pytest.approx(6 * clock_ns)
    assert adder_tree.latency_ns(adder_tree.DEFAULT, hw, 1) == 0
    assert adder_tree.leakage_mW(hw, 64, 8) == pytest.approx(
        hw.process.leakage_mW_per_um2 * adder_tree.area_um2(hw, 64, 8)
    )


def test_an_accumulator_with_a_tree_adds_as_many_values_a_clock() -> None:
    """Words grow by a bit a level, so that an addition costs a little more."""
    one, tree = price("accumulator"), price("accumulator", "tile.accumulator.inputs=64")
    assert one.energy_pJ < tree.energy_pJ < 1.3 * one.energy_pJ
    assert 64 * one.area_um2 < tree.area_um2 < 1.3 * 64 * one.area_um2
    assert tree.action_ns == pytest.approx(one.action_ns / 64)
    rates = [
        point_row(load_hardware("reram_128", overrides=[f"tile.accumulator.inputs={n}"]))[columns.P_ACCUMULATOR_PER_NS]
        for n in (1, 64)
    ]
    assert rates[1] == pytest.approx(64 * rates[0])


def test_units_that_a_tile_lacks_borrow_the_activation_units() -> None:
    lacking = prices(load_hardware("reram_128", overrides=["tile.pool.count=0", "tile.accumulator.count=0"]))
    for component in ("pool", "accumulator"):
        assert lacking[component].energy_pJ == lacking["activation"].energy_pJ
        assert lacking[component].area_um2 == lacking[component].leakage_mW == 0
        assert lacking[component].formula.startswith("no unit of its own: runs on the activation units; piecewise")


def test_units_leak_like_logic_of_their_area() -> None:
    hw = load_hardware("reram_128", overrides=["tile.softmax.count=1", "tile.normalisation.count=1"])
    per_um2 = View(hw).process.leakage_mW_per_um2
    for component in ("shift_add", "accumulator", "activation", "pool", "vector", "mac", "softmax", "normalisation"):
        cost = prices(hw)[component]
        assert cost.leakage_mW == pytest.approx(per_um2 * cost.area_um2)


def test_no_accumulator_without_inputs() -> None:
    with pytest.raises(InputError, match=r"tile\.accumulator\.inputs.*0"):
        load_hardware("reram_128", overrides=["tile.accumulator.inputs=0"])
