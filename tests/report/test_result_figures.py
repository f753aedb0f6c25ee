"""Are the figures of a result the sums of one matrix, and do the definitions hold?"""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from pimsim.report.result import SCHEMA_VERSION, Result

TOTALS = {
    "energy_pJ", "latency_ns", "throughput_inferences_per_s", "area_um2", "power_W", "macs", "ops", "tops",
    "tops_per_W", "tops_per_mm2", "crossbars", "utilization",
}  # fmt: skip
SUMMED = ("energy_pJ", "energy_dynamic_pJ", "energy_static_pJ", "area_um2")


@pytest.mark.parametrize("count", [0, 1, 5, 200])
@pytest.mark.parametrize("key", SUMMED)
def test_layers_components_and_totals_agree(make_result, count, key):
    result = make_result([f"n{i}" for i in range(count)])
    total = result.totals[key]
    assert math.fsum(row[key] for row in result.layers) == pytest.approx(total, rel=1e-12, abs=0)
    assert math.fsum(row[key] for row in result.components.values()) == pytest.approx(total, rel=1e-12, abs=0)


def test_totals_have_the_agreed_keys_and_definitions(make_result):
    result = make_result()
    figures, schedule = result.totals, result.evaluation.pipeline
    assert set(figures) >= TOTALS
    assert figures["energy_pJ"] == figures["energy_dynamic_pJ"] + figures["energy_static_pJ"]
    assert figures["throughput_inferences_per_s"] == pytest.approx(1e9 / schedule.interval_ns)
    assert figures["power_W"] == pytest.approx(figures["energy_pJ"] * 1e-12 * 1e9 / schedule.interval_ns)
    assert figures["macs"] == sum(layer.macs for layer in result.workload.layers) == 3 * 64 * 64 * 100
    assert figures["ops"] == 2 * figures["macs"] + 3 * 6400
    assert figures["tops"] == pytest.approx(figures["ops"] / (schedule.interval_ns * 1e-9) * 1e-12)
    assert figures["tops_per_W"] == pytest.approx(figures["tops"] / figures["power_W"])
    assert figures["tops_per_mm2"] == pytest.approx(figures["tops"] / (figures["area_um2"] * 1e-6))
    assert figures["utilization"] == pytest.approx(0.75)


def test_layers_end_with_shared_and_idle_and_share_the_latency(make_result):
    rows = make_result().layers
    assert [row["name"] for row in rows] == ["conv1", "conv2", "conv3", "move", "shared", "idle"]
    assert all(row.keys() == rows[0].keys() for row in rows)
    assert sum(row["latency_ns"] for row in rows) == pytest.approx(make_result().totals["latency_ns"], rel=1e-12)


def test_layer_by_layer_is_used_where_it_is_chosen(make_result):
    result = make_result(pipelined=False)
    assert result.totals["latency_ns"] == result.evaluation.layer_by_layer.latency_ns
    assert result.to_dict()["mode"] == "layer_by_layer"
    assert "layer by layer)" in result.to_text()


def test_static_energy_of_each_mode_runs_for_its_own_interval(make_result):
    result = make_result()
    modes, evaluation = result.modes, result.evaluation
    leakage = result.totals["energy_static_pJ"] / evaluation.pipeline.interval_ns
    assert modes["pipeline"]["energy_pJ"] == pytest.approx(result.totals["energy_pJ"])
    assert modes["layer_by_layer"]["energy_static_pJ"] == pytest.approx(
        leakage * evaluation.layer_by_layer.interval_ns
    )


def test_nothing_at_all_is_zeros_not_nan(make_result):
    result = make_result([])
    nothing = replace(
        result.evaluation,
        energy_dynamic_pJ=result.evaluation.energy_dynamic_pJ * 0,
        energy_static_pJ=result.evaluation.energy_static_pJ * 0,
        area_um2=result.evaluation.area_um2 * 0,
    )
    empty = Result(result.workload, result.hardware_info, nothing)
    assert empty.totals["tops_per_W"] == empty.totals["power_W"] == empty.totals["throughput_inferences_per_s"] == 0
    json.loads(empty.to_json(), parse_constant=pytest.fail)
    assert "no matrix product" in empty.to_text()
    assert empty.to_html()
    assert "0 chips" not in empty.to_text()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
@pytest.mark.parametrize("name", ["energy_dynamic_pJ", "energy_static_pJ", "area_um2"])
def test_a_figure_that_cannot_be_is_an_internal_fault(make_result, name, value):
    result = make_result()
    broken = getattr(result.evaluation, name).copy()
    broken[1, 2] = value
    bad = Result(result.workload, result.hardware_info, replace(result.evaluation, **{name: broken}))
    with pytest.raises(RuntimeError, match=f"internal fault: {name} holds a figure"):
        _ = bad.totals
    with pytest.raises(RuntimeError, match="internal fault"):
        _ = bad.layers


def test_a_latency_that_cannot_be_is_an_internal_fault(make_result):
    result = make_result()
    schedule = replace(result.evaluation.pipeline, latency_ns=float("nan"))
    bad = Result(result.workload, result.hardware_info, replace(result.evaluation, pipeline=schedule))
    with pytest.raises(RuntimeError, match="latency_ns came out as nan"):
        _ = bad.totals


def test_json_is_strict_and_complete(make_result):
    result = make_result(warnings=("dac.bits is large",), notes=("branch taken: else",))
    document = json.loads(result.to_json(), parse_constant=pytest.fail)
    assert document == result.to_dict()
    assert document["schema_version"] == SCHEMA_VERSION
    assert document["hardware"]["config"] == {"a": {"b": 1}}
    assert document["notes"] == ["branch taken: else"]
    assert document["warnings"] == ["dac.bits is large"]
    for row in document["layers"]:
        assert sum(row["components"].values()) == pytest.approx(row["energy_pJ"], rel=1e-12, abs=0)
        assert all(row["components"].values())
    assert result.to_json().isascii()


def test_dataframe_and_csv_hold_the_layers(make_result):
    result = make_result()
    frame = result.to_dataframe()
    assert list(frame["name"]) == [row["name"] for row in result.layers]
    parts = [name for name in frame.columns if name.startswith("energy_pJ_")]
    np.testing.assert_allclose(frame[parts].sum(axis=1), frame["energy_pJ"], rtol=1e-12)
    assert result.to_csv().splitlines()[0].split(",") == list(frame.columns)


def test_the_precision_is_said_where_tops_is(make_result):
    line = next(line for line in make_result().to_text().splitlines() if "TOPS/W" in line)
    assert "1 MAC = 2 operations, 8-bit weights x 8-bit inputs" in line


def test_a_span_of_precisions_is_said(make_result):
    result = make_result()
    bits = np.array([4.0, 8.0, 8.0, 0.0])
    mixed = Result(result.workload, result.hardware_info, replace(result.evaluation, weight_bits=bits))
    assert mixed.precision == "4 to 8-bit weights x 8-bit inputs"


def test_rewrites_are_noted(make_result):
    result = make_result()
    spilled = Result(result.workload, result.hardware_info, replace(result.evaluation, contexts=3))
    assert any("rewritten 3 times" in note for note in spilled.notes)


def test_what_each_inference_writes_is_said(make_result):
    result = make_result()
    worn = Result(result.workload, result.hardware_info, replace(result.evaluation, rewrite_endurance_share=1e-6))
    assert "they last 1,000,000 inferences" in worn.to_text()
    assert "they last" not in result.to_text()


def test_repr_is_one_short_line(make_result):
    text = repr(make_result(model="a\nb"))
    assert text.startswith(r"<Result a\nb on reram_128: ")
    assert "\n" not in text
