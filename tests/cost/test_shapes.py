"""Does a choice space say what it holds, name its mistakes, and give the networks that it stands for?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pimsim.cost.shapes import LARGEST_SPACE, PREVIOUS, Block, Candidate, Choices, back, chain
from pimsim.errors import InputError
from pimsim.graph.workload import MODEL_INPUT, Edge, Kind, Layer
from validation.choice_spaces import cnn, encoder, recommender

from .random_spaces import spaces


def layer(name: str, *sources: int, key: str = "") -> Layer:
    edges = tuple(Edge(s, 10) for s in sources)
    return Layer(name, "Gemm", Kind.MVM, edges, groups=1, rows=8, cols=8, vectors=1, weight_key=key)


def space(*candidates: Candidate, name: str = "one") -> Choices:
    return Choices("test", (Block(name, (candidates,)),))


def told(call: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        call()
    return list(caught.value.problems)


def test_sources_are_found_through_blocks() -> None:
    """Block by block: a product, a pass, one that reads two blocks back and the input, a pass of block 0, a reader."""
    blocks = (
        Block("a", ((Candidate((layer("x", PREVIOUS), layer("y", 0)), output=0),),)),
        Block("b", ((Candidate(),),)),
        Block("c", ((Candidate((layer("x", back(2), back(1), MODEL_INPUT, back(9)),)),),)),
        Block("d", ((Candidate(output=back(3)),),)),
        Block("e", ((Candidate((layer("x", PREVIOUS), layer("y", 0, back(2)))),),)),
    )
    found = Choices("walk", blocks).workload([0] * 5)
    assert found.name == "walk:0-0-0-0-0"
    assert [one.name for one in found.layers] == ["a/x", "a/y", "c/x", "e/x", "e/y"]
    sources = [[edge.source for edge in one.inputs] for one in found.layers]
    assert sources == [[-1], [0], [0, 0, -1, -1], [0], [3, 2]]


@given(spaces(), st.integers(0, 2**32 - 1))
@settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
def test_every_network_of_a_space_is_in_order(space: Choices, seed: int) -> None:
    for architecture in space.random(3, np.random.default_rng(seed)):
        found = space.workload(architecture).layers
        assert len(found) == sum(len(c.layers) for c in space.path(architecture))
        assert len({one.name for one in found}) == len(found)
        for at, one in enumerate(found):
            assert all(MODEL_INPUT <= edge.source < at for edge in one.inputs)


def test_counts_and_encodings() -> None:
    found = recommender(2)
    assert (found.widths, found.architectures) == ((2, 16, 16), 512)
    architectures = found.random(200, np.random.default_rng(0))
    encoded = found.one_hot(architectures)
    assert encoded.shape == (200, 34)
    assert (encoded.sum(1) == 3).all()
    starts = np.array([0, 2, 18])
    np.testing.assert_array_equal(np.argwhere(encoded)[:, 1].reshape(-1, 3) - starts, architectures)
    np.testing.assert_array_equal(architectures, found.random(200, np.random.default_rng(0)))
    only = [np.eye(w)[w - 1] for w in found.widths]
    assert (found.random(9, np.random.default_rng(1), only) == [1, 15, 15]).all()


@pytest.mark.parametrize("made", [cnn(2), recommender(2), encoder(2)])
def test_spaces_of_the_field_follow_shapes(made: Choices) -> None:
    """What a layer reads is what its source gives: products see as many inputs as their sources have outputs."""
    for architecture in made.random(20, np.random.default_rng(2)):
        layers = made.workload(architecture).layers
        for one in layers:
            if one.op in ("Conv", "Gemm") and one.inputs[0].source >= 0:
                assert one.input_elements <= layers[one.inputs[0].source].output_elements


def test_chains_number_only_states_that_are_reached() -> None:
    def candidate(block: int, found: int, choice: int) -> tuple[list[Layer], int]:
        return [layer(f"w{found}")], min(found + choice, 1)

    made = chain("c", [2, 3, 1], candidate, 0, names=["p", "q", "r"])
    assert [len(block.candidates) for block in made.blocks] == [1, 2, 2]
    assert [block.name for block in made.blocks] == ["p", "q", "r"]
    assert [one.name for one in made.workload([1, 0, 0]).layers] == ["p/w0", "q/w1", "r/w1"]


def test_mistakes_are_named() -> None:
    x = layer("x")
    assert told(lambda: back(0)) == ["back(0): blocks are counted from 1, the block before"]
    assert told(lambda: Choices("none", ())) == ["a choice space needs at least one block"]
    same = "every state needs the same number of choices, at least one; got "
    assert told(lambda: Choices("t", (Block("a", ((Candidate(),), ())),))) == [f"block a: {same}[0, 1]"]
    assert told(lambda: Choices("t", (Block("a", ()),))) == [f"block a: {same}[]"]
    late = "block one, choice 0: layer x reads a layer that comes after it"
    assert told(lambda: space(Candidate((layer("x", 0),)))) == [late]
    assert told(lambda: space(Candidate((x,), output=1))) == ["block one, choice 0: output 1 of 1 layers"]
    assert told(lambda: space(Candidate((), output=0))) == ["block one, choice 0: output 0 of 0 layers"]
    two = (Block("a", ((Candidate(), Candidate(state=1)),)), Block("b", ((Candidate(),),)))
    assert told(lambda: Choices("t", two)) == ["block a, choice 1: leaves state 1; the next block has 0 to 0"]
    assert "leaves state -1" in told(lambda: space(Candidate(state=-1)))[0]
    tied = (Block("a", ((Candidate((layer("x", key="k"),)),),)), Block("b\n", ((Candidate((layer("x", key="k"),)),),)))
    shared = "weight_key 'k' is shared by blocks a and b\\n: blocks that share weights belong into one block"
    assert told(lambda: Choices("t", tied)) == [shared]
    row = (Candidate(),) * 1000
    large = tuple(Block(f"b{i}", (row,)) for i in range(LARGEST_SPACE // 1000 + 1))
    expected = "1,001,000 candidates in all; at most 1,000,000 are tabulated: use a predictor"
    assert told(lambda: Choices("t", large)) == [expected]


def test_architectures_are_checked() -> None:
    made = recommender(2)
    expected = "an architecture of recommender is 3 indices; got shape (1, 2)"
    assert told(lambda: made.check([0, 1])) == [expected]
    assert told(lambda: made.check([0.0, 1, 2])) == ["architectures must be whole numbers; got an array of float64"]
    expected = "architecture 1: block block1 has choices 0 to 15; got -1"
    assert told(lambda: made.check([[0, 1, 2], [0, -1, 2]])) == [expected]
    assert made.check([1, 2, 3]).tolist() == [[1, 2, 3]]
