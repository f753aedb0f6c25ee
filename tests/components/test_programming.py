"""Does writing a cell follow its pulses: set, reset, verify, and the slowest cell of a row?"""

from __future__ import annotations

import numpy as np
import pytest

from pimsim.components import prices, programming
from pimsim.components.lines import bitline_fF
from pimsim.components.price import Price
from pimsim.components.process import View
from pimsim.errors import InputError
from pimsim.hardware.load import load_hardware
from pimsim.hardware.schema import Hardware
from pimsim.mapping import columns
from pimsim.mapping.point import point_row

WRITE = "crossbar.cell.write"
PLAIN = (f"{WRITE}.pulses=null", f"{WRITE}.voltage_V=2.0", f"{WRITE}.pulse_ns=50.0")


def hardware(*sets: str) -> Hardware:
    return load_hardware("reram_128", overrides=[*PLAIN, *sets])


def price(*sets: str) -> Price:
    return prices(hardware(*sets))["programming"]


def test_a_pulse_takes_v2_g_t() -> None:
    cell = ("crossbar.cell.r_on_ohm=10000", "crossbar.cell.r_off_ohm=1000000")
    assert price(*cell).energy_pJ == pytest.approx(4.0 * (1e-4 + 1e-6) / 2 * 50 * 1e3)
    assert price(*cell, f"{WRITE}.voltage_V=4.0").energy_pJ == pytest.approx(4 * price(*cell).energy_pJ)


def test_pulses_multiply_energy_and_time() -> None:
    one, ten = price(), price(f"{WRITE}.pulses=10.0")
    assert ten.energy_pJ == pytest.approx(10 * one.energy_pJ)
    assert ten.action_ns == pytest.approx(10 * one.action_ns)


def test_set_and_reset_count_half_each() -> None:
    """50 uA at 2 V for 100 ns, and 100 uA at 1.5 V for 20 ns: 10 pJ and 3 pJ."""
    both = (
        f"{WRITE}.set={{voltage_V: 2.0, pulse_ns: 100.0, current_uA: 50.0}}",
        f"{WRITE}.reset={{voltage_V: 1.5, pulse_ns: 20.0, current_uA: 100.0}}",
    )
    cost = price(*both)
    assert cost.energy_pJ == pytest.approx((10 + 3) / 2)
    assert cost.action_ns == pytest.approx((100 + 20) / 2)
    assert programming.row_ns(hardware(*both).crossbar.cell.write) == pytest.approx(120), "one after the other"


def test_a_direction_left_out_is_the_common_pulse() -> None:
    same = f"{WRITE}.set={{voltage_V: 2.0, pulse_ns: 50.0}}"
    assert price(same).energy_pJ == pytest.approx(price().energy_pJ)
    assert price(same).action_ns == pytest.approx(price().action_ns)


@pytest.mark.parametrize("success", [0.05, 0.3, 0.9])
def test_write_verify_is_geometric(success: float) -> None:
    tried = np.random.default_rng(1).geometric(success, size=(20_000, 64))
    write = hardware(f"{WRITE}.success={success}", f"{WRITE}.cells_at_once=64").crossbar.cell.write
    assert programming.mean_pulses(write) == pytest.approx(tried.mean(), rel=0.01)
    assert programming.row_pulses(write) == pytest.approx(tried.max(axis=1).mean(), rel=0.06)
    assert price(f"{WRITE}.success={success}").energy_pJ == pytest.approx(price().energy_pJ / success)


def test_one_cell_at_a_time_takes_its_own_pulses() -> None:
    for success in (0.01, 0.5, 0.99):
        write = hardware(f"{WRITE}.success={success}", f"{WRITE}.cells_at_once=1").crossbar.cell.write
        assert programming.row_pulses(write) == pytest.approx(1 / success, rel=0.01)


def test_rows_wait_for_their_slowest_cell() -> None:
    def row_ns(*sets: str) -> float:
        return point_row(hardware(*sets))[columns.P_WRITE_ROW_NS]

    given = row_ns(f"{WRITE}.pulses=2.0")
    verified = row_ns(f"{WRITE}.success=0.5")
    assert given == pytest.approx(2 * 50 * -(-128 // hardware().crossbar.cell.write.cells_at_once))
    assert verified > 3 * given


def test_verifying_costs_a_read_a_pulse() -> None:
    plain, verified = price(f"{WRITE}.pulses=8.0"), price(f"{WRITE}.pulses=8.0", f"{WRITE}.verify_pJ=0.25")
    assert verified.energy_pJ - plain.energy_pJ == pytest.approx(2.0)


def test_given_energy_is_that_of_a_pulse() -> None:
    cost = price(f"{WRITE}.energy_pJ=3.0", f"{WRITE}.pulses=4.0")
    assert cost.energy_pJ == 12.0
    assert cost.origins[0] == "given"


def test_sram_swings_a_bitline() -> None:
    """C V^2 of one line of the pair; twice the rows, twice the line."""

    def sram_pJ(*sets: str) -> float:
        return price("crossbar.cell.kind=sram", "crossbar.cell.bits=1", *sets).energy_pJ

    hw = View(hardware("crossbar.cell.kind=sram", "crossbar.cell.bits=1"))
    assert sram_pJ() == pytest.approx(bitline_fF(hw) * 1e-3 * hw.technology.supply_V**2)
    assert sram_pJ("crossbar.rows=256") == pytest.approx(2 * sram_pJ(), rel=0.05)


def test_two_numbers_of_pulses_are_refused() -> None:
    with pytest.raises(InputError, match=r"success and pulses both set the mean pulses; give one \(pulses: null"):
        hardware(f"{WRITE}.success=0.5", f"{WRITE}.pulses=3.0")


def test_two_energies_are_refused() -> None:
    with pytest.raises(InputError, match=r"energy_pJ is the energy of a pulse whatever set says; give one"):
        hardware(f"{WRITE}.energy_pJ=1.0", f"{WRITE}.set={{voltage_V: 2.0, pulse_ns: 100.0}}")
