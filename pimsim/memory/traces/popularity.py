"""From how often rows are asked for to what an LRU cache serves, and such counts of production.

Rows that are asked for c times among N requests, at places that are equally likely and independent of each other: a
window of T requests holds the row with probability 1 - (1 - T/N)^c, and c - 1 of its c requests find it asked for
before, within T with the same probability. Over all rows the first sums to the distance that T requests reach, the
second to the share of requests reused within it. Production also asks for rows in bursts; of those counts say nothing,
so that real reuse is no later than this.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = Any

PRODUCTION_SHARES = (
    0.0270, 0.0230, 0.0400, 0.0680, 0.1050, 0.1200, 0.0990, 0.0700, 0.0590, 0.0540, 0.0400, 0.0717, 0.0640, 0.0470,
    0.0210, 0.0171, 0.0751,
)  # fmt: skip
"""Share of the requests that go to rows with a count from above 2^(k-1) to 2^k, k = 0, 1 ...; the last is all above
2^15. Mean of the 16 batches of embedding_bag/2022 in facebookresearch/dlrm_datasets (locality_stats.txt, commit
6f46ba7, MIT licence): made by Meta so that reuse is as in the training of its ads models."""

PRODUCTION_REQUESTS, PRODUCTION_ROWS, PRODUCTION_TABLES = 1_405_446_071, 110_259_895, 788
"""Of a batch there: requests, different rows, tables (mean of the 16)."""

DISTANCES = (1.0, 10.0, 100.0, 1_000.0, 10_000.0, 30_000.0, 100_000.0, 140_000.0)
"""Of the curve that is kept: other rows of the table."""

_STEPS = 400


def classes_of(shares: Sequence[float]) -> tuple[Array, Array]:
    """(count, share) of classes of rows from shares by powers of two: counts spread over a bin evenly on the logarithm.
    The last bin, which is open, takes twice its lower end."""
    counts, parts = [1.0], [shares[0]]
    for k, share in enumerate(shares[1:], start=1):
        inside = np.arange(2.0 ** (k - 1) + 1.0, 2.0**k + 1.0) if k < 6 else np.geomspace(2.0 ** (k - 1), 2.0**k, 33)
        if k == len(shares) - 1:
            inside = np.array([2.0**k])
        counts += inside.tolist()
        parts += [share / len(inside)] * len(inside)
    total = float(np.sum(parts))
    return np.array(counts), np.array(parts) / total


class Production:
    """Rows of a table by the shares of production, piece by piece: every request draws its class, then a row of it,
    independently of those before. All rows are asked for sooner or later; for a table of other rows than the source's
    the classes keep their parts of the rows, so that distances grow with the table.

    One uniform number a request: what comes does not depend on the pieces.
    """

    def __init__(self, rows: int, random: np.random.Generator):
        counts, shares = classes_of(PRODUCTION_SHARES)
        counts, shares = counts[::-1], shares[::-1]
        taken = np.cumsum(shares / counts)
        ends = np.round(taken / taken[-1] * rows).astype(np.int64)
        # A class that a small table has no row for leaves its requests to the next cooler one.
        last = np.flatnonzero(np.diff(ends, prepend=0))
        self.random = random
        self.first = np.append(0, ends[last[:-1]])
        self.size = ends[last] - self.first
        self.until = np.cumsum(shares)[last]
        self.until[-1] = 1.0
        self.begin = np.append(0.0, self.until[:-1])

    def take(self, count: int) -> Array:
        """The next `count` ranks (int64, from 0: the hottest)."""
        drawn = self.random.random(count)
        of = np.searchsorted(self.until, drawn, side="right")
        inside = (drawn - self.begin[of]) / (self.until[of] - self.begin[of]) * self.size[of]
        return self.first[of] + np.minimum(inside.astype(np.int64), self.size[of] - 1)


def reuse_curve(counts: Array, shares: Array, requests: float, distances: Sequence[float] = DISTANCES) -> Array:
    """Share of `requests` that are reused within each of `distances`. counts, shares: of classes of rows, how often one
    is asked for, and the share of requests that go to the class."""
    windows = np.geomspace(1.0, requests, _STEPS)
    seen = 1.0 - np.exp(counts[None, :] * np.log1p(-np.minimum(windows / requests, 1.0 - 1e-15))[:, None])
    reach = (seen * (shares * requests / counts)).sum(axis=1)
    reused = (seen * shares * (counts - 1.0) / counts).sum(axis=1)
    return np.interp(np.asarray(distances, dtype=float), reach, reused)


def production_curve(distances: Sequence[float] = DISTANCES) -> Array:
    """The curve of a production table by PRODUCTION_SHARES, all tables taken as alike."""
    counts, shares = classes_of(PRODUCTION_SHARES)
    return reuse_curve(counts, shares, PRODUCTION_REQUESTS / PRODUCTION_TABLES, distances)
