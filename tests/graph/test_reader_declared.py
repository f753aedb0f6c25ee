"""Is a file read for what it computes, whatever it declares or leaves out of its declarations?"""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper, parser

from pimsim.errors import InputError
from pimsim.graph import load_model
from pimsim.graph.reader import read_graph


def parsed(text: str, *, opset: int = 17, imports: str = "") -> onnx.ModelProto:
    return parser.parse_model(f'<ir_version: 8, opset_import: ["" : {opset}{imports}]>' + text)


def saved(model: onnx.ModelProto, path) -> str:
    onnx.save(model, path)
    return str(path)


def text_of(error: pytest.ExceptionInfo[InputError]) -> str:
    return "\n".join(error.value.problems)


def test_values_and_outputs_without_a_type_are_read():
    model = parsed("g (float[2,3] x) => (float[2,3] y) { a = Relu(x)  y = Relu(a) }")
    model.graph.value_info.add(name="a")
    model.graph.output.add(name="a")
    graph = read_graph(model)
    assert [(t.name, t.shape) for t in graph.outputs] == [("y", (2, 3)), ("a", (2, 3))]


def test_negative_sizes_mean_that_they_are_not_known():
    model = parsed("g (float[2,3] x) => (float[7,7] y) { a = Relu(x)  y = Relu(a) }")
    for dimension in model.graph.output[0].type.tensor_type.shape.dim:
        dimension.dim_value = -1
    assert read_graph(model).outputs[0].shape == (2, 3)


def test_negative_sizes_in_a_loop_body():
    model = parsed("""g (float[4] x) => (float[4] y) {
        n = Constant<value_int=3>()  c = Constant<value=bool {1}>()
        y = Loop(n, c, x)<body = b (int64 i, bool k, float[9] s) => (bool k2, float[9] s2) {
            k2 = Identity(k)  s2 = Relu(s) }> }""")
    body = next(a.g for node in model.graph.node for a in node.attribute if a.name == "body")
    for value in (body.input[2], body.output[1]):
        value.type.tensor_type.shape.dim[0].dim_value = -1
    assert read_graph(model).outputs[0].shape == (4,)


@pytest.mark.parametrize("name", ["main_graph", "torch-jit-export", "torch_jit", "Model", ""])
def test_a_name_that_every_export_has_gives_way_to_the_file(name, tmp_path):
    model = parsed("g (float[2,3] x) => (float[2,3] y) { y = Relu(x) }")
    model.graph.name = name
    path = saved(model, tmp_path / "resnet.v2.onnx")
    assert load_model(path).name == "resnet.v2"
    model.graph.name = "mine"
    assert load_model(saved(model, tmp_path / "resnet.v2.onnx")).name == "mine"


def test_the_branch_decides_shapes_too(tmp_path):
    model = parsed("""g (bool c, float[2,8] x) => (float[2,N] z) {
        y = If(c)<then_branch = t () => (float[A,B] p) { p = Slice(x, s, e, a) },
                  else_branch = f () => (float[A,B] q) { q = Identity(x) }>
        z = Relu(y) }""")
    for label, number in (("s", 0), ("e", 3), ("a", 1)):
        model.graph.initializer.append(numpy_helper.from_array(np.array([number]), label))
    path = saved(model, tmp_path / "m.onnx")
    sizes = [load_model(path, branch=branch).layers[-1].output_elements for branch in ("then", "else")]
    assert sizes == [6, 16]


def test_bindings_are_shown_as_a_shell_takes_them():
    model = parsed("g (float[N] x) => (float[N] y) { y = Relu(x) }")
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "past + (new)"
    with pytest.raises(InputError) as caught:
        read_graph(model)
    assert "--dim 'past + (new)'=N" in text_of(caught)


def test_a_shape_that_follows_the_data_names_the_input():
    model = parsed("""g (float[1,1] x, int64[2] size) => (float[M,N] y) {
        two = Constant<value_ints=[1,1]>()  s = Mul(size, two)
        a = Expand(x, s)  b = Transpose(a)  y = MatMul(b, a) }""")
    with pytest.raises(InputError) as caught:
        load_file(model)
    assert "(Expand) depends on the data of the input 'size', not on its shape" in text_of(caught)
    assert "--shape" not in text_of(caught)


def load_file(model: onnx.ModelProto, **options):
    from pimsim.graph.lowering import lower

    return lower(read_graph(model), **options)


@pytest.mark.parametrize("op", ["ImageScaler", "Affine", "ParametricSoftplus", "ScaledTanh"])
def test_old_operators_of_ai_onnx_keep_the_shape(op):
    model = parsed("g (float[1,3,4,4] x) => (float[1,2,4,4] y) { a = Frob(x)  y = Conv(a, w) }", opset=7)
    model.graph.node[0].op_type = op
    model.graph.initializer.append(numpy_helper.from_array(np.ones((2, 3, 1, 1), np.float32), "w"))
    assert load_file(model).macs == 16 * 6


def test_crop_of_ai_onnx():
    model = parsed("g (float[1,3,8,9] x) => (float[A,B,C,D] y) { y = Crop<border=[1,2,3,2]>(x) }", opset=7)
    assert read_graph(model).outputs[0].shape == (1, 3, 4, 5)


LOOP = """g (float[3,5] x, int64[N] rows) => (float[3,M] y) {
    n = Size(rows)  c = Constant<value=bool {1}>()
    y = Loop(n, c)<body = b (int64[1] i, bool k) => (bool k2, float[A] s2) {
        k2 = Identity(k)  one = Constant<value_ints=[1]>()  z = Constant<value_ints=[0]>()  j = Add(i, one)
        r = Slice(rows, i, j)  q = Add(r, one)  s = Slice(x, r, q, z)  s2 = Squeeze(s, z) }> }"""


def test_a_slice_from_i_to_i_plus_1_is_one_row():
    graph = read_graph(parsed(LOOP), dims={"N": 3})
    body = graph.nodes[-1].subgraphs["body"]
    assert {t.name: t.shape for node in body.nodes for t in node.outputs}["s"] == (1, 5)
    assert graph.outputs[0].shape == (3, 5)


def test_sequences_take_the_shape_that_the_body_declares():
    model = parsed("""g (seq(float[N]) a, seq(float[N]) b) => (seq(float[N]) c) {
        c = SequenceMap(a, b)<body = m (float[N] p, float[N] q) => (float[N] r) { r = Add(p, q) }> }""")
    graph = read_graph(model, dims={"N": 4})
    assert graph.nodes[0].subgraphs["body"].nodes[0].outputs[0].shape == (4,)


def test_messages_do_not_vary_by_process(tmp_path):
    names = [f"lost_{index}" for index in range(6)]
    model = helper.make_model(
        helper.make_graph(
            [helper.make_node("Sum", ["x", *names], ["y"])],
            "g",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])],
            [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
    )
    path = saved(model, tmp_path / "m.onnx")
    code = f"from pimsim.graph import load_model\ntry: load_model({path!r})\nexcept Exception as e: print(e)"
    said = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path)},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(said) == 1
    assert "'lost_0' is read by node 0" in said.pop()
