"""Operators that compute each output element from the matching input elements, and reductions over axes."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from pimsim.graph.nodes import Tensor
from pimsim.graph.operators import streaming
from pimsim.graph.operators.costs import ELEMENTWISE, REDUCED_SPECIAL, REDUCTIONS, Cost
from pimsim.graph.operators.site import Handler, Site
from pimsim.graph.operators.streaming import Flow, Order, Shape
from pimsim.graph.workload import Edge, Kind, Unit


def read_elements(site: Site) -> int:
    """Activation elements that the node reads: all inputs that are not constant."""
    return sum([site.elements(t) for t in site.node.inputs if t is not None and t.constant is None])


def broadcast_edges(site: Site) -> tuple[tuple[Edge, ...], Order | None]:
    """Edges of inputs that are broadcast against each other, and the order of the output.

    The output follows the full-sized input whose order has the most steps. Shapes are aligned at the right; an axis
    along which an input is broadcast is size 1 there, so the input's last step must exist before the next one.
    """
    out = site.output()
    if out is None or out.shape is None:
        return site.all_edges(), ()
    if len(site.node.inputs) == 1 and site.need(0).shape == out.shape:
        return site.edge_and_order(0)
    shape = out.shape
    sources = [(i, t, site.flow(i)) for i, t in enumerate(site.node.inputs) if t is not None]
    sources = [entry for entry in sources if entry[2].source != streaming.NOWHERE]
    own = _output_order(shape, [(t, flow) for _, t, flow in sources])
    edges: tuple[Edge, ...] = ()
    for i, tensor, _ in sources:
        edges += site.edge(i, _aligned(tensor.shape, shape, own))
    free = bool(sources) and all(flow.order is None for _, _, flow in sources)
    return edges, None if free else own


def _output_order(shape: Shape, sources: list[tuple[Tensor, Flow]]) -> Order:
    """The order with the most steps among those of full-sized inputs, else the natural one if any input is there
    before it is asked for (such an input takes whatever order the others bring)."""
    chosen: Order = ()
    most = 1
    elements = prod(shape)
    for tensor, flow in sources:
        if flow.order is None or tensor.shape is None or len(tensor.shape) > len(shape) or tensor.elements != elements:
            continue
        shift = len(shape) - len(tensor.shape)
        order = tuple([axis + shift for axis in flow.order])
        n = streaming.steps(shape, order)
        if n > most and max(order, default=0) < len(shape):
            chosen, most = order, n
    if most == 1 and any(flow.order is None for _, flow in sources):
        return streaming.natural(len(shape))
    return chosen


def _aligned(shape: Shape | None, out: Shape, own: Order) -> Order:
    """The front of the output's order that an input of `shape` follows, in the input's axes."""
    if shape is None or len(shape) > len(out):
        return ()
    shift = len(out) - len(shape)
    front = []
    for axis in own:
        if axis < shift or (shape[axis - shift] == 1 and out[axis] != 1):
            break
        front.append(axis - shift)
    return tuple(front)


def elementwise(site: Site) -> None:
    """One of ELEMENTWISE: its operations for each output element."""
    per = ELEMENTWISE[site.node.op]
    edges, order = broadcast_edges(site)
    n, read = site.output_size(), read_elements(site)
    if not read and edges_to_nothing(site, edges, n):
        return
    site.emit(
        Kind.DIGITAL, edges, order=order, input_elements=read, output_elements=n,
        vector_ops=per.vector * n, special_ops=per.special * n,
        unit=Unit.SOFTMAX if site.node.op.endswith("Softmax") else None,
    )  # fmt: skip


def edges_to_nothing(site: Site, edges: tuple[Edge, ...], elements: int) -> bool:
    """Whether the node handles no element at all; it is then marked as costing nothing."""
    if elements or read_elements(site):
        return False
    site.note("its tensors have no elements: nothing is computed")
    site.alias(streaming.Flow(edges[0].source, 0, ()) if edges else streaming.NO_FLOW)
    return True


def variadic(site: Site) -> None:
    """Sum, Max, Min, Mean: inputs - 1 operations for each output element; Mean divides as well."""
    edges, order = broadcast_edges(site)
    n = site.output_size()
    if edges_to_nothing(site, edges, n):
        return
    present = sum(t is not None for t in site.node.inputs)
    site.emit(
        Kind.DIGITAL, edges, order=order, input_elements=read_elements(site), output_elements=n,
        vector_ops=max(1, present - 1) * n, special_ops=n if site.node.op == "Mean" else 0,
    )  # fmt: skip


def cast(site: Site) -> None:
    """Cast and CastLike: free for the same type, one operation an element otherwise."""
    x, out = site.need(0), site.output()
    if out is None or out.dtype == x.dtype:
        site.alias(site.flow(0))
        return
    order = site.flow(0).order
    n = site.output_size()
    edges = site.edge(0)
    if edges_to_nothing(site, edges, n):
        return
    site.emit(Kind.DIGITAL, edges, order=order, input_elements=read_elements(site), output_elements=n, vector_ops=n)


def batch_normalization(site: Site) -> None:
    """BatchNormalization at inference: scale and shift, two operations an element. Statistics are constants."""
    n = site.output_size()
    edges = site.edge(0)
    if edges_to_nothing(site, edges, n):
        return
    if site.constant(1) is not None:
        site.note("if it follows a convolution it could be folded into the weights; counted as it stands")
    site.emit(
        Kind.DIGITAL, edges, order=site.flow(0).order, outputs=(0,), input_elements=read_elements(site),
        output_elements=site.elements(site.output()) or n, vector_ops=2 * (site.elements(site.output()) or n),
        unit=Unit.NORMALISATION,
    )  # fmt: skip


def reduction_axes(site: Site, rank: int) -> tuple[int, ...]:
    """The axes of a Reduce* node: an attribute up to opset 17, an input from 18 on; all when neither is known."""
    if site.node.op in ("ArgMax", "ArgMin"):
        return (site.axis(site.attr_int("axis", 0), rank),)
    listed = site.attr_ints("axes", low=-(2**31))
    if listed is None:
        values = site.values(1)
        if values is None and site.input(1) is not None:
            return tuple(range(rank))
        listed = [int(v) for v in values or () if v == v and abs(v) < 2**31]
    if not listed:
        return () if site.attr_int("noop_with_empty_axes", 0) else tuple(range(rank))
    return tuple(sorted({site.axis(a, rank) for a in listed}))


def reduction(site: Site) -> None:
    """One of REDUCTIONS: operations for each input element, and the closing function for each output element."""
    per: Cost = REDUCTIONS[site.node.op]
    x = site.need(0)
    n_in, n_out = site.elements(x), site.output_size()
    order: Order | None = ()
    edges = site.edge(0, ())
    if x.shape is not None:
        axes = reduction_axes(site, len(x.shape))
        own = streaming.before(site.order_of(0), axes)
        edges = site.edge(0, own)
        keep = site.attr_int("keepdims", 1) != 0
        order = own if keep else tuple(a - sum(r < a for r in axes) for a in own)
    if edges_to_nothing(site, edges, n_out):
        return
    site.emit(
        Kind.DIGITAL, edges, order=order, input_elements=read_elements(site), output_elements=n_out,
        vector_ops=per.vector * n_in, special_ops=per.special * n_in + REDUCED_SPECIAL.get(site.node.op, 0) * n_out,
    )  # fmt: skip


OPERATORS: Mapping[str, Handler] = {
    **dict.fromkeys(ELEMENTWISE, elementwise),
    **dict.fromkeys(REDUCTIONS, reduction),
    "Sum": variadic,
    "Max": variadic,
    "Min": variadic,
    "Mean": variadic,
    "Cast": cast,
    "CastLike": cast,
    "BatchNormalization": batch_normalization,
}
