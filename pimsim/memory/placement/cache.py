"""What the cache before a memory costs: an SRAM with the hottest rows of a placement, and a directory that says which.

Both are SRAMs of `pimsim.components`. The directory is asked for every request, one entry of ENTRY_BITS in two of its
slots; the rows are read and written by words of the memory's accesses. What is in the cache is decided beforehand, by
the profile: nothing is filled or thrown out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pimsim.components.process import process
from pimsim.components.sram import Sram, sram
from pimsim.hardware.schema import Hardware, Technology
from pimsim.memory.device import Device
from pimsim.memory.energy import energy_pJ
from pimsim.memory.placement.kernels import CACHED
from pimsim.memory.placement.policies import Placement
from pimsim.memory.run import Result

Array = Any

TECHNOLOGY = Technology(node_nm=32.0, supply_V=0.9, flavour="hp", clock_GHz=1.2)
"""Where no hardware file says: that of the shipped reram_128."""

ENTRY_BITS = 64.0
"""Number of a row among all tables (2^16 tables of 2^40 rows: what a trace may have) and 8 bits over."""


@dataclass(frozen=True)
class RowCache:
    """A cache of `rows` rows and its prices. A word is `word_bytes`. *_pJ: of a word read or written, of asking the
    directory; latency_ns: from a request to its first word, later words follow at word_ns each; leakage_mW, area_um2:
    rows and directory together."""

    rows: int
    capacity_bytes: int
    word_bytes: int
    read_pJ: float
    write_pJ: float
    directory_pJ: float
    latency_ns: float
    word_ns: float
    leakage_mW: float
    area_um2: float

    def energy_pJ(self, use: CacheUse, time_ns: float) -> dict[str, float]:
        """pJ of what was asked, and of leakage over `time_ns`: "cache", "cache_leakage"."""
        moved = (use.words - use.written) * self.read_pJ + use.written * self.write_pJ
        return {"cache": moved + use.requests * self.directory_pJ, "cache_leakage": self.leakage_mW * time_ns}

    def busy_ns(self, use: CacheUse) -> float:
        """How long the one port is busy with the words."""
        return use.words * self.word_ns


@dataclass
class CacheUse:
    """Requests in all, those served by the cache, their words, and of these the written ones."""

    requests: int = 0
    hits: int = 0
    words: int = 0
    written: int = 0

    def count(self, unit: Array, bursts: Array, write: Array | None) -> None:
        """Take in requests with their `unit` (CACHED: a hit), accesses, and whether they write."""
        hit = unit == CACHED
        self.requests += len(unit)
        self.hits += int(np.count_nonzero(hit))
        self.words += int(bursts[hit].sum())
        if write is not None:
            self.written += int(bursts[hit & (write != 0)].sum())


def cache_of(placement: Placement, hardware: Hardware | None = None) -> RowCache | None:
    """The cache that a placement has; None without cached rows. hardware: whose process it is made in."""
    keys = placement.hot_keys[(placement.hot_keys >= 0) & (placement.hot_unit == CACHED)]
    if not len(keys):
        return None
    technology = TECHNOLOGY if hardware is None else hardware.technology
    word_bytes = placement.units.access_bytes
    first_rows = np.cumsum([0, *(table.rows for table in placement.tables)], dtype=np.int64)
    words = np.array([-(-table.row_bytes // word_bytes) for table in placement.tables], dtype=np.int64)
    taken = int(words[np.searchsorted(first_rows, keys, side="right") - 1].sum())
    rows = _sram(technology, taken * word_bytes * 8.0, word_bytes * 8.0)
    directory = _sram(technology, len(keys) * 2.0 * ENTRY_BITS, 2.0 * ENTRY_BITS)
    return RowCache(
        len(keys), taken * word_bytes, word_bytes, float(rows.read_pJ * rows.width_bits),
        float(rows.write_pJ * rows.width_bits), float(directory.read_pJ * directory.width_bits),
        float(directory.latency_ns + rows.latency_ns), float(rows.latency_ns),
        float(directory.leakage_mW + rows.leakage_mW), float(directory.area_um2 + rows.area_um2),
    )  # fmt: skip


def with_cache(result: Result, cache: RowCache, use: CacheUse, device: Device) -> Result:
    """The result of a memory with that of the cache before it: the two work side by side, so the later one ends it.
    While only the cache works the memory is on standby with its rows closed (its refreshes are left out)."""
    last = cache.latency_ns + cache.busy_ns(use) if use.hits else 0.0
    cycles = max(result.cycles, int(np.ceil(last * device.clock_MHz * 1e-3)))
    ranks = device.channels * device.organisation.ranks
    idle = (cycles - result.cycles) * ranks
    standby = energy_pJ(device, precharged_cycles=idle)["background"]
    energy = {**result.energy_pJ, **cache.energy_pJ(use, device.ns(cycles))}
    energy["background"] = energy.get("background", 0.0) + standby
    residency = {**result.residency, "precharged": result.residency["precharged"] + idle}
    return replace(result, cycles=cycles, time_ns=device.ns(cycles), energy_pJ=energy, residency=residency)


def _sram(technology: Technology, capacity_bits: float, width_bits: float) -> Sram:
    return sram(process(_Site(technology)), technology.node_nm, technology.flavour, max(capacity_bits, width_bits),
                width_bits)  # fmt: skip


@dataclass(frozen=True)
class _Site:
    """What `process` asks of a hardware description."""

    technology: Technology
