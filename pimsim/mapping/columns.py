"""The numbers of the columns in the arrays that kernels read and write, and the packing of a workload into them."""

from __future__ import annotations

from functools import cached_property
from itertools import chain
from typing import Any

import numpy as np

from pimsim.graph.workload import Fetch, Kind, Layer, Unit, Workload

Array = np.ndarray[Any, Any]

MVM, DYNAMIC, LOOKUP, DIGITAL, MOVE = range(5)
KIND_CODES = {Kind.MVM: MVM, Kind.DYNAMIC: DYNAMIC, Kind.LOOKUP: LOOKUP, Kind.DIGITAL: DIGITAL, Kind.MOVE: MOVE}
UNIT_CODES = {None: 0, Unit.SOFTMAX: 1, Unit.NORMALISATION: 2}

# One row a layer: what the model says.
(
    L_KIND,
    L_GROUPS,
    L_ROWS,
    L_COLS,
    L_VECTORS,
    L_STEPS,
    L_WEIGHT_BITS,  # 0: the run's; below 0: in a column of the point
    L_INPUT_BITS,  # as L_WEIGHT_BITS
    L_INPUTS,
    L_FETCHED,
    L_OUTPUTS,
    L_VECTOR_OPS,
    L_SPECIAL_OPS,
    L_POOL_OPS,
    L_LOOKUPS,
    L_ROW_ELEMENTS,
    L_WEIGHTS,
    L_FIRST_USER,  # index of the first layer with the same weights (its own, mostly)
    L_OWNER,  # index of the MVM layer whose tiles do the work; -1: none
    L_IS_OUTPUT,  # 1: its output leaves the model
    L_ALL_VECTORS,  # vectors of all layers that use these weights, in the row of the first of them
    L_INPUT_DENSITY,  # mean driven input over full scale; below 0: the hardware file's
    L_WEIGHT_DENSITY,  # mean stored level over full scale; below 0: the hardware file's
    L_UNIT,  # unit that does the whole step where a tile has one: 0 none, 1 softmax, 2 normalisation
    L_BANKS,  # 1: a lookup that was simulated; what follows is `Layer.fetch`, of which all else is left 0
    L_BANKS_NS,  # busy
    L_BANKS_FILL_NS,  # latency beyond that
    L_BANKS_WAIT_NS,
    L_BANKS_PJ,
    L_BANKS_MW,
    L_BANKS_UM2,
) = range(31)
LAYER_COLUMNS = 31

# One row an edge.
E_SOURCE, E_ELEMENTS, E_FIRST, E_LAST = range(4)
EDGE_COLUMNS = 4


# One row a hardware point: geometry and rates, everything that counts and times depend on.
(
    P_ROWS,
    P_COLUMNS,
    P_ACTIVE_ROWS,
    P_CELL_BITS,
    P_DAC_BITS,
    P_SIGN_BITS,  # bits of a weight that take no slice (the sign of a pair or of sign-magnitude)
    P_PAIR,  # columns of one slice
    P_SIGN_COLUMNS,  # columns beside the slices
    P_ROWS_PER_INPUT,  # 2 where a pair stands in adjacent rows
    P_COMBINED,  # columns of a weight put together before one conversion
    P_WEIGHT_BITS,
    P_INPUT_BITS,
    P_ACCUMULATOR_BITS,
    P_CROSSBARS_PER_PE,
    P_CROSSBARS_PER_TILE,
    P_CROSSBARS_PER_CHIP,
    P_CHIPS,  # 0: as many as needed
    P_GRAIN,  # crossbars in the smallest piece given to a layer
    P_MAX_COPIES,
    P_SPILL,
    P_DYNAMIC_ON_CROSSBARS,
    P_WINDOW_REUSE,
    P_CYCLE_NS,
    P_CLOCK_NS,
    P_BUS_BITS_PER_NS,  # a tile
    P_BUFFER_BITS_PER_NS,  # a tile
    P_ROUTER_BITS_PER_NS,  # a port
    P_MEMORY_BITS_PER_NS,
    P_MEMORY_LATENCY_NS,
    P_BURST_BITS,
    P_VECTOR_PER_NS,  # operations a tile
    P_SPECIAL_PER_NS,
    P_POOL_PER_NS,
    P_MAC_PER_NS,
    P_ACCUMULATOR_PER_NS,
    P_WRITE_ROW_NS,  # programming one row of a crossbar
    P_TILES_PER_ROUTER,
    P_MESH_WIDTH,
    P_BINARY_PULSES,  # 1: bit k of an input is 2^k read steps, converted once
    P_SPLIT_ABOVE,  # binary pulses: magnitude bits above which they come in two halves; 0: never
    P_STEP_NS,  # binary pulses: one decision of the converter
    P_ADC_BITS,
    P_ADC_DATA_SHARE,  # share of a conversion's energy that follows the column sum
    P_INPUT_DENSITY,
    P_WEIGHT_DENSITY,
    P_OFF_RATIO,  # conductance of the lowest state over that of the highest
    P_SERIAL_STEPS,  # 1: the steps of a layer do not overlap
    P_SOFTMAX_PER_NS,  # elements a tile; 0: it has no such unit
    P_NORMALISATION_PER_NS,
    P_PIPELINED,  # 1: totals are those of overlapping layers
    P_TOGGLES,  # 1: arrays and rows take energy when a bit changes, not while it is one
    # What follows is derived from the columns before, once a point: kernels multiply instead of dividing.
    P_BY_ROWS,  # 1 / P_ROWS, and so on
    P_BY_COLUMNS,
    P_BY_ACTIVE_ROWS,
    P_BY_CELL_BITS,
    P_BY_DAC_BITS,
    P_BY_COMBINED,
    P_BY_PE,
    P_BY_TILE,
    P_BY_CHIP,
    P_BY_GRAIN,
    P_BY_CYCLE,
    P_BY_BURST,
    P_BY_ROUTER,  # of P_TILES_PER_ROUTER
    P_BY_MESH,
    P_BUS_NS,  # ns a bit, or an operation, of one tile: 1 / P_BUS_BITS_PER_NS, and so on
    P_BUFFER_NS,
    P_ROUTER_NS,
    P_MEMORY_NS,
    P_VECTOR_NS,
    P_SPECIAL_NS,
    P_POOL_NS,
    P_MAC_NS,
    P_ACCUMULATOR_NS,
    P_SOFTMAX_NS,  # 0: it has no such unit
    P_NORMALISATION_NS,
    P_TILES,  # of a chip
    P_BY_TILES,
    P_ROW_GROUPS,  # in which a full row tile is read
    P_READ_SHARE,  # full-scale charge of a cell over that of a read of random operands on a whole array
) = range(80)
POINT_COLUMNS = 80
"""Columns after these hold bits of layers, for sweeps that vary them: L_WEIGHT_BITS or L_INPUT_BITS = -column."""

# One row a layer: what the mapping decides.
(
    M_CROSSBARS,  # allotted, all copies, whole pieces
    M_COPIES,
    M_PER_COPY,  # crossbars of one copy
    M_CELLS,  # cells holding weights, one copy
    M_COLUMNS_PER_WEIGHT,
    M_ROW_TILES,
    M_COLUMN_TILES,
    M_PHASES,  # row groups read one after the other in the fullest row tile
    M_CONVERSION_ROWS,  # row groups that are converted for one output column
    M_READS,  # read cycles of one vector and row group
    M_CYCLES,  # read cycles of one vector
    M_DRIVES,  # times that a row is driven for one vector
    M_CONVERSIONS,  # actions of the converter for one vector, column and row group
    M_VECTOR_NS,  # time of one vector
    M_WEIGHT_BITS,
    M_INPUT_BITS,
    M_POSITION,  # first crossbar
    M_TILES,  # tiles whose units serve the layer (at least 1)
    M_CONTEXT,  # which rewriting of the chip (spill)
    M_PASSES,  # parts in which a layer larger than the chip is computed
    M_WRITE_NS,  # writing operands or a new context before the layer can start
    M_DURATION_NS,
    M_FILL_NS,
    M_MIDDLE,  # crossbar from which and to which its data go
) = range(24)
MAPPED_COLUMNS = 24

# One row a point: what the mapping says of the whole.
(
    S_CHIPS,
    S_CROSSBARS_TOTAL,
    S_CROSSBARS_USED,
    S_CONTEXTS,
    S_NEEDED,  # crossbars of one copy of everything
    S_STAGE_NS,  # slowest stage that replication left; below 0: one copy each
    S_CELLS,  # cells that hold weights, all copies
    S_HELD,  # cells in use, operands of dynamic products too
    S_ALLOTTED,  # crossbars given to layers, in all contexts
    S_PROGRAM_NS,  # writing all weights once
    S_REWRITES,  # writes that the most written cell takes in one inference
) = range(11)
SUMMARY_COLUMNS = 11

# Scratch of the replication: one row a matrix on crossbars.
Q_VECTORS, Q_LAYER, Q_BY_VECTOR, Q_PER_COPY = range(4)
QUEUE_COLUMNS = 4

# One column a component, in the order of `pimsim.components.REGISTRY` (a test holds the two together): actions.
(
    C_CROSSBAR,
    C_DAC,
    C_SAMPLE_HOLD,
    C_COLUMN_MUX,
    C_ADC,
    C_SHIFT_ADD,
    C_INPUT_REGISTER,
    C_OUTPUT_REGISTER,
    C_BUFFER,
    C_BUS,
    C_ROUTER,
    C_ACCUMULATOR,
    C_ACTIVATION,
    C_POOL,
    C_VECTOR,
    C_TILE_REGISTER,
    C_MAC,
    C_SOFTMAX,
    C_NORMALISATION,
    C_LINK,
    C_MEMORY,
    C_PROGRAMMING,
) = range(22)
COMPONENT_COLUMNS = 22

# Scratch, one row for all layers.
(
    X_NEEDED,
    X_BUDGET,
    X_ROOM,  # for what may be copied; below 0: for no copies
    X_SLOW_NS,  # bisection of the stage time
    X_LOW_NS,
    X_HIGH_NS,
    X_MIDDLE_NS,
    X_TAKEN,
    X_PER_CONTEXT,
    X_POSITION,
    X_CONTEXT,
    X_USED,
    X_HOPS,  # traffic of a layer: bits x routers passed, bits between chips
    X_LINK,
    X_OUTSIDE,  # bits into and out of the model
    X_BEFORE_NS,  # end of all earlier contexts
    X_START_NS,
    X_BOUND_NS,
    X_LATENCY_NS,
    X_SERIAL_NS,  # latency without overlap
    X_LONGEST_NS,
    X_MEMORY_NS,
    X_INTERVAL_NS,
    X_BANKS_PJ,  # simulated lookups of all layers: energy of an inference, standby power, area
    X_BANKS_MW,
    X_BANKS_UM2,
) = range(26)
LANE_COLUMNS = 26

# One row a layer and schedule: times in ns.
T_START, T_END, T_CRITICAL = range(3)
TIME_COLUMNS = 3
BUSY_COLUMNS = 7
"""Scratch of the timing: cells, vector, special, pooling, multiply-add, softmax and normalisation units of a layer's
tiles."""


NO_BANKS = (0.0,) * (LAYER_COLUMNS - L_BANKS)


class Packed:
    """A workload as rows of numbers: layers (L_*), edges (E_*), and where each layer's edges start. `lists` holds a
    list a row; `flat` (lists) and `arrays` have the rows one after the other, for plain and compiled kernels."""

    def __init__(
        self, layers: list[list[float]], edges: list[list[float]], starts: list[int], macs: float, ops: float
    ):
        self.macs, self.ops = macs, ops  # of one inference
        self.evaluated = 0  # layers evaluated without compiler so far
        self.lists = layers, edges, starts

    @cached_property
    def flat(self) -> tuple[list[float], list[float], list[int]]:
        """Layers and edges, row after row, and starts."""
        layers, edges, starts = self.lists
        return list(chain.from_iterable(layers)), list(chain.from_iterable(edges)), starts

    @cached_property
    def arrays(self) -> tuple[Array, Array, Array]:
        """The same as arrays: float64, float64, int64."""
        layers, edges, starts = self.flat
        return np.array(layers, dtype=np.float64), np.array(edges, dtype=np.float64), np.array(starts, dtype=np.int64)


def pack(workload: Workload) -> Packed:
    """The workload's layers and edges as numbers; made once and kept with the workload."""
    packed = workload.cache.get("packed")
    if not isinstance(packed, Packed):
        packed = workload.cache["packed"] = Packed(*_rows(workload), float(workload.macs), float(workload.ops))
    return packed


def _rows(workload: Workload) -> tuple[list[list[float]], list[list[float]], list[int]]:
    layers = workload.layers
    owners = _owners(layers)
    consumed = {edge.source for layer in layers for edge in layer.inputs}
    first_user: dict[str, int] = {}
    rows: list[list[float]] = []
    edges: list[list[float]] = []
    starts = [0]
    for i, layer in enumerate(layers):
        shared = layer.kind is Kind.MVM and layer.weight_key
        user = first_user.setdefault(cells_of(layer), i) if shared else i
        row = layer_row(layer)
        row[L_FIRST_USER], row[L_OWNER], row[L_IS_OUTPUT] = float(user), float(owners[i]), 0.0 if i in consumed else 1.0
        if user != i:
            rows[user][L_ALL_VECTORS] += float(layer.vectors)
        rows.append(row)
        edges.extend([float(e.source), float(e.elements), float(e.first), float(e.last)] for e in layer.inputs)
        starts.append(len(edges))
    return rows, edges, starts


def layer_row(layer: Layer) -> list[float]:
    """The columns L_* of a layer; those that its place in a network decides are 0, or its own."""
    return [
        float(KIND_CODES[layer.kind]),
        float(layer.groups),
        float(layer.rows),
        float(layer.cols),
        float(layer.vectors),
        float(max(1, layer.serial_steps)),
        float(layer.weight_bits or 0),
        float(layer.input_bits or 0),
        float(layer.input_elements),
        float(layer.fetched_elements),
        float(layer.output_elements),
        float(layer.vector_ops),
        float(layer.special_ops),
        float(layer.pool_ops),
        float(layer.lookups),
        float(layer.row_elements),
        float(layer.weight_elements),
        0.0,
        0.0,
        0.0,
        float(layer.vectors),
        -1.0 if layer.input_density is None else float(layer.input_density),
        -1.0 if layer.weight_density is None else float(layer.weight_density),
        float(UNIT_CODES[layer.unit] if layer.kind is Kind.DIGITAL else 0),
        *(NO_BANKS if layer.fetch is None else _banks(layer.fetch)),
    ]


def _banks(fetch: Fetch) -> tuple[float, ...]:
    """Columns from L_BANKS on. A layer is never busy for longer than it takes."""
    fill = max(0.0, fetch.latency_ns - fetch.busy_ns)
    energy, power = sum(value for _, value in fetch.energy_pJ), sum(value for _, value in fetch.standby_mW)
    wait = min(fetch.wait_ns, fill)
    return 1.0, fetch.busy_ns, fill, wait, energy, power, fetch.area_um2


def cells_of(layer: Layer) -> str:
    """Name of the programmed cells: only layers that lay the same tensor out alike can share them."""
    return f"{layer.weight_key}|{layer.groups}x{layer.rows}x{layer.cols}|{layer.weight_bits}"


def _owners(layers: tuple[Layer, ...]) -> list[int]:
    """For every layer the MVM layer on whose tiles it runs: itself, the nearest one upstream, else the next one."""
    owners: list[int] = []
    for i, layer in enumerate(layers):
        if layer.kind is Kind.MVM:
            owners.append(i)
        else:
            owners.append(max((owners[e.source] for e in layer.inputs if e.source >= 0), default=-1))
    following = -1
    for i in range(len(layers) - 1, -1, -1):
        if layers[i].kind is Kind.MVM:
            following = i
        elif owners[i] < 0:
            owners[i] = following
    return owners
