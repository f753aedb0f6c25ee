"""ONNX file -> `Workload`: `load_model` reads, binds and lowers; `lower` does the last step for a `Graph` at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING

from pimsim.graph.collector import collector_paused

if TYPE_CHECKING:
    from pimsim.graph.workload import Workload

__all__ = ["load_model"]


def load_model(
    path: str | PathLike[str],
    *,
    batch: int | None = None,
    dims: Mapping[str, int] | None = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
    trips: int | None = None,
    branch: str | None = None,
    unknown_ops: str = "error",
) -> Workload:
    """The workload of the ONNX file at `path`, counts per inference.

    batch, dims, shapes: bind dynamic dimensions (the first of every input; by name; whole inputs by name).
    trips: executions of loops whose count the model does not fix. branch: "then" or "else" for If nodes whose
    condition depends on data (None: the dearer one). unknown_ops: "error", "digital" (one operation for each output
    element), "skip" (no cost) or "list" (named in `Workload.nodes`, with what cannot be shaped behind them:
    to look at a model, not to price it). Raises `pimsim.errors.InputError` for a file that cannot be read or counted.
    """
    from pimsim.graph.lowering import lower
    from pimsim.graph.reader import read_graph

    with collector_paused():
        graph = read_graph(path, batch=batch, dims=dims, shapes=shapes, trips=trips, branch=branch)
        return lower(graph, trips=trips, branch=branch, unknown_ops=unknown_ops)
