"""Digital operators with a formula of their own: resampling, sorting, spectra, random numbers, losses, detection."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import NamedTuple

from pimsim.graph.operators import streaming
from pimsim.graph.operators.elementwise import edges_to_nothing, read_elements
from pimsim.graph.operators.site import Handler, Site
from pimsim.graph.operators.streaming import Order
from pimsim.graph.workload import Kind


def digital(
    site: Site,
    *,
    vector: int = 0,
    special: int = 0,
    order: Order | None = (),
    in_order: Order = (),
    size: int | None = None,
) -> None:
    """Emits one digital layer that reads all inputs in `in_order` (default: whole)."""
    n = site.output_size() if size is None else size
    edges = site.all_edges(in_order)
    if edges_to_nothing(site, edges, n):
        return
    site.emit(
        Kind.DIGITAL, edges, order=order, input_elements=read_elements(site), output_elements=n, vector_ops=vector,
        special_ops=special,
    )  # fmt: skip


class PerElement(NamedTuple):
    """Operations for each element of the first input (`basis` "in") or of all outputs ("out")."""

    vector: int = 1
    special: int = 0
    basis: str = "out"
    note: str = ""


RANDOM = "random numbers: one generator step and one scaling an element"
DEPENDS = "the size of its output depends on the data: counted as that of its input"

SIMPLE: Mapping[str, PerElement] = {
    "CumSum": PerElement(1), "CumProd": PerElement(1), "NonZero": PerElement(1, basis="in", note=DEPENDS),
    "OneHot": PerElement(1), "Range": PerElement(1), "RandomNormal": PerElement(2, 2, note=RANDOM),
    "RandomNormalLike": PerElement(2, 2, note=RANDOM), "RandomUniform": PerElement(2, note=RANDOM),
    "RandomUniformLike": PerElement(2, note=RANDOM), "Multinomial": PerElement(2, 1, note=RANDOM),
    "BlackmanWindow": PerElement(6, 2), "HammingWindow": PerElement(3, 1), "HannWindow": PerElement(3, 1),
    "MelWeightMatrix": PerElement(4, 1), "AffineGrid": PerElement(8), "DynamicQuantizeLinear": PerElement(5,
    basis="in"),
    "NegativeLogLikelihoodLoss": PerElement(1, basis="in"), "SoftmaxCrossEntropyLoss": PerElement(4, 2, basis="in"),
    "ImageDecoder": PerElement(8, note="an image decoder: counted as 8 operations for each value it gives"),
    "com.microsoft.DynamicTimeWarping": PerElement(3, basis="in"), "com.microsoft.BifurcationDetector": PerElement(1,
    basis="in"),
    "com.microsoft.Range": PerElement(1), "com.microsoft.NGramRepeatBlock": PerElement(2, basis="in"),
    "com.microsoft.Sampling": PerElement(2, basis="in"),
}  # fmt: skip
"""Operators that take a fixed number of operations an element."""


def simple(site: Site) -> None:
    """One of SIMPLE."""
    per = SIMPLE[site.node.op]
    if per.note:
        site.note(per.note)
    if per.note == DEPENDS:
        n = site.elements(site.need(0)) or prod(site.shape(0))
        rank = max(1, len(site.need(0).shape or ())) if site.node.op == "NonZero" else 1
        digital(site, vector=per.vector * n, special=per.special * n, size=n * rank)
        return
    size = site.output_size()
    n = size if per.basis == "out" else site.elements(site.input(0))
    digital(site, vector=per.vector * n, special=per.special * n, size=size)


def resize(site: Site) -> None:
    """Resize, Upsample, GridSample: nearest moves elements; linear takes 2^d samples, cubic 4^d, each one product and
    one sum, d the axes that are resampled (GridSample: all spatial ones)."""
    x, out = site.need(0), site.output()
    default = "linear" if site.node.op == "GridSample" else "nearest"
    mode = site.attr_str("mode", default)
    n = site.output_size()
    rank = len(x.shape or ())
    resampled = max(1, rank - 2)
    same = x.shape is not None and out is not None and out.shape is not None and len(out.shape) == rank
    shape, out_shape = x.shape or (), (out.shape or ()) if out is not None else ()
    if site.node.op != "GridSample" and same:
        resampled = max(1, sum(p != q for p, q in zip(shape, out_shape, strict=True)))
    rows = resampled if resampled < 8 else 8
    taps = 4**rows if "cubic" in mode else 2**rows if "linear" in mode else 0
    streams = same and rank >= 3 and site.node.op != "GridSample" and shape[:2] == out_shape[:2]
    first = last = 1.0
    if streams:
        grow = max(1, -(-max(1, out_shape[2]) // max(1, shape[2])))
        first, last = streaming.handover(site.flow(0), shape, (0, 2))
        last = max(last, min(1.0, grow / streaming.steps(out_shape, (0, 2)))) if first < 1 else last
    edges = site.edge_with(0, first, last)
    for i in range(1, len(site.node.inputs)):
        edges += site.edge(i, ())
    if edges_to_nothing(site, edges, n):
        return
    kind = Kind.DIGITAL if taps else Kind.MOVE
    site.emit(
        kind, edges, order=(0, 2) if streams else (0,), input_elements=read_elements(site), output_elements=n,
        vector_ops=2 * taps * n,
    )  # fmt: skip


def _log2(n: int) -> int:
    return max(1, (max(1, n) - 1).bit_length())


def top_k(site: Site) -> None:
    """TopK, Unique: a sort of every row, n log2 n comparisons (TopK: n log2 k)."""
    x = site.need(0)
    n = site.elements(x) or prod(site.shape(0))
    rank = len(x.shape or ())
    depth = n
    if site.node.op == "TopK" and rank:
        axis = site.axis(site.attr_int("axis", -1), rank)
        k = site.values(1)
        listed = site.attr_int("k", int(k[0]) if k and abs(k[0]) < 2**53 else (x.shape or (1,))[axis])
        depth = min(max(1, listed), n or 1)
        order = streaming.before(site.order_of(0), (axis,))
        digital(site, vector=n * _log2(depth), order=order, in_order=order)
        return
    digital(site, vector=n * _log2(depth))


def non_max_suppression(site: Site) -> None:
    """NonMaxSuppression: boxes [B, N, 4], scores [B, C, N]: a sort of every class and, for each box that may be kept,
    10 operations (overlap of two boxes) against all others."""
    boxes, scores = site.shape(0, 3), site.shape(1, 3)
    limit = site.values(2)
    n = boxes[1]
    kept = min(n, int(limit[0])) if limit and 0 < limit[0] < 2**53 else n
    classes = scores[0] * scores[1]
    site.note("the number of boxes kept depends on the data: counted as the largest possible")
    size = 3 * classes * kept
    digital(site, vector=classes * (n * _log2(n) + 10 * kept * n), special=classes * kept * n, size=max(1, size))


def spectrum(site: Site) -> None:
    """DFT and STFT: a fast transform of length n takes 5 n log2 n operations (Cooley-Tukey, radix 2)."""
    shape = site.shape(0, 1)
    n = site.output_size()
    if site.node.op.endswith("STFT"):
        out = site.output()
        dims = (out.shape or ()) if out is not None else ()
        frames = prod(dims[:2]) if len(dims) >= 2 else shape[0]
        length = site.values(3)
        if length:
            width = int(length[0]) if 0 < length[0] < 2**53 else shape[-1]
        else:
            window = site.input(2)
            width = window.elements if window is not None and window.shape is not None else shape[-1]
        digital(site, vector=frames * width * (1 + 5 * _log2(width)), size=n)
        return
    axis = site.attr_int("axis", len(shape) - 2 if len(shape) > 1 else 0)
    value = site.values(2)
    if value:
        axis = int(value[0]) if abs(value[0]) < 64 else 0
    points = max(n // 2, prod(shape) // max(1, shape[-1]))
    digital(site, vector=5 * points * _log2(shape[site.axis(axis, len(shape))]), size=n)


def determinant(site: Site) -> None:
    """Det: elimination, 2/3 n^3 operations and n divisions a matrix."""
    shape = site.shape(0, 2)
    n = shape[-1]
    matrices = prod(shape[:-2])
    digital(site, vector=matrices * max(1, 2 * n**3 // 3), special=matrices * n)


OPERATORS: Mapping[str, Handler] = {
    **dict.fromkeys(SIMPLE, simple),
    "Resize": resize,
    "Upsample": resize,
    "GridSample": resize,
    "com.microsoft.GridSample": resize,
    "TopK": top_k,
    "Unique": top_k,
    "com.microsoft.Unique": top_k,
    "NonMaxSuppression": non_max_suppression,
    "DFT": spectrum,
    "STFT": spectrum,
    "com.microsoft.Rfft": spectrum,
    "com.microsoft.Irfft": spectrum,
    "Det": determinant,
}
