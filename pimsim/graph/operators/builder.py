"""The workload that grows while a graph is walked, and the names that are visible on the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pimsim.errors import InputError, printable
from pimsim.graph.nodes import Node
from pimsim.graph.operators.streaming import Flow
from pimsim.graph.workload import LARGEST_COUNT, Layer, NodeTreatment

MOST_NOTES = 20
"""Statements about single nodes that a workload carries."""

REPORTED = "reported"
"""Treatment of a node whose line is written already."""

DEEPEST_NESTING = 50
"""Subgraphs inside subgraphs that are followed; real models have at most a handful."""


class Scope:
    """Names visible in a (sub)graph: its own first, then those of the graphs around it."""

    __slots__ = ("flows", "nodes", "outer")

    def __init__(self, outer: Scope | None = None):
        self.flows: dict[str, Flow] = {}
        self.nodes: tuple[Node, ...] = ()  # of the graph that is walked
        self.outer = outer

    def find(self, name: str) -> Flow | None:
        """The flow of `name`, or None when nothing visible produces it."""
        scope: Scope | None = self
        while scope is not None:
            flow = scope.flows.get(name)
            if flow is not None:
                return flow
            scope = scope.outer
        return None


class Builder:
    """A workload under construction. `trips` and `steps` are those of the loops around the present node."""

    def __init__(
        self, handlers: Mapping[str, Any], *, trips: int | None, branch: str | None, unknown_ops: str = "error"
    ):
        self.handlers = handlers
        self.default_trips = trips
        self.branch = branch
        self.unknown_ops = unknown_ops
        self.layers: list[Layer] = []
        self.treatments: list[NodeTreatment] = []
        self.notes: dict[str, None] = {}
        self.unknown: dict[str, tuple[int, str]] = {}
        self.unshaped: set[str] = set()  # listing: values that come from an operator that is not known
        self.trips = 1
        self.prefix = ""
        self.depth = 0
        self.names: dict[str, int] = {}

    def unique(self, name: str) -> str:
        """`name`, or `name` with a number when it is taken."""
        count = self.names.get(name)
        if count is None:
            self.names[name] = 1
            return name
        while True:
            count += 1
            candidate = f"{name}_{count}"
            if candidate not in self.names:
                self.names[name] = count
                self.names[candidate] = 1
                return candidate

    def remark(self, text: str) -> None:
        """Adds a statement for the user to the workload's notes, up to MOST_NOTES."""
        if len(self.notes) < MOST_NOTES:
            self.notes[text] = None
        else:
            self.notes["further statements of this kind are left out; `pimsim ops` has one line for each node"] = None

    def add(self, layer_name: str, values: dict[str, Any], node: Node) -> int:
        """Appends a layer with its counts multiplied by the trips of the loops around it; returns its index."""
        trips = self.trips
        if trips != 1:
            for key in MULTIPLIED:
                if key in values:
                    values[key] *= trips
            if values.get("groups"):
                values["serial_steps"] = values.get("serial_steps", 1) * trips
        layer = Layer(name=self.unique(self.prefix + layer_name), **values)
        if max([layer.ops, *[values[key] for key in values if key in CHECKED]]) > LARGEST_COUNT:
            raise InputError(
                f"{printable(node.place or node.name)}: {printable(node.op)}: the layer '{printable(layer.name)}' "
                "counts more than 2**53 operations or elements, more than can be counted exactly; "
                "check the dimensions of the model (--dim, --shape, --batch, --trips)"
            )
        self.layers.append(layer)
        return len(self.layers) - 1


CHECKED = frozenset((
    "input_elements", "fetched_elements", "output_elements", "weight_elements", "bias_elements", "serial_steps",
    "lookups", "table_rows",
))  # fmt: skip
"""Counts that must be exact besides the operations (which hold the products of a layer's dimensions)."""

MULTIPLIED = (
    "vectors", "input_elements", "fetched_elements", "output_elements", "vector_ops", "special_ops", "pool_ops",
    "lookups",
)  # fmt: skip
"""Counts that grow with every trip of a loop; `bias_elements`, weights and tables are there once."""
