"""Whole models against counts that pimsim had no part in, and a sweep over the models that ship with onnx."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import builders
import independent_count
import onnx
import pytest
import untidy

from pimsim import InputError, Result, Workload, load_model, simulate

ONNX_DATA = Path(onnx.__file__).parent / "backend/test/data"
LIGHT_MODELS = sorted((ONNX_DATA / "light").glob("light_*.onnx"))
LIGHT_MACS = {  # multiply-adds and weights of these networks as their papers and model zoos give them, to 2%
    "light_resnet50": (4.09e9, 25.5e6), "light_vgg19": (19.6e9, 143.7e6), "light_densenet121": (2.83e9, 7.9e6),
}  # fmt: skip
EXPORTS = [
    pytest.param(name, exporter, marks=pytest.mark.slow if exporter == "dynamo" else ())
    for name in builders.TORCH_MODELS
    for exporter in builders.EXPORTERS
]


def save(model: onnx.ModelProto, folder: Path) -> Path:
    """The model as a file."""
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def runs_soundly(workload: Workload) -> Result:
    """The result on the default hardware: finite, positive, and every sum agrees."""
    result = simulate(workload, "reram_128", compiled=False)
    totals = result.totals
    for key in ("energy_pJ", "latency_ns", "area_um2", "power_W", "throughput_inferences_per_s"):
        assert math.isfinite(totals[key]), key
        assert totals[key] > 0, key
    assert totals["macs"] == workload.macs == sum(layer.macs for layer in workload.layers)
    for key in ("energy_pJ", "area_um2"):
        assert math.isclose(sum(row[key] for row in result.layers), totals[key], rel_tol=1e-12)
        assert math.isclose(sum(c[key] for c in result.components.values()), totals[key], rel_tol=1e-12)
    assert math.isclose(sum(row["latency_ns"] for row in result.layers), totals["latency_ns"], rel_tol=1e-12)
    return result


@pytest.mark.parametrize("name", untidy.CASES)
def test_untidy_form(name: str, tmp_path: Path) -> None:
    case = untidy.CASES[name]()
    workload = load_model(save(case.model, tmp_path), **case.options)
    products = [layer for layer in workload.layers if layer.kind == "mvm"]
    assert (workload.macs, workload.weights) == (case.macs, case.weights)
    assert {layer.weight_bits for layer in products} == case.bits
    if case.input_bits is not None:
        assert {layer.input_bits for layer in products} == case.input_bits
    said = " ".join((*workload.notes, *(layer.note for layer in workload.layers))).lower()
    assert case.says in said


@pytest.mark.parametrize("name", [n for n in untidy.CASES if n != "huge_constant_of_shape_weight"])
def test_untidy_form_runs(name: str, tmp_path: Path) -> None:
    case = untidy.CASES[name]()
    runs_soundly(load_model(save(case.model, tmp_path), **case.options))


def test_there_are_nine_light_models() -> None:
    assert len(LIGHT_MODELS) == 9


@pytest.mark.parametrize("path", LIGHT_MODELS, ids=lambda path: path.stem)
def test_light_model(path: Path) -> None:
    workload = load_model(path)
    assert (workload.macs, workload.weights) == independent_count.count(onnx.load(path))
    if path.stem in LIGHT_MACS:
        assert (workload.macs, workload.weights) == pytest.approx(LIGHT_MACS[path.stem], rel=0.02)
    runs_soundly(workload)


@pytest.mark.parametrize(("name", "exporter"), EXPORTS)
def test_export(name: str, exporter: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    model = builders.torch_export(name, exporter)
    # The bags of these exports are all of one length that only the graph's data says.
    workload = load_model(save(model, tmp_path), trips=4 if "bag" in name else None)
    macs, weights = independent_count.count(model)
    assert (workload.macs, workload.weights) == (macs, weights)
    assert weights == builders.matrix_parameters(name)
    runs_soundly(workload)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["encoder_sdpa", "encoder_sdpa_mask"])
def test_export_with_an_attention_node(name: str, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    model = builders.torch_export(name, "dynamo", 23)
    assert "Attention" in {node.op_type for node in model.graph.node}
    workload = load_model(save(model, tmp_path))
    assert (workload.macs, workload.weights) == independent_count.count(model)
    runs_soundly(workload)


def node_test_models() -> list[tuple[str, onnx.ModelProto]]:
    """The models of onnx's operator tests, made by the package itself."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [(case.name, case.model) for case in collect_testcases(None) if case.model is not None]


def outcome(path: Path) -> str:
    """ "" for a workload, else the text of the error; anything but an InputError fails the test."""
    try:
        workload = load_model(path)
    except InputError as error:
        return str(error)
    assert workload.layers or workload.nodes or workload.notes
    return ""


def main_opset(path: Path) -> int:
    """The version of ai.onnx that the file imports."""
    return max(entry.version for entry in onnx.load(path).opset_import if entry.domain in ("", "ai.onnx"))


def test_models_that_ship_with_onnx() -> None:
    paths = sorted(
        p
        for kind in ("pytorch-converted", "pytorch-operator", "simple")
        for p in ONNX_DATA.glob(f"{kind}/*/model.onnx")
    )
    assert len(paths) > 100
    texts = {path.parent.name: outcome(path) for path in paths}
    refused = {name: text for name, text in texts.items() if text}
    true = ("versions 7 to", "is an operator of training", "1 input dimension is open; bind it")
    unexpected = {name: text for name, text in refused.items() if not any(words in text for words in true)}
    assert not unexpected
    old = {path.parent.name for path in paths if main_opset(path) < 7}
    assert {name for name, text in refused.items() if "versions 7 to" in text} == old
    assert len(refused) - len(old) < 5


@pytest.mark.slow
def test_operator_tests_of_onnx(tmp_path: Path) -> None:
    """Every one a workload or an error that names the node and a way out; few are errors."""
    models = node_test_models()
    assert len(models) > 1000
    refused = {name: text for name, model in models if (text := outcome(save(model, tmp_path)))}
    print(f"{len(models) - len(refused)} of {len(models)} read; refused: {sorted(refused)}")
    for text in refused.values():
        assert "model.onnx" in text
        assert len(text) < 2000
    assert len(refused) < len(models) // 20
