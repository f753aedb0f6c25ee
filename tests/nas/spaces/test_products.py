"""Is the order of explicit products that which one counts by hand, of hand-made networks, and of what they compute?"""

from dataclasses import replace

import numpy as np
import pytest

from nas.spaces.architecture import Architecture, Block
from nas.spaces.nasrec import Space
from nas.spaces.products import product_order
from nas.spaces.sizes import Inputs

INPUTS = Inputs(3, 5, 16)
FC, DOT, GATE, SUM, EFC, ATTENTION = (
    "linear-2d", "dot-product", "sigmoid-gating", "sum", "linear-3d", "transformer"
)  # fmt: skip


def block(dense=FC, sparse=EFC, *, reads=0, rows=8, width=32, merge_dense=False, merge_fm=False, left=0, right=0):
    return Block((dense, sparse), width, rows, merge_dense, merge_fm, (reads,), (reads,), (left,), (right,))


def order(*blocks, dense_degree=1, inputs=INPUTS, balanced=True):
    return product_order(Architecture(blocks, balanced=balanced), inputs, dense_degree)


@pytest.mark.parametrize(
    ("dense", "sparse", "expected"),
    [(FC, EFC, 1), (SUM, EFC, 1), (FC, ATTENTION, 1), (GATE, EFC, 2), (DOT, EFC, 2)],
)
def test_one_operator(dense, sparse, expected):
    assert order(block(dense, sparse)) == expected


def test_a_factorisation_machine_multiplies_two_rows_and_needs_two():
    assert order(block(merge_fm=True)) == 2
    assert order(block(merge_fm=True, rows=1)) == 1
    assert order(block(), block(merge_fm=True, reads=1)) == 2


def test_degrees_add_along_a_path():
    squares = block(DOT, merge_dense=True)  # dense 2, merged rows 2
    assert order(squares, block(DOT, reads=1)) == 4
    assert order(squares, block(DOT, reads=1), block(FC, reads=2)) == 4
    assert order(squares, block(GATE, left=1, right=1)) == 4
    assert order(squares, block(GATE, left=1, right=0)) == 3
    assert order(squares, block(DOT, reads=1, merge_dense=True), block(DOT, reads=2, merge_fm=True)) == 8


def test_a_dot_product_adds_its_two_best_vectors():
    one_dense = replace(block(DOT), dense=(1,), sparse=(0,))  # dense of degree 2 with rows of degree 1
    assert order(block(DOT), one_dense) == 3
    # the merger adds rows of degree 2: now two of them meet
    assert order(block(DOT, merge_dense=True), replace(one_dense, sparse=(0, 1))) == 4


def test_a_single_best_row_meets_the_next_best():
    first = block(DOT, rows=1)  # dense 2; one row of degree 1
    second = replace(block(DOT, EFC, width=1), dense=(0,), sparse=(1,))  # interacting: round(sqrt(2)) = 1, as rows
    assert order(first, second, dense_degree=0) == 1, "the row meets the dense vector, which has no degree"
    assert order(first, replace(second, dense=(1,)), dense_degree=0) == 3
    assert order(first, replace(second, sparse=(0, 1)), balanced=False, dense_degree=0) == 2


def test_what_does_not_reach_the_output_does_not_count():
    high = block(DOT, merge_dense=True, merge_fm=True)
    assert order(high, block(FC, reads=0)) == 1
    assert order(high, replace(block(FC), sparse=(1,))) == 2, "rows of the first block reach the head through EFC"
    assert order(block(DOT), replace(block(FC), sparse=(1,))) == 1, "rows alone, and nothing was merged into them"


def test_the_merger_takes_the_dense_output_before_the_machine_unless_it_keeps_its_width():
    last = replace(block(FC), sparse=(1,))
    assert order(block(FC, width=64, merge_dense=True, merge_fm=True), last) == 1
    assert order(block(FC, width=128, merge_dense=True, merge_fm=True), last) == 2


def test_dense_columns_may_count_for_nothing():
    assert order(block(GATE), dense_degree=0) == 1, "the sparse fields reach the head by EFC"
    assert order(block(DOT), dense_degree=0) == 2
    assert order(block(DOT), block(GATE, left=1, right=0), dense_degree=0) == 2


def test_no_network_exceeds_doubling_and_gating_and_all_are_at_least_one():
    space = Space.full(blocks=4, dense_widths=(16, 32), sparse_widths=(4, 8))
    generator = np.random.default_rng(0)
    orders = [product_order(space.sample(generator), INPUTS) for _ in range(300)]
    assert min(orders) >= 1
    assert max(orders) <= 2**4


@pytest.mark.parametrize("dense", [DOT, FC])
@pytest.mark.parametrize("merge_fm", [False, True])
def test_without_bends_the_network_is_a_polynomial_of_that_degree(dense, merge_fm):
    """Scaled features: with neither normalisation nor ReLU the output grows as the order's power of the scale."""
    torch = pytest.importorskip("torch")
    from nas.supernets import forward

    blocks = (
        block(dense, merge_fm=merge_fm, merge_dense=True),
        block(DOT, reads=1, merge_dense=True),
        replace(block(GATE, left=1, right=2), sparse=(2,)),
    )
    architecture = Architecture(blocks, use_layernorm=False)
    found = _scaled(torch, forward, architecture, [1024.0, 2048.0])
    growth = np.log2(abs(found[1] / found[0]))
    assert growth == pytest.approx(product_order(architecture, INPUTS), abs=0.05)


def _scaled(torch, forward, architecture, scales):
    """Outputs for scaled inputs, in double precision; ReLU and sigmoid taken as the identity, biases out."""
    from nas.spaces.sizes import weights

    generator = torch.Generator().manual_seed(0)
    found = {}
    for weight in weights(architecture, INPUTS):
        fresh = torch.randn(weight.shape, generator=generator, dtype=torch.float64)
        found[weight.name] = (fresh * (0.0 if weight.name.endswith("bias") else 0.1),)
    dense = torch.randn((1, INPUTS.dense), generator=generator, dtype=torch.float64)
    rows = torch.randn((1, INPUTS.dim, INPUTS.fields), generator=generator, dtype=torch.float64)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(forward.F, "relu", lambda x: x)
        patch.setattr(forward.torch, "sigmoid", lambda x: x)
        network = forward.Forward(architecture, INPUTS)
        return [float(network(found, scale * dense, scale * rows)) for scale in scales]
