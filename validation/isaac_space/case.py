"""ISAAC's own design space, gone through by the batched evaluator: is the paper's ISAAC-CE the best point of it?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from pimsim.cost.points import Points
from pimsim.engine import evaluate
from pimsim.explore.space import Space
from pimsim.explore.space_file import load_space
from pimsim.validation import Curve, Picture, Report, Row

from ..isaac.case import one_layer

Array = Any
PUBLISHED = Path(__file__).with_name("published.yaml")
ROWS, HALF_ADCS, CROSSBARS, IMAS = "crossbar.rows", "pe.shift_add.count", "pe.crossbars", "tile.pes"
ADC_AREA = "crossbar.adc.area_um2"
DOUBLING = "1200 * min(1, 2 * half_A / C) * 2 ** (bits - 8)"  # all of a converter grows as its capacitive DAC does
VECTORS = 1000  # of the product that keeps the chip busy; the pipeline's fill is below a thousandth of it

NOTES = (
    "Peak compute efficiency (CE), every crossbar busy in every cycle, as the paper has it: a product as wide as the "
    "chip. Of each point's chip as much is tiles as of the paper's (62.5 of 85.4 mm2); the rest is off-chip links.",
    "hwconfigs/spaces/isaac.yaml scales the prices of Table 1 and says what that assumes. That the bus carries every "
    "input once in a read, and is as wide as that needs, was preferred to a bus of 384 wires at all points with the "
    "paper's 30% in sight; no number was set by it.",
    "Up to 128 rows our best point is one step from the paper's, with the same one ADC a crossbar. Larger tiles share "
    "their router among more crossbars, which is all that they gain; at 256 crossbars its 32-bit flits are too few.",
    "256 rows halve the conversions of a product and lengthen no read in our file, so they are better than anything in "
    "the paper, even with converters that double with every bit: the paper stays with 128 for noise, which a peak "
    "efficiency does not show.",
)


@dataclass(frozen=True)
class Swept:
    """The points of the space: label, knobs (A is 2 x half_A) and compute efficiency (GOPS/s/mm2 of the chip)."""

    labels: tuple[str, ...]
    rows: Array
    adcs: Array
    crossbars: Array
    imas: Array
    ce: Array

    def best(self, among: Array | None = None) -> int:
        """The point of the highest efficiency, the first of equal ones."""
        return int(np.argmax(self.ce if among is None else np.where(among, self.ce, -1.0)))

    def at(self, rows: int, adcs: int, crossbars: int, imas: int) -> int:
        """The point with these knobs."""
        return self.labels.index(label(rows, adcs, crossbars, imas))


def run() -> Report:
    """The best points, their distance from the paper's, and the picture."""
    figures = yaml.safe_load(PUBLISHED.read_text("utf-8"))
    space = load_space("isaac")
    found = sweep(space, figures)
    quiet = found.rows <= figures["largest_rows_for_noise"]
    paper = found.at(*figures["best"].values())
    best = found.best(quiet)
    asked = figures["best"]
    slow = found.at(asked["rows"], asked["adcs"] // 2, asked["crossbars"], asked["imas"])
    doubling = sweep(with_derived(space, ADC_AREA, DOUBLING), figures)
    few = "up to 128 rows:"
    rows = [
        Row("CE of the paper's point", "GOPS/s/mm2", figures["best_GOPS_per_mm2"], float(found.ce[paper]), 0.01,
            "bookkeeping"),
        Row("CE lost by a read of 200 ns, half the ADCs", "", figures["ce_lost_by_200_ns"],
            float(1.0 - found.ce[slow] / found.ce[paper]), 0.1, "prediction"),
        Row(f"{few} CE of the paper's point over the best", "", 1.0, float(found.ce[paper] / found.ce[best]), 0.1,
            "prediction"),
        Row(f"{few} rows of the best point", "", asked["rows"], float(found.rows[best]), 0.0, "prediction"),
        Row(f"{few} ADCs a crossbar of the best point", "", asked["adcs"] / asked["crossbars"],
            float(found.adcs[best] / found.crossbars[best]), 0.0, "prediction"),
        Row(f"{few} crossbars a tile of the best point", "", asked["crossbars"] * asked["imas"],
            float(found.crossbars[best] * found.imas[best]), None, "flagged",
            "larger tiles gain a little by sharing their router, with nothing in our file against them"),
        best_row(f"{few} CE of the best point", found, best),
        best_row("all rows: CE of the best point", found, found.best()),
        best_row("all rows, ADCs doubling with every bit: CE of the best point", doubling, doubling.best()),
    ]  # fmt: skip
    return Report("isaac_space", figures["source"], tuple(rows), NOTES, (picture(found, figures),))


def best_row(what: str, found: Swept, at: int) -> Row:
    """A best point of ours, which nobody has published."""
    return Row(f"{what} ({found.labels[at]})", "GOPS/s/mm2", None, float(found.ce[at]), None, "prediction")


def sweep(space: Space, figures: dict[str, Any]) -> Swept:
    """Compute efficiency of every point. Raises RuntimeError for a point that does not fill its chip."""
    settings = space.columns(space.codes(0, space.size))
    rows, adcs = settings[ROWS], 2 * settings[HALF_ADCS]
    crossbars, imas = settings[CROSSBARS], settings[IMAS]
    base = space.base
    held = base.chip.tiles * crossbars * imas
    columns = base.precision.weight_bits // base.crossbar.cell.bits
    products = [one_layer("full chip", int(h), int(n * h // columns), VECTORS) for h, n in zip(rows, held, strict=True)]
    table = evaluate(products, Points(base, settings), pairs=True)
    if any(table["error"]) or not np.array_equal(table["crossbars"], held):
        raise RuntimeError(f"a product does not fill its chip: {next(filter(None, table['error']), '')}")
    links_um2 = base.chip.link.count * base.chip.link.area_um2
    share = figures["tiles_mm2"] / figures["chip_mm2"]
    ce = 1e3 * table["tops"] / ((table["area_um2"] - links_um2) * 1e-6) * share
    labels = tuple(label(*point) for point in zip(rows, adcs, crossbars, imas, strict=True))
    return Swept(labels, rows, adcs, crossbars, imas, ce)


def label(rows: int, adcs: int, crossbars: int, imas: int) -> str:
    """A point as the paper names it."""
    return f"H{rows}-A{adcs}-C{crossbars}-I{imas}"


def with_derived(space: Space, path: str, expression: str) -> Space:
    """`space` with another expression for one derived value."""
    return replace(space, derived=tuple((name, expression if name == path else text) for name, text in space.derived))


def picture(found: Swept, figures: dict[str, Any]) -> Picture:
    """Compute efficiency over H, A and C, a mark for each I, as figure 5 has it."""
    shapes = list(dict.fromkeys(name.rpartition("-")[0] for name in found.labels))
    place = {name: float(at) for at, name in enumerate(shapes)}
    ours = []
    for imas in sorted(set(found.imas.tolist())):
        at = np.flatnonzero(found.imas == imas)
        x = tuple(place[found.labels[one].rpartition("-")[0]] for one in at)
        ours.append(Curve(f"I = {imas}", x, tuple(found.ce[at].tolist())))
    best = figures["best"]
    paper = Curve(
        "paper, ISAAC-CE (I = 12)",
        (place[label(*best.values()).rpartition("-")[0]],),
        (figures["best_GOPS_per_mm2"],),
    )
    title = "Peak compute efficiency over ISAAC's design space"
    return Picture("isaac_space", title, "", "GOPS/s/mm2", (paper,), tuple(ours), ticks=tuple(shapes))
