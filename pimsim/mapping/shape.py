"""How one layer lies on crossbars and is read: geometry of one copy, read cycles, copies, places, durations.

Functions of one layer (L_*), its mapping (M_*) and one point (P_*), each a row of numbers; they return numbers and
change nothing. Plain Python that Numba compiles. Counts are float64 (below 2^50 they are exact).
"""

from __future__ import annotations

from typing import Any

from pimsim.mapping.columns import (
    DYNAMIC,
    L_BANKS,
    L_BANKS_FILL_NS,
    L_BANKS_NS,
    L_COLS,
    L_FETCHED,
    L_GROUPS,
    L_INPUTS,
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
    L_WEIGHTS,
    LOOKUP,
    M_COPIES,
    M_CROSSBARS,
    M_INPUT_BITS,
    M_PASSES,
    M_ROW_TILES,
    M_TILES,
    M_VECTOR_NS,
    M_WEIGHT_BITS,
    P_ACCUMULATOR_NS,
    P_ADC_BITS,
    P_BUFFER_NS,
    P_BURST_BITS,
    P_BUS_NS,
    P_BY_ACTIVE_ROWS,
    P_BY_BURST,
    P_BY_CELL_BITS,
    P_BY_COLUMNS,
    P_BY_CYCLE,
    P_BY_DAC_BITS,
    P_BY_GRAIN,
    P_BY_ROWS,
    P_CLOCK_NS,
    P_COLUMNS,
    P_CROSSBARS_PER_PE,
    P_CYCLE_NS,
    P_GRAIN,
    P_INPUT_BITS,
    P_MAC_NS,
    P_MEMORY_LATENCY_NS,
    P_MEMORY_NS,
    P_NORMALISATION_NS,
    P_PAIR,
    P_POOL_NS,
    P_ROUTER_NS,
    P_ROW_GROUPS,
    P_ROWS,
    P_ROWS_PER_INPUT,
    P_SERIAL_STEPS,
    P_SIGN_BITS,
    P_SIGN_COLUMNS,
    P_SOFTMAX_NS,
    P_SPECIAL_NS,
    P_SPLIT_ABOVE,
    P_STEP_NS,
    P_VECTOR_NS,
    P_WINDOW_REUSE,
    P_WRITE_ROW_NS,
)
from pimsim.mapping.lanes import HELPERS as LANE_HELPERS
from pimsim.mapping.lanes import down, up

BELOW, ABOVE = 1.0 - 2.0**-50, 1.0 + 2.0**-50
"""Margins that make a product with a rounded reciprocal, rounded up or down, the exact quotient of whole numbers."""


def by_up(count: float, by: float) -> Any:
    """Whole number `count` over the whole number 1 / `by`, rounded up: exact below 2^49 without a division."""
    return up(count * by * BELOW)


def by_down(count: float, by: float) -> Any:
    """As `by_up`, rounded down."""
    return down(count * by * ABOVE)


def power_of_two(exponent: float) -> Any:
    """2^exponent for a whole number from 0 to 31: exact, and quick on vector instructions."""
    power, rest = 1.0, exponent
    if rest >= 16.0:
        power, rest = power * 65536.0, rest - 16.0
    if rest >= 8.0:
        power, rest = power * 256.0, rest - 8.0
    if rest >= 4.0:
        power, rest = power * 16.0, rest - 4.0
    if rest >= 2.0:
        power, rest = power * 4.0, rest - 2.0
    return power * 2.0 if rest >= 1.0 else power


def width_of(bits: float, own: float, of_run: float) -> Any:
    """Bits of a layer's operand: the layer's, those that the point has for it, else the run's."""
    if bits > 0.0:
        return bits
    return own if bits < 0.0 and own > 0.0 else of_run


def geometry(layer: Any, weight_bits: float, point: Any) -> Any:
    """Columns M_PER_COPY to M_CONVERSION_ROWS of one copy of a product on crossbars.

    A weight of b bits takes ceil(b / cell_bits) columns, twice ceil((b - 1) / cell_bits) as a differential pair; a pair
    may stand in adjacent rows instead. A group larger than a crossbar is cut into row tiles (summed digitally) and
    column tiles; `packed_groups` takes the smaller ones.
    """
    slices = max(1.0, by_up(weight_bits - point[P_SIGN_BITS], point[P_BY_CELL_BITS]))
    wide = point[P_PAIR] * slices + point[P_SIGN_COLUMNS]
    groups, rows, cols = layer[L_GROUPS], layer[L_ROWS] * point[P_ROWS_PER_INPUT], layer[L_COLS]
    row_tiles = by_up(rows, point[P_BY_ROWS])
    whole = down(point[P_COLUMNS] / wide)  # weights side by side in a crossbar
    column_tiles = up(cols / max(1.0, whole)) * (1.0 if whole >= 1.0 else by_up(wide, point[P_BY_COLUMNS]))
    phases = by_up(min(rows, point[P_ROWS]), point[P_BY_ACTIVE_ROWS])
    full = by_down(rows, point[P_BY_ROWS])
    rest = by_up(rows - full * point[P_ROWS], point[P_BY_ACTIVE_ROWS])
    conversion_rows = full * point[P_ROW_GROUPS] + rest
    crossbars = groups * row_tiles * column_tiles
    return crossbars, groups * rows * cols * wide, wide, row_tiles, column_tiles, phases, conversion_rows


def packed_groups(layer: Any, shape: Any, point: Any) -> Any:
    """`shape` (columns M_PER_COPY to M_CONVERSION_ROWS) of groups smaller than a crossbar: packed several to one on its
    block diagonal, where each keeps rows and columns of its own, so that all work at once."""
    crossbars, cells, wide, row_tiles, column_tiles, phases, conversion_rows = shape
    groups, rows, cols = layer[L_GROUPS], layer[L_ROWS] * point[P_ROWS_PER_INPUT], layer[L_COLS]
    if row_tiles <= 1.0 and column_tiles <= 1.0 and rows > 0.0 and cols > 0.0:
        whole = down(point[P_COLUMNS] / wide)
        together = max(1.0, min(down(point[P_ROWS] / rows), down(whole / cols)))
        crossbars = up(groups / together)
        phases = by_up(min(together, groups) * rows, point[P_BY_ACTIVE_ROWS])
        conversion_rows = by_up(rows, point[P_BY_ACTIVE_ROWS])
    return crossbars, cells, wide, row_tiles, column_tiles, phases, conversion_rows


def bit_serial(input_bits: float, phases: float, point: Any) -> Any:
    """Columns M_READS to M_VECTOR_NS: reads, row drives, converter actions and time of one vector, one of each
    for each group of dac.bits."""
    turns = by_up(input_bits, point[P_BY_DAC_BITS])
    return turns, turns * phases, turns, turns, turns * phases * point[P_CYCLE_NS]


def pulsed(input_bits: float, phases: float, point: Any) -> Any:
    """As `bit_serial`, of inputs in binary pulses.

    Wan et al., Nature 2022, Methods: a row is driven, and a column sampled, once for each magnitude bit, bit k for 2^k
    read steps that are integrated; then the converter decides bit by bit, and one step more. Beyond P_SPLIT_ABOVE
    magnitude bits the input comes in two halves, the second converted to as many bits less as the first half has.
    """
    cycle_ns, step_ns, adc_bits, split = point[P_CYCLE_NS], point[P_STEP_NS], point[P_ADC_BITS], point[P_SPLIT_ABOVE]
    magnitude = max(1.0, input_bits - 1.0)
    first = up(0.5 * magnitude)
    halves = power_of_two(first) - 1.0 + power_of_two(magnitude - first) - 1.0
    in_halves = (split > 0.0) & (magnitude > split)
    steps = halves if in_halves else power_of_two(magnitude) - 1.0
    decisions = adc_bits + 1.0 + (max(1.0, adc_bits - first + 1.0) if in_halves else 0.0)
    return steps, steps * phases, magnitude, magnitude, phases * (steps * cycle_ns + decisions * step_ns)


def pieces(crossbars: float, grain: float) -> Any:
    """Crossbars rounded up to whole pieces of `grain`."""
    return up(crossbars / grain) * grain


def pieces_at(crossbars: float, point: Any) -> Any:
    """Crossbars rounded up to whole pieces of the point's granularity."""
    return by_up(crossbars, point[P_BY_GRAIN]) * point[P_GRAIN]


def copies_for(vectors: float, by_vector: float, stage_ns: float, most: float) -> Any:
    """Fewest copies with which `vectors` vectors of 1 / `by_vector` ns each are done within `stage_ns`; at most `most`.
    One where they take no time (`by_vector` 0)."""
    # the margin keeps a stage that is exactly n vectors long from counting as n - 1
    turns = max(1.0, down(min(vectors, stage_ns * by_vector * (1.0 + 1e-12))))
    copies = min(up(vectors / turns), most)
    return copies if by_vector > 0.0 else 1.0


def placed(wanted: float, shares: bool, position: float, context: float, per_context: float) -> Any:
    """Crossbars, parts in which the layer is computed, context, and where the next layer begins (position, context), of
    a layer that wants `wanted` crossbars, or (`shares`) stands on those of another.

    With `per_context` > 0 a new context (the chip is rewritten) begins whenever the next layer does not fit.
    """
    begin, at_context, crossbars, passes = position, context, wanted, 1.0
    if per_context > 0.0:
        if begin + crossbars > per_context and begin > 0.0:
            at_context, begin = at_context + 1.0, 0.0
        if crossbars > per_context:
            passes = up(crossbars / per_context)
            at_context, crossbars = at_context + passes - 1.0, per_context
    if shares:
        begin, at_context, crossbars, passes = position, context, 0.0, 1.0
    return crossbars, passes, begin, at_context


def digital_ns(layer: Any, point: Any) -> Any:
    """Time of a layer's elementwise, special and pooling operations on one tile: kinds of unit work side by side. A
    softmax or a normalisation takes the tile's unit for it instead, where there is one."""
    unit, softmax_ns, normalisation_ns = layer[L_UNIT], point[P_SOFTMAX_NS], point[P_NORMALISATION_NS]
    general = max(layer[L_VECTOR_OPS] * point[P_VECTOR_NS], layer[L_SPECIAL_OPS] * point[P_SPECIAL_NS])
    own_ns = (softmax_ns if unit == 1.0 else 0.0) + (normalisation_ns if unit == 2.0 else 0.0)
    slowest = layer[L_OUTPUTS] * own_ns if own_ns > 0.0 else general
    return max(slowest, layer[L_POOL_OPS] * point[P_POOL_NS])


def together(one: Any, other: Any, serial: bool) -> Any:
    """Time of two steps: the longer one where they overlap, else both."""
    return one + other if serial else max(one, other)


def product_ns(layer: Any, row: Any, point: Any) -> Any:
    """Duration and pipeline depth of a product on crossbars.

    Busy time: the slowest (without overlap the sum) of reads (copies share the vectors), partial sums, digital
    operations, bus, buffer and router port. Depth: buffer to input register, the read cycles, ADC, shift-add,
    accumulation, activation, buffer write: each takes one read cycle, or as many as it needs (the 22 cycles of ISAAC,
    section 6: 16 reads and 6 others).
    """
    share, steps, cycle = 1.0 / row[M_TILES], layer[L_STEPS], point[P_CYCLE_NS]
    vectors = layer[L_VECTORS]
    per_step = up(up(vectors / steps) / max(1.0, row[M_COPIES]))
    reads = per_step * row[M_VECTOR_NS] * steps * row[M_PASSES]
    windows, operands = layer[L_FETCHED], vectors * layer[L_GROUPS] * layer[L_ROWS]
    fetched = windows if point[P_WINDOW_REUSE] > 0.0 else operands
    bits_in, bits_out = fetched * row[M_INPUT_BITS], layer[L_OUTPUTS] * point[P_INPUT_BITS]
    serial = point[P_SERIAL_STEPS] > 0.0
    moved = bits_in + bits_out
    busy = together(moved * point[P_BUS_NS], moved * point[P_BUFFER_NS], serial)
    busy = together(busy, max(layer[L_INPUTS] * row[M_INPUT_BITS], bits_out) * point[P_ROUTER_NS], serial)
    sums = vectors * layer[L_GROUPS] * layer[L_COLS] * (row[M_ROW_TILES] - 1.0)
    busy = together(busy, sums * point[P_ACCUMULATOR_NS], serial)
    busy = together(busy, digital_ns(layer, point), serial)
    busy = together(reads, busy * share, serial)
    each = point[P_BUS_NS] * point[P_BY_CYCLE] * share * (1.0 / max(vectors, 1.0))
    # the margin keeps what takes a whole number of cycles from taking one more
    fetch, store = up(bits_in * each * (1.0 - 1e-12)), up(bits_out * each * (1.0 - 1e-12))
    depth = (max(1.0, fetch) + 4.0 + max(1.0, store)) * cycle
    return busy + depth * (steps - 1.0), depth


def other_ns(layer: Any, row: Any, point: Any) -> Any:
    """Duration and depth of a layer that is not on crossbars."""
    share, kind = 1.0 / row[M_TILES], layer[L_KIND]
    moving = (layer[L_INPUTS] + layer[L_OUTPUTS]) * row[M_INPUT_BITS] * point[P_BUFFER_NS]
    busy = together(digital_ns(layer, point), moving, point[P_SERIAL_STEPS] > 0.0)
    fill = point[P_CLOCK_NS]
    if kind == DYNAMIC:
        macs = layer[L_GROUPS] * layer[L_ROWS] * layer[L_COLS] * layer[L_VECTORS]
        busy = max(busy, macs * point[P_MAC_NS])
    busy = busy * share
    if (kind == LOOKUP) & (layer[L_BANKS] > 0.0):
        busy = max(busy, layer[L_BANKS_NS])
        fill = point[P_CLOCK_NS] + layer[L_BANKS_FILL_NS]
    elif kind == LOOKUP:
        bits = layer[L_LOOKUPS] * by_up(layer[L_ROW_ELEMENTS] * row[M_WEIGHT_BITS], point[P_BY_BURST])
        busy = max(busy, bits * point[P_BURST_BITS] * point[P_MEMORY_NS])
        fill = point[P_CLOCK_NS] + point[P_MEMORY_LATENCY_NS]
    return busy + fill * (layer[L_STEPS] - 1.0), fill


def written_rows(layer: Any, row: Any, point: Any) -> Any:
    """Time to write the cells of a layer once: crossbars of different PEs at the same time, those of one PE one after
    the other, row by row."""
    at_once = min(row[M_CROSSBARS], point[P_CROSSBARS_PER_PE]) * row[M_PASSES]
    return at_once * min(layer[L_ROWS], point[P_ROWS]) * point[P_WRITE_ROW_NS]


def write_ns(layer: Any, row: Any, point: Any, spilled: bool) -> Any:
    """Time to write cells before a layer can start: operands of a dynamic product, or its share of a new context."""
    rows_ns = written_rows(layer, row, point)
    fetch = layer[L_WEIGHTS] * row[M_WEIGHT_BITS] * point[P_MEMORY_NS]
    writes = spilled and row[M_CROSSBARS] > 0.0
    context_ns = max(rows_ns, fetch) if writes else 0.0
    return rows_ns * layer[L_STEPS] if layer[L_KIND] == DYNAMIC else context_ns


HELPERS = (
    *LANE_HELPERS, by_up, by_down, power_of_two, width_of, geometry, packed_groups, bit_serial, pulsed, pieces,
    pieces_at, copies_for, placed, digital_ns, together, product_ns, other_ns, written_rows, write_ns,
)  # fmt: skip
