"""Traces that are made: requests in the order in which inferences look rows up, piece by piece, the same for a seed.

An inference has one bag of `pooling` rows of each table; bag i of all tables is inference i. Which rows depends on the
kind: `zipf` (rank k in proportion to k^-exponent), `uniform` (every row alike), `production` (as often as in published
counts of production), `reuse` (reuse distances from a curve) or `stream` (one row after the other). Each table has
random numbers of its own, and so have arrivals and writes. `MadeTrace` is such a trace without a file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from pimsim.errors import InputError, printable
from pimsim.memory.traces.form import CHUNK, MAX_TABLES, Chunk, Header, TableShape, chosen
from pimsim.memory.traces.popularity import Production
from pimsim.memory.traces.scatter import Scatter
from pimsim.memory.traces.stack import HIT_CURVE, Reuse, check_curve
from pimsim.memory.traces.zipf import Zipf

Array = Any
KIND_NAMES = ("zipf", "uniform", "production", "reuse", "stream")
MAX_REQUESTS = 2**40
MAX_POOLING = 2**20


@dataclass(frozen=True)
class Recipe:
    """What is to be made. requests: rows asked for in all. pooling: rows of a bag, of all tables or of each one.
    scattered: whether ranks lie scattered over the table. rate_per_s: inferences a second that arrive as a Poisson
    process; None: no arrival times. write_share: share of requests that write; 0: no column of writes. curve: of the
    kind `reuse` (see `stack.HIT_CURVE`)."""

    kind: str
    tables: tuple[TableShape, ...]
    requests: int
    seed: int = 0
    pooling: int | tuple[int, ...] = 1
    exponent: float = 1.05
    scattered: bool = True
    rate_per_s: float | None = None
    write_share: float = 0.0
    curve: tuple[tuple[float, float], ...] = field(default=HIT_CURVE)

    def __post_init__(self) -> None:
        if self.kind not in KIND_NAMES:
            raise InputError(f"kind must be one of {', '.join(KIND_NAMES)}; got '{printable(self.kind, 40)}'")
        if not isinstance(self.pooling, int) and len(self.pooling) != len(self.tables):
            raise InputError(f"pooling has {len(self.pooling):,} numbers for {len(self.tables):,} tables")
        limits = (
            ("requests", self.requests, 0, MAX_REQUESTS),
            *(("pooling", value, 1, MAX_POOLING) for value in sorted({*self.poolings})),
            ("seed", self.seed, 0, 2**64 - 1), ("exponent", self.exponent, 0.0, 20.0),
            ("write_share", self.write_share, 0.0, 1.0),
            ("rate_per_s", 1.0 if self.rate_per_s is None else self.rate_per_s, 1e-3, 1e12),
        )  # fmt: skip
        for name, value, low, high in limits:
            if not low <= value <= high:
                raise InputError(f"{name} must be from {low:,} to {high:,}; got {printable(value, 40)}")
        if not 1 <= len(self.tables) <= MAX_TABLES:
            raise InputError(f"a trace has from 1 to {MAX_TABLES:,} tables; got {len(self.tables):,}")
        check_curve(self.curve)

    @property
    def poolings(self) -> tuple[int, ...]:
        """Rows of a bag of each table."""
        return (self.pooling,) * len(self.tables) if isinstance(self.pooling, int) else self.pooling

    def header(self) -> Header:
        """The header of the trace."""
        columns = ["bag", "table", "row", *(["write"] if self.write_share else [])]
        if self.rate_per_s is not None:
            columns.append("arrival_ns")
        pooled = sorted({*self.poolings})
        about = (
            f"{self.kind} seed {self.seed} pooling {' to '.join(map(str, dict.fromkeys([*pooled[:1], *pooled[-1:]])))}"
        )
        about += f" exponent {self.exponent:g}" if self.kind == "zipf" else ""
        about += f" {self.rate_per_s:g} inferences/s" if self.rate_per_s is not None else ""
        return Header(tuple(columns), self.tables, about)

    def chunks(self, size: int = CHUNK) -> Iterator[Chunk]:
        """The requests, `size` at a time; what they are does not depend on `size`."""
        sources = [self._source(number, table) for number, table in enumerate(self.tables)]
        ends = np.cumsum(self.poolings)
        inference = int(ends[-1])
        clock = _Clock(_random(self.seed, 1, 0), self.rate_per_s)
        writes = _random(self.seed, 2, 0)
        for begin in range(0, self.requests, size):
            place = np.arange(begin, min(begin + size, self.requests))
            bag = place // inference
            if isinstance(self.pooling, int):
                table = (place % inference // self.pooling).astype(np.int32)
            else:
                table = np.searchsorted(ends, place % inference, side="right").astype(np.int32)
            row = np.empty(len(place), dtype=np.int64)
            order = np.argsort(table.astype(np.uint16), kind="stable")  # the sort by digits, for 16 bits
            cuts = np.searchsorted(table[order], np.arange(len(sources) + 1))
            for number in np.flatnonzero(np.diff(cuts)).tolist():
                own = order[cuts[number] : cuts[number + 1]]
                row[own] = sources[number].take(len(own))
            chunk = {"bag": bag, "table": table, "row": row}
            if self.write_share:
                chunk["write"] = (writes.random(len(place)) < self.write_share).astype(np.uint8)
            if self.rate_per_s is not None:
                chunk["arrival_ns"] = clock.of(bag)
            yield chunk

    def _source(self, number: int, table: TableShape) -> Source:
        random = _random(self.seed, 0, number)
        scatter = Scatter(table.rows, _random(self.seed, 3, number) if self.scattered else None)
        if self.kind == "zipf":
            return _Ranked(Zipf(table.rows, self.exponent, random), scatter, first=1)
        if self.kind == "production":
            return _Ranked(Production(table.rows, random), scatter)
        if self.kind == "uniform":
            return _Uniform(table.rows, random)
        if self.kind == "reuse":
            return Reuse(table.rows, self.curve, random, scatter)
        return _Stream(table.rows)


class MadeTrace:
    """The trace of a recipe, made anew whenever it is read."""

    def __init__(self, recipe: Recipe):
        self.recipe, self.header = recipe, recipe.header()
        self.requests: int | None = recipe.requests

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[Chunk]:
        """The requests, CHUNK at a time."""
        names = chosen(self.header, columns)
        for chunk in self.recipe.chunks():
            yield {name: chunk[name] for name in names}


class Source(Protocol):
    """Rows of one table."""

    def take(self, count: int) -> Array:
        """The next `count` rows (int64)."""
        ...


class _Ranked:
    """Rows by the ranks of a law, which counts them from `first`."""

    def __init__(self, law: Source, scatter: Scatter, first: int = 0):
        self.law, self.scatter, self.first = law, scatter, first

    def take(self, count: int) -> Array:
        return self.scatter.rows_of(self.law.take(count) - self.first)


class _Uniform:
    def __init__(self, rows: int, random: np.random.Generator):
        self.rows, self.random = rows, random

    def take(self, count: int) -> Array:
        return (self.random.random(count) * self.rows).astype(np.int64)


class _Stream:
    def __init__(self, rows: int):
        self.rows, self.next = rows, 0

    def take(self, count: int) -> Array:
        begin, self.next = self.next, (self.next + count) % self.rows
        return (begin + np.arange(count)) % self.rows


class _Clock:
    """When each inference arrives: sums of exponential gaps, drawn one by one in order."""

    def __init__(self, random: np.random.Generator, rate_per_s: float | None):
        self.random = random
        self.gap_ns = 1e9 / (rate_per_s or 1.0)
        self.last, self.time_ns = -1, 0.0

    def of(self, bags: Array) -> Array:
        """Arrival in whole nanoseconds of each of `bags`, which go on from the last one by steps of at most 1."""
        first, last = int(bags[0]), int(bags[-1])
        gaps = self.random.standard_exponential(last - self.last) * self.gap_ns
        times = np.cumsum([self.time_ns, *gaps])
        begin, self.last, self.time_ns = self.last, last, float(times[-1])
        if self.time_ns >= 2.0**62:
            raise InputError("the last arrival is after 2^62 ns; raise the rate or make fewer requests")
        assert first >= begin
        return np.floor(times[bags - begin]).astype(np.int64)


def _random(seed: int, what: int, number: int) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(seed, spawn_key=(what, number))))


def even_tables(count: int, rows: int, row_bytes: int) -> tuple[TableShape, ...]:
    """`count` tables of one shape, named t0, t1 ..."""
    return tuple(TableShape(f"t{number}", rows, row_bytes) for number in range(count))


def parse_curve(points: Sequence[str]) -> tuple[tuple[float, float], ...]:
    """'100:0.2' ... -> ((100.0, 0.2), ...). Raises InputError for what is no such point."""
    found = []
    for point in points:
        distance, _, share = point.partition(":")
        try:
            found.append((float(distance), float(share)))
        except ValueError as fault:
            raise InputError(f"must be DISTANCE:SHARE, e.g. 1000:0.3; got '{printable(point, 40)}'") from fault
    check_curve(found)
    return tuple(found)
