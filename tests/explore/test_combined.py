"""What do several models on one chip cost together?"""

from __future__ import annotations

import numpy as np
import pytest

import pimsim
from pimsim.explore.combined import combine
from pimsim.graph.workload import Kind, Layer, Workload


@pytest.fixture(scope="module")
def second():
    """One layer; the name of the model is that of the other."""
    return Workload("net", (Layer("only", "Gemm", Kind.MVM, groups=1, rows=300, cols=200, vectors=3),))


def test_energies_add_areas_do_not_and_ratios_are_of_sums(workload, second, space) -> None:
    columns = "energy_pJ,latency_ns,area_um2,ops,tops_per_W,power_W,interval_ns,crossbars,adc_energy_pJ,adc_area_um2"
    both = pimsim.sweep([workload, second], space, columns=columns.split(","))
    one, two = (pimsim.sweep(model, space, columns=columns.split(",")) for model in (workload, _renamed(second)))
    for name in ("energy_pJ", "latency_ns", "ops", "interval_ns", "adc_energy_pJ"):
        np.testing.assert_array_equal(both[name], one[name] + two[name])
    for name in ("area_um2", "crossbars", "adc_area_um2"):
        np.testing.assert_array_equal(both[name], np.maximum(one[name], two[name]))
    np.testing.assert_allclose(both["tops_per_W"], both["ops"] / both["energy_pJ"], rtol=1e-15)
    np.testing.assert_allclose(both["power_W"], both["energy_pJ"] / both["interval_ns"] * 1e-3, rtol=1e-14)
    for name in columns.split(","):
        np.testing.assert_array_equal(both[f"net.{name}"], one[name])
        np.testing.assert_array_equal(both[f"net#2.{name}"], two[name])


def _renamed(model: Workload) -> Workload:
    """`only` needs bits of `first` to be set somewhere: the space has a knob for it."""
    first = Layer("first", "Relu", Kind.DIGITAL)
    return Workload(model.name, (*model.layers, first))


def test_a_ratio_is_had_without_what_it_is_made_of(workload, second, space) -> None:
    both = pimsim.sweep([workload, second], space, columns="tops_per_mm2")
    wide = pimsim.sweep([workload, second], space)
    np.testing.assert_array_equal(both["tops_per_mm2"], wide["tops_per_mm2"])
    assert both.columns == ("point", *space.paths, "tops_per_mm2", "net.tops_per_mm2", "net#2.tops_per_mm2", "error")


def test_one_model_that_fails_leaves_no_sum() -> None:
    def figures(energy: list[float], errors: list[str]) -> dict:
        names = ("energy_pJ", "interval_ns", "area_um2", "ops", "utilization", "tops_per_W")
        columns = dict.fromkeys(names, np.array(energy))
        return {**columns, "error": np.array(errors, dtype=object)}

    models = [figures([1.0, np.nan, np.nan], ["", "too small", "x"]), figures([2.0, 2.0, np.nan], ["", "", "y"])]
    found = combine(models, ["a", "b"], ["energy_pJ", "area_um2", "utilization", "tops_per_W"])
    assert found["error"].tolist() == ["", "a: too small", "a: x"]
    np.testing.assert_array_equal(found["energy_pJ"], [3.0, np.nan, np.nan])
    np.testing.assert_array_equal(found["area_um2"], [2.0, np.nan, np.nan])
    np.testing.assert_array_equal(found["utilization"], [1.5, np.nan, np.nan])
    np.testing.assert_array_equal(found["tops_per_W"], [1.0, np.nan, np.nan])
    np.testing.assert_array_equal(found["b.energy_pJ"], [2.0, 2.0, np.nan])


def test_nothing_over_nothing_is_nothing() -> None:
    zeros = {name: np.zeros(1) for name in ("energy_pJ", "interval_ns", "area_um2", "ops")}
    models = [{**zeros, "error": np.array([""], dtype=object)}] * 2
    found = combine(models, ["a", "b"], [])
    assert list(found) == ["error"]
    assert combine(models, ["a", "b"], ["energy_pJ"])["energy_pJ"].tolist() == [0.0]
