"""Do sampling, mutation, crossover and distance keep to the space and to their words?"""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.spaces.nasrec import GENES, Architecture, Space, distance, gene_of
from pimsim.errors import InputError

TINY = Space(
    blocks=2, operators=("linear-2d", "sum", "linear-3d"), dense_widths=(8, 16), sparse_widths=(4,),
    most_connections=None,
)  # fmt: skip
SPACES = (
    Space.full(), Space.small(), TINY, Space.full(blocks=3, dense_widths=(16, 32), balanced=False, most_connections=1),
    Space.full(blocks=4, most_connections=None, use_layernorm=False),
)  # fmt: skip
seeds = st.integers(0, 2**32 - 1)
spaces = st.sampled_from(SPACES)


def genes(architecture):
    """Every choice of an architecture."""
    return [gene_of(block, gene) for block in architecture.blocks for gene in GENES]


def test_the_count_is_the_number_of_architectures():
    # 2 dense operators, 2 widths, 2 x 2 mergers; connections 1 x 1 x 1 x 1, then 3 x 3 x 2 x 2
    assert TINY.cardinality == 16 * (16 * 36)
    generator = np.random.default_rng(0)
    small = Space(blocks=2, operators=("linear-2d", "linear-3d"), dense_widths=(8,), sparse_widths=(4,))
    assert len({small.sample(generator) for _ in range(8_000)}) == small.cardinality == 4 * (4 * 36)


def test_published_spaces_have_their_size():
    # operators x widths x mergers a block; connections of block b: (sum of up to four of b)^2 x b^2
    connections = 1
    for count in range(1, 8):
        few = sum(len(list(itertools.combinations(range(count), k))) for k in range(1, min(4, count) + 1))
        connections *= few**2 * count**2
    assert Space.full().cardinality == (4 * 2 * 8 * 4 * 2 * 2) ** 7 * connections
    assert Space.small().cardinality == (2 * 8 * 4 * 2 * 2) ** 7 * connections


@given(spaces, seeds)
@settings(deadline=None, max_examples=25)
def test_samples_are_in_the_space_and_come_back_from_their_json(space, seed):
    found = space.sample(np.random.default_rng(seed))
    space.check(found)
    assert found.single
    assert Architecture.from_json(found.to_json()) == found
    assert found == space.sample(np.random.default_rng(seed))


@given(spaces, seeds, st.integers(1, 5))
@settings(deadline=None, max_examples=25)
def test_mutation_changes_at_most_as_many_genes_as_it_was_asked_to(space, seed, count):
    generator = np.random.default_rng(seed)
    parent = space.sample(generator)
    child = space.mutate(parent, generator, count)
    space.check(child)
    changed = sum(a != b for a, b in zip(genes(parent), genes(child), strict=True))
    assert changed <= count
    assert space.mutate(parent, generator) != parent


@given(spaces, seeds)
@settings(deadline=None, max_examples=25)
def test_crossover_takes_every_gene_from_a_parent(space, seed):
    generator = np.random.default_rng(seed)
    one, other = space.sample(generator), space.sample(generator)
    child = space.crossover(one, other, generator)
    space.check(child)
    assert all(c in (a, b) for a, b, c in zip(genes(one), genes(other), genes(child), strict=True))
    assert space.crossover(one, one, generator) == one


@given(spaces, seeds)
@settings(deadline=None, max_examples=25)
def test_distance_is_a_metric(space, seed):
    generator = np.random.default_rng(seed)
    a, b, c = (space.sample(generator) for _ in range(3))
    assert distance(a, a) == 0
    assert (distance(a, b) == 0) == (a == b)
    assert distance(a, b) == distance(b, a)
    assert distance(a, c) <= distance(a, b) + distance(b, c)


@given(spaces, seeds)
@settings(deadline=None, max_examples=25)
def test_encodings_tell_architectures_apart(space, seed):
    generator = np.random.default_rng(seed)
    a, b = space.sample(generator), space.sample(generator)
    one, other = space.encode(a), space.encode(b)
    assert one.shape == other.shape
    assert (a == b) == bool((one == other).all())
    changed = space.mutate(a, generator)
    assert (space.encode(changed) != one).any()


def test_a_distance_by_hand():
    generator = np.random.default_rng(1)
    parent = TINY.sample(generator)
    from dataclasses import replace

    first = parent.blocks[0]
    wider = replace(first, dense_width=24 - first.dense_width, merge_fm=not first.merge_fm)
    assert distance(parent, replace(parent, blocks=(wider, parent.blocks[1]))) == 2
    with pytest.raises(InputError, match="architectures of 2 and 7 blocks have no distance"):
        distance(parent, Space.full().sample(generator))


def test_connections_are_drawn_binomially():
    generator = np.random.default_rng(0)
    counts = np.bincount([len(Space.full().sample(generator).blocks[6].dense) for _ in range(4000)], minlength=5)
    assert counts[0] == 0
    assert np.allclose(counts[1:] / 4000, [1 / 8, 3 / 8, 3 / 8, 1 / 8], atol=0.03)


def test_strategies_for_training_paths():
    generator, space = np.random.default_rng(0), Space.full(blocks=5)
    paths = [space.sample(generator, "single-path") for _ in range(50)]
    assert all(len(b.dense) == len(b.sparse) == 1 and len(b.operators) == 2 for p in paths for b in p.blocks)
    several = [len(b.operators) for _ in range(50) for b in space.sample(generator, "any-path").blocks]
    assert min(several) == 2
    assert max(several) == 6
    full = space.sample(generator, "full")
    assert not full.single
    assert full.blocks[4].dense == full.blocks[4].left == (0, 1, 2, 3, 4)
    assert full.blocks[4].operators == space.operators
    assert (full.blocks[4].dense_width, full.blocks[4].sparse_rows) == (1024, 72)
    with pytest.raises(InputError, match=r"strategy must be one of single-operator, .*; got 'all'"):
        space.sample(generator, "all")


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"blocks": 0}, "blocks must be 1 to 62; got 0"),
        ({"operators": ("linear-2d", "conv")}, "operators are different ones of"),
        ({"operators": ("linear-2d",)}, "operators need a dense and a sparse one; got linear-2d"),
        ({"dense_widths": (32, 16)}, r"dense_widths must be rising whole numbers .*; got \[32, 16\]"),
        ({"sparse_widths": ()}, r"sparse_widths must be rising whole numbers .*; got \[\]"),
        ({"most_connections": 0}, "most_connections must be at least 1; got 0"),
    ],
)
def test_spaces_that_hold_nothing_are_refused(parameters, says):
    with pytest.raises(InputError, match=says):
        Space(**parameters)


def test_architectures_of_other_spaces_are_refused_by_name():
    generator = np.random.default_rng(0)
    found = Space.full(blocks=2, dense_widths=(16,)).sample(generator)
    for space, says in (
        (Space.full(), "the space has 7 blocks; got an architecture of 2"),
        (Space.full(blocks=2, balanced=False), "balanced is False in the space and not in the architecture"),
        (Space.full(blocks=2, dense_widths=(32,)), "block 0: dense_width must be one of 32; got 16"),
    ):
        with pytest.raises(InputError, match=says):
            space.check(found)
    one = Space(blocks=1, operators=("linear-2d", "linear-3d"), dense_widths=(8,), sparse_widths=(4,))
    assert one.cardinality == 4
