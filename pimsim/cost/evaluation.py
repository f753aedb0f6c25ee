"""The figures of one model on one hardware point, as arrays without names; `pimsim.report.Result` puts the names on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[np.float64]]

COMPONENTS = (
    "crossbar",  # cell arrays, read
    "dac",  # row drivers and input converters
    "sample_hold",
    "column_mux",  # columns take turns on converters
    "adc",
    "shift_add",  # in the processing element: bit slices and input cycles put together
    "input_register",
    "output_register",
    "buffer",  # the tile's eDRAM or SRAM
    "bus",  # inside the tile
    "router",  # network on chip
    "accumulator",  # in the tile: partial sums of row tiles added up
    "activation",  # special function units
    "pool",
    "vector",  # additions, multiplications, comparisons on digital units
    "tile_register",
    "mac",  # digital multiply-add units for products of activations
    "softmax",  # units of their own for softmax; without one it runs on `vector` and `activation`
    "normalisation",  # the same for normalisations
    "link",  # off-chip links
    "memory",  # off-chip memory: embedding tables, spilled weights
    "programming",  # cells written while running (spill, dynamic products)
)

EXTRA_ROWS = ("shared", "idle")
"""Rows after the layers: what serves all layers (links, memory), and what no layer occupies."""


@dataclass(frozen=True)
class Schedule:
    """Times of one execution mode, in ns from the start of the inference. The shares add up to latency_ns.

    interval_ns: time between two inferences in a stream (1 / throughput).
    """

    latency_ns: float
    interval_ns: float
    times_ns: Array  # layers x (start, end, share of the critical path)

    @property
    def start_ns(self) -> Array:
        """Start of each layer."""
        return self.times_ns[:, 0]

    @property
    def end_ns(self) -> Array:
        """End of each layer."""
        return self.times_ns[:, 1]

    @property
    def critical_ns(self) -> Array:
        """Share of each layer in the critical path."""
        return self.times_ns[:, 2]


@dataclass(frozen=True)
class Evaluation:
    """Counts x prices at one point. Matrices are (layers + EXTRA_ROWS) x COMPONENTS; layer arrays one entry a layer.

    Energy is per inference (of the batch that was bound); static energy is leakage power x `interval_ns` of the
    chosen schedule. Area is of all chips together.
    """

    figures: list[float]  # of the whole network: `pimsim.cost.fused.F_*`
    energy_dynamic_pJ: Array
    energy_static_pJ: Array
    area_um2: Array
    pipeline: Schedule
    layer_by_layer: Schedule
    pipelined: bool  # which of the two schedules the totals use
    sigmas: Callable[[], tuple[Array, Array]]  # of ln(true / ours) of energy and of area, one a component; when asked
    crossbars: Array  # allotted to the layer, all copies
    copies: Array  # replication
    cells: Array  # that hold weights, all copies
    cells_allotted: Array
    weight_bits: Array
    input_bits: Array
    chips: int
    crossbars_total: int  # on all chips
    crossbars_used: int
    contexts: int  # 1, or how many times the chip is rewritten in one inference (capacity: spill)
    programming_energy_pJ: float  # writing all weights once, before the first inference
    programming_latency_ns: float
    cells_programmed: float
    endurance_share: float  # of a cell's rated writes, used by programming once
    rewrite_endurance_share: float  # of a cell's rated writes, used by each inference (spill, dynamic products)

    @property
    def utilization(self) -> Array:
        """Cells holding weights over cells allotted, one entry a layer (0 where a layer has none of its own)."""
        room = self.cells_allotted
        return np.divide(self.cells, room, out=np.zeros_like(room), where=room > 0.0)
