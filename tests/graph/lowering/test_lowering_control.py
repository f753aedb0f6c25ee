"""Control flow: trips multiply, branches are chosen and said, embedding bags are known in both exporters' forms."""

from __future__ import annotations

import pytest

from pimsim.errors import InputError
from pimsim.graph.workload import Kind


@pytest.fixture
def loop(make):
    """A loop of one Gemm on a carried state, with the given count and conditions."""

    def build(count, start, condition=None, body_nodes=()):
        i, c, h, n = make.x("i", dtype="int64"), make.x("c", dtype="bool"), make.x("h", 1, 8), make.x("n", 1, 8)
        body = make.graph([make.node("Gemm", [h, make.w("w", 8, 8)], n), *body_nodes], [i, c, h], [condition or c, n])
        return make.node("Loop", [count, start, make.x("h0", 1, 8)], make.x("y", 1, 8), subgraphs={"body": body})

    return build


def test_loop_multiplies_by_its_trips(make, loop) -> None:
    """Counts grow, weights do not; trips are serial steps; the name carries the loop's."""
    work = make.run(loop(make.values("m", 5), make.values("t", True)))
    (layer,) = work.layers
    assert (layer.name, layer.vectors, layer.serial_steps, layer.weight_elements) == ("loop/gemm", 5, 5, 64)
    assert work.macs == 5 * 64
    assert layer.inputs[0].elements == 5 * 8
    assert [(line.name, line.treatment, line.count) for line in work.nodes] == [
        ("loop", "free", 1),
        ("loop/gemm", "mvm", 5),
    ]


def test_loops_in_loops_multiply(make, loop) -> None:
    """3 x 4 trips."""
    inner = loop(make.values("m", 4), make.values("t", True))
    i, c, h = make.x("i", dtype="int64"), make.x("c", dtype="bool"), make.x("h0", 1, 8)
    body = make.graph([inner], [i, c, h], [c, make.x("y", 1, 8)])
    outer = make.node(
        "Loop", [make.values("m", 3), None, make.x("s", 1, 8)], make.x("z", 1, 8), name="o", subgraphs={"body": body}
    )
    (layer,) = make.run(outer).layers
    assert (layer.name, layer.macs, layer.serial_steps) == ("o/loop/gemm", 12 * 64, 12)


def test_unknown_trips(make, loop) -> None:
    """An error that names the node and the way out; --trips is used and said."""
    for node in (
        loop(make.x("m", dtype="int64"), None),
        loop(make.values("m", 5), make.x("t", dtype="bool")),
        loop(make.values("m", 2**63 - 1), None),
        loop(make.values("m", 5), None, make.x("d", dtype="bool")),
    ):
        with pytest.raises(InputError, match=r"node 0 'loop': Loop: the number of trips .* --trips N"):
            make.run(node)
        work = make.run(node, trips=3)
        assert work.macs == 3 * 64
        assert "counted 3 (--trips)" in work.notes[0]


def test_counter_that_meets_a_constant_is_known(make) -> None:
    """while i < 7: i += 2, from 0: four trips."""
    i, c, n = make.x("i", dtype="int64"), make.x("c", dtype="bool"), make.x("n", dtype="int64")
    k, k2, d = make.x("k", dtype="int64"), make.x("k2", dtype="int64"), make.x("d", dtype="bool")
    h, h2 = make.x("h", 1, 8), make.x("h2", 1, 8)
    nodes = [
        make.node("Gemm", [h, make.w("w", 8, 8)], h2),
        make.node("Add", [k, make.values("two", 2)], k2),
        make.node("Less", [k2, make.values("seven", 7)], d),
    ]
    body = make.graph(nodes, [i, c, k, h], [d, k2, h2])
    node = make.node(
        "Loop", [None, make.values("t", True), make.values("zero", 0), make.x("s", 1, 8)], [n, make.x("y", 1, 8)],
        subgraphs={"body": body},
    )  # fmt: skip
    assert make.run(node).macs == 4 * 64


def test_loop_without_a_trip_costs_nothing(make, loop) -> None:
    """Zero count or a false condition: the state passes through; the body's nodes are said to be skipped."""
    for node in (loop(make.values("m", 0), None), loop(None, make.values("t", False))):
        work = make.run(node, make.node("Relu", [make.x("y", 1, 8)], make.x("z", 1, 8)))
        assert [layer.op for layer in work.layers] == ["Relu"]
        assert work.layers[0].inputs[0].source == -1
        assert ("loop/gemm", "skipped", 0) in [(line.name, line.treatment, line.count) for line in work.nodes]


def test_scan_runs_along_its_axis(make) -> None:
    """One trip a slice; the second scanned axis is asked for."""
    h, x, n = make.x("h", 8), make.x("x", 8), make.x("n", 8)
    body = make.graph([make.node("Add", [h, x], n)], [h, x], [n, n])
    inputs = [make.x("h0", 8), make.x("xs", 2, 6, 8)]
    outputs = [make.x("hn", 8), make.x("ys", 6, 8)]
    node = make.node("Scan", inputs, outputs, num_scan_inputs=1, scan_input_axes=[1], subgraphs={"body": body})
    (layer,) = make.run(node).layers
    assert (layer.vector_ops, layer.name) == (48, "scan/add")
    with pytest.raises(InputError, match="the axis 5 is outside a tensor of 3 dimensions"):
        make.run(make.node("Scan", inputs, outputs, num_scan_inputs=1, scan_input_axes=[5], subgraphs={"body": body}))


@pytest.fixture
def choice(make):
    """An If of a small and a large product."""

    def build(condition):
        x, y = make.x("x", 1, 8), make.x("y", 1, 8)
        small = make.graph([make.node("Relu", [x], y)], [], [y])
        large = make.graph([make.node("Gemm", [x, make.w("w", 8, 8)], y)], [], [y])
        return make.node("If", [condition], make.x("z", 1, 8), subgraphs={"then_branch": small, "else_branch": large})

    return build


def test_dearer_branch_is_counted_and_said(make, choice) -> None:
    """The other branch has lines, but no cost; what follows hangs on the chosen one."""
    work = make.run(make.node("Neg", [make.x("q", 1, 8)], make.x("x", 1, 8)), choice(make.x("c", dtype="bool")),
                    make.node("Relu", [make.x("z", 1, 8)], make.x("o", 1, 8)))  # fmt: skip
    assert [layer.op for layer in work.layers] == ["Neg", "Gemm", "Relu"]
    assert [layer.inputs[0].source for layer in work.layers] == [-1, 0, 1]
    assert "counted the else branch, the dearer one (64 MACs" in work.notes[0]
    assert ("if/then/relu", "skipped", 0) in [(line.name, line.treatment, line.count) for line in work.nodes]


def test_branch_by_the_user_or_a_constant(make, choice) -> None:
    """Both overrule the dearer one."""
    assert make.run(choice(make.x("c", dtype="bool")), branch="then").macs == 0
    assert make.run(choice(make.values("c", True))).macs == 0
    assert make.run(choice(make.values("c", False)), branch="then").macs == 64


def test_nested_branches_take_linear_time(make) -> None:
    """Each branch is lowered once, however deep it lies."""
    x, y = make.x("x", 1, 8), make.x("y", 1, 8)
    leaf = make.graph([make.node("Relu", [x], y)], [], [y])
    for depth in range(40):
        node = make.node(
            "If",
            [make.x("c", dtype="bool")],
            y,
            name=f"i{depth}",
            subgraphs={"then_branch": leaf, "else_branch": leaf if depth == 0 else make.graph([], [], [x])},
        )
        leaf = make.graph([node], [], [y])
    work = make.run(*leaf.nodes)
    assert len(work.layers) == 1
    for depth in range(20):
        node = make.node(
            "If",
            [make.x("c", dtype="bool")],
            y,
            name=f"j{depth}",
            subgraphs={"then_branch": leaf, "else_branch": make.graph([], [], [x])},
        )
        leaf = make.graph([node], [], [y])
    with pytest.raises(InputError, match="nested more than 50 deep"):
        make.run(*leaf.nodes)


def bag_inside(make, reduction: str):
    """The TorchScript exporter's loop: indices cut, then gathered and reduced in the body."""
    i, c = make.x("i", dtype="int64"), make.x("c", dtype="bool")
    start, end, cut = make.unknown("b"), make.unknown("e"), make.unknown("s")
    rows, row = make.unknown("r"), make.x("row", 8)
    nodes = [
        make.node("Gather", [make.x("off", 4, dtype="int64"), i], start, name="g1"),
        make.node("Gather", [make.x("off", 4, dtype="int64"), i], end, name="g2"),
        make.node("Slice", [make.x("idx", 20, dtype="int64"), start, end, make.values("ax", [0])], cut),
        make.node("Gather", [make.w("table", 100, 8), cut], rows, name="g3"),
        make.node(reduction, [rows, make.values("ax", [0])], row, keepdims=0),
    ]
    body = make.graph(nodes, [i, c], [make.values("true", True), row])
    return make.node("Loop", [make.values("m", 4), make.values("t", True)], make.x("y", 4, 8), subgraphs={"body": body})


def test_embedding_bag_of_the_torchscript_exporter(make) -> None:
    """Every index is looked up once, whatever the bags are; pooling adds every element once."""
    work = make.run(bag_inside(make, "ReduceSum"))
    lookup, pooling = work.layers
    assert (lookup.kind, lookup.lookups, lookup.row_elements, lookup.table_rows) == (Kind.LOOKUP, 20, 8, 100)
    assert (pooling.vector_ops, pooling.output_elements) == (160, 32)
    assert pooling.inputs[0].source == 0
    assert "an embedding bag" in pooling.note
    assert work.nodes[0].treatment == "lookup"
    assert make.run(bag_inside(make, "ReduceMean")).layers[1].vector_ops == 160 + 32


def test_embedding_bag_of_the_dynamo_exporter(make) -> None:
    """Rows are gathered before the loop; the loop cuts and reduces them."""
    i, c = make.x("i", dtype="int64"), make.x("c", dtype="bool")
    rows, start, end, cut, row = (
        make.x("rows", 20, 8),
        make.unknown("b"),
        make.unknown("e"),
        make.unknown("s"),
        make.x("r", 1, 8),
    )
    nodes = [
        make.node("Slice", [make.x("off", 5, dtype="int64"), i, i], start, name="s1"),
        make.node("Slice", [make.x("off", 5, dtype="int64"), i, i], end, name="s2"),
        make.node("Slice", [rows, start, end], cut, name="s3"),
        make.node("ReduceSum", [cut, make.values("ax", [0])], row),
    ]
    body = make.graph(nodes, [i, c], [c, row])
    work = make.run(
        make.node("Gather", [make.w("table", 100, 8), make.x("idx", 20, dtype="int64")], rows),
        make.node("Loop", [make.values("m", 4), None], make.x("y", 4, 8), subgraphs={"body": body}),
    )
    assert [layer.kind for layer in work.layers] == [Kind.LOOKUP, Kind.DIGITAL]
    assert work.layers[1].vector_ops == 160
    assert work.layers[1].inputs[0].elements == 160


def test_missing_body_is_an_error(make) -> None:
    """Not a crash."""
    for op in ("If", "Loop", "Scan", "SequenceMap"):
        with pytest.raises(InputError, match=r"the subgraph '.*' is missing"):
            make.run(make.node(op, [make.x("x", 4)], make.x("y", 4)))


def test_a_limit_beyond_counting_is_called_that(make) -> None:
    """Exporters write the largest integer where a condition ends the loop."""
    count, going = make.x("i", dtype="int64"), make.x("k", dtype="bool")
    body = make.graph([make.node("Identity", [going], make.x("k2", dtype="bool"))], [count, going],
                      [make.x("k2", dtype="bool")])  # fmt: skip
    inputs = [make.values("n", 2**62), make.values("c", True)]
    with pytest.raises(InputError, match=r"or is more than can be counted \(its limit is above 2\*\*53\)"):
        make.run(make.node("Loop", inputs, [make.x("y", 1)], subgraphs={"body": body}))
