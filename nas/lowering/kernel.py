"""NASRec networks as rows of pimsim's arrays, from the codes of their blocks. Plain Python that Numba compiles."""

from __future__ import annotations

import math
from typing import Any

from nas.lowering.steps import (
    AT_ONCE,
    BATCH,
    DIMS,
    MOVE,
    MVM,
    N_BASE,
    N_EDGES,
    N_LAYERS,
    ROWS,
    S_ADD,
    S_CONCAT,
    S_PAD,
    S_RELU,
    S_TRANSPOSE,
    digital,
    emit,
    flat_product,
    gate,
    interaction,
    link,
    machine,
    moved,
    product,
    projected,
    row_product,
    self_attention,
    share_of,
    two,
)
from nas.lowering.steps import HELPERS as STEP_HELPERS
from pimsim.mapping.columns import (
    L_ALL_VECTORS,
    L_BANKS,
    L_COLS,
    L_FETCHED,
    L_FIRST_USER,
    L_GROUPS,
    L_INPUT_BITS,
    L_INPUT_DENSITY,
    L_IS_OUTPUT,
    L_KIND,
    L_LOOKUPS,
    L_OWNER,
    L_POOL_OPS,
    L_ROW_ELEMENTS,
    L_ROWS,
    L_SPECIAL_OPS,
    L_STEPS,
    L_VECTOR_OPS,
    L_VECTORS,
    L_WEIGHT_BITS,
    L_WEIGHT_DENSITY,
    L_WEIGHTS,
    LAYER_COLUMNS,
)

# A block's code (nas.spaces.architecture.CODE_WORDS) and the bits in it.
K_OPERATORS, K_DENSE_WIDTH, K_SPARSE_WIDTH, K_MERGERS, K_DENSE, K_SPARSE, K_LEFT, K_RIGHT = range(8)
FC, DOT, GATING, SUM, ATTENTION = 1, 2, 4, 8, 16

# What the network's inputs are: numbers of the call.
G_DENSE, G_FIELDS, G_DIM, G_HEADS, G_MERGED, G_NORM, G_BALANCED, G_ORDER = range(8)

# State of each output so far (row 0: the stem): layer and width of the dense one, layer, rows and order of the sparse
# one, layer of the merged rows (NONE: there are none); then what reaches the output, and the layer that gives the
# sparse output with rows first (NONE: there is none). From T_FLATS on what an exporter finds once and uses again:
# layers of the concatenated dense and sparse inputs, of left and right input padded to T_WIDE, and of their sum.
(
    T_FLAT, T_WIDTH, T_ROWS_AT, T_ROWS, T_ORDER, T_MERGED, T_DENSE, T_SPARSE, T_MERGE, T_MACHINE, T_READ, T_TOKENS,
    T_FLATS, T_JOINED, T_JOINED_ROWS, T_JOINED_ORDER, T_LEFT, T_RIGHT, T_WIDE, T_ADDED,
) = range(20)  # fmt: skip
STATE_COLUMNS = 20
NONE = -2.0

EDGE_COLUMNS = 4

LAYERS_A_BLOCK, EDGES_A_BLOCK = 64, 160
"""Upper bounds, beside two edges for each connection."""


def rounded_root(width: Any) -> Any:
    """round(sqrt(2 width)), half to even as Python's."""
    root = math.sqrt(2.0 * width)
    low = float(math.floor(root))
    rest = root - low
    if rest > 0.5 or (rest == 0.5 and low % 2.0 == 1.0):
        return low + 1.0
    return low


def find_live(code: Any, count: Any, given: Any, state: Any) -> None:
    """Fill T_DENSE to T_READ of the rows 1 to `count`: whether dense and sparse output are computed, whether merger and
    machine are, and whether later blocks (or the head) read the dense output itself."""
    for b in range(count + 1):
        state[b][T_READ] = state[b][T_SPARSE] = 0.0
        state[b][T_FLATS] = state[b][T_JOINED] = state[b][T_LEFT] = state[b][T_RIGHT] = state[b][T_ADDED] = NONE
    state[count][T_READ] = state[count][T_SPARSE] = 1.0
    for b in range(count, 0, -1):
        block, here = code[b - 1], state[b]
        merge = here[T_SPARSE] > 0.0 and block[K_MERGERS] % 2 == 1
        late = merge and block[K_DENSE_WIDTH] == given[G_MERGED] * given[G_DIM]
        fm = block[K_MERGERS] >= 2 and (here[T_READ] > 0.0 or late)
        dense = here[T_READ] > 0.0 or merge
        sparse = here[T_SPARSE] > 0.0 or fm
        here[T_DENSE], here[T_SPARSE], here[T_MERGE], here[T_MACHINE] = dense, sparse, merge, fm
        if dense and block[K_OPERATORS] & (FC | DOT):
            for i in range(b):
                if block[K_DENSE] >> i & 1:
                    state[i][T_READ] = 1.0
        if dense and block[K_OPERATORS] & (GATING | SUM):
            state[block[K_LEFT]][T_READ] = 1.0
            state[block[K_RIGHT]][T_READ] = 1.0
        if sparse or (dense and block[K_OPERATORS] & DOT):
            for i in range(b):
                if block[K_SPARSE] >> i & 1:
                    state[i][T_SPARSE] = 1.0


def flats_of(a: Any, n: Any, code: Any, b: int, state: Any) -> tuple[Any, Any]:
    """The dense inputs of block `b`, concatenated: (layer, width)."""
    mask, pieces, width, source = code[b - 1][K_DENSE], 0, 0.0, -1.0
    for i in range(b):
        if mask >> i & 1:
            pieces += 1
            width += state[i][T_WIDTH]
            source = state[i][T_FLAT]
    if pieces == 1:
        return source, width
    for j in range(1, b):
        if code[j - 1][K_DENSE] == mask and state[j][T_FLATS] != NONE:
            return state[j][T_FLATS], width
    for i in range(b):
        if mask >> i & 1:
            link(a[1], n, state[i][T_FLAT], state[i][T_WIDTH], 1.0)
    state[b][T_FLATS] = emit(a, n, S_CONCAT, MOVE, width, width, 0.0, 0.0)
    return state[b][T_FLATS], width


def rows_of(a: Any, n: Any, code: Any, b: int, given: Any, state: Any) -> tuple[Any, Any, Any]:
    """The sparse inputs of block `b`, merged rows with them, concatenated: (layer, rows, order)."""
    dim, merged, mask = given[G_DIM], given[G_MERGED], code[b - 1][K_SPARSE]
    for j in range(1, b):
        if code[j - 1][K_SPARSE] == mask and state[j][T_JOINED] != NONE:
            return state[j][T_JOINED], state[j][T_JOINED_ROWS], state[j][T_JOINED_ORDER]
    pieces = streamed = whole = 0
    source, rows, order = -1.0, 0.0, AT_ONCE
    for i in range(b):
        if mask >> i & 1:
            pieces += 1
            rows += state[i][T_ROWS]
            source, order = state[i][T_ROWS_AT], state[i][T_ORDER]
            streamed += 1 if order == DIMS else 0
            whole += 1 if order == AT_ONCE else 0
            if state[i][T_MERGED] != NONE:
                pieces += 1
                rows += merged
                whole += 1
    if pieces == 1:
        return source, rows, order
    order = DIMS if streamed == pieces else (AT_ONCE if whole > 0 else BATCH)
    share = 1.0 / dim if order == DIMS else 1.0
    for i in range(b):
        if mask >> i & 1:
            link(a[1], n, state[i][T_ROWS_AT], dim * state[i][T_ROWS], share)
            if state[i][T_MERGED] != NONE:
                link(a[1], n, state[i][T_MERGED], dim * merged, 1.0)
    here = state[b]
    here[T_JOINED] = emit(a, n, S_CONCAT, MOVE, dim * rows, dim * rows, 0.0, 0.0)
    here[T_JOINED_ROWS], here[T_JOINED_ORDER] = rows, order
    return here[T_JOINED], rows, order


def padded(a: Any, n: Any, code: Any, b: int, state: Any, place: int) -> Any:
    """Left (place T_LEFT) or right input of block `b`, padded to the width in T_WIDE: its layer."""
    side = K_LEFT if place == T_LEFT else K_RIGHT
    source, wide = code[b - 1][side], state[b][T_WIDE]
    width = state[source][T_WIDTH]
    if width == wide:
        return state[source][T_FLAT]
    for j in range(1, b):
        if state[j][T_WIDE] == wide:
            if state[j][T_LEFT] != NONE and code[j - 1][K_LEFT] == source:
                return state[j][T_LEFT]
            if state[j][T_RIGHT] != NONE and code[j - 1][K_RIGHT] == source:
                return state[j][T_RIGHT]
    state[b][place] = moved(a, n, S_PAD, state[source][T_FLAT], width, wide, 1.0)
    return state[b][place]


def added(a: Any, n: Any, code: Any, b: int, state: Any, left: Any, right: Any) -> Any:
    """Sum of the padded inputs of block `b`."""
    block = code[b - 1]
    for j in range(1, b):
        before = code[j - 1]
        same = before[K_LEFT] == block[K_LEFT] and before[K_RIGHT] == block[K_RIGHT]
        if same and state[j][T_ADDED] != NONE:
            return state[j][T_ADDED]
    wide = state[b][T_WIDE]
    state[b][T_ADDED] = two(a, n, S_ADD, left, right, wide, wide, 1.0, 1.0)
    return state[b][T_ADDED]


def dense_step(
    a: Any, n: Any, code: Any, b: int, given: Any, state: Any, source: Any, rows: Any, order: Any
) -> Any:
    """The dense operator of block `b`: the layer of its output."""
    block = code[b - 1]
    width, dim, norm, kind = float(block[K_DENSE_WIDTH]), given[G_DIM], given[G_NORM] > 0.0, block[K_OPERATORS]
    if kind & (GATING | SUM):
        wide = max(state[block[K_LEFT]][T_WIDTH], state[block[K_RIGHT]][T_WIDTH])
        state[b][T_WIDE] = wide
        left, right = padded(a, n, code, b, state, T_LEFT), padded(a, n, code, b, state, T_RIGHT)
        if kind & GATING:
            return projected(a, n, gate(a, n, left, right, wide), wide, width, width, norm)
        at = added(a, n, code, b, state, left, right)
        return projected(a, n, at, wide, width, 0.0 if norm else width, norm)
    one, into = flats_of(a, n, code, b, state)
    if kind & FC:
        return digital(a, n, S_RELU, flat_product(a, n, one, into, width, norm), width, width, 0.0, 1.0)
    if into != dim:
        one = flat_product(a, n, one, into, dim, norm)
    kept = rounded_root(width) if given[G_BALANCED] > 0.0 else rows
    return interaction(a, n, one, source, order, rows, kept, width, dim, norm)


def block_steps(a: Any, n: Any, code: Any, b: int, given: Any, state: Any) -> None:
    """All layers of block `b`; fills its row of `state`."""
    block, last = code[b - 1], b == len(code)
    here, dim, norm = state[b], given[G_DIM], given[G_NORM] > 0.0
    width, kept = float(block[K_DENSE_WIDTH]), float(block[K_SPARSE_WIDTH])
    here[T_WIDTH], here[T_ROWS], here[T_MERGED], here[T_TOKENS] = width, kept, NONE, NONE
    source = rows = order = flat = merged = 0.0
    if here[T_SPARSE] > 0.0 or (here[T_DENSE] > 0.0 and block[K_OPERATORS] & DOT):
        source, rows, order = rows_of(a, n, code, b, given, state)
    if here[T_DENSE] > 0.0:
        flat = dense_step(a, n, code, b, given, state, source, rows, order)
    if here[T_SPARSE] > 0.0:
        at, order = row_product(a, n, source, order, rows, kept, dim, norm)
        if block[K_OPERATORS] & ATTENTION:
            at = self_attention(a, n, at, order, kept, dim, given[G_HEADS])
            order = ROWS
            here[T_TOKENS] = at
            if not last or here[T_MACHINE] > 0.0:
                at = moved(a, n, S_TRANSPOSE, at, dim * kept, dim * kept, 1.0 / kept)
        else:
            at = digital(a, n, S_RELU, at, dim * kept, dim * kept, 0.0, share_of(order, dim, kept))
        here[T_ROWS_AT], here[T_ORDER] = at, order
    if here[T_MERGE] > 0.0:
        merged = flat
        if width != given[G_MERGED] * dim:
            merged = flat_product(a, n, flat, width, given[G_MERGED] * dim, norm)
    if here[T_MACHINE] > 0.0:
        flat = machine(a, n, here[T_ROWS_AT], order, kept, flat, width, dim, norm)
        if width == given[G_MERGED] * dim:
            merged = flat
    if here[T_MERGE] > 0.0:
        if not last:
            size = given[G_MERGED] * dim
            merged = moved(a, n, S_TRANSPOSE, merged, size, size, 1.0)
        here[T_MERGED] = merged
    here[T_FLAT] = flat


def head(a: Any, n: Any, b: int, given: Any, state: Any) -> None:
    """The logit from the last block's outputs."""
    here, dim, merged = state[b], given[G_DIM], given[G_MERGED]
    size = dim * here[T_ROWS]
    rows = here[T_TOKENS]
    if rows == NONE:
        rows = moved(a, n, S_TRANSPOSE, here[T_ROWS_AT], size, size, share_of(here[T_ORDER], dim, here[T_ROWS]))
    total = here[T_WIDTH] + size
    link(a[1], n, here[T_FLAT], here[T_WIDTH], 1.0)
    link(a[1], n, rows, size, 1.0)
    if here[T_MERGED] != NONE:
        link(a[1], n, here[T_MERGED], merged * dim, 1.0)
        total += merged * dim
    at = emit(a, n, S_CONCAT, MOVE, total, total, 0.0, 0.0)
    product(a, n, at, total, 1.0, 1.0, 1.0, 1.0)


def given_layers(a: Any, n: Any, stem: Any) -> None:
    """Copies the layers that give the sparse features: rows, edges and starts of a network that ends there."""
    layers, edges, starts = stem
    for i in range(len(layers)):
        for e in range(starts[i], starts[i + 1]):
            link(a[1], n, edges[e][0], edges[e][1], edges[e][2])
        at = n[N_LAYERS]
        emit(a, n, 0.0, MOVE, 0.0, 0.0, 0.0, 0.0)
        for k in range(len(layers[i])):
            a[0][at][k] = layers[i][k]


def complete(a: Any, n: Any, given: int, work: Any) -> None:
    """What follows from the layers of a network, behind the first `given`; which layer of products each belongs to
    (itself, the nearest one upstream, else the next one); the output; and what the network works in all."""
    layers, edges, starts, _ = a
    base, end = n[N_BASE], n[N_LAYERS]
    macs = ops = 0.0
    for i in range(base, end):
        row = layers[i]
        if i - base >= given:
            vectors, matrix = row[L_VECTORS], row[L_ROWS] * row[L_COLS] * row[L_GROUPS]
            row[L_STEPS], row[L_FIRST_USER], row[L_ALL_VECTORS] = 1.0, float(i - base), vectors
            row[L_FETCHED] = row[L_GROUPS] * row[L_ROWS] * vectors
            row[L_WEIGHTS] = matrix if row[L_KIND] == MVM else 0.0
            row[L_WEIGHT_BITS] = row[L_INPUT_BITS] = row[L_POOL_OPS] = row[L_LOOKUPS] = row[L_ROW_ELEMENTS] = 0.0
            row[L_INPUT_DENSITY] = row[L_WEIGHT_DENSITY] = -1.0
            for k in range(L_BANKS, LAYER_COLUMNS):
                row[k] = 0.0
            macs += matrix * vectors
        ops += row[L_VECTOR_OPS] + row[L_SPECIAL_OPS] + row[L_POOL_OPS]
        row[L_IS_OUTPUT] = 1.0 if i == end - 1 else 0.0
        owner = -1.0
        for e in range(starts[i], starts[i + 1]):
            source = int(edges[e][0])
            if source >= 0:
                owner = max(owner, layers[base + source][L_OWNER])
        row[L_OWNER] = float(i - base) if row[L_KIND] == MVM else owner
    following = -1.0
    for i in range(end - 1, base - 1, -1):
        row = layers[i]
        if row[L_KIND] == MVM:
            following = float(i - base)
        if row[L_OWNER] < 0.0:
            row[L_OWNER] = following
    work[0], work[1] = macs, 2.0 * macs + ops


def lower_rows(codes: Any, given: Any, stem: Any, a: Any, offsets: Any, work: Any, state: Any, n: Any) -> None:
    """Every network of `codes` (networks x blocks x CODE_WORDS) into the arrays `a`: layers, edges, starts, marks
    (100 x block + step); offsets and work as in `pimsim.cost.networks.Networks`. state, n: scratch."""
    n[N_LAYERS] = n[N_EDGES] = 0
    starts = a[2]
    starts[0] = 0
    offsets[0] = 0
    for w in range(len(codes)):
        code, count = codes[w], len(codes[w])
        n[N_BASE] = n[N_LAYERS]
        find_live(code, count, given, state)
        given_layers(a, n, stem)
        stem_row = state[0]
        stem_row[T_FLAT], stem_row[T_WIDTH], stem_row[T_ROWS_AT] = -1.0, given[G_DENSE], len(stem[0]) - 1.0
        stem_row[T_ROWS], stem_row[T_ORDER], stem_row[T_MERGED] = given[G_FIELDS], given[G_ORDER], NONE
        for b in range(1, count + 1):
            first = n[N_LAYERS]
            if state[b][T_DENSE] > 0.0 or state[b][T_SPARSE] > 0.0:
                block_steps(a, n, code, b, given, state)
            for i in range(first, n[N_LAYERS]):
                a[3][i] += 100.0 * b
        first = n[N_LAYERS]
        head(a, n, count, given, state)
        for i in range(first, n[N_LAYERS]):
            a[3][i] += 100.0 * (count + 1)
        complete(a, n, len(stem[0]), work[w])
        offsets[w + 1] = n[N_LAYERS]


HELPERS = (
    *STEP_HELPERS, rounded_root, find_live, flats_of, rows_of, padded, added, dense_step, block_steps, head,
    given_layers, complete,
)  # fmt: skip
