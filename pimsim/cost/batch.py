"""Networks x hardware points in one pass over arrays: what sweeps, tables and search loops call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from types import SimpleNamespace
from typing import Any

import numpy as np

from pimsim.components import prices
from pimsim.components.process import View
from pimsim.cost import fused
from pimsim.cost.evaluation import COMPONENTS
from pimsim.cost.evaluator import too_small
from pimsim.cost.exact import exact
from pimsim.cost.intervals import interval, latency_interval, sigmas
from pimsim.cost.machine import price_row
from pimsim.cost.networks import Networks, networks_of, shares_weights, with_bits
from pimsim.cost.points import LAYERS, Group, Points, layer_target
from pimsim.cost.table import FIGURES, INTERVALS, Table, chosen_columns
from pimsim.errors import InputError, printable
from pimsim.graph.workload import Workload
from pimsim.hardware.schema import Hardware
from pimsim.jit import Function, compiled, is_ready
from pimsim.mapping import columns as c
from pimsim.mapping.columns import pack
from pimsim.mapping.lanes import ONE, WIDE
from pimsim.mapping.point import point_row

Array = np.ndarray[Any, Any]
Measure = Callable[[Workload, Hardware], Workload]
Spread = Callable[[], tuple[Array, Array]]
Varied = tuple[Array, Array]
"""Numbers of the rows, of points and of prices, that are not one number throughout."""

NEEDED_BY_INTERVALS = (
    *(f"{name}_energy_pJ" for name in COMPONENTS), *(f"{name}_area_um2" for name in COMPONENTS), "latency_ns",
)  # fmt: skip

CHUNK_ROWS = 8192
"""Points that are priced at a time: enough to hide what a call to NumPy costs."""

WORTH_LANES = 8
"""Points of one network from which on a wide block is sooner than blocks of one."""

WORTH_COMPILING_LAYERS = 30_000
"""Layers on points that take as long without compiler as compiling does."""

BANK_PATHS = frozenset(("memory.kind", "crossbar.cell.kind", "precision.weight_bits"))
"""What the lookups of a model on banks depend on, beside `memory.banks`."""

DENSITY_PATHS = frozenset(("crossbar.signed", "crossbar.cell.bits", "precision.weight_bits"))
"""What the stored levels of a model's weights depend on, beside bits of layers."""


def evaluate(
    workloads: Any,
    points: Points,
    *,
    pairs: bool = False,
    columns: Sequence[str] | None = None,
    measure: Measure | None = None,
    look_up: Measure | None = None,
) -> Table:
    """The figures of `workloads` (one, a list of them, or `Networks`) on `points`: a row each, all of the first network
    before all of the second, or, with `pairs`, the i-th network on the i-th point.

    columns: names of the figures to keep; all of `pimsim.cost.table.COLUMNS` when None. measure: gives a workload the
    densities that its weights have on a hardware; it is asked once for each group of points that agree in what it may
    depend on. look_up: likewise runs its lookups on the banks of the hardware (`memory.lookups`); without it such
    points are refused. A point that breaks a rule of the schema, or whose chips are too few, has NaN in its figures and
    the reason in the column `error`. Raises InputError for unknown columns, and for pairs of unequal number.
    """
    names = chosen_columns(columns)
    networks = networks_of(workloads)
    if pairs and len(networks) != len(points):
        raise InputError(f"pairs: {len(networks):,} networks and {len(points):,} points; give as many of each")
    count = len(points) if pairs else len(networks) * len(points)
    wanted = [name for name in names if name in FIGURES]
    spread = any(name in INTERVALS for name in names)
    kept = [*wanted, *(name for name in NEEDED_BY_INTERVALS if spread)]
    out = np.full((len(wanted), count), np.nan)
    ends = np.full((len(INTERVALS) if spread else 0, count), np.nan)
    errors = np.full(count, "", dtype=object)
    run = _Run(networks, points, pairs, kept, out, ends, errors, measure, look_up)
    for group in points.groups(run.whole):
        run.group(group)
    every = np.arange(count)
    known: dict[str, Array] = {
        "workload": every if pairs else every // max(1, len(points)),
        "point": every if pairs else every % max(1, len(points)),
        "error": errors,
    }
    known.update(zip(wanted, out, strict=True))
    known.update(zip(INTERVALS, ends, strict=False))
    return Table({name: known[name] for name in names})


class _Run:
    """One call of `evaluate`: where results go, and what is the same for all groups."""

    def __init__(
        self, networks: Networks, points: Points, pairs: bool, kept: Sequence[str], out: Array, ends: Array,
        errors: Array, measure: Measure | None, look_up: Measure | None,
    ):  # fmt: skip
        self.networks, self.points, self.pairs = networks, points, pairs
        self.kept = np.array([FIGURES.index(name) for name in kept], dtype=np.int64)
        self.out, self.ends, self.errors = out, ends, errors
        known = networks.workloads
        self.measure = measure if any(one.source for one in known) else None
        self.look_up = look_up if known and looks_up(networks) else None
        layers = frozenset(path for path in points.paths if path.startswith(LAYERS))
        if layers and not known:
            raise InputError("bits of layers go by the layers' names: give workloads, not packed arrays")
        own = layers if layers and shares_weights(known) else frozenset()
        self.whole = DENSITY_PATHS | layers if self.measure else own
        if self.look_up:
            self.whole |= BANK_PATHS | layers | frozenset(one for one in points.paths if one.startswith("memory.banks"))
        if len(ends):  # spreads are those of the words of a group, and of its tolerances
            self.whole |= frozenset(path for path in points.paths if path.endswith(".tolerance"))
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
        alone = _takes_no_arrays(machine, numbers, self.points, index)
        room = min(len(index), CHUNK_ROWS)
        arrays = np.empty((c.POINT_COLUMNS, room)), np.empty((fused.PRICE_COLUMNS, room))
        for first in range(0, len(index), CHUNK_ROWS):
            part = slice(first, first + CHUNK_ROWS)
            chunk = {path: values[part] for path, values in numbers.items()}
            rows, price = (array[:, : len(index[part])] for array in arrays)
            if alone:
                varied, spread = _single_rows(self.points, index[part], rows, price)
            else:
                varied, spread = _array_rows(machine, chunk, rows, price)
            extra = [chunk[path] for path in layer_columns]
            if extra:
                rows = np.concatenate((rows, np.array(extra, dtype=np.float64)))
                varied = np.concatenate((varied[0], np.arange(c.POINT_COLUMNS, len(rows)))), varied[1]
            self._rows(networks, index[part], rows, price, varied, spread)

    def _at(self, numbers: dict[str, Array], at: int) -> dict[str, Any]:
        return {path: values[at].item() for path, values in numbers.items()}

    def _networks(
        self, group: Group, numbers: dict[str, Array], machine: Hardware
    ) -> tuple[Networks, list[str]]:
        """The networks as they are on this group, and the paths of the columns that hold bits of layers."""
        paths = [path for path in numbers if path.startswith(LAYERS)]
        fixed = {path: value for path, value in group.words.items() if path.startswith(LAYERS) and value is not None}
        banks = machine.memory.lookups == "banks"
        if banks and self.look_up is None and looks_up(self.networks):
            raise InputError(
                f"{printable(machine.name, 60)}: lookups on memory.banks need the model itself (workloads for "
                "pimsim.evaluate), or pimsim.memory.lookups.with_lookups before it is packed; "
                "memory.lookups=bandwidth does without"
            )
        if not (paths or fixed or self.measure or (banks and self.look_up)):
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
        if self.look_up and banks:
            workloads = [self.look_up(one, machine) for one in workloads]
        return networks_of(workloads), paths

    def _rows(
        self, networks: Networks, index: Array, rows: Array, price: Array, varied: Varied, spread: Spread
    ) -> None:
        """Evaluate points that stand in the columns of `rows` and `price`."""
        total = len(self.points)
        for of, places in self._runs(len(networks), index):
            at = index[places] + (0 if self.pairs else of * total)
            figures, needed = run_rows(networks, rows, price, varied, of, places, self.kept)
            self.out[:, at] = figures[: len(self.out)]
            if len(self.ends):
                self.ends[:, at] = _ends(figures[len(self.out) :], *spread())
            for i in np.flatnonzero(needed).tolist():
                per_chip, chips = rows[[c.P_CROSSBARS_PER_CHIP, c.P_CHIPS], places[i]].tolist()
                self.out[:, at[i]] = self.ends[:, at[i]] = np.nan
                self.errors[at[i]] = too_small(needed[i], int(chips), int(per_chip))

    def _runs(self, networks: int, index: Array) -> Iterator[tuple[Array, Array]]:
        """(network, which of the points `index`) of each row: pairs, a network on all points where these fill blocks,
        or as many networks at a time as points are in a chunk."""
        count = len(index)
        every = np.arange(count)
        if self.pairs:
            yield index, every
            return
        step = 1 if count >= WORTH_LANES else CHUNK_ROWS // count
        for first in range(0, networks, step):
            some = np.arange(first, min(first + step, networks))
            yield np.repeat(some, count), np.tile(every, len(some))

    def _fail(self, i: int, reason: str) -> None:
        if self.pairs:
            self.errors[i] = reason
        else:
            self.errors[i :: len(self.points)] = reason


def looks_up(networks: Networks) -> bool:
    """Whether there are lookups that have not been run on a memory."""
    rows = networks.layers
    return bool(((rows[:, c.L_KIND] == c.LOOKUP) & (rows[:, c.L_BANKS] == 0.0)).any())


def _ends(figures: Array, energy_sigma: Array, area_sigma: Array) -> Array:
    """Rows INTERVALS from the rows NEEDED_BY_INTERVALS."""
    parts = len(COMPONENTS)
    energy, area, latency = figures[:parts], figures[parts:-1], figures[-1]
    return np.array((*interval(energy, energy_sigma), *latency_interval(latency), *interval(area, area_sigma)))


def _takes_no_arrays(machine: Hardware, numbers: dict[str, Array], points: Points, index: Array) -> bool:
    """Whether the points of a group are to be priced one by one."""
    varies = any(not path.startswith(LAYERS) for path in numbers)
    return varies and (_has_model(machine) or points.given(index[0]))


def _single_rows(points: Points, index: Array, rows: Array, price: Array) -> tuple[Varied, Spread]:
    """As `_array_rows`, of points one by one."""
    for at, i in enumerate(index.tolist()):
        view = View(points.hardware(i))
        priced = prices(view)
        rows[:, at], price[:, at] = point_row(view), price_row(view, priced)
    return (np.arange(len(rows)), np.arange(len(price))), partial(sigmas, view, priced)


def _array_rows(machine: Hardware, numbers: dict[str, Array], rows: Array, price: Array) -> tuple[Varied, Spread]:
    """Fill the columns of points (rows P_*) and of prices (rows `fused.PRICE_*`) of `machine` with the settings
    `numbers` (one number a point) in it. Returns which rows vary, and what gives the deviations of energies and areas,
    one a component."""
    with np.errstate(all="ignore"):
        varied = {path: exact(values) for path, values in numbers.items() if not path.startswith(LAYERS)}
        view = View(_with_arrays(machine, varied) if varied else machine)
        of_point = _fill(rows, point_row(view))
        priced = prices(view)
        of_price = _fill(price, price_row(view, priced))
    return (of_point, of_price), partial(sigmas, view, priced)


def _fill(rows: Array, values: Sequence[Any]) -> Array:
    """Set each row to its value, a number or an array. Returns the numbers of the rows that got arrays."""
    for row, value in zip(rows, values, strict=True):
        row[:] = value
    return np.array([k for k, value in enumerate(values) if isinstance(value, np.ndarray)], dtype=np.int64)


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


def run_rows(
    networks: Networks, rows: Array, price: Array, varied: Varied, of: Array, places: Array, kept: Array
) -> tuple[Array, Array]:
    """Figures `kept` (rows) of network of[r] on the point in column places[r], and crossbars needed where the chips are
    too few (else 0)."""
    results, needed = np.empty((len(kept), len(of))), np.empty(len(of))
    if not _worth_compiling(networks, len(of)):
        _run_plain(networks, rows, price, of, places, kept, results, needed)
        return results, needed
    lanes = WIDE if len(of) >= WORTH_LANES and bool((of == of[0]).all()) else ONE
    width = len(lanes)
    first = places[0]
    block = np.repeat(rows[:, first], width), np.repeat(price[:, first], width), np.zeros(width * fused.FIGURE_COLUMNS)
    scratch = tuple(map(np.zeros, fused.scratch_shapes(lanes, networks.deepest, detail=False)))
    given = networks.layers.ravel(), networks.edges.ravel(), networks.starts
    _kernel()(
        lanes, given, networks.offsets, networks.work, rows, price, varied, of, places, block, scratch, kept, results,
        needed,
    )  # fmt: skip
    return results, needed


def _worth_compiling(networks: Networks, rows: int) -> bool:
    """Whether the kernel is compiled already, or so many layers of the model have been evaluated without it that
    compiling pays; a first small sweep is over before a compiler would be."""
    if not networks.workloads or is_ready(fused.evaluate_rows, *fused.HELPERS):
        return True
    packed = pack(networks.workloads[0])
    packed.evaluated += rows * networks.deepest
    return packed.evaluated > WORTH_COMPILING_LAYERS


def _run_plain(
    networks: Networks, rows: Array, price: Array, of: Array, places: Array, kept: Array, results: Array, needed: Array
) -> None:
    """What `fused.evaluate_rows` does, by the plain functions."""
    given = networks.layers.ravel().tolist(), networks.edges.ravel().tolist(), networks.starts.tolist()
    offsets, work, out = networks.offsets.tolist(), networks.work.tolist(), [0.0] * fused.FIGURE_COLUMNS
    scratch = tuple([0.0] * length for length in fused.scratch_shapes(ONE, networks.deepest, detail=False))
    whole = scratch[5]
    for r, (w, place) in enumerate(zip(of.tolist(), places.tolist(), strict=True)):
        point, cost = rows[:, place].tolist(), price[:, place].tolist()
        base, n = offsets[w], offsets[w + 1] - offsets[w]
        fused.evaluate_block(ONE, given, base, n, work[w], point, cost, scratch, False, True, out)
        fits = whole[c.S_NEEDED] <= whole[c.S_CROSSBARS_TOTAL] or point[c.P_SPILL] > 0.0
        results[:, r], needed[r] = [out[k] for k in kept], 0.0 if fits else whole[c.S_NEEDED]


@cache
def _kernel() -> Function:
    return compiled(fused.evaluate_rows, *fused.HELPERS)
