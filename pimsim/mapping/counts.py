"""How often each circuit acts in one inference. Knows geometry, no technology. Plain Python that Numba compiles."""

from __future__ import annotations

import math
from typing import Any

from pimsim.mapping.columns import (
    C_ACCUMULATOR,
    C_ACTIVATION,
    C_ADC,
    C_BUFFER,
    C_BUS,
    C_COLUMN_MUX,
    C_CROSSBAR,
    C_DAC,
    C_INPUT_REGISTER,
    C_LINK,
    C_MAC,
    C_MEMORY,
    C_NORMALISATION,
    C_OUTPUT_REGISTER,
    C_POOL,
    C_PROGRAMMING,
    C_ROUTER,
    C_SAMPLE_HOLD,
    C_SHIFT_ADD,
    C_SOFTMAX,
    C_TILE_REGISTER,
    C_VECTOR,
    DYNAMIC,
    L_COLS,
    L_FETCHED,
    L_GROUPS,
    L_INPUT_DENSITY,
    L_INPUTS,
    L_IS_OUTPUT,
    L_KIND,
    L_LOOKUPS,
    L_OUTPUTS,
    L_OWNER,
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
    LOOKUP,
    M_CELLS,
    M_COLUMN_TILES,
    M_COLUMNS_PER_WEIGHT,
    M_CONVERSION_ROWS,
    M_CONVERSIONS,
    M_CROSSBARS,
    M_CYCLES,
    M_DRIVES,
    M_INPUT_BITS,
    M_PASSES,
    M_PER_COPY,
    M_PHASES,
    M_POSITION,
    M_ROW_TILES,
    M_WEIGHT_BITS,
    MVM,
    P_ACCUMULATOR_BITS,
    P_ACTIVE_ROWS,
    P_ADC_DATA_SHARE,
    P_BURST_BITS,
    P_COLUMNS,
    P_COMBINED,
    P_CROSSBARS_PER_CHIP,
    P_CROSSBARS_PER_PE,
    P_CROSSBARS_PER_TILE,
    P_INPUT_BITS,
    P_INPUT_DENSITY,
    P_MESH_WIDTH,
    P_NORMALISATION_PER_NS,
    P_OFF_RATIO,
    P_ROWS_PER_INPUT,
    P_SOFTMAX_PER_NS,
    P_TILES_PER_ROUTER,
    P_TOGGLES,
    P_WEIGHT_DENSITY,
    P_WINDOW_REUSE,
    S_CONTEXTS,
)
from pimsim.mapping.kernel import up


def hops(here: float, there: float, point: Any) -> Any:
    """Routers passed between the tiles of two crossbars on a square mesh filled row by row; 0 on the same tile. On
    another chip the way starts anew at its corner: the distance there, plus that from here to the corner."""
    here_tile, there_tile = here // point[P_CROSSBARS_PER_TILE], there // point[P_CROSSBARS_PER_TILE]
    if here_tile == there_tile:
        return 0.0
    per_chip = point[P_CROSSBARS_PER_CHIP] / point[P_CROSSBARS_PER_TILE]
    width = point[P_MESH_WIDTH]
    a = (here_tile % per_chip) // point[P_TILES_PER_ROUTER]
    b = (there_tile % per_chip) // point[P_TILES_PER_ROUTER]
    if here_tile // per_chip == there_tile // per_chip:
        return abs(a % width - b % width) + abs(a // width - b // width) + 1.0
    return a % width + a // width + b % width + b // width + 2.0


def count_traffic(
    layers: Any, mapped: Any, edges: Any, first: int, last: int, i: int, point: Any, count: Any, shared: Any
) -> None:
    """Bits between layers: router hops from the middle of the producer's crossbars to the middle of the consumer's,
    link bits between chips; inputs and outputs of the model pass the link, booked in the row `shared`."""
    row = mapped[i]
    per_chip = point[P_CROSSBARS_PER_CHIP]
    owner = int(layers[i][L_OWNER])
    host = i if row[M_CROSSBARS] > 0.0 or owner < 0 else owner
    here = mapped[host][M_POSITION] + math.floor(0.5 * max(mapped[host][M_CROSSBARS] - 1.0, 0.0))
    for e in range(first, last):
        bits = edges[e][1] * row[M_INPUT_BITS]
        source = int(edges[e][0])
        if source < 0:
            shared[C_LINK] += bits
            count[C_ROUTER] += bits * hops(0.0, here, point)
            continue
        owner = int(layers[source][L_OWNER])
        host = source if mapped[source][M_CROSSBARS] > 0.0 or owner < 0 else owner
        there = mapped[host][M_POSITION] + math.floor(0.5 * max(mapped[host][M_CROSSBARS] - 1.0, 0.0))
        count[C_ROUTER] += bits * hops(there, here, point)
        if here // per_chip != there // per_chip:
            count[C_LINK] += bits
    if layers[i][L_IS_OUTPUT] > 0.0:
        shared[C_LINK] += layers[i][L_OUTPUTS] * point[P_INPUT_BITS]


def count_product(layer: Any, row: Any, point: Any, count: Any) -> None:
    """Actions of a product on crossbars (counts of all copies together: they share the vectors).

    Prices hold for random operands: half of the rows driven, cells half on and half off. Reads, row drives and the part
    of a conversion that follows the sum are weighed by the densities of inputs and weights against that. In digital
    arrays a bit costs when it changes: of independent bits of density i, 2 i (1 - i) do.
    """
    vectors, groups, rows, cols = layer[L_VECTORS], layer[L_GROUPS], layer[L_ROWS], layer[L_COLS]
    lines = rows * point[P_ROWS_PER_INPUT]
    input_bits, wide = row[M_INPUT_BITS], row[M_COLUMNS_PER_WEIGHT]
    inputs = layer[L_INPUT_DENSITY] if layer[L_INPUT_DENSITY] >= 0.0 else point[P_INPUT_DENSITY]
    levels = layer[L_WEIGHT_DENSITY] if layer[L_WEIGHT_DENSITY] >= 0.0 else point[P_WEIGHT_DENSITY]
    inputs += point[P_TOGGLES] * inputs * (1.0 - 2.0 * inputs)
    off = point[P_OFF_RATIO]
    reads = vectors * row[M_CYCLES] / row[M_PHASES]
    charge = 2.0 * inputs * (levels + (1.0 - levels) * off) / (0.5 + 0.5 * off)  # 1 for random operands
    count[C_CROSSBAR] = charge * reads * row[M_CELLS] / (point[P_ACTIVE_ROWS] * point[P_COLUMNS])
    count[C_DAC] = 2.0 * inputs * vectors * row[M_DRIVES] * groups * lines * row[M_COLUMN_TILES]
    columns = vectors * groups * cols * up(wide / point[P_COMBINED]) * row[M_CONVERSION_ROWS]
    conversions = columns * row[M_CONVERSIONS]
    swing = 1.0 - point[P_ADC_DATA_SHARE] + point[P_ADC_DATA_SHARE] * 4.0 * inputs * levels
    count[C_SAMPLE_HOLD] = conversions
    count[C_COLUMN_MUX] = conversions * point[P_COMBINED]
    count[C_ADC] = swing * conversions
    count[C_SHIFT_ADD] = columns * row[M_DRIVES]
    operand_bits = vectors * groups * rows * input_bits
    loads = up(row[M_COLUMN_TILES] / point[P_CROSSBARS_PER_PE])
    count[C_INPUT_REGISTER] = operand_bits * (row[M_COLUMN_TILES] + loads)
    results = vectors * groups * cols
    partial = up(row[M_ROW_TILES] / point[P_CROSSBARS_PER_PE])
    count[C_OUTPUT_REGISTER] = 2.0 * results * partial * point[P_ACCUMULATOR_BITS]
    count[C_ACCUMULATOR] = results * (row[M_ROW_TILES] - 1.0)
    fetched = layer[L_FETCHED] if point[P_WINDOW_REUSE] > 0.0 else vectors * groups * rows
    bits_in, bits_out = fetched * input_bits, layer[L_OUTPUTS] * point[P_INPUT_BITS]
    count[C_BUFFER] = bits_in * row[M_PASSES] + bits_out
    count[C_BUS] = bits_in * row[M_PASSES] + bits_out
    count[C_TILE_REGISTER] = 2.0 * bits_out
    tiles_wide = up(row[M_PER_COPY] / point[P_CROSSBARS_PER_TILE])
    count[C_ROUTER] = results * point[P_ACCUMULATOR_BITS] * min(tiles_wide - 1.0, row[M_ROW_TILES] - 1.0)


def count_layer(layer: Any, row: Any, point: Any, spilled: bool, count: Any) -> None:
    """Actions of one layer, traffic to other layers left out."""
    kind = layer[L_KIND]
    on_crossbars = kind == MVM or (kind == DYNAMIC and row[M_PER_COPY] > 0.0)
    if on_crossbars:
        count_product(layer, row, point, count)
    else:
        bits = layer[L_INPUTS] * row[M_INPUT_BITS] + layer[L_OUTPUTS] * point[P_INPUT_BITS]
        count[C_BUFFER] = bits
        count[C_BUS] = bits
    unit = layer[L_UNIT]
    if unit == 1.0 and point[P_SOFTMAX_PER_NS] > 0.0:
        count[C_SOFTMAX] = layer[L_OUTPUTS]
    elif unit == 2.0 and point[P_NORMALISATION_PER_NS] > 0.0:
        count[C_NORMALISATION] = layer[L_OUTPUTS]
    else:
        count[C_VECTOR] = layer[L_VECTOR_OPS]
        count[C_ACTIVATION] = layer[L_SPECIAL_OPS]
    count[C_POOL] = layer[L_POOL_OPS]
    if kind == DYNAMIC and not on_crossbars:
        count[C_MAC] = layer[L_GROUPS] * layer[L_ROWS] * layer[L_COLS] * layer[L_VECTORS]
    elif kind == DYNAMIC:
        count[C_PROGRAMMING] = row[M_CELLS] * layer[L_STEPS]
    elif kind == LOOKUP:
        bursts = up(layer[L_ROW_ELEMENTS] * row[M_WEIGHT_BITS] / point[P_BURST_BITS])
        count[C_MEMORY] = layer[L_LOOKUPS] * bursts * point[P_BURST_BITS]
    elif kind == MVM and spilled and row[M_CROSSBARS] > 0.0:
        count[C_PROGRAMMING] = row[M_CELLS]
        count[C_MEMORY] = layer[L_WEIGHTS] * row[M_WEIGHT_BITS]


def count_point(layers: Any, edges: Any, starts: Any, point: Any, rows: Any, whole: Any, count: Any) -> None:
    """Fill `count`, (layers + 2) x components, zeros before, at one point; the rows after the layers are `shared`,
    which gets the model's inputs and outputs, and `idle`, which does nothing."""
    spilled = whole[S_CONTEXTS] > 1.0
    shared = count[len(layers)]
    for i in range(len(layers)):
        count_layer(layers[i], rows[i], point, spilled, count[i])
        count_traffic(layers, rows, edges, starts[i], starts[i + 1], i, point, count[i], shared)


def count_points(layers: Any, edges: Any, starts: Any, points: Any, mapped: Any, summary: Any, counts: Any) -> None:
    """`count_point` for every hardware point: fills counts[p]."""
    for p in range(len(points)):
        count_point(layers, edges, starts, points[p], mapped[p], summary[p], counts[p])


HELPERS = (up, hops, count_traffic, count_product, count_layer, count_point)
