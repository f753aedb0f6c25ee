"""Pooling and normalisation, softmax among them."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from pimsim.graph.operators import streaming
from pimsim.graph.operators.conv import read_window, window_outputs
from pimsim.graph.operators.elementwise import edges_to_nothing, read_elements
from pimsim.graph.operators.products import size
from pimsim.graph.operators.site import Handler, Site
from pimsim.graph.workload import Kind, Unit


def pool(site: Site) -> None:
    """MaxPool, AveragePool, LpPool over [N, C, ...]: one operation for each element of each window (LpPool two, and
    a root; AveragePool a division, as a multiplication with the reciprocal: one more)."""
    shape = site.shape(0, 3)
    if site.attr_int("channels_last", 0):
        site.fail("channels_last pooling is not supported; export the model with the channels in front")
    spatial = shape[2:]
    kernel = tuple(
        site.attr_ints("kernel_shape", len(spatial), low=1) or site.fail("the attribute 'kernel_shape' is missing")
    )
    window = read_window(site, spatial, kernel)
    out = site.output()
    if out is not None and out.shape is not None and len(out.shape) == len(shape):
        positions = out.shape[2:]
    else:
        positions = window_outputs(site, spatial, window, site.attr_int("ceil_mode", 0) != 0)
    outputs = shape[0] * shape[1] * prod(positions)
    volume = prod(kernel)
    first, last = streaming.window(
        site.flow(0), shape, (*shape[:2], *positions), extent=window.extent[0], stride=window.stride[0],
        pad=window.pad_begin[0],
    )  # fmt: skip
    edges = site.edge_with(0, first, last)
    if edges_to_nothing(site, edges, outputs):
        return
    op = site.node.op.rpartition(".")[2]
    per = {"LpPool": 2 * volume, "AveragePool": volume + 1, "QLinearAveragePool": volume + 5}.get(op, volume)
    site.emit(
        Kind.DIGITAL, edges, order=(0, 2), input_elements=read_elements(site), output_elements=size(out, outputs),
        pool_ops=per * outputs, special_ops=outputs if op == "LpPool" else 0,
    )  # fmt: skip


def global_pool(site: Site) -> None:
    """GlobalMaxPool, GlobalAveragePool, GlobalLpPool: one operation for each input element (LpPool two, and a root)."""
    shape = site.shape(0, 2)
    outputs = site.output_size()
    last = len(shape) - 1 if site.attr_int("channels_last", 0) else None
    whole = tuple(range(1, last)) if last else tuple(range(2, len(shape)))
    order = streaming.before(site.order_of(0), whole)
    edges = site.edge(0, order)
    if edges_to_nothing(site, edges, outputs):
        return
    n = prod(shape)
    op = site.node.op.rpartition(".")[2]
    site.emit(
        Kind.DIGITAL, edges, order=order, input_elements=n, output_elements=outputs,
        pool_ops=(2 if op == "GlobalLpPool" else 1) * n, special_ops=0 if op == "GlobalMaxPool" else outputs,
    )  # fmt: skip


def roi_pool(site: Site) -> None:
    """RoiAlign (bilinear samples: 11 operations each) and MaxRoiPool (each region taken as the whole map at most)."""
    shape, rois = site.shape(0, 4), site.shape(1, 2)
    outputs = site.output_size()
    edges = site.edge(0, ()) + site.edge(1, ()) + site.edge(2, ())
    if edges_to_nothing(site, edges, outputs):
        return
    if site.node.op == "MaxRoiPool":
        ops = rois[0] * shape[1] * shape[2] * shape[3]
        site.note("the size of its regions depends on the data: counted as the whole map each")
    else:
        ratio = site.attr_int("sampling_ratio", 0, low=0) or 2
        ops = outputs * ratio * ratio * 11
    site.emit(
        Kind.DIGITAL, edges, order=(0,), input_elements=read_elements(site), output_elements=outputs, pool_ops=ops,
    )  # fmt: skip


def max_unpool(site: Site) -> None:
    """MaxUnpool: each element is written to its place."""
    n = site.output_size()
    edges = site.edge(0, (0,)) + site.edge(1, (0,))
    if edges_to_nothing(site, edges, n):
        return
    site.emit(Kind.MOVE, edges, order=(0,), input_elements=read_elements(site), output_elements=n)


def softmax(site: Site) -> None:
    """Softmax, LogSoftmax, Hardmax over an axis: maximum, subtraction, exponential, sum and division an element:
    3 vector and 2 special operations (LogSoftmax: the logarithm once a row; Hardmax: 2 comparisons)."""
    shape = site.shape(0)
    rank = len(shape)
    n = prod(shape)
    op = site.node.op
    old = site.node.opset and site.node.opset < 13
    axis = site.axis(site.attr_int("axis", 1 if old else -1), rank) if rank else 0
    whole = tuple(range(axis, rank)) if old else (axis,)
    order = streaming.before(site.order_of(0), whole)
    edges = site.edge(0, order)
    if edges_to_nothing(site, edges, n):
        return
    rows = n // max(1, prod(shape[a] for a in whole if a < rank))
    vector, special = {"Hardmax": (2 * n, 0), "LogSoftmax": (4 * n, n + rows)}.get(op, (3 * n, 2 * n))
    site.emit(
        Kind.DIGITAL, edges, order=order, input_elements=n, output_elements=n, vector_ops=vector, special_ops=special,
        unit=None if op == "Hardmax" else Unit.SOFTMAX,
    )  # fmt: skip


def bias_softmax(site: Site) -> None:
    """com.microsoft BiasSoftmax: an addition before the softmax over all axes from `axis` on."""
    shape = site.shape(0, 1)
    axis = site.axis(site.attr_int("axis", 1), len(shape))
    n = prod(shape)
    order = streaming.before(site.order_of(0), tuple(range(axis, len(shape))))
    edges = site.edge(0, order) + site.edge(1, ())
    if edges_to_nothing(site, edges, n):
        return
    site.emit(
        Kind.DIGITAL, edges, order=order, input_elements=read_elements(site), output_elements=n, vector_ops=4 * n,
        special_ops=2 * n, unit=Unit.SOFTMAX,
    )  # fmt: skip


def _norm(
    site: Site, *, whole: tuple[int, ...], per: int, groups: int, n: int, outputs: tuple[int, ...] = (0,)
) -> None:
    order = streaming.before(site.order_of(0), whole)
    edges = site.edge(0, order)
    for i in range(1, len(site.node.inputs)):
        edges += site.edge(i, order if site.input(i) is not None and site.need(i).shape == site.need(0).shape else ())
    if edges_to_nothing(site, edges, n):
        return
    site.emit(
        Kind.DIGITAL, edges, order=order, outputs=None if len(site.node.outputs) > 1 else outputs,
        input_elements=read_elements(site), output_elements=n, vector_ops=per * n, special_ops=2 * groups,
        unit=Unit.NORMALISATION,
    )  # fmt: skip


def layer_normalization(site: Site) -> None:
    """LayerNormalization, RMSNormalization and their Skip forms over the axes from `axis` on: mean (1), variance (3),
    normalise (2), scale (1), shift (1) an element; root and reciprocal once a row. RMS needs no mean and no shift."""
    shape = site.shape(0)
    rank = len(shape)
    op = site.node.op.rpartition(".")[2]
    axis = site.axis(site.attr_int("axis", -1), rank) if rank else 0
    rms = "RMS" in op or "Simplified" in op
    skip = op.startswith("Skip")
    per = 4 if rms else 7 + (site.input(3 if skip else 2) is not None)
    if skip:
        per += sum(site.input(i) is not None for i in (1, 4))
    n = prod(shape)
    _norm(site, whole=tuple(range(axis, rank)), per=per, groups=prod(shape[:axis]), n=n)


def instance_normalization(site: Site) -> None:
    """InstanceNormalization, MeanVarianceNormalization and GroupNormalization: statistics over each image's channel
    or group of channels; 8 operations an element, root and reciprocal once a group."""
    shape = site.shape(0, 2)
    groups = shape[0] * shape[1]
    whole = tuple(range(2, len(shape)))
    op = site.node.op.rpartition(".")[2]
    if op in ("GroupNormalization", "GroupNorm", "SkipGroupNorm"):
        groups = shape[0] * site.attr_int("groups" if op != "GroupNormalization" else "num_groups", 1, low=1)
        whole = tuple(range(1, len(shape)))
    elif op == "MeanVarianceNormalization":
        axes = site.attr_ints("axes", low=-8) or [a for a in (0, 2, 3) if a < len(shape)]
        whole = tuple(site.axis(a, len(shape)) for a in axes)
        groups = prod(shape) // max(1, prod(shape[a] for a in set(whole)))
    _norm(site, whole=whole, per=8, groups=groups, n=prod(shape))


def lrn(site: Site) -> None:
    """LRN: a sum of squares over `size` channels (2 operations each), scaled, raised and divided."""
    n = site.output_size()
    edges = site.edge(0)
    if edges_to_nothing(site, edges, n):
        return
    width = site.attr_int("size", 5, low=1)
    site.emit(
        Kind.DIGITAL, edges, order=site.order_of(0), input_elements=read_elements(site), output_elements=n,
        vector_ops=(2 * width + 2) * n, special_ops=2 * n,
    )  # fmt: skip


def lp_normalization(site: Site) -> None:
    """LpNormalization along an axis: 2 operations for the norm, 1 product; root and reciprocal once a row."""
    shape = site.shape(0)
    rank = len(shape)
    axis = site.axis(site.attr_int("axis", -1), rank) if rank else 0
    n = prod(shape)
    _norm(site, whole=(axis,), per=3, groups=n // max(1, shape[axis] if rank else 1), n=n)


OPERATORS: Mapping[str, Handler] = {
    "MaxPool": pool,
    "AveragePool": pool,
    "LpPool": pool,
    "com.microsoft.QLinearAveragePool": pool,
    "com.microsoft.MaxpoolWithMask": pool,
    "GlobalMaxPool": global_pool,
    "GlobalAveragePool": global_pool,
    "GlobalLpPool": global_pool,
    "com.microsoft.QLinearGlobalAveragePool": global_pool,
    "RoiAlign": roi_pool,
    "MaxRoiPool": roi_pool,
    "com.microsoft.CropAndResize": roi_pool,
    "MaxUnpool": max_unpool,
    "Softmax": softmax,
    "LogSoftmax": softmax,
    "Hardmax": softmax,
    "com.microsoft.BiasSoftmax": bias_softmax,
    "LayerNormalization": layer_normalization,
    "RMSNormalization": layer_normalization,
    "SimplifiedLayerNormalization": layer_normalization,
    "com.microsoft.SkipLayerNormalization": layer_normalization,
    "com.microsoft.SkipSimplifiedLayerNormalization": layer_normalization,
    "com.microsoft.SimplifiedLayerNormalization": layer_normalization,
    "InstanceNormalization": instance_normalization,
    "GroupNormalization": instance_normalization,
    "MeanVarianceNormalization": instance_normalization,
    "com.microsoft.GroupNorm": instance_normalization,
    "com.microsoft.SkipGroupNorm": instance_normalization,
    "LRN": lrn,
    "LpNormalization": lp_normalization,
}
