"""Do memories follow the laws of their arrays, alone and along the path of a hardware file?"""

from __future__ import annotations

from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pimsim.components import edram, prices, register_file, sram
from pimsim.components.memory_array import larger, root, smaller
from pimsim.components.price import Price
from pimsim.components.process import Process, process
from pimsim.errors import InputError
from pimsim.hardware.load import load_hardware

BUILD = {"sram": sram.sram, "edram": edram.edram, "register_file": register_file.register_file}
KB = 8192.0
FIGURES = ("energy_pJ", "area_um2", "leakage_mW", "latency_ns")


def at(node_nm: float = 32.0, supply_V: float = 0.9, flavour: str = "hp") -> Process:
    tech = SimpleNamespace(node_nm=node_nm, supply_V=supply_V, flavour=flavour, price_supply_V=None)
    return process(SimpleNamespace(technology=tech))


def memory(
    kind: str, capacity_KB: float = 64.0, width: float = 64.0, ports: float = 1.0, banks: float = 1.0, **point: Any
) -> Any:
    flavour = point.get("flavour", "hp")
    return BUILD[kind](at(**point), point.get("node_nm", 32.0), flavour, capacity_KB * KB, width, ports, banks)


def rising(values: list[float]) -> bool:
    return all(b > a for a, b in pairwise(values))


def price(component: str, *settings: str) -> Price:
    return prices(load_hardware("reram_128", overrides=list(settings)))[component]


@pytest.mark.parametrize("kind", BUILD)
@pytest.mark.parametrize("figure", FIGURES)
def test_figures_rise_with_capacity(kind: str, figure: str) -> None:
    assert rising([getattr(memory(kind, 2.0**k), figure) for k in range(14)])


@pytest.mark.parametrize("kind", BUILD)
def test_an_access_takes_more_with_wider_words(kind: str) -> None:
    """From a sixty-fourth of the columns of a row to words wider than the row."""
    energies = [memory(kind, width=width).energy_pJ * width for width in (2.0**k for k in range(4, 13))]
    assert rising(energies)


@pytest.mark.parametrize("kind", ["sram", "edram"])
def test_a_bit_takes_less_in_wider_words_while_the_row_is_driven_anyway(kind: str) -> None:
    assert rising([memory(kind, width=width).energy_pJ for width in (256.0, 128.0, 64.0, 32.0, 16.0)])


@pytest.mark.parametrize("kind", ["sram", "register_file"])
@pytest.mark.parametrize("figure", FIGURES)
def test_figures_rise_with_ports(kind: str, figure: str) -> None:
    assert rising([getattr(memory(kind, ports=ports), figure) for ports in (1.0, 2.0, 3.0, 4.0, 8.0)])


def test_a_port_grows_a_cell_in_both_directions() -> None:
    """By five feature sizes each way (CACTI): the root of the area grows in proportion to the ports."""
    height = root(at().sram_um2 / 1.46)
    for ports in (2.0, 4.0):
        grown = 5.0 * 0.032 * (ports - 1.0)
        assert memory("sram", ports=ports).array.cell_um2 == pytest.approx((height + grown) * (1.46 * height + grown))


@pytest.mark.parametrize("kind", BUILD)
def test_energy_goes_with_the_square_of_the_supply(kind: str) -> None:
    high, low = (memory(kind, supply_V=volt).energy_pJ for volt in (1.0, 0.6))
    assert low / high == pytest.approx(0.36)


@pytest.mark.parametrize("kind", BUILD)
def test_time_grows_faster_than_the_supply_falls(kind: str) -> None:
    times = [float(memory(kind, supply_V=volt).latency_ns) for volt in (0.9, 0.7, 0.5)]
    assert rising(times)
    assert times[2] / times[1] > times[1] / times[0]


def test_banks_shorten_bitlines_and_cost_area() -> None:
    one, four = memory("sram", 64.0), memory("sram", 64.0, banks=4.0)
    assert four.array.bitline_fF < one.array.bitline_fF
    assert four.read_pJ < one.read_pJ
    assert four.area_um2 > one.area_um2


def test_reads_and_writes_of_sram_differ() -> None:
    """A narrow read of a large array drives many columns a little, a wide write few columns fully."""
    narrow, wide = memory("sram", 64.0, 32.0), memory("sram", 64.0, 1024.0)
    assert narrow.read_pJ > narrow.write_pJ
    assert wide.write_pJ > wide.read_pJ
    for kind in ("sram", "register_file"):
        found = memory(kind)
        assert found.energy_pJ == pytest.approx((found.read_pJ + found.write_pJ) / 2)


def test_refresh_restores_every_row_once_in_the_retention_time() -> None:
    found = memory("edram", 64.0, 256.0)
    rows = 64.0 * KB / found.array.columns
    row_pJ = found.restore_fF * 0.81e-3
    assert found.refresh_mW == pytest.approx(rows * row_pJ / 40_000.0)
    assert memory("edram", 128.0, 256.0).refresh_mW > 1.9 * found.refresh_mW


def test_edram_is_denser_and_slower_than_sram() -> None:
    for capacity in (64.0, 1024.0, 8192.0):
        dense, fast = memory("edram", capacity, 256.0), memory("sram", capacity, 256.0)
        assert dense.area_um2 < 0.7 * fast.area_um2
        assert dense.leakage_mW < 0.2 * fast.leakage_mW
    assert memory("edram", 4.0).latency_ns > memory("sram", 4.0).latency_ns


def test_low_power_transistors_leak_less_and_take_longer() -> None:
    fast, slow = memory("sram"), memory("sram", flavour="lp")
    assert slow.leakage_mW < 0.01 * fast.leakage_mW
    assert slow.latency_ns > 2.0 * fast.latency_ns


def test_wires_of_wide_words_widen_small_arrays() -> None:
    """The tree of 1024 bits is wider than 4 KB of cells; a register file's words leave over their own columns."""
    sides = [memory("sram", 4.0, width).array.side_um for width in (512.0, 1024.0)]
    assert sides[1] / sides[0] == pytest.approx(2.0)
    assert memory("register_file", 4.0, 1024.0).area_um2 < 0.5 * memory("sram", 4.0, 1024.0).area_um2


@pytest.mark.parametrize("kind", BUILD)
@given(
    capacity_KB=st.lists(st.floats(0.0625, 1e5), min_size=1, max_size=17),
    width=st.floats(1.0, 4096.0),
    ports=st.floats(1.0, 16.0),
    banks=st.floats(1.0, 64.0),
    node_nm=st.floats(5.0, 130.0),
    supply_V=st.floats(0.4, 1.5),
)
def test_arrays_equal_scalars_bit_for_bit(
    kind: str, capacity_KB: list[float], width: float, ports: float, banks: float, node_nm: float, supply_V: float
) -> None:
    here = at(node_nm, supply_V)
    many = BUILD[kind](
        Process(*(np.full(len(capacity_KB), value) for value in here)), np.full(len(capacity_KB), node_nm), "hp",
        np.array(capacity_KB) * KB, width, ports, banks,
    )  # fmt: skip
    for figure in ("energy_pJ", "area_um2", "leakage_mW"):
        values = np.broadcast_to(getattr(many, figure), len(capacity_KB))
        for value, capacity in zip(values, capacity_KB, strict=True):
            one = BUILD[kind](here, node_nm, "hp", capacity * KB, width, ports, banks)
            assert getattr(one, figure) == value


@given(st.floats(1e-3, 1e9), st.floats(1e-3, 1e9))
def test_larger_and_smaller_are_what_they_say(a: float, b: float) -> None:
    assert larger(a, b) == pytest.approx(max(a, b), rel=1e-12)
    assert smaller(a, b) == pytest.approx(min(a, b), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("kind", ["sram", "edram", "register_file"])
def test_the_kind_of_a_file_is_the_circuit_that_is_priced(kind: str) -> None:
    hardware = load_hardware("reram_128", overrides=[f"tile.buffer.kind={kind}"])
    tech, found = hardware.technology, prices(hardware)["buffer"]
    built = BUILD[kind](process(hardware), tech.node_nm, tech.flavour, 64.0 * KB, 256.0, 1.0, 4.0)
    assert (found.energy_pJ, found.area_um2, found.leakage_mW) == (built.energy_pJ, built.area_um2, built.leakage_mW)
    assert found.formula.startswith({"sram": "6T", "edram": "1T1C", "register_file": "8T"}[kind])


def test_ports_and_width_of_a_file_move_the_price() -> None:
    plain = price("buffer", "tile.buffer.kind=sram")
    wide = price("buffer", "tile.buffer.kind=sram", "tile.buffer.width_bits=512")
    dual = price("buffer", "tile.buffer.kind=sram", "tile.buffer.ports=2")
    assert wide.energy_pJ < plain.energy_pJ
    assert dual.area_um2 > 1.5 * plain.area_um2
    assert dual.action_ns == pytest.approx(plain.action_ns / 2)
    narrow = price("input_register", "pe.input_register.width_bits=16")
    assert narrow.energy_pJ != price("input_register").energy_pJ
    six = price("input_register", "pe.input_register.kind=sram")
    assert six.formula.startswith("6T")


def test_a_register_without_a_width_takes_the_words_of_its_user() -> None:
    """The rows of a crossbar (128 here), a result, what the bus carries; or all it holds."""
    for component, width, setting in (
        ("input_register", 128, "pe.input_register"),
        ("output_register", 32, "pe.output_register"),
        ("tile_register", 384, "tile.output_register"),
    ):
        left_out = price(component)
        assert left_out == price(component, f"{setting}.width_bits={width}")
    tiny = price("input_register", "pe.input_register.size_bytes=8")
    assert tiny == price("input_register", "pe.input_register.size_bytes=8", "pe.input_register.width_bits=64")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            "tile.buffer.ports=2",
            "tile.buffer.ports: an eDRAM cell has one port; got 2: give it banks instead",
        ),
        (
            "tile.buffer.size_KB=0.1",
            "tile.buffer.width_bits: a word of 256 bits does not fit size_KB / banks = 0.1 / 4, 204.8 bits",
        ),
        (
            "pe.input_register={size_bytes: 4, width_bits: 64}",
            "pe.input_register.width_bits: a word of 64 bits does not fit size_bytes = 4, 32 bits",
        ),
    ],
)
def test_impossible_memories_are_refused(setting: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        load_hardware("reram_128", overrides=[setting])
    assert message in str(caught.value)


def test_kinds_that_there_are_not() -> None:
    with pytest.raises(InputError, match="must be one of sram, edram, register_file; got text 'flash'"):
        load_hardware("reram_128", overrides=["tile.buffer.kind=flash"])
