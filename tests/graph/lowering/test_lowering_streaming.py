"""When may a consumer begin, and what is left for it when its source ends?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pimsim.graph.operators.streaming import Flow, handover, reshaped, steps, window


@given(
    rows=st.integers(1, 12), extent=st.integers(1, 7), stride=st.integers(1, 4), pad=st.integers(0, 3),
    end=st.integers(0, 3), batch=st.integers(1, 3),
)  # fmt: skip
def test_window_shares_are_tight(rows: int, extent: int, stride: int, pad: int, end: int, batch: int) -> None:
    """Against a list of which input rows each output row reads."""
    out_rows = (rows + pad + end - extent) // stride + 1
    if out_rows < 1 or pad >= extent:
        return
    reads = [[r for r in range(o * stride - pad, o * stride - pad + extent) if 0 <= r < rows] for o in range(out_rows)]
    shape, out = (batch, 3, rows, 5), (batch, 3, out_rows, 5)
    first, last = window(Flow(0, None, (0, 2)), shape, out, extent=extent, stride=stride, pad=pad)
    assert first == pytest.approx(max(1, len(reads[0])) / (batch * rows))
    late = sum(rows - 1 in r for r in reads)
    assert last == pytest.approx(max(1, late) / (batch * out_rows))


@pytest.mark.parametrize(
    ("old", "order", "new", "expected"),
    [
        ((1, 8, 4, 4), (0, 2), (1, 128), ()),
        ((2, 8, 4, 4), (0, 2), (2, 128), (0,)),
        ((2, 8, 4, 4), (0, 2), (2, 8, 16), (0, 2)),
        ((2, 10, 16), (0, 1), (20, 16), (0,)),
        ((20, 16), (0,), (2, 10, 16), (0, 1)),
        ((2, 10, 16), (0, 1), (2, 10, 4, 4), (0, 1)),
        ((2, 10, 16), (0, 1), (2, 160), (0, 1)),
        ((2, 10, 16), None, (320,), None),
        ((2, 0, 16), (0, 1), (0,), ()),
    ],
)
def test_order_through_a_reshape(old, order, new, expected) -> None:
    """Kept as far as the row-major sequence keeps it."""
    assert reshaped(order, old, new) == expected


@given(st.lists(st.integers(1, 4), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_order_through_a_reshape_follows_the_elements(dims: list[int], random) -> None:
    """Elements that come in the first steps of the old order come in the first steps of the new one."""
    old = tuple(dims)
    total = steps(old, tuple(range(len(old))))
    new = tuple(sorted((d for d in (total, 1)), key=lambda _: random.random()))
    order = tuple(range(random.randint(0, len(old))))
    result = reshaped(order, old, new)
    assert result is not None
    arrived = steps(old, order)
    assert steps(new, result) % arrived == 0 or steps(new, result) == 1


def test_grain_keeps_the_rows_of_an_image_flattened_to_positions() -> None:
    """Positions arrive a row at a time."""
    assert handover(Flow(0, None, (0, 2), 1 / 4), (1, 8, 16), (0, 2)) == (1 / 4, 1 / 4)


def test_orders_share_their_front_only() -> None:
    """Different axes: whole; the same batch: one sample."""
    assert handover(Flow(0, None, (0, 2)), (2, 8, 4, 4), (0, 1)) == (1 / 2, 1 / 2)
    assert handover(Flow(0, None, (2,)), (1, 8, 4, 4), (0, 2)) == (1 / 4, 1 / 4)
    assert handover(Flow(0, None, ()), (1, 8, 4, 4), (0, 2)) == (1.0, 1.0)


def test_network_from_end_to_end(make) -> None:
    """Conv, Relu, pool, flatten, Gemm: rows, rows, windows, whole."""
    x, a, r = make.x("x", 1, 3, 8, 8), make.x("a", 1, 4, 8, 8), make.x("r", 1, 4, 8, 8)
    p, f, y = make.x("p", 1, 4, 4, 4), make.x("f", 1, 64), make.x("y", 1, 10)
    work = make.run(
        make.node("Conv", [x, make.w("w", 4, 3, 3, 3)], a, pads=[1] * 4),
        make.node("Relu", [a], r),
        make.node("MaxPool", [r], p, kernel_shape=[2, 2], strides=[2, 2]),
        make.node("Flatten", [p], f),
        make.node("Gemm", [f, make.w("v", 64, 10)], y),
        make.node("Relu", [y], make.x("z", 1, 10), name="end"),
    )
    shares = [(e.first, e.last) for layer in work.layers for e in layer.inputs]
    assert shares == [(1 / 4, 1 / 4), (1 / 8, 1 / 8), (1 / 4, 1 / 4), (1, 1), (1, 1)]


def test_squeeze_and_excitation_waits_for_the_whole_image(make) -> None:
    """The scale of a channel exists when its image has been seen; the image's rows stream beside it."""
    x, r, g = make.x("x", 1, 4, 8, 8), make.x("r", 1, 4, 8, 8), make.x("g", 1, 4, 1, 1)
    work = make.run(
        make.node("Relu", [x], r),
        make.node("GlobalAveragePool", [r], g),
        make.node("Mul", [r, g], make.x("y", 1, 4, 8, 8)),
    )
    conv_edges = work.layers[2].inputs
    assert {(e.source, e.first) for e in conv_edges} <= {(0, 1 / 8), (1, 1.0)}
    assert conv_edges[1].first == 1.0


def test_tokens_stream_through_matmul_and_transpose(make) -> None:
    """One token after the other, until the token axis is contracted."""
    x, h, t = make.x("x", 1, 10, 16), make.x("h", 1, 10, 8), make.x("t", 1, 8, 10)
    work = make.run(
        make.node("MatMul", [x, make.w("a", 16, 8)], h, name="a"),
        make.node("Transpose", [h], t, perm=[0, 2, 1]),
        make.node("MatMul", [t, make.w("b", 10, 6)], make.x("y", 1, 8, 6), name="b"),
    )
    assert [layer.inputs[0].first for layer in work.layers] == [1 / 10, 1 / 10, 1.0]


def test_residual_takes_the_order_of_the_branch_that_is_computed(make) -> None:
    """The model's input is there in any order; tokens that come time-major set the pace."""
    x, t, g = make.x("x", 2, 10, 8), make.x("t", 10, 2, 8), make.x("g", 10, 2, 8)
    work = make.run(
        make.node("Transpose", [x], t, perm=[1, 0, 2], name="in"),
        make.node("MatMul", [t, make.w("w", 8, 8)], g),
        make.node("Transpose", [g], make.x("b", 2, 10, 8), perm=[1, 0, 2], name="out"),
        make.node("Add", [x, make.x("b", 2, 10, 8)], make.x("y", 2, 10, 8)),
    )
    assert [e.first for layer in work.layers for e in layer.inputs] == [1 / 20] * 5


def test_gather_across_the_streamed_axis_hands_it_on(make) -> None:
    """Queries out of [3, T, C]; a gather along the tokens waits."""
    x, h = make.x("x", 10, 24), make.x("h", 10, 24)
    first = make.node("MatMul", [x, make.w("w", 24, 24)], h)
    views = make.node("Reshape", [h, make.values("s", [10, 3, 8])], make.x("v", 10, 3, 8))
    across = make.node("Gather", [make.x("v", 10, 3, 8), make.values("i", 0)], make.x("q", 10, 8), axis=1)
    along = make.node("Gather", [make.x("v", 10, 3, 8), make.values("i", 0)], make.x("q", 3, 8), axis=0)
    assert make.run(first, views, across).layers[1].inputs[0].first == 1 / 10
    assert make.run(first, views, along).layers[1].inputs[0].first == 1.0


def test_padding_keeps_the_rows(make) -> None:
    """A Pad before a convolution, as some exporters write it."""
    x, p = make.x("x", 1, 3, 8, 8), make.x("p", 1, 3, 10, 10)
    work = make.run(
        make.node("Conv", [x, make.w("v", 3, 3, 1, 1)], make.x("a", 1, 3, 8, 8), name="before"),
        make.node("Pad", [make.x("a", 1, 3, 8, 8), make.values("n", [0, 0, 1, 1, 0, 0, 1, 1])], p),
        make.node("Conv", [p, make.w("w", 4, 3, 3, 3)], make.x("y", 1, 4, 8, 8)),
    )
    assert [layer.inputs[0].first for layer in work.layers] == [1 / 8, 1 / 8, 3 / 10]


def test_concat_streams_beside_but_not_along(make) -> None:
    """Channels side by side keep the rows; rows one after the other do not."""
    a, b = make.x("a", 1, 4, 8, 8), make.x("b", 1, 4, 8, 8)
    ra, rb = make.x("ra", 1, 4, 8, 8), make.x("rb", 1, 4, 8, 8)
    nodes = [
        make.node("Conv", [a, make.w("w", 4, 4, 1, 1)], ra, name="a"),
        make.node("Conv", [b, make.w("v", 4, 4, 1, 1)], rb),
    ]
    side = make.run(*nodes, make.node("Concat", [ra, rb], make.x("y", 1, 8, 8, 8), axis=1))
    assert [e.first for e in side.layers[2].inputs] == [1 / 8, 1 / 8]
    along = make.run(*nodes, make.node("Concat", [ra, rb], make.x("y", 1, 4, 16, 8), axis=2))
    assert [e.first for e in along.layers[2].inputs] == [1.0, 1.0]


@pytest.mark.parametrize(("start", "kept", "extra"), [(0, 4, {}), (3, 5, {}), (-2, 2, {}), (1, 3, {"steps": 2})])
def test_a_slice_of_streamed_rows_begins_with_its_first_row(make, start, kept, extra) -> None:
    """Rows of an image come one by one: the slice needs those up to its first one, and ends with the source."""
    x, a, y = make.x("x", 1, 3, 8, 6), make.x("a", 1, 3, 8, 6), make.x("y", 1, 3, kept, 6)
    ends = [2**31] if "steps" in extra or start < 0 else [start + kept]
    inputs = [a, *(make.values(n, [v]) for n, v in (("s", start), ("e", ends[0]), ("ax", 2)))]
    inputs += [make.values("st", [extra["steps"]])] if extra else []
    conv = make.node("Conv", [x, make.w("w", 3, 3, 1, 1)], a)
    edge = make.run(conv, make.node("Slice", inputs, y)).layers[1].inputs[0]
    assert edge.first == pytest.approx((start % 8 + 1) / 8)
    assert edge.last == pytest.approx(1 / kept)
    assert edge.elements == 18 * kept
