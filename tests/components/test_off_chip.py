"""Do links and memories off the chip have the energies of their publications?"""

from __future__ import annotations

from typing import get_args

import pytest

from pimsim.components import dram, link, prices
from pimsim.components.price import Price
from pimsim.components.process import View
from pimsim.errors import InputError
from pimsim.hardware.load import load_hardware
from pimsim.hardware.memory import Memory
from pimsim.hardware.tile import Link


def price(component: str, *sets: str) -> Price:
    return prices(load_hardware("reram_128", overrides=sets))[component]


def memory_pJ(kind: str) -> float:
    return price("memory", f"memory.kind={kind}", "memory.energy_pJ=null").energy_pJ


def test_every_kind_that_a_file_may_name_has_a_price_and_a_source() -> None:
    assert set(get_args(Memory.model_fields["kind"].annotation)) == set(dram.KINDS)
    assert set(get_args(Link.model_fields["kind"].annotation)) == set(link.PJ_PER_BIT) == set(link.SOURCE)
    for kind, parameters in dram.KINDS.items():
        assert memory_pJ(kind) == dram.energy_pJ(parameters) > 0
        assert len(parameters.source) > 10


def test_published_energies_a_bit() -> None:
    assert memory_pJ("hbm2") == memory_pJ("hbm") == 3.92
    assert memory_pJ("gddr5") == 14.0
    assert 350 <= 64 * memory_pJ("gddr6") <= 480
    assert 10 < memory_pJ("ddr4") < 20, "of the order of Horowitz' 1.3 nJ for 64 bits"


def test_a_later_generation_takes_less() -> None:
    for older, newer in (("ddr4", "ddr5"), ("lpddr4", "lpddr5"), ("gddr5", "gddr6"), ("hbm2", "hbm3")):
        assert 0.4 * memory_pJ(older) < memory_pJ(newer) < memory_pJ(older)


def test_memory_is_on_other_dies_and_supplies() -> None:
    low, high = (price("memory", f"technology.supply_V={volt}", "technology.price_supply_V=0.9") for volt in (0.6, 0.9))
    assert low == high
    assert high.area_um2 == dram.area_um2() == 0
    assert dram.latency_ns(View(load_hardware("reram_128"))) == load_hardware("reram_128").memory.latency_ns


@pytest.mark.parametrize(("kind", "pJ"), [("board", 5.0), ("package", 1.17), ("interposer", 0.5)])
def test_links_by_what_they_cross(kind: str, pJ: float) -> None:
    cost = price("link", f"chip.link.kind={kind}", "chip.link.bandwidth_GBps=10.0")
    assert cost.energy_pJ == pJ
    assert cost.action_ns == pytest.approx(1 / 80)
    assert cost.leakage_mW == pytest.approx(0.1 * pJ * 80), "a tenth of the full-rate power"


def test_a_link_shrinks_with_the_node() -> None:
    assert price("link", "technology.node_nm=16").area_um2 == pytest.approx(0.5 * price("link").area_um2)


def test_unknown_kinds_are_refused_with_the_ones_there_are() -> None:
    with pytest.raises(InputError, match=r"memory\.kind: must be one of dram, ddr4, .*, nvm; got text 'ddr3'"):
        load_hardware("reram_128", overrides=["memory.kind=ddr3"])
    with pytest.raises(InputError, match=r"chip\.link\.kind: must be one of board, package, interposer; got"):
        load_hardware("reram_128", overrides=["chip.link.kind=optical"])
