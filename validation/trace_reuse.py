"""How soon rows come back, in production and in public logs: `python -m validation.trace_reuse [DATA]`.

The default of the generator `reuse` is a table of Meta's ads models: of how many requests go to rows with which count
(facebookresearch/dlrm_datasets, embedding_bag/2022), with the order in which they come taken as free of bursts
(`pimsim.memory.traces.popularity`). Beside it stand id sequences whose order is real, if DATA (../shared/data) holds
them: videos and users of KuaiRand-Pure (Gao et al., CIKM 2022) and movies of MovieLens latest-small, by time. Columns:
share of requests that an LRU cache of so many rows serves. `made`: the largest gap between a curve and that of a trace
which the generator makes from it. `Zipf`: the exponent that makes the counts of the rows likeliest.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pimsim.memory.traces.distances import Distances
from pimsim.memory.traces.popularity import (
    DISTANCES,
    PRODUCTION_REQUESTS,
    PRODUCTION_ROWS,
    PRODUCTION_SHARES,
    PRODUCTION_TABLES,
    classes_of,
    production_curve,
)
from pimsim.memory.traces.scatter import Scatter
from pimsim.memory.traces.stack import Reuse

Array = Any
DATA = Path(__file__).parent.parent.parent / "shared" / "data"
MADE = 400_000


@dataclass(frozen=True)
class Sequence:
    """Ids in the order in which they were asked for."""

    name: str
    ids: Array


@dataclass(frozen=True)
class Row:
    """A line of the table. curve: at DISTANCES. gap: of a trace that is made from it. exponent: of Zipf's law."""

    name: str
    requests: int
    rows: int
    curve: tuple[float, ...]
    gap: float
    exponent: float


def sequences(data: Path = DATA) -> Iterator[Sequence]:
    """The id sequences that `data` holds."""
    import pandas as pd

    log = data / "ctr" / "kuairand" / "log.parquet"
    if log.is_file():
        table = pd.read_parquet(log, columns=["user_id", "video_id", "time_ms"]).sort_values("time_ms", kind="stable")
        for column, name in (("video_id", "KuaiRand videos"), ("user_id", "KuaiRand users")):
            yield Sequence(name, np.unique(table[column], return_inverse=True)[1].astype(np.int64))
    ratings = data / "movielens" / "ratings.csv.gz"
    if ratings.is_file():
        table = pd.read_csv(ratings, usecols=["item_id", "timestamp"]).sort_values("timestamp", kind="stable")
        yield Sequence("MovieLens movies", np.unique(table["item_id"], return_inverse=True)[1].astype(np.int64))


def curve_of(ids: Array, distances: tuple[float, ...] = DISTANCES) -> Array:
    """Share of the requests whose row came within each of `distances` other rows before."""
    measured = Distances()
    measured.add(ids)
    reused = np.cumsum(measured.histogram)
    return reused[np.minimum(np.array(distances, dtype=int), len(reused)) - 1] / len(ids)


def exponent_of(counts: Array) -> float:
    """The exponent of Zipf's law over as many rows as there are counts that makes these likeliest, hottest first."""
    logs = np.log(np.arange(1, len(counts) + 1))
    share = np.sort(counts)[::-1] / counts.sum()
    low, high = 0.0, 5.0
    for _ in range(50):
        middle = (low + high) / 2.0
        weight = np.exp(-middle * logs)
        # The likelihood rises while the mean of log rank under the law is above that of the requests.
        if float((weight * logs).sum() / weight.sum()) > float((share * logs).sum()):
            low = middle
        else:
            high = middle
    return low


def made_gap(curve: Array, rows: int, requests: int = MADE) -> float:
    """Largest gap between `curve` and that of `requests` rows that the generator makes from it."""
    rising = np.maximum.accumulate(np.asarray(curve, dtype=float))
    points = tuple(zip(DISTANCES, rising.tolist(), strict=True))
    random = np.random.Generator(np.random.PCG64(1))
    found = curve_of(Reuse(rows, points, random, Scatter(rows, random)).take(requests))
    # What the stack has not held for as long as a distance reaches cannot have been reused at it.
    reached = [i for i, distance in enumerate(DISTANCES) if distance < min(rows, requests / 40)]
    return float(np.abs(found - rising)[reached].max())


def table(data: Path = DATA) -> list[Row]:
    """Production first, then what `data` holds."""
    counts, shares = classes_of(PRODUCTION_SHARES)
    requests = PRODUCTION_REQUESTS // PRODUCTION_TABLES
    rows = np.repeat(counts, np.maximum(1, np.round(shares * requests / counts)).astype(int))
    curve = production_curve()
    found = [Row(
        "Meta ads 2022, a table", requests, len(rows), tuple(curve.tolist()), made_gap(curve, 1_000_000),
        exponent_of(rows),
    )]  # fmt: skip
    for sequence in sequences(data):
        curve, counted = curve_of(sequence.ids), np.bincount(sequence.ids)
        found.append(Row(
            sequence.name, len(sequence.ids), len(counted), tuple(curve.tolist()), made_gap(curve, len(counted)),
            exponent_of(counted),
        ))  # fmt: skip
    return found


def main(arguments: list[str]) -> int:
    """Print the table; 1 when a made trace is more than 0.02 from its curve or the counts do not add up."""
    found = table(Path(arguments[0]) if arguments else DATA)
    print(
        f"{'':<24}{'requests':>10}{'rows':>9}" + "".join(f"{int(d):>9,}" for d in DISTANCES) + f"{'made':>7}{'Zipf':>6}"
    )
    for row in found:
        shares = "".join(f"{100 * share:>8.2f}%" for share in row.curve)
        print(f"{row.name:<24}{row.requests:>10,}{row.rows:>9,}{shares}{row.gap:>7.3f}{row.exponent:>6.2f}")
    counts, shares = classes_of(PRODUCTION_SHARES)
    rows = float((shares * PRODUCTION_REQUESTS / counts).sum())
    print(f"different rows of a batch: {rows:,.0f} by the shares, {PRODUCTION_ROWS:,} published")
    good = abs(rows / PRODUCTION_ROWS - 1.0) < 0.01 and max(row.gap for row in found) < 0.02
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
