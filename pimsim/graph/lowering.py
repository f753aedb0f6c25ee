"""The untangled graph -> `Workload`: every node becomes layers, or nothing, and one line for `pimsim ops`."""

from __future__ import annotations

from pimsim.errors import InputError, printable
from pimsim.graph.nodes import Graph, Tensor
from pimsim.graph.operators import HANDLERS
from pimsim.graph.operators.builder import Builder, Scope
from pimsim.graph.operators.streaming import model_input
from pimsim.graph.operators.walking import walk
from pimsim.graph.workload import Kind, Workload

UNKNOWN_OPS = ("error", "digital", "skip")
LISTING = "list"
"""`unknown_ops` for `pimsim ops`: nothing unknown is an error, and no cost may be taken from the result."""
BRANCHES = (None, "then", "else")
MOST_LINES = 20
"""Lines of one error about unknown operators."""


def lower(graph: Graph, *, trips: int | None = None, branch: str | None = None, unknown_ops: str = "error") -> Workload:
    """The workload of `graph`, counts per inference.

    trips: executions of loops whose count the model does not fix. branch: "then" or "else" for If nodes whose
    condition depends on data (None: the dearer one). unknown_ops: "error", "digital" (one operation for each output
    element), "skip", or "list": unknown operators are named in `Workload.nodes` and what cannot be shaped behind them
    stands there as "unknown shape" (to be shown, not to be priced).
    Raises InputError on everything that cannot be counted.
    """
    _check_options(trips, branch, unknown_ops)
    builder = Builder(HANDLERS, trips=trips, branch=branch, unknown_ops=unknown_ops)
    scope = Scope()
    for tensor in graph.inputs:
        if tensor.constant is None:
            scope.flows[tensor.name] = model_input(None if tensor.shape is None else tensor.elements)
    try:
        walk(builder, graph, scope)
    except InputError as error:
        if builder.unknown and unknown_ops != LISTING:
            raise _unknown_error(builder, graph, error.problems) from error
        if not graph.source:
            raise
        raise InputError(f"{printable(graph.source)}: {error.problems[0]}", more=error.problems[1:]) from error
    if builder.unknown and unknown_ops != LISTING:
        raise _unknown_error(builder, graph, ())
    return Workload(
        name=graph.name,
        layers=tuple(builder.layers),
        nodes=tuple(builder.treatments),
        notes=(*graph.notes, *builder.notes, *_closing_notes(builder)),
        input_elements=sum(t.elements for t in graph.inputs if t.constant is None),
        output_elements=sum(_elements(scope, t) for t in graph.outputs),
        source=graph.source,
        opset=graph.opset,
    )


def _elements(scope: Scope, tensor: Tensor) -> int:
    """Elements of an output, or of what produces it when its own shape is not known."""
    if tensor.shape is not None:
        return tensor.elements
    flow = scope.find(tensor.name)
    return 0 if flow is None else flow.elements or 0


def _check_options(trips: int | None, branch: str | None, unknown_ops: str) -> None:
    if unknown_ops not in (*UNKNOWN_OPS, LISTING):
        raise InputError(f"unknown_ops is {printable(repr(unknown_ops))}; allowed: {', '.join(UNKNOWN_OPS)}")
    if branch not in BRANCHES:
        raise InputError(f"branch is {printable(repr(branch))}; allowed: then, else")
    if trips is not None and (isinstance(trips, bool) or not isinstance(trips, int) or trips < 0):
        raise InputError(f"trips is {printable(repr(trips))}; a whole number of at least 0 is needed")


def _unknown_error(builder: Builder, graph: Graph, more: tuple[str, ...]) -> InputError:
    """One error for all operators that no table knows: a line a type, then the ways out."""
    lines = [
        f"{printable(place)}: the operator {printable(op)} is not known"
        + (f" ({count} nodes of this type; this is the first)" if count > 1 else "")
        for op, (count, place) in builder.unknown.items()
    ]
    hidden = len(lines) - MOST_LINES
    if hidden > 0:
        lines = [*lines[:MOST_LINES], f"and {hidden} more types"]
    ways = (
        "ways out: --unknown-ops digital (one digital operation for each output element), "
        "--unknown-ops skip (no cost), or export the model without these operators"
    )
    where = f"{printable(graph.source)}: " if graph.source else ""
    return InputError(where + lines[0], more=(*lines[1:], *more, ways))


def _closing_notes(builder: Builder) -> tuple[str, ...]:
    notes = []
    if not any(layer.kind in (Kind.MVM, Kind.DYNAMIC) for layer in builder.layers):
        notes.append(
            "no matrix product in this graph: nothing runs on crossbars, and its cost is that of digital units, "
            "look-ups and data movement alone"
        )
    skipped = sum(t.treatment == "skipped" and t.count > 0 for t in builder.treatments)
    if skipped and builder.unknown_ops == "skip":
        notes.append(f"{skipped} nodes of unknown operators were left out of the cost (--unknown-ops skip)")
    return tuple(notes)
