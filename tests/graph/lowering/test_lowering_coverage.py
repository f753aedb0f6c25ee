"""Does every operator that onnx knows, in any version, have a deliberate treatment?"""

from __future__ import annotations

from collections import Counter

import onnx
import onnx.defs
import pytest

from pimsim.errors import InputError
from pimsim.graph.operators import FAMILIES, HANDLERS

NAMES = sorted(
    {f"{s.domain}.{s.name}" if s.domain else s.name for s in onnx.defs.get_all_schemas_with_history()}  # all versions
)


@pytest.mark.parametrize("op", NAMES)
def test_operator_of_a_schema_is_treated(op: str) -> None:
    """A line in one family's table."""
    assert op in HANDLERS


def test_every_operator_stands_in_one_family() -> None:
    """No line is overruled by another file's."""
    twice = [op for op, n in Counter(op for family in FAMILIES for op in family.OPERATORS).items() if n > 1]
    assert twice == []


@pytest.mark.parametrize("op", NAMES)
def test_bare_node_gives_a_result_or_a_clear_error(make, op: str) -> None:
    """A node without inputs and attributes: nothing but InputError may come out, and it names the node."""
    node = make.node(op, [], make.unknown("y"))
    problem = ""
    try:
        make.run(node)
    except InputError as error:
        problem = str(error)
    assert not problem or (problem.startswith("node 0 '") and op in problem)


def test_training_is_refused(make) -> None:
    """pimsim counts inference."""
    with pytest.raises(InputError, match="operator of training, and pimsim counts inference"):
        make.run(make.node("ai.onnx.preview.training.Adam", [make.x("x", 4)], make.x("y", 4)))


def test_unknown_operators_are_gathered_in_one_error(make) -> None:
    """All types, how many of each, the place of the first, and the ways out."""
    x = [make.x(f"x{i}", 4) for i in range(4)]
    nodes = [make.node(op, [x[i]], x[i + 1], name=f"n{i}") for i, op in enumerate(("my.Foo", "my.Bar", "my.Foo"))]
    with pytest.raises(InputError) as error:
        make.run(*nodes)
    assert error.value.problems == (
        "node 0 'n0': the operator my.Foo is not known (2 nodes of this type; this is the first)",
        "node 0 'n1': the operator my.Bar is not known",
        "ways out: --unknown-ops digital (one digital operation for each output element), "
        "--unknown-ops skip (no cost), or export the model without these operators",
    )


def test_unknown_operators_of_many_types_are_cut_short(make) -> None:
    """Twenty lines, then how many more."""
    x = [make.x(f"x{i}", 4) for i in range(31)]
    with pytest.raises(InputError) as error:
        make.run(*[make.node(f"my.Op{i}", [x[i]], x[i + 1]) for i in range(30)])
    assert len(error.value.problems) == 22
    assert error.value.problems[-2] == "and 10 more types"


def test_unknown_operator_counted_or_skipped(make) -> None:
    """digital: one operation an output element; skip: no cost, and what follows still has its edge."""
    x, y, z = make.x("x", 4, 8), make.x("y", 4, 6), make.x("z", 4, 6)
    nodes = [make.node("my.Foo", [x], y), make.node("Relu", [y], z)]
    counted = make.run(*nodes, unknown_ops="digital")
    assert [layer.vector_ops for layer in counted.layers] == [24, 24]
    assert "--unknown-ops digital" in counted.layers[0].note
    skipped = make.run(*nodes, unknown_ops="skip")
    assert [layer.op for layer in skipped.layers] == ["Relu"]
    assert skipped.layers[0].inputs[0].source == -1
    assert skipped.nodes[0].treatment == "skipped"
    assert any("1 nodes of unknown operators were left out" in note for note in skipped.notes)


def test_options_are_checked(make) -> None:
    """What was found, what is allowed."""
    node = make.node("Relu", [make.x("x", 4)], make.x("y", 4))
    for options, text in (
        ({"unknown_ops": "x"}, "allowed: error, digital, skip"),
        ({"branch": "both"}, "allowed: then, else"),
        ({"trips": -1}, "a whole number of at least 0"),
    ):
        with pytest.raises(InputError, match=text):
            make.run(node, **options)


def test_graph_without_a_product_says_so(make) -> None:
    """Not a silent zero."""
    work = make.run(
        make.node(
            "ai.onnx.ml.TreeEnsembleRegressor",
            [make.x("x", 10, 4)],
            make.x("y", 10, 1),
            nodes_treeids=[0, 0, 0, 1, 1, 1],
        )
    )
    assert work.macs == 0
    assert work.layers[0].vector_ops == 10 * 2 * 3
    assert any(note.startswith("no matrix product in this graph") for note in work.notes)
    assert "no matrix product: 2 trees" in work.nodes[0].note


def test_linear_model_is_a_product(make) -> None:
    """ai.onnx.ml keeps its matrix in an attribute."""
    layer = make.one(
        "ai.onnx.ml.LinearRegressor",
        [make.x("x", 10, 4)],
        make.x("y", 10, 3),
        coefficients=[0.5] * 12,
        intercepts=[0.0] * 3,
    )
    assert (layer.kind, layer.rows, layer.cols, layer.vectors, layer.bias_elements) == ("mvm", 4, 3, 10, 3)


def test_every_node_has_a_line_and_every_layer_a_name_of_its_own(make) -> None:
    """Folded, free and counted nodes alike; names that occur twice are numbered."""
    x, y, z = make.x("x", 4, 8), make.x("y", 4, 8), make.x("z", 32)
    work = make.run(
        make.node("Shape", [x], make.values("s", [4, 8])),
        make.node("Relu", [x], y, name="a"),
        make.node("Tanh", [y], make.x("t", 4, 8), name="a"),
        make.node("Reshape", [make.x("t", 4, 8), make.values("k", [32])], z),
    )
    assert [line.treatment for line in work.nodes] == ["constant", "digital", "digital", "free"]
    assert [layer.name for layer in work.layers] == ["a", "a_2"]
