"""Published points over our curves, as data and as a PNG. matplotlib is imported when a picture is drawn."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

COLOURS = ("#4e79a7", "#e15759", "#59a14f", "#b07aa1", "#f28e2b", "#76b7b2")
MARKERS = ("o", "s", "^", "D")


@dataclass(frozen=True)
class Curve:
    """Points under one label. low, high: ends of a whisker at each point. names: written beside the points."""

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Picture:
    """Published points over our curves. name: of the file, without ending. diagonal: both axes are one quantity, and a
    line says where they agree. ticks: names of x = 0, 1, 2...; our points are marks then: nothing lies between them.
    doubling: x in powers of two, each with its number."""

    name: str
    title: str
    x_label: str
    y_label: str
    published: tuple[Curve, ...]
    ours: tuple[Curve, ...] = ()
    logarithmic: bool = False
    diagonal: bool = False
    ticks: tuple[str, ...] = ()
    doubling: bool = False


def png(picture: Picture) -> bytes:
    """The picture as a PNG, equal for equal data (no date, no version)."""
    from matplotlib.figure import Figure

    wide = picture.diagonal or picture.ticks
    figure = Figure(figsize=(10.0, 7.5 if picture.diagonal else 5.0) if wide else (7.2, 4.4), layout="constrained")
    panel = figure.subplots()
    for index, curve in enumerate(picture.ours):
        style: dict[str, Any] = {"linestyle": "none", "marker": "_", "markersize": 9} if picture.ticks else {}
        panel.plot(curve.x, curve.y, color=COLOURS[index], label=curve.label, linewidth=1.8, **style)
    if picture.ticks:
        panel.set_xticks(range(len(picture.ticks)), picture.ticks, rotation=90, fontsize=8)
    if picture.doubling:
        values = sorted({x for curve in (*picture.published, *picture.ours) for x in curve.x})
        panel.set_xscale("log", base=2)
        panel.set_xticks(values, [f"{value:g}" for value in values])
    for index, curve in enumerate(picture.published):
        _points(panel, curve, index)
    _names(panel, picture)
    if picture.logarithmic:
        panel.set_yscale("log")
        _plain_ticks(panel.yaxis, picture, "y")
        if picture.diagonal:
            panel.set_xscale("log")
            _plain_ticks(panel.xaxis, picture, "x")
    if picture.diagonal:
        low, high = _span(picture)
        panel.plot((low, high), (low, high), color="#888888", linewidth=1.0, linestyle="--", label="agreement")
    panel.set_xlabel(picture.x_label, parse_math=False)
    panel.set_ylabel(picture.y_label, parse_math=False)
    panel.grid(color="#dddddd", linewidth=0.6)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(frameon=False, fontsize=9)
    figure.suptitle(picture.title, parse_math=False, fontsize=11)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    return buffer.getvalue()


def _points(panel: Any, curve: Curve, index: int) -> None:
    colour = COLOURS[index]
    if curve.low:
        down = [y - low for y, low in zip(curve.y, curve.low, strict=True)]
        up = [high - y for y, high in zip(curve.y, curve.high, strict=True)]
        panel.errorbar(
            curve.x, curve.y, yerr=(down, up), fmt="none", ecolor=colour, elinewidth=1.0, capsize=3, alpha=0.6
        )
    panel.scatter(
        curve.x, curve.y, marker=MARKERS[index % len(MARKERS)], s=34, color=colour, edgecolor="black", linewidth=0.6,
        label=curve.label, zorder=3,
    )  # fmt: skip


def _names(panel: Any, picture: Picture) -> None:
    """Names beside the points, from left to right on either side in turn, so that neighbours keep clear."""
    named = sorted(
        (x, y, name) for c in picture.published for x, y, name in zip(c.x, c.y, c.names, strict=False) if name
    )
    for index, (x, y, name) in enumerate(named):
        place = {"xytext": (6, 4), "ha": "left"} if index % 2 else {"xytext": (-6, -9), "ha": "right"}
        note = panel.annotate(name, (x, y), textcoords="offset points", fontsize=7, **place)
        note.set_parse_math(False)


def _span(picture: Picture) -> tuple[float, float]:
    values = [v for curve in picture.published for v in (*curve.x, *curve.y)]
    return min(values), max(values)


def _plain_ticks(axis: Any, picture: Picture, which: str) -> None:
    """Numbers as they are said (0.3, 20), and between the decades where an axis spans less than two."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    values = [v for curve in (*picture.published, *picture.ours) for v in (curve.x if which == "x" else curve.y)]
    short = max(values) < 30 * min(values)
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if short else (1.0,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
