"""Do arrays, their rows and their converters follow the circuits that a macro paper names? Closed forms."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pimsim.components import crossbar, dac, digital_cell, flash, resistive_cell, silicon
from pimsim.components.process import View
from pimsim.components.registry import REGISTRY
from pimsim.hardware.load import load_hardware

SRAM = (
    "crossbar.cell.kind=sram", "crossbar.cell.bits=1", "crossbar.cell.r_on_ohm=null", "crossbar.cell.r_off_ohm=null",
    "crossbar.cell.read_voltage_V=null", "crossbar.cell.write.cells_at_once=1",
)  # fmt: skip
DIGITAL = (*SRAM, "crossbar.cell.compute=digital", "crossbar.adc.kind=none")
PULLING = (*SRAM, "crossbar.cell.compute=resistive")


def view(*sets: str) -> View:
    return View(load_hardware("reram_128", overrides=list(sets)))


def price(component: str, *sets: str) -> Any:
    return REGISTRY[component].price(view(*sets))


@pytest.mark.parametrize("word", [1, 4, 8])
def test_words_added_at_once_take_a_full_adder_a_bit_and_one_a_word(word: int) -> None:
    """n words of w bits in a binary tree: about n (w + 1) full adders, as `adder_tree` counts them."""
    from pimsim.components import adder_tree

    hw = view(*DIGITAL, f"crossbar.adc.columns_combined={word}")
    n = 4096
    counted = adder_tree.full_adders(n, word, math.log2(n)) / (n * word)
    assert digital_cell.full_adders(hw) == pytest.approx(counted, rel=0.01)
    gates = digital_cell.DEFAULT.multiplier_gates + (1 + 1 / word) * digital_cell.DEFAULT.adder_gates
    expected = 128 * 128 * gates * digital_cell.DEFAULT.activity * hw.process.gate_fJ * 1e-3
    assert digital_cell.energy_pJ(hw, 128) == pytest.approx(expected)


def test_a_digital_row_holds_its_level_and_an_analog_one_is_pulsed() -> None:
    digital, current = view(*DIGITAL), view(*SRAM, "crossbar.dac.bits=1")
    latch = dac.DEFAULT.latch_gates * digital.process.gate_fJ * 1e-3
    for hw, rises in ((digital, 0.25), (current, 0.5)):
        assert dac.kind(hw) == "driver"
        assert dac.energy_pJ(hw, "driver", 50.0) - latch == pytest.approx(rises * dac.row_pJ(hw, 50.0))


def test_sram_cells_that_pull_against_each_other_draw_current_in_either_state() -> None:
    hw = view(*PULLING, "crossbar.cell.read_pulse_ns=2", "crossbar.signed=xnor")
    ohm = hw.fo4_ns * 1e6 / (0.6931 * 5.0 * hw.process.gate_fF_in * 0.25)
    assert resistive_cell.resistances(hw) == (pytest.approx(ohm), pytest.approx(ohm))
    assert 5e3 < ohm < 2e5, "a minimum transistor has tens of kiloohms"
    assert crossbar.off_ratio(hw) == 1.0
    volt = 0.5 * hw.process.supply_V
    ohmic = 128 * 128 * volt * volt / ohm * 2.0 * 1e3
    longer = view(*PULLING, "crossbar.cell.read_pulse_ns=4", "crossbar.signed=xnor")
    energies = [resistive_cell.energy_pJ(each, 128) for each in (hw, longer)]
    assert energies[1] - energies[0] == pytest.approx(ohmic)
    half = view(*PULLING, "crossbar.cell.read_pulse_ns=2", "crossbar.signed=offset")
    assert half.crossbar.signed == "offset"
    assert resistive_cell.driven(half) == 0.5


def test_a_zero_draws_nothing_on_a_discharged_bitline() -> None:
    assert crossbar.off_ratio(view(*SRAM)) == 0.0
    assert crossbar.off_ratio(view("crossbar.cell.r_on_ohm=20000", "crossbar.cell.r_off_ohm=400000")) == 0.05


@pytest.mark.parametrize("kind", ["flash", "sense_amplifier"])
def test_fewer_comparators_search_in_steps(kind: str) -> None:
    sets = (f"crossbar.adc.kind={kind}", "crossbar.adc.bits=6")
    energy, area = {}, {}
    for count in (None, 63, 7, 1):
        found = price("adc", *sets, *([] if count is None else [f"crossbar.adc.comparators={count}"]))
        energy[count], area[count] = found.energy_pJ, found.area_um2
    assert energy[63] == pytest.approx(energy[None]), "63 thresholds of 6 bits"
    assert energy[7] == pytest.approx(energy[None] * 14 / 63), "two steps of three bits, seven decisions each"
    assert energy[1] == pytest.approx(energy[None] * 6 / 63), "bit by bit"
    assert area[7] == pytest.approx(7 * area[1])
    delays = {n: flash.latency_ns(view(*sets, f"crossbar.adc.comparators={n}")) for n in (63, 1)}
    assert delays[1] > 2 * delays[63]


def test_comparators_over_an_array_are_those_of_its_points() -> None:
    counts = [1, 3, 10, 63]
    hw = load_hardware("reram_128", overrides=["crossbar.adc.kind=flash", "crossbar.adc.bits=6"])
    many = flash.comparators(adc := SimpleNamespace(bits=6, comparators=np.array(counts))) * flash.steps(adc)
    ones = [flash.comparators(a) * flash.steps(a) for n in counts if (a := SimpleNamespace(bits=6, comparators=n))]
    assert many == pytest.approx(ones)
    assert flash.steps(hw.crossbar.adc) == 1.0


def test_no_column_takes_turns_where_there_is_no_converter() -> None:
    shared = "crossbar.adc.columns_per_adc=8"
    assert price("column_mux", shared).energy_pJ > 0
    assert price("column_mux", *DIGITAL, shared).energy_pJ == 0
    assert price("column_mux", *DIGITAL, shared).area_um2 == 0


def test_nobody_waits_for_a_converter_that_is_not_there() -> None:
    slow = ("crossbar.read_ns=2", "crossbar.adc.rate_GSps=0.08", "crossbar.adc.columns_per_adc=8")
    assert view(*slow).cycle_ns == pytest.approx(100.0)
    assert view(*DIGITAL, *slow).cycle_ns == 2.0
    assert load_hardware("reram_128", overrides=[*DIGITAL, *slow]).warnings() == []


@pytest.mark.parametrize("kind", ["driver", "c2c"])
def test_rows_that_take_turns_share_latches_and_ladders(kind: str) -> None:
    sets = (*SRAM, "crossbar.dac.bits=4", "crossbar.cell.compute=charge", f"crossbar.dac.kind={kind}")
    every, turns, no_more = (
        dac.area_um2(view(*sets, f"crossbar.active_rows={rows}"), kind, 50.0) for rows in (128, 64, 32)
    )
    assert every - turns == pytest.approx(2 * (turns - no_more)), "linear in the rows at once"
    chain = 2 * turns - every
    assert 0 < chain < no_more, "what is left is the chain that each row has"


def test_unknown_resistances_are_the_same_for_reading_and_writing() -> None:
    sets = ("crossbar.cell.r_on_ohm=null", "crossbar.cell.r_off_ohm=null", "crossbar.cell.write.energy_pJ=null",
            "crossbar.cell.write.voltage_V=2", "crossbar.cell.write.pulse_ns=10", "crossbar.cell.write.pulses=1",
            "crossbar.cell.write.verify_pJ=0")  # fmt: skip
    mean_S = (1 / 2e4 + 1 / 2e5) / 2
    assert price("programming", *sets).energy_pJ == pytest.approx(2.0**2 * mean_S * 10 * 1e3)
    read = ("crossbar.cell.read_voltage_V=null", "crossbar.cell.read_pulse_ns=10", "crossbar.cell.write.voltage_V=1")
    longer = price("crossbar", *sets, *read[:1], "crossbar.cell.read_pulse_ns=20").energy_pJ
    ohmic = 0.5 * 128 * 128 * 0.2**2 * mean_S * 10 * 1e3 * silicon.energy("array, resistive")
    assert longer - price("crossbar", *sets, *read).energy_pJ == pytest.approx(ohmic)
