"""Convolutions: do MACs, weights, fetched elements and shares agree with closed forms?"""

from __future__ import annotations

from itertools import product
from math import prod

import pytest

from pimsim.errors import InputError
from pimsim.graph.operators.conv import fetched_columns
from pimsim.graph.workload import Kind


def distinct_columns(outputs: int, kernel: int, stride: int, dilation: int) -> int:
    """Columns that a row of windows fetches, with every column kept that the register of an earlier window shares."""
    seen: set[int] = set()
    for o in range(outputs):
        seen |= {o * stride + j * dilation for j in range(kernel)}
    return len(seen)


@pytest.mark.parametrize(
    ("outputs", "kernel", "stride", "dilation"), list(product((1, 2, 5, 9), (1, 3, 5), (1, 2, 3), (1, 2, 3)))
)
def test_fetched_columns_are_the_distinct_ones(outputs: int, kernel: int, stride: int, dilation: int) -> None:
    """Long rows and short ones, with and without gaps."""
    assert fetched_columns(outputs, kernel, stride, dilation) == distinct_columns(outputs, kernel, stride, dilation)


@pytest.mark.parametrize("group", [1, 2, 8])
@pytest.mark.parametrize("spatial", [(12,), (12, 10), (6, 5, 7)])
def test_conv_counts(make, group: int, spatial: tuple[int, ...]) -> None:
    """1-D, 2-D and 3-D, plain, grouped and depthwise, padded by 1 with stride 1."""
    n = len(spatial)
    x, y = make.x("x", 2, 8, *spatial), make.x("y", 2, 16, *spatial)
    layer = make.one(
        "Conv", [x, make.w("w", 16, 8 // group, *[3] * n), make.w("b", 16)], y, group=group, pads=[1] * 2 * n
    )
    positions = 2 * prod(spatial)
    assert layer.kind is Kind.MVM
    assert layer.macs == positions * 16 * (8 // group) * 3**n
    assert (layer.groups, layer.rows, layer.cols, layer.vectors) == (group, 8 // group * 3**n, 16 // group, positions)
    assert layer.weight_elements == 16 * (8 // group) * 3**n
    assert layer.bias_elements == 16
    assert layer.vector_ops == positions * 16
    assert layer.input_elements == 2 * 8 * prod(spatial)
    assert layer.fetched_elements == 2 * 8 * 3 ** (n - 1) * prod(spatial[:-1]) * (spatial[-1] + 2)


def test_stride_dilation_and_auto_pad_give_the_output(make) -> None:
    """The output's shape is worked out when the graph does not state it."""
    x, w = make.x("x", 1, 4, 15, 15), make.w("w", 8, 4, 3, 3)
    for attributes, size in (
        ({"strides": [2, 2]}, 7),
        ({"dilations": [2, 2]}, 11),
        ({"auto_pad": "SAME_UPPER", "strides": [2, 2]}, 8),
        ({"auto_pad": "VALID"}, 13),
        ({"pads": [1, 1, 1, 1]}, 15),
    ):
        layer = make.one("Conv", [x, w], make.unknown("y"), **attributes)
        assert layer.vectors == size * size, attributes


def test_window_shares(make) -> None:
    """3x3 with padding 1 over 8 rows: two rows are needed, and the last one serves two output rows."""
    x, y = make.x("x", 1, 4, 8, 8), make.x("y", 1, 4, 8, 8)
    (edge,) = make.one("Conv", [x, make.w("w", 4, 4, 3, 3)], y, pads=[1] * 4).inputs
    assert (edge.source, edge.elements, edge.first, edge.last) == (-1, 256, 2 / 8, 2 / 8)
    z = make.x("y", 1, 4, 3, 3)
    (edge,) = make.one("Conv", [x, make.w("w", 4, 4, 3, 3)], z, strides=[2, 2]).inputs
    assert (edge.first, edge.last) == (3 / 8, 1 / 3)


def test_shares_of_a_batch_are_those_of_its_images_divided(make) -> None:
    """Images come one after the other."""
    x, y = make.x("x", 4, 4, 8, 8), make.x("y", 4, 4, 8, 8)
    (edge,) = make.one("Conv", [x, make.w("w", 4, 4, 3, 3)], y, pads=[1] * 4).inputs
    assert (edge.first, edge.last) == (2 / 32, 2 / 32)


@pytest.mark.parametrize("group", [1, 4])
def test_conv_transpose(make, group: int) -> None:
    """MACs = input positions x Cin x Cout/groups x kernel."""
    x, y = make.x("x", 2, 8, 5, 6), make.x("y", 2, 12, 10, 12)
    layer = make.one("ConvTranspose", [x, make.w("w", 8, 12 // group, 2, 2)], y, group=group, strides=[2, 2])
    assert layer.macs == 2 * 30 * 8 * 12 // group * 4
    assert (layer.rows, layer.cols, layer.vectors) == (8 // group, 12 // group * 4, 60)
    assert layer.inputs[0].first == layer.inputs[0].last == 1 / 10


def test_weight_that_is_no_constant_makes_a_dynamic_product(make) -> None:
    """Nothing can be programmed ahead of the inference."""
    layer = make.one("Conv", [make.x("x", 1, 2, 4, 4), make.x("w", 3, 2, 3, 3)], make.x("y", 1, 3, 2, 2))
    assert layer.kind is Kind.DYNAMIC
    assert layer.macs == 4 * 2 * 9 * 3
    assert [edge.elements for edge in layer.inputs] == [32, 54]
    assert layer.weight_elements == 0


def test_quantised_forms_bring_their_bits(make) -> None:
    """QLinearConv, ConvInteger and a Q/DQ pair."""
    s = make.values("s", 0.5)
    x, y = make.x("x", 1, 4, 8, 8, dtype="uint8"), make.x("y", 1, 4, 8, 8, dtype="uint8")
    w = make.w("w", 4, 4, 1, 1, bits=8, quantized=True)
    q = make.one("QLinearConv", [x, s, s, w, s, s, s, s, make.w("b", 4)], y)
    assert (q.weight_bits, q.input_bits, q.bias_elements, q.vector_ops) == (8, 8, 4, 4 * 256)
    i = make.one("ConvInteger", [x, w, s, s], make.x("y", 1, 4, 8, 8, dtype="int32"))
    assert (i.weight_bits, i.input_bits, i.macs) == (8, 8, 64 * 16)
    p = make.one("Conv", [make.x("x", 1, 4, 8, 8, bits=4), make.w("w", 4, 4, 1, 1, bits=4, quantized=True)], y)
    assert (p.weight_bits, p.input_bits) == (4, 4)
    plain = make.one("Conv", [make.x("x", 1, 4, 8, 8), make.w("w", 4, 4, 1, 1)], y)
    assert (plain.weight_bits, plain.input_bits) == (None, None)


def test_fused_conv_counts_its_activation_and_its_addend(make) -> None:
    """FusedConv: X, W, B, Z and a Relu."""
    x, y, z = make.x("x", 1, 4, 8, 8), make.x("y", 1, 4, 8, 8), make.x("z", 1, 4, 8, 8)
    layer = make.one("com.microsoft.FusedConv", [x, make.w("w", 4, 4, 1, 1), None, z], y, activation="Relu")
    assert layer.vector_ops == 2 * 256
    assert len(layer.inputs) == 2


def test_deform_conv_samples_then_multiplies(make) -> None:
    """Sampling operations stand in a layer of their own."""
    x, off, y = make.x("x", 1, 4, 8, 8), make.x("o", 1, 18, 6, 6), make.x("y", 1, 5, 6, 6)
    work = make.run(make.node("DeformConv", [x, make.w("w", 5, 4, 3, 3), off], y))
    sampling, conv = work.layers
    assert sampling.vector_ops == 36 * 4 * 9 * 11
    assert conv.macs == 36 * 4 * 9 * 5
    assert conv.inputs[0].source == 0
    assert work.nodes[0].treatment == "mvm"


@pytest.mark.parametrize(
    ("shape", "weight", "attributes", "text"),
    [
        (
            (1, 3, 8, 8),
            (4, 4, 3, 3),
            {},
            "an input of 3 channels, a weight of the shape [4, 4, 3, 3] and group 1 do not fit",
        ),
        ((1, 4, 2, 2), (4, 4, 3, 3), {}, "the window spans 3 positions along spatial axis 0"),
        ((1, 4, 8, 8), (4, 4, 3, 3), {"strides": [0, 1]}, "'strides' holds 0; integers of at least 1 are needed"),
        ((1, 4, 8, 8), (4, 4, 3, 3), {"group": "x"}, "the attribute 'group' is 'x'; an integer is needed"),
        ((1, 4, 8, 8), (4, 4, 3, 3), {"auto_pad": "SAME"}, "allowed: NOTSET, SAME_UPPER, SAME_LOWER, VALID"),
        ((1, 4, 8), (4, 4, 3, 3), {}, "the input has 1 spatial dimensions"),
        ((1, 4), (4, 4, 3, 3), {}, "but needs 3 dimensions"),
    ],
)
def test_errors_name_the_place(
    make, shape: tuple[int, ...], weight: tuple[int, ...], attributes: dict, text: str
) -> None:
    """What was found and where."""
    with pytest.raises(InputError) as error:
        make.one("Conv", [make.x("x", *shape), make.w("w", *weight)], make.unknown("y"), **attributes)
    assert str(error.value).startswith("node 0 'conv': Conv: ")
    assert text in str(error.value)


def test_count_beyond_two_to_the_53_is_refused(make) -> None:
    """A count that a float64 cannot hold is an error, not a rounded figure."""
    x = make.x("x", 1, 2**20, 2**20, 2**20)
    with pytest.raises(InputError, match=r"2\*\*53"):
        make.one("Conv", [x, make.w("w", 1, 2**20, 1, 1)], make.x("y", 1, 1, 2**20, 2**20))
    x = make.x("x", 1, 2**10, 2**10, 2**10)
    with pytest.raises(InputError, match=r"the layer 'conv' counts more than 2\*\*53 operations"):
        make.one("Conv", [x, make.w("w", 2**24, 2**10, 1, 1)], make.x("y", 1, 2**24, 2**10, 2**10))


def test_channels_last_is_the_same_product(make) -> None:
    """com.microsoft QLinearConv with [N, H, W, C]: the same counts, rows along axis 1."""
    s, w = make.values("s", 0.5), make.w("w", 6, 4, 3, 3, bits=8, quantized=True)
    front = make.one(
        "com.microsoft.QLinearConv", [make.x("x", 1, 4, 8, 9), s, s, w, s, s, s, s], make.x("y", 1, 6, 6, 7)
    )
    last = make.one(
        "com.microsoft.QLinearConv",
        [make.x("x", 1, 8, 9, 4), s, s, w, s, s, s, s],
        make.x("y", 1, 6, 7, 6),
        channels_last=1,
    )
    assert (front.macs, front.fetched_elements, front.inputs) == (last.macs, last.fetched_elements, last.inputs)


@pytest.mark.parametrize("weight", [(8, 3, 3, 5), (8, 5, 3, 3)])
@pytest.mark.parametrize("op", ["NhwcConv", "NhwcFusedConv"])
def test_channels_behind(make, op, weight) -> None:
    """[N, H, W, C] costs what [N, C, H, W] costs, whichever way the weight is stored."""
    x, w = make.x("x", 1, 10, 12, 5), make.w("w", *weight)
    layer = make.one("com.microsoft." + op, [x, w], make.x("y", 1, 8, 10, 8), kernel_shape=[3, 3])
    plain = make.one("Conv", [make.x("x", 1, 5, 10, 12), make.w("w", 8, 5, 3, 3)], make.x("y", 1, 8, 8, 10))
    assert (layer.rows, layer.cols, layer.vectors) == (plain.rows, plain.cols, plain.vectors) == (45, 8, 80)
    assert (layer.fetched_elements, layer.inputs) == (plain.fetched_elements, plain.inputs)
