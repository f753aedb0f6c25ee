"""Points of a space -> rows of a table: what a worker does with a piece of a sweep."""

from __future__ import annotations

import glob
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pimsim.cost.points import Points
from pimsim.cost.table import BY_COMPONENT, INTERVALS, TOTALS, Table
from pimsim.engine import evaluate
from pimsim.errors import InputError, printable
from pimsim.explore.combined import combine
from pimsim.explore.parquet_file import encoded
from pimsim.explore.space import Space, is_layer_path, layer_target
from pimsim.functional.operands import KEPT
from pimsim.graph.workload import Workload
from pimsim.hardware.suggest import nearest

ALL = "all"
KNOWN = (*TOTALS, *INTERVALS, *BY_COMPONENT)
"""Figures of a sweep, in their order."""

Array = Any


@dataclass(frozen=True)
class Setup:
    """What all pieces of a sweep share. columns: the figures asked for. names: one name a model."""

    space: Space
    workloads: tuple[Workload, ...]
    names: tuple[str, ...]
    columns: tuple[str, ...]
    operands: str

    def __getstate__(self) -> dict[str, Any]:
        """Without what is derived from the layers, which a worker makes again."""
        light = tuple(
            replace(workload, cache={key: workload.cache[key] for key in KEPT if key in workload.cache})
            for workload in self.workloads
        )
        return {**self.__dict__, "workloads": light}


@dataclass(frozen=True)
class Piece:
    """Points start to stop: of the enumeration, or `codes` (those of a sample, numbered from `start`)."""

    start: int
    stop: int
    codes: Array | None = None


def figure_columns(columns: Sequence[str] | str | None) -> tuple[str, ...]:
    """The figures of a sweep: those named, all ("all": intervals and every component too), or the totals (None).

    Raises InputError for an unknown name.
    """
    if columns is None:
        return TOTALS
    if columns == ALL or tuple(columns) == (ALL,):
        return KNOWN
    names = [columns] if isinstance(columns, str) else list(columns)
    for name in names:
        if name not in KNOWN:
            near = nearest(name, KNOWN)
            hint = f"did you mean '{near}'?" if near else f"figures are {', '.join(TOTALS)}, or 'all'"
            raise InputError(f"no figure '{printable(name, 60)}'; {hint}")
    return tuple(name for name in KNOWN if name in names)


def evaluate_piece(task: Piece, shared: Setup) -> bytes:
    """The rows of a piece as a parquet file."""
    return encoded(rows_of(task, shared))


def rows_of(piece: Piece, setup: Setup) -> Table:
    """The rows of a piece: `point`, knobs, figures, `error`. Points that constraints rule out have none."""
    space = setup.space
    if piece.codes is None:
        codes = space.codes(piece.start, piece.stop)
        numbers = np.arange(piece.start, piece.start + len(codes), dtype=np.int64)
    else:
        codes = piece.codes
        numbered = is_numbered(space)
        numbers = space.numbers(codes) if numbered else np.arange(piece.start, piece.stop, dtype=np.int64)
    keep = space.allowed(codes)
    codes, numbers = codes[keep], numbers[keep]
    knobs = space.columns(codes)
    figures = tolerant(
        lambda at: _figures(setup, {path: column[at] for path, column in knobs.items()}),
        len(codes),
        lambda text: _failed(setup, text),
    )
    error = figures.pop("error")
    return Table({"point": numbers, **knobs, **figures, "error": error})


def no_rows(setup: Setup) -> Table:
    """The table of a sweep before any point is computed."""
    return rows_of(Piece(0, 0, np.empty((0, len(setup.space.knobs)), dtype=np.int32)), setup)


def warm_up(setup: Setup) -> None:
    """Evaluate a point, so that kernels are compiled before workers all do so, and before time is taken. It is there
    twice: arrays of one row have a layout of their own."""
    first = setup.space.columns(np.zeros((2, len(setup.space.knobs)), dtype=np.int32))
    with suppress(Exception):  # a fault is told by the sweep itself
        _figures(setup, first)


def is_numbered(space: Space) -> bool:
    """Whether `point` is a number in the enumeration; in larger spaces it counts the sample."""
    return space.size <= 2**62


def tolerant(
    compute: Callable[[slice], dict[str, Array]], count: int, failed: Callable[[str], dict[str, Array]]
) -> dict[str, Array]:
    """`compute` over `count` points. Where it fails as a whole, points are computed in halves until those are found
    that it fails on; each of them is what `failed` makes of the fault. InputError (a fault of the whole) passes."""
    waiting, done = [(0, count)], []
    while waiting:
        start, stop = waiting.pop()
        try:
            done.append(compute(slice(start, stop)))
        except InputError:
            raise
        except Exception as fault:  # recorded with the point that it belongs to
            if stop - start > 1:
                middle = (start + stop) // 2
                waiting += [(middle, stop), (start, middle)]
            elif count == 0:
                raise
            else:
                done.append(failed(f"{type(fault).__name__}: {printable(fault, 200)}"))
    return {name: np.concatenate([part[name] for part in done]) for name in done[0]}


def _failed(setup: Setup, text: str) -> dict[str, Array]:
    """The figures of one point that could not be computed."""
    nothing: dict[str, Array] = {name: np.full(1, np.nan) for name in needed(setup)}
    nothing["error"] = np.array([""], dtype=object)
    figures = combine([nothing for _ in setup.names], setup.names, setup.columns)
    return {**figures, "error": np.array([text], dtype=object)}


def _figures(setup: Setup, settings: dict[str, Array]) -> dict[str, Array]:
    """Figure -> value at each point, and `error`."""
    points = Points(setup.space.base, layer_settings(settings, setup.workloads))
    table = evaluate(list(setup.workloads), points, columns=list(needed(setup)), operands=setup.operands)
    count = len(points)
    models = [
        {name: table[name][at * count : (at + 1) * count] for name in (*needed(setup), "error")}
        for at in range(len(setup.workloads))
    ]
    return combine(models, setup.names, setup.columns)


def needed(setup: Setup) -> tuple[str, ...]:
    """What the evaluator is asked for: the columns, and with several models what ratios are made of."""
    if len(setup.workloads) == 1:
        return setup.columns
    parts = {"energy_pJ", "interval_ns", "area_um2", "macs", "ops"}
    return tuple(name for name in KNOWN if name in parts or name in setup.columns)


def layer_settings(settings: dict[str, Array], workloads: Sequence[Workload]) -> dict[str, Array]:
    """`operators.OP.weight_bits` as bits of the layers with that operator; everything else as it is.

    Raises InputError for a pattern or operator that no layer of any model has.
    """
    found: dict[str, Array] = {}
    layers = [layer for workload in workloads for layer in workload.layers]
    for path, values in settings.items():
        if not path.startswith("operators."):
            found[path] = values
            continue
        _, operator, bits = layer_target(path)
        names = dict.fromkeys(layer.name for layer in layers if layer.op == operator)
        if not names:
            operators = ", ".join(dict.fromkeys(printable(layer.op, 30) for layer in layers))
            raise InputError(f"{printable(path, 80)}: no model has this operator; operators are {operators[:300]}")
        found.update((f"layers.{glob.escape(name)}.{bits}", values) for name in names)
    return found


def check_layers(space: Space, workloads: Sequence[Workload]) -> None:
    """Raises InputError for a knob of layers that matches none, before anything is computed."""
    from fnmatch import fnmatchcase

    layers = [layer for workload in workloads for layer in workload.layers]
    for path in space.paths:
        if path.startswith("operators."):
            layer_settings({path: np.zeros(1)}, workloads)
        elif is_layer_path(path):
            pattern = layer_target(path)[1]
            if not any(fnmatchcase(layer.name, pattern) for layer in layers):
                names = ", ".join([printable(layer.name, 40) for layer in layers[:8]] + ["..."] * (len(layers) > 8))
                raise InputError(f"{printable(path, 80)}: no layer matches; layers are {names}")
