"""A lookup table over (operator, shape choice, hardware point), and networks put together from it.

    table = lookup_table(choices, [hardware, ...])
    figures = table.compose(architectures, points)      # arrays of indices in, arrays of figures out
    table.save("space.table"); table = LookupTable.load("space.table")
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np

from pimsim.cost import compose as composing
from pimsim.cost import compose_single as single
from pimsim.cost import rows as k
from pimsim.cost.array_file import read_arrays, write_arrays
from pimsim.cost.entries import Array, Walks, Whole, check_walks, price_rows, walks
from pimsim.cost.shapes import Choices
from pimsim.errors import InputError, printable
from pimsim.hardware.load import load_hardware
from pimsim.hardware.schema import Hardware
from pimsim.jit import compiled
from pimsim.mapping.columns import BUSY_COLUMNS

FORMAT = "pimsim-lookup-2"
WALK_ARRAYS = ("starts", "widths", "entries", "layers", "edges", "spans")
WORTH_COMPILING = 2_000
"""Networks of one call from which the compiled kernel is used; it takes a second to make, once."""

MOST_SETTLED = 1 << 26
"""Numbers (half a GB) that entries may take when they are settled beforehand."""


@dataclass(frozen=True)
class Figures:
    """Figures of a batch of networks, one entry a network. Those that do not fit have `fits` False and infinite
    figures. Energy in pJ, time in ns, area in um2."""

    rows: Array  # networks x OUTPUTS of `pimsim.cost.rows`

    @property
    def energy_pJ(self) -> Array:
        """Dynamic and static energy of one inference."""
        return self.energy_dynamic_pJ + self.energy_static_pJ

    @property
    def energy_dynamic_pJ(self) -> Array:
        """Counts x prices."""
        return self.rows[:, k.O_DYNAMIC_PJ]

    @property
    def energy_static_pJ(self) -> Array:
        """Leakage of all chips, and standby of the memory that rows are looked up in, x interval."""
        return self.rows[:, k.O_STATIC_PJ]

    @property
    def latency_ns(self) -> Array:
        """From the first input to the last output."""
        return self.rows[:, k.O_LATENCY_NS]

    @property
    def interval_ns(self) -> Array:
        """Between two inferences in a stream."""
        return self.rows[:, k.O_INTERVAL_NS]

    @property
    def area_um2(self) -> Array:
        """Of all chips, tables on them included."""
        return self.rows[:, k.O_AREA_UM2]

    @property
    def crossbars(self) -> Array:
        """Used, all copies."""
        return self.rows[:, k.O_CROSSBARS]

    @property
    def crossbars_needed(self) -> Array:
        """With one copy of everything."""
        return self.rows[:, k.O_NEEDED]

    @property
    def chips(self) -> Array:
        """Chips."""
        return self.rows[:, k.O_CHIPS]

    @property
    def fits(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Whether one copy of the network stays on its chips. One that does not is refused by the simulator
        (`capacity: chips` with a fixed number), or runs by rewriting (`capacity: spill`), which no table holds."""
        return np.equal(self.rows[:, k.O_STATUS], k.FITS)


@dataclass(frozen=True, eq=False)
class LookupTable:
    """The parts of a choice space on some hardware points. Make it with `lookup_table`, or `load` it."""

    name: str
    points: tuple[str, ...]  # names of the hardware points
    walk: Walks
    prices: Array  # points x distinct layers x V_*
    ways: Array  # points x edges x W_*
    hardware: Array  # points x Z_*

    @property
    def widths(self) -> tuple[int, ...]:
        """Choices of each block."""
        return tuple(int(x) for x in self.walk.widths)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(array.nbytes for array in self._arrays().values())

    def compose(
        self, architectures: Any, points: Any = 0, *, copies: Any = None, compiled: bool | None = None
    ) -> Figures:
        """Figures of every architecture (n x blocks indices, or one) on its hardware point (n indices, or one).

        copies: of every layer in the order of the network (n x layers, padded), where replication is given; otherwise
        the hardware's `mapping.replication` decides. compiled: use Numba; None does from 2,000 networks on. Raises
        InputError for indices that do not exist.
        """
        chosen = self._checked(architectures)
        at = np.asarray(points)
        if at.dtype.kind not in "iu" or at.ndim > 1 or (at.ndim == 1 and len(at) != len(chosen)):
            raise InputError(f"points must be one index, or one a network ({len(chosen)}); got {at.dtype} {at.shape}")
        at = np.ascontiguousarray(np.broadcast_to(at, len(chosen)), dtype=np.int64)
        if len(at) and not (at.min() >= 0 and at.max() < len(self.points)):
            wrong = at[(at < 0) | (at >= len(self.points))][0]
            raise InputError(f"hardware points are 0 to {len(self.points) - 1}; got {wrong}")
        given = self._given(copies, len(chosen))
        out = np.zeros((len(chosen), k.OUTPUTS))
        use = len(chosen) >= WORTH_COMPILING if compiled is None else compiled
        hardware = self.prices, self.ways, self.hardware
        if use and copies is None and self._settled is not None:
            owners, settled = self._settled
            _kernels()[2](chosen, at, self.walk[:6], owners, hardware, settled, self._single_scratch(), out)
        else:
            kernel = _kernels()[0] if use else composing.compose
            kernel(chosen, at, self.walk[:6], hardware, given, self._scratch(), out)
        out[out[:, k.O_STATUS] != k.FITS, : k.O_CROSSBARS] = np.inf
        return Figures(out)

    @cached_property
    def _settled(self) -> Any:
        """Owners and settled entries for `compose_single`; None where a point copies layers, or the entries
        of all points would take too much memory."""
        if (self.hardware[:, k.Z_MAX_COPIES] > 1.0).any():
            return None
        walk, points = self.walk, len(self.points)
        largest = np.maximum(self.prices[:, :, k.V_PER_COPY], 0.0) + self.hardware[:, None, k.Z_GRAIN]
        layers, _ = self._longest()
        tiles = (largest.max(axis=1, initial=1.0) * layers / self.hardware[:, k.Z_PER_TILE]).max() + 2.0
        size = 20 * (len(walk.layers) + len(walk.entries) + len(walk.edges)) + 3.0 * tiles
        if size * points > MOST_SETTLED or (self.hardware[:, k.Z_TILES_PER_CHIP] > 2.0**62).any():
            return None
        owners = np.full((len(walk.layers), 2), -1, dtype=np.int64)
        rows = np.zeros((points, len(walk.layers), (single.S_UNIT + BUSY_COLUMNS - 1)))
        sums = np.zeros((points, len(walk.entries), single.SETTLED_ENTRY))
        places = np.zeros((points, int(tiles), 3), dtype=np.int64)
        steps = np.zeros((points, len(walk.layers), single.STEP_COLUMNS))
        joins = np.zeros((points, len(walk.edges), 4))
        settled = rows, sums, places, steps, joins
        busy = np.zeros((layers + 1, BUSY_COLUMNS + 1))
        _kernels()[1](walk[:6], owners, (self.prices, self.ways, self.hardware), busy, *settled)
        return owners, settled

    def with_ways(self, ways: Array) -> LookupTable:
        """The same table with other energies of traffic between layers (points x edges x W_*)."""
        return replace(self, ways=ways)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the table to one file without code in it (layout of safetensors), whole or not at all."""
        notes = {"format": FORMAT, "name": self.name, "points": json.dumps(self.points)}
        write_arrays(path, self._arrays(), notes)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> LookupTable:
        """A table out of a file, mapped into memory. Raises InputError when it is not a whole, consistent table."""
        arrays, notes = read_arrays(path, "a lookup table")
        if notes.get("format") != FORMAT:
            found = printable(notes.get("format", "none"), 40)
            raise InputError(f"{printable(path)}: format {found}; this version reads {FORMAT}: build the table again")
        try:
            points = tuple(str(name) for name in json.loads(notes["points"]))
            starts, widths, entries, layers, edges, spans = (arrays[name] for name in WALK_ARRAYS)
            walk = Walks(starts, widths, entries, layers, edges, spans, [], [])
            prices, ways, hardware = (arrays[name] for name in ("prices", "ways", "hardware"))
            table = LookupTable(notes.get("name", ""), points, walk, prices, ways, hardware)
        except (KeyError, ValueError, TypeError, RecursionError) as fault:
            raise InputError(f"{printable(path)}: not a whole lookup table ({printable(fault, 60)})") from fault
        table._check(str(path))
        return table

    def _check(self, where: str) -> None:
        walk, n = self.walk, len(self.points)
        whole = (walk.starts, walk.widths, walk.entries, walk.layers, walk.edges)
        dims = (1, 1, 2, 2, 1)
        good = all(a.dtype == np.int64 and a.ndim == d for a, d in zip(whole, dims, strict=True))
        good = good and walk.entries.shape[1] == 4 and walk.layers.shape[1] == 5
        numbers = (walk.spans, self.prices, self.ways, self.hardware)
        good = good and all(a.dtype == np.float64 and a.ndim == d for a, d in zip(numbers, (2, 3, 3, 2), strict=True))
        good = good and n > 0 and all(len(a) == n for a in numbers[1:]) and walk.spans.shape[1] == 2
        good = good and self.prices.shape[2] == k.V_VECTOR + BUSY_COLUMNS - 1
        good = good and self.ways.shape[1:] == (len(walk.edges), 2) and self.hardware.shape[1] == k.POINT_FIGURES
        if not good or not all(bool(np.isfinite(a).all() and (a >= 0.0).all()) for a in numbers):
            raise InputError(f"{printable(where)}: the table's arrays do not fit together; build it again")
        if not (self.prices[:, :, k.V_WAIT_NS] <= self.prices[:, :, k.V_FILL_NS]).all():
            raise InputError(f"{printable(where)}: a lookup of the table waits longer than it takes; build it again")
        if not (self.hardware[:, [k.Z_PER_CHIP, k.Z_PER_TILE, k.Z_TILES_PER_CHIP, k.Z_GRAIN]] >= 1.0).all():
            raise InputError(f"{printable(where)}: a hardware point of the table has no crossbars; build it again")
        check_walks(walk, self.prices.shape[1], where)

    def _arrays(self) -> dict[str, np.ndarray[Any, Any]]:
        found: dict[str, np.ndarray[Any, Any]] = {name: getattr(self.walk, name) for name in WALK_ARRAYS}
        return {**found, "prices": self.prices, "ways": self.ways, "hardware": self.hardware}

    def _checked(self, architectures: Any) -> Whole:
        given = np.asarray(architectures)
        given = given[None, :] if given.ndim == 1 else given
        widths = self.walk.widths
        if given.ndim != 2 or given.shape[1] != len(widths) or given.dtype.kind not in "iu":
            raise InputError(
                f"architectures are whole numbers, {len(widths)} a network; got {given.dtype} of shape {given.shape}"
            )
        chosen = np.ascontiguousarray(given, dtype=np.int64)
        wrong = (chosen < 0) | (chosen >= widths)
        if wrong.any():
            row, block = (int(x) for x in np.argwhere(wrong)[0])
            raise InputError(
                f"architecture {row}: block {block} has choices 0 to {widths[block] - 1}; got {chosen[row, block]}"
            )
        return chosen

    @property
    def longest(self) -> int:
        """Layers of the largest network that the space can hold: columns of `copies`."""
        return self._longest()[0]

    def _longest(self) -> tuple[int, int]:
        """Layers and edges of the largest network that the space can hold."""
        walk = self.walk
        layers = walk.entries[:, k.N_END] - walk.entries[:, k.N_FIRST]
        edges = np.append(walk.layers[:, k.A_EDGE], len(walk.edges))
        count = edges[walk.entries[:, k.N_END]] - edges[walk.entries[:, k.N_FIRST]]
        return int(np.maximum.reduceat(layers, walk.starts).sum()), int(np.maximum.reduceat(count, walk.starts).sum())

    def _given(self, copies: Any, networks: int) -> Array:
        if copies is None:
            return np.zeros((0, 0))
        given = np.ascontiguousarray(copies, dtype=np.float64)
        layers = self._longest()[0]
        if given.ndim != 2 or len(given) != networks or given.shape[1] != layers:
            raise InputError(
                f"copies must be {networks} networks x {layers} layers (the longest network; pad with 1); "
                f"got {given.shape}"
            )
        if not ((given >= 1.0) & (given == np.floor(given))).all():
            raise InputError("copies must be whole numbers from 1 on")
        return given

    def _scratch(self) -> tuple[Any, ...]:
        layers, edges = self._longest()
        longest = max(edges, len(self.walk.widths)) + 1
        return (
            np.zeros((layers + 1, k.INT_SCRATCH), dtype=np.int64),
            np.zeros((layers + 1, k.FLOAT_SCRATCH)),
            np.zeros((2, longest), dtype=np.int64),
            np.zeros((layers + 1, k.QUEUE_SCRATCH)),
            np.zeros((layers + 1, BUSY_COLUMNS)),
        )

    def _single_scratch(self) -> tuple[Any, ...]:
        layers, blocks = self._longest()[0] + 1, len(self.walk.widths)
        return (
            np.zeros((blocks, 3), dtype=np.int64),
            np.zeros(blocks),
            np.zeros((layers, single.LAYER_SCRATCH), dtype=np.int64),
            np.zeros((layers, single.MOMENT_SCRATCH)),
            np.zeros((layers, BUSY_COLUMNS)),
        )


def lookup_table(choices: Choices, hardware: Hardware | str | Sequence[Hardware | str]) -> LookupTable:
    """The table of a choice space on one or several hardware points (loaded, or names or paths of hardware files).

    Lookups run on the `memory.banks` of a point as in `pimsim.simulate`, with the default trace. Raises InputError
    where lookups of two blocks would contend for them.
    """
    several = [hardware] if isinstance(hardware, Hardware | str | os.PathLike) else list(hardware)
    if not several:
        raise InputError("a lookup table needs at least one hardware point")
    machines = [x if isinstance(x, Hardware) else load_hardware(x) for x in several]
    walk = walks(choices)
    priced = [price_rows(walk, machine) for machine in machines]
    return LookupTable(
        choices.name,
        tuple(machine.name for machine in machines),
        walk,
        np.stack([x.prices for x in priced]),
        np.stack([x.ways for x in priced]),
        np.stack([x.point for x in priced]),
    )


@cache
def _kernels() -> tuple[Any, Any, Any]:
    """Composition, settling of entries, composition of settled ones; compiled."""
    return (
        compiled(composing.compose, *composing.HELPERS),
        compiled(single.settle_all, *single.HELPERS),
        compiled(single.compose_single, *single.HELPERS),
    )
