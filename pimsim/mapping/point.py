"""One hardware point as the row of numbers that the kernels read: geometry and rates."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pimsim.components import programming
from pimsim.components.crossbar import compute_style, off_ratio, step_ns
from pimsim.components.process import WEIGHT_COLUMNS, View
from pimsim.mapping import columns as c

_RECIPROCALS = (
    (c.P_ROWS, c.P_BY_ROWS),
    (c.P_COLUMNS, c.P_BY_COLUMNS),
    (c.P_ACTIVE_ROWS, c.P_BY_ACTIVE_ROWS),
    (c.P_CELL_BITS, c.P_BY_CELL_BITS),
    (c.P_DAC_BITS, c.P_BY_DAC_BITS),
    (c.P_COMBINED, c.P_BY_COMBINED),
    (c.P_CROSSBARS_PER_PE, c.P_BY_PE),
    (c.P_CROSSBARS_PER_TILE, c.P_BY_TILE),
    (c.P_CROSSBARS_PER_CHIP, c.P_BY_CHIP),
    (c.P_GRAIN, c.P_BY_GRAIN),
    (c.P_CYCLE_NS, c.P_BY_CYCLE),
    (c.P_BURST_BITS, c.P_BY_BURST),
    (c.P_TILES_PER_ROUTER, c.P_BY_ROUTER),
    (c.P_MESH_WIDTH, c.P_BY_MESH),
    (c.P_TILES, c.P_BY_TILES),
    (c.P_BUS_BITS_PER_NS, c.P_BUS_NS),
    (c.P_BUFFER_BITS_PER_NS, c.P_BUFFER_NS),
    (c.P_ROUTER_BITS_PER_NS, c.P_ROUTER_NS),
    (c.P_MEMORY_BITS_PER_NS, c.P_MEMORY_NS),
    (c.P_VECTOR_PER_NS, c.P_VECTOR_NS),
    (c.P_SPECIAL_PER_NS, c.P_SPECIAL_NS),
    (c.P_POOL_PER_NS, c.P_POOL_NS),
    (c.P_MAC_PER_NS, c.P_MAC_NS),
    (c.P_ACCUMULATOR_PER_NS, c.P_ACCUMULATOR_NS),
)


def point_row(hw: Any) -> list[Any]:
    """The columns P_* of `hw` (see `pimsim.mapping.columns`); times in ns, rates in bits or operations per ns;
    arrays where settings of `hw` are arrays.
    A kind of digital unit that a tile has none of runs on its activation units."""
    view = hw if type(hw) is View else View(hw)
    bar, pe, tile, chip, mapping = hw.crossbar, hw.pe, hw.tile, hw.chip, hw.mapping
    clock = view.clock_GHz
    per_tile = pe.crossbars * tile.pes
    special = tile.activation.count * clock
    write = bar.cell.write
    routers = math.ceil(chip.tiles / hw.network.router.tiles_per_router)
    row = [0.0] * c.POINT_COLUMNS
    row[c.P_ROWS] = bar.rows
    row[c.P_COLUMNS] = bar.columns
    row[c.P_ACTIVE_ROWS] = bar.rows if bar.active_rows is None else bar.active_rows
    row[c.P_CELL_BITS] = bar.cell.bits
    row[c.P_DAC_BITS] = bar.dac.bits
    row[c.P_SIGN_BITS], row[c.P_PAIR], row[c.P_SIGN_COLUMNS] = WEIGHT_COLUMNS[bar.signed]
    row[c.P_ROWS_PER_INPUT] = 2 if bar.signed in ("differential_rows", "xnor_rows") else 1
    row[c.P_COMBINED] = bar.adc.columns_combined
    row[c.P_WEIGHT_BITS] = hw.precision.weight_bits
    row[c.P_INPUT_BITS] = hw.precision.input_bits
    row[c.P_ACCUMULATOR_BITS] = hw.precision.accumulator_bits
    row[c.P_CROSSBARS_PER_PE] = pe.crossbars
    row[c.P_CROSSBARS_PER_TILE] = per_tile
    row[c.P_CROSSBARS_PER_CHIP] = per_tile * chip.tiles
    row[c.P_CHIPS] = 0 if isinstance(chip.count, str) else chip.count
    row[c.P_GRAIN] = {"crossbar": 1, "pe": pe.crossbars, "tile": per_tile}[mapping.granularity]
    row[c.P_MAX_COPIES] = 1 if mapping.replication == "none" else mapping.max_copies
    row[c.P_SPILL] = mapping.capacity == "spill"
    row[c.P_DYNAMIC_ON_CROSSBARS] = mapping.dynamic == "crossbar"
    row[c.P_WINDOW_REUSE] = mapping.input_reuse == "window"
    row[c.P_CYCLE_NS] = view.cycle_ns
    row[c.P_CLOCK_NS] = 1.0 / clock
    row[c.P_BUS_BITS_PER_NS] = tile.bus.width_bits * clock
    row[c.P_BUFFER_BITS_PER_NS] = tile.buffer.ports * tile.buffer.width_bits * clock
    row[c.P_ROUTER_BITS_PER_NS] = hw.network.router.flit_bits * clock
    row[c.P_MEMORY_BITS_PER_NS] = 8.0 * hw.memory.bandwidth_GBps
    row[c.P_MEMORY_LATENCY_NS] = hw.memory.latency_ns
    row[c.P_BURST_BITS] = 8.0 * hw.memory.burst_bytes
    row[c.P_VECTOR_PER_NS] = _rate(tile.vector.count, clock, special)
    row[c.P_SPECIAL_PER_NS] = special
    row[c.P_POOL_PER_NS] = _rate(tile.pool.count, clock, special)
    row[c.P_MAC_PER_NS] = _rate(tile.mac.count, clock, special)
    row[c.P_ACCUMULATOR_PER_NS] = _rate(tile.accumulator.count * tile.accumulator.inputs, clock, special)
    row[c.P_WRITE_ROW_NS] = programming.row_ns(write) * math.ceil(bar.columns / write.cells_at_once)
    row[c.P_TILES_PER_ROUTER] = hw.network.router.tiles_per_router
    row[c.P_MESH_WIDTH] = math.ceil(math.sqrt(routers) if isinstance(routers, int) else np.sqrt(routers))
    cell, adc = bar.cell, bar.adc
    row[c.P_BINARY_PULSES] = bar.dac.encoding == "binary_pulses"
    row[c.P_SPLIT_ABOVE] = 0 if bar.dac.split_above_bits is None else bar.dac.split_above_bits
    row[c.P_STEP_NS] = step_ns(view)
    row[c.P_ADC_BITS] = adc.bits
    row[c.P_ADC_DATA_SHARE] = adc.data_share
    row[c.P_INPUT_DENSITY] = hw.operands.input_density
    row[c.P_WEIGHT_DENSITY] = hw.operands.weight_density
    row[c.P_OFF_RATIO] = off_ratio(view)
    row[c.P_SERIAL_STEPS] = mapping.overlap == "none"
    row[c.P_SOFTMAX_PER_NS] = tile.softmax.count * clock
    row[c.P_NORMALISATION_PER_NS] = tile.normalisation.count * clock
    row[c.P_PIPELINED] = mapping.schedule == "pipeline"
    row[c.P_TOGGLES] = compute_style(cell) == "digital"
    row[c.P_TILES] = chip.tiles
    for of, by in _RECIPROCALS:
        row[by] = 1.0 / row[of]
    row[c.P_SOFTMAX_NS] = _unit_ns(tile.softmax.count, clock)
    row[c.P_NORMALISATION_NS] = _unit_ns(tile.normalisation.count, clock)
    groups = row[c.P_ROWS] / row[c.P_ACTIVE_ROWS]
    row[c.P_ROW_GROUPS] = math.ceil(groups) if isinstance(groups, float) else np.ceil(groups)
    row[c.P_READ_SHARE] = 2.0 / (0.5 + 0.5 * row[c.P_OFF_RATIO]) / (row[c.P_ACTIVE_ROWS] * row[c.P_COLUMNS])
    return [x if isinstance(x, np.ndarray) else float(x) for x in row]


def _rate(count: Any, clock_GHz: Any, otherwise: Any) -> Any:
    """Operations in a ns of the units of a kind; `otherwise` where there is none. Points of an array agree in that."""
    return otherwise if isinstance(count, int) and count == 0 else count * clock_GHz


def _unit_ns(count: Any, clock_GHz: Any) -> Any:
    """Time of one action of the units of a kind; 0 where there is none. Points of an array agree in that."""
    return 0.0 if isinstance(count, int) and count == 0 else 1.0 / (count * clock_GHz)
