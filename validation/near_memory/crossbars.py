"""ReREC in kind: lookups in crossbars, from the naive layout of a neural-network accelerator on, step by step.

Eight tables of 100,000 rows of 64 bytes, Zipf 1.05, 80 rows a bag, all asked for at once. naive: ISAAC's crossbars of
128 x 128, rows of a table one after another, one wordline a read. Then several wordlines a read; then crossbars of
32 x 32; then rows placed by frequency of access (`pimsim.memory.placement`, hot rows one by one on the crossbar with
the fewest requests); then with copies of the hottest rows on every crossbar. RRAM: the plain memory of the same cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pimsim.memory.near.run import run_near, run_plain
from pimsim.memory.near.spec import Crossbar, Near, load_near
from pimsim.memory.near.trace import bags_of
from pimsim.memory.placement.policies import Units, place, profile
from pimsim.memory.policy import Policy
from pimsim.memory.traces.form import TableShape, Trace
from pimsim.memory.traces.generators import MadeTrace, Recipe

POLICY = Policy(scheduler="frfcfs", queue=64)
INSIDE = ["crossbar.port_GBps=1e6"]
"""Sums stay on the chip, whose crossbars go on with them: no port bounds what is compared."""
LARGE = [
    *INSIDE,
    *(f"crossbar.{key}" for key in ("rows=128", "columns=128", "columns_per_adc=128", "wordline_pJ=0.625")),
]


@dataclass(frozen=True)
class Step:
    """Time and energy of one layout."""

    name: str
    time_ns: float
    energy_pJ: float
    reads: int


def trace(lookups: int) -> Trace:
    """Seeded."""
    tables = tuple(TableShape(f"t{i}", 100_000, 64) for i in range(8))
    return MadeTrace(Recipe("zipf", tables, lookups - lookups % 80, seed=0, pooling=80))


def steps(lookups: int) -> list[Step]:
    """The layouts in order."""
    rows = trace(lookups)
    small, large = load_near("rerec", overrides=INSIDE), load_near("rerec", overrides=LARGE)
    bags = bags_of(rows, small.memory)
    given = (bags.address, bags.first, bags.row_bytes)
    plain = run_plain(small.memory, POLICY, *given)
    found = [Step("plain RRAM memory", plain.time_ns, plain.total_energy_pJ, plain.counts["read"])]
    single = load_near("rerec", overrides=[*LARGE, "crossbar.most_wordlines=1"])
    for name, near, hot, copies in (
        ("128 x 128, one wordline (naive)", single, 0, 0),
        ("128 x 128, several wordlines", large, 0, 0),
        ("32 x 32, several wordlines", small, 0, 0),
        ("... hot rows placed by frequency", small, 2048, 0),
        ("... and 4 of them copied to each", small, 2048, 4),
    ):
        unit = placed(near, rows, hot, copies) if hot else None
        result = run_near(near, POLICY, *given, unit=unit)
        found.append(Step(name, result.time_ns, result.total_energy_pJ, result.counts["reads"]))
    return found


def placed(near: Near, rows: Trace, hot: int, copies: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Crossbar of every row of the trace, in the order in which `bags_of` has them."""
    crossbar: Crossbar | None = near.spec.crossbar
    assert crossbar is not None
    tables = rows.header.tables
    # A row of 64 bytes lies over several crossbars; those side by side are one unit. Twice what is needed.
    held = crossbar.rows * 64
    units = Units("crossbar", -(-sum(table.size_bytes for table in tables) * 2 // held), held, 64)
    placement = place(tables, units, "frequency_aware", profile(rows), hot_rows=hot, copied_rows=copies)
    unit, bag, table = [], [], []
    for chunk, where, _ in placement.places(rows.chunks(("bag", "table", "row"))):
        unit.append(np.asarray(where, dtype=np.int64).copy())
        bag.append(np.asarray(chunk["bag"]).copy())
        table.append(np.asarray(chunk["table"]).copy())
    order = np.lexsort((np.concatenate(table), np.concatenate(bag)))
    return np.concatenate(unit)[order]
