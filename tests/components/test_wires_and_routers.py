"""Do bus, H-tree, router and links follow the laws of wires?"""

from __future__ import annotations

import math

import pytest

from pimsim.components import bus, htree, prices, router, wire
from pimsim.components.price import Price
from pimsim.components.process import View
from pimsim.errors import InputError
from pimsim.hardware import technology
from pimsim.hardware.load import load_hardware


def hardware(*sets: str) -> View:
    return View(load_hardware("reram_128", overrides=sets))


def price(component: str, *sets: str) -> Price:
    return prices(load_hardware("reram_128", overrides=sets))[component]


def test_a_bit_charges_wire_and_repeaters_once_in_four() -> None:
    hw = hardware("technology.supply_V=0.8")
    plain = technology.wire_fF_per_mm(32.0) * 1e-3 * 0.8**2 / 4
    assert wire.energy_pJ_per_mm(wire.DEFAULT, hw) == pytest.approx(2 * plain)
    bare = wire.Parameters(repeater_load=0.0)
    assert wire.energy_pJ_per_mm(bare, hw) == pytest.approx(plain)


def test_repeaters_at_the_optimum_are_fastest() -> None:
    hw = hardware()
    best = wire.Parameters(repeater_load=wire.optimal_load(1.0))
    fastest = wire.latency_ns_per_mm(best, hw)
    for load in (0.5, 0.8, 1.3, 2.0):
        assert wire.latency_ns_per_mm(wire.Parameters(repeater_load=load), hw) > fastest
    for spacing in (0.5, 0.9, 1.1, 2.0):
        load = wire.optimal_load(1.0) / spacing
        assert wire.latency_ns_per_mm(wire.Parameters(repeater_load=load, spacing=spacing), hw) > fastest
    assert wire.latency_ns_per_mm(wire.DEFAULT, hw) < 1.01 * fastest


def test_the_optimum_is_one_and_a_half_roots_of_fo4_and_rc() -> None:
    """Ho, Mai and Horowitz, 2001: delay of a repeated wire goes with sqrt(FO4 r c)."""
    for node in (130.0, 45.0, 7.0):
        hw = hardware(f"technology.node_nm={node}", "technology.supply_V=0.7")
        fo4_ps = technology.fo4_ps(node, 0.7, hw.technology.flavour)
        rc_ps = technology.wire_ohm_per_mm(node) * technology.wire_fF_per_mm(node) * 1e-3
        best = wire.Parameters(repeater_load=wire.optimal_load(1.0))
        assert wire.latency_ns_per_mm(best, hw) * 1e3 == pytest.approx(1.52 * math.sqrt(fo4_ps * rc_ps), rel=0.01)


def test_a_bus_pays_by_its_length() -> None:
    short, long = (hardware(f"tile.bus.length_mm={length}") for length in (0.5, 2.0))
    assert bus.energy_pJ(bus.DEFAULT, long) == pytest.approx(4 * bus.energy_pJ(bus.DEFAULT, short))
    assert bus.latency_ns(bus.DEFAULT, long) == pytest.approx(4 * bus.latency_ns(bus.DEFAULT, short))


def test_isaacs_bus_has_its_area() -> None:
    assert price("bus", "tile.bus.width_bits=384").area_um2 == pytest.approx(90000)


@pytest.mark.parametrize("leaves", [1, 4, 16, 64, 256])
def test_ways_and_wires_of_an_htree_drawn_branch_by_branch(leaves: int) -> None:
    hw = hardware(f"tile.pes={leaves}", "tile.bus.length_mm=2.0", "tile.bus.topology=htree")
    way = wires = 0.0
    branches, reach = 1, 2.0 / 2
    for _ in range(int(math.log(leaves, 4) + 0.5)):
        way += reach / 2 + reach / 2  # along, then across, each a quarter of the square that is halved
        wires += branches * reach + 2 * branches * reach
        branches, reach = 4 * branches, reach / 2
    assert htree.way_mm(hw) == pytest.approx(way)
    assert htree.wires_mm(hw) == pytest.approx(wires)


def test_an_htree_is_shorter_than_a_side_and_takes_more_wire() -> None:
    on = ("tile.bus.topology=htree", "tile.pes=16")
    tree, straight = price("bus", *on), price("bus", "tile.pes=16")
    assert tree.energy_pJ == pytest.approx(0.75 * straight.energy_pJ)
    assert tree.area_um2 == pytest.approx(1.5 * 3 * straight.area_um2)
    assert tree.action_ns == straight.action_ns
    assert tree.formula.startswith("H-tree over a square")
    assert htree.latency_ns(htree.DEFAULT, hardware(*on)) == pytest.approx(
        0.75 * bus.latency_ns(bus.DEFAULT, hardware(*on))
    )


def test_isaacs_router_comes_out() -> None:
    """42 mW at 8 ports x 32 bits x 1.2 GHz; 0.151 mm2."""
    sets = ("technology.supply_V=1.0", "network.router.ports=8", "network.router.flit_bits=32")
    cost = price("router", *sets)
    assert cost.energy_pJ * 8 * 32 * 1.2 == pytest.approx(42)
    assert cost.area_um2 == pytest.approx(151000)


def test_ports_move_only_switch_and_arbiter() -> None:
    few, more, most = (price("router", f"network.router.ports={n}").energy_pJ for n in (5, 10, 15))
    assert more - few == pytest.approx(0.22 * few), "15% and 7% of a router of 5 ports"
    assert most - more == pytest.approx(more - few)
    narrow, wide = (price("router", "network.router.ports=5", f"network.router.flit_bits={n}") for n in (32, 64))
    assert wide.energy_pJ == pytest.approx((1 - 0.07 / 2) * narrow.energy_pJ), "one arbitration for twice the bits"


def test_a_link_of_known_length_is_a_repeated_wire() -> None:
    near, far = (price("router", f"network.router.link_mm={mm}").energy_pJ for mm in (1.0, 3.0))
    assert far - near == pytest.approx(2 * wire.energy_pJ_per_mm(wire.DEFAULT, hardware()))
    hw = hardware("network.router.link_mm=3.0")
    wired = router.latency_ns(router.DEFAULT, hw) - router.latency_ns(router.DEFAULT, hardware())
    assert wired == pytest.approx(3 * wire.latency_ns_per_mm(wire.DEFAULT, hw))
    assert router.latency_ns(router.DEFAULT, hardware()) == pytest.approx(5 / hw.clock_GHz)


def test_no_other_topology() -> None:
    with pytest.raises(InputError, match=r"tile\.bus\.topology: must be one of bus, htree; got text 'h-tree'"):
        load_hardware("reram_128", overrides=["tile.bus.topology=h-tree"])
