"""Matrix products: orientation of constants, groups, einsum equations, packed weights, recurrence."""

from __future__ import annotations

import pytest

from pimsim.errors import InputError
from pimsim.graph.workload import Kind


def test_gemm(make) -> None:
    """Every combination of transposed operands gives the same product."""
    for a, b in ((0, 0), (0, 1), (1, 0), (1, 1)):
        x = make.x("x", *((6, 5) if a else (5, 6)))
        w = make.w("w", *((7, 6) if b else (6, 7)))
        layer = make.one("Gemm", [x, w, make.w("b", 7)], make.x("y", 5, 7), transA=a, transB=b)
        assert (layer.kind, layer.rows, layer.cols, layer.vectors, layer.groups) == (Kind.MVM, 6, 7, 5, 1)
        assert (layer.bias_elements, layer.vector_ops, layer.weight_key) == (7, 35, "w")


def test_gemm_with_constant_on_the_left(make) -> None:
    """y = W x: the constant's columns are rows of the crossbar."""
    layer = make.one("Gemm", [make.w("w", 5, 6), make.x("x", 6, 7)], make.x("y", 5, 7))
    assert (layer.kind, layer.rows, layer.cols, layer.vectors) == (Kind.MVM, 6, 5, 7)


@pytest.mark.parametrize(
    ("a", "b", "y", "left", "sizes"),
    [
        ((2, 10, 6), (6, 7), (2, 10, 7), False, (1, 6, 7, 20)),
        ((6,), (6, 7), (7,), False, (1, 6, 7, 1)),
        ((3, 6), (6,), (3,), False, (1, 6, 1, 3)),
        ((2, 4, 6), (2, 6, 7), (2, 4, 7), False, (2, 6, 7, 4)),
        ((3, 2, 4, 6), (2, 6, 7), (3, 2, 4, 7), False, (2, 6, 7, 12)),
        ((5, 6), (4, 6, 7), (4, 5, 7), True, (1, 6, 5, 28)),
        ((4, 5, 6), (4, 6, 7), (4, 5, 7), True, (4, 6, 5, 7)),
        ((6, 7), (3, 7), None, False, None),
    ],
)
def test_matmul_with_a_constant(make, a, b, y, left, sizes) -> None:
    """Ranks 1 to 4, constant left and right, batches of constants as groups."""
    first, second = (make.w("w", *a), make.x("x", *b)) if left else (make.x("x", *a), make.w("w", *b))
    if sizes is None:
        with pytest.raises(InputError, match="cannot be multiplied: 7 is not 3"):
            make.one("MatMul", [first, second], make.unknown("y"))
        return
    layer = make.one("MatMul", [first, second], make.x("y", *y))
    assert layer.kind is Kind.MVM
    assert (layer.groups, layer.rows, layer.cols, layer.vectors) == sizes


def test_matmul_of_activations(make) -> None:
    """Batch and heads are groups; a shared right operand makes one."""
    q, k, y = make.x("q", 2, 4, 10, 8), make.x("k", 2, 4, 8, 12), make.x("y", 2, 4, 10, 12)
    layer = make.one("MatMul", [q, k], y)
    assert (layer.kind, layer.groups, layer.rows, layer.cols, layer.vectors) == (Kind.DYNAMIC, 8, 8, 12, 10)
    assert layer.input_elements == 640 + 768
    shared = make.one("MatMul", [q, make.x("k", 8, 12)], y)
    assert (shared.groups, shared.vectors) == (1, 80)


def test_quantised_products(make) -> None:
    """QLinearMatMul, MatMulInteger, QGemm, DynamicQuantizeMatMul, MatMulIntegerToFloat."""
    s = make.values("s", 0.1)
    x, w = make.x("x", 4, 6, dtype="uint8"), make.w("w", 6, 7, bits=8, quantized=True)
    y = make.x("y", 4, 7)
    for op, inputs, vector in (
        ("QLinearMatMul", [x, s, s, w, s, s, s, s], 84),
        ("MatMulInteger", [x, w, s, s], 0),
        ("com.microsoft.QGemm", [x, s, s, w, s, s, make.w("c", 7), s, s], 84 + 28),
        ("com.microsoft.MatMulIntegerToFloat", [x, w, s, s], 28),
        ("com.microsoft.DynamicQuantizeMatMul", [make.x("x", 4, 6), w, s, s], 5 * 24 + 28),
    ):
        layer = make.one(op, inputs, y)
        assert (layer.macs, layer.weight_bits, layer.input_bits, layer.vector_ops) == (168, 8, 8, vector), op


def test_matmul_nbits(make) -> None:
    """K, N and bits come from attributes: the weight is packed."""
    x, w = make.x("x", 2, 5, 64), make.w("w", 32, 2, 16, bits=8, quantized=True, dtype="uint8")
    layer = make.one(
        "com.microsoft.MatMulNBits", [x, w, make.w("s", 64)], make.x("y", 2, 5, 32), K=64, N=32, bits=4, block_size=32
    )
    assert (layer.rows, layer.cols, layer.vectors, layer.weight_bits) == (64, 32, 10, 4)
    assert layer.weight_elements == 64 * 32
    assert layer.vector_ops == 2 * 2 * 320


def test_shared_weights_have_one_key(make) -> None:
    """Two nodes on one initialiser are one matrix; a table that is also a matrix is stored once."""
    x, h, y = make.x("i", 4, dtype="int64"), make.x("h", 4, 16), make.x("y", 4, 50)
    work = make.run(
        make.node("Gather", [make.w("e", 50, 16, key="E"), x], h),
        make.node("Gemm", [h, make.w("o", 50, 16, key="E")], y, transB=1),
    )
    table, matrix = work.layers
    assert (table.kind, matrix.kind) == (Kind.LOOKUP, Kind.MVM)
    assert table.weight_key == matrix.weight_key == "E"
    assert work.weights == 800


@pytest.mark.parametrize(
    ("equation", "shapes", "constant", "kind", "sizes"),
    [
        ("ij,jk->ik", [(4, 6), (6, 7)], 1, Kind.MVM, (1, 6, 7, 4)),
        ("bij,jk->bik", [(2, 4, 6), (6, 7)], 1, Kind.MVM, (1, 6, 7, 8)),
        ("ij,bjk->bik", [(4, 6), (2, 6, 7)], 0, Kind.MVM, (1, 6, 4, 14)),
        ("gij,gjk->gik", [(3, 4, 6), (3, 6, 7)], 1, Kind.MVM, (3, 6, 7, 4)),
        ("...d,de->...e", [(2, 5, 6), (6, 7)], 1, Kind.MVM, (1, 6, 7, 10)),
        ("bqhd,bkhd->bhqk", [(2, 5, 3, 8), (2, 6, 3, 8)], None, Kind.DYNAMIC, (6, 8, 6, 5)),
        (" b i , b i -> b ", [(4, 6), (4, 6)], None, Kind.DYNAMIC, (4, 6, 1, 1)),
        ("ij,jk", [(4, 6), (6, 7)], 1, Kind.MVM, (1, 6, 7, 4)),
        ("bi,bj->bij", [(4, 6), (4, 7)], None, Kind.DIGITAL, None),
        ("ij->ji", [(4, 6)], None, Kind.MOVE, None),
        ("ij->i", [(4, 6)], None, Kind.DIGITAL, None),
        ("ii->i", [(4, 4)], None, Kind.MOVE, None),
    ],
)
def test_einsum(make, equation, shapes, constant, kind, sizes) -> None:
    """One equation, one step."""
    inputs = [make.w("w", *s) if i == constant else make.x(f"x{i}", *s) for i, s in enumerate(shapes)]
    layer = make.one("Einsum", inputs, make.unknown("y"), equation=equation)
    assert layer.kind is kind
    if sizes:
        assert (layer.groups, layer.rows, layer.cols, layer.vectors) == sizes


def test_einsum_of_three_contracts_from_the_left(make) -> None:
    """a b c: (a b) first, then the constant."""
    inputs = [make.x("a", 4, 5), make.x("b", 5, 6), make.w("c", 6, 7)]
    work = make.run(make.node("Einsum", inputs, make.x("y", 4, 7), equation="ij,jk,kl->il"))
    assert [(layer.kind, layer.macs) for layer in work.layers] == [(Kind.DYNAMIC, 120), (Kind.MVM, 168)]
    assert work.layers[1].inputs[0].source == 0


@pytest.mark.parametrize("equation", ["ij,jk->iz", "ij->i", "i..j,jk->k", "((,->", "ij,kk->", "ijk,jk->i", "ij,jk->ii"])
def test_equation_that_does_not_fit_is_refused(make, equation: str) -> None:
    """Names, ranks and counts of operands are checked."""
    with pytest.raises(InputError, match="einsum"):
        make.one("Einsum", [make.x("a", 4, 5), make.x("b", 6, 7)], make.unknown("y"), equation=equation)


@pytest.mark.parametrize(("op", "gates"), [("LSTM", 4), ("GRU", 3), ("RNN", 1)])
@pytest.mark.parametrize("dirs", [1, 2])
def test_recurrent(make, op: str, gates: int, dirs: int) -> None:
    """Input projection free of recurrence, recurrent projection of T serial steps, gates."""
    t, b, i, h = 7, 2, 16, 24
    x, y = make.x("x", t, b, i), make.x("y", t, dirs, b, h)
    inputs = [x, make.w("W", dirs, gates * h, i), make.w("R", dirs, gates * h, h), make.w("B", dirs, 2 * gates * h)]
    direction = "bidirectional" if dirs == 2 else "forward"
    plain = {"linear_before_reset": 1} if op == "GRU" else {}
    work = make.run(make.node(op, inputs, y, hidden_size=h, direction=direction, **plain))
    first, second, third = work.layers
    assert work.macs == dirs * t * b * gates * h * (i + h)
    assert (first.serial_steps, second.serial_steps) == (1, t)
    assert (second.groups, second.rows, second.cols, second.vectors) == (dirs, h, gates * h, t * b)
    assert third.kind is Kind.DIGITAL
    assert third.special_ops == dirs * t * b * h * {"LSTM": 5, "GRU": 3, "RNN": 1}[op]
    assert third.inputs[0].first == third.inputs[0].last == 1.0
    assert (second.inputs[0].first == 1.0) == (dirs == 2)
    assert (work.nodes[0].treatment, work.nodes[0].macs) == ("mvm", work.macs)


def test_gru_with_the_reset_before_the_product(make) -> None:
    """The candidate's product waits for the reset gate: two products a step, one matrix in two parts."""
    t, b, i, h = 7, 2, 16, 24
    inputs = [make.x("x", t, b, i), make.w("W", 1, 3 * h, i), make.w("R", 1, 3 * h, h)]
    work = make.run(make.node("GRU", inputs, make.x("y", t, 1, b, h), hidden_size=h))
    assert [layer.name.rpartition("/")[2] for layer in work.layers] == ["input", "recurrent", "candidate", "gates"]
    gates, candidate = work.layers[1:3]
    assert (gates.cols, candidate.cols) == (2 * h, h)
    assert (gates.serial_steps, candidate.serial_steps) == (t, t)
    assert (candidate.inputs[0].source, candidate.inputs[0].first) == (1, 1.0)
    assert [edge.source for edge in work.layers[3].inputs] == [1, 2]
    assert work.macs == t * b * 3 * h * (i + h)
    assert work.weights == 3 * h * (i + h)
    assert work.nodes[0].weight_bytes == 4 * 3 * h * (i + h)


def test_hidden_size_must_fit_the_matrices(make) -> None:
    inputs = [make.x("x", 3, 1, 4), make.w("W", 1, 20, 4), make.w("R", 1, 20, 5)]
    with pytest.raises(InputError, match=r"'hidden_size' is 8589934592, but R has the shape \[1, 20, 5\]: 5 units"):
        make.run(make.node("LSTM", inputs, make.x("y", 3, 1, 1, 5), hidden_size=2**33))


def test_packed_weight_must_fit_the_attributes(make) -> None:
    x, w = make.x("x", 2, 64), make.w("w", 8, 2, 16, bits=8, quantized=True, dtype="uint8")
    with pytest.raises(InputError, match=r"shape \[8, 2, 16\]; K, N, bits and block_size need \[8589934592, 2, 16\]"):
        make.one("com.microsoft.MatMulNBits", [x, w], make.unknown("y"), K=64, N=2**33, bits=4, block_size=32)
    with pytest.raises(InputError, match="256 elements: too few for K = 64 and N = 900"):
        make.one("com.microsoft.MatMulBnb4", [x, make.w("v", 256)], make.unknown("y"), K=64, N=900, block_size=32)


@pytest.mark.parametrize(("a", "b", "swaps"), [
    ((5, 3, 6), (3, 6, 7), {"transBatchA": 1}),
    ((3, 5, 6), (6, 3, 7), {"transBatchB": 1}),
    ((6, 3, 5), (6, 3, 7), {"transBatchA": 1, "transBatchB": 1, "transA": 1}),
])  # fmt: skip
def test_fused_matmul_with_the_batch_inside(make, a, b, swaps) -> None:
    layer = make.one("com.microsoft.FusedMatMul", [make.x("a", *a), make.x("b", *b)], make.x("y", 3, 5, 7), **swaps)
    assert (layer.groups, layer.vectors, layer.rows, layer.cols) == (3, 5, 6, 7)


def test_recurrent_with_weights_from_outside_is_dynamic(make) -> None:
    """Weights that are inputs cannot stay on crossbars."""
    inputs = [make.x("x", 3, 1, 4), make.x("W", 1, 20, 4), make.x("R", 1, 20, 5)]
    work = make.run(make.node("LSTM", inputs, make.x("y", 3, 1, 1, 5)))
    assert [layer.kind for layer in work.layers] == [Kind.DYNAMIC, Kind.DYNAMIC, Kind.DIGITAL]
    with pytest.raises(InputError, match=r"4 gates: W \[directions, 4\*H, I\]"):
        make.run(make.node("LSTM", [inputs[0], make.w("W", 1, 21, 4), make.w("R", 1, 20, 5)], make.unknown("y")))


def test_product_with_a_dimension_zero_costs_nothing(make) -> None:
    """An empty batch, said so."""
    work = make.run(make.node("MatMul", [make.x("x", 0, 6), make.w("w", 6, 7)], make.x("y", 0, 7)))
    assert work.layers == ()
    assert "a dimension of this product is 0" in work.nodes[0].note


def test_shape_that_is_not_known_is_named(make) -> None:
    """The tensor, and the way out."""
    with pytest.raises(InputError, match=r"the shape of the tensor 'q' is not known.*--shape"):
        make.one("MatMul", [make.unknown("q"), make.w("w", 6, 7)], make.x("y", 4, 7))
