"""Do prices follow the file, and the formulas their parameters? Asked of every registered component."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from pimsim.components import REGISTRY, explain, prices
from pimsim.cost.evaluation import COMPONENTS
from pimsim.errors import InputError
from pimsim.hardware.load import load_hardware
from pimsim.mapping import columns

SHIPPED = ["reram_128", "isaac", "jia2020"]


def as_arrays(value: Any, n: int) -> Any:
    """The same tree with every number as an array of n equal values (integers that count columns stay numbers)."""
    if hasattr(type(value), "model_fields"):
        return SimpleNamespace(**{name: as_arrays(getattr(value, name), n) for name in type(value).model_fields})
    return np.full(n, value) if isinstance(value, float) else value


def test_one_order_of_components() -> None:
    assert tuple(REGISTRY) == COMPONENTS
    numbers = {name: value for name, value in vars(columns).items() if name.startswith("C_")}
    assert [name.removeprefix("C_").lower() for name in sorted(numbers, key=numbers.__getitem__)] == list(COMPONENTS)


@pytest.mark.parametrize("name", SHIPPED)
def test_scalars_and_arrays_run_the_same_lines(name: str) -> None:
    hardware = load_hardware(name)
    one, many = prices(hardware), prices(as_arrays(hardware, 3))
    for component, price in one.items():
        for field in ("energy_pJ", "area_um2", "leakage_mW", "action_ns"):
            values = np.broadcast_to(getattr(many[component], field), 3)
            assert values == pytest.approx(getattr(price, field), rel=1e-12), (component, field)


@pytest.mark.parametrize("component", [c for c in REGISTRY if c != "programming"])
def test_given_figures_stand(component: str) -> None:
    """Energy, area and leakage given in the file come out as they went in, and are said to be given."""
    entry = REGISTRY[component]
    given = {"energy_pJ": 0.125, "area_um2": 17.0, "leakage_mW": 0.5}
    overrides = [f"{entry.section}.{key}={value}" for key, value in given.items()]
    price = prices(load_hardware("reram_128", overrides=overrides))[component]
    assert (price.energy_pJ, price.area_um2, price.leakage_mW) == (0.125, 17.0, 0.5)
    assert price.origins == ("given", "given", "given")


@pytest.mark.parametrize("component", [c for c in REGISTRY if c not in ("programming", "memory")])
def test_calibration_scales_what_is_computed(component: str) -> None:
    section = REGISTRY[component].section
    plain = prices(load_hardware("reram_128"))[component]
    factors = f"{section}.calibration={{energy: 2.0, area: 3.0, leakage: 4.0, comment: measured}}"
    price = prices(load_hardware("reram_128", overrides=[factors]))[component]
    assert price.energy_pJ == pytest.approx(2 * plain.energy_pJ)
    assert price.area_um2 == pytest.approx(3 * plain.area_um2)
    assert price.origins == ("calibrated", "calibrated", "calibrated")


def test_power_becomes_energy_and_back() -> None:
    """power_mW is the busy power: energy x rate gives it back, its static share apart."""
    sets = ["crossbar.adc.power_mW=4.0", "crossbar.adc.static_share=0.25"]
    price = prices(load_hardware("reram_128", overrides=sets))["adc"]
    assert price.energy_pJ / price.action_ns + price.leakage_mW == pytest.approx(4.0)
    assert price.leakage_mW == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("setting", "component", "ratio"),
    [
        ("crossbar.adc.bits=7", "adc", 0.5),
        ("crossbar.cell.read_voltage_V=0.4", "crossbar", 4.0),
        ("tile.bus.length_mm=1.0", "bus", 2.0),
        ("crossbar.cell.write.pulses=17.0", "programming", 2.0),
        ("precision.accumulator_bits=16", "accumulator", 1.0),
        ("precision.accumulator_bits=16", "shift_add", (8 + 16) / (8 + 32)),
    ],
)
def test_parameters_move_the_energy(setting: str, component: str, ratio: float) -> None:
    before = prices(load_hardware("reram_128"))[component].energy_pJ
    after = prices(load_hardware("reram_128", overrides=[setting]))[component].energy_pJ
    assert after == pytest.approx(ratio * before)


def test_a_rows_energy_is_a_latch_and_what_goes_with_its_columns() -> None:
    wide = [load_hardware("reram_128", overrides=[f"crossbar.columns={n}"]) for n in (128, 256, 512)]
    small, double, fourfold = (prices(hardware)["dac"].energy_pJ for hardware in wide)
    assert fourfold - double == pytest.approx(2.0 * (double - small))
    assert 1.5 < double / small < 2.0


def test_units_that_a_tile_lacks_run_on_the_activation_units() -> None:
    price = prices(load_hardware("isaac"))
    assert price["vector"].energy_pJ == price["activation"].energy_pJ
    assert price["vector"].area_um2 == 0.0


def test_explain_names_origin_and_source() -> None:
    rows = explain(load_hardware("isaac"), "adc")
    assert [row["origin"] for row in rows] == ["given"] * 3
    assert all("ISCA 2016, Table 1" in row["source"] for row in rows)
    computed = explain(load_hardware("reram_128"), "adc")
    assert computed[0]["origin"] == "computed"
    assert "215 published converters" in computed[0]["source"]


def test_explain_unknown_component() -> None:
    with pytest.raises(InputError, match=r"no component 'adcs'; components are crossbar, dac, .*did you mean 'adc'\?"):
        explain(load_hardware("isaac"), "adcs")
