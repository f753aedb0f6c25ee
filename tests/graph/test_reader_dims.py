"""Are open dimensions bound as asked, and every wrong or missing binding named?"""

from __future__ import annotations

import pytest
from onnx import TensorProto, helper

from pimsim.errors import InputError
from pimsim.graph.reader import read_graph


def two_inputs(first=("N", 3, "H", "W"), second=("N", None), inner=()):
    nodes = [helper.make_node("Relu", ["image"], ["y"]), helper.make_node("Relu", ["mask"], ["z"])]
    inputs = [helper.make_tensor_value_info("image", TensorProto.FLOAT, first),
              helper.make_tensor_value_info("mask", TensorProto.FLOAT, second)]  # fmt: skip
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("y", "z")]
    graph = helper.make_graph(nodes, "g", inputs, outputs, value_info=list(inner))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def problems(*args, **kwargs) -> list[str]:
    with pytest.raises(InputError) as caught:
        read_graph(*args, **kwargs)
    return list(caught.value.problems)


def test_batch_names_and_whole_shapes_bind_everything():
    graph = read_graph(two_inputs(), batch=4, dims={"H": 32, "W": 16}, shapes={"mask": (4, 7)})
    assert [tensor.shape for tensor in graph.inputs] == [(4, 3, 32, 16), (4, 7)]
    assert [tensor.shape for tensor in graph.outputs] == [(4, 3, 32, 16), (4, 7)]


def test_a_shape_binds_the_names_in_it_everywhere():
    graph = read_graph(two_inputs(second=("N", 5)), shapes={"image": (2, 3, 8, 9)})
    assert graph.inputs[1].shape == (2, 5)


def test_every_open_dimension_is_listed_with_its_options():
    lines = problems(two_inputs())
    assert lines[0] == "5 input dimensions are open; bind them:"
    assert lines[1] == "input 'image', dimension 0 ('N'): --dim N=N or --batch N or --shape image=Ax3xCxD"
    assert lines[2] == "input 'image', dimension 2 ('H'): --dim H=N or --shape image=Ax3xCxD"
    assert lines[5] == "input 'mask', dimension 1 (without a name): --shape mask=AxB"


def test_unknown_rank_is_listed():
    model = two_inputs(first=(1,))
    model.graph.input[1].type.tensor_type.ClearField("shape")
    assert "input 'mask': the rank is unknown: --shape mask=AxBxC" in problems(model)
    assert read_graph(model, shapes={"mask": (2, 3)}).outputs[1].shape == (2, 3)


def test_a_fixed_first_dimension_stays_and_is_said():
    graph = read_graph(two_inputs(first=(1, 3), second=("N", 2)), batch=8)
    assert [tensor.shape for tensor in graph.inputs] == [(1, 3), (8, 2)]
    assert graph.notes == ("input 'image': the first dimension is fixed at 1; --batch 8 does not apply",)


def with_own_batch(model, text):
    helper.set_model_props(model, {"pimsim.batch": text})
    return model


def test_the_batch_of_the_metadata_is_taken_where_nothing_else_is_said():
    model = with_own_batch(two_inputs(first=("N", 3), second=("M", 2)), "1")
    graph = read_graph(model)
    assert [tensor.shape for tensor in graph.inputs] == [(1, 3), (1, 2)]
    assert graph.notes == ("the batch is 1, as the model's metadata say; --batch N for another",)
    assert [tensor.shape for tensor in read_graph(model, batch=4).inputs] == [(4, 3), (4, 2)]
    assert [tensor.shape for tensor in read_graph(model, dims={"N": 5}).inputs] == [(5, 3), (1, 2)]


def test_the_batch_of_the_metadata_binds_first_dimensions_alone():
    lines = problems(with_own_batch(two_inputs(), "1"))
    assert lines[0] == "3 input dimensions are open; bind them:"


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "\u0661", "9" * 10, "\x1b[31m"])
def test_a_batch_that_is_no_number_is_refused(text):
    (line,) = problems(with_own_batch(two_inputs(), text))
    assert line.startswith("metadata pimsim.batch: expected a whole number from 1 to 999999999; got '")
    assert "\x1b" not in line


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"batch": 0}, "--batch 0: must be at least 1"),
        ({"dims": {"H": -2}}, "--dim H=-2: must be at least 1"),
        ({"dims": {"Hh": 2}}, "--dim Hh=2: the model has no dimension of that name; did you mean 'H'?"),
        ({"shapes": {"imago": (1, 2)}}, "imago=1x2: the model has no input of that name; did you mean 'image'?"),
        ({"shapes": {"image": (1, 2)}}, "--shape image=1x2: the model declares 4 dimensions (Nx3xHxW)"),
        ({"shapes": {"image": (1, 4, 8, 8)}}, "image=1x4x8x8: dimension 1 is fixed at 3 in the model (Nx3xHxW)"),
        ({"shapes": {"image": (1, 3, -8, 8)}}, "--shape image=1x3x-8x8: dimensions must not be negative"),
        ({"dims": {"H": 4}, "shapes": {"image": (1, 3, 8, 8)}},
         "--shape image=1x3x8x8: dimension 2 is 'H', which is bound to 4 elsewhere"),
        ({"shapes": {"mask": (2**40, 2**40)}}, "--shape mask=1099511627776x1099511627776 has shape"),
    ],
)  # fmt: skip
def test_wrong_bindings(options, expected):
    assert any(expected in line for line in problems(two_inputs(), **options))


def test_several_wrong_bindings_come_at_once():
    assert len(problems(two_inputs(), batch=-1, dims={"Q": 1}, shapes={"nope": (1,)})) == 3


def test_zero_sized_dimensions():
    graph = read_graph(two_inputs(first=(0,), second=(2, 0)))
    assert [tensor.shape for tensor in graph.outputs] == [(0,), (2, 0)]
    assert read_graph(two_inputs(first=(0,), second=(2, 0)), batch=3).inputs[0].shape == (3,)


def test_minus_one_is_an_open_dimension():
    model = two_inputs(first=(1,), second=(1, 2))
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = -1
    assert "dimension 0 (without a name)" in problems(model)[1]
    assert read_graph(model, batch=6).inputs[0].shape == (6,)


def test_too_many_elements():
    text = problems(two_inputs(first=(2**40, 2**40), second=(1, 1)))[0]
    assert "'image' has shape [1099511627776, 1099511627776]: more than 2^53 elements" in text


def test_negative_dimension():
    model = two_inputs(first=(1,), second=(1, 2))
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = -5
    assert problems(model)[1] == "input 'image', dimension 0 (without a name): --batch N or --shape image=A"
