"""Does every file that is not a sound ONNX model end in one clear line, and every untidy but sound one in a graph?"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, external_data_helper, helper, numpy_helper

from pimsim.errors import InputError
from pimsim.graph.model_file import load_model
from pimsim.graph.outline import without_raw_data
from pimsim.graph.reader import read_graph

FLOAT = TensorProto.FLOAT


def value(name, shape, kind=FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def model(nodes, inputs, outputs, initializers=(), opset=17, **more):
    graph = helper.make_graph(list(nodes), "g", list(inputs), list(outputs), list(initializers))
    imports = more.pop("opset_imports", [helper.make_opsetid("", opset)])
    return helper.make_model(graph, opset_imports=imports, **more)


def linear(rows=4, cols=3):
    weight = numpy_helper.from_array(np.zeros((rows, cols), np.float32), "w")
    return model([helper.make_node("MatMul", ["x", "w"], ["y"], "mm")], [value("x", ["N", rows])],
                 [value("y", ["N", cols])], [weight])  # fmt: skip


def message(*args, **kwargs) -> str:
    with pytest.raises(InputError) as caught:
        read_graph(*args, **kwargs)
    assert all(line.isprintable() for line in caught.value.problems)
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git LFS pointer"),
        (b"hello, this is text\n", "is text ('hello, this is text')"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\xff\xff\xff", "is not an ONNX model"),
        (b"PK\x03\x04abcdef\x00", "zip archive"),
        (b"\x1c\x00\x00\x00TFL3\x00\x00", "TensorFlow Lite"),
    ],
)
def test_files_that_are_no_models(tmp_path: Path, content: bytes, expected: str):
    path = tmp_path / "m.onnx"
    path.write_bytes(content)
    text = message(path)
    assert text.startswith(f"{path}: ")
    assert expected in text
    assert "\n" not in text


def test_truncated_file(tmp_path: Path):
    path = tmp_path / "m.onnx"
    path.write_bytes(linear(64, 64).SerializeToString()[:5000])
    assert "truncated" in message(path)


def test_missing_file_names_the_nearest(tmp_path: Path):
    (tmp_path / "resnet50.onnx").write_bytes(b"x")
    assert "no such file; did you mean 'resnet50.onnx'?" in message(tmp_path / "resnet5.onnx")
    assert "does not exist either" in message(tmp_path / "nowhere" / "m.onnx")


def test_folder_is_no_model(tmp_path: Path):
    assert "is a folder" in message(tmp_path)


def test_parsed_model_stays_as_it_is():
    proto = linear(128, 128)
    before = proto.SerializeToString()
    graph = read_graph(proto, batch=2)
    assert proto.SerializeToString() == before
    assert graph.nodes[0].inputs[1].shape == (128, 128)


@pytest.mark.parametrize(("opset", "expected"), [(6, "uses opset 6"), (999, "uses opset 999")])
def test_opsets_outside_the_known_range(opset: int, expected: str):
    proto = linear()
    proto.opset_import[0].version = opset
    text = message(proto, batch=1)
    assert expected in text
    assert "versions 7 to" in text


@pytest.mark.parametrize("opset", [7, 13, onnx.defs.onnx_opset_version()])
def test_opsets_inside_the_known_range(opset: int):
    proto = linear()
    proto.opset_import[0].version = opset
    assert read_graph(proto, batch=5).outputs[0].shape == (5, 3)


def test_newer_ir_version():
    proto = linear()
    proto.ir_version = 999
    assert "has IR version 999" in message(proto, batch=1)


def test_nodes_out_of_order_are_sorted_stably():
    nodes = [
        helper.make_node("Relu", ["b"], ["y"], "third"),
        helper.make_node("Relu", ["a"], ["b"], "second"),
        helper.make_node("Relu", ["x"], ["a"], "first"),
    ]
    graph = read_graph(model(nodes, [value("x", [2])], [value("y", [2])]))
    assert [node.name for node in graph.nodes] == ["first", "second", "third"]


def test_cycle_names_the_nodes_on_it():
    nodes = [
        helper.make_node("Add", ["x", "b"], ["a"], "left"),
        helper.make_node("Relu", ["a"], ["b"], "right"),
        helper.make_node("Relu", ["b"], ["y"], "innocent"),
    ]
    text = message(model(nodes, [value("x", [2])], [value("y", [2])]))
    assert "cycle" in text
    assert "'left'" in text
    assert "'right'" in text
    assert "innocent" not in text


def test_value_produced_twice_and_by_nobody():
    twice = [helper.make_node("Relu", ["x"], ["y"], "one"), helper.make_node("Abs", ["x"], ["y"], "two")]
    assert "value 'y' is produced twice" in message(model(twice, [value("x", [2])], [value("y", [2])]))
    nobody = [helper.make_node("Add", ["x", "bias_1"], ["y"], "sum")]
    text = message(model(nobody, [value("x", [2]), value("bias", [2])], [value("y", [2])]))
    assert "value 'bias_1' is read by node 0 'sum' (Add) but nothing produces it; did you mean 'bias'" in text


def test_domain_spelt_out_and_imported_twice():
    node = helper.make_node("Relu", ["x"], ["y"], domain="ai.onnx")
    imports = [helper.make_opsetid("ai.onnx", 13), helper.make_opsetid("", 17)]
    graph = read_graph(model([node], [value("x", [2])], [value("y", [2])], opset_imports=imports))
    assert graph.nodes[0].op == "Relu"
    assert graph.opset == 17
    assert any("imported with versions 13 and 17" in note for note in graph.notes)


def test_custom_domain_without_import_passes():
    node = helper.make_node("Frob", ["x"], ["y"], domain="my.ops")
    graph = read_graph(model([node], [value("x", [2])], [value("y", [3, 2])]))
    assert graph.nodes[0].op == "my.ops.Frob"
    assert graph.outputs[0].shape == (3, 2)  # what the file declares, where nothing else is known


def test_operator_unknown_to_its_opset_passes_to_the_lowering():
    nodes = [helper.make_node("GivenTensorFill", ["x"], ["a"]), helper.make_node("Relu", ["a"], ["y"])]
    graph = read_graph(model(nodes, [value("x", [2])], [value("y", None)]))
    assert [node.op for node in graph.nodes] == ["GivenTensorFill", "Relu"]
    assert graph.nodes[0].outputs[0].shape is None


def test_initializers_that_are_inputs_and_old_ir():
    weight = numpy_helper.from_array(np.zeros((4, 3), np.float32), "w")
    proto = model([helper.make_node("MatMul", ["x", "w"], ["y"])], [value("x", [2, 4]), value("w", ["a", "b"])],
                  [value("y", [2, 3])], [weight], opset=8)  # fmt: skip
    proto.ir_version = 3
    graph = read_graph(proto)
    assert [tensor.name for tensor in graph.inputs] == ["x"]
    assert graph.nodes[0].inputs[1].constant is not None


def test_missing_and_repeated_node_names_become_unique():
    nodes = [helper.make_node("Relu", ["x"], ["a"], "n"), helper.make_node("Relu", ["a"], ["b"], "n"),
             helper.make_node("Relu", ["b"], ["y"])]  # fmt: skip
    names = [node.name for node in read_graph(model(nodes, [value("x", [2])], [value("y", [2])])).nodes]
    assert names == ["n", "n_2", "Relu_2"]


def test_checker_failure_is_one_line():
    node = helper.make_node("Conv", ["x"], ["y"], "c")
    text = message(model([node], [value("x", [1, 3, 8, 8])], [value("y", None)]))
    assert "the onnx checker refuses the model" in text
    assert "\n" not in text


def test_contradicting_output_shape_gives_way_to_inference():
    graph = read_graph(model([helper.make_node("Relu", ["x"], ["y"])], [value("x", [2])], [value("y", [5])]))
    assert graph.outputs[0].shape == (2,)


def external(tmp_path: Path, location: str, name="w", shape=(64, 128), write=False) -> onnx.ModelProto:
    proto = linear(*shape)
    tensor = proto.graph.initializer[0]
    external_data_helper.set_external_data(tensor, location)
    data = tensor.raw_data
    tensor.ClearField("raw_data")
    if write:
        (tmp_path / location).write_bytes(data)
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString())
    return proto


def test_absent_external_data_is_a_note(tmp_path: Path):
    external(tmp_path, "weights.bin")
    graph = read_graph(tmp_path / "m.onnx", batch=1)
    assert graph.outputs[0].shape == (1, 128)
    assert "external data of 1 tensors not present (shapes suffice for cost)" in graph.notes


def test_present_external_data(tmp_path: Path):
    external(tmp_path, "weights.bin", write=True)
    graph = read_graph(tmp_path / "m.onnx", batch=1)
    assert graph.notes == ()
    assert graph.nodes[0].inputs[1].constant.values is None


def test_small_external_tensor_used_by_shape_arithmetic(tmp_path: Path):
    shape = numpy_helper.from_array(np.array([2, 6], np.int64), "s")
    external_data_helper.set_external_data(shape, "s.bin")
    (tmp_path / "s.bin").write_bytes(shape.raw_data)
    shape.ClearField("raw_data")
    proto = model([helper.make_node("Reshape", ["x", "s"], ["y"])], [value("x", [3, 4])], [value("y", None)], [shape])
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString())
    assert read_graph(tmp_path / "m.onnx").outputs[0].shape == (2, 6)


@pytest.mark.parametrize("location", ["../secret.bin", "/etc/passwd", "a/../../b", "..\\b", "C:\\b", ""])
def test_external_data_outside_the_folder_is_refused(tmp_path: Path, location: str):
    external(tmp_path, location)
    text = message(tmp_path / "m.onnx", batch=1)
    assert "tensor 'w'" in text
    assert "is refused" in text


@pytest.mark.parametrize("link", [os.symlink, os.link])
def test_links_to_other_files_are_refused(tmp_path: Path, link):
    inner = tmp_path / "model"
    inner.mkdir()
    (tmp_path / "secret.bin").write_bytes(b"\0" * 64 * 128 * 4)
    link(tmp_path / "secret.bin", inner / "weights.bin")
    external(inner, "weights.bin")
    text = message(inner / "m.onnx", batch=1)
    assert "'weights.bin' is refused by the onnx loader" in text


@pytest.mark.parametrize("name", [b"node", b"xxxx", b"yyyy", b"NNNN", b"Relu"])
def test_names_that_are_not_text(tmp_path: Path, name: bytes):
    relu = helper.make_node("Relu", ["xxxx"], ["yyyy"], "node")
    proto = model([relu], [value("xxxx", ["NNNN"])], [value("yyyy", [1])])
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString().replace(name, b"\xff\xfe\xfd\xfc"))
    assert "has a name that is not UTF-8 text" in message(tmp_path / "m.onnx", batch=1)


def test_names_with_control_characters_are_escaped():
    node = helper.make_node("Add", ["x", "\x1b[31m[/x]<script>"], ["y"], "a\nb")
    text = message(model([node], [value("x", [2])], [value("y", [2])]))
    assert "\\x1b[31m" in text


def test_weights_of_a_large_file_are_stepped_over(tmp_path: Path):
    proto = linear(1024, 512)
    bias = numpy_helper.from_array(np.arange(512, dtype=np.float32), "b")
    proto.graph.initializer.append(bias)
    proto.graph.node.add(op_type="Add", input=["y", "b"], output=["z"])
    proto.graph.output[0].name = "z"
    path = tmp_path / "m.onnx"
    path.write_bytes(proto.SerializeToString())
    loaded, left_out = load_model(path)
    assert left_out == {0: 1024 * 512 * 4}
    assert loaded.ByteSize() < 4000
    graph = read_graph(path, batch=2)
    assert graph.nodes[0].inputs[1].constant.elements == 1024 * 512
    assert graph.nodes[1].inputs[1].constant.values[511] == 511
    proto.graph.initializer[0].raw_data += b"x"
    path.write_bytes(proto.SerializeToString())
    assert "needs 2097152 bytes of data, the file holds 2097153" in message(path, batch=2)
    path.write_bytes(proto.SerializeToString()[:-100_000])
    assert "is truncated" in message(path, batch=2)


def test_the_outline_of_a_model_is_the_model_without_raw_data():
    proto = linear(128, 128)
    proto.graph.initializer.append(numpy_helper.from_array(np.zeros(3, np.float32), "small"))
    cut = without_raw_data(proto.SerializeToString())
    assert cut is not None
    outline, left_out = onnx.ModelProto.FromString(cut[0]), cut[1]
    proto.graph.initializer[0].ClearField("raw_data")
    assert outline == proto
    assert left_out == {0: 128 * 128 * 4}
    assert without_raw_data(b"\x3a\xff\xff") is None
    assert without_raw_data(b"no model") is None


LIGHT = sorted((Path(onnx.__file__).parent / "backend/test/data/light").glob("*.onnx"))


@pytest.mark.parametrize("name", LIGHT, ids=lambda path: path.stem)
def test_light_models_have_all_shapes(name: Path):
    graph = read_graph(name)
    assert graph.outputs[0].elements == 1000
    assert all(tensor.shape is not None for node in graph.nodes for tensor in node.outputs)
    products = [node for node in graph.nodes if node.op in ("Conv", "Gemm")]
    assert products
    assert all(node.inputs[1].constant is not None for node in products)
