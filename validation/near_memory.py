"""Reduction near the banks against plain DRAM for SparseLengthsSum, beside RecNMP: `python -m validation.near_memory`.

RecNMP (Ke et al., ISCA 2020) reports up to 9.8 times lower memory latency with eight ranks on a channel (four DIMMs of
two), 64-byte rows and pooling 80, with a cache in every rank and profiled hot rows on production traces; its baseline
is DDR4-2400. Here: the same memory without caches, uniformly drawn rows. In kind: the host is bounded by the data bus
whatever the ranks; ranks near their own chips add up; small poolings lose to sending the sums. The deviation is the
cache (their hit rate) and the traces (their locality): with every row a miss, tFAW bounds a rank to four rows in 21 ns,
and eight ranks to about six times what the bus carries.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass

import numpy as np

from pimsim.memory.device import load_device
from pimsim.memory.near import LEVELS, Level, reduce_bags
from pimsim.memory.policy import Policy

POLICY = Policy(scheduler="frfcfs", mapping="ro ba bg ra co pc ch")
ROW_BYTES, LOOKUPS = 64, 40_000
PAPER = "RecNMP: up to 9.8 with eight ranks, caches and profiled hot rows"


@dataclass(frozen=True)
class Point:
    """Speed-up over plain DRAM of one level of adders, at a number of ranks and a pooling factor."""

    level: Level
    ranks: int
    pooling: int
    speed_up: float


def points() -> list[Point]:
    """Over ranks, pooling factors and levels."""
    rng, found = np.random.default_rng(0), []
    for ranks in (1, 2, 4, 8):
        device = load_device("ddr4_2400", overrides=[f"organisation.ranks={ranks}"])
        address = rng.integers(0, device.capacity_bytes // ROW_BYTES, LOOKUPS) * ROW_BYTES
        for pooling in (1, 8, 20, 80):
            for level in LEVELS:
                offsets = np.arange(0, LOOKUPS, pooling)
                reduction = reduce_bags(device, POLICY, level, address, offsets, ROW_BYTES)
                found.append(Point(level, ranks, pooling, reduction.speed_up))
    return found


def main() -> int:
    """Print the table; 1 when the speed-up does not grow with ranks at pooling 80."""
    found = points()
    poolings = sorted({point.pooling for point in found})
    print(f"{'adders at':<12}{'ranks':>6}" + "".join(f"{f'pooling {p}':>13}" for p in poolings))
    for level in LEVELS:
        for ranks in sorted({point.ranks for point in found}):
            row = [p.speed_up for p in found if (p.level, p.ranks) == (level, ranks)]
            print(f"{level:<12}{ranks:>6}" + "".join(f"{value:>13.2f}" for value in row))
    print(PAPER)
    growth = [point.speed_up for point in found if point.level == "rank" and point.pooling == 80]
    return 0 if growth == sorted(growth) else 1


if __name__ == "__main__":
    sys.exit(main())
