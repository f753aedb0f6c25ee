"""What a lookup table's entries do to the figures of a network, as arrays that an expectation is taken over.

Everything is per entry (block, state, choice) and, where layers are copied to a budget, per stage time: given the stage
time, an entry's copies, crossbars and times no longer depend on its neighbours. docs/penalties.md has the derivation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from pimsim.cost import rows as k
from pimsim.cost.entries import Array, Whole
from pimsim.cost.expected_energy import asides, leaves_of, sums, traffic
from pimsim.cost.lookup import LookupTable
from pimsim.mapping.columns import BUSY_COLUMNS, LOOKUP, MVM

STAGES = 28
"""Stage times at which entries are tabulated when layers are copied; the rest is interpolated."""

MANY_STAGES = 40
"""Possible stage times up to which each is tabulated."""

GAPS = 64
"""Values of the gap (end minus first result of a stream) on which its distribution is carried."""

SAMPLES = 1_500
"""Random networks that show the range of stage times and the traffic between layers."""


@dataclass(frozen=True)
class EntryFigures:
    """One hardware point. E entries, J stage times (one of 0 without replication), G gaps.

    energy_pJ, leaves_pJ, needed: E; dynamic energy with traffic, output over the link, crossbars of one copy.
    standby_mW, held_um2: E; of the memory that rows are looked up in.
    taken, longest_ns, total_ns: J x E; crossbars, busiest resource, all layers one after the other.
    gaps_ns: J x G. shift_ns, low, weight: J x E x G: an input with the gap g moves the first result by `shift_ns`, and
    leaves the gap gaps[low] with `weight`, gaps[low + 1] with the rest.
    point: Z_* of the hardware.
    """

    energy_pJ: Array
    leaves_pJ: Array
    needed: Array
    standby_mW: Array
    held_um2: Array
    passes: np.ndarray[Any, np.dtype[np.bool_]]  # entries without layers
    stages_ns: Array
    exact: bool  # no other stage times are possible
    taken: Array
    longest_ns: Array
    total_ns: Array
    gaps_ns: Array
    shift_ns: Array
    low: Whole
    weight: Array
    point: Array


def entry_figures(table: LookupTable, at: int, temperature_ns: float, generator: np.random.Generator) -> EntryFigures:
    """The figures of hardware point `at`. temperature_ns softens each maximum inside an entry (0: none)."""
    walk, point, prices = table.walk, table.hardware[at], table.prices[at]
    sampled = np.stack([generator.integers(0, w, SAMPLES) for w in table.widths], axis=1)
    stages, exact = _stages(table, at, sampled, point)
    rows = prices[walk.layers[:, k.A_ROW]]
    tiles = _Tiles(table, rows, point, stages)
    entries = range(len(walk.entries))
    times = [_times(table, rows, point, tiles, e, stages) for e in entries]
    gaps = _gaps(times, len(stages))
    moved = [_moved(table, times[e], e, gaps, temperature_ns) for e in entries]
    low, weight = _split(gaps, np.stack([m[1] for m in moved], axis=1))
    first, end = walk.entries[:, k.N_FIRST], walk.entries[:, k.N_END]
    return EntryFigures(
        energy_pJ=sums(rows[:, k.V_ENERGY_PJ], first, end) + traffic(table, at, sampled) + asides(table, rows),
        leaves_pJ=np.array([leaves_of(table, rows, e) for e in entries]),
        needed=sums(tiles.one_copy, first, end),
        standby_mW=sums(rows[:, k.V_STANDBY_MW], first, end),
        held_um2=sums(rows[:, k.V_HELD_UM2], first, end),
        passes=first == end,
        stages_ns=stages,
        exact=exact,
        taken=sums(tiles.taken.T, first, end).T,
        longest_ns=np.stack([t.longest for t in times], axis=1),
        total_ns=np.stack([t.total for t in times], axis=1),
        gaps_ns=gaps,
        shift_ns=np.stack([m[0] for m in moved], axis=1),
        low=low,
        weight=weight,
        point=point.copy(),
    )


def _stages(table: LookupTable, at: int, sampled: Whole, point: Array) -> tuple[Array, bool]:
    """Stage times that networks of the space have, the first 0: everything copied to the full. Where few stage times
    are possible at all (whole numbers of vectors), just those, and True; else evenly spaced logarithms, and False."""
    nothing = np.zeros(1), True
    if point[k.Z_MAX_COPIES] <= 1.0:
        return nothing
    found = table.compose(sampled, at, compiled=True)
    stages = found.rows[found.fits, k.O_STAGE_NS]
    rows = table.prices[at][table.walk.layers[:, k.A_ROW]]
    rows = rows[(table.walk.layers[:, k.A_KIND] == MVM) & (rows[:, k.V_PER_COPY] > 0.0) & (rows[:, k.V_TURN_NS] > 0.0)]
    stages = stages[stages > 0.0]
    if not len(stages) or not len(rows):
        return nothing
    high, least = 1.6 * stages.max(), rows[:, k.V_TURN_NS].min()
    low = max(0.6 * stages.min(), 0.9 * least)
    steps = _steps(np.unique(rows[:, [k.V_ALL_VECTORS, k.V_TURN_NS]], axis=0), low, high)
    if steps is not None:
        return np.append(0.0, steps), True
    return np.append(0.0, np.geomspace(low, max(high, 1.1 * low), STAGES)), False


def _steps(kinds: Array, low: float, high: float) -> Array | None:
    """The stage times between `low` and `high` at which a matrix needs one copy less; None where they are many."""
    found = np.zeros(0)
    for vectors, turn in kinds:
        copies = np.arange(1.0, min(vectors, 4096.0) + 1.0)
        turns = np.unique(np.ceil(vectors / copies)) * turn
        found = np.union1d(found, turns[(turns >= low) & (turns <= high)])
        if vectors > 4096.0 or len(found) > MANY_STAGES:
            return None
    return found if len(found) else None


class _Tiles:
    """Crossbars and tiles of every layer at every stage time, and of the tiles next to entries that have none."""

    def __init__(self, table: LookupTable, rows: Array, point: Array, stages: Array):
        walk, grain = table.walk, point[k.Z_GRAIN]
        users = np.arange(len(rows)) == self._users(table)
        per_copy = np.where(users, rows[:, k.V_PER_COPY], 0.0)
        queued = (walk.layers[:, k.A_KIND] == MVM) & (per_copy > 0.0)
        self.one_copy: Array = np.ceil(per_copy / grain) * grain
        self.copies = np.ones((len(stages), len(rows)))
        if point[k.Z_MAX_COPIES] > 1.0:
            vectors = np.maximum(rows[:, k.V_ALL_VECTORS], 1.0)
            turn = np.maximum(rows[:, k.V_TURN_NS], 1e-300)
            turns = np.floor(np.minimum(vectors, stages[:, None] / turn * (1.0 + 1e-12)))
            copies = np.minimum(np.ceil(vectors / np.maximum(turns, 1.0)), point[k.Z_MAX_COPIES])
            self.copies = np.where(queued, copies, 1.0)
        self.copies = self.copies[:, self._users(table)]
        self.taken: Array = np.ceil(self.copies * per_copy / grain) * grain
        of_user = self.taken[:, self._users(table)]
        self.tiles: Array = np.maximum(1.0, np.ceil(of_user / point[k.Z_PER_TILE]))
        self.upstream, self.downstream = self._neighbours(table)

    @staticmethod
    def _users(table: LookupTable) -> Whole:
        walk = table.walk
        length = walk.entries[:, k.N_END] - walk.entries[:, k.N_FIRST]
        found: Whole = np.repeat(walk.entries[:, k.N_FIRST], length) + walk.layers[:, k.A_USER]
        return found

    def _neighbours(self, table: LookupTable) -> tuple[list[Array | None], list[Array]]:
        """Mean of 1 / tiles of the products before each block (None: none before), and of those from it on."""
        walk, stages = table.walk, len(self.tiles)
        ends = np.append(walk.starts[1:], len(walk.entries))
        first_share: list[Array | None] = []
        last_share: list[Array | None] = []
        for start, end in zip(walk.starts, ends, strict=True):
            firsts, lasts = [], []
            for e in range(start, end):
                run = np.arange(walk.entries[e, k.N_FIRST], walk.entries[e, k.N_END])
                products = run[walk.layers[run, k.A_KIND] == MVM]
                if len(products):
                    firsts.append(1.0 / self.tiles[:, products[0]])
                    lasts.append(1.0 / self.tiles[:, products[-1]])
            first_share.append(np.mean(firsts, axis=0) if firsts else None)
            last_share.append(np.mean(lasts, axis=0) if lasts else None)
        upstream: list[Array | None] = [None]
        for share in last_share:
            upstream.append(share if share is not None else upstream[-1])
        downstream: list[Array] = [np.ones(stages)]
        for share in reversed(first_share):
            downstream.append(share if share is not None else downstream[-1])
        return upstream[:-1], downstream[:0:-1]


class _Times(NamedTuple):
    """Of one entry: layers x J; and the entry as a whole, J."""

    write: Array
    duration: Array
    fill: Array
    longest: Array
    total: Array


def _times(table: LookupTable, rows: Array, point: Array, tiles: _Tiles, entry: int, stages: Array) -> _Times:
    walk = table.walk
    first, end = walk.entries[entry, k.N_FIRST], walk.entries[entry, k.N_END]
    block = int(np.searchsorted(walk.starts, entry, "right")) - 1
    n, j = end - first, len(stages)
    write, duration, fill = (np.zeros((n, j)) for _ in range(3))
    owners, shares = _owners(table, tiles, entry, block)
    busy = np.zeros((n + 1, BUSY_COLUMNS, j))
    memory = np.zeros(j)
    longest = stages if n and (walk.layers[first:end, k.A_KIND] == MVM).any() else np.zeros(j)
    for i in range(n):
        row, share = rows[first + i], shares[i]
        shared = row[k.V_SHARED_NS] * share
        cells = row[k.V_FIXED_NS] + np.ceil(row[k.V_STEP_VECTORS] / tiles.copies[:, first + i]) * row[k.V_TURN_NS]
        serial = point[k.Z_SERIAL] > 0.0 and row[k.V_CYCLE_NS] > 0.0
        both = cells + shared if serial else np.maximum(cells, shared)
        fetch, store = (np.ceil(row[column] * share * (1.0 - 1e-12)) for column in (k.V_FETCH, k.V_STORE))
        ends = np.maximum(1.0, fetch) + np.maximum(1.0, store)
        write[i], fill[i] = row[k.V_WRITE_NS], row[k.V_FILL_NS] + ends * row[k.V_CYCLE_NS]
        duration[i] = both + fill[i] * row[k.V_AGAIN]
        took = write[i] + duration[i]
        busy[owners[i], 1:] += row[k.V_VECTOR :, None] * share
        if row[k.V_PER_COPY] > 0.0:
            busy[int(walk.layers[first + i, k.A_USER]), 0] += took
        elif walk.layers[first + i, k.A_KIND] == LOOKUP:
            memory = memory + took
        longest = np.maximum(longest, took)
    longest = np.maximum(np.maximum(longest, memory), busy.max(axis=(0, 1)))
    waits = rows[first:end, k.V_WAIT_NS].sum()
    return _Times(write, duration, fill, longest, (write + duration + fill).sum(axis=0) - waits)


def _owners(table: LookupTable, tiles: _Tiles, entry: int, block: int) -> tuple[list[int], list[Array]]:
    """For each layer of an entry: the row of its tiles' units (the last: not in the entry), and 1 / tiles."""
    walk = table.walk
    first, end = walk.entries[entry, k.N_FIRST], walk.entries[entry, k.N_END]
    owners: list[int] = []
    for i in range(end - first):
        layer = walk.layers[first + i]
        sources = walk.edges[layer[k.A_EDGE] : layer[k.A_EDGE_END]]
        inside = [owners[s] for s in sources if s >= 0]
        outside = [-1] if tiles.upstream[block] is not None and (sources < -1).any() else []
        owners.append(i if layer[k.A_KIND] == MVM else max(inside + outside, default=-2))
    following = -2
    for i in range(end - first - 1, -1, -1):
        if owners[i] == i:
            following = i
        elif owners[i] == -2:
            owners[i] = following
    shares = []
    for i, owner in enumerate(owners):
        if owner >= 0:
            shares.append(1.0 / tiles.tiles[:, first + (i if tiles.taken[0, first + i] > 0.0 else owner)])
        else:
            upstream = tiles.upstream[block]
            shares.append(upstream if owner == -1 and upstream is not None else tiles.downstream[block])
    return owners, shares


def _gaps(times: list[_Times], stages: int) -> Array:
    """Gaps to carry, per stage time: 0, the durations that occur, their sums, thinned out."""
    found = []
    for j in range(stages):
        single = np.unique(np.concatenate([t.duration[:, j] for t in times] + [np.zeros(1)]))
        high = max(float(single.max()), 1e-9)
        spread = np.quantile(single, np.linspace(0.0, 1.0, GAPS // 2))
        wide = np.geomspace(1e-3 * high, 3.0 * high, GAPS - len(spread) - 1)
        both = np.unique(np.concatenate([spread, wide, [50.0 * high]]))
        found.append(np.interp(np.linspace(0.0, len(both) - 1.0, GAPS), np.arange(len(both)), both))
    return np.stack(found)


def _largest(a: Array, b: Array, temperature: float) -> Array:
    if temperature <= 0.0:
        return np.maximum(a, b)
    found: Array = temperature * np.logaddexp(a / temperature, b / temperature)
    return found


def _moved(table: LookupTable, times: _Times, entry: int, gaps: Array, temperature: float) -> tuple[Array, Array]:
    """For an input whose first result is at 0 and whose end is at the gap: when the entry's first result comes, and
    the gap that it leaves. J x G each. Sources further back count as the block before."""
    walk = table.walk
    first, end = walk.entries[entry, k.N_FIRST], walk.entries[entry, k.N_END]
    begins: list[Array] = []
    ends: list[Array] = []
    zero = np.zeros_like(gaps)
    for i in range(end - first):
        layer = walk.layers[first + i]
        write, duration, fill = times.write[i][:, None], times.duration[i][:, None], times.fill[i][:, None]
        start = bound = None
        for e in range(layer[k.A_EDGE], layer[k.A_EDGE_END]):
            source, (need, last) = walk.edges[e], walk.spans[e]
            if source == -1:
                continue
            begun, ready = (zero, gaps) if source < 0 else (begins[source], ends[source])
            if need < 1.0:
                limit = ready + last * duration + fill
                bound = limit if bound is None else _largest(bound, limit, temperature)
                ready = begun + need * (ready - begun)
            start = ready if start is None else _largest(start, ready, temperature)
        start = zero if start is None else start
        took = start + write + duration + fill
        begins.append(start + write + fill)
        ends.append(took if bound is None else _largest(took, bound, temperature))
    leaves = int(walk.entries[entry, k.N_LEAVES])
    if leaves < 0:
        return zero, gaps
    return begins[leaves], ends[leaves] - begins[leaves]


def _split(gaps: Array, values: Array) -> tuple[Whole, Array]:
    """Where `values` (J x E x G) lie between the gaps, and the weight of the lower neighbour: the mean is kept."""
    low = np.stack([np.searchsorted(g, v, "right") - 1 for g, v in zip(gaps, values, strict=True)])
    low = np.clip(low, 0, gaps.shape[1] - 2)
    stage = np.arange(len(gaps))[:, None, None]
    left, right = gaps[stage, low], gaps[stage, low + 1]
    weight = np.clip((right - values) / np.maximum(right - left, 1e-300), 0.0, 1.0)
    return low.astype(np.int64), weight
