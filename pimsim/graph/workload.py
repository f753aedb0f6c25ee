"""What the rest of pimsim knows of a model: an ordered list of layers with shapes, and nothing of ONNX.

`pimsim.graph` makes a `Workload` from an ONNX file; `nas.lowering` makes one directly from an architecture.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

MODEL_INPUT = -1
"""`Edge.source` of data that comes from outside the model."""

LARGEST_COUNT = 2**53
"""Every count is carried as a float64 by the evaluator; larger ones would be rounded without a word."""


class Kind(StrEnum):
    """How a step is executed."""

    MVM = "mvm"  # stationary weights on crossbars
    DYNAMIC = "dynamic"  # product of two activations
    LOOKUP = "lookup"  # rows read from a constant table
    DIGITAL = "digital"  # elementwise, reduction, normalisation, pooling
    MOVE = "move"  # data movement that costs buffer traffic (Transpose, Concat, Slice...)


class Unit(StrEnum):
    """A whole step that a tile may have a unit of its own for; without one it runs on vector and special units."""

    SOFTMAX = "softmax"  # maximum, exponential, sum, division over a row
    NORMALISATION = "normalisation"  # statistics, scale and shift


@dataclass(frozen=True, slots=True)
class Edge:
    """One input of a layer.

    source: index of the producing layer in `Workload.layers`, or MODEL_INPUT. Always smaller than the consumer's.
    elements: activations that travel along this edge in one inference.
    first: share (0 to 1] of the source's output, in the order in which it is produced (rows of an image,
        tokens of a sequence), that must exist before the consumer can begin. 1: the whole output.
    last: share (0 to 1] of the consumer's own work that is still to be done when the source ends.
        1: all of it (the consumer cannot begin before), 1/H: one row of its output.
    """

    source: int
    elements: int
    first: float = 1.0
    last: float = 1.0


@dataclass(frozen=True, slots=True)
class Fetch:
    """What a LOOKUP takes where its table stands, in one inference of a stream (`pimsim.memory.lookups` makes it).

    busy_ns: its share of the time for which the memory is busy with the lookups of an inference. latency_ns: from the
    moment at which all lookups of an inference are asked for to its last row; wait_ns: what of it rows of other layers
    take. energy_pJ and standby_mW: by part, of what is done and of what is drawn at all times. area_um2: on the chips.
    """

    busy_ns: float = 0.0
    latency_ns: float = 0.0
    wait_ns: float = 0.0
    energy_pJ: tuple[tuple[str, float], ...] = ()
    standby_mW: tuple[tuple[str, float], ...] = ()
    area_um2: float = 0.0


@dataclass(frozen=True, slots=True)
class Layer:
    """One step of a model. Every count is per inference (the batch that was bound, all loop trips included).

    Products (MVM and DYNAMIC): `groups` independent matrices of `rows` inputs x `cols` outputs, each multiplied
    with `vectors` input vectors; macs = groups * rows * cols * vectors.
      Conv: groups = its groups, rows = Cin/groups * kernel volume, cols = Cout/groups, vectors = batch * positions.
      ConvTranspose: rows = Cin/groups, cols = Cout/groups * kernel volume, vectors = batch * input positions.
      MatMul/Gemm with a constant: rows = K, cols = N, vectors = all other dimensions.
      DYNAMIC: groups = batch (and heads), vectors = M, rows = K, cols = N.
    """

    name: str  # unique in the workload; as it stands in the file, so escape it where it is shown
    op: str  # ONNX operator type
    kind: Kind
    inputs: tuple[Edge, ...] = ()
    groups: int = 0
    rows: int = 0
    cols: int = 0
    vectors: int = 0
    serial_steps: int = 1  # dependent steps (recurrence, loop trips): `vectors` splits evenly among them
    weight_key: str = ""  # MVM: same key = same matrix, programmed once. Empty: not shared
    weight_elements: int = 0  # MVM: of the weight as stored in the model, without bias; LOOKUP: of the table
    bias_elements: int = 0
    weight_bits: int | None = None  # as the model says (quantised weights); None: the run's choice
    input_bits: int | None = None  # as the model says (quantised activations); None: the run's choice
    input_elements: int = 0  # distinct activation elements that the step reads
    fetched_elements: int = 0  # from buffer to input registers, overlapping windows reused along a row
    output_elements: int = 0
    vector_ops: int = 0  # additions, multiplications, comparisons on the vector units (bias additions too)
    special_ops: int = 0  # exp, sigmoid, tanh, erf, sqrt, reciprocal, division: on the special function units
    pool_ops: int = 0  # additions and comparisons inside pooling windows
    unit: Unit | None = None  # DIGITAL: what does all of it at one output element an action, where a tile has one
    lookups: int = 0  # LOOKUP: rows read
    row_elements: int = 0  # LOOKUP: elements of a row
    table_rows: int = 0  # LOOKUP: rows of the table
    fetch: Fetch | None = None  # LOOKUP: time and energy where they are simulated; None: by the bits read
    input_density: float | None = None  # mean driven input over full scale; None: the hardware file's default
    weight_density: float | None = None  # mean stored level over full scale; None: the hardware file's default
    driven: str = ""  # value of the model's main graph that the rows are driven with; empty: none of its own
    stored: str = ""  # DYNAMIC: value of the main graph that is held in the cells
    note: str = ""  # anything the user should know about how this step was read

    @property
    def macs(self) -> int:
        """Multiply-adds in one inference."""
        return self.groups * self.rows * self.cols * self.vectors

    @property
    def ops(self) -> int:
        """Operations in one inference: a multiply-add is two."""
        return 2 * self.macs + self.vector_ops + self.special_ops + self.pool_ops


@dataclass(frozen=True, slots=True)
class NodeTreatment:
    """One line of `pimsim ops`: how one node of the graph is treated."""

    name: str
    op: str
    treatment: str  # a `Kind` value, or "free" (no cost: Reshape, Identity...), "constant", "skipped", "unknown"
    macs: int = 0
    weight_bytes: int = 0
    count: int = 1  # executions in one inference
    note: str = ""


@dataclass(frozen=True)
class Workload:
    """A model, ready to be mapped. Layers stand in a topological order."""

    name: str
    layers: tuple[Layer, ...]
    nodes: tuple[NodeTreatment, ...] = ()
    notes: tuple[str, ...] = ()  # for the user: branch taken, external data absent, no product in the graph...
    input_elements: int = 0
    output_elements: int = 0
    source: str = ""  # file it came from
    opset: int = 0
    cache: dict[str, object] = field(default_factory=dict, compare=False, repr=False)  # arrays derived from `layers`

    @property
    def macs(self) -> int:
        """Multiply-adds of all layers in one inference."""
        return sum(layer.macs for layer in self.layers)

    @property
    def ops(self) -> int:
        """Operations of all layers in one inference (2 x macs + the rest)."""
        return sum(layer.ops for layer in self.layers)

    @property
    def looks_up(self) -> bool:
        """Whether a layer reads table rows."""
        return any(layer.kind is Kind.LOOKUP for layer in self.layers)

    @property
    def weights(self) -> int:
        """Weight elements of all MVM layers and tables; shared ones counted once."""
        seen: dict[str, int] = {}
        total = 0
        for layer in self.layers:
            if layer.weight_key:
                seen[layer.weight_key] = max(seen.get(layer.weight_key, 0), layer.weight_elements)
            else:
                total += layer.weight_elements
        return total + sum(seen.values())
