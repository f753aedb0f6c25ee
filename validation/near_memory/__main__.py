"""Reduction near the banks against plain memories for SparseLengthsSum, beside the papers: `python -m
validation.near_memory` runs the study (minutes) and prints it; --recorded prints what record.json has; --save writes
record.json, REPORT.md and speed_up.svg. Ends with 1 when what the papers claim in kind does not hold.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from validation.near_memory import crossbars, study
from validation.near_memory.record import FOLDER, Record, checks, read, report, save


def measured(lookups: int = study.LOOKUPS) -> Record:
    """The whole study, told on the way."""
    found = []
    for point in chain(study.points(lookups), study.mini()):
        found.append(point)
        print(f"{point.study:<9} {point.near:<14} {point.speed_up:6.2f}", file=sys.stderr)
    return Record(tuple(found), tuple(crossbars.steps(lookups)))


def draw(record: Record, target: Path) -> None:
    """speed_up.svg: over rows a bag by ranks (RecNMP), over bytes a row by level (TRiM, four ranks)."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "near_memory"
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    for ranks in study.RANKS:
        own = [p for p in record.of("ranks") if p.ranks == ranks]
        left.plot([p.pooling for p in own], [p.speed_up for p in own], marker="o", label=f"{ranks} ranks")
    left.set(xlabel="rows a bag", ylabel="speed-up over the plain memory", title="RecNMP, DDR4-2400, 64-byte rows")
    left.axhline(9.8, color="grey", linestyle=":", label="paper, with cache (up to)")
    for name in ("tensordimm", "trim_r", "trim_g", "trim_b"):
        own = [p for p in record.of("levels") if (p.near, p.ranks) == (name, 4)]
        right.plot([p.row_bytes for p in own], [p.speed_up for p in own], marker="o", label=name)
    right.axhline(7.7, color="grey", linestyle=":", label="paper, TRiM-G")
    right.set(xlabel="bytes a row", title="TRiM's levels, DDR5-4800, four ranks, 80 rows a bag")
    right.set_xscale("log", base=2)
    for axes in (left, right):
        axes.legend(fontsize="small")
        axes.set_ylim(bottom=0)
    figure.savefig(target, metadata={"Date": None})
    plt.close(figure)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, save; 1 when a claim does not hold in kind."""
    parser = argparse.ArgumentParser(prog="python -m validation.near_memory", description=__doc__)
    parser.add_argument("--recorded", action="store_true", help="print record.json, run nothing")
    parser.add_argument("--save", action="store_true", help="write record.json, REPORT.md, speed_up.svg")
    options = parser.parse_args(arguments)
    record = read() if options.recorded else measured()
    print(report(record))
    if options.save:
        save(record, FOLDER)
        draw(record, FOLDER / "speed_up.svg")
    return 0 if all(good for _, good in checks(record)) else 1


if __name__ == "__main__":
    sys.exit(main())
