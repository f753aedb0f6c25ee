"""How a network lies on crossbars: slices, tiles, copies, places, durations. Plain Python that Numba compiles.

All quantities are float64 (counts below 2^53 are exact); `a[i][j]` works on nested lists and on arrays.
"""

from __future__ import annotations

import math
from typing import Any

from pimsim.mapping.columns import (
    DYNAMIC,
    L_ALL_VECTORS,
    L_COLS,
    L_FETCHED,
    L_FIRST_USER,
    L_GROUPS,
    L_INPUT_BITS,
    L_INPUTS,
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
    L_WEIGHT_BITS,
    L_WEIGHTS,
    LOOKUP,
    M_CELLS,
    M_COLUMN_TILES,
    M_COLUMNS_PER_WEIGHT,
    M_CONTEXT,
    M_CONVERSION_ROWS,
    M_CONVERSIONS,
    M_COPIES,
    M_CROSSBARS,
    M_CYCLES,
    M_DRIVES,
    M_DURATION_NS,
    M_FILL_NS,
    M_INPUT_BITS,
    M_PASSES,
    M_PER_COPY,
    M_PHASES,
    M_POSITION,
    M_ROW_TILES,
    M_TILES,
    M_VECTOR_NS,
    M_WEIGHT_BITS,
    M_WRITE_NS,
    MVM,
    P_ACCUMULATOR_PER_NS,
    P_ACTIVE_ROWS,
    P_ADC_BITS,
    P_BINARY_PULSES,
    P_BUFFER_BITS_PER_NS,
    P_BURST_BITS,
    P_BUS_BITS_PER_NS,
    P_CELL_BITS,
    P_CHIPS,
    P_CLOCK_NS,
    P_COLUMNS,
    P_CROSSBARS_PER_CHIP,
    P_CROSSBARS_PER_PE,
    P_CROSSBARS_PER_TILE,
    P_CYCLE_NS,
    P_DAC_BITS,
    P_DYNAMIC_ON_CROSSBARS,
    P_GRAIN,
    P_INPUT_BITS,
    P_MAC_PER_NS,
    P_MAX_COPIES,
    P_MEMORY_BITS_PER_NS,
    P_MEMORY_LATENCY_NS,
    P_NORMALISATION_PER_NS,
    P_PAIR,
    P_POOL_PER_NS,
    P_ROUTER_BITS_PER_NS,
    P_ROWS,
    P_ROWS_PER_INPUT,
    P_SERIAL_STEPS,
    P_SIGN_BITS,
    P_SIGN_COLUMNS,
    P_SOFTMAX_PER_NS,
    P_SPECIAL_PER_NS,
    P_SPILL,
    P_SPLIT_ABOVE,
    P_STEP_NS,
    P_VECTOR_PER_NS,
    P_WEIGHT_BITS,
    P_WINDOW_REUSE,
    P_WRITE_ROW_NS,
    Q_LAYER,
    Q_PER_COPY,
    Q_VECTOR_NS,
    Q_VECTORS,
    S_ALLOTTED,
    S_CELLS,
    S_CHIPS,
    S_CONTEXTS,
    S_CROSSBARS_TOTAL,
    S_CROSSBARS_USED,
    S_HELD,
    S_NEEDED,
    S_PROGRAM_NS,
    S_REWRITES,
    S_STAGE_NS,
)


def up(x: float) -> float:
    """ceil as a float64; counts beyond 9e15 (no chip has as many) stop there instead of overflowing an int64."""
    return math.ceil(min(x, 9e15)) * 1.0


def down(x: float) -> float:
    """floor as a float64, bounded like `up`."""
    return math.floor(min(x, 9e15)) * 1.0


def shape_layer(layer: Any, point: Any, row: Any) -> None:
    """Fill `row` with the geometry of one copy of a product layer on crossbars of this point.

    A weight of b bits takes ceil(b / cell_bits) columns, twice ceil((b - 1) / cell_bits) as a differential pair; a pair
    may stand in adjacent rows instead.
    A group larger than a crossbar is cut into row tiles (summed digitally) and column tiles; smaller groups are packed
    several to a crossbar on its block diagonal, where each keeps rows and columns of its own, so that all work at once.
    """
    weight_bits, input_bits = row[M_WEIGHT_BITS], row[M_INPUT_BITS]
    slices = max(1.0, up((weight_bits - point[P_SIGN_BITS]) / point[P_CELL_BITS]))
    wide = point[P_PAIR] * slices + point[P_SIGN_COLUMNS]
    groups, rows, cols = layer[L_GROUPS], layer[L_ROWS] * point[P_ROWS_PER_INPUT], layer[L_COLS]
    row_tiles = up(rows / point[P_ROWS])
    whole = down(point[P_COLUMNS] / wide)  # weights side by side in a crossbar
    column_tiles = up(cols / whole) if whole >= 1.0 else cols * up(wide / point[P_COLUMNS])
    crossbars = groups * row_tiles * column_tiles
    if groups > 1.0 and row_tiles <= 1.0 and column_tiles <= 1.0 and rows > 0.0 and cols > 0.0:
        together = min(down(point[P_ROWS] / rows), down(whole / cols))
        crossbars = up(groups / together)
        phases = up(min(together, groups) * rows / point[P_ACTIVE_ROWS])
        row[M_CONVERSION_ROWS] = up(rows / point[P_ACTIVE_ROWS])
    else:
        phases = up(min(rows, point[P_ROWS]) / point[P_ACTIVE_ROWS])
        full = down(rows / point[P_ROWS]) * up(point[P_ROWS] / point[P_ACTIVE_ROWS])
        rest = rows - down(rows / point[P_ROWS]) * point[P_ROWS]
        row[M_CONVERSION_ROWS] = full + up(rest / point[P_ACTIVE_ROWS])
    row[M_PER_COPY] = crossbars
    row[M_CELLS] = groups * rows * cols * wide
    row[M_COLUMNS_PER_WEIGHT] = wide
    row[M_ROW_TILES] = row_tiles
    row[M_COLUMN_TILES] = column_tiles
    row[M_PHASES] = phases
    schedule_reads(row, input_bits, phases, point)


def schedule_reads(row: Any, input_bits: float, phases: float, point: Any) -> None:
    """Reads, row drives, converter actions and time of one vector.

    Bit-serial (or several bits at once): one read, one drive and one conversion for each group of dac.bits.
    Binary pulses (Wan et al., Nature 2022, Methods): a row is driven, and a column sampled, once for each magnitude
    bit, bit k for 2^k read steps that are integrated; then the converter decides bit by bit, and one step more. Beyond
    P_SPLIT_ABOVE magnitude bits the input comes in two halves, the second converted to as many bits less as the first
    half has.
    """
    if point[P_BINARY_PULSES] <= 0.0:
        turns = up(input_bits / point[P_DAC_BITS])
        row[M_CYCLES] = turns * phases
        row[M_DRIVES] = turns
        row[M_CONVERSIONS] = turns
        row[M_VECTOR_NS] = turns * phases * point[P_CYCLE_NS]
        return
    magnitude = max(1.0, input_bits - 1.0)
    steps, decisions = 2.0**magnitude - 1.0, point[P_ADC_BITS] + 1.0
    if point[P_SPLIT_ABOVE] > 0.0 and magnitude > point[P_SPLIT_ABOVE]:
        first = up(0.5 * magnitude)
        steps = 2.0**first - 1.0 + 2.0 ** (magnitude - first) - 1.0
        decisions += max(1.0, point[P_ADC_BITS] - first + 1.0)
    row[M_CYCLES] = steps * phases
    row[M_DRIVES] = magnitude
    row[M_CONVERSIONS] = magnitude
    row[M_VECTOR_NS] = phases * (steps * point[P_CYCLE_NS] + decisions * point[P_STEP_NS])


def pieces(crossbars: float, grain: float) -> Any:
    """Crossbars rounded up to whole pieces of `grain`."""
    return up(crossbars / grain) * grain


def copies_for(vectors: float, vector_ns: float, stage_ns: float, most: float) -> float:
    """Fewest copies with which `vectors` vectors of `vector_ns` each are done within `stage_ns`; at most `most`."""
    if vector_ns <= 0.0 or vectors <= 0.0:
        return 1.0
    # the margin keeps a stage that is exactly n vectors long from counting as n - 1
    turns = max(1.0, math.floor(min(vectors, stage_ns / vector_ns * (1.0 + 1e-12))) * 1.0)
    return min(math.ceil(vectors / turns) * 1.0, most)


def line_up(layers: Any, mapped: Any, point: Any, queue: Any) -> int:
    """Fill `queue` with one row a matrix that may be copied: vectors of one step, time of one vector (all steps), and
    crossbars of one copy. Returns the number of rows."""
    n = 0
    for i in range(len(layers)):
        if layers[i][L_KIND] == MVM and layers[i][L_FIRST_USER] == i and mapped[i][M_PER_COPY] > 0.0:
            queue[n][Q_VECTORS] = up(layers[i][L_ALL_VECTORS] / layers[i][L_STEPS])
            queue[n][Q_VECTOR_NS] = mapped[i][M_VECTOR_NS] * layers[i][L_STEPS]
            queue[n][Q_PER_COPY] = mapped[i][M_PER_COPY]
            queue[n][Q_LAYER] = i
            n += 1
    return n


def allotted(queue: Any, n: int, stage_ns: float, point: Any) -> float:
    """Crossbars that the queue takes when each matrix is copied until it is done within `stage_ns`."""
    total, grain, most = 0.0, point[P_GRAIN], point[P_MAX_COPIES]
    for k in range(n):
        copies = copies_for(queue[k][Q_VECTORS], queue[k][Q_VECTOR_NS], stage_ns, most)
        total += math.ceil(min(copies * queue[k][Q_PER_COPY], 9e15) / grain) * grain
    return total


def replicate(layers: Any, mapped: Any, queue: Any, n: int, budget: float, point: Any) -> float:
    """Set the copies of every matrix so that the slowest stage is as fast as `budget` crossbars allow (bisection on the
    stage time, to one part in a billion). Returns that stage time in ns; below 0: no room, one copy each."""
    slow = 0.0
    for k in range(n):
        slow = max(slow, queue[k][Q_VECTORS] * queue[k][Q_VECTOR_NS])
    stage = -1.0
    if point[P_MAX_COPIES] > 1.0 and allotted(queue, n, slow, point) <= budget:
        low, high = 0.0, slow
        while high - low > 1e-9 * slow:
            middle = 0.5 * (low + high)
            if allotted(queue, n, middle, point) <= budget:
                high = middle
            else:
                low = middle
        stage = high
    for i in range(len(layers)):
        if mapped[i][M_PER_COPY] > 0.0:
            mapped[i][M_COPIES] = 1.0
    for k in range(n):
        if stage >= 0.0:
            copies = copies_for(queue[k][Q_VECTORS], queue[k][Q_VECTOR_NS], stage, point[P_MAX_COPIES])
            mapped[int(queue[k][Q_LAYER])][M_COPIES] = copies
    for i in range(len(layers)):
        if layers[i][L_KIND] == MVM:
            mapped[i][M_COPIES] = mapped[int(layers[i][L_FIRST_USER])][M_COPIES]
    return stage


def place(layers: Any, mapped: Any, point: Any, per_context: float) -> tuple[float, float]:
    """Give each layer its crossbars in the order of the network; with `per_context` > 0, start a new context (the chip
    is rewritten) whenever the next layer does not fit. Returns (crossbars used at most at one time, contexts)."""
    position = used = 0.0
    context = 0.0
    for i in range(len(layers)):
        row = mapped[i]
        row[M_CONTEXT] = context
        row[M_PASSES] = 1.0
        if row[M_PER_COPY] <= 0.0:
            continue
        user = int(layers[i][L_FIRST_USER])
        if layers[i][L_KIND] == MVM and user != i and mapped[user][M_CONTEXT] == context:
            row[M_POSITION] = mapped[user][M_POSITION]
            continue
        wanted = pieces(row[M_COPIES] * row[M_PER_COPY], point[P_GRAIN])
        if per_context > 0.0:
            if position + wanted > per_context and position > 0.0:
                context += 1.0
                position = 0.0
            if wanted > per_context:
                row[M_PASSES] = up(wanted / per_context)
                context += row[M_PASSES] - 1.0
                wanted = per_context
            row[M_CONTEXT] = context
        row[M_POSITION] = position
        row[M_CROSSBARS] = wanted
        position += wanted
        used = max(used, position)
    return used, context + 1.0


def tiles_of(layers: Any, mapped: Any, point: Any) -> None:
    """Tiles whose buffers and units serve each layer: its own, or those of the layer that it follows."""
    for i in range(len(layers)):
        owner = int(layers[i][L_OWNER])
        source = i if mapped[i][M_PER_COPY] > 0.0 or owner < 0 else owner
        if layers[source][L_KIND] == MVM:
            source = int(layers[source][L_FIRST_USER])
        mapped[i][M_TILES] = max(1.0, up(mapped[source][M_CROSSBARS] / point[P_CROSSBARS_PER_TILE]))
        if mapped[i][M_PER_COPY] <= 0.0:
            mapped[i][M_POSITION] = mapped[source][M_POSITION]


def digital_ns(layer: Any, point: Any, tiles: float) -> Any:
    """Time of a layer's elementwise, special and pooling operations: kinds of unit work side by side. A softmax or a
    normalisation takes the tile's unit for it instead, where there is one."""
    unit = layer[L_UNIT]
    if unit == 1.0 and point[P_SOFTMAX_PER_NS] > 0.0:
        slowest = layer[L_OUTPUTS] / point[P_SOFTMAX_PER_NS]
    elif unit == 2.0 and point[P_NORMALISATION_PER_NS] > 0.0:
        slowest = layer[L_OUTPUTS] / point[P_NORMALISATION_PER_NS]
    else:
        slowest = layer[L_VECTOR_OPS] / point[P_VECTOR_PER_NS]
        slowest = max(slowest, layer[L_SPECIAL_OPS] / point[P_SPECIAL_PER_NS])
    slowest = max(slowest, layer[L_POOL_OPS] / point[P_POOL_PER_NS])
    return slowest / tiles


def together(one: Any, other: Any, serial: bool) -> Any:
    """Time of two steps: the longer one where they overlap, else both."""
    return one + other if serial else max(one, other)


def time_product(layer: Any, row: Any, point: Any) -> None:
    """Duration and pipeline depth of a product on crossbars.

    Busy time: the slowest (without overlap the sum) of reads (copies share the vectors), partial sums, digital
    operations, bus, buffer and router port. Depth: buffer to input register, the read cycles, ADC, shift-add,
    accumulation, activation, buffer write: each takes one read cycle, or as many as it needs (the 22 cycles of ISAAC,
    section 6: 16 reads and 6 others).
    """
    tiles, steps, cycle = row[M_TILES], layer[L_STEPS], point[P_CYCLE_NS]
    vectors, copies = layer[L_VECTORS], max(1.0, row[M_COPIES])
    per_step = up(up(vectors / steps) / copies)
    reads = per_step * row[M_VECTOR_NS] * steps * row[M_PASSES]
    fetched = layer[L_FETCHED] if point[P_WINDOW_REUSE] > 0.0 else vectors * layer[L_GROUPS] * layer[L_ROWS]
    bits_in, bits_out = fetched * row[M_INPUT_BITS], layer[L_OUTPUTS] * point[P_INPUT_BITS]
    serial = point[P_SERIAL_STEPS] > 0.0
    busy = together(reads, (bits_in + bits_out) / (point[P_BUS_BITS_PER_NS] * tiles), serial)
    busy = together(busy, (bits_in + bits_out) / (point[P_BUFFER_BITS_PER_NS] * tiles), serial)
    moved = max(layer[L_INPUTS] * row[M_INPUT_BITS], bits_out)
    busy = together(busy, moved / (point[P_ROUTER_BITS_PER_NS] * tiles), serial)
    sums = vectors * layer[L_GROUPS] * layer[L_COLS] * (row[M_ROW_TILES] - 1.0)
    busy = together(busy, sums / (point[P_ACCUMULATOR_PER_NS] * tiles), serial)
    busy = together(busy, digital_ns(layer, point, tiles), serial)
    each = max(vectors, 1.0)
    fetch = max(1.0, up(bits_in / each / (point[P_BUS_BITS_PER_NS] * tiles) / cycle))
    store = max(1.0, up(bits_out / each / (point[P_BUS_BITS_PER_NS] * tiles) / cycle))
    depth = (fetch + 4.0 + store) * cycle
    row[M_DURATION_NS] = busy + depth * (steps - 1.0)
    row[M_FILL_NS] = depth


def time_layer(layer: Any, row: Any, point: Any) -> None:
    """Duration and depth of any layer."""
    tiles, kind = row[M_TILES], layer[L_KIND]
    if kind == MVM or (kind == DYNAMIC and row[M_PER_COPY] > 0.0):
        time_product(layer, row, point)
        return
    bits = (layer[L_INPUTS] + layer[L_OUTPUTS]) * row[M_INPUT_BITS]
    moving = bits / (point[P_BUFFER_BITS_PER_NS] * tiles)
    busy = together(digital_ns(layer, point, tiles), moving, point[P_SERIAL_STEPS] > 0.0)
    row[M_FILL_NS] = point[P_CLOCK_NS]
    if kind == DYNAMIC:
        macs = layer[L_GROUPS] * layer[L_ROWS] * layer[L_COLS] * layer[L_VECTORS]
        busy = max(busy, macs / (point[P_MAC_PER_NS] * tiles))
    elif kind == LOOKUP:
        bursts = up(layer[L_ROW_ELEMENTS] * row[M_WEIGHT_BITS] / point[P_BURST_BITS])
        busy = max(busy, layer[L_LOOKUPS] * bursts * point[P_BURST_BITS] / point[P_MEMORY_BITS_PER_NS])
        row[M_FILL_NS] = point[P_CLOCK_NS] + point[P_MEMORY_LATENCY_NS]
    row[M_DURATION_NS] = busy + row[M_FILL_NS] * (layer[L_STEPS] - 1.0)


def time_writes(layers: Any, mapped: Any, point: Any, spilled: bool) -> None:
    """Time to write cells before a layer can start: operands of a dynamic product, or its share of a new context.
    Crossbars of different PEs are written at the same time, those of one PE one after the other, row by row."""
    for i in range(len(layers)):
        row = mapped[i]
        row[M_WRITE_NS] = 0.0
        if row[M_PER_COPY] <= 0.0:
            continue
        at_once = min(row[M_CROSSBARS], point[P_CROSSBARS_PER_PE]) * row[M_PASSES]
        rows = min(layers[i][L_ROWS], point[P_ROWS])
        if layers[i][L_KIND] == DYNAMIC:
            row[M_WRITE_NS] = at_once * rows * point[P_WRITE_ROW_NS] * layers[i][L_STEPS]
        elif spilled and row[M_CROSSBARS] > 0.0:
            fetch = layers[i][L_WEIGHTS] * row[M_WEIGHT_BITS] / point[P_MEMORY_BITS_PER_NS]
            row[M_WRITE_NS] = max(at_once * rows * point[P_WRITE_ROW_NS], fetch)


def one_copy(layers: Any, mapped: Any, point: Any) -> float:
    """Crossbars that one copy of everything takes."""
    total = 0.0
    for i in range(len(layers)):
        first = layers[i][L_KIND] != MVM or layers[i][L_FIRST_USER] == i
        if first and mapped[i][M_PER_COPY] > 0.0:
            total += pieces(mapped[i][M_PER_COPY], point[P_GRAIN])
    return total


def sum_up(layers: Any, mapped: Any, point: Any, total: Any) -> None:
    """Cells programmed, time of programming once (PEs in parallel, the crossbars of a PE one after the other, row by
    row), and rewrites in one inference."""
    cells = longest = writes = held = allotted_to = 0.0
    for i in range(len(layers)):
        row = mapped[i]
        if row[M_PER_COPY] <= 0.0:
            continue
        held += row[M_CELLS] * row[M_COPIES]
        allotted_to += row[M_CROSSBARS] * row[M_PASSES]
        if layers[i][L_KIND] == DYNAMIC:
            writes = max(writes, layers[i][L_STEPS])
        elif row[M_CROSSBARS] > 0.0:
            cells += row[M_CELLS] * row[M_COPIES]
            turns = min(row[M_CROSSBARS], point[P_CROSSBARS_PER_PE]) * row[M_PASSES]
            longest = max(longest, min(layers[i][L_ROWS], point[P_ROWS]) * turns * point[P_WRITE_ROW_NS])
    total[S_CELLS] = cells
    total[S_HELD] = held
    total[S_ALLOTTED] = allotted_to
    total[S_PROGRAM_NS] = longest
    total[S_REWRITES] = max(writes, total[S_CONTEXTS] if total[S_CONTEXTS] > 1.0 else 0.0)


def map_point(layers: Any, point: Any, rows: Any, total: Any, queue: Any) -> None:
    """Fill `rows` (layers x MAPPED_COLUMNS, zeros before) and `total` (SUMMARY_COLUMNS) for one hardware point."""
    for i in range(len(layers)):
        kind = layers[i][L_KIND]
        rows[i][M_WEIGHT_BITS] = width_of(layers[i][L_WEIGHT_BITS], P_WEIGHT_BITS, point)
        rows[i][M_INPUT_BITS] = width_of(layers[i][L_INPUT_BITS], P_INPUT_BITS, point)
        if kind == MVM or (kind == DYNAMIC and point[P_DYNAMIC_ON_CROSSBARS] > 0.0):
            shape_layer(layers[i], point, rows[i])
    needed = one_copy(layers, rows, point)
    chips = point[P_CHIPS]
    if chips <= 0.0:
        fitting = up(needed / point[P_CROSSBARS_PER_CHIP])
        chips = 1.0 if point[P_SPILL] > 0.0 else max(1.0, fitting)
    budget = chips * point[P_CROSSBARS_PER_CHIP]
    spilled = point[P_SPILL] > 0.0 and needed > budget
    n = line_up(layers, rows, point, queue)
    fixed = needed
    for k in range(n):
        fixed -= pieces(queue[k][Q_PER_COPY], point[P_GRAIN])  # operands of dynamic products stay single
    total[S_STAGE_NS] = replicate(layers, rows, queue, n, -1.0 if spilled else budget - fixed, point)
    used, contexts = place(layers, rows, point, budget if spilled else 0.0)
    tiles_of(layers, rows, point)
    for i in range(len(layers)):
        time_layer(layers[i], rows[i], point)
    time_writes(layers, rows, point, spilled)
    total[S_CHIPS] = chips
    total[S_CROSSBARS_TOTAL] = budget
    total[S_CROSSBARS_USED] = used
    total[S_CONTEXTS] = contexts
    total[S_NEEDED] = needed
    sum_up(layers, rows, point, total)


def width_of(bits: float, of_run: int, point: Any) -> Any:
    """Bits of a layer's operand: its own, or those in a column of the point (`-bits`; the run's where it has 0)."""
    if bits > 0.0:
        return bits
    own = point[int(-bits)] if bits < 0.0 else 0.0
    return own if own > 0.0 else point[of_run]


def map_points(layers: Any, points: Any, mapped: Any, summary: Any, queue: Any) -> None:
    """For every hardware point: fill mapped[p] (layers x MAPPED_COLUMNS, zeros before) and summary[p]; `queue` is
    scratch of layers x QUEUE_COLUMNS."""
    for p in range(len(points)):
        map_point(layers, points[p], mapped[p], summary[p], queue)


HELPERS = (
    up,
    down,
    schedule_reads,
    shape_layer,
    pieces,
    copies_for,
    line_up,
    allotted,
    replicate,
    place,
    tiles_of,
    digital_ns,
    together,
    time_product,
    time_layer,
    time_writes,
    one_copy,
    sum_up,
    width_of,
    map_point,
)
