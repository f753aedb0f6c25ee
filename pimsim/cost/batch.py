"""Networks x hardware points in one pass over arrays: what sweeps, tables and search loops call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np

from pimsim.components import prices
from pimsim.components.process import View
from pimsim.cost import fused
from pimsim.cost.evaluator import too_small
from pimsim.cost.exact import exact
from pimsim.cost.machine import price_row
from pimsim.cost.networks import Networks, networks_of, shares_weights, with_bits
from pimsim.cost.points import LAYERS, Group, Points, layer_target
from pimsim.cost.table import FIGURES, Table, chosen_columns
from pimsim.errors import InputError
from pimsim.graph.workload import Workload
from pimsim.hardware.schema import Hardware
from pimsim.jit import Function, compiled
from pimsim.mapping import columns as c
from pimsim.mapping.point import point_row

Array = np.ndarray[Any, Any]
Measure = Callable[[Workload, Hardware], Workload]

CHUNK_ROWS = 2048
"""Points that are priced at a time: their rows stay in the cache of a core."""

DENSITY_PATHS = frozenset(("crossbar.signed", "crossbar.cell.bits", "precision.weight_bits"))
"""What the stored levels of a model's weights depend on, beside bits of layers."""


def evaluate(
    workloads: Any,
    points: Points,
    *,
    pairs: bool = False,
    columns: Sequence[str] | None = None,
    measure: Measure | None = None,
) -> Table:
    """The figures of `workloads` (one, a list of them, or `Networks`) on `points`: a row each, all of the first network
    before all of the second, or, with `pairs`, the i-th network on the i-th point.

    columns: names of the figures to keep; all of `pimsim.cost.table.COLUMNS` when None. measure: gives a workload the
    densities that its weights have on a hardware; it is asked once for each group of points that agree in what it may
    depend on. A point that breaks a rule of the schema, or whose chips are too few, has NaN in its figures and the
    reason in the column `error`. Raises InputError for unknown columns, and for pairs of unequal number.
    """
    names = chosen_columns(columns)
    networks = networks_of(workloads)
    if pairs and len(networks) != len(points):
        raise InputError(f"pairs: {len(networks):,} networks and {len(points):,} points; give as many of each")
    count = len(points) if pairs else len(networks) * len(points)
    kept = np.array([FIGURES.index(name) for name in names if name in FIGURES], dtype=np.int64)
    out = np.full((len(kept), count), np.nan)
    errors = np.full(count, "", dtype=object)
    run = _Run(networks, points, pairs, kept, out, errors, measure)
    for group in points.groups(run.whole):
        run.group(group)
    every = np.arange(count)
    known: dict[str, Array] = {
        "workload": every if pairs else every // max(1, len(points)),
        "point": every if pairs else every % max(1, len(points)),
        "error": errors,
    }
    figures = dict(zip((name for name in names if name in FIGURES), out, strict=True))
    return Table({name: known[name] if name in known else figures[name] for name in names})


class _Run:
    """One call of `evaluate`: where results go, and what is the same for all groups."""

    def __init__(
        self, networks: Networks, points: Points, pairs: bool, kept: Array, out: Array, errors: Array,
        measure: Measure | None,
    ):  # fmt: skip
        self.networks, self.points, self.pairs, self.kept = networks, points, pairs, kept
        self.out, self.errors = out, errors
        known = networks.workloads
        self.measure = measure if any(one.source for one in known) else None
        layers = frozenset(path for path in points.paths if path.startswith(LAYERS))
        if layers and not known:
            raise InputError("bits of layers go by the layers' names: give workloads, not packed arrays")
        own = layers if shares_weights(known) and layers else frozenset()
        self.whole = DENSITY_PATHS | layers if self.measure else own
        self.failed = points.errors

    def group(self, group: Group) -> None:
        """Evaluate the points of one group."""
        index = group.index
        if self.failed:
            good = np.array([i not in self.failed for i in index.tolist()], dtype=bool)
            for i in index[~good].tolist():
                self._fail(i, self.failed[i])
            index, numbers = index[good], {path: values[good] for path, values in group.numbers.items()}
        else:
            numbers = group.numbers
        if not len(index):
            return
        try:
            machine = self.points.hardware(int(index[0]))
        except InputError as fault:
            if len(index) == 1 or not numbers:
                for i in index.tolist():
                    self._fail(i, "; ".join(fault.problems))
                return
            for at, _ in enumerate(index.tolist()):  # a rule that is not known over arrays
                self.group(Group(index[at : at + 1], {**group.words, **self._at(numbers, at)}, {}))
            return
        networks, layer_columns = self._networks(group, numbers, machine)
        for first in range(0, len(index), CHUNK_ROWS):
            part = slice(first, first + CHUNK_ROWS)
            chunk = {path: values[part] for path, values in numbers.items()}
            rows, price = machine_rows(machine, chunk, len(index[part]), self.points, index[part])
            extra = [chunk[path] for path in layer_columns]
            if extra:
                rows = np.concatenate((rows, np.array(extra, dtype=np.float64).T), axis=1)
            self._rows(networks, machine, index[part], rows, price)

    def _at(self, numbers: dict[str, Array], at: int) -> dict[str, Any]:
        return {path: values[at].item() for path, values in numbers.items()}

    def _networks(
        self, group: Group, numbers: dict[str, Array], machine: Hardware
    ) -> tuple[Networks, list[str]]:
        """The networks as they are on this group, and the paths of the columns that hold bits of layers."""
        paths = [path for path in numbers if path.startswith(LAYERS)]
        fixed = {path: value for path, value in group.words.items() if path.startswith(LAYERS) and value is not None}
        if not (paths or fixed or self.measure):
            return self.networks, []
        bits = {}
        for path in self.points.paths:
            if path in fixed:
                bits[path] = (layer_target(path)[0], int(fixed[path]))
            elif path in paths:
                bits[path] = (layer_target(path)[0], -(c.POINT_COLUMNS + paths.index(path)))
        workloads = with_bits(self.networks.workloads, bits)
        if self.measure:
            workloads = [self.measure(one, machine) for one in workloads]
        return networks_of(workloads), paths

    def _rows(self, networks: Networks, machine: Hardware, index: Array, rows: Array, price: Array) -> None:
        total = len(self.points)
        for w in (None,) if self.pairs else range(len(networks)):
            nets = index if w is None else np.full(len(index), w, dtype=np.int64)
            figures, needed = run_rows(networks, rows, price, nets, np.arange(len(index)))
            at = index if w is None else index + w * total
            self.out[:, at] = figures[:, self.kept].T
            for i in np.flatnonzero(needed).tolist():
                per_chip, chips = rows[i, c.P_CROSSBARS_PER_CHIP], rows[i, c.P_CHIPS]
                self.out[:, at[i]] = np.nan
                self.errors[at[i]] = too_small(needed[i], int(chips), int(per_chip))

    def _fail(self, i: int, reason: str) -> None:
        if self.pairs:
            self.errors[i] = reason
        else:
            self.errors[i :: len(self.points)] = reason


def machine_rows(
    machine: Hardware, numbers: dict[str, Array], count: int, points: Points, index: Array
) -> tuple[Array, Array]:
    """Rows of points (P_*) and of prices (`fused.PRICE_*`) of `machine` with the settings `numbers` (one number a
    point) in it."""
    rows, price = np.empty((count, c.POINT_COLUMNS)), np.empty((count, fused.PRICE_COLUMNS))
    settings = {path: values for path, values in numbers.items() if not path.startswith(LAYERS)}
    if not settings:
        view = View(machine)
        rows[:], price[:] = point_row(view), price_row(view, prices(view))
        return rows, price
    if _has_model(machine) or points.given(index[0]):
        for at, i in enumerate(index.tolist()):
            view = View(points.hardware(i))
            rows[at], price[at] = point_row(view), price_row(view, prices(view))
        return rows, price
    with np.errstate(all="ignore"):
        view = View(_with_arrays(machine, {path: exact(values) for path, values in settings.items()}))
        for column, value in enumerate(point_row(view)):
            rows[:, column] = value
        for column, value in enumerate(price_row(view, prices(view))):
            price[:, column] = value
    return rows, price


def _has_model(section: Any) -> bool:
    """Whether a circuit of the hardware has its price from outside: its function may not take arrays."""
    if getattr(section, "model", None) is not None:
        return True
    fields = getattr(type(section), "model_fields", {})
    return any(_has_model(getattr(section, name)) for name in fields)


def _with_arrays(machine: Any, leaves: dict[str, Any]) -> SimpleNamespace:
    """`machine` with arrays at the dotted paths `leaves`; what lies beside them is shared."""
    below: dict[str, dict[str, Any]] = {}
    here = dict(machine.__dict__)
    for path, value in leaves.items():
        key, _, rest = path.partition(".")
        if rest:
            below.setdefault(key, {})[rest] = value
        else:
            here[key] = value
    for key, inner in below.items():
        here[key] = _with_arrays(here[key], inner)
    return SimpleNamespace(**here)


def run_rows(networks: Networks, rows: Array, price: Array, nets: Array, places: Array) -> tuple[Array, Array]:
    """Figures (rows x fused.FIGURE_COLUMNS), and crossbars needed where the chips are too few (else 0), of network
    nets[r] on point places[r]."""
    figures, needed = np.empty((len(nets), fused.FIGURE_COLUMNS)), np.empty(len(nets))
    _kernel()(
        networks.layers, networks.edges, networks.starts, networks.offsets, networks.work, rows, price, nets, places,
        scratch_for(networks.deepest), figures, needed,
    )  # fmt: skip
    return figures, needed


@cache
def _kernel() -> Function:
    return compiled(fused.evaluate_rows, *fused.HELPERS)


def scratch_for(layers: int) -> tuple[Array, ...]:
    """What `fused.evaluate_rows` works in."""
    shapes = (
        (layers, c.MAPPED_COLUMNS), (layers + 2, c.COMPONENT_COLUMNS), (2, layers, c.TIME_COLUMNS),
        (layers, c.QUEUE_COLUMNS), (layers, c.BUSY_COLUMNS), (c.SUMMARY_COLUMNS,), (4,), (c.COMPONENT_COLUMNS,),
    )  # fmt: skip
    return tuple(np.zeros(shape) for shape in shapes)
