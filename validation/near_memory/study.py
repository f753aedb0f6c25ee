"""The runs: bags of rows, summed by the host and by adders near the banks, over pooling factors, ranks, row lengths.

Unless said otherwise rows are drawn uniformly from 4 GB of one table (or the whole memory, if it is smaller), `pooling`
of them a bag, all asked for at once; plain memories are scheduled FR-FCFS over 64 entries a channel, pages stay open.
Speed-up is plain time over near time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pimsim.memory.near.run import run_near, run_plain
from pimsim.memory.near.spec import Near, load_near
from pimsim.memory.near.trace import bags_of
from pimsim.memory.policy import Policy
from pimsim.memory.traces.form import TableShape
from pimsim.memory.traces.generators import MadeTrace, Recipe

POLICY = Policy(scheduler="frfcfs", queue=64)
LOOKUPS, MINI = 6_000, 960
POOLINGS = (1, 2, 4, 8, 20, 40, 80, 120)
RANKS = (1, 2, 4, 8)
TABLE_BYTES = 1 << 32


@dataclass(frozen=True)
class Point:
    """One run. What the near memory is, its ranks on a channel, rows a bag, bytes a row, the rows asked for."""

    study: str
    near: str
    ranks: int
    pooling: int
    row_bytes: int
    rows: str
    lookups: int
    plain_ns: float
    near_ns: float
    plain_pJ: float
    near_pJ: float
    hits: float
    """Share of rows that caches near the banks had."""

    @property
    def speed_up(self) -> float:
        return self.plain_ns / self.near_ns

    @property
    def energy_ratio(self) -> float:
        return self.near_pJ / self.plain_pJ

    @property
    def key(self) -> tuple[str, str, int, int, int, str, int]:
        return self.study, self.near, self.ranks, self.pooling, self.row_bytes, self.rows, self.lookups


def near_of(name: str, ranks: int) -> Near:
    """A shipped near memory with so many ranks on a channel. trim_r: TRiM's adders in the buffer of every rank."""
    changes = [f"device.organisation.ranks={ranks}"]
    if name == "trim_r":
        changes += ["name=trim_r", "level=rank", "banks.commands.rank_bits_per_cycle=0"]
        return load_near("trim_g", overrides=changes)
    if name == "upmem_slices":  # rows in slices of 8 bytes over cores, as UpDLRM (DAC 2024) splits tables by columns
        return load_near("upmem", overrides=[*changes, "name=upmem_slices", "dpu.slice_bytes=8"])
    if name == "tensordimm":
        changes += [f"banks.ranks_per_buffer={ranks}"]
    return load_near(name, overrides=changes)


def asked(near: Near, rows: str, row_bytes: int, pooling: int, lookups: int) -> tuple[NDArray[np.int64], ...]:
    """(address, first, row_bytes) of `lookups` rows: "uniform", "zipf" (1.05 over 8 tables of 100,000) or "reuse" (the
    reuse distances that `pimsim trace make` takes for production, over 8 tables of 100,000)."""
    if rows == "uniform":
        rng = np.random.default_rng(0)
        address = rng.integers(0, min(TABLE_BYTES, near.memory.capacity_bytes) // row_bytes, lookups) * row_bytes
        return address, np.arange(0, lookups + 1, pooling), np.full(lookups // pooling, row_bytes)
    tables = tuple(TableShape(f"t{i}", 100_000, row_bytes) for i in range(8))
    trace = MadeTrace(Recipe(rows, tables, lookups, seed=0, pooling=pooling))
    bags = bags_of(trace, near.memory)
    return bags.address, bags.first, bags.row_bytes


def alone(name: str, row_bytes: int, rows: str, lookups: int) -> Point:
    """One point of bags that come when the one before is long done: the mean time of a bag in place of that of all."""
    near, gap = near_of(name, 4), 100_000
    lookups -= lookups % 80
    bags = asked(near, rows, row_bytes, 80, lookups)
    arrival = np.arange(len(bags[1]) - 1) * gap
    plain, found = run_plain(near.memory, POLICY, *bags, arrival), run_near(near, POLICY, *bags, arrival)
    assert plain.done is not None
    ns = [near.memory.ns(float((done - arrival).mean())) for done in (plain.done, found.done)]
    return Point("alone", name, 4, 80, row_bytes, rows, lookups, *ns, plain.total_energy_pJ, found.total_energy_pJ, 0.0)


def run(study: str, name: str, ranks: int, pooling: int, row_bytes: int, rows: str, lookups: int) -> Point:
    """One point, near and plain."""
    near = near_of(name, ranks)
    lookups -= lookups % pooling
    bags = asked(near, rows, row_bytes, pooling, lookups)
    plain, found = run_plain(near.memory, POLICY, *bags), run_near(near, POLICY, *bags)
    return Point(
        study, name, ranks, pooling, row_bytes, rows, lookups, plain.time_ns, found.time_ns, plain.total_energy_pJ,
        found.total_energy_pJ, found.counts.get("cache_hits", 0) / lookups,
    )  # fmt: skip


def points(lookups: int = LOOKUPS) -> Iterator[Point]:
    """All of them: RecNMP over pooling and ranks, with its cache on rows that come again; TRiM's levels over ranks and
    row lengths, with its copies on rows that come again; the other levels over row lengths."""
    for ranks in RANKS:
        for pooling in POOLINGS:
            yield run("ranks", "recnmp", ranks, pooling, 64, "uniform", lookups)
    for rows in ("uniform", "reuse", "zipf"):
        for ranks in (2, 4, 8):
            for name in ("recnmp", "recnmp_cached"):
                yield run("cache", name, ranks, 80, 64, rows, lookups)
    for rows in ("reuse", "zipf"):
        for name in ("trim_g", "trim_g_hot"):
            yield run("copies", name, 4, 80, 512, rows, lookups // 2)
            yield alone(name, 512, rows, lookups // 2)
    for ranks in (2, 4, 8):
        for row_bytes in (128, 256, 512, 1024):
            for name in ("tensordimm", "trim_r", "trim_g", "trim_b"):
                yield run("levels", name, ranks, 80, row_bytes, "uniform", lookups // 4)
    for row_bytes in (64, 256, 1024):
        for name in ("hbm_pim", "hbm2_banks", "gddr6_aim"):
            yield run("products", name, 1, 80, row_bytes, "uniform", lookups // 4)
        for name in ("upmem", "upmem_slices"):
            yield run("products", name, 2, 80, row_bytes, "uniform", lookups // 4)


def mini() -> Iterator[Point]:
    """A few small points, of every level of adders, which a test can run again."""
    for name, ranks in (("recnmp", 1), ("recnmp", 8), ("trim_g", 4), ("gddr6_aim", 1), ("upmem", 2)):
        yield run("mini", name, ranks, 40, 64, "uniform", MINI)
    yield run("mini", "recnmp_cached", 8, 40, 64, "zipf", MINI)
