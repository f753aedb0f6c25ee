"""Attention: products of activations with a softmax between, in the forms of ai.onnx and com.microsoft."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod

from pimsim.graph.nodes import Tensor
from pimsim.graph.operators import streaming
from pimsim.graph.operators.products import activation_bits, dynamic, empty, stationary
from pimsim.graph.operators.site import Handler, Site
from pimsim.graph.operators.streaming import Flow
from pimsim.graph.workload import Edge, Kind, Unit


@dataclass(frozen=True, slots=True)
class Heads:
    """Dimensions of one attention: batch, heads of queries and of keys and values, lengths, head sizes."""

    batch: int
    q_heads: int
    kv_heads: int
    q_len: int
    kv_len: int
    d_k: int
    d_v: int

    @property
    def scores(self) -> int:
        """Elements of all score matrices."""
        return self.batch * self.q_heads * self.q_len * self.kv_len


def core(
    site: Site,
    heads: Heads,
    q_edges: tuple[Edge, ...],
    v_edges: tuple[Edge, ...],
    *,
    mask_edges: tuple[Edge, ...] = (),
    extra_vector: int = 0,
    present: Iterable[int] = (),
    score_output: int | None = None,
) -> None:
    """Emits scores = Q K^T (dynamic), softmax (digital) and softmax x V (dynamic).

    Query heads that share a key head (grouped-query attention) are vectors of one group: keys are written once.
    The softmax takes 4 vector operations a score (scale, maximum, subtract, sum) and 2 special ones (exp, divide);
    `extra_vector` are further ones (mask, cap). Causal masks do not lower the counts: all scores are computed.
    """
    h = heads
    if h.q_heads % max(1, h.kv_heads):
        site.fail(f"{h.q_heads} query heads cannot share {h.kv_heads} key heads evenly")
    groups, share = h.batch * h.kv_heads, h.q_heads // max(1, h.kv_heads)
    vectors = h.q_len * share
    if empty(site, groups, vectors, h.kv_len, h.d_k, h.d_v):
        return
    trips = site.builder.trips
    bits = activation_bits(site.input(0))
    n = h.scores
    step = 1.0 if trips != 1 else 1.0 / streaming.steps((h.batch, h.q_heads, h.q_len), (0, 1, 2))
    first = dynamic(
        site, q_edges, suffix="/scores", outputs=(), groups=groups, rows=h.d_k, cols=h.kv_len, vectors=vectors,
        order=(),
        input_elements=groups * (vectors + h.kv_len) * h.d_k, out_elements=n, input_bits=bits,
    )  # fmt: skip
    source = () if first is None else (Edge(first, n * trips, step, step),)
    middle = site.emit(
        Kind.DIGITAL, source + mask_edges, suffix="/softmax", outputs=() if score_output is None else (score_output,),
        input_elements=n, output_elements=n, vector_ops=4 * n + extra_vector, special_ops=2 * n,
        unit=Unit.SOFTMAX,
    )  # fmt: skip
    out = site.output()
    flat = out is not None and out.shape is not None and len(out.shape) == 3
    dynamic(
        site, (Edge(middle, n * trips, step, step), *v_edges), suffix="/values", outputs=(0,), groups=groups,
        rows=h.kv_len,
        cols=h.d_v, vectors=vectors, order=(0,) if flat else (0, 1, 2), out_elements=groups * vectors * h.d_v,
        input_elements=n + groups * h.kv_len * h.d_v,
    )  # fmt: skip
    site.mark(Kind.DYNAMIC.value)
    for i in present:
        tensor = site.output(i)
        if tensor is not None:
            _present(site, tensor, i)


def _present(site: Site, tensor: Tensor, i: int) -> None:
    """Binds an output that is the cache (keys or values) with the new entries appended, to what it was made from."""
    for candidate in (i, 2 * i + 1, 3 if i == 1 else 4, 0):
        flow = site.flow(candidate)
        if flow.source != streaming.NOWHERE:
            site.produce(tensor, Flow(flow.source, flow.elements, ()))
            return
    site.produce(tensor, streaming.NO_FLOW)


def _sizes(site: Site, i: int, heads: int) -> tuple[int, int, int, int]:
    """(batch, heads, length, head size) of input `i`, [B, H, L, D] or [B, L, H*D]."""
    shape = site.shape(i, 3)
    if len(shape) == 4:
        return shape[0], shape[1], shape[2], shape[3]
    if heads < 1 or shape[2] % heads:
        site.fail(
            f"input {i} has the shape {list(shape)}, which {heads} heads do not divide (q_num_heads, kv_num_heads)"
        )
    return shape[0], heads, shape[1], shape[2] // heads


def attention(site: Site) -> None:
    """Attention of ai.onnx (opset 23, 24) and FlexAttention: Q, K, V as [B, H, L, D] or [B, L, H*D], past keys and
    values appended."""
    batch, q_heads, q_len, d_k = _sizes(site, 0, site.attr_int("q_num_heads", 0))
    _, kv_heads, kv_len, _ = _sizes(site, 1, site.attr_int("kv_num_heads", 0))
    d_v = _sizes(site, 2, site.attr_int("kv_num_heads", 0))[3]
    past = site.input(4)
    if past is not None:
        kv_len += site.shape(4, 3)[-2]
    heads = Heads(batch, q_heads, kv_heads, q_len, kv_len, d_k, d_v)
    extra = 0
    if site.input(3) is not None or site.attr_int("is_causal", 0):
        extra += heads.scores
    if site.attr_float("softcap", 0.0):
        extra += 2 * heads.scores
    for name, graph in site.node.subgraphs.items():
        site.note(f"{name}: counted as one operation for each score and node")
        extra += heads.scores * len(graph.nodes)
    core(
        site, heads, site.edge(0, (0,)) + site.edge(1, (0,)) + site.edge(4, (0,)), site.edge(2, (0,)) + site.edge(5,
        (0,)),
        mask_edges=site.edge(3, ()), extra_vector=extra, present=(1, 2), score_output=3,
    )  # fmt: skip


def multi_head_attention(site: Site) -> None:
    """com.microsoft MultiHeadAttention: query, key, value, bias, padding mask, attention bias, past key, past value.
    Query may be packed as [B, L, H, 3, D], key as [B, L, H, 2, D], key and value may be [B, H, L, D]."""
    n_heads = site.attr_int("num_heads", 0, low=1)
    q = site.shape(0, 3)
    if len(q) == 5:
        batch, q_len, d_k = q[0], q[1], q[4]
        kv_len, d_v = q_len, d_k
    else:
        batch, _, q_len, d_k = _sizes(site, 0, n_heads)
        kv_len, d_v = _keys(site, n_heads, q_len, d_k)
    past = site.input(6)
    if past is not None:
        kv_len += site.shape(6, 4)[2]
    heads = Heads(batch, n_heads, n_heads, q_len, kv_len, d_k, d_v)
    masks = sum(site.input(i) is not None for i in (4, 5)) + bool(site.attr_int("unidirectional", 0))
    bias = site.input(3)
    extra = masks * heads.scores + (0 if bias is None else batch * (q_len + kv_len) * n_heads * (d_k + d_v))
    core(
        site, heads, site.edge(0, (0,)) + site.edge(1, (0,)) + site.edge(6, (0,)), site.edge(2, (0,)) + site.edge(7,
        (0,)),
        mask_edges=site.edge(4, ()) + site.edge(5, ()), extra_vector=extra, present=(1, 2), score_output=3,
    )  # fmt: skip


def _keys(site: Site, n_heads: int, q_len: int, d_k: int) -> tuple[int, int]:
    if site.input(1) is None:
        return q_len, d_k
    k = site.shape(1, 3)
    if len(k) == 5:
        return k[1], k[4]
    kv_len = _sizes(site, 1, n_heads)[2]
    return kv_len, d_k if site.input(2) is None else _sizes(site, 2, n_heads)[3]


def group_query_attention(site: Site) -> None:
    """com.microsoft GroupQueryAttention: query [B, L, H*D] (or packed with keys and values), key, value, past_key,
    past_value. The length of the keys is that of the cache after this step."""
    q_heads, kv_heads = site.attr_int("num_heads", 0, low=1), site.attr_int("kv_num_heads", 0, low=1)
    shape = site.shape(0, 3)
    split = q_heads if site.input(1) is not None else q_heads + 2 * kv_heads
    if shape[2] % split:
        site.fail(f"the query has the shape {list(shape)}, which {split} heads do not divide")
    d = shape[2] // split
    kv_len = shape[1]
    present = site.output(1)
    if present is not None and present.shape is not None and len(present.shape) == 4:
        kv_len = present.shape[2]
    elif site.input(3) is not None:
        kv_len += site.shape(3, 4)[2]
    heads = Heads(shape[0], q_heads, kv_heads, shape[1], kv_len, d, d)
    extra = heads.scores
    if site.attr_int("do_rotary", 0):
        extra += 3 * shape[0] * shape[1] * (q_heads + kv_heads) * d
    core(
        site, heads, site.edge(0, (0,)) + site.edge(1, (0,)) + site.edge(3, (0,)), site.edge(2, (0,)) + site.edge(4,
        (0,)),
        extra_vector=extra, present=(1, 2),
    )  # fmt: skip


def packed_attention(site: Site) -> None:
    """com.microsoft Attention and QAttention: the input [B, L, C] is multiplied with one weight [C, Hq + Hk + Hv]
    for queries, keys and values (an MVM, or dynamic if the weight is not constant), then attended."""
    x, w = site.need(0), site.need(1)
    shape, w_shape = site.shape(0, 3), site.shape(1, 2)
    n_heads = site.attr_int("num_heads", 0, low=1)
    hidden = site.attr_ints("qkv_hidden_sizes", 3) or [w_shape[-1] // 3] * 3
    if w_shape[-2] != shape[2] or sum(hidden) != w_shape[-1] or any(size % n_heads for size in hidden) or 0 in hidden:
        site.fail(
            f"an input of {list(shape)}, a weight of {list(w_shape)}, parts {hidden} and {n_heads} heads do not fit"
        )
    rows, cols, vectors = w_shape[-2], w_shape[-1], shape[0] * shape[1]
    bias = site.input(2)
    if empty(site, rows, cols, vectors):
        return
    index = _projection(site, x, w, rows, cols, vectors, 0 if bias is None else bias.elements)
    past_at = 8 if site.node.op.endswith("QAttention") else 4
    past = site.input(past_at)
    kv_len = shape[1] + (site.shape(past_at, 5)[3] if past is not None else 0)
    heads = Heads(shape[0], n_heads, n_heads, shape[1], kv_len, hidden[0] // n_heads, hidden[2] // n_heads)
    trips = site.builder.trips
    share = 1.0 if trips != 1 else 1.0 / streaming.steps(shape, (0,))
    keys = Edge(index, vectors * (hidden[0] + hidden[1]) * trips, share, share)
    values = Edge(index, vectors * hidden[2] * trips, share, share)
    masked_at = (5,) if past_at == 8 else (3, 5)
    masks = sum(site.input(i) is not None for i in masked_at) + bool(site.attr_int("unidirectional", 0))
    core(site, heads, (keys, *site.edge(past_at, ())), (values,), extra_vector=masks * heads.scores)
    site.mark(Kind.MVM.value if w.constant is not None else Kind.DYNAMIC.value)
    second = site.output(1)
    if second is not None:
        site.produce(second, Flow(index, None, ()))


def _projection(site: Site, x: Tensor, w: Tensor, rows: int, cols: int, vectors: int, bias: int) -> int:
    edges = site.edge(0, (0, 1))
    if w.constant is None:
        dynamic(
            site, edges + site.edge(1, ()), suffix="/projection", outputs=(), groups=1, rows=rows, cols=cols,
            vectors=vectors, order=(0, 1), input_elements=x.elements + w.elements, out_elements=vectors * cols,
            bias=bias,
        )  # fmt: skip
    else:
        stationary(
            site, edges, w.constant, suffix="/projection", outputs=(), groups=1, rows=rows, cols=cols, vectors=vectors,
            order=(0, 1), x=x, out_elements=vectors * cols, bias=bias,
        )  # fmt: skip
    return len(site.builder.layers) - 1


def linear_attention(site: Site) -> None:
    """LinearAttention: a state of d_k x d_v for each key head, token by token: updated by an outer product (2 d_k d_v
    operations, one more when it decays, and the product S^T k with the delta rule) and read by q^T S."""
    q_heads, kv_heads = site.attr_int("q_num_heads", 0, low=1), site.attr_int("kv_num_heads", 0, low=1)
    batch, _, length, d_k = _sizes(site, 0, q_heads)
    d_v = _sizes(site, 2, kv_heads)[3]
    rule = site.attr_str("update_rule", "gated_delta")
    reads = q_heads // kv_heads + ("delta" in rule)
    if q_heads % kv_heads:
        site.fail(f"{q_heads} query heads cannot share {kv_heads} key heads evenly")
    groups = batch * kv_heads
    if empty(site, groups, d_k, d_v, length):
        return
    state = groups * length * d_k * d_v
    update = site.emit(
        Kind.DIGITAL, site.edge(1, (0,)) + site.edge(2, (0,)) + site.edge(3, ()) + site.edge(4, ()) + site.edge(5, ()),
        suffix="/state", outputs=(1,), input_elements=groups * length * (d_k + d_v), output_elements=groups * d_k * d_v,
        vector_ops=(3 if "gated" in rule else 2) * state, special_ops=site.elements(site.input(4)),
    )  # fmt: skip
    source = Edge(update, groups * d_k * d_v * site.builder.trips)
    dynamic(
        site, (*site.edge(0, (0,)), source), suffix="/read", outputs=(0,), groups=groups, rows=d_k, cols=d_v,
        vectors=length * reads, order=(0, 1), input_elements=groups * length * reads * d_k + groups * d_k * d_v,
        out_elements=batch * q_heads * length * d_v, serial_steps=length,
    )  # fmt: skip
    site.mark(Kind.DYNAMIC.value)


def rotary(site: Site) -> None:
    """RotaryEmbedding: two products and one sum an element."""
    n = prod(site.shape(0, 3))
    edges = site.edge(0) + site.edge(1, ()) + site.edge(2, ()) + site.edge(3, ())
    if n == 0:
        site.alias(site.flow(0))
        return
    site.emit(Kind.DIGITAL, edges, order=site.flow(0).order, input_elements=n, output_elements=n, vector_ops=3 * n)


OPERATORS: Mapping[str, Handler] = {
    "Attention": attention,
    "ai.onnx.preview.FlexAttention": attention,
    "LinearAttention": linear_attention,
    "RotaryEmbedding": rotary,
    "com.microsoft.RotaryEmbedding": rotary,
    "com.microsoft.MultiHeadAttention": multi_head_attention,
    "com.microsoft.DecoderMaskedMultiHeadAttention": multi_head_attention,
    "com.microsoft.GroupQueryAttention": group_query_attention,
    "com.microsoft.Attention": packed_attention,
    "com.microsoft.QAttention": packed_attention,
}
