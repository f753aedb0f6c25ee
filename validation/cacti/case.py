"""Memories: our SRAM, eDRAM and register files over CACTI and over published memories.

Ratios of the models were fitted to some runs of CACTI 7.0 (runs.csv, fit.py); the other runs and all publications are
predictions.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from pimsim.validation import Curve, Picture, Report, Row

from .points import QUANTITIES, Point, runs

PUBLISHED = Path(__file__).with_name("published.yaml")
FACTOR = 2.0
"""Of one published figure: ours is at most twice it and at least half of it."""

RUNS_SIGMA = {"read_pJ": 0.5, "write_pJ": 0.4, "access_ns": 0.45, "area_mm2": 0.3, "leakage_mW": 0.3}
"""Of the predicted runs: largest root mean square of ln(CACTI / ours)."""

MNSIM = "mnsim"

NOTES = (
    "Fitted: nine ratios of SRAM to runs of CACTI 7.0 (HewlettPackard/cacti@1ffd8df) at 65, 45 and 32 nm, high "
    "performance, one port, one bank; two of eDRAM to its logic-process DRAM at 45 and 32 nm. All runs: cache type "
    "ram, 300 K, no ECC, otherwise the tool's cache.cfg. Predicted runs: 90 and 22 nm, low power, more ports, more "
    "banks. Nothing was fitted to a publication.",
    "Not blind: the closed forms (subarrays, driven columns, wires over the cells) were chosen in view of all runs and "
    "of MNSIM's table. That words of a register file have wordlines of their own came in after a first comparison, in "
    "which whole rows were read, had shown two to three times PUMA's energy.",
    "The bar of a published figure is a factor of two either way. CACTI itself searches thousands of organisations; "
    "ours are one closed form, which misses most where a word is as wide as a small array, or where ports multiply the "
    "wires of a large one.",
    "Access times are long at 22 nm and short at 90 nm beside CACTI's: its ITRS transistors gain more from node to "
    "node than our technology table, which follows published delays.",
    "Leakage is compared at the source's off-current and temperature where they are known (`off_nA_per_um`): ITRS's "
    "high-performance transistors leak 280 nA/um at 45 nm and 300 K, those of the table 100.",
    "Of the sources with a bar, the rms of ln(published / ours) is 0.36 in energy, 0.23 in time, 0.28 in area and 0.31 "
    "in leakage; with the figures without a bar (MNSIM's apart) 0.41, 0.64, 0.38 and 0.44.",
)


class Residual(NamedTuple):
    """One figure of one point."""

    point: Point
    quantity: str
    published: float
    ours: float

    @property
    def log(self) -> float:
        """ln(published / ours): what spreads are made of."""
        return math.log(self.published / self.ours)


def residuals(points: Iterable[Point]) -> list[Residual]:
    """Every published figure beside ours."""
    found = []
    for point in points:
        ours = point.ours()
        for quantity in QUANTITIES:
            published = getattr(point, quantity)
            if published is not None:
                found.append(Residual(point, quantity, published, ours[quantity]))
    return found


def published_points(group: dict[str, Any]) -> list[Point]:
    """The points of one source."""
    common = {key: value for key, value in group.items() if key not in ("source", "why", "points")}
    return [_point({**common, **point}) for point in group["points"]]


def _point(given: dict[str, Any]) -> Point:
    numbers = {key: float(value) for key, value in given.items() if not isinstance(value, str)}
    texts: dict[str, Any] = {key: value for key, value in given.items() if isinstance(value, str)}
    return Point(capacity_bits=numbers.pop("bits"), **texts, **numbers)


def mnsim_points(group: dict[str, Any]) -> list[Point]:
    """MNSIM's table: three nodes, nine capacities, four widths."""
    found = []
    for node in group["nodes"]:
        for i, capacity in enumerate(group["capacity_KB"]):
            for j, width in enumerate(group["width_bits"]):
                given = {quantity: node[quantity][i][j] for quantity in QUANTITIES if quantity in node}
                if None not in given.values():
                    name, node_nm = f"{node['node_nm']} nm, {capacity} KB x {width}", float(node["node_nm"])
                    shape = (8192.0 * capacity, float(width), float(group["ports"]), float(group["banks"]))
                    found.append(
                        Point(name, "sram", node_nm, node["supply_V"], "hp", *shape, node["off_nA_per_um"], **given)
                    )
    return found


def rms(found: Sequence[Residual], quantity: str) -> float:
    """Root mean square of ln(published / ours) of a quantity: bias and scatter together."""
    logs = [r.log for r in found if r.quantity == quantity]
    return math.sqrt(sum(log * log for log in logs) / len(logs))


def spread(*quantities: str) -> tuple[int, float]:
    """Number of published figures of these quantities, and root mean square of ln(published / ours) over all of them,
    with a bar or without. MNSIM's table is left out: 105 settings of one tool that it does not print would outweigh
    the rest."""
    figures = yaml.safe_load(PUBLISHED.read_text("utf-8"))
    points = [point for source, group in figures.items() if source != MNSIM for point in published_points(group)]
    logs = [r.log for r in residuals(points) if r.quantity in quantities]
    return len(logs), math.sqrt(sum(log * log for log in logs) / len(logs))


def run() -> Report:
    """All rows."""
    figures = yaml.safe_load(PUBLISHED.read_text("utf-8"))
    rows: list[Row] = []
    for source, group in figures.items():
        if source != MNSIM:
            rows += [_row(source, r, group.get("why", "")) for r in residuals(published_points(group))]
    done = {use: residuals(point for point in runs() if point.use == use) for use in ("fitted", "predicted")}
    for quantity, sigma in RUNS_SIGMA.items():
        label = f"runs of CACTI 7, predicted: rms of ln(CACTI / ours), {quantity.split('_')[0]}"
        rows.append(Row(label, "", None, rms(done["predicted"], quantity), sigma, "bar"))
    table = residuals(mnsim_points(figures[MNSIM]))
    sources = "; ".join(group["source"] for group in figures.values())
    text = "\n\n".join(
        (
            *(_table(f"Runs of CACTI 7 that were {use}", found) for use, found in done.items()),
            _table(f"MNSIM's table of CACTI figures ({figures[MNSIM]['why']}: no bar)", table),
        )
    )
    return Report("cacti", sources, tuple(rows), NOTES, _pictures(figures), text)


def _row(source: str, r: Residual, why: str) -> Row:
    label = f"{source}: {r.point.name}, {r.quantity.split('_')[0]}"
    unit = QUANTITIES[r.quantity]
    if why:
        return Row(label, unit, r.published, r.ours, None, "flagged", why)
    tolerance = FACTOR - 1.0 if r.ours > r.published else 1.0 - 1.0 / FACTOR
    return Row(label, unit, r.published, r.ours, tolerance, "prediction")


def _table(title: str, found: Sequence[Residual]) -> str:
    """Ours over the published figure, a row a memory, and the root mean square of its logarithm."""
    names = [quantity.split("_")[0] for quantity in QUANTITIES]
    lines = [f"**{title}: ours over theirs**", "", f"| memory | {' | '.join(names)} |", f"|---|{'---|' * len(names)}"]
    by_point: dict[str, dict[str, float]] = {}
    for r in found:
        by_point.setdefault(r.point.name, {})[r.quantity] = r.ours / r.published
    for name, ratios in by_point.items():
        cells = (f"{ratios[quantity]:.2f}" if quantity in ratios else "" for quantity in QUANTITIES)
        lines.append(f"| {name} | {' | '.join(cells)} |")
    have = {r.quantity for r in found}
    cells = (f"{rms(found, quantity):.2f}" if quantity in have else "" for quantity in QUANTITIES)
    lines.append(f"| rms of ln | {' | '.join(cells)} |")
    return "\n".join(lines)


def _pictures(figures: dict[str, Any]) -> tuple[Picture, ...]:
    """Energy and area at 45 nm, time at 45 and 22 nm, of 64-bit words, over capacity."""
    plain = [p for p in runs() if (p.kind, p.flavour, p.width_bits, p.ports, p.banks) == ("sram", "hp", 64.0, 1.0, 1.0)]
    at = {node: sorted((p for p in plain if p.node_nm == node), key=_KB) for node in (45.0, 22.0)}
    dual = [p for p in mnsim_points(figures[MNSIM]) if (p.node_nm, p.width_bits) == (45.0, 64.0)]
    caches = published_points(figures["horowitz"])
    one, two = "CACTI 7, 1 port", "MNSIM's CACTI, taken as 2 ports, 2 banks"
    pictures = []
    for quantity, what in (("read_pJ", "energy of a read (pJ)"), ("area_mm2", "area (mm2)")):
        extra = (_curve("Horowitz 2014, caches, 0.9 V", caches, quantity),) if quantity == "read_pJ" else ()
        pictures.append(
            Picture(
                f"cacti_{quantity.split('_')[0]}", f"SRAM, 45 nm, 64-bit words: {what}", "capacity (KB)", what,
                (_curve(one, at[45.0], quantity), _curve(two, dual, quantity), *extra),
                (_ours("ours, 1 port", at[45.0], quantity), _ours("ours, 2 ports, 2 banks", dual, quantity)),
                logarithmic=True, doubling=True,
            )
        )  # fmt: skip
    published = tuple(_curve(f"CACTI 7, {node:g} nm", points, "access_ns") for node, points in at.items())
    ours = tuple(_ours(f"ours, {node:g} nm", points, "access_ns") for node, points in at.items())
    title = "SRAM, 64-bit words, 1 port: access time"
    axes = ("capacity (KB)", "access time (ns)")
    pictures.append(Picture("cacti_access", title, *axes, published, ours, logarithmic=True, doubling=True))
    return tuple(pictures)


def _KB(point: Point) -> float:
    return point.capacity_bits / 8192.0


def _curve(label: str, points: Sequence[Point], quantity: str) -> Curve:
    return Curve(label, tuple(map(_KB, points)), tuple(float(getattr(point, quantity)) for point in points))


def _ours(label: str, points: Sequence[Point], quantity: str) -> Curve:
    return Curve(label, tuple(map(_KB, points)), tuple(float(point.ours()[quantity]) for point in points))
