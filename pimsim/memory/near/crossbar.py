"""Lookup in resistive crossbars: the rows of a bag that stand in one crossbar are read at once, and so are added.

A table row lies along a wordline, over as many crossbars side by side as it needs; reads of a crossbar follow each
other, crossbars work side by side. A read drives at most as many wordlines as the converter can tell sums apart, and
takes the array's read time or that of its conversions, whichever is longer.
"""

from __future__ import annotations

import math

import numpy as np

from pimsim.errors import InputError
from pimsim.memory.near.lookups import Ints, Lookups, gathered, in_turn
from pimsim.memory.near.result import NearResult
from pimsim.memory.near.spec import Crossbar, Near


def read_ns(crossbar: Crossbar) -> float:
    """Time of one read of a crossbar with all of its columns converted."""
    return max(crossbar.read_ns, crossbar.columns_per_adc / crossbar.adc_GSps)


class Crossbars:
    """Crossbars with tables, and what they have done so far."""

    def __init__(self, near: Near):
        assert near.spec.crossbar is not None
        self.near, self.crossbar = near, near.spec.crossbar
        self.free: dict[tuple[int, int], float] = {}
        self.port = np.zeros(1)
        self.end = 0.0
        self.lookups = self.bags = self.reads = self.conversions = self.wordlines = self.bits = self.sums = 0

    def feed(self, asked: Lookups, unit: Ints | None = None) -> Ints:
        """Cycle (1 ns) at which the sum of every bag is at the host. unit: number of the crossbar of every row (of the
        first of those side by side); by its address if None: a crossbar is filled, then the next."""
        crossbar, wide = self.crossbar, -(-asked.bytes // self.crossbar.slice_bytes)
        each = wide[asked.bag]
        if unit is None:
            unit = self._by_address(asked, each)
        elif len(unit) != len(asked.address) or (len(unit) and not 0 <= min(unit) <= max(unit) < crossbar.crossbars):
            raise InputError(f"unit has a crossbar from 0 to {crossbar.crossbars - 1:,} for every row")
        # Rows of one width stand in crossbars of their own.
        names, at = np.unique(np.stack([each, unit]), axis=1, return_inverse=True)
        at, units = at.reshape(-1), max(1, names.shape[1])
        free = np.array([self.free.get((int(w), int(u)), 0.0) for w, u in names.T] or [0.0])
        rows = np.unique(asked.bag * units + at, return_counts=True)[1]
        bag, of, ready = gathered(asked.bag, at, units, asked.arrival[asked.bag].astype(np.float64))
        reads = -(-rows // crossbar.wordlines)
        end = in_turn(ready, of, (reads * read_ns(crossbar)).astype(np.float64), free)
        self.free.update({(int(w), int(u)): float(t) for (w, u), t in zip(names.T, free, strict=False)})
        self.reads += int((reads * wide[bag]).sum())
        bag, _, latest = gathered(bag, np.zeros_like(bag), 1, end)
        out = in_turn(latest, np.zeros_like(bag), asked.bytes[bag] / crossbar.port_GBps, self.port)
        done = asked.arrival.astype(np.float64)
        done[bag] = out
        self.end = max(self.end, float(out.max(initial=0.0)))
        self.lookups, self.bags, self.sums = self.lookups + len(unit), self.bags + asked.bags, self.sums + len(bag)
        self.wordlines += int(each.sum())
        self.bits += 8 * int(asked.bytes[bag].sum())
        return np.ceil(done).astype(np.int64)

    def finish(self, done: Ints) -> NearResult:
        """The answer over everything fed."""
        near, crossbar = self.near, self.crossbar
        conversions = self.reads * crossbar.columns
        counts = {
            "reads": self.reads, "conversions": conversions, "wordlines": self.wordlines, "crossbars": len(self.free)
        }  # fmt: skip
        energy = {
            "wordlines": self.wordlines * crossbar.wordline_pJ,
            "conversions": conversions * crossbar.conversion_pJ,
            "io": self.bits * near.memory.io_pJ_per_bit,
            "reduction": 0.0,  # on the bitlines
        }
        return NearResult(
            near.spec.name, "crossbars", near.clock_MHz, math.ceil(self.end), self.lookups, self.bags, self.sums,
            counts, energy, done,
        )  # fmt: skip

    def _by_address(self, asked: Lookups, wide: Ints) -> Ints:
        crossbar = self.crossbar
        slot, _ = asked.slots(self.near.memory.access_bytes)
        needed = int(((slot // crossbar.rows + 1) * wide).max(initial=0))
        if needed > crossbar.crossbars:
            text = f"the rows need {needed:,} crossbars of {crossbar.rows:,} rows; there are {crossbar.crossbars:,}"
            raise InputError(f"{self.near.spec.name}: {text}")
        found: Ints = slot // crossbar.rows
        return found
