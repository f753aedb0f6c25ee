"""Does the listing of `pimsim ops` come to an end whatever operators a model holds?"""

from __future__ import annotations

import pytest

from pimsim.errors import InputError


def treatments(workload) -> dict[str, str]:
    return {node.name: node.treatment for node in workload.nodes}


def test_what_cannot_be_shaped_is_listed(make):
    x, a, b = make.x("x", 2, 4), make.unknown("a"), make.unknown("b")
    nodes = [
        make.node("my.Frob", [x], a),
        make.node("MatMul", [a, make.w("w", 4, 6)], b),
        make.node("Relu", [b], make.unknown("c")),
        make.node("MatMul", [x, make.w("v", 4, 3)], make.x("d", 2, 3), name="other"),
    ]
    workload = make.run(*nodes, unknown_ops="list")
    assert treatments(workload) == {
        "frob": "unknown", "matmul": "unknown shape", "relu": "unknown shape", "other": "mvm"
    }  # fmt: skip
    assert workload.macs == 2 * 4 * 3
    with pytest.raises(InputError, match=r"my\.Frob is not known"):
        make.run(*nodes)


def test_what_has_a_shape_behind_it_is_counted(make):
    a = make.x("a", 2, 4)
    workload = make.run(
        make.node("my.Frob", [make.x("x", 2, 4)], a),
        make.node("MatMul", [a, make.w("w", 4, 6)], make.x("b", 2, 6)),
        unknown_ops="list",
    )
    assert treatments(workload) == {"frob": "unknown", "matmul": "mvm"}
    assert workload.macs == 48


def test_a_loop_around_it_is_listed(make):
    count, going = make.x("i", dtype="int64"), make.x("k", dtype="bool")
    inner = make.node("my.Frob", [going], make.unknown("k2"))
    body = make.graph([inner], [count, going], [make.unknown("k2")])
    outer = make.node(
        "Loop", [make.values("n", 3), make.values("c", True)], [], subgraphs={"body": body}
    )  # fmt: skip
    workload = make.run(make.node("Relu", [make.x("x", 2)], make.x("y", 2)), outer, unknown_ops="list")
    assert treatments(workload) == {"relu": "digital", "loop": "unknown shape", "loop/frob": "unknown"}


def test_errors_that_no_unknown_operator_causes_stay(make):
    with pytest.raises(InputError, match="is not known"):
        make.run(make.node("MatMul", [make.unknown("x"), make.w("w", 4, 6)], make.unknown("y")), unknown_ops="list")
