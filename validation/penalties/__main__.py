"""Lookup tables against the simulator, expected costs against sampled networks, gradients, and temperature's bias.

    python -m validation.penalties [--small] [--only SPACE ...] [--out validation/penalties]

Prints each bar with what was measured and exits with 1 where one is missed; writes `record.json` and `temperature.svg`.
`--small`: smaller spaces and fewer draws, for the test suite; nothing is written unless `--out` is given. `--only`: the
other spaces keep what the folder's record says of them.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from . import measure

LATENCY_BIAS = 0.02
"""What is stated of the expected latency under soft choices, without a temperature."""
SHARES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
"""Temperatures, as shares of the mean interval."""


class Bar(NamedTuple):
    """One thing that must hold: `measured` at most `allowed`."""

    space: str
    what: str
    allowed: float
    measured: float

    @property
    def holds(self) -> bool:
        """Whether it does (not where nothing was measured)."""
        return self.measured <= self.allowed

    def __str__(self) -> str:
        verdict = "" if self.holds else "   MISSED"
        return f"{self.space:12} {self.what:70} {self.measured:10.2e}  <= {self.allowed:.0e}{verdict}"


def bars_of(space: Any, small: bool) -> tuple[list[Bar], list[dict[str, float]]]:
    """The bars of one space, and the biases by temperature."""
    networks, draws, batches = (20, 6, 4) if small else (500, 500, 4)
    generator = np.random.default_rng(12)
    given, allotted = measure.table_errors(space, networks, generator)
    first, every, noise = measure.soft_errors(space, measure.machine(), draws, batches, generator)
    one_mean = noise * math.sqrt(batches)  # standard error of the mean of a single batch
    inside = np.maximum(np.abs(first) - 3.0 * one_mean, 0.0).max(0)
    worst, mean = np.abs(every).max(0), np.abs(every.mean(0))
    gradient = measure.gradient_errors(space, 1, generator)
    biases = measure.temperature_bias(space, SHARES, 3 if small else 6, generator)
    largest = max(row["largest_interval_in_temperatures"] for row in biases)
    least = min(row["least_interval_in_temperatures"] for row in biases)
    low = next(row for row in biases if row["share"] == 0.003)
    sampled, more = f"{measure.BATCH:,} sampled networks", f"{batches * measure.BATCH:,}"
    name, blocks = space.name, len(space.widths)
    soft = f"{draws} soft distributions"
    return [
        Bar(name, f"table, copies given: {networks} networks, all figures", 1e-9, given.max()),
        Bar(name, f"table, copies to a budget: {networks} networks, energy and area", 1e-3, allotted[:2].max()),
        Bar(name, f"table, copies to a budget: {networks} networks, latency", 2e-2, allotted[2]),
        Bar(name, f"{soft}, mean of {sampled}, beyond 3 s.e.: energy", 1e-2, inside[0]),
        Bar(name, f"{soft}, mean of {sampled}, beyond 3 s.e.: area", 1e-2, inside[1]),
        Bar(name, f"{soft}, mean of {sampled}, beyond 3 s.e.: latency", LATENCY_BIAS, inside[2]),
        Bar(name, f"{soft}, mean of {more} networks, the worst: energy", 1e-2, worst[0]),
        Bar(name, f"{soft}, mean of {more} networks, the worst: area", 1e-2, worst[1]),
        Bar(name, f"{soft}, mean of {more} networks, the worst: latency", LATENCY_BIAS, worst[2]),
        Bar(name, f"{soft}, bias over all of them: energy", 5e-3, mean[0]),
        Bar(name, f"{soft}, bias over all of them: latency", 5e-3, mean[2]),
        Bar(name, "gradients against central differences", 1e-6, gradient),
        Bar(name, f"interval's bias over the temperature, over ln({blocks})", 1.0, largest / math.log(blocks)),
        Bar(name, "interval's bias below 0, in temperatures", 1e-2, -least),
        Bar(name, "latency's bias at a temperature of 0.3% of the interval", 5e-3, low["largest_latency"]),
    ], biases


def draw(biases: dict[str, list[dict[str, float]]], path: Path) -> None:
    """Bias against temperature, one line a space and figure."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    matplotlib.rcParams["svg.hashsalt"] = "penalties"
    figure, axis = pyplot.subplots(figsize=(5.4, 3.6))
    for name, rows in biases.items():
        x = [100.0 * row["share"] for row in rows]
        (line,) = axis.loglog(x, [100.0 * row["latency"] for row in rows], marker="o", label=f"{name}: latency")
        y = [100.0 * row["interval"] for row in rows]
        axis.loglog(x, y, "--", color=line.get_color(), label=f"{name}: interval")
    axis.set(xlabel="temperature (% of the interval)", ylabel="mean bias (%)")
    axis.set_title("What a temperature adds to expected times", fontsize=9)
    axis.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all spaces; 0 when all bars hold."""
    parser = argparse.ArgumentParser(prog="python -m validation.penalties", description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help="smaller spaces, fewer draws")
    parser.add_argument("--only", nargs="+", metavar="SPACE", help="these spaces; the others keep what the record has")
    parser.add_argument("--out", type=Path, default=None, help="folder of record.json and temperature.svg")
    options = parser.parse_args(arguments)
    names = [space.name for space in measure.spaces(options.small)]
    only = options.only or names
    if not set(only) <= set(names):
        parser.error(f"spaces are {', '.join(names)}")
    found: list[Bar] = []
    biases: dict[str, list[dict[str, float]]] = {}
    for space in measure.spaces(options.small):
        if space.name not in only:
            continue
        bars, biases[space.name] = bars_of(space, options.small)
        print("\n".join(map(str, bars)), flush=True)
        found += bars
    out = options.out or (None if options.small else Path(__file__).parent)
    if out:
        path = out / "record.json"
        before = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"bars": [], "temperature": {}}
        rows = [{**bar._asdict(), "measured": float(f"{bar.measured:.3g}")} for bar in found]
        rows += [row for row in before["bars"] if row["space"] not in only]
        new = {name: [{k: float(f"{v:.3g}") for k, v in row.items()} for row in b] for name, b in biases.items()}
        every = {**before["temperature"], **new}
        curves = {name: every[name] for name in names if name in every}
        record = {"bars": sorted(rows, key=lambda row: names.index(row["space"])), "temperature": curves}
        path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        draw(curves, out / "temperature.svg")
    missed = sum(not bar.holds for bar in found)
    print(f"{len(found) - missed} of {len(found)} bars hold")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
