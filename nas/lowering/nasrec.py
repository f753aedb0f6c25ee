"""NASRec architectures as pimsim workloads, without export: one sample, as `pimsim.graph` reads the exported network.

    lowering = Lowering(schema)
    pimsim.simulate(lowering.workload(architecture), "reram_128")
    lowering.networks(architectures)          # arrays for `pimsim.cost.batch`, many architectures at a time
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from nas.data.fields import Schema
from nas.lowering import kernel as k
from nas.lowering.stem import stem_layers
from nas.lowering.steps import AT_ONCE, BATCH, DIMS, STEPS
from nas.spaces.architecture import CODE_WORDS, MERGED_ROWS, Architecture
from nas.spaces.sizes import HEADS, Inputs, sizes
from pimsim.cost.networks import Networks
from pimsim.errors import InputError
from pimsim.graph.workload import Edge, Kind, Layer, Unit, Workload
from pimsim.hardware.schema import Hardware
from pimsim.jit import compiled
from pimsim.mapping import columns as c

Array = np.ndarray[Any, Any]

EMBEDDINGS = ("tables", "inputs")
"""Whether embedding tables belong to the network, or their rows come in from outside."""

KINDS = {code: kind for kind, code in c.KIND_CODES.items()}
UNITS: dict[float, Unit | None] = {float(code): unit for unit, code in c.UNIT_CODES.items()}


class Room:
    """Arrays that are written again at each call, for loops: fresh ones cost as much as filling them."""

    def __init__(self) -> None:
        self._layers, self._edges = np.empty((0, c.LAYER_COLUMNS)), np.empty((0, k.EDGE_COLUMNS))
        self._starts, self._marks = np.empty(0, dtype=np.int64), np.empty(0)

    def arrays(self, layers: int, edges: int) -> tuple[Array, Array, Array, Array]:
        """layers, edges, starts and marks for at least so many layers and edges; what they held is lost."""
        if len(self._layers) < layers or len(self._edges) < edges:
            self._layers, self._edges = np.empty((layers, c.LAYER_COLUMNS)), np.empty((edges, k.EDGE_COLUMNS))
            self._starts, self._marks = np.empty(layers + 1, dtype=np.int64), np.empty(layers)
        return self._layers, self._edges, self._starts, self._marks


class Lowering:
    """Lowers architectures that read the fields of `schema`. embeddings: one of EMBEDDINGS."""

    def __init__(self, schema: Schema, embedding_dim: int = 16, embeddings: str = "tables"):
        if embeddings not in EMBEDDINGS:
            raise InputError(f"embeddings must be one of {', '.join(EMBEDDINGS)}; got {embeddings!r}")
        self.inputs = Inputs.of(len(schema.dense), len(schema.sparse), embedding_dim)
        self.stem = stem_layers(schema, embedding_dim, embeddings == "inputs")
        self._pack_stem()
        order = DIMS if embeddings == "inputs" else BATCH
        if any(field.pooling for field in schema.sparse) and embeddings == "tables":
            order = AT_ONCE
        self._order = order
        self._given = (*self.inputs, HEADS, MERGED_ROWS)

    def _pack_stem(self) -> None:
        layers, edges, starts = c.pack(Workload("", self.stem)).arrays
        self._stem = layers.reshape(-1, c.LAYER_COLUMNS), edges.reshape(-1, k.EDGE_COLUMNS), starts

    def on(self, hardware: Hardware) -> Lowering:
        """The same with its tables looked up on the banks of `hardware`, once for all architectures: they ask for the
        same rows. Itself where its `memory.lookups` are by bandwidth, or there are no tables. Raises InputError for
        tables that do not fit."""
        if hardware.memory.lookups != "banks" or not Workload("", self.stem).looks_up:
            return self
        from pimsim.memory.lookups import with_lookups

        found = copy.copy(self)
        found.stem = with_lookups(Workload("", self.stem), hardware).layers
        found._pack_stem()
        return found

    def networks(self, architectures: Sequence[Architecture], room: Room | None = None) -> Networks:
        """The architectures as rows of pimsim's arrays, views of `room` where one is given. Raises InputError where
        they differ in length or in `use_layernorm` and `balanced`, or have several operators of a kind in a block."""
        lower = compiled(k.lower_rows, *k.HELPERS)
        layers, edges, starts, _, offsets, work = self._rows(architectures, lower, room)
        return Networks(layers, edges, starts, offsets, work)

    def workload(self, architecture: Architecture) -> Workload:
        """One architecture, with names: block0 is the first choice block."""
        layers, edges, starts, marks, _, _ = self._rows([architecture], k.lower_rows)
        found = list(self.stem)
        seen: dict[str, int] = {}
        for i in range(len(self.stem), len(layers)):
            block, step = divmod(int(marks[i]), 100)
            label = f"block{block - 1}" if block <= len(architecture) else "head"
            base = f"{label}/{STEPS[int(step)][0]}"
            seen[base] = seen.get(base, 0) + 1
            name = base if seen[base] == 1 else f"{base}_{seen[base]}"
            found.append(_layer(name, STEPS[step][1], layers[i], edges[starts[i] : starts[i + 1]]))
        return Workload(f"nasrec:{architecture.digest}", tuple(found))

    def _rows(self, architectures: Sequence[Architecture], lower: Any, room: Room | None = None) -> tuple[Array, ...]:
        codes, given, blocks = self._codes(architectures)
        count, stem = len(architectures), self._stem
        most = 1 + count * (len(stem[0]) + k.LAYERS_A_BLOCK * (blocks + 1))
        links = count * (len(stem[1]) + (k.EDGES_A_BLOCK + 4 * blocks) * (blocks + 1))
        layers, edges, starts, marks = (room or Room()).arrays(most, links)
        offsets, work = np.empty(count + 1, dtype=np.int64), np.empty((count, 2))
        state = np.zeros((blocks + 1, k.STATE_COLUMNS))
        lower(codes, given, stem, (layers, edges, starts, marks), offsets, work, state, np.zeros(3, dtype=np.int64))
        end = int(offsets[-1])
        return layers[:end], edges[: int(starts[end])], starts[: end + 1], marks[:end], offsets, work

    def _codes(self, architectures: Sequence[Architecture]) -> tuple[Array, Array, int]:
        if not architectures:
            return np.zeros((0, 1, CODE_WORDS), dtype=np.int64), np.zeros(8), 1
        first = architectures[0]
        alike = (len(first), first.use_layernorm, first.balanced)
        for one in architectures:
            if (len(one.blocks), one.use_layernorm, one.balanced) != alike:
                raise InputError("architectures lowered together agree in blocks, use_layernorm and balanced")
            if not one.single:
                raise InputError("a block with several operators of a kind is a path of a supernet, not a network")
        sizes(first, self.inputs)  # refuses an embedding that the heads do not divide
        text = b"".join([block.code for one in architectures for block in one.blocks])
        codes = np.frombuffer(text, dtype="<i8").reshape(len(architectures), len(first), CODE_WORDS)
        given = np.array((*self._given, first.use_layernorm, first.balanced, self._order), dtype=np.float64)
        return codes, given, len(first)


def _layer(name: str, op: str, row: Array, edges: Array) -> Layer:
    kind = KINDS[int(row[c.L_KIND])]
    outputs, vector = int(row[c.L_OUTPUTS]), int(row[c.L_VECTOR_OPS])
    return Layer(
        name,
        op,
        kind,
        tuple(Edge(int(e[0]), int(e[1]), float(e[2]), float(e[3])) for e in edges),
        groups=int(row[c.L_GROUPS]),
        rows=int(row[c.L_ROWS]),
        cols=int(row[c.L_COLS]),
        vectors=int(row[c.L_VECTORS]),
        weight_elements=int(row[c.L_WEIGHTS]),
        bias_elements=vector if kind is Kind.MVM else 0,
        input_elements=int(row[c.L_INPUTS]),
        fetched_elements=int(row[c.L_FETCHED]),
        output_elements=outputs,
        vector_ops=vector,
        special_ops=int(row[c.L_SPECIAL_OPS]),
        unit=UNITS[float(row[c.L_UNIT])],
    )
