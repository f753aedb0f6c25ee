"""Do prices follow the laws of their circuits, along the path that a hardware file takes? (`prices` on loaded files)"""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from pimsim.components import adc_survey, prices, silicon
from pimsim.components.price import Price
from pimsim.components.process import View
from pimsim.cost.macro import macro_figures
from pimsim.hardware import technology
from pimsim.hardware.load import load_hardware
from pimsim.hardware.schema import lossless_adc_bits

NODES = (90, 65, 45, 32, 22, 14, 7)
PLANAR = (90, 65, 45, 32)
DIGITAL = (
    "dac", "shift_add", "input_register", "output_register", "buffer", "bus", "router", "accumulator", "activation",
    "pool", "vector", "mac", "tile_register",
)  # fmt: skip


def price(component: str, **settings: object) -> Price:
    """Price in reram_128 with the given settings (double underscores for dots)."""
    return prices(load_hardware("reram_128", overrides=sets(settings)))[component]


def sets(settings: dict[str, object]) -> list[str]:
    return [f"{name.replace('__', '.')}={value}" for name, value in settings.items()]


def adc(bits: int, rate_GSps: float = 1e-4, **settings: object) -> Price:
    return price("adc", crossbar__adc__bits=bits, crossbar__adc__rate_GSps=rate_GSps, **settings)


@pytest.mark.parametrize("kind", ["sar", "delta_sigma"])
def test_a_bit_doubles_the_conversion_where_technology_limits(kind: str) -> None:
    energies = [adc(bits, crossbar__adc__kind=kind).energy_pJ for bits in range(4, 10)]
    assert [b / a for a, b in pairwise(energies)] == pytest.approx([2.0] * 5)


@pytest.mark.parametrize("kind", ["sar", "delta_sigma"])
def test_a_bit_takes_four_times_where_noise_limits(kind: str) -> None:
    energies = [adc(bits, crossbar__adc__kind=kind).energy_pJ for bits in range(12, 17)]
    assert [b / a for a, b in pairwise(energies)] == pytest.approx([4.0] * 4)


def test_noise_does_not_shrink_with_the_process() -> None:
    coarse, fine = (adc(14, technology__node_nm=node).energy_pJ for node in (65, 22))
    assert fine == pytest.approx(coarse)
    coarse, fine = (adc(6, technology__node_nm=node).energy_pJ for node in (65, 22))
    assert fine == pytest.approx(coarse * 22 / 65)


def test_flat_in_rate_up_to_the_corner_and_rising_past_it() -> None:
    corner = adc_survey.corner_GSps(32.0)
    slow = [adc(8, corner * share).energy_pJ for share in (0.001, 0.1, 0.99)]
    assert slow == pytest.approx([slow[0]] * 3)
    fast = [adc(8, corner * share).energy_pJ for share in (1.01, 2.0, 4.0, 8.0)]
    assert all(b > 1.1 * a for a, b in pairwise(fast))
    assert fast[3] / fast[2] == pytest.approx(2.0**adc_survey.MACRO_RATE_EXPONENT)


@pytest.mark.parametrize("component", DIGITAL)
def test_digital_energy_goes_with_the_square_of_the_supply(component: str) -> None:
    high, low = (price(component, technology__supply_V=volt).energy_pJ for volt in (1.0, 0.6))
    assert high > 0
    assert low / high == pytest.approx(0.36)


def read_pJ(volt: float = 0.2, ohm: float = 50000, pulse_ns: float = 10) -> float:
    return price(
        "crossbar", crossbar__cell__read_voltage_V=volt, crossbar__cell__r_on_ohm=ohm,
        crossbar__cell__r_off_ohm=10 * ohm, crossbar__cell__read_pulse_ns=pulse_ns,
    ).energy_pJ  # fmt: skip


def test_a_resistive_read_takes_v2_g_t() -> None:
    """Half of 128 x 128 cells driven, at the mean of 20 and 2 uS; what does not grow with t charges the columns.
    All of it times what measured macros take over the bare circuit."""
    ohmic = 0.5 * 128 * 128 * 0.2**2 * 11e-6 * 10 * 1e3 * silicon.energy("array, resistive")
    assert read_pJ(pulse_ns=20) - read_pJ() == pytest.approx(ohmic)
    assert read_pJ(ohm=25000) - read_pJ() == pytest.approx(ohmic)
    assert read_pJ() - ohmic < 0.05 * ohmic, "columns of 128 cells charge for little"
    assert read_pJ(volt=0.4) == pytest.approx(4 * read_pJ())


def slope(component: str, nodes: tuple[int, ...] = NODES, **settings: object) -> float:
    """Exponent of the node in the area: a least-squares power law over `nodes`."""
    areas = [price(component, technology__node_nm=node, **settings).area_um2 for node in nodes]
    return float(np.polyfit(np.log(nodes), np.log(areas), 1)[0])


@pytest.mark.parametrize("component", ["shift_add", "accumulator", "mac", "activation"])
def test_logic_area_goes_with_the_tables_law(component: str) -> None:
    """Published gates shrink a little less than the square of the node's name: node^1.75 in planar processes, less from
    28 nm on, where names outrun pitches."""
    for node in NODES:
        ratio = price(component, technology__node_nm=node).area_um2 / price(component).area_um2
        assert ratio == pytest.approx(technology.area_factor("logic", node, 32.0))
    assert slope(component, PLANAR) == pytest.approx(1.75, abs=0.1)
    assert 1.5 < slope(component) < 2.0


@pytest.mark.parametrize("component", ["input_register", "output_register", "buffer"])
def test_sram_area_goes_nearly_with_the_square_of_the_node(component: str) -> None:
    settings = {"tile__buffer__kind": "sram"} if component == "buffer" else {}
    assert slope(component, PLANAR, **settings) == pytest.approx(1.8, abs=0.2)
    assert 1.3 < slope(component, **settings) < 2.0


def test_cell_area_goes_with_the_square_of_the_node() -> None:
    """Written at logic voltage: without level shifters, which go with logic."""
    assert slope("crossbar", crossbar__cell__write__voltage_V=1.0) == pytest.approx(2.0)


def test_converter_area_goes_with_the_fitted_exponents() -> None:
    """Node directly, and through the energy of a conversion, which goes with the node below corner and noise."""
    settings = {"crossbar__adc__bits": 6, "crossbar__adc__rate_GSps": 1e-4}
    fitted = adc_survey.AREA_NODE_EXPONENT + adc_survey.AREA_ENERGY_EXPONENT
    assert slope("adc", **settings) == pytest.approx(fitted, abs=1e-6)
    fast, slow = (adc(6, rate).area_um2 for rate in (2e-4, 1e-4))
    assert fast / slow == pytest.approx(2.0**adc_survey.AREA_RATE_EXPONENT)


@pytest.mark.parametrize(("node", "flavour"), [(65, "lp"), (32, "hp"), (22, "lp"), (14, "hp"), (7, "hp")])
def test_frequency_falls_faster_than_the_supply_near_threshold(node: int, flavour: str) -> None:
    nominal = float(technology.nominal_supply_V(node, flavour))
    threshold = float(technology.threshold_V(node, flavour))
    supplies = np.linspace(threshold - 0.05, nominal, 12)
    clocks = []
    for volt in supplies:
        settings = {
            "technology.node_nm": node, "technology.flavour": flavour, "technology.supply_V": volt,
            "technology.price_supply_V": nominal, "technology.clock_GHz": 1.0,
        }  # fmt: skip
        hardware = load_hardware("reram_128", overrides=sets(settings))
        clocks.append(float(View(hardware).clock_GHz))
        assert prices(hardware)["accumulator"].action_ns == pytest.approx(1.0 / clocks[-1])
    assert clocks[-1] == pytest.approx(1.0)
    steepness = np.diff(np.log(clocks)) / np.diff(np.log(supplies))
    assert np.all(np.diff(steepness) < 0), "steeper towards threshold"
    at_threshold = steepness[supplies[1:] < threshold + 0.1]
    assert np.all(at_threshold > 2.0)


def tops_per_W(rows: int, bits: int) -> float:
    settings = {
        "crossbar.rows": rows, "crossbar.columns": rows, "crossbar.adc.bits": bits,
        "crossbar.cell.write.cells_at_once": 1,
    }  # fmt: skip
    return macro_figures(load_hardware("reram_128", overrides=sets(settings))).tops_per_W


def test_larger_arrays_amortise_converters_until_their_bits_take_over() -> None:
    """Every column sum told apart (lossless): a doubling adds a bit; twice the energy for twice the work, until noise
    makes a bit cost four times."""
    sizes = [2**k for k in range(5, 12)]
    efficiency = [tops_per_W(n, lossless_adc_bits(n, 2, 1)) for n in sizes]
    best = efficiency.index(max(efficiency))
    assert 0 < best < len(sizes) - 1
    assert sizes[best] in (256, 512)
    assert all(b > a for a, b in pairwise(efficiency[: best + 1]))
    assert all(b < a for a, b in pairwise(efficiency[best:]))
    assert efficiency[best] > 1.2 * efficiency[0]
    assert efficiency[best] > 2.0 * efficiency[-1]


def test_fewer_bits_move_the_optimum_to_larger_arrays() -> None:
    sizes = [2**k for k in range(5, 15)]
    lossless = [tops_per_W(n, lossless_adc_bits(n, 2, 1)) for n in sizes]
    clipped = [tops_per_W(n, round(math.log2(n))) for n in sizes]
    assert all(c > full for c, full in zip(clipped, lossless, strict=True))
    assert lossless.index(max(lossless)) < clipped.index(max(clipped)) < len(sizes) - 1
