"""What a block of a NASRec network becomes, layer by layer, as rows of pimsim's arrays: the same steps, in the same
order, as `pimsim.graph` reads out of the exported network at batch 1.

Plain Python that Numba compiles; numbers are floats throughout, because Numba compiles a function anew for each whole
number that stands in a call. `n` counts what is written: layers and edges of all networks, and where the present
network begins. A step calls `link` for each input, then `emit`; sources count from the network's own first layer.

A sparse tensor comes into being in one of a few orders, on which depends how early its consumer can begin: all at once,
dimension by dimension (what a product over the rows gives), or row by row (what self-attention gives).
"""

from __future__ import annotations

from typing import Any

from pimsim.mapping import columns as c
from pimsim.mapping.columns import (
    E_ELEMENTS,
    E_FIRST,
    E_LAST,
    E_SOURCE,
    L_COLS,
    L_GROUPS,
    L_INPUTS,
    L_KIND,
    L_OUTPUTS,
    L_ROWS,
    L_SPECIAL_OPS,
    L_UNIT,
    L_VECTOR_OPS,
    L_VECTORS,
)

AT_ONCE, BATCH, DIMS, ROWS = 0.0, 1.0, 2.0, 3.0
"""Orders. BATCH: sample by sample, which at batch 1 is all at once, but is handed on where AT_ONCE is not."""

N_LAYERS, N_EDGES, N_BASE = range(3)

SOFTMAX, NORMALISATION = 1.0, 2.0
DYNAMIC, DIGITAL, MOVE, MVM = (float(kind) for kind in (c.DYNAMIC, c.DIGITAL, c.MOVE, c.MVM))
NORM_OPS = 8
"""Vector operations an element of a LayerNorm with scale and shift, as in `pimsim.graph.operators.pool_norm`."""

(
    S_GIVEN, S_CONCAT, S_PRODUCT, S_BIAS, S_NORM, S_RELU, S_TRANSPOSE, S_PAIRS, S_PICK, S_PAD, S_SIGMOID, S_GATE, S_ADD,
    S_SPLIT, S_SCALE, S_SCORES, S_SOFTMAX, S_VALUES, S_SUM, S_SQUARE, S_SUBTRACT,
) = (float(step) for step in range(21))  # fmt: skip
STEPS = (
    ("given", "Identity"), ("concat", "Concat"), ("product", "MatMul"), ("bias", "Add"), ("norm", "LayerNormalization"),
    ("relu", "Relu"), ("transpose", "Transpose"), ("pairs", "MatMul"), ("pick", "Gather"), ("pad", "Pad"),
    ("sigmoid", "Sigmoid"), ("gate", "Mul"), ("add", "Add"), ("split", "Split"), ("scale", "Mul"), ("scores", "MatMul"),
    ("softmax", "Softmax"), ("values", "MatMul"), ("sum", "ReduceSum"), ("square", "Mul"), ("subtract", "Sub"),
)  # fmt: skip
"""Name of a step in a layer's name, and the ONNX operator that it is."""


def link(edges: Any, n: Any, source: Any, elements: Any, share: float) -> None:
    """An input of the layer that is emitted next."""
    row = edges[n[N_EDGES]]
    row[E_SOURCE], row[E_ELEMENTS], row[E_FIRST], row[E_LAST] = source, elements, share, share
    n[N_EDGES] += 1


def emit(a: Any, n: Any, step: float, kind: float, inputs: Any, outputs: Any, vector: Any, special: Any) -> Any:
    """Writes what differs between layers; returns the layer's number in the network. `a`: layers, edges, starts, marks.
    The rest is written by `complete`, once for all: this is compiled into every place that calls it."""
    layers, _, starts, marks = a
    i = n[N_LAYERS]
    row = layers[i]
    row[L_KIND], row[L_INPUTS], row[L_OUTPUTS] = kind, inputs, outputs
    row[L_VECTOR_OPS], row[L_SPECIAL_OPS] = vector, special
    row[L_GROUPS] = row[L_ROWS] = row[L_COLS] = row[L_VECTORS] = row[L_UNIT] = 0.0
    marks[i] = step
    n[N_LAYERS] = i + 1
    starts[i + 1] = n[N_EDGES]
    return float(i - n[N_BASE])


def multiplied(a: Any, n: Any, at: Any, groups: Any, rows: Any, cols: Any, vectors: Any) -> Any:
    """Makes layer `at` a product; returns `at`."""
    row = a[0][n[N_BASE] + int(at)]
    row[L_GROUPS], row[L_ROWS], row[L_COLS], row[L_VECTORS] = groups, rows, cols, vectors
    return at


def share_of(order: float, dim: Any, rows: Any) -> Any:
    """What of a sparse tensor must exist before a consumer that follows its order can begin."""
    if order == DIMS:
        return 1.0 / dim
    return 1.0 / rows if order == ROWS else 1.0


def moved(a: Any, n: Any, step: float, source: Any, elements: Any, outputs: Any, share: float) -> Any:
    """A movement of one tensor."""
    link(a[1], n, source, elements, share)
    return emit(a, n, step, MOVE, elements, outputs, 0.0, 0.0)


def digital(a: Any, n: Any, step: float, source: Any, elements: Any, vector: Any, special: Any, share: float) -> Any:
    """An elementwise step on one tensor."""
    link(a[1], n, source, elements, share)
    return emit(a, n, step, DIGITAL, elements, elements, vector, special)


def two(
    a: Any, n: Any, step: float, one: Any, other: Any, elements: Any, vector: Any, share: float, other_share: float
) -> Any:
    """An elementwise step on two tensors."""
    link(a[1], n, one, elements, share)
    link(a[1], n, other, elements, other_share)
    return emit(a, n, step, DIGITAL, 2 * elements, elements, vector, 0.0)


def normed(a: Any, n: Any, source: Any, rows: Any, width: Any, share: float) -> Any:
    """LayerNorm over `rows` rows of `width`."""
    at = digital(a, n, S_NORM, source, rows * width, NORM_OPS * rows * width, 2 * rows, share)
    a[0][n[N_BASE] + int(at)][L_UNIT] = NORMALISATION
    return at


def product(a: Any, n: Any, source: Any, rows: Any, cols: Any, vectors: Any, share: float, bias: Any) -> Any:
    """A matrix on crossbars; `bias`: additions of a bias that the layer itself makes."""
    link(a[1], n, source, rows * vectors, share)
    at = emit(a, n, S_PRODUCT, MVM, rows * vectors, cols * vectors, bias, 0.0)
    return multiplied(a, n, at, 1.0, rows, cols, vectors)


def flat_product(a: Any, n: Any, source: Any, into: Any, out: Any, norm: bool) -> Any:
    """A matrix on a vector, then its normalisation; without one it has a bias."""
    at = product(a, n, source, into, out, 1.0, 1.0, 0.0 if norm else out)
    return normed(a, n, at, 1.0, out, 1.0) if norm else at


def row_product(
    a: Any, n: Any, source: Any, order: float, rows: Any, out: Any, dim: Any, norm: bool
) -> tuple[Any, float]:
    """A matrix on the rows of a sparse tensor, then its normalisation or bias: (layer, order)."""
    found = BATCH if order in (BATCH, ROWS) else DIMS
    at = product(a, n, source, rows, out, dim, 1.0 / dim if order == DIMS else 1.0, 0.0)
    if norm:
        return normed(a, n, at, dim, out, share_of(found, dim, out)), found
    at = digital(a, n, S_BIAS, at, dim * out, dim * out, 0.0, share_of(found, dim, out))
    return at, DIMS if found == DIMS else AT_ONCE


def interaction(
    a: Any, n: Any, one: Any, source: Any, order: float, rows: Any, kept: Any, width: Any, dim: Any, norm: bool
) -> Any:
    """Dot product of one dense vector and `kept` rows with each other, projected to `width`."""
    if kept != rows:
        source, order = row_product(a, n, source, order, rows, kept, dim, norm)
    all_rows, pairs = kept + 1.0, 0.5 * kept * (kept + 1.0)
    link(a[1], n, one, dim, 1.0)
    link(a[1], n, source, dim * kept, 1.0)
    both = emit(a, n, S_CONCAT, MOVE, dim * all_rows, dim * all_rows, 0.0, 0.0)
    turned = moved(a, n, S_TRANSPOSE, both, dim * all_rows, dim * all_rows, 1.0)
    link(a[1], n, turned, dim * all_rows, 1.0)
    link(a[1], n, both, dim * all_rows, 1.0)
    at = emit(a, n, S_PAIRS, DYNAMIC, 2 * dim * all_rows, all_rows * all_rows, 0.0, 0.0)
    at = multiplied(a, n, at, 1.0, dim, all_rows, all_rows)
    at = moved(a, n, S_PICK, at, pairs, pairs, 1.0)
    return projected(a, n, at, pairs, width, 0.0 if norm else width, norm)


def gate(a: Any, n: Any, one: Any, other: Any, wide: Any) -> Any:
    """Sigmoid gating of two vectors of `wide` elements."""
    at = product(a, n, one, wide, wide, 1.0, 1.0, wide)
    at = digital(a, n, S_SIGMOID, at, wide, 0.0, wide, 1.0)
    return two(a, n, S_GATE, at, other, wide, wide, 1.0, 1.0)


def projected(a: Any, n: Any, at: Any, wide: Any, width: Any, bias: Any, norm: bool) -> Any:
    """A vector of `wide` elements brought to `width`, and its normalisation. bias: additions, where there is one."""
    if wide != width:
        at = product(a, n, at, wide, width, 1.0, 1.0, bias)
    return normed(a, n, at, 1.0, width, 1.0) if norm else at


def self_attention(a: Any, n: Any, x: Any, order: float, rows: Any, dim: Any, heads: Any) -> Any:
    """Self-attention over `rows` rows and two layers after it: the layer that gives (rows, dim)."""
    size, scores = dim * rows, heads * rows * rows
    own, token = 1.0 / dim if order == DIMS else 1.0, 1.0 / rows
    at = product(a, n, x, dim, 3 * dim, rows, 1.0, 0.0)
    at = digital(a, n, S_BIAS, at, 3 * size, 3 * size, 0.0, 1.0)
    split = moved(a, n, S_SPLIT, at, 3 * size, 3 * size, 1.0)
    keys = moved(a, n, S_TRANSPOSE, split, size, size, 1.0)
    keys = digital(a, n, S_SCALE, keys, size, size, 0.0, 1.0)
    link(a[1], n, keys, size, 1.0)
    link(a[1], n, split, size, 1.0)
    at = emit(a, n, S_SCORES, DYNAMIC, 2 * size, scores, 0.0, 0.0)
    at = multiplied(a, n, at, heads, dim / heads, rows, rows)
    at = digital(a, n, S_SOFTMAX, at, scores, 3 * scores, 2 * scores, 1.0 / heads)
    a[0][n[N_BASE] + int(at)][L_UNIT] = SOFTMAX
    link(a[1], n, split, size, 1.0)
    link(a[1], n, at, scores, 1.0 / heads)
    at = emit(a, n, S_VALUES, DYNAMIC, size + scores, size, 0.0, 0.0)
    at = multiplied(a, n, at, heads, rows, rows, dim / heads)
    at = product(a, n, at, dim, dim, rows, 1.0, 0.0)
    at = digital(a, n, S_BIAS, at, size, size, 0.0, 1.0)
    at = two(a, n, S_ADD, at, x, size, size, 1.0, own)
    at = moved(a, n, S_TRANSPOSE, at, size, size, own)
    tokens = normed(a, n, at, rows, dim, 1.0)
    # a tensor that comes dimension by dimension leaves the first layer whole, any other one row by row
    between = 1.0 if order == DIMS else token
    at = product(a, n, tokens, dim, dim, rows, 1.0, 0.0)
    at = digital(a, n, S_BIAS, at, size, size, 0.0, between)
    at = digital(a, n, S_RELU, at, size, size, 0.0, between)
    at = product(a, n, at, dim, dim, rows, between, 0.0)
    at = digital(a, n, S_BIAS, at, size, size, 0.0, token)
    at = two(a, n, S_ADD, tokens, at, size, size, 1.0, token)
    return normed(a, n, at, rows, dim, token)


def machine(
    a: Any, n: Any, source: Any, order: float, rows: Any, flat: Any, width: Any, dim: Any, norm: bool
) -> Any:
    """Factorisation machine of a sparse tensor, projected to `width`, added to the vector `flat`."""
    size = dim * rows
    summed = 1.0 / dim if order == DIMS else 1.0
    link(a[1], n, source, size, summed)
    total = emit(a, n, S_SUM, DIGITAL, size, dim, size, 0.0)
    square = two(a, n, S_SQUARE, total, total, dim, dim, summed, summed)
    own = share_of(order, dim, rows)
    at = two(a, n, S_SQUARE, source, source, size, size, own, own)
    link(a[1], n, at, size, summed)
    at = emit(a, n, S_SUM, DIGITAL, size, dim, size, 0.0)
    at = two(a, n, S_SUBTRACT, square, at, dim, dim, summed, summed)
    if dim != width:
        at = flat_product(a, n, at, dim, width, norm)
        summed = 1.0
    return two(a, n, S_ADD, flat, at, width, width, 1.0, summed)


HELPERS = (
    link, emit, multiplied, share_of, moved, digital, two, normed, product, flat_product, row_product, interaction,
    gate, projected, self_attention, machine,
)  # fmt: skip
