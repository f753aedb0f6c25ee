"""Operators that move data or only rename it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pimsim.graph.operators import streaming
from pimsim.graph.operators.elementwise import edges_to_nothing, read_elements
from pimsim.graph.operators.site import Handler, Site
from pimsim.graph.operators.streaming import NO_FLOW, NOWHERE, Flow, Order, Shape
from pimsim.graph.workload import Edge, Kind


def reshape(site: Site) -> None:
    """Reshape, Flatten, Squeeze, Unsqueeze: free; the streaming order is followed into the new shape."""
    flow = site.flow(0)
    x, out = site.input(0), site.output()
    order: Order | None = ()
    if x is not None and out is not None and x.shape is not None and out.shape is not None:
        order = streaming.reshaped(flow.order, x.shape, out.shape)
        if flow.order is not None and flow.source != NOWHERE:
            arriving = max(flow.grain, 1.0 / streaming.steps(x.shape, flow.order))
            flow = flow._replace(grain=arriving if order else 0.0)
    site.alias(flow._replace(order=order))


def identity(site: Site) -> None:
    """Identity, inference Dropout, Optional: the first input under another name."""
    site.alias(site.flow(0))


def shape_only(site: Site) -> None:
    """Shape, Size, SequenceEmpty...: known before the inference, or not data: no cost, no edge."""
    site.alias(NO_FLOW)


def transpose(site: Site) -> None:
    """Transpose: every element is moved; the order of arrival is carried to the new axes."""
    x = site.need(0)
    n = site.output_size()
    edges = site.edge(0)
    if edges_to_nothing(site, edges, n):
        return
    order: Order | None = ()
    if x.shape is not None:
        rank = len(x.shape)
        perm = site.attr_ints("perm") or list(range(rank))[::-1]
        if sorted(perm) != list(range(rank)):
            site.fail(f"perm is {perm}; a permutation of the {rank} axes is needed")
        order = streaming.permuted(site.flow(0).order, tuple(perm))
    site.emit(Kind.MOVE, edges, order=order, input_elements=read_elements(site), output_elements=n)


def concat(site: Site) -> None:
    """Concat: along a streamed axis the inputs come one after the other, across it they come side by side."""
    out = site.output()
    rank = len(out.shape or ()) if out is not None else 0
    axis = site.axis(site.attr_int("axis", 1), rank) if rank else 0
    orders = []
    for i, tensor in enumerate(site.node.inputs):
        if tensor is not None and site.flow(i).source != NOWHERE:
            orders.append(site.flow(i).order)
    known = [o for o in orders if o is not None]
    own: Order | None = None if not known else known[0]
    for other in known[1:]:
        own = streaming.common(own or (), other)
    if own is not None:
        own = streaming.before(own, (axis,))
    natural = streaming.before(streaming.natural(rank), (axis,))
    edges = site.all_edges(natural if own is None else own)
    n = site.output_size()
    if edges_to_nothing(site, edges, n):
        return
    site.emit(Kind.MOVE, edges, order=own, input_elements=read_elements(site), output_elements=n)


def along_rows(site: Site) -> None:
    """Slice, Split, Pad, Tile, Expand...: elements are moved; the order is kept when the rank is and the ordered
    dimensions are, else the node waits for all of its input."""
    x, out = site.need(0), site.output()
    flow = site.flow(0)
    order: Order | None = ()
    if x.shape is not None and out is not None and out.shape is not None and len(x.shape) == len(out.shape):
        if flow.order is None:
            order = None
        else:
            changed = tuple(a for a, (p, q) in enumerate(zip(x.shape, out.shape, strict=True)) if p != q)
            # a padded row is its input row with a margin: rows keep coming one by one
            order = flow.order if site.node.op.endswith("Pad") else streaming.before(flow.order, changed)
    n = site.output_size()
    edges = _at_most(site.edge(0, order), max(1, n) * site.builder.trips)
    for i in range(1, len(site.node.inputs)):
        edges += site.edge(i, ())
    if edges_to_nothing(site, edges, n):
        return
    site.emit(
        Kind.MOVE,
        edges,
        order=order,
        input_elements=min(read_elements(site), max(n, 1) + _others(site)),
        output_elements=n,
    )


def slice_(site: Site) -> None:
    """Slice: a movement as `along_rows`; cut along the streamed axis, it begins with the first row that it keeps."""
    x, out, flow = site.need(0), site.output(), site.flow(0)
    rows = _cut_rows(site, x.shape, None if out is None else out.shape, flow.order)
    if rows is None:
        along_rows(site)
        return
    axis, start = rows
    shape, kept = x.shape or (), (out.shape or ()) if out is not None else ()
    order = flow.order or ()
    before = order[: order.index(axis)]
    first = (start + 1) / streaming.steps(shape, (*before, axis))
    last = 1.0 / streaming.steps(kept, (*before, axis))
    n = site.output_size()
    edges = _at_most(site.edge_with(0, max(first, flow.grain), max(last, flow.grain)), n * site.builder.trips)
    for i in range(1, len(site.node.inputs)):
        edges += site.edge(i, ())
    site.emit(
        Kind.MOVE, edges, order=order, input_elements=min(read_elements(site), n + _others(site)), output_elements=n
    )


def _cut_rows(site: Site, shape: Shape | None, kept: Shape | None, order: Order | None) -> tuple[int, int] | None:
    """(axis, first row kept) of a Slice that keeps some rows of one streamed axis, in their order."""
    if not shape or not kept or not order or len(shape) != len(kept) or 0 in kept:
        return None
    changed = [axis for axis, (p, q) in enumerate(zip(shape, kept, strict=True)) if p != q and axis in order]
    if len(changed) != 1:
        return None
    starts, axes, steps = (
        _whole(site, i, name) for i, name in ((1, "starts"), (3, "axes"), (4, "steps"))
    )  # fmt: skip
    if starts is None:
        return None
    axes = list(range(len(starts))) if axes is None else [a + len(shape) if a < 0 else a for a in axes]
    if len(axes) != len(starts) or changed[0] not in axes or (steps is not None and min(steps, default=1) < 1):
        return None
    start = starts[axes.index(changed[0])]
    start = start + shape[changed[0]] if start < 0 else start
    return changed[0], min(max(start, 0), shape[changed[0]] - 1)


def _whole(site: Site, i: int, name: str) -> list[int] | None:
    """Integers given as input `i` or, before opset 10, as an attribute."""
    if name in site.node.attributes:
        return site.attr_ints(name, low=-(2**63))
    constant = site.constant(i)
    return None if constant is None or constant.values is None else [int(v) for v in constant.values.ravel()]


def _others(site: Site) -> int:
    return sum(site.elements(t) for t in site.node.inputs[1:] if t is not None and t.constant is None)


def _at_most(edges: tuple[Edge, ...], elements: int) -> tuple[Edge, ...]:
    """Edges along which only what is picked out travels."""
    return tuple([replace(e, elements=elements) if e.elements > elements else e for e in edges])


def picked(site: Site) -> None:
    """Gather of activations, Compress...: the elements that are picked out travel, once the whole input is there.

    Gather along an axis that is not streamed (queries out of [3, B, T, C]) hands the streamed steps on.
    """
    n = site.output_size()
    own, order = _picked_order(site)
    edges = _at_most(site.edge(0, own), max(1, n) * site.builder.trips)
    for i in range(1, len(site.node.inputs)):
        edges += site.edge(i, ())
    if edges_to_nothing(site, edges, n):
        return
    read = min(site.elements(site.input(0)), n) + _others(site)
    site.emit(Kind.MOVE, edges, order=order, input_elements=read, output_elements=n)


def _picked_order(site: Site) -> tuple[Order, Order]:
    """The order in which a Gather reads its data, and the same in the axes of its output."""
    data, indices = site.input(0), site.input(1)
    if site.node.op != "Gather" or data is None or indices is None or not data.shape or indices.shape is None:
        return (), ()
    axis = site.axis(site.attr_int("axis", 0), len(data.shape))
    own = streaming.before(site.order_of(0), (axis,))
    return own, tuple([a if a < axis else a + len(indices.shape) - 1 for a in own])


def moved(site: Site) -> None:
    """Scatter*, ReverseSequence...: elements are moved, after all of the input is there."""
    n = site.output_size()
    edges = site.all_edges()
    if edges_to_nothing(site, edges, n):
        return
    site.emit(Kind.MOVE, edges, input_elements=read_elements(site), output_elements=n)


def blocks(site: Site) -> None:
    """DepthToSpace and SpaceToDepth: image rows keep their sequence, several rows on one side for one on the other."""
    shape = site.shape(0, 4)
    out = site.output()
    n = site.output_size()
    block = site.attr_int("blocksize", 1, low=1)
    first = last = 1.0
    if out is not None and out.shape is not None and len(out.shape) == len(shape):
        deep = site.node.op == "SpaceToDepth"
        first, last = streaming.window(
            site.flow(0), shape, out.shape, extent=block if deep else 1, stride=block if deep else 1, pad=0
        )
        if not deep:
            first, last = streaming.handover(site.flow(0), shape, (0, 2))
    edges = site.edge_with(0, first, last)
    if edges_to_nothing(site, edges, n):
        return
    site.emit(Kind.MOVE, edges, order=(0, 2), input_elements=read_elements(site), output_elements=n)


def sequence(site: Site) -> None:
    """SequenceConstruct, SequenceInsert, ConcatFromSequence...: tensors are moved into or out of a sequence."""
    flows = [site.flow(i) for i in range(len(site.node.inputs))]
    total = sum(f.elements or 0 for f in flows if f.source != NOWHERE)
    edges = site.all_edges()
    if not edges:
        site.alias(Flow(NOWHERE, sum(site.elements(t) for t in site.node.inputs if t is not None)))
        return
    site.emit(Kind.MOVE, edges, input_elements=total, output_elements=total)


OPERATORS: Mapping[str, Handler] = {
    "Reshape": reshape,
    "Flatten": reshape,
    "Squeeze": reshape,
    "Unsqueeze": reshape,
    "Identity": identity,
    "Dropout": identity,
    "com.microsoft.ExpandDims": reshape,
    "BitCast": identity,
    "Optional": identity,
    "OptionalGetElement": identity,
    "SequenceAt": identity,
    "SequenceErase": identity,
    "OptionalHasElement": shape_only,
    "SequenceEmpty": shape_only,
    "SequenceLength": shape_only,
    "Shape": shape_only,
    "Size": shape_only,
    "Constant": shape_only,
    "Transpose": transpose,
    "Concat": concat,
    "Slice": slice_,
    "Split": along_rows,
    "Pad": along_rows,
    "Tile": along_rows,
    "Expand": along_rows,
    "CenterCropPad": along_rows,
    "Crop": along_rows,
    "Trilu": along_rows,
    "com.microsoft.Pad": along_rows,
    "com.microsoft.Trilu": along_rows,
    "com.microsoft.RemovePadding": moved,
    "com.microsoft.RestorePadding": moved,
    "com.microsoft.QLinearConcat": moved,
    "ReverseSequence": moved,
    "Scatter": moved,
    "ScatterElements": moved,
    "ScatterND": moved,
    "TensorScatter": moved,
    "Compress": picked,
    "Col2Im": moved,
    "ConstantOfShape": moved,
    "EyeLike": moved,
    "DepthToSpace": blocks,
    "SpaceToDepth": blocks,
    "SequenceConstruct": sequence,
    "SequenceInsert": sequence,
    "ConcatFromSequence": sequence,
    "SplitToSequence": sequence,
}
