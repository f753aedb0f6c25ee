"""Matrix products: Gemm, MatMul and their quantised, fused and block-quantised forms."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from pimsim.graph.nodes import Tensor
from pimsim.graph.operators import streaming
from pimsim.graph.operators.costs import fused_activation
from pimsim.graph.operators.products import activation_bits, dynamic, size, stationary
from pimsim.graph.operators.site import Handler, Site
from pimsim.graph.operators.streaming import Order, Shape


def _turned(shape: Shape, batch_last: bool) -> Shape:
    """[K, batch..., N] as [batch..., K, N]: FusedMatMul's transBatch moves the first axis before the last one."""
    return (*shape[1:-1], shape[0], shape[-1]) if batch_last and len(shape) > 2 else shape


def _swap(shape: Shape, transposed: bool) -> Shape:
    return (*shape[:-2], shape[-1], shape[-2]) if transposed and len(shape) >= 2 else shape


def _batch(site: Site, a: Shape, b: Shape) -> Shape:
    n = max(len(a), len(b))
    pairs = zip((1,) * (n - len(a)) + a, (1,) * (n - len(b)) + b, strict=True)
    result = []
    for x, y in pairs:
        if x != y and 1 not in (x, y):
            site.fail(f"the batch dimensions {list(a)} and {list(b)} of its operands do not fit")
        result.append(y if x == 1 else x)
    return tuple(result)


def product(
    site: Site,
    a: Tensor,
    b: Tensor,
    at: tuple[int, int] = (0, 1),
    *,
    swap: tuple[bool, bool] = (False, False),
    turned: tuple[bool, bool] = (False, False),
    bias: int = 0,
    extra_vector: int = 0,
    extra_special: int = 0,
    input_bits: int | None = None,
) -> None:
    """A @ B with numpy's rules for ranks. `at`: their places among the node's inputs; `swap`: last axes exchanged;
    `turned`: the first axis stands before the last one (such an operand is awaited whole).

    B constant: rows = K, cols = N, vectors = everything else of A; a batch of constant matrices makes as many groups.
    A constant: the same with A's columns as rows (rows = K, cols = M) and B's columns as vectors (N x batch).
    Neither: groups = batch of B, vectors = M x what A's batch adds.
    """
    shape_a = _swap(_turned(site.shape_of(a, 1), turned[0]), swap[0])
    shape_b = _swap(_turned(site.shape_of(b, 1), turned[1]), swap[1])
    full_a = (1, *shape_a) if len(shape_a) == 1 else shape_a
    full_b = (*shape_b, 1) if len(shape_b) == 1 else shape_b
    m, k, n = full_a[-2], full_a[-1], full_b[-1]
    if full_b[-2] != k:
        site.fail(
            f"operands of the shapes {list(shape_a)} and {list(shape_b)} cannot be multiplied: {k} is not {full_b[-2]}"
        )
    batch = prod(_batch(site, full_a[:-2], full_b[:-2]))
    out_elements = size(site.output(), batch * m * n)
    if b.constant is not None and a.constant is None:
        groups = prod(full_b[:-2])
        order = () if turned[0] else _rows_order(site, at[0], a, swap[0])
        stationary(
            site, site.edge(at[0], order), b.constant, groups=groups, rows=k, cols=n,
            vectors=batch * m // groups if groups else 0, order=_output_order(site, a, order, swap[0]), x=a,
            out_elements=out_elements, input_bits=input_bits, bias=bias,
            extra_vector=extra_vector, extra_special=extra_special,
        )  # fmt: skip
    elif a.constant is not None and b.constant is None:
        groups = prod(full_a[:-2])
        order = streaming.before(site.order_of(at[1]), (_contracted(b, swap[1], first=True),))
        order = () if turned[1] else order
        stationary(
            site, site.edge(at[1], order), a.constant, groups=groups, rows=k, cols=m,
            vectors=batch * n // groups if groups else 0, order=_leading(order, len(shape_b) - 2), x=b,
            out_elements=out_elements, bias=bias,
            extra_vector=extra_vector, extra_special=extra_special,
        )  # fmt: skip
    else:
        if a.constant is not None:
            site.note("both operands are constant, but the result was not folded: counted as a product")
        groups = prod(full_b[:-2])
        aligned = full_a[:-2] == full_b[:-2] and not any(turned)
        shared = tuple(range(len(shape_b) - 2)) if aligned else ()
        edges = site.edge(at[0], _leading(site.order_of(at[0]), len(shared)))
        edges += site.edge(at[1], _leading(site.order_of(at[1]), len(shared)))
        dynamic(
            site, edges, groups=groups, rows=k, cols=n, vectors=batch * m // groups if groups else 0,
            order=tuple(range(max(0, len(_out_shape(site)) - 1))), input_elements=a.elements + b.elements,
            out_elements=out_elements, input_bits=activation_bits(a), bias=bias,
            extra_vector=extra_vector, extra_special=extra_special,
        )  # fmt: skip


def _out_shape(site: Site) -> Shape:
    out = site.output()
    return out.shape or () if out is not None else ()


def _contracted(tensor: Tensor, swapped: bool, *, first: bool) -> int:
    """The axis of the stored operand that is summed over."""
    rank = len(tensor.shape or ())
    if rank == 1:
        return 0
    return rank - 2 if first != swapped else rank - 1


def _rows_order(site: Site, i: int, tensor: Tensor, swapped: bool) -> Order:
    """The order in which the rows of a left operand can be taken: as they come, up to the contracted axis."""
    return streaming.before(site.order_of(i), (_contracted(tensor, swapped, first=False),))


def _leading(order: Order, axes: int) -> Order:
    """The front of `order` that runs over the first `axes` axes only."""
    for i, axis in enumerate(order):
        if axis >= axes:
            return order[:i]
    return order


def _output_order(site: Site, a: Tensor, order: Order, swapped: bool) -> Order:
    """Rows come out in the order in which they went in; a whole operand gives its rows one after the other."""
    out_rank = len(_out_shape(site))
    if swapped or not order:
        return tuple(range(max(0, out_rank - 1)))
    shift = out_rank - len(a.shape or ())
    return tuple(axis + shift for axis in order) if shift >= 0 else ()


def matmul(site: Site) -> None:
    """MatMul: A, B."""
    product(site, site.need(0), site.need(1))


def matmul_integer(site: Site) -> None:
    """MatMulInteger: A, B, zero points."""
    product(site, site.need(0), site.need(1))


def qlinear_matmul(site: Site) -> None:
    """QLinearMatMul: a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero; outputs are scaled, rounded, clipped."""
    product(site, site.need(0), site.need(3), (0, 3), extra_vector=3 * site.elements(site.output()))


def gemm(site: Site) -> None:
    """Gemm: alpha * A' @ B' + beta * C; alpha and beta other than 1 cost one operation an output, but for constants."""
    swap = (site.attr_int("transA", 0) != 0, site.attr_int("transB", 0) != 0)
    a, b = site.need(0), site.need(1)
    for i in (0, 1):
        if len(site.shape(i, 2)) != 2:
            site.fail(f"input {i} has the shape {list(site.shape(i))}; a matrix is needed")
    c = site.input(2)
    outputs = site.elements(site.output()) or site.shape(0)[1 if swap[0] else 0] * site.shape(1)[0 if swap[1] else 1]
    vector = special = 0
    if site.node.op == "com.microsoft.FusedGemm":
        special, vector = fused_activation(site, outputs)
    if c is not None and c.constant is None:
        site.note("its third operand is an activation, added once for each output")
        vector += outputs
    bias = c.elements if c is not None and c.constant is not None else 0
    product(site, a, b, swap=swap, bias=bias, extra_vector=vector, extra_special=special)
    _add_operand(site, 2)


def _add_operand(site: Site, i: int) -> None:
    """Adds the edge of an activation that is added to a product which the node already became."""
    site.extend_last(site.edge(i, ()))


def fused_matmul(site: Site) -> None:
    """com.microsoft FusedMatMul: transposed operands and a factor, applied to each output when it is not 1."""
    swap = (site.attr_int("transA", 0) != 0, site.attr_int("transB", 0) != 0)
    turned = (site.attr_int("transBatchA", 0) != 0, site.attr_int("transBatchB", 0) != 0)
    outputs = site.elements(site.output())
    scaled = site.attr_float("alpha", 1.0) != 1.0
    vector, special = (outputs if scaled else 0), 0
    if "activation" in site.node.attributes:
        special, more = fused_activation(site, outputs)
        vector += more
    product(site, site.need(0), site.need(1), swap=swap, turned=turned, extra_vector=vector, extra_special=special)


OPERATORS: Mapping[str, Handler] = {
    "MatMul": matmul,
    "Gemm": gemm,
    "MatMulInteger": matmul_integer,
    "QLinearMatMul": qlinear_matmul,
    "com.microsoft.QLinearMatMul": qlinear_matmul,
    "com.microsoft.FusedMatMul": fused_matmul,
    "com.microsoft.FusedGemm": gemm,
    "com.microsoft.FusedMatMulActivation": fused_matmul,
    "com.microsoft.TransposeMatMul": fused_matmul,
}
