"""Matrix products of com.microsoft whose weights are packed or quantised in a way of their own."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from pimsim.graph.operators import streaming
from pimsim.graph.operators.matmul import product
from pimsim.graph.operators.products import size, stationary
from pimsim.graph.operators.site import Handler, Site


def matmul_nbits(site: Site) -> None:
    """MatMulNBits and MatMulBnb4: A [..., K] times a weight of K x N elements packed in blocks; each block of
    `block_size` rows has a scale of its own, so an output is the scaled sum of its blocks (2 operations a block)."""
    a, b = site.need(0), site.need(1)
    shape = site.shape(0, 1)
    k, n = site.attr_int("K", 0, low=1), site.attr_int("N", 0, low=1)
    block = site.attr_int("block_size", 32, low=1)
    bits = 4 if site.node.op.endswith("Bnb4") else site.attr_int("bits", 4, low=1)
    if shape[-1] != k:
        site.fail(f"A has the shape {list(shape)}, but K is {k}")
    if b.constant is None:
        site.fail("its packed weight B is not constant; only constant weights are supported")
    stored = b.shape or ()
    if len(stored) == 3 and site.node.op.endswith("NBits"):  # [N, blocks, bytes of a block]
        wanted = (n, -(-k // block), -(-block * bits // 8))
        if stored != wanted:
            site.fail(f"its packed weight has the shape {list(stored)}; K, N, bits and block_size need {list(wanted)}")
    elif b.constant.elements * 8 < k * n * bits // 2:
        site.fail(f"its packed weight has {b.constant.elements} elements: too few for K = {k} and N = {n}")
    vectors = prod(shape[:-1]) if k else 0
    outputs = size(site.output(), vectors * n)
    bias_at = 5 if site.node.op.endswith("NBits") else None
    bias = site.input(bias_at) if bias_at is not None else None
    blocks = -(-k // block)
    order = streaming.before(site.order_of(0), (len(shape) - 1,))
    stationary(
        site, site.edge(0, order), b.constant, groups=1, rows=k, cols=n, vectors=vectors, bits=bits, x=a,
        order=order or tuple(range(len(shape) - 1)), out_elements=outputs, bias=0 if bias is None else bias.elements,
        extra_vector=2 * blocks * outputs if blocks > 1 else outputs,
    )  # fmt: skip


def qgemm(site: Site) -> None:
    """QGemm: A, a_scale, a_zero, B, b_scale, b_zero, C, y_scale, y_zero; outputs are scaled, rounded and clipped."""
    swap = (site.attr_int("transA", 0) != 0, site.attr_int("transB", 0) != 0)
    c = site.input(6)
    product(
        site, site.need(0), site.need(3), (0, 3), swap=swap, bias=0 if c is None else c.elements,
        extra_vector=3 * site.elements(site.output()),
    )  # fmt: skip


def dynamic_quantize_matmul(site: Site) -> None:
    """DynamicQuantizeMatMul: A is quantised on the way in (5 operations an element: range, scale, round, clip), the
    result scaled (1)."""
    a, b = site.need(0), site.need(1)
    bias = site.input(4)
    product(
        site, a, b, bias=0 if bias is None else bias.elements,
        extra_vector=5 * site.elements(a) + site.elements(site.output()), input_bits=8,
    )  # fmt: skip


def matmul_integer_to_float(site: Site) -> None:
    """MatMulIntegerToFloat: A, B, scales, zero points, bias; the result is scaled (1 operation an output)."""
    bias = site.input(6)
    product(
        site, site.need(0), site.need(1), bias=0 if bias is None else bias.elements,
        extra_vector=site.elements(site.output()),
    )  # fmt: skip


OPERATORS: Mapping[str, Handler] = {
    "com.microsoft.MatMulNBits": matmul_nbits,
    "com.microsoft.MatMulBnb4": matmul_nbits,
    "com.microsoft.QGemm": qgemm,
    "com.microsoft.DynamicQuantizeMatMul": dynamic_quantize_matmul,
    "com.microsoft.MatMulIntegerToFloat": matmul_integer_to_float,
}
