"""Which row has which rank: a permutation of a table's rows without a table of it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = Any


class Scatter:
    """rank -> (rank * factor + shift) mod rows, a permutation as the factor has no divisor in common with `rows`.

    Real tables number their rows by a hash or in the order in which users came, so that hot rows stand anywhere;
    without scattering they would share DRAM rows and look better than they are. random: None leaves ranks as they are.
    """

    def __init__(self, rows: int, random: np.random.Generator | None):
        self.rows, self.factor, self.shift = rows, 1, 0
        if random is not None and rows > 2:
            most = min(rows, 2**62 // rows)  # rank * factor stays in 64 bits
            self.shift = int(random.integers(rows))
            self.factor = int(random.integers(1, most))
            while math.gcd(self.factor, rows) != 1:
                self.factor = self.factor % (most - 1) + 1

    def rows_of(self, ranks: Array) -> Array:
        """The rows (int64) of `ranks` (from 0)."""
        return (ranks * self.factor + self.shift) % self.rows
