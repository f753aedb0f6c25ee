"""Which table rows stand on which channel, bank or crossbar.

round_robin      table i on unit i mod n, whole; what does not fit goes on at the next unit
size_balanced    largest first, each on the emptiest unit; a table larger than an even share is cut into such shares
frequency_aware  rows of every table take turns over the units; the hottest rows of a profile get places of their own,
                 hottest first, each on the unit with the fewest requests so far; rows that it is asked for with
                 count as requests (so that rows of one bag come apart). Of them, the hottest may stand in a cache
                 before the memory, the next have a copy on every unit, which take turns
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pimsim.errors import InputError, printable
from pimsim.jit import compiled
from pimsim.memory.address import stride_bytes
from pimsim.memory.placement import kernels
from pimsim.memory.traces.form import Chunk, TableShape, Trace, need_rows

Array = Any
POLICIES = ("round_robin", "size_balanced", "frequency_aware")
HOT_ROWS = 2048
MOST_HOT_ROWS = 4096
"""Of those, how often each pair is asked for together is kept."""
PROFILED = 2**20
"""Requests that a profile looks at, unless more are asked for."""
MOST_UNITS = 2**20
LONGEST_BAG = 4096


@dataclass(frozen=True)
class Units:
    """What tables are placed on: `count` of a kind ("channel", "bank", "crossbar") of `capacity_bytes` each. Rows begin
    on multiples of `access_bytes` (or divide it, where they are smaller)."""

    kind: str
    count: int
    capacity_bytes: int
    access_bytes: int = 64

    def __post_init__(self) -> None:
        limits = (("count", MOST_UNITS), ("capacity_bytes", 2**50), ("access_bytes", 2**20))
        for name, most in limits:
            value = getattr(self, name)
            if not 1 <= value <= most:
                raise InputError(f"units: {name} must be from 1 to {most:,}; got {printable(value, 40)}")


@dataclass(frozen=True)
class Profile:
    """How often rows are asked for: key (row counted through all tables) -> counts, hottest first; and the requests
    themselves, from which rows that go together are taken."""

    keys: Array
    counts: Array
    bags: Array
    asked: Array


@dataclass(frozen=True)
class Placement:
    """Where each row is. pieces: of the tables, columns as in `placement.kernels`; first_piece: of each table, and the
    end. used_bytes: on every unit. hot_*: hash table of the rows with places of their own."""

    policy: str
    units: Units
    tables: tuple[TableShape, ...]
    pieces: Array
    first_piece: Array
    used_bytes: Array
    hot_keys: Array = field(default_factory=lambda: np.full(2, -1, dtype=np.int64))
    hot_unit: Array = field(default_factory=lambda: np.zeros(2, dtype=np.int64))
    hot_offset: Array = field(default_factory=lambda: np.zeros(2, dtype=np.int64))

    def places(self, chunks: Iterator[Chunk]) -> Iterator[tuple[Chunk, Array, Array]]:
        """(chunk, unit, offset): of each request its unit (int64, CACHED: in the cache) and byte offset in it."""
        locate = compiled(kernels.locate, kernels.find)
        first_rows = np.cumsum([0, *(table.rows for table in self.tables)], dtype=np.int64)
        turn = np.zeros(1, dtype=np.int64)
        for chunk in chunks:
            unit, offset = (np.empty(len(chunk["row"]), dtype=np.int64) for _ in range(2))
            locate(
                chunk["table"], chunk["row"], first_rows, self.pieces, self.first_piece, self.units.count,
                self.hot_keys, self.hot_unit, self.hot_offset, turn, unit, offset,
            )  # fmt: skip
            yield chunk, unit, offset


@dataclass(frozen=True)
class Load:
    """Requests of every unit under a placement. imbalance: of the busiest unit over the mean (1: even).
    busiest_of_bag: rows that the busiest unit has of a bag, mean over the bags: what a bag waits for."""

    by_unit: Array
    cached: int
    bags: int
    busiest_of_bag: float

    @property
    def imbalance(self) -> float:
        """Requests of the busiest unit over the mean of all; 1 when there are none."""
        total = int(self.by_unit.sum())
        return float(self.by_unit.max()) * len(self.by_unit) / total if total else 1.0


def profile(trace: Trace, requests: int = PROFILED) -> Profile:
    """How often each row is asked for in the first `requests` of a trace of rows. Raises InputError for a trace of
    addresses."""
    need_rows(trace.header)
    first_rows = trace.header.first_rows()
    keys, bags, left, done = [], [], requests, 0
    for chunk in trace.chunks(["bag", "table", "row"]):
        some = (first_rows[chunk["table"]] + chunk["row"])[:left]
        keys.append(some)
        bags.append(chunk["bag"][:left] if "bag" in chunk else np.arange(done, done + len(some)))
        left, done = left - len(some), done + len(some)
        if not left:
            break
    asked = np.concatenate([np.empty(0, dtype=np.int64), *keys])
    unique, counts = np.unique(asked, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    return Profile(unique[order], counts[order], np.concatenate([np.empty(0, dtype=np.int64), *bags]), asked)


def place(
    tables: Sequence[TableShape], units: Units, policy: str, known: Profile | None = None, *,
    hot_rows: int = HOT_ROWS, copied_rows: int = 0, cached_rows: int = 0,
) -> Placement:  # fmt: skip
    """The placement of `tables` on `units` by a policy of POLICIES. known: the profile that frequency_aware needs.
    Of its `hot_rows`, the hottest `cached_rows` stand in the cache, the next `copied_rows` have a copy on every unit.

    Raises InputError, with the sizes, when the tables do not fit.
    """
    if policy not in POLICIES:
        raise InputError(f"placement must be one of {', '.join(POLICIES)}; got '{printable(policy, 40)}'")
    for name, value in (("hot", hot_rows), ("copied", copied_rows), ("cached", cached_rows)):
        if not 0 <= value <= MOST_HOT_ROWS:
            raise InputError(f"{name} rows must be from 0 to {MOST_HOT_ROWS:,}; got {value:,}")
    room = _Room(tables, units)
    if policy == "round_robin":
        for number in range(len(tables)):
            room.fill(number, number % units.count)
    elif policy == "size_balanced":
        _balance(room)
    else:
        if known is None:
            raise InputError("placement frequency_aware needs a profile: a trace of the rows that are asked for")
        for number in range(len(tables)):
            room.stripe(number, number % units.count)
        return _with_hot(room, known, max(hot_rows, copied_rows + cached_rows), copied_rows, cached_rows)
    return room.placement(policy)


def load_of(placement: Placement, trace: Trace) -> Load:
    """What a trace asks of every unit."""
    need_rows(trace.header)
    busiest = compiled(kernels.busiest)
    load, own = (np.zeros(placement.units.count, dtype=np.int64) for _ in range(2))
    stamp, state = np.full(placement.units.count, -1, dtype=np.int64), np.array([-1, 0, 0, 0, 0], dtype=np.int64)
    done = 0
    for chunk, unit, _ in placement.places(trace.chunks(["bag", "table", "row"])):
        bag = chunk["bag"] if "bag" in chunk else np.arange(done, done + len(unit))
        busiest(bag, unit, load, own, stamp, state)
        done += len(unit)
    bags = int(state[3]) + (1 if state[0] >= 0 else 0)
    return Load(load, int(state[4]), bags, float(state[2] + state[1]) / max(1, bags))


class _Room:
    """Pieces of tables on units that fill up."""

    def __init__(self, tables: Sequence[TableShape], units: Units):
        self.tables, self.units = tuple(tables), units
        self.strides = [stride_bytes(table.row_bytes, units.access_bytes) for table in tables]
        self.used = np.zeros(units.count, dtype=np.int64)
        self.pieces: list[list[list[int]]] = [[] for _ in tables]
        self.needed = sum(table.rows * stride for table, stride in zip(tables, self.strides, strict=True))
        if self.needed > units.count * units.capacity_bytes:
            raise self.overflow()

    def overflow(self, more: str = "") -> InputError:
        """That the tables do not fit, with the sizes."""
        units = self.units
        largest = max(self.tables, key=lambda table: table.size_bytes)
        return InputError(
            f"the {len(self.tables):,} tables take {self.needed:,} bytes{more} (the largest, "
            f"'{printable(largest.name, 60)}', {largest.size_bytes:,}); {units.count:,} {units.kind}s of "
            f"{units.capacity_bytes:,} bytes hold {units.count * units.capacity_bytes:,}"
        )

    def put(self, number: int, unit: int, first: int, most: int) -> int:
        """Put up to `most` rows of table `number`, from `first` on, on `unit`; returns how many fit."""
        stride = self.strides[number]
        begin = -(-int(self.used[unit]) // self.units.access_bytes) * self.units.access_bytes
        fits = min(most, (self.units.capacity_bytes - begin) // stride)
        if fits > 0:
            self.pieces[number].append([first, fits, unit, 1, begin, stride])
            self.used[unit] = begin + fits * stride
        return max(0, fits)

    def fill(self, number: int, unit: int) -> None:
        """The whole table from `unit` on."""
        rows, done = self.tables[number].rows, 0
        for step in range(self.units.count):
            done += self.put(number, (unit + step) % self.units.count, done, rows - done)
            if done == rows:
                return
        raise self.overflow(" with what is lost at the ends of units")

    def stripe(self, number: int, unit: int) -> None:
        """The rows of the table in turn over all units, from `unit` on."""
        count, access = self.units.count, self.units.access_bytes
        begin = -(-int(self.used.max()) // access) * access
        slots = -(-self.tables[number].rows // count)
        if begin + slots * self.strides[number] > self.units.capacity_bytes:
            raise self.overflow(" with what is lost at the ends of units")
        self.pieces[number].append([0, self.tables[number].rows, unit, count, begin, self.strides[number]])
        self.used[:] = begin + slots * self.strides[number]

    def placement(self, policy: str, **hot: Array) -> Placement:
        """What was placed."""
        every = [piece for pieces in self.pieces for piece in pieces]
        first = np.cumsum([0, *(len(pieces) for pieces in self.pieces)], dtype=np.int64)
        array = np.array(every, dtype=np.int64).reshape(-1, kernels.PIECE_COLUMNS)
        return Placement(policy, self.units, self.tables, array, first, self.used.copy(), **hot)


def _balance(room: _Room) -> None:
    units, strides = room.units, room.strides
    share = -(-room.needed // units.count)
    order = sorted(range(len(strides)), key=lambda i: (-room.tables[i].rows * strides[i], i))
    free = [(0, unit) for unit in range(units.count)]
    for number in order:
        rows, done = room.tables[number].rows, 0
        piece = max(1, -(-share // strides[number]))
        while done < rows:
            if not free:
                raise room.overflow(" with what is lost at the ends of units")
            _, unit = heapq.heappop(free)
            put = room.put(number, unit, done, min(piece, rows - done))
            done += put
            if put:
                heapq.heappush(free, (int(room.used[unit]), unit))


def _with_hot(room: _Room, known: Profile, hot: int, copied: int, cached: int) -> Placement:
    """Rows that take turns, and places for the hottest: in the cache, everywhere, or on the unit that suits best."""
    units = room.units
    keys, counts = known.keys[:hot], known.counts[:hot]
    first_rows = np.cumsum([0, *(table.rows for table in room.tables)], dtype=np.int64)
    if len(known.keys) and int(known.keys.max()) >= first_rows[-1]:
        raise InputError("the profile is of other tables: it asks for rows that these do not have")
    striped = room.placement("frequency_aware")
    alone = slice(min(len(keys), cached + copied), len(keys))
    chosen = _chosen(striped, known, keys, counts, alone, first_rows, copied, cached)
    size = 2 << max(1, len(keys)).bit_length()
    hot_keys = np.full(size, -1, dtype=np.int64)
    hot_unit, hot_offset = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=np.int64)
    owner = np.searchsorted(first_rows, keys, side="right") - 1
    for i, key in enumerate(keys.tolist()):
        stride = max(units.access_bytes, room.strides[owner[i]])
        at = kernels.find(key, hot_keys)
        hot_keys[at] = key
        if i < cached:
            hot_unit[at] = kernels.CACHED
        elif i < cached + copied:
            hot_unit[at], hot_offset[at] = kernels.EVERYWHERE, int(room.used.max())
            room.used[:] = room.used.max() + stride
        else:
            unit = int(chosen[i - alone.start])
            hot_unit[at], hot_offset[at] = unit, int(room.used[unit])
            room.used[unit] += stride
    if int(room.used.max()) > units.capacity_bytes:
        raise room.overflow(f" with {len(keys):,} hot rows beside them")
    return room.placement("frequency_aware", hot_keys=hot_keys, hot_unit=hot_unit, hot_offset=hot_offset)


def _chosen(striped: Placement, known: Profile, keys: Array, counts: Array, alone: slice, first_rows: Array,
            copied: int, cached: int) -> Array:  # fmt: skip
    """The unit of each of the hot rows `alone`."""
    units = striped.units.count
    cold = ~np.isin(known.asked, keys)
    rest = known.asked[cold]
    table = (np.searchsorted(first_rows, rest, side="right") - 1).astype(np.int32)
    load = np.zeros(units, dtype=np.int64)
    for _, unit, _ in striped.places(iter([{"table": table, "row": rest - first_rows[table]}])):
        load += np.bincount(unit, minlength=units)
    load += int(counts[cached : cached + copied].sum()) // units
    order = np.argsort(keys[alone], kind="stable")
    ordered = keys[alone][order]
    hot = np.full(len(known.asked), -1, dtype=np.int64)
    if len(ordered):
        at = np.minimum(np.searchsorted(ordered, known.asked), len(ordered) - 1)
        hot = np.where(ordered[at] == known.asked, order[at], -1)
    pairs = np.zeros((len(ordered), len(ordered)), dtype=np.int32)
    compiled(kernels.together)(known.bags, hot, pairs, np.zeros(LONGEST_BAG, dtype=np.int64))
    unit = np.zeros(len(ordered), dtype=np.int64)
    compiled(kernels.spread)(counts[alone], pairs, load, np.zeros(units, dtype=np.int64), unit)
    return unit
