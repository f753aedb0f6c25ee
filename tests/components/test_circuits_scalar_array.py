"""Does every circuit's formula give over arrays what it gives point by point? Random points, along the priced path."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pimsim.components import adder_tree, htree, link, router, wire
from pimsim.components.arithmetic import latency_ns
from pimsim.components.process import View
from pimsim.components.registry import REGISTRY
from pimsim.hardware.load import load_hardware

POINTS = 3


def tree(section: Any) -> Any:
    """A hardware description as plain namespaces, so that leaves may be anything."""
    if not hasattr(type(section), "model_fields"):
        return section
    return SimpleNamespace(**{name: tree(getattr(section, name)) for name in type(section).model_fields})


def view(values: dict[str, Any], fixed: dict[str, Any]) -> View:
    hardware = tree(load_hardware("reram_128"))
    for path, value in {**fixed, **values}.items():
        *sections, leaf = path.split(".")
        node = hardware
        for name in sections:
            node = getattr(node, name)
        assert hasattr(node, leaf), path
        setattr(node, leaf, value)
    return View(hardware)


COMMON = {
    "technology.node_nm": st.floats(5, 130),
    "technology.supply_V": st.floats(0.4, 1.5),
    "technology.clock_GHz": st.floats(0.1, 3),
}
BITS, COUNT = st.floats(1, 64), st.floats(1, 64)
CIRCUITS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "shift_add": ("shift_add", {"precision.accumulator_bits": BITS, "pe.shift_add.count": st.integers(0, 64)}, {}),
    "accumulator": ("accumulator", {"tile.accumulator.bits": BITS, "tile.accumulator.inputs": COUNT}, {}),
    "activation": ("activation", {"tile.activation.bits": BITS}, {}),
    "pool": ("pool", {"tile.pool.bits": BITS}, {}),
    "vector": ("vector", {"tile.vector.bits": BITS}, {}),
    "mac": ("mac", {"tile.mac.bits": BITS, "precision.accumulator_bits": BITS}, {}),
    "softmax": ("softmax", {"tile.softmax.bits": BITS}, {"tile.softmax.count": 1}),
    "normalisation": ("normalisation", {"tile.normalisation.bits": BITS}, {"tile.normalisation.count": 1}),
    "bus": ("bus", {"tile.bus.length_mm": st.floats(0.01, 10), "tile.bus.width_bits": COUNT}, {}),
    "htree": (
        "bus",
        {"tile.bus.length_mm": st.floats(0.01, 10), "tile.bus.width_bits": COUNT, "tile.pes": COUNT},
        {"tile.bus.topology": "htree"},
    ),
    "router": ("router", {"network.router.ports": st.floats(2, 16), "network.router.flit_bits": COUNT}, {}),
    "router_link": ("router", {"network.router.ports": COUNT, "network.router.link_mm": st.floats(0.01, 10)}, {}),
    "link": ("link", {"chip.link.bandwidth_GBps": st.floats(0.1, 100)}, {"chip.link.kind": "package"}),
    "memory": ("memory", {"memory.bandwidth_GBps": st.floats(0.1, 1000)}, {"memory.kind": "hbm3"}),
    "programming": (
        "programming",
        {
            "crossbar.cell.write.voltage_V": st.floats(0.5, 4), "crossbar.cell.write.pulse_ns": st.floats(1, 1e4),
            "crossbar.cell.write.success": st.floats(0.01, 0.99), "crossbar.cell.r_on_ohm": st.floats(1e3, 1e6),
        },
        {"crossbar.cell.r_off_ohm": None},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CIRCUITS)
@given(data=st.data())
@settings(max_examples=15)
def test_prices_over_arrays_are_those_of_their_points(case: str, data: st.DataObject) -> None:
    component, own, fixed = CIRCUITS[case]
    drawn = {
        path: data.draw(st.lists(values, min_size=POINTS, max_size=POINTS), label=path)
        for path, values in {**COMMON, **own}.items()
    }
    price = REGISTRY[component].price
    many = price(view({path: np.array(values) for path, values in drawn.items()}, fixed))
    for point in range(POINTS):
        one = price(view({path: values[point] for path, values in drawn.items()}, fixed))
        for field in ("energy_pJ", "area_um2", "leakage_mW", "action_ns"):
            value = np.broadcast_to(getattr(many, field), POINTS)[point]
            assert value == pytest.approx(getattr(one, field), rel=1e-9, abs=1e-300), field
            assert np.isfinite(value)
            assert value >= 0


@pytest.mark.parametrize("component", ["accumulator", "pool", "vector", "mac"])
def test_points_without_units_among_an_array_of_counts(component: str) -> None:
    path, price = f"tile.{component}.count", REGISTRY[component].price
    many = price(view({path: np.array([0, 1, 3])}, {}))
    for point, count in enumerate((0, 1, 3)):
        one = price(view({path: count}, {}))
        for field in ("energy_pJ", "area_um2", "leakage_mW", "action_ns"):
            assert getattr(many, field)[point] == getattr(one, field), (field, count)


@given(data=st.data())
@settings(max_examples=15)
def test_latencies_over_arrays_are_those_of_their_points(data: st.DataObject) -> None:
    paths = {**COMMON, "tile.bus.length_mm": st.floats(0.01, 10), "tile.pes": COUNT}
    paths["network.router.link_mm"] = st.floats(0.01, 10)
    drawn = {path: data.draw(st.lists(v, min_size=POINTS, max_size=POINTS), label=path) for path, v in paths.items()}
    formulas = [
        lambda hw: wire.latency_ns_per_mm(wire.DEFAULT, hw),
        lambda hw: htree.latency_ns(htree.DEFAULT, hw),
        lambda hw: router.latency_ns(router.DEFAULT, hw),
        lambda hw: adder_tree.latency_ns(adder_tree.DEFAULT, hw, hw.tile.pes),
        lambda hw: adder_tree.leakage_mW(hw, hw.tile.pes, 8.0),
        lambda hw: adder_tree.energy_pJ(hw, hw.tile.pes, 8.0),
        link.latency_ns,
        latency_ns,
    ]
    many = view({path: np.array(values) for path, values in drawn.items()}, {})
    for point in range(POINTS):
        one = view({path: values[point] for path, values in drawn.items()}, {})
        for formula in formulas:
            value = np.broadcast_to(formula(many), POINTS)[point]
            assert value == pytest.approx(formula(one), rel=1e-9, abs=1e-12)
