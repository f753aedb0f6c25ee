"""Are weights recognised through whatever stands before them, with the identity and width of what is stored?"""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pimsim.errors import InputError
from pimsim.graph.reader import read_graph

FLOAT = TensorProto.FLOAT


def value(name, shape, kind=FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def read(nodes, initializers=(), inputs=None, outputs=("y",), opset=21, sparse=()):
    inputs = [value("x", [2, 64])] if inputs is None else inputs
    graph = helper.make_graph(list(nodes), "g", inputs, [value(name, None) for name in outputs], list(initializers),
                              sparse_initializer=list(sparse))  # fmt: skip
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("com.microsoft", 1)]
    return read_graph(helper.make_model(graph, opset_imports=imports))


def weight(name="w", shape=(64, 96), dtype=np.float32):
    return numpy_helper.from_array(np.zeros(shape, dtype), name)


def ints(name, values):
    return numpy_helper.from_array(np.array(values, np.int64), name)


def last_constant(graph, position=1):
    return graph.nodes[-1].inputs[position].constant


VIEWS = {
    "Reshape": ([helper.make_node("Reshape", ["w0", "s"], ["w"])], [weight("w0", (96, 64)), ints("s", [64, 96])]),
    "Transpose": ([helper.make_node("Transpose", ["w0"], ["w"])], [weight("w0", (96, 64))]),
    "Cast": ([helper.make_node("Cast", ["w0"], ["w"], to=FLOAT)], [weight("w0", dtype=np.float16)]),
    "Identity": ([helper.make_node("Identity", ["w0"], ["w"])], [weight("w0")]),
    "Squeeze": ([helper.make_node("Squeeze", ["w0", "s"], ["w"])], [weight("w0", (1, 64, 96)), ints("s", [0])]),
    "Flatten": ([helper.make_node("Flatten", ["w0"], ["w"])], [weight("w0", (64, 12, 8))]),
}


@pytest.mark.parametrize("name", VIEWS)
def test_views_keep_the_key_of_what_is_stored(name):
    nodes, stored = VIEWS[name]
    graph = read([*nodes, helper.make_node("MatMul", ["x", "w"], ["y"])], stored)
    constant = last_constant(graph)
    assert constant.key == "w0"
    assert constant.elements == 64 * 96
    assert constant.bits == (16 if name == "Cast" else 32)
    assert constant.values is None
    assert graph.nodes[-1].inputs[1].shape == (64, 96)


def test_table_and_matrix_share_one_key():
    nodes = [
        helper.make_node("Gather", ["w", "i"], ["e"]),
        helper.make_node("Transpose", ["w"], ["t"]),
        helper.make_node("MatMul", ["e", "t"], ["y"]),
    ]
    graph = read(nodes, [weight("w", (1000, 16))], [value("i", [5], TensorProto.INT64)])
    assert graph.nodes[0].inputs[0].constant.key == last_constant(graph).key == "w"


def test_constant_node_large_and_small():
    big = helper.make_node("Constant", [], ["w"], value=weight())
    graph = read([big, helper.make_node("MatMul", ["x", "w"], ["y"])])
    assert [node.op for node in graph.nodes] == ["MatMul"]
    assert last_constant(graph).key == "w"
    small = helper.make_node("Constant", [], ["s"], value_ints=[4, 32])
    graph = read([small, helper.make_node("Reshape", ["x", "s"], ["y"])])
    assert graph.outputs[0].shape == (4, 32)
    assert last_constant(graph).values.tolist() == [4, 32]


def test_constant_of_shape_is_not_materialised():
    nodes = [helper.make_node("ConstantOfShape", ["s"], ["w"]), helper.make_node("MatMul", ["x", "w"], ["y"])]
    graph = read(nodes, [ints("s", [64, 2**40])])
    constant = last_constant(graph)
    assert (constant.elements, constant.bits, constant.values) == (2**46, 32, None)


def test_constant_of_shape_beyond_counting_is_refused():
    nodes = [helper.make_node("ConstantOfShape", ["s"], ["w"]), helper.make_node("Relu", ["w"], ["y"])]
    with pytest.raises(InputError, match=r"node 0 '' \(ConstantOfShape\).*more than 2\^53 elements"):
        read(nodes, [ints("s", [2**30, 2**30])])
    with pytest.raises(InputError, match=r"must not be negative|[Nn]egative|Invalid"):
        read(nodes, [ints("s", [-4, 2])])


def test_sparse_initializer():
    values = numpy_helper.from_array(np.ones(3, np.float32), "w")
    sparse = helper.make_sparse_tensor(values, ints("", [0, 5, 9]), [64, 96])
    graph = read([helper.make_node("MatMul", ["x", "w"], ["y"])], sparse=[sparse])
    assert last_constant(graph).elements == 64 * 96
    assert graph.outputs[0].shape == (2, 96)


@pytest.mark.parametrize(
    ("kind", "bits", "quantized"),
    [
        (TensorProto.FLOAT, 32, False), (TensorProto.DOUBLE, 64, False), (TensorProto.FLOAT16, 16, False),
        (TensorProto.BFLOAT16, 16, False), (TensorProto.INT8, 8, True), (TensorProto.UINT8, 8, True),
        (TensorProto.INT4, 4, True), (TensorProto.UINT4, 4, True), (TensorProto.FLOAT8E4M3FN, 8, True),
        (TensorProto.FLOAT8E5M2, 8, True), (TensorProto.FLOAT8E8M0, 8, True), (TensorProto.FLOAT4E2M1, 4, True),
        (TensorProto.INT2, 2, True), (TensorProto.INT32, 32, False), (TensorProto.BOOL, 1, False),
    ],
)  # fmt: skip
def test_widths_of_all_types(kind, bits, quantized):
    stored_bits = 8 if kind == TensorProto.BOOL else bits
    tensor = TensorProto(name="w", data_type=kind, dims=[64, 96], raw_data=bytes(64 * 96 * stored_bits // 8))
    graph = read([helper.make_node("Identity", ["w"], ["y"])], [tensor], opset=onnx.defs.onnx_opset_version())
    constant = last_constant(graph, 0)
    assert (constant.bits, constant.quantized, constant.elements) == (bits, quantized, 64 * 96)


def test_dequantized_weight_is_what_is_stored():
    nodes = [
        helper.make_node("DequantizeLinear", ["q", "s"], ["d"]),
        helper.make_node("Transpose", ["d"], ["w"]),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    scale = numpy_helper.from_array(np.float32(0.1), "s")
    constant = last_constant(read(nodes, [weight("q", (96, 64), np.int8), scale]))
    assert (constant.key, constant.bits, constant.quantized) == ("q", 8, True)


def test_weight_quantized_in_the_graph():
    scale, zero = numpy_helper.from_array(np.float32(0.1), "s"), numpy_helper.from_array(np.int8(0), "z")
    nodes = [
        helper.make_node("QuantizeLinear", ["w0", "s", "z"], ["q"]),
        helper.make_node("DequantizeLinear", ["q", "s", "z"], ["w"]),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    constant = last_constant(read(nodes, [weight("w0"), scale, zero]))
    assert (constant.bits, constant.quantized) == (8, True)


def test_weight_times_scale_is_new_data_of_the_stored_width():
    scale = numpy_helper.from_array(np.float32(0.1), "s")
    nodes = [
        helper.make_node("Cast", ["q"], ["f"], to=FLOAT),
        helper.make_node("Mul", ["f", "s"], ["w"]),
        helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    constant = last_constant(read(nodes, [weight("q", dtype=np.int8), scale]))
    assert (constant.key, constant.bits, constant.quantized) == ("w", 8, True)
    plain = last_constant(read(nodes[1:], [weight("f"), scale]))
    assert (plain.key, plain.bits, plain.quantized, plain.elements) == ("w", 32, False, 64 * 96)


def test_activation_bits_of_a_quantised_input():
    scale, zero = numpy_helper.from_array(np.float32(0.1), "s"), numpy_helper.from_array(np.uint8(0), "z")
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
        helper.make_node("Reshape", ["q", "shape"], ["r"]),
        helper.make_node("DequantizeLinear", ["r", "s", "z"], ["d"]),
        helper.make_node("MatMul", ["d", "w"], ["y"]),
    ]
    graph = read(nodes, [weight(), scale, zero, ints("shape", [2, 64])])
    assert [node.outputs[0].activation_bits for node in graph.nodes] == [8, 8, 8, None]
    four = [helper.make_node("QuantizeLinear", ["x", "s"], ["q"], output_dtype=TensorProto.INT4), *nodes[1:]]
    four[2] = helper.make_node("DequantizeLinear", ["r", "s"], ["d"])
    assert read(four, [weight(), scale, ints("shape", [2, 64])]).nodes[3].inputs[0].activation_bits == 4


def test_dynamic_quantisation_has_bits():
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]),
        helper.make_node("MatMulInteger", ["q", "w", "z"], ["y"]),
    ]
    graph = read(nodes, [weight(dtype=np.uint8)])
    assert graph.nodes[1].inputs[0].activation_bits == 8
    assert graph.nodes[0].outputs[1].activation_bits is None


def test_random_numbers_are_no_constants():
    nodes = [helper.make_node("RandomNormal", [], ["w"], shape=[64, 96]), helper.make_node("MatMul", ["x", "w"], ["y"])]
    assert last_constant(read(nodes)) is None


def test_data_of_a_wrong_size_and_no_data():
    wrong = TensorProto(name="w", data_type=FLOAT, dims=[64, 96], raw_data=bytes(100))
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    with pytest.raises(InputError, match=r"initializer 'w': float32 of shape \[64, 96\] needs 24576 .* holds 100"):
        read([node], [wrong])
    none = TensorProto(name="w", data_type=FLOAT, dims=[64, 96])
    graph = read([node], [none])
    assert graph.outputs[0].shape == (2, 96)
    assert "1 initializers hold no data (shapes suffice for cost)" in graph.notes


def test_impossible_dimensions_of_an_initializer():
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    for dims, expected in (([2**40, 2**40], "more than 2"), ([-1, 3], "must not be negative"), ([1] * 70, "70 dim")):
        with pytest.raises(InputError, match=expected):
            read([node], [TensorProto(name="w", data_type=FLOAT, dims=dims)])


def test_two_initializers_of_one_name():
    with pytest.raises(InputError, match="there are two initializers called 'w'"):
        read([helper.make_node("MatMul", ["x", "w"], ["y"])], [weight(), weight()])
