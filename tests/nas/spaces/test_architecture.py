"""Are architectures values: read, written unchanged, compared by what they compute, refused when they make no sense?"""

import json
from pathlib import Path

import pytest

from nas.spaces.architecture import Architecture, Block
from pimsim.errors import InputError

PUBLISHED = Path(__file__).resolve().parents[4] / "shared" / "reference" / "nasrec"
FILES = sorted(PUBLISHED.glob("*.json"))


def block(operators=("linear-2d", "linear-3d"), dense=(0,), sparse=(0,), left=(0,), right=(0,), widths=(16, 16)):
    return Block(operators, *widths, False, False, dense, sparse, left, right)


def official(**changes):
    """The JSON of one block, as the authors write it."""
    micro = {"active_nodes": [0, 5], "dense_in_dims": 16, "sparse_in_dims": 32}
    micro |= {"dense_sparse_interact": 1, "deep_fm": 0}
    macro = {"dense_idx": [0], "sparse_idx": [0], "dense_left_idx": [0], "dense_right_idx": [0]}
    for name, value in changes.items():
        for part in (micro, macro):
            if name in part:
                part[name] = value
    found = {"micro": [micro], "macro": [macro], "num_blocks": 1, "use_layernorm": 1, "config": "xlarge"}
    found.update({name: value for name, value in changes.items() if name not in micro and name not in macro})
    return json.dumps(found)


@pytest.mark.skipif(not FILES, reason="the published files are not beside this checkout")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_published_files_come_back_byte_for_byte(path, tmp_path):
    architecture = Architecture.load(path)
    architecture.save(tmp_path / "copy.json")
    assert (tmp_path / "copy.json").read_bytes() == path.read_bytes()


def test_a_file_says_what_its_fields_mean():
    found = Architecture.from_json(official(active_nodes=[3, 4], deep_fm=1)).blocks[0]
    assert (found.operators, found.dense_width, found.sparse_width) == (("sum", "transformer"), 16, 32)
    assert (found.merge_dense, found.merge_fm, found.sparse_rows) == (True, True, 40)


def test_small_and_full_number_their_operators_apart():
    assert Architecture.from_json(official(config="autoctr", active_nodes=[1, 2])).blocks[0].operators == (
        "dot-product",
        "linear-3d",
    )


def test_the_order_of_connections_is_no_difference():
    one = Architecture((block(), block(dense=(1, 0), sparse=(0, 1))))
    other = Architecture((block(), block(dense=(0, 1), sparse=(1, 0))))
    assert one == other
    assert hash(one) == hash(other)
    assert one.digest == other.digest


def test_the_text_of_a_file_is_not_kept_by_what_is_derived_from_it():
    from dataclasses import replace

    read = Architecture.from_json(official())
    changed = replace(read, blocks=(block(),))
    assert Architecture.from_json(changed.to_json()) == changed


def test_digests_do_not_depend_on_the_process():
    assert Architecture((block(),)).digest == "51bd832e5aaa3118"


def test_own_operator_lists_and_spaces_without_balancing_are_written():
    own = Architecture((block(),), "mine", ("linear-2d", "linear-3d"), balanced=False)
    found = Architecture.from_json(own.to_json())
    assert (found, found.balanced, found.operators) == (own, False, ("linear-2d", "linear-3d"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not a JSON text"),
        ("[" * 100_000, "not a JSON text"),
        ("[]", "an architecture is a JSON object; got a list"),
        (official(config="xlrge"), "config must be one of xlarge, autoctr; got 'xlrge'; did you mean xlarge?"),
        (official(config=3), "config must be one of xlarge, autoctr; got '3'"),
        (official(num_blocks=7), "micro, macro and num_blocks disagree: 1 and 1 entries, 7"),
        (official(micro=[]), "micro must be a list with entries; got []"),
        (official(micro=[1]), "block 0: entries of micro and macro are objects"),
        (official(active_nodes=[0, 6]), "block 0: active_nodes holds whole numbers from 0 to 5; got 6"),
        (official(active_nodes=[True, 5]), "block 0: active_nodes holds whole numbers from 0 to 5; got True"),
        (official(active_nodes=[0]), "block 0: needs a dense and a sparse operator; got linear-2d"),
        (official(dense_in_dims=0), "block 0: dense_in_dims must be a whole number from 1 to 65,536; got 0"),
        (official(sparse_in_dims=1.5), "block 0: sparse_in_dims must be a whole number from 1 to 65,536; got 1.5"),
        (official(deep_fm=2), "block 0: deep_fm must be 0 or 1; got 2"),
        (official(dense_idx=[1]), "block 0: dense_idx holds whole numbers from 0 to 0; got 1"),
        (official(sparse_idx="0"), "block 0: sparse_idx must be a list with entries; got 0"),
        (official(use_layernorm=0.5), "use_layernorm must be 0 or 1; got 0.5"),
        (official(operators=["linear-2d", "linear-2d"]), "operators: names one operator twice"),
        (official(operators=["conv"]), "operators: 'conv' is not one of linear-2d"),
    ],
)  # fmt: skip
def test_what_is_no_architecture_is_refused_by_name(text, says):
    with pytest.raises(InputError) as caught:
        Architecture.from_json(text)
    assert says in caught.value.problems[0]


def test_files_are_named_in_errors(tmp_path):
    (tmp_path / "a.json").write_bytes(b"\xff")
    for path, says in ((tmp_path / "b.json", "cannot read"), (tmp_path / "a.json", "a.json: not UTF-8 text")):
        with pytest.raises(InputError, match=says):
            Architecture.load(path)


def test_files_of_no_sensible_size_are_not_read(tmp_path):
    (tmp_path / "big.json").write_bytes(b" " * ((1 << 20) + 1))
    with pytest.raises(InputError, match="larger than 1,048,576 bytes; no architecture is"):
        Architecture.load(tmp_path / "big.json")


@pytest.mark.parametrize(
    ("blocks", "says"),
    [
        ((), "an architecture has 1 to 62 blocks; got 0"),
        ((block(dense=(1,)),), r"block 0: dense reads one or more of the outputs 0 to 0; got \[1\]"),
        ((block(left=()),), r"block 0: left reads one or more of the outputs 0 to 0; got \[\]"),
        ((block(operators=("linear-2d", "what")),), "block 0: operator what is not one of"),
        ((block(widths=(0, 16)),), "block 0: dense_width must be 1 to 65,536; got 0"),
    ],
)
def test_blocks_that_cannot_be_are_refused(blocks, says):
    with pytest.raises(InputError, match=says):
        Architecture(blocks)
