"""The service of `pimsim serve` against queues whose mean waiting time is known: `python -m validation.queueing`.

    python -m validation.queueing [--write]

One server (a batch of one, one in flight, nothing looked up) with Poisson arrivals is M/M/1 when its service times are
exponential, M/D/1 when they are all alike. The mean wait in the queue must lie in the 99% interval of batch means, at
loads 0.5, 0.8 and 0.95. Prints the table and exits with 1 where one does not; `--write` writes `record.json`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from pimsim.report.atomic import write_atomic

from .queues import LAWS, LOADS, Point, measure

RECORD = Path(__file__).parent / "record.json"


def table(points: Sequence[Point]) -> str:
    """The points, a line each; times in mean service times."""
    lines = ["queue   load  closed form  simulated          99% interval            requests"]
    for point in points:
        interval = f"{point.mean - point.half:.4f} to {point.mean + point.half:.4f}"
        verdict = "inside" if point.holds else "MISSED"
        figures = f"{point.expected:>12.4f} {point.mean:>10.4f} {interval:>21}  {verdict} {point.requests:>10,}"
        lines.append(f"{point.law:<6} {point.load:>5.2f} {figures}")
    return "\n".join([*lines, "mean wait in the queue, in mean service times; intervals of batch means"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 when a closed form is outside its interval."""
    parser = argparse.ArgumentParser(prog="python -m validation.queueing", description="Waiting times of known queues.")
    parser.add_argument("--write", action="store_true", help="write record.json")
    options = parser.parse_args(arguments)
    points = [measure(law, load) for law in LAWS for load in LOADS]
    print(table(points))
    if options.write:
        write_atomic(RECORD, json.dumps([asdict(point) for point in points], indent=1) + "\n")
    return 0 if all(point.holds for point in points) else 1


if __name__ == "__main__":
    sys.exit(main())
