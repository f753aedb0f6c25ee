"""Do a model's weights and real inputs reach the energy, in proportion and nowhere else?"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import pimsim
from pimsim.cli.main import main
from pimsim.cost.evaluator import run_kernels
from pimsim.errors import InputError
from pimsim.functional.operands import STATEMENT, Densities, with_densities, with_operands
from pimsim.graph.workload import Kind, Workload
from pimsim.mapping import columns as c
from pimsim.mapping.columns import pack
from pimsim.mapping.point import point_row

RNG = np.random.default_rng(3)
W1, W2 = RNG.standard_normal((64, 32)).astype(np.float32), RNG.standard_normal((32, 8)).astype(np.float32)
DIGITAL = ("buffer", "bus", "vector", "shift_add", "accumulator", "router", "input_register", "output_register")


def value(name: str, shape: Any, kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def two_layers(path: Path, w1: np.ndarray = W1, batch: Any = "N", relu: str = "Relu") -> str:
    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["a"], "first"),
        helper.make_node(relu, ["a"], ["b"], "relu"),
        helper.make_node("MatMul", ["b", "w2"], ["y"], "second"),
    ]
    weights = [numpy_helper.from_array(w1, "w1"), numpy_helper.from_array(W2, "w2")]
    graph = helper.make_graph(nodes, "g", [value("x", [batch, 64])], [value("y", [batch, 8])], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return str(path)


@pytest.fixture
def source(tmp_path: Path) -> str:
    return two_layers(tmp_path / "m.onnx")


def arrays(path: Path, **named: np.ndarray) -> str:
    np.savez(path, **named)
    return str(path)


def layer(workload: Workload, name: str) -> Any:
    return next(layer for layer in workload.layers if layer.name == name)


def statement(notes: tuple[str, ...]) -> str:
    (text,) = [note for note in notes if note.startswith(STATEMENT)]
    return text


def dynamic_pJ(result: Any, component: str) -> float:
    energy: float = result.to_dict()["components"][component]["energy_dynamic_pJ"]
    return energy


def run(source: str, inputs: str | None = None, sets: tuple[str, ...] = (), **options: Any) -> Any:
    model = pimsim.load_model(source, batch=1)
    hardware = pimsim.load_hardware("reram_128", overrides=list(sets))
    return pimsim.simulate(model, hardware, inputs=inputs, **options)


def test_weights_of_the_model_set_densities(source: str) -> None:
    result = run(source)
    codes = np.rint(W1 / np.abs(W1).max() * 127).astype(int)
    levels = [int(format(abs(code), "08b")[i : i + 2], 2) / 3 for code in codes.ravel() for i in (0, 2, 4, 6)]
    assert layer(result.workload, "first").weight_density == pytest.approx(np.mean(levels) / 2, rel=1e-12)
    assert statement(result.notes) == STATEMENT + "weights of the model (2 of 2 layers), inputs by default (0.5)"
    plain = run(source, operands="default")
    assert layer(plain.workload, "first").weight_density is None
    assert statement(plain.notes) == STATEMENT + "weights by default (0.5), inputs by default (0.5)"
    assert dynamic_pJ(result, "crossbar") < dynamic_pJ(plain, "crossbar")
    for component in ("dac", "adc", *DIGITAL):
        assert dynamic_pJ(result, component) == dynamic_pJ(plain, component)


def test_zero_inputs_drive_no_row(source: str, tmp_path: Path) -> None:
    inputs = arrays(tmp_path / "zero.npz", x=np.zeros((4, 64), np.float32))
    result = run(source, inputs)
    assert [layer(result.workload, name).input_density for name in ("first", "second")] == [0.0, 0.0]
    assert dynamic_pJ(result, "crossbar") == dynamic_pJ(result, "dac") == 0.0
    plain = run(source)
    for component in ("adc", *DIGITAL):
        assert dynamic_pJ(result, component) == dynamic_pJ(plain, component)


def test_sparsity_halves_what_the_first_layer_drives(source: str, tmp_path: Path) -> None:
    dense = RNG.uniform(0.0, 1.0, (8, 64)).astype(np.float32)
    sparse = np.concatenate([dense, np.zeros_like(dense)])
    full = run(source, arrays(tmp_path / "full.npz", x=dense))
    half = run(source, arrays(tmp_path / "half.npz", x=sparse))
    densities = [layer(result.workload, "first").input_density for result in (full, half)]
    assert densities[1] == pytest.approx(densities[0] / 2, rel=1e-12)
    point = point_row(pimsim.load_hardware("reram_128"))
    packed = [pack(result.workload) for result in (full, half)]
    counts = [run_kernels(each, [point], compile_kernels=False).counts[0, 0] for each in packed]
    for column in (c.C_DAC, c.C_CROSSBAR):
        assert counts[1][column] == pytest.approx(counts[0][column] / 2, rel=1e-12)
    assert counts[1][c.C_ADC] == counts[0][c.C_ADC]
    text = statement(half.notes)
    assert text.endswith("half.npz (16 samples; 2 of 2 layers)")


def test_zeros_behind_a_relu_count(source: str, tmp_path: Path) -> None:
    """About half of the second layer's inputs are zero; without the Relu none is."""
    inputs = arrays(tmp_path / "in.npz", x=RNG.standard_normal((64, 64)).astype(np.float32))
    behind = layer(run(source, inputs).workload, "second").input_density
    magnitude = two_layers(tmp_path / "abs.onnx", relu="Abs")
    before = layer(run(magnitude, inputs).workload, "second").input_density
    assert behind == pytest.approx(before / 2, rel=0.1)


def test_a_converter_that_follows_the_sum_moves(source: str, tmp_path: Path) -> None:
    inputs = arrays(tmp_path / "zero.npz", x=np.zeros((1, 64), np.float32))
    sets = ("crossbar.adc.data_share=0.4",)
    full = run(source, sets=sets, operands="default")
    none = run(source, inputs, sets=sets)
    assert dynamic_pJ(none, "adc") == pytest.approx(0.6 * dynamic_pJ(full, "adc"), rel=1e-12)


def test_narrower_weights_are_requantised(source: str) -> None:
    wide, narrow = run(source), run(source, weight_bits=2)
    by_pattern = run(source, layer_bits={"first": {"weight_bits": 2}})
    assert layer(wide.workload, "first").weight_density != layer(narrow.workload, "first").weight_density
    assert layer(by_pattern.workload, "first").weight_density == layer(narrow.workload, "first").weight_density
    assert layer(by_pattern.workload, "second").weight_density == layer(wide.workload, "second").weight_density


def test_what_is_set_stays(source: str) -> None:
    model = pimsim.load_model(source, batch=1)
    own = replace(model, layers=(replace(model.layers[0], weight_density=0.9), *model.layers[1:]))
    measured = with_operands(own, "reram_128")
    assert layer(measured, "first").weight_density == 0.9
    assert layer(measured, "second").weight_density is not None
    assert with_operands(measured, "isaac") is measured
    assert pimsim.simulate(measured, "reram_128").workload is measured


def test_a_model_is_measured_once_for_each_encoding(source: str) -> None:
    model = pimsim.load_model(source, batch=1)
    first = with_operands(model, "reram_128")
    assert with_operands(model, "reram_128") is first
    offset = with_operands(model, pimsim.load_hardware("reram_128", overrides=["crossbar.signed=offset"]))
    assert layer(offset, "first").weight_density != layer(first, "first").weight_density
    Path(source).unlink()  # the sample is kept, the file not asked again
    assert with_operands(model, "isaac").layers != model.layers


def test_weights_that_the_file_computes_keep_the_default(tmp_path: Path) -> None:
    shape = numpy_helper.from_array(np.array([64, 8]), "shape")
    nodes = [
        helper.make_node("ConstantOfShape", ["shape"], ["w"]),
        helper.make_node("MatMul", ["x", "w"], ["y"], "first"),
    ]
    graph = helper.make_graph(nodes, "g", [value("x", [1, 64])], [value("y", [1, 8])], [shape])
    onnx.save(helper.make_model(graph), tmp_path / "m.onnx")
    result = pimsim.simulate(tmp_path / "m.onnx", "reram_128")
    assert layer(result.workload, "first").weight_density is None
    assert statement(result.notes) == STATEMENT + "weights by default (0.5), inputs by default (0.5)"


def test_weights_that_the_model_quantises(tmp_path: Path) -> None:
    """int8 behind DequantizeLinear: as stored. Floats behind QuantizeLinear: their own scale."""
    stored = RNG.integers(-127, 128, (64, 8)).astype(np.int8)
    scale = numpy_helper.from_array(np.float32(0.1), "scale")
    zero = numpy_helper.from_array(np.int8(0), "zero")
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "scale", "zero"], ["w"]),
        helper.make_node("MatMul", ["x", "w"], ["y"], "first"),
    ]
    tensors = [numpy_helper.from_array(stored, "q"), scale, zero]
    graph = helper.make_graph(nodes, "g", [value("x", [1, 64])], [value("y", [1, 8])], tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), tmp_path / "m.onnx")
    hardware = pimsim.load_hardware("reram_128", overrides=["crossbar.signed=twos_complement", "crossbar.cell.bits=1"])
    result = pimsim.simulate(tmp_path / "m.onnx", hardware, weight_bits=4)
    ones = np.unpackbits(stored.view(np.uint8)).mean()
    assert layer(result.workload, "first").weight_density == pytest.approx(ones, rel=1e-12)


def test_products_of_activations_take_both_operands(tmp_path: Path) -> None:
    nodes = [helper.make_node("MatMul", ["a", "b"], ["y"], "product")]
    graph = helper.make_graph(nodes, "g", [value("a", ["N", 4, 8]), value("b", ["N", 8, 4])], [value("y", None)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "m.onnx")
    inputs = arrays(tmp_path / "in.npz", a=np.zeros((2, 4, 8), np.float32), b=np.ones((2, 8, 4), np.float32))
    found = layer(run(str(tmp_path / "m.onnx"), inputs).workload, "product")
    assert (found.input_density, found.weight_density) == (
        0.0,
        pytest.approx((3 + 3 + 3 + 1) / 12 / 2),
    )  # 127 in 2-bit cells


def test_a_recurrent_matrix_is_driven_by_the_states(tmp_path: Path) -> None:
    weights = {"w": (1, 32, 4), "r": (1, 32, 8)}
    tensors = [numpy_helper.from_array(RNG.standard_normal(s).astype(np.float32), n) for n, s in weights.items()]
    nodes = [helper.make_node("LSTM", ["x", "w", "r"], ["y"], "lstm", hidden_size=8)]
    graph = helper.make_graph(nodes, "g", [value("x", [5, 1, 4])], [value("y", None)], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "m.onnx")
    loaded = pimsim.load_model(tmp_path / "m.onnx")
    assert [x.driven for x in loaded.layers if x.kind == Kind.MVM] == ["x", "y"]
    inputs = arrays(tmp_path / "in.npz", x=np.zeros((5, 1, 4), np.float32))
    found = with_operands(loaded, "reram_128", inputs=inputs)
    assert [x.input_density for x in found.layers if x.kind == Kind.MVM] == [0.0, 0.0]


def test_a_graph_without_products_says_nothing(tmp_path: Path) -> None:
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [value("x", [4])], [value("y", [4])])
    onnx.save(helper.make_model(graph), tmp_path / "m.onnx")
    result = pimsim.simulate(tmp_path / "m.onnx", "reram_128")
    assert not [note for note in result.notes if note.startswith(STATEMENT)]


def test_unknown_word() -> None:
    with pytest.raises(InputError, match="operands must be one of default, model; got 'modle'"):
        with_operands(Workload("w", ()), "reram_128", operands="modle")


def test_densities_by_hand(source: str) -> None:
    model = pimsim.load_model(source, batch=1)
    same = with_densities(model, {}, "nothing measured")
    assert same.notes[-1] == "nothing measured"
    assert same.layers == model.layers
    assert same.cache is model.cache  # what was derived from the layers holds
    found = with_densities(model, {"second": Densities(0.1, 0.2)}, "by hand")
    assert (layer(found, "second").input_density, layer(found, "second").weight_density) == (0.1, 0.2)
    assert layer(found, "first") == layer(model, "first")
    assert found.cache is not model.cache


def test_command_line(source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    inputs = arrays(tmp_path / "in.npz", x=np.zeros((4, 64), np.float32))
    common = ["run", "--hw", "reram_128", "--model", source, "--batch", "1", "--format", "json"]
    assert main([*common, "--inputs", inputs]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["components"]["crossbar"]["energy_dynamic_pJ"] == 0.0
    assert any("4 samples; 2 of 2 layers" in note for note in answer["notes"])
    assert main([*common, "--operands", "default"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert any(note == STATEMENT + "weights by default (0.5), inputs by default (0.5)" for note in answer["notes"])
    assert main([*common, "--inputs", str(tmp_path / "absent.npz")]) == 2
    assert "absent.npz: no such file" in capsys.readouterr().err


def test_directly_made_workloads_need_no_onnx() -> None:
    code = (
        "import sys, pimsim; from pimsim import Layer, Kind, Workload\n"
        "layer = Layer('fc', 'Gemm', Kind.MVM, groups=1, rows=8, cols=8, vectors=1, weight_key='w')\n"
        "pimsim.simulate(Workload('w', (layer,)), 'reram_128', compiled=False)\n"
        "print([name for name in ('onnx', 'onnxruntime', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
