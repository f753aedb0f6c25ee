"""Are shapes known where the model computes them itself, in bodies and behind operators that onnx does not know?"""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from pimsim.errors import InputError
from pimsim.graph.reader import read_graph

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
node = helper.make_node


def value(name, shape, kind=FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def build(nodes, inputs, outputs=("y",), initializers=(), functions=(), opset=17):
    graph = helper.make_graph(list(nodes), "g", list(inputs), [value(o, None) for o in outputs], list(initializers))
    imports = [helper.make_opsetid(domain, version) for domain, version in
               (("", opset), ("com.microsoft", 1), ("local", 1))]  # fmt: skip
    return helper.make_model(graph, opset_imports=imports, functions=list(functions))


def read(*args, batch=None, trips=None, **kwargs):
    return read_graph(build(*args, **kwargs), batch=batch, trips=trips)


def array(name, values, dtype=np.int64):
    return numpy_helper.from_array(np.array(values, dtype), name)


def test_exported_flatten_chain():
    nodes = [
        node("Shape", ["x"], ["s"]), node("Gather", ["s", "zero"], ["n"]), node("Unsqueeze", ["n", "axes"], ["n1"]),
        node("Concat", ["n1", "rest"], ["t"], axis=0), node("Reshape", ["x", "t"], ["y"]),
    ]  # fmt: skip
    stored = [array("zero", 0), array("axes", [0]), array("rest", [-1])]
    assert read(nodes, [value("x", ["N", 3, 4])], initializers=stored, batch=5).outputs[0].shape == (5, 12)


def test_shape_arithmetic_with_floats_and_division():
    nodes = [
        node("Shape", ["x"], ["s"]), node("Slice", ["s", "a", "b"], ["hw"]), node("Cast", ["hw"], ["f"], to=FLOAT),
        node("Mul", ["f", "scale"], ["g"]), node("Floor", ["g"], ["h"]), node("Cast", ["h"], ["i"], to=INT64),
        node("Div", ["i", "two"], ["j"]), node("Expand", ["one", "j"], ["y"]),
    ]  # fmt: skip
    stored = [array("a", [2]), array("b", [4]), array("scale", 1.5, np.float32), array("two", 2),
              array("one", [[1.0]], np.float32)]  # fmt: skip
    assert read(nodes, [value("x", [1, 1, 10, 7])], initializers=stored).outputs[0].shape == (7, 5)


def test_range_of_a_dimension_and_where():
    nodes = [
        node("Size", ["x"], ["n"]), node("Range", ["zero", "n", "one"], ["r"]), node("Less", ["r", "four"], ["m"]),
        node("Where", ["m", "one", "two"], ["w"]), node("ReduceProd", ["w"], ["p"], keepdims=1),
        node("ConstantOfShape", ["p"], ["y"]),
    ]  # fmt: skip
    stored = [array("zero", 0), array("one", 1), array("two", 2), array("four", 4)]
    assert read(nodes, [value("x", [2, 3])], initializers=stored).outputs[0].shape == (4,)


def test_a_range_of_astronomic_length_is_not_allocated():
    nodes = [node("Range", ["zero", "n", "one"], ["r"]), node("Relu", ["r"], ["y"])]
    stored = [array("zero", 0), array("one", 1), array("n", 2**61)]
    with pytest.raises(InputError, match=r"more than 2\^53 elements"):
        read(nodes, [value("x", [1])], initializers=stored)


def test_data_dependent_shapes_are_upper_bounds_with_a_note():
    graph = read([node("NonZero", ["x"], ["y"])], [value("x", [3, 4])])
    assert graph.outputs[0].shape == (2, 12)
    assert graph.notes == ("node 0 '' (NonZero): the size of its output depends on the data; "
                           "the upper bound [2, 12] is used",)  # fmt: skip
    graph = read([node("Compress", ["x", "c"], ["y"], axis=1)], [value("x", [3, 4]), value("c", [4], BOOL)])
    assert graph.outputs[0].shape == (3, 4)
    graph = read([node("NonMaxSuppression", ["b", "x", "k"], ["y"])],
                 [value("b", [1, 9, 4]), value("x", [1, 2, 9])], initializers=[array("k", [5])])  # fmt: skip
    assert graph.outputs[0].shape == (10, 3)


def test_reshape_to_unknown_values_has_no_shape():
    graph = read([node("Reshape", ["x", "s"], ["y"])], [value("x", [3, 4]), value("s", [2], INT64)])
    assert graph.outputs[0].shape is None


def test_impossible_shapes_name_the_node():
    with pytest.raises(InputError, match=r"node 0 'mm' \(MatMul\).*ncompatible dimensions"):
        read([node("MatMul", ["x", "z"], ["y"], "mm")], [value("x", [2, 3]), value("z", [4, 5])])
    weight = array("w", np.zeros((8, 4, 3, 3)), np.float32)
    with pytest.raises(InputError, match=r"node 0 'c' \(Conv\): input .* has 3 channels, the weight .* needs 4"):
        read([node("Conv", ["x", "w"], ["y"], "c")], [value("x", [1, 3, 9, 9])], initializers=[weight])
    with pytest.raises(InputError, match=r"attribute 'strides' is \[0, 1\]; it must be at least 1"):
        read([node("Conv", ["x", "w"], ["y"], strides=[0, 1])], [value("x", [1, 4, 9, 9])], initializers=[weight])


@pytest.mark.parametrize(
    ("proto", "expected"),
    [
        (node("Einsum", ["x"], ["y"], equation="#_"), "attribute 'equation' is no Einstein sum: '#_'"),
        (node("Split", ["x"], ["y", "z"], num_outputs=1), "num_outputs is 1, but there are 2 outputs"),
        (node("Softmax", ["x"], ["y"], axis=2**62), "attribute 'axis' is 4611686018427387904; an axis is between"),
        (node("SpaceToDepth", ["x"], ["y"], blocksize=0), "attribute 'blocksize' is 0; it must be at least 1"),
    ],
)
def test_attributes_on_which_onnx_crashes_or_hangs(proto, expected):
    with pytest.raises(InputError) as caught:
        read([proto], [value("x", [1, 4, 4, 4])], opset=18)
    assert expected in str(caught.value)


def test_a_long_vector_allocates_nothing():
    nodes = [node("Flatten", ["x"], ["f"], axis=0), node("Squeeze", ["f"], ["v"]), node("Add", ["v", "v"], ["y"])]
    assert read(nodes, [value("x", [2**20, 2**20])], opset=17).outputs[0].shape == (2**40,)


def test_attributes_are_plain_values():
    nodes = [node("Custom", ["x"], ["y"], domain="com.microsoft", i=3, f=0.5, s="text", many=[1, 2], t=array("", [7]),
                  names=["a", "b"], raw=b"\xff")]  # fmt: skip
    found = read(nodes, [value("x", [2])]).nodes[0].attributes
    assert found["t"].tolist() == [7]
    assert {k: v for k, v in found.items() if k != "t"} == {
        "i": 3, "f": 0.5, "s": "text", "many": [1, 2], "names": ["a", "b"], "raw": "\ufffd"
    }  # fmt: skip


MS = {"domain": "com.microsoft"}
CONTRIB = [
    (node("Gelu", ["x"], ["y"], **MS), [(2, 8, 64)], (2, 8, 64)),
    (node("BiasSplitGelu", ["x", "b"], ["y"], **MS), [(2, 8, 64), (64,)], (2, 8, 32)),
    (node("SkipLayerNormalization", ["x", "b", "g"], ["y"], **MS), [(2, 8, 64), (2, 8, 64), (64,)], (2, 8, 64)),
    (node("MatMulNBits", ["x", "b", "g"], ["y"], K=64, N=96, bits=4, block_size=32, **MS),
     [(2, 8, 64), (96, 2, 16), (192,)], (2, 8, 96)),
    (node("FusedMatMul", ["x", "b"], ["y"], transB=1, **MS), [(2, 8, 64), (2, 5, 64)], (2, 8, 5)),
    (node("FusedGemm", ["x", "b"], ["y"], transA=1, **MS), [(4, 6), (4, 5)], (6, 5)),
    (node("QLinearAdd", ["x", "s", "z", "b", "s", "z", "s", "z"], ["y"], **MS), [(2, 1, 4), (3, 1), (), ()], (2, 3, 4)),
    (node("QLinearConcat", ["s", "z", "x", "s", "z", "b", "s", "z"], ["y"], axis=1, **MS),
     [(2, 3), (2, 4), (), ()], (2, 7)),
    (node("QLinearGlobalAveragePool", ["x", "s", "z", "s", "z"], ["y"], **MS), [(1, 8, 5, 5), (), ()], (1, 8, 1, 1)),
    (node("QLinearAveragePool", ["x", "s", "z", "s", "z"], ["y"], kernel_shape=[3, 3], strides=[2, 2], **MS),
     [(1, 8, 9, 9), (), ()], (1, 8, 4, 4)),
    (node("NhwcMaxPool", ["x"], ["y"], kernel_shape=[2, 2], strides=[2, 2], **MS), [(1, 8, 8, 3)], (1, 4, 4, 3)),
    (node("FusedConv", ["x", "b"], ["y"], pads=[1, 1, 1, 1], **MS), [(1, 3, 8, 8), (16, 3, 3, 3)], (1, 16, 8, 8)),
    (node("DynamicQuantizeMatMul", ["x", "b", "s"], ["y"], **MS), [(2, 8, 64), (64, 5), ()], (2, 8, 5)),
    (node("Attention", ["x", "b", "g"], ["y"], num_heads=4, **MS), [(2, 8, 64), (64, 192), (192,)], (2, 8, 64)),
    (node("MultiHeadAttention", ["x", "b", "g"], ["y"], num_heads=4, **MS),
     [(2, 8, 64), (2, 5, 64), (2, 5, 32)], (2, 8, 32)),
    (node("GroupQueryAttention", ["x"], ["y"], num_heads=4, kv_num_heads=2, **MS), [(2, 8, 128)], (2, 8, 64)),
    (node("EmbedLayerNormalization", ["x", "", "b", "g"], ["y"], **MS), [(2, 8), (100, 64), (50, 64)], (2, 8, 64)),
    (node("RotaryEmbedding", ["x", "p", "c", "s"], ["y"], **MS), [(2, 8, 64)], (2, 8, 64)),
]  # fmt: skip


@pytest.mark.parametrize(("proto", "shapes", "expected"), CONTRIB, ids=[case[0].op_type for case in CONTRIB])
def test_operators_of_onnxruntime(proto, shapes, expected):
    proto = onnx.NodeProto.FromString(proto.SerializeToString())
    names = list(dict.fromkeys(name for name in proto.input if name))
    order = sorted(names, key=lambda n: "xbgsz".find(n) if n in "xbgsz" else 9)
    inputs = [value(name, shapes[i] if i < len(shapes) else ()) for i, name in enumerate(order)]
    assert read([proto], inputs).outputs[0].shape == expected


def test_contrib_operator_that_does_not_fit_has_no_shape():
    graph = read([node("FusedMatMul", ["x", "b"], ["y"], **MS)], [value("x", [2, 3]), value("b", [4, 5])])
    assert graph.outputs[0].shape is None


def loop_body(nodes, states, scans=(), keep="c"):
    inputs = [value("i", [], INT64), value("c", [], BOOL), *states]
    outputs = [value("c_out", [], BOOL), *(value(name, None) for name in scans)]
    return helper.make_graph([node("Identity", [keep], ["c_out"]), *nodes], "body", inputs, outputs)


def test_loop_sees_outer_weights_and_stacks_its_results():
    weight = array("w", np.zeros((64, 96)), np.float32)
    nodes = [node("MatMul", ["h", "w"], ["p"]), node("Identity", ["h"], ["h2"])]
    body = loop_body(nodes, [value("h", None)], ["h2", "p"])
    graph = read([node("Loop", ["m", "", "x"], ["last", "y"], body=body)], [value("x", [2, 64])],
                 outputs=("last", "y"), initializers=[weight, array("m", 7)])  # fmt: skip
    assert [tensor.shape for tensor in graph.outputs] == [(2, 64), (7, 2, 96)]
    inner = next(n for n in graph.nodes[0].subgraphs["body"].nodes if n.op == "MatMul")
    assert inner.inputs[1].constant.key == "w"


def test_loop_state_that_grows_has_no_shape():
    body = loop_body([node("Concat", ["h", "h"], ["h2"], axis=0)], [value("h", None)], ["h2"])
    graph = read([node("Loop", ["m", "", "x"], ["y"], body=body)], [value("x", [2, 4])], initializers=[array("m", 3)])
    assert graph.outputs[0].shape is None


def test_loop_with_unknown_trips_takes_the_users():
    body = loop_body([node("Relu", ["x"], ["p"])], [], ["p"])
    args = ([node("Loop", ["m", ""], ["y"], body=body)], [value("x", [4]), value("m", [], INT64)])
    assert read(*args).outputs[0].shape is None
    assert read(*args, trips=6).outputs[0].shape == (6, 4)


def test_slices_of_one_size_in_every_trip():
    nodes = [
        node("Unsqueeze", ["i", "axis"], ["a"]), node("Gather", ["offsets", "a"], ["from"]),
        node("Add", ["from", "three"], ["to"]), node("Slice", ["x", "from", "to"], ["rows"]),
        node("ReduceSum", ["rows", "axis"], ["bag"], keepdims=0),
    ]  # fmt: skip
    stored = [array("axis", [0]), array("three", [3]), array("offsets", [0, 3, 6, 9]), array("m", 4)]
    graph = read([node("Loop", ["m", ""], ["y"], body=loop_body(nodes, [], ["bag"]))], [value("x", [12, 16])],
                 initializers=stored)  # fmt: skip
    assert graph.outputs[0].shape == (4, 16)
    shapes = {n.op: n.outputs[0].shape for n in graph.nodes[0].subgraphs["body"].nodes}
    assert shapes["Slice"] == (3, 16)
    assert graph.notes == ()


def test_loop_over_a_sequence():
    body = helper.make_graph(
        [node("Identity", ["c"], ["c2"]), node("SequenceInsert", ["s", "x"], ["s2"])], "body",
        [value("i", [], INT64), value("c", [], BOOL), helper.make_tensor_sequence_value_info("s", FLOAT, None)],
        [value("c2", [], BOOL), helper.make_tensor_sequence_value_info("s2", FLOAT, None)],
    )  # fmt: skip
    nodes = [node("SequenceEmpty", [], ["e"]), node("Loop", ["m", "", "e"], ["all"], body=body),
             node("ConcatFromSequence", ["all"], ["y"], axis=0)]  # fmt: skip
    graph = read(nodes, [value("x", [2, 8])], initializers=[array("m", 5)])
    assert graph.outputs[0].shape == (10, 8)
    assert graph.nodes[1].outputs[0].dtype == "sequence(float32)"


def test_scan_takes_slices_and_stacks_them():
    body = helper.make_graph(
        [node("Add", ["h", "e"], ["h2"]), node("Relu", ["h2"], ["o"])], "body",
        [value("h", None), value("e", None)], [value("h2", None), value("o", None)],
    )  # fmt: skip
    graph = read([node("Scan", ["h0", "x"], ["last", "y"], body=body, num_scan_inputs=1, scan_input_axes=[1],
                       scan_output_axes=[-1])],
                 [value("h0", [2, 8]), value("x", [2, 5, 8])], outputs=("last", "y"))  # fmt: skip
    assert [tensor.shape for tensor in graph.outputs] == [(2, 8), (2, 8, 5)]


def test_scan_of_more_inputs_than_there_are_allocates_nothing():
    body = helper.make_graph([node("Relu", ["e"], ["o"])], "body", [value("e", None)], [value("o", None)])
    graph = read([node("Scan", ["x"], ["y"], body=body, num_scan_inputs=2**40)], [value("x", [5, 8])])
    assert graph.outputs[0].shape == (5, 8)


def branches(then, other):
    return {"then_branch": helper.make_graph([then], "t", [], [value(then.output[0], None)]),
            "else_branch": helper.make_graph([other], "e", [], [value(other.output[0], None)])}  # fmt: skip


def test_if_with_equal_different_and_impossible_branches():
    inputs = [value("x", [1, 8]), value("c", [], BOOL)]
    relu, double = node("Relu", ["x"], ["a"]), node("Concat", ["x", "x"], ["b"], axis=0)
    squeeze, wrong = node("Squeeze", ["x", "axis"], ["a"]), node("Squeeze", ["x", "last"], ["b"])
    stored = [array("axis", [0]), array("last", [1])]
    same = read([node("If", ["c"], ["y"], **branches(relu, node("Abs", ["x"], ["b"])))], inputs)
    assert same.outputs[0].shape == (1, 8)
    larger = read([node("If", ["c"], ["y"], **branches(relu, double))], inputs)
    assert larger.outputs[0].shape == (2, 8)
    assert "the branches give different shapes; the larger one is used, [2, 8]" in larger.notes[0]
    never = read([node("If", ["c"], ["y"], **branches(squeeze, wrong))], inputs, initializers=stored)
    assert never.outputs[0].shape == (8,)
    assert "else_branch cannot be taken" in never.notes[0]


def test_if_with_a_known_condition_takes_its_branch():
    nodes = [
        node("Shape", ["x"], ["s"]), node("Gather", ["s", "zero"], ["n"]), node("Equal", ["n", "one"], ["c"]),
        node("If", ["c"], ["y"], **branches(node("Squeeze", ["x", "axis"], ["a"]), node("Identity", ["x"], ["b"]))),
    ]  # fmt: skip
    stored = [array("zero", 0), array("one", 1), array("axis", [0])]
    assert read(nodes, [value("x", [1, 8])], initializers=stored).outputs[0].shape == (8,)
    assert read(nodes, [value("x", [4, 8])], initializers=stored).outputs[0].shape == (4, 8)


def function(name, nodes):
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
    return helper.make_function("local", name, ["a"], ["b"], nodes, imports)


def test_local_functions_are_inlined():
    inner = function("Inner", [node("Relu", ["a"], ["b"])])
    calls = [node("Inner", ["a"], ["t"], domain="local"), node("Inner", ["t"], ["b"], domain="local")]
    outer = function("Outer", calls)
    graph = read([node("Outer", ["x"], ["y"], domain="local")], [value("x", [3])], functions=[outer, inner])
    assert [n.op for n in graph.nodes] == ["Relu", "Relu"]
    assert graph.outputs[0].shape == (3,)


def test_functions_in_a_circle_and_function_bombs():
    one = function("One", [node("Two", ["a"], ["b"], domain="local")])
    two = function("Two", [node("One", ["a"], ["b"], domain="local")])
    call = [node("One", ["x"], ["y"], domain="local")]
    with pytest.raises(InputError, match="local functions call each other in a circle: One -> Two -> One"):
        read(call, [value("x", [3])], functions=[one, two])
    bomb = [function("F0", [node("Relu", ["a"], ["b"])])]
    for level in range(1, 40):
        below = f"F{level - 1}"
        calls = [node(below, ["a"], ["t"], domain="local"), node(below, ["t"], ["b"], domain="local")]
        bomb.append(function(f"F{level}", calls))
    with pytest.raises(InputError, match=f"has {2**39} nodes once its local functions are inlined; at most 500000"):
        read([node("F39", ["x"], ["y"], domain="local")], [value("x", [3])], functions=bomb)


def test_constants_inside_functions_leave_the_model():
    weight = numpy_helper.from_array(np.zeros((64, 96), np.float32), "w")
    body = function("Linear", [node("Constant", [], ["w"], value=weight), node("MatMul", ["a", "w"], ["b"])])
    graph = read([node("Linear", ["x"], ["y"], domain="local")], [value("x", [2, 64])], functions=[body])
    assert graph.nodes[-1].inputs[1].constant.elements == 64 * 96
    assert graph.outputs[0].shape == (2, 96)


def test_initializers_of_one_name_in_two_branches_are_two_weights():
    def branch(name):
        weight = array("w", np.zeros((64, 96)), np.float32)
        return helper.make_graph([node("MatMul", ["x", "w"], [name])], name, [], [value(name, None)], [weight])

    graph = read([node("If", ["c"], ["y"], then_branch=branch("a"), else_branch=branch("b"))],
                 [value("x", [2, 64]), value("c", [], BOOL)])  # fmt: skip
    keys = {g.nodes[0].inputs[1].constant.key for g in graph.nodes[0].subgraphs.values()}
    assert len(keys) == 2


def test_nesting_is_bounded():
    proto = node("Relu", ["x"], ["y0"])
    for level in range(1, 40):
        inner = helper.make_graph([proto], f"g{level}", [], [value(f"y{level - 1}", [1])])
        proto = node("If", ["c"], [f"y{level}"], then_branch=inner, else_branch=inner) if level < 12 else proto
    deep = build([proto], [value("x", [1]), value("c", [], BOOL)], outputs=(proto.output[0],))
    assert read_graph(deep).outputs[0].shape == (1,)


def test_nesting_too_deep_is_refused_in_a_file_and_in_memory(tmp_path):
    deep = build([node("If", ["c"], ["y"])], [value("x", [1]), value("c", [], BOOL)])
    inner = deep.graph
    for _ in range(40):
        attribute = inner.node[-1].attribute.add(name="then_branch", type=onnx.AttributeProto.GRAPH)
        inner = attribute.g
        inner.node.add(op_type="If", input=["c"], output=["z"])
    with pytest.raises(InputError, match="nested"):
        read_graph(deep)
    inside = b""
    for _ in range(200):  # NodeProto.attribute 5 > AttributeProto.g 6 > GraphProto.node 1
        for tag in (b"\x32", b"\x2a", b"\x0a"):
            inside = tag + _varint(len(inside)) + inside
    (tmp_path / "m.onnx").write_bytes(b"\x3a" + _varint(len(inside)) + inside)
    with pytest.raises(InputError, match="nested too deeply"):
        read_graph(tmp_path / "m.onnx")


def _varint(number):
    result = b""
    while number > 127:
        result, number = result + bytes([number & 127 | 128]), number >> 7
    return result + bytes([number])
