"""Are widths, parameters and multiply-adds those that one counts by hand, and those of the published networks?"""

from pathlib import Path

import pytest

from nas.spaces.architecture import Architecture, Block
from nas.spaces.sizes import Inputs, Reach, counted_rows, fvcore_flops, parameters, reach, sizes
from pimsim.errors import InputError

PUBLISHED = Path(__file__).resolve().parents[4] / "shared" / "reference" / "nasrec"
# fvcore's count on the authors' code; parameters that it builds; those that reach the output (shared/reference)
COUNTED = {
    "criteo_small": (2_251_328, 1_784_165, 1_747_477),
    "criteo_full": (1_291_737, 2_222_323, 752_131),
    "avazu_small": (3_140_800, 2_844_977, 2_746_417),
    "avazu_full": (1_826_096, 3_187_494, 1_480_896),
}
INPUTS = Inputs(3, 5, 16)


def one(dense, sparse="linear-3d", width=8, rows=4, merge_dense=False, merge_fm=False, balanced=True):
    block = Block((dense, sparse), width, rows, merge_dense, merge_fm, (0,), (0,), (0,), (0,))
    return Architecture((block,), balanced=balanced)


@pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published files are not beside this checkout")
@pytest.mark.parametrize("name", COUNTED)
def test_published_networks_count_as_the_authors_code_does(name):
    architecture = Architecture.load(PUBLISHED / f"{name}.json")
    inputs = Inputs(13, 26) if name.startswith("criteo") else Inputs(1, 23)
    flops, built, reaching = COUNTED[name]
    assert fvcore_flops(architecture, inputs) == flops
    assert parameters(architecture, inputs) == (built, reaching)


HEAD = 8 + 4 * 16 + 1  # dense width, rows x dim, bias
EFC = 4 * 5 + 2 * 4


@pytest.mark.parametrize(
    ("architecture", "count"),
    [
        (one("linear-2d"), 8 * 3 + 16 + EFC + HEAD),
        # 3 -> 16, 5 rows -> 4 rows (round of the root of 16), 10 pairs -> 8
        (one("dot-product"), (16 * 3 + 32) + (4 * 5 + 8) + (8 * 10 + 16) + EFC + HEAD),
        # without balancing 5 rows stay: 15 pairs
        (one("dot-product", balanced=False), (16 * 3 + 32) + (8 * 15 + 16) + EFC + HEAD),
        (one("sum"), 8 * 3 + 16 + EFC + HEAD),
        (one("sum", width=3), 6 + EFC + HEAD - 5),  # widths match: no matrix
        (one("sigmoid-gating"), (9 + 3) + (8 * 3 + 8) + 16 + EFC + HEAD),  # this matrix has a bias all the same
        (one("linear-2d", merge_dense=True), 8 * 3 + 16 + EFC + (128 * 8 + 256) + HEAD + 128),
        (one("linear-2d", merge_fm=True), 8 * 3 + 16 + EFC + (8 * 16 + 16) + HEAD),
        (one("linear-2d", "transformer"),
         8 * 3 + 16 + EFC + (48 * 16 + 48) + (16 * 16 + 16) * 3 + 4 * 16 + HEAD),
    ],
    ids=lambda value: "" if isinstance(value, int) else value.blocks[0].operators[0],
)  # fmt: skip
def test_parameters_by_hand(architecture, count):
    assert parameters(architecture, INPUTS) == (count, count)


def test_an_unused_norm_is_built_and_does_not_reach():
    found = parameters(one("linear-2d", width=16, merge_fm=True), INPUTS)
    assert found.built - found.reaching == 32


def test_multiply_adds_by_hand():
    head = 8 + 64
    efc = 16 * 5 * 4 + 5 * 16 * 4
    assert fvcore_flops(one("linear-2d"), INPUTS) == 3 * 8 + 5 * 8 + efc + head
    dot = (3 * 16 + 5 * 16) + (16 * 5 * 4 + 5 * 64) + 16 * 5 * 5 + 10 * 8 + 5 * 8
    assert fvcore_flops(one("dot-product"), INPUTS) == dot + efc + head
    attention = (48 * 16 + 3 * 16 * 16) * 4 + 2 * 5 * 64
    assert fvcore_flops(one("linear-2d", "transformer"), INPUTS) == 3 * 8 + 40 + efc + attention + head


def test_sizes_follow_the_connections():
    first = Block(("linear-2d", "linear-3d"), 32, 8, True, False, (0,), (0,), (0,), (0,))
    second = Block(("dot-product", "linear-3d"), 16, 4, False, False, (0, 1), (0, 1), (0,), (1,))
    found = sizes(Architecture((first, second)), INPUTS)[1]
    assert (found.dense_in, found.rows_in) == (3 + 32, 5 + 8 + 8)
    assert (found.left, found.right, found.padded) == (3, 32, 32)
    assert (found.interacting, found.pairs) == (6, 21)


@pytest.mark.parametrize(("width", "rows"), [(2, 2), (16, 6), (32, 8), (128, 16), (512, 32), (1024, 45)])
def test_rows_of_the_dot_product_make_as_many_pairs_as_outputs(width, rows):
    assert counted_rows(width) == rows
    assert abs(rows * (rows + 1) / 2 - width) <= rows


def test_only_what_reaches_the_output_is_live():
    unread = Block(("linear-2d", "linear-3d"), 16, 4, True, True, (0,), (0,), (0,), (0,))
    for_rows = Block(("linear-2d", "linear-3d"), 16, 4, True, True, (0,), (0,), (0,), (0,))
    last = Block(("linear-2d", "linear-3d"), 16, 4, False, False, (0,), (2,), (0,), (0,))
    found = reach(Architecture((unread, for_rows, last)), 16)
    assert found[0] == Reach(False, False, False, False)
    # its dense output is read by the merger alone, before the factorisation machine is added
    assert found[1] == Reach(True, True, True, False)
    assert found[2] == Reach(True, True, False, False)


def test_a_merger_without_projection_appends_the_sum_with_the_factorisation_machine():
    wide = Block(("linear-2d", "linear-3d"), 128, 4, True, True, (0,), (0,), (0,), (0,))
    last = Block(("linear-2d", "linear-3d"), 16, 4, False, False, (0,), (1,), (0,), (0,))
    assert reach(Architecture((wide, last)), 16)[0].merge_fm
    assert not reach(Architecture((wide, last)), 8)[0].merge_fm


def test_heads_must_divide_the_embedding():
    with pytest.raises(InputError, match="the embedding width must be a multiple; got 12"):
        sizes(one("linear-2d", "transformer"), Inputs(3, 5, 12))
