"""How often each circuit acts in one inference. Knows geometry, no technology. Plain Python that Numba compiles."""

from __future__ import annotations

from typing import Any

from pimsim.mapping.columns import (
    C_ACTIVATION,
    C_LINK,
    C_ROUTER,
    C_TILE_REGISTER,
    COMPONENT_COLUMNS,
    DYNAMIC,
    E_ELEMENTS,
    E_SOURCE,
    EDGE_COLUMNS,
    L_BANKS,
    L_BANKS_MW,
    L_BANKS_PJ,
    L_BANKS_UM2,
    L_COLS,
    L_FETCHED,
    L_GROUPS,
    L_INPUT_DENSITY,
    L_INPUTS,
    L_IS_OUTPUT,
    L_KIND,
    L_LOOKUPS,
    L_OUTPUTS,
    L_POOL_OPS,
    L_ROW_ELEMENTS,
    L_ROWS,
    L_SPECIAL_OPS,
    L_STEPS,
    L_UNIT,
    L_VECTOR_OPS,
    L_VECTORS,
    L_WEIGHT_DENSITY,
    L_WEIGHTS,
    LAYER_COLUMNS,
    LOOKUP,
    M_CELLS,
    M_COLUMN_TILES,
    M_COLUMNS_PER_WEIGHT,
    M_CONVERSION_ROWS,
    M_CONVERSIONS,
    M_CROSSBARS,
    M_DRIVES,
    M_INPUT_BITS,
    M_MIDDLE,
    M_PASSES,
    M_PER_COPY,
    M_READS,
    M_ROW_TILES,
    M_WEIGHT_BITS,
    MAPPED_COLUMNS,
    MVM,
    P_ACCUMULATOR_BITS,
    P_ADC_DATA_SHARE,
    P_BURST_BITS,
    P_BY_BURST,
    P_BY_CHIP,
    P_BY_COMBINED,
    P_BY_MESH,
    P_BY_PE,
    P_BY_ROUTER,
    P_BY_TILE,
    P_BY_TILES,
    P_COMBINED,
    P_DYNAMIC_ON_CROSSBARS,
    P_INPUT_BITS,
    P_INPUT_DENSITY,
    P_MESH_WIDTH,
    P_NORMALISATION_NS,
    P_OFF_RATIO,
    P_READ_SHARE,
    P_ROWS_PER_INPUT,
    P_SOFTMAX_NS,
    P_SPILL,
    P_TILES,
    P_TOGGLES,
    P_WEIGHT_DENSITY,
    P_WINDOW_REUSE,
    POINT_COLUMNS,
    S_CONTEXTS,
    X_BANKS_PJ,
    X_HOPS,
    X_OUTSIDE,
)
from pimsim.mapping.kernel import occupies
from pimsim.mapping.lanes import ONE, add, at, put, take, view
from pimsim.mapping.placing import HELPERS as PLACE_HELPERS
from pimsim.mapping.shape import by_down, by_up


def hops(here: float, there: float, point: Any) -> Any:
    """Routers passed between the tiles of two crossbars on a square mesh filled row by row; 0 on the same tile. On
    another chip the way starts anew at its corner: the distance there, plus that from here to the corner."""
    here_tile, there_tile = by_down(here, point[P_BY_TILE]), by_down(there, point[P_BY_TILE])
    here_chip, there_chip = by_down(here_tile, point[P_BY_TILES]), by_down(there_tile, point[P_BY_TILES])
    a = by_down(here_tile - here_chip * point[P_TILES], point[P_BY_ROUTER])
    b = by_down(there_tile - there_chip * point[P_TILES], point[P_BY_ROUTER])
    a_row, b_row = by_down(a, point[P_BY_MESH]), by_down(b, point[P_BY_MESH])
    a_column, b_column = a - a_row * point[P_MESH_WIDTH], b - b_row * point[P_MESH_WIDTH]
    near = abs(a_column - b_column) + abs(a_row - b_row) + 1.0
    far = a_column + a_row + b_column + b_row + 2.0
    steps = near if here_chip == there_chip else far
    return 0.0 if here_tile == there_tile else steps


def leaves_chip(here: float, there: float, point: Any) -> Any:
    """Whether two crossbars stand on different chips."""
    return by_down(here, point[P_BY_CHIP]) != by_down(there, point[P_BY_CHIP])


def product_counts(layer: Any, row: Any, point: Any, passed: float) -> Any:
    """Actions C_CROSSBAR to C_ACCUMULATOR of a product on crossbars (counts of all copies together: they share the
    vectors). passed: bits x routers of the traffic between layers.

    Prices hold for random operands: half of the rows driven, cells half on and half off. Reads, row drives and the part
    of a conversion that follows the sum are weighed by the densities of inputs and weights against that. In digital
    arrays a bit costs when it changes: of independent bits of density i, 2 i (1 - i) do.
    """
    vectors, groups, rows, cols = layer[L_VECTORS], layer[L_GROUPS], layer[L_ROWS], layer[L_COLS]
    input_bits, wide = row[M_INPUT_BITS], row[M_COLUMNS_PER_WEIGHT]
    own_inputs, inputs = layer[L_INPUT_DENSITY], point[P_INPUT_DENSITY]
    own_levels, levels = layer[L_WEIGHT_DENSITY], point[P_WEIGHT_DENSITY]
    inputs = own_inputs if own_inputs >= 0.0 else inputs
    levels = own_levels if own_levels >= 0.0 else levels
    inputs += point[P_TOGGLES] * inputs * (1.0 - 2.0 * inputs)
    charge = inputs * (levels + (1.0 - levels) * point[P_OFF_RATIO]) * point[P_READ_SHARE]
    results = vectors * groups * cols
    columns = results * by_up(wide, point[P_BY_COMBINED]) * row[M_CONVERSION_ROWS]
    conversions = columns * row[M_CONVERSIONS]
    swing = 1.0 - point[P_ADC_DATA_SHARE] + point[P_ADC_DATA_SHARE] * 4.0 * inputs * levels
    windows, operands = layer[L_FETCHED], vectors * groups * rows
    fetched = windows if point[P_WINDOW_REUSE] > 0.0 else operands
    moved = fetched * input_bits * row[M_PASSES] + layer[L_OUTPUTS] * point[P_INPUT_BITS]
    loads = by_up(row[M_COLUMN_TILES], point[P_BY_PE])
    partial = by_up(row[M_ROW_TILES], point[P_BY_PE])
    tiles_wide = by_up(row[M_PER_COPY], point[P_BY_TILE])
    return (
        charge * (vectors * row[M_READS] * row[M_CELLS]),
        2.0 * inputs * row[M_DRIVES] * operands * point[P_ROWS_PER_INPUT] * row[M_COLUMN_TILES],
        conversions,
        conversions * point[P_COMBINED],
        swing * conversions,
        columns * row[M_DRIVES],
        operands * input_bits * (row[M_COLUMN_TILES] + loads),
        2.0 * results * partial * point[P_ACCUMULATOR_BITS],
        moved,
        moved,
        results * point[P_ACCUMULATOR_BITS] * min(tiles_wide - 1.0, row[M_ROW_TILES] - 1.0) + passed,
        results * (row[M_ROW_TILES] - 1.0),
    )


def other_counts(layer: Any, row: Any, point: Any) -> Any:
    """Actions C_CROSSBAR to C_ACCUMULATOR of a layer that is not on crossbars."""
    bits = layer[L_INPUTS] * row[M_INPUT_BITS] + layer[L_OUTPUTS] * point[P_INPUT_BITS]
    return 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, bits, bits, 0.0, 0.0


def unit_counts(layer: Any, row: Any, point: Any, product: bool, spilled: bool) -> Any:
    """Actions C_ACTIVATION to C_PROGRAMMING, links left out. product: the layer is on crossbars."""
    kind, unit, outputs, cells = layer[L_KIND], layer[L_UNIT], layer[L_OUTPUTS], row[M_CELLS]
    softmax = outputs if (unit == 1.0) & (point[P_SOFTMAX_NS] > 0.0) else 0.0
    normalisation = outputs if (unit == 2.0) & (point[P_NORMALISATION_NS] > 0.0) else 0.0
    general = 1.0 if softmax + normalisation <= 0.0 else 0.0
    macs = layer[L_GROUPS] * layer[L_ROWS] * layer[L_COLS] * layer[L_VECTORS]
    rewritten = (kind == MVM) & spilled & (row[M_CROSSBARS] > 0.0)
    looked_up = layer[L_LOOKUPS] * by_up(layer[L_ROW_ELEMENTS] * row[M_WEIGHT_BITS], point[P_BY_BURST])
    looked_up = 0.0 if layer[L_BANKS] > 0.0 else looked_up  # its energy is known as a whole
    fetched = layer[L_WEIGHTS] * row[M_WEIGHT_BITS]
    fetched = fetched if rewritten else 0.0
    written = cells * layer[L_STEPS]
    written = written if (kind == DYNAMIC) & product else 0.0
    bits_out = 2.0 * outputs * point[P_INPUT_BITS]
    return (
        general * layer[L_SPECIAL_OPS],
        layer[L_POOL_OPS],
        general * layer[L_VECTOR_OPS],
        bits_out if product else 0.0,
        macs if (kind == DYNAMIC) & (not product) else 0.0,
        softmax,
        normalisation,
        0.0,
        looked_up * point[P_BURST_BITS] if kind == LOOKUP else fetched,
        cells if rewritten else written,
    )


def traffic_block(
    lanes: Any, layers: Any, base: int, i: int, edges: Any, first: int, last: int, points: Any, rows: Any, lane: Any
) -> None:
    """Bits between layer i and its sources: router hops (X_HOPS) from the middle of the producer's crossbars to that of
    the consumer's, bits between chips (X_LINK); inputs of the model pass its link (X_OUTSIDE)."""
    row = i * MAPPED_COLUMNS
    for p in range(len(lanes)):
        put(lane, X_HOPS, p, lanes, (0.0, 0.0))
    for e in range(first, last):
        edge = take(edges, e * EDGE_COLUMNS, 0, ONE, EDGE_COLUMNS)
        source, elements = int(edge[E_SOURCE]), edge[E_ELEMENTS]
        if source < 0:
            for p in range(len(lanes)):
                point = view(points, 0, p, lanes, POINT_COLUMNS)
                bits = elements * at(rows, row + M_INPUT_BITS, p, lanes)
                steps = hops(0.0, at(rows, row + M_MIDDLE, p, lanes), point)
                add(lane, X_HOPS, p, lanes, (bits * steps, 0.0, bits))
            continue
        for p in range(len(lanes)):
            point = view(points, 0, p, lanes, POINT_COLUMNS)
            bits = elements * at(rows, row + M_INPUT_BITS, p, lanes)
            here, there = at(rows, row + M_MIDDLE, p, lanes), at(rows, source * MAPPED_COLUMNS + M_MIDDLE, p, lanes)
            crossed = bits if leaves_chip(here, there, point) else 0.0
            add(lane, X_HOPS, p, lanes, (bits * hops(there, here, point), crossed))


def count_block(
    lanes: Any, layers: Any, base: int, n: int, edges: Any, starts: Any, points: Any, rows: Any, whole: Any, lane: Any,
    counts: Any, sums: Any, detail: bool,
) -> None:  # fmt: skip
    """Actions of each component: over all layers into `sums`, and with `detail` of each layer into `counts`, (layers +
    2) x components; the rows after the layers are `shared`, which gets the model's inputs and outputs, and `idle`."""
    dynamic = at(points, P_DYNAMIC_ON_CROSSBARS, 0, lanes) > 0.0
    may_spill = at(points, P_SPILL, 0, lanes) > 0.0
    for k in range(COMPONENT_COLUMNS):
        for p in range(len(lanes)):
            put(sums, k, p, lanes, (0.0,))
    for p in range(len(lanes)):
        put(lane, X_OUTSIDE, p, lanes, (0.0,))
        put(lane, X_BANKS_PJ, p, lanes, (0.0, 0.0, 0.0))
    for i in range(n):
        layer = take(layers, (base + i) * LAYER_COLUMNS, 0, ONE, LAYER_COLUMNS)
        product = layer[L_KIND] == MVM or occupies(layer, dynamic)
        traffic_block(lanes, layers, base, i, edges, starts[base + i], starts[base + i + 1], points, rows, lane)
        own = i * COMPONENT_COLUMNS if detail else 0
        if layer[L_KIND] == MVM and layer[L_UNIT] == 0.0 and not may_spill and not detail:
            # most layers of most networks: all other counts are 0
            leaving = layer[L_IS_OUTPUT] * layer[L_OUTPUTS]
            for p in range(len(lanes)):
                point = view(points, 0, p, lanes, POINT_COLUMNS)
                row = view(rows, i * MAPPED_COLUMNS, p, lanes, MAPPED_COLUMNS)
                passed, crossed, outside = take(lane, X_HOPS, p, lanes, 3)
                add(sums, 0, p, lanes, product_counts(layer, row, point, passed))
                add(sums, C_TILE_REGISTER, p, lanes, (2.0 * layer[L_OUTPUTS] * point[P_INPUT_BITS],))
                add(sums, C_LINK, p, lanes, (crossed,))
                put(lane, X_OUTSIDE, p, lanes, (outside + leaving * point[P_INPUT_BITS],))
            if layer[L_SPECIAL_OPS] + layer[L_POOL_OPS] + layer[L_VECTOR_OPS] > 0.0:
                operations = layer[L_SPECIAL_OPS], layer[L_POOL_OPS], layer[L_VECTOR_OPS]
                for p in range(len(lanes)):
                    add(sums, C_ACTIVATION, p, lanes, operations)
            continue
        if (layer[L_KIND] == LOOKUP) & (layer[L_BANKS] > 0.0):
            for p in range(len(lanes)):
                add(lane, X_BANKS_PJ, p, lanes, (layer[L_BANKS_PJ], layer[L_BANKS_MW], layer[L_BANKS_UM2]))
        if product:
            for p in range(len(lanes)):
                point = view(points, 0, p, lanes, POINT_COLUMNS)
                row = view(rows, i * MAPPED_COLUMNS, p, lanes, MAPPED_COLUMNS)
                put(counts, own, p, lanes, product_counts(layer, row, point, 0.0))
        else:
            for p in range(len(lanes)):
                point = view(points, 0, p, lanes, POINT_COLUMNS)
                row = view(rows, i * MAPPED_COLUMNS, p, lanes, MAPPED_COLUMNS)
                put(counts, own, p, lanes, other_counts(layer, row, point))
        for p in range(len(lanes)):
            point = view(points, 0, p, lanes, POINT_COLUMNS)
            row = view(rows, i * MAPPED_COLUMNS, p, lanes, MAPPED_COLUMNS)
            spilled = at(whole, S_CONTEXTS, p, lanes) > 1.0
            put(counts, own + C_ACTIVATION, p, lanes, unit_counts(layer, row, point, product, spilled))
        for p in range(len(lanes)):
            passed, crossed, outside = take(lane, X_HOPS, p, lanes, 3)
            add(counts, own + C_ROUTER, p, lanes, (passed,))
            put(counts, own + C_LINK, p, lanes, (crossed,))
            leaving = layer[L_IS_OUTPUT] * layer[L_OUTPUTS] * at(points, P_INPUT_BITS, p, lanes)
            put(lane, X_OUTSIDE, p, lanes, (outside + leaving,))
        for p in range(len(lanes)):
            add(sums, 0, p, lanes, take(counts, own, p, lanes, COMPONENT_COLUMNS))
    for p in range(len(lanes)):
        add(sums, C_LINK, p, lanes, (at(lane, X_OUTSIDE, p, lanes),))
    if detail:
        for p in range(len(lanes)):
            put(counts, n * COMPONENT_COLUMNS + C_LINK, p, lanes, (at(lane, X_OUTSIDE, p, lanes),))


def count_layer(layer: Any, row: Any, point: Any, spilled: bool, count: Any) -> None:
    """Fill `count` with the actions of one layer at one point, traffic to other layers left out."""
    product = layer[L_KIND] == MVM or row[M_PER_COPY] > 0.0
    put(count, 0, 0, ONE, product_counts(layer, row, point, 0.0) if product else other_counts(layer, row, point))
    put(count, C_ACTIVATION, 0, ONE, unit_counts(layer, row, point, product, spilled))


HELPERS = (
    *PLACE_HELPERS, hops, leaves_chip, product_counts, other_counts, unit_counts, traffic_block, count_block,
)  # fmt: skip
