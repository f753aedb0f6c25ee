"""What a trace is like: its rows, how soon they come back, and how few of them are asked for how often."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pimsim.errors import InputError
from pimsim.memory.traces.distances import Distances
from pimsim.memory.traces.form import Chunk, Header, Trace

Array = Any
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.99)
HOT_SHARES = (0.001, 0.01, 0.1)
CURVE_POINTS = 200


@dataclass(frozen=True)
class TraceStatistics:
    """requests: in all. unique_rows: different rows (lines of `line_bytes` for a trace of addresses), of `all_rows`
    that the tables have (0: not known); unique_bytes: their bytes. reuse_distance: quantile -> other rows since the
    row's last request, over the requests that are not the first of their row; None where there are none. hot_rows:
    share of the different rows -> share of requests that go to the hottest of them. by_table: name -> requests.
    hit_curve: (rows of an LRU cache, share of all requests that it serves). popularity: (share of the different rows,
    hottest first; share of requests)."""

    requests: int
    bags: int
    writes: int
    unique_rows: int
    all_rows: int
    unique_bytes: int
    span_ns: int | None
    reuse_distance: dict[str, int | None]
    hot_rows: dict[str, float]
    by_table: dict[str, int]
    hit_curve: list[tuple[int, float]]
    popularity: list[tuple[float, float]]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self)


def trace_statistics(
    trace: Trace, line_bytes: int = 64, told: Callable[[int, int | None], None] | None = None
) -> TraceStatistics:
    """The statistics of a trace, exact, in one pass. Addresses are taken by lines of `line_bytes`. told: is called with
    (requests done, requests in all or None) after each chunk. Raises InputError for a trace that is not well formed."""
    counted = _Counted(trace.header, line_bytes)
    for chunk in trace.chunks():
        counted.add(chunk)
        if told is not None:
            told(counted.requests, trace.requests)
    return counted.statistics()


class _Counted:
    def __init__(self, header: Header, line_bytes: int):
        if not 1 <= line_bytes <= 2**20:
            raise InputError(f"line_bytes must be from 1 to {2**20:,}; got {line_bytes}")
        self.header, self.line_bytes = header, line_bytes
        self.distances = Distances()
        self.requests = self.writes = self.bags = 0
        self.last_bag = -1
        self.tables = np.zeros(len(header.tables), dtype=np.int64)
        self.first_rows = header.first_rows()
        self.span: list[int] = []

    def add(self, chunk: Chunk) -> None:
        if self.header.of_rows:
            keys = self.first_rows[chunk["table"]] + chunk["row"]
            self.tables += np.bincount(chunk["table"], minlength=len(self.tables))
        else:
            keys = chunk["address"] // self.line_bytes
        self.distances.add(keys)
        self.requests += len(keys)
        if "write" in chunk:
            self.writes += int(chunk["write"].sum())
        if "bag" in chunk and len(keys):
            bags = chunk["bag"]
            self.bags += int(np.count_nonzero(np.diff(bags))) + (int(bags[0]) != self.last_bag)
            self.last_bag = int(bags[-1])
        if "arrival_ns" in chunk and len(keys):
            self.span = [self.span[0] if self.span else int(chunk["arrival_ns"][0]), int(chunk["arrival_ns"][-1])]

    def statistics(self) -> TraceStatistics:
        rows, counts = self.distances.row_counts()
        ordered = np.sort(counts)[::-1]
        running = np.cumsum(ordered)
        reused = np.cumsum(self.distances.histogram)
        total = max(1, self.requests)
        return TraceStatistics(
            requests=self.requests,
            bags=self.bags if "bag" in self.header.columns else self.requests,
            writes=self.writes,
            unique_rows=self.distances.unique,
            all_rows=int(self.first_rows[-1]),
            unique_bytes=self._bytes(rows),
            span_ns=self.span[1] - self.span[0] if self.span else None,
            reuse_distance={f"{q:g}": _quantile(reused, q) for q in QUANTILES},
            hot_rows={f"{share:g}": _hottest(running, share) / total for share in HOT_SHARES},
            by_table={table.name: int(n) for table, n in zip(self.header.tables, self.tables, strict=True)},
            hit_curve=[(int(c), float(reused[c - 1]) / total) for c in _sizes(self.distances.unique)],
            popularity=[(c / len(running), float(running[c - 1]) / total) for c in _sizes(len(running))],
        )

    def _bytes(self, rows: Array) -> int:
        if not self.header.of_rows:
            return len(rows) * self.line_bytes
        table = np.searchsorted(self.first_rows, rows, side="right") - 1
        return int(np.array([t.row_bytes for t in self.header.tables], dtype=np.int64)[table].sum())


def _quantile(reused: Array, share: float) -> int | None:
    """The smallest distance that at least `share` of the reused requests do not exceed."""
    total = int(reused[-1])
    return int(np.searchsorted(reused, share * total)) if total else None


def _hottest(running: Array, share: float) -> int:
    """Requests of the hottest `share` of the rows, at least one row."""
    return int(running[max(1, int(share * len(running))) - 1]) if len(running) else 0


def _sizes(most: int) -> list[int]:
    """Up to CURVE_POINTS whole numbers from 1 to `most`, evenly over the logarithm."""
    if not most:
        return []
    return [int(size) for size in np.unique(np.round(np.geomspace(1, most, CURVE_POINTS)))]
