"""Look-ups, elementwise steps, reductions, normalisation, pooling, movement: counts an element."""

from __future__ import annotations

import pytest

from pimsim.errors import InputError
from pimsim.graph.workload import Kind


def test_gather_from_a_table(make) -> None:
    """Rows read, their size, the size of the table."""
    indices, table = make.x("i", 4, 6, dtype="int64"), make.w("t", 100, 8, bits=8, quantized=True)
    layer = make.one("Gather", [table, indices], make.x("y", 4, 6, 8))
    assert (layer.kind, layer.lookups, layer.row_elements, layer.table_rows) == (Kind.LOOKUP, 24, 8, 100)
    assert (layer.weight_elements, layer.weight_bits, layer.output_elements) == (800, 8, 192)
    behind = make.one("Gather", [table, indices], make.x("y", 100, 4, 6), axis=1)
    assert (behind.lookups, behind.row_elements, behind.output_elements) == (2400, 1, 2400)


def test_gather_elements_and_gather_nd_from_a_table(make) -> None:
    """Single elements; tuples."""
    table = make.w("t", 10, 20, 8)
    layer = make.one("GatherElements", [table, make.x("i", 3, 20, 8, dtype="int64")], make.x("y", 3, 20, 8))
    assert (layer.lookups, layer.row_elements) == (480, 1)
    layer = make.one("GatherND", [table, make.x("i", 5, 2, dtype="int64")], make.x("y", 5, 8))
    assert (layer.lookups, layer.row_elements, layer.table_rows) == (5, 8, 200)


def test_gather_of_activations_is_movement(make) -> None:
    """Only what is picked travels."""
    layer = make.one("Gather", [make.x("x", 100, 8), make.values("i", [1, 2])], make.x("y", 2, 8))
    assert (layer.kind, layer.input_elements, layer.inputs[0].elements, layer.ops) == (Kind.MOVE, 16, 16, 0)


def test_gather_block_quantized(make) -> None:
    """Two 4-bit values in a byte: the output tells the row."""
    table = make.w("t", 100, 16, bits=4, quantized=True)
    work = make.run(
        make.node(
            "com.microsoft.GatherBlockQuantized",
            [table, make.x("i", 6, dtype="int64"), make.w("s", 100, 1)],
            make.x("y", 6, 32),
        )
    )
    lookup, scale = work.layers
    assert (lookup.lookups, lookup.row_elements, lookup.weight_bits, scale.vector_ops) == (6, 32, 4, 2 * 192)


@pytest.mark.parametrize(
    ("op", "vector", "special"),
    [
        ("Relu", 1, 0),
        ("Sigmoid", 0, 1),
        ("Gelu", 3, 1),
        ("Clip", 2, 0),
        ("Div", 0, 1),
        ("Add", 1, 0),
        ("HardSwish", 5, 0),
    ],
)
def test_elementwise(make, op: str, vector: int, special: int) -> None:
    """Operations for each output element, broadcasting included."""
    layer = make.one(op, [make.x("x", 2, 3, 4), make.x("b", 4)], make.x("y", 2, 3, 4))
    assert (layer.kind, layer.vector_ops, layer.special_ops) == (Kind.DIGITAL, 24 * vector, 24 * special)
    assert (layer.input_elements, layer.output_elements) == (28, 24)


def test_variadic(make) -> None:
    """One operation less than there are inputs."""
    x = [make.x(n, 2, 4) for n in "abc"]
    assert make.one("Sum", x, make.x("y", 2, 4)).vector_ops == 16
    assert make.one("Mean", x, make.x("y", 2, 4)).special_ops == 8


def test_reductions(make) -> None:
    """Axes from the attribute, the input, or none: all."""
    x = make.x("x", 2, 8, 4, 4)
    for extra, attributes in (([], {"axes": [2, 3]}), ([make.values("a", [2, 3])], {})):
        layer = make.one("ReduceMean", [x, *extra], make.x("y", 2, 8, 1, 1), **attributes)
        assert (layer.vector_ops, layer.special_ops) == (256, 16)
        assert layer.inputs[0].first == 1 / 2
    assert make.one("ReduceSum", [x], make.x("y", 1, 1, 1, 1)).inputs[0].first == 1.0
    with pytest.raises(InputError, match="the axis 7 is outside"):
        make.one("ReduceSum", [x], make.x("y", 1), axes=[7])


def test_normalisation(make) -> None:
    """Two operations an element for batch norm, eight for layer norm with a shift; roots once a row."""
    x, y, v = make.x("x", 2, 10, 16), make.x("y", 2, 10, 16), make.w("v", 16)
    norm = make.one("LayerNormalization", [x, v, v], y)
    assert (norm.vector_ops, norm.special_ops, norm.inputs[0].first) == (8 * 320, 2 * 20, 1 / 20)
    assert make.one("RMSNormalization", [x, v], y).vector_ops == 4 * 320
    skip = make.one("com.microsoft.SkipLayerNormalization", [x, make.x("s", 2, 10, 16), v, v], y)
    assert (skip.vector_ops, len(skip.inputs)) == (9 * 320, 2)
    image = make.x("x", 2, 8, 4, 4)
    batch = make.one("BatchNormalization", [image, v, v, v, v], make.x("y", 2, 8, 4, 4))
    assert (batch.vector_ops, batch.special_ops) == (512, 0)
    assert "could be folded" in batch.note
    group = make.one("GroupNormalization", [image, v, v], make.x("y", 2, 8, 4, 4), num_groups=4)
    assert (group.special_ops, group.inputs[0].first) == (2 * 8, 1 / 2)


def test_softmax_over_the_last_axis_and_over_all_after_axis(make) -> None:
    """From opset 13 one axis, before it everything from axis on."""
    x, y = make.x("x", 4, 5, 6), make.x("y", 4, 5, 6)
    new = make.one("Softmax", [x], y, opset=13)
    assert (new.vector_ops, new.special_ops, new.inputs[0].first) == (360, 240, 1 / 20)
    assert make.one("Softmax", [x], y, opset=11).inputs[0].first == 1 / 4
    assert make.one("LogSoftmax", [x], y, opset=13).special_ops == 120 + 20


def test_pooling(make) -> None:
    """An operation for each element of each window, in a column of its own."""
    x, y = make.x("x", 2, 8, 8, 8), make.x("y", 2, 8, 4, 4)
    top = make.one("MaxPool", [x], y, kernel_shape=[2, 2], strides=[2, 2])
    assert (top.pool_ops, top.vector_ops, top.inputs[0].first, top.inputs[0].last) == (1024, 0, 2 / 16, 1 / 8)
    assert make.one("AveragePool", [x], y, kernel_shape=[2, 2], strides=[2, 2]).pool_ops == 256 * 5
    whole = make.one("GlobalAveragePool", [x], make.x("y", 2, 8, 1, 1))
    assert (whole.pool_ops, whole.special_ops, whole.inputs[0].first) == (1024, 16, 1 / 2)
    with pytest.raises(InputError, match="'kernel_shape' is missing"):
        make.one("MaxPool", [x], y)


def test_resize(make) -> None:
    """Nearest moves; linear takes four samples in two axes."""
    x, y = make.x("x", 1, 2, 4, 4), make.x("y", 1, 2, 8, 8)
    near = make.one("Resize", [x, None, None, make.values("s", [1, 2, 8, 8])], y)
    assert (near.kind, near.ops, near.inputs[0].first) == (Kind.MOVE, 0, 1 / 4)
    linear = make.one("Resize", [x, None, None, make.values("s", [1, 2, 8, 8])], y, mode="linear")
    assert (linear.kind, linear.vector_ops) == (Kind.DIGITAL, 8 * 128)


def test_movement_and_what_is_free(make) -> None:
    """Elements, no operations; a view costs nothing."""
    x, y = make.x("x", 2, 3, 4), make.x("y", 4, 3, 2)
    layer = make.one("Transpose", [x], y)
    assert (layer.kind, layer.input_elements, layer.output_elements, layer.ops) == (Kind.MOVE, 24, 24, 0)
    for op in ("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Dropout"):
        work = make.run(make.node(op, [x], make.x("y", 24)), make.node("Relu", [make.x("y", 24)], make.x("z", 24)))
        assert [layer.inputs[0].source for layer in work.layers] == [-1], op
        assert work.nodes[0].treatment == "free"
    with pytest.raises(InputError, match=r"perm is \[0, 0, 1\]"):
        make.one("Transpose", [x], y, perm=[0, 0, 1])


def test_cast_is_free_only_to_the_same_type(make) -> None:
    """An integer made of a float is an operation."""
    x = make.x("x", 8)
    assert make.run(make.node("Cast", [x], make.x("y", 8), to=1)).layers == ()
    assert make.one("Cast", [x], make.x("y", 8, dtype="int8"), to=3).vector_ops == 8


def test_size_that_depends_on_data_is_an_upper_bound_and_said(make) -> None:
    """Never a silent zero."""
    layer = make.one("NonZero", [make.x("x", 4, 5)], make.unknown("y"))
    assert layer.output_elements == 40
    assert "depends on the data" in layer.note
    work = make.run(make.node("Compress", [make.x("x", 20), make.x("c", 20, dtype="bool")], make.unknown("y")),
                    make.node("Relu", [make.unknown("y")], make.unknown("z")))  # fmt: skip
    assert [layer.output_elements for layer in work.layers] == [20, 20]
    with pytest.raises(InputError, match="the shape of the tensor 'y' is not known"):
        make.one("Relu", [make.unknown("x")], make.unknown("y"))


def test_constants_give_no_edge(make) -> None:
    """Neither weights nor shape arithmetic are traffic."""
    layer = make.one("Add", [make.x("x", 4), make.w("b", 4)], make.x("y", 4))
    assert (len(layer.inputs), layer.input_elements) == (1, 4)


@pytest.mark.parametrize("op", ["ai.onnx.ml.DictVectorizer", "ai.onnx.ml.TreeEnsembleClassifier"])
def test_what_has_no_product_needs_no_shape(make, op) -> None:
    """A map has no shape, and neither has what is made of it."""
    layer = make.one(op, [make.unknown("m")], make.unknown("y"))
    assert (layer.kind, layer.macs) == (Kind.DIGITAL, 0)
    assert layer.vector_ops >= 1
    assert "no matrix product" in layer.note
