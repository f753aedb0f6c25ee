"""How layers lie on crossbars, and how long they take there. Plain Python that Numba compiles.

Blocks are flat arrays of rows of lanes (`pimsim.mapping.lanes`): every lane is a hardware point, and all of them have
the words (encodings, policies) of lane 0. `layers` are flat rows of numbers, those of the network begin at row `base`.
"""

from __future__ import annotations

from typing import Any

from pimsim.mapping.columns import (
    DYNAMIC,
    L_COLS,
    L_GROUPS,
    L_INPUT_BITS,
    L_KIND,
    L_ROWS,
    L_WEIGHT_BITS,
    LANE_COLUMNS,
    LAYER_COLUMNS,
    M_INPUT_BITS,
    M_PER_COPY,
    M_PHASES,
    M_READS,
    M_WEIGHT_BITS,
    M_WRITE_NS,
    MAPPED_COLUMNS,
    MVM,
    P_BINARY_PULSES,
    P_DYNAMIC_ON_CROSSBARS,
    P_INPUT_BITS,
    P_SPILL,
    P_WEIGHT_BITS,
    POINT_COLUMNS,
    X_PER_CONTEXT,
)
from pimsim.mapping.lanes import ONE, at, put, take, view
from pimsim.mapping.lanes import up as up  # with pieces: of one layer, for tables
from pimsim.mapping.shape import HELPERS as SHAPE_HELPERS
from pimsim.mapping.shape import bit_serial, geometry, other_ns, packed_groups, product_ns, pulsed, width_of, write_ns
from pimsim.mapping.shape import pieces as pieces


def on_crossbars(layer: Any, dynamic: bool) -> Any:
    """Whether the layer is a product on crossbars."""
    return layer[L_KIND] == MVM or (layer[L_KIND] == DYNAMIC and dynamic)


def occupies(layer: Any, dynamic: bool) -> Any:
    """Whether the layer's product has cells at all."""
    return on_crossbars(layer, dynamic) and layer[L_GROUPS] * layer[L_ROWS] * layer[L_COLS] > 0.0


def shape_block(lanes: Any, layers: Any, base: int, n: int, points: Any, rows: Any) -> None:
    """Fill `rows` (layers x MAPPED_COLUMNS): bits, and the geometry of one copy; 0 elsewhere."""
    dynamic = at(points, P_DYNAMIC_ON_CROSSBARS, 0, lanes) > 0.0
    pulses = at(points, P_BINARY_PULSES, 0, lanes) > 0.0
    for i in range(n):
        layer = take(layers, (base + i) * LAYER_COLUMNS, 0, ONE, LAYER_COLUMNS)
        weights, inputs = layer[L_WEIGHT_BITS], layer[L_INPUT_BITS]
        own_weights = int(-weights) if weights < 0.0 else P_WEIGHT_BITS
        own_inputs = int(-inputs) if inputs < 0.0 else P_INPUT_BITS
        row = i * MAPPED_COLUMNS
        product = on_crossbars(layer, dynamic)
        if not product or layer[L_GROUPS] > 1.0:
            for p in range(MAPPED_COLUMNS * len(lanes)):
                put(rows, row * len(lanes), p, ONE, (0.0,))
        for p in range(len(lanes)):
            point = view(points, 0, p, lanes, POINT_COLUMNS)
            weight_bits = width_of(weights, at(points, own_weights, p, lanes), point[P_WEIGHT_BITS])
            input_bits = width_of(inputs, at(points, own_inputs, p, lanes), point[P_INPUT_BITS])
            put(rows, row + M_WEIGHT_BITS, p, lanes, (weight_bits, input_bits))
        if not product:
            continue
        for p in range(len(lanes)):
            point = view(points, 0, p, lanes, POINT_COLUMNS)
            shape = geometry(layer, at(rows, row + M_WEIGHT_BITS, p, lanes), point)
            put(rows, row + M_PER_COPY, p, lanes, shape)
        if layer[L_GROUPS] > 1.0:
            for p in range(len(lanes)):
                point = view(points, 0, p, lanes, POINT_COLUMNS)
                shape = take(rows, row + M_PER_COPY, p, lanes, 7)
                put(rows, row + M_PER_COPY, p, lanes, packed_groups(layer, shape, point))
        for p in range(len(lanes)):
            point = view(points, 0, p, lanes, POINT_COLUMNS)
            phases, input_bits = at(rows, row + M_PHASES, p, lanes), at(rows, row + M_INPUT_BITS, p, lanes)
            put(rows, row + M_READS, p, lanes, bit_serial(input_bits, phases, point))
        if pulses:
            for p in range(len(lanes)):
                point = view(points, 0, p, lanes, POINT_COLUMNS)
                phases, input_bits = at(rows, row + M_PHASES, p, lanes), at(rows, row + M_INPUT_BITS, p, lanes)
                put(rows, row + M_READS, p, lanes, pulsed(input_bits, phases, point))


def time_block(
    lanes: Any, layers: Any, base: int, n: int, points: Any, rows: Any, lane: Any
) -> None:
    """Writing time, duration and depth of every layer."""
    dynamic = at(points, P_DYNAMIC_ON_CROSSBARS, 0, lanes) > 0.0
    may_spill = at(points, P_SPILL, 0, lanes) > 0.0
    for i in range(n):
        layer = take(layers, (base + i) * LAYER_COLUMNS, 0, ONE, LAYER_COLUMNS)
        row, held = i * MAPPED_COLUMNS, occupies(layer, dynamic)
        if layer[L_KIND] == MVM or held:
            for p in range(len(lanes)):
                point = view(points, 0, p, lanes, POINT_COLUMNS)
                duration, fill = product_ns(layer, view(rows, row, p, lanes, MAPPED_COLUMNS), point)
                put(rows, row + M_WRITE_NS, p, lanes, (0.0, duration, fill))
        else:
            for p in range(len(lanes)):
                point = view(points, 0, p, lanes, POINT_COLUMNS)
                duration, fill = other_ns(layer, view(rows, row, p, lanes, MAPPED_COLUMNS), point)
                put(rows, row + M_WRITE_NS, p, lanes, (0.0, duration, fill))
        if held and (may_spill or layer[L_KIND] == DYNAMIC):
            for p in range(len(lanes)):
                point = view(points, 0, p, lanes, POINT_COLUMNS)
                spilled = at(lane, X_PER_CONTEXT, p, lanes) > 0.0
                took = write_ns(layer, view(rows, row, p, lanes, MAPPED_COLUMNS), point, spilled)
                put(rows, row + M_WRITE_NS, p, lanes, (took,))


def shape_layer(layer: Any, point: Any, row: Any) -> None:
    """Fill the mapping `row` of one layer at one point: its bits, and the geometry of one copy on crossbars."""
    shape_block(ONE, layer, 0, 1, point, row)


def time_layer(layer: Any, row: Any, point: Any) -> None:
    """Set the writing time, duration and depth of one layer at one point, on a chip that is not rewritten."""
    time_block(ONE, layer, 0, 1, point, row, [0.0] * LANE_COLUMNS)


def time_writes(layers: Any, mapped: Any, point: Any, spilled: bool) -> None:
    """Set the writing time of each layer (lists of rows)."""
    for layer, row in zip(layers, mapped, strict=True):
        row[M_WRITE_NS] = write_ns(layer, row, point, spilled)


HELPERS = (*SHAPE_HELPERS, on_crossbars, occupies, shape_block, time_block)
