"""Attention in all its forms: two dynamic products with a softmax between."""

from __future__ import annotations

import pytest

from pimsim.errors import InputError
from pimsim.graph.workload import Kind

B, H, KV, T, L, D = 2, 8, 2, 10, 14, 16


def check(work, *, heads: int, kv_heads: int, kv_len: int) -> None:
    """Counts of one attention of B x heads x T x kv_len scores."""
    scores, softmax, values = work.layers[-3:]
    assert [layer.kind for layer in work.layers[-3:]] == [Kind.DYNAMIC, Kind.DIGITAL, Kind.DYNAMIC]
    assert scores.macs == values.macs == B * heads * T * kv_len * D
    assert (scores.groups, scores.rows, scores.cols) == (B * kv_heads, D, kv_len)
    assert (values.groups, values.rows, values.cols) == (B * kv_heads, kv_len, D)
    assert softmax.output_elements == B * heads * T * kv_len
    assert softmax.special_ops == 2 * softmax.output_elements
    assert values.output_elements == B * heads * T * D


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("past", [0, 6])
def test_attention_of_the_standard(make, flat: bool, past: int) -> None:
    """Rank 3 and 4, shared key heads, past keys and values."""

    def tensor(name: str, heads: int, length: int):
        return make.x(name, B, length, heads * D) if flat else make.x(name, B, heads, length, D)

    inputs = [tensor("q", H, T), tensor("k", KV, L), tensor("v", KV, L), None]
    outputs = [tensor("y", H, T)]
    if past:
        inputs += [make.x("pk", B, KV, past, D), make.x("pv", B, KV, past, D)]
        outputs += [make.x("nk", B, KV, L + past, D), make.x("nv", B, KV, L + past, D)]
    work = make.run(make.node("Attention", inputs, outputs, q_num_heads=H, kv_num_heads=KV))
    check(work, heads=H, kv_heads=KV, kv_len=L + past)
    assert work.nodes[0].treatment == "dynamic"
    assert work.nodes[0].macs == work.macs


def test_mask_is_one_operation_a_score(make) -> None:
    """And an edge of the softmax."""
    q, k, v = make.x("q", B, H, T, D), make.x("k", B, H, L, D), make.x("v", B, H, L, D)
    plain = make.run(make.node("Attention", [q, k, v], make.x("y", B, H, T, D)))
    masked = make.run(make.node("Attention", [q, k, v, make.x("m", T, L)], make.x("y", B, H, T, D)))
    assert masked.layers[1].vector_ops - plain.layers[1].vector_ops == B * H * T * L
    assert len(masked.layers[1].inputs) == 2


def test_operands_are_needed_whole_within_a_sample(make) -> None:
    """Samples of a batch come one after the other; within one, keys must all be there."""
    x = make.x("x", 1, T, H * D)
    q = [make.x(n, 1, T, H * D) for n in "qkv"]
    nodes = [make.node("MatMul", [x, make.w(f"w{t.name}", H * D, H * D)], t, name=t.name) for t in q]
    work = make.run(*nodes, make.node("Attention", q, make.x("y", 1, T, H * D), q_num_heads=H, kv_num_heads=H))
    assert all((e.first, e.last) == (1.0, 1.0) for e in work.layers[3].inputs)
    assert all((e.first, e.last) == (1 / T, 1 / T) for e in work.layers[0].inputs)


def test_multi_head_attention_of_com_microsoft(make) -> None:
    """Separate and packed operands."""
    q, k = make.x("q", B, T, H * D), make.x("k", B, L, H * D)
    op = "com.microsoft.MultiHeadAttention"
    y = make.x("y", B, T, H * D)
    check(make.run(make.node(op, [q, k, k], y, num_heads=H)), heads=H, kv_heads=H, kv_len=L)
    packed = make.x("p", B, T, H, 3, D)
    check(make.run(make.node(op, [packed], y, num_heads=H)), heads=H, kv_heads=H, kv_len=T)
    pair = make.x("p", B, L, H, 2, D)
    check(make.run(make.node(op, [q, pair], y, num_heads=H)), heads=H, kv_heads=H, kv_len=L)


def test_group_query_attention(make) -> None:
    """The cache after this step gives the length of the keys."""
    q, k = make.x("q", B, T, H * D), make.x("k", B, T, KV * D)
    past = make.x("pk", B, KV, 5, D)
    outputs = [make.x("y", B, T, H * D), make.x("nk", B, KV, T + 5, D), make.x("nv", B, KV, T + 5, D)]
    node = make.node("com.microsoft.GroupQueryAttention", [q, k, k, past, past], outputs, num_heads=H, kv_num_heads=KV)
    check(make.run(node), heads=H, kv_heads=KV, kv_len=T + 5)


def test_attention_with_its_projection(make) -> None:
    """com.microsoft Attention: one MVM for queries, keys and values."""
    x, w = make.x("x", B, T, 64), make.w("w", 64, 3 * H * D)
    work = make.run(
        make.node("com.microsoft.Attention", [x, w, make.w("b", 3 * H * D)], make.x("y", B, T, H * D), num_heads=H)
    )
    projection = work.layers[0]
    assert (projection.kind, projection.rows, projection.cols, projection.vectors) == (Kind.MVM, 64, 3 * H * D, B * T)
    check(work, heads=H, kv_heads=H, kv_len=T)
    assert work.nodes[0].treatment == "mvm"


def test_linear_attention_keeps_a_state(make) -> None:
    """Read once a query head, once more by the delta rule; one token after the other."""
    q, v = make.x("q", B, T, 4 * D), make.x("v", B, T, 2 * 8)
    node = make.node(
        "LinearAttention", [q, make.x("k", B, T, 2 * D), v], make.x("y", B, T, 4 * 8), q_num_heads=4, kv_num_heads=2,
        update_rule="delta",
    )  # fmt: skip
    update, read = make.run(node).layers
    assert read.macs == B * 2 * T * 3 * D * 8
    assert read.serial_steps == T
    assert update.vector_ops == 2 * B * 2 * T * D * 8


@pytest.mark.parametrize(
    ("shape", "heads", "text"),
    [
        ((B, T, 30), 8, "8 heads do not divide"),
        ((B, T), 8, "needs 3 dimensions"),
        ((B, T, 32), -4, "heads do not divide"),
    ],
)
def test_heads_that_do_not_fit_are_refused(make, shape, heads: int, text: str) -> None:
    """Named by shape and head count."""
    x = make.x("x", *shape)
    with pytest.raises(InputError, match=text):
        make.run(make.node("Attention", [x, x, x], make.unknown("y"), q_num_heads=heads, kv_num_heads=heads))
