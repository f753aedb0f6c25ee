"""The stacked picture: energy, latency and area by layer. matplotlib is imported when a picture is asked for."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pimsim.errors import InputError, printable
from pimsim.report.atomic import check_target, write_atomic
from pimsim.report.charts import Bar, Chart, chart
from pimsim.report.units import scaled, unit_for

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pimsim.report.result import Result

BARS = 48
FORMATS = ("png", "svg", "pdf")
LATENCY_COLOUR = "#4e79a7"
NOTEBOOK_DPI = 80


def picture_format(path: str | os.PathLike[str], option: str = "path") -> str:
    """The picture format that the ending of `path` names; InputError for one that is not known."""
    ending = Path(path).suffix.lower().removeprefix(".")
    if ending not in FORMATS:
        raise InputError(
            f"{option}: {printable(path)} must end in .png, .svg or .pdf; the ending says which picture to write"
        )
    return ending


def plot(result: Result, path: str | os.PathLike[str] | None = None) -> Figure:
    """See `Result.plot`."""
    return written(lambda: draw(result), path)


def written(drawn: Callable[[], Figure], path: str | os.PathLike[str] | None) -> Figure:
    """The figure that `drawn` gives, written to `path` unless that is None. Raises InputError before anything is drawn
    for an ending that is no picture, or a place that cannot be written."""
    if path is None:
        return drawn()
    kind = picture_format(path)
    check_target(path, "path")
    figure = drawn()
    write_atomic(path, encode(figure, kind))
    return figure


def encode(figure: Figure, kind: str, dpi: int = 150) -> bytes:
    """The picture as a file of `kind` (one of FORMATS), without a date, so that equal results give equal files."""
    buffer = io.BytesIO()
    metadata: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})
    figure.savefig(buffer, format=kind, dpi=dpi, metadata=metadata)
    return buffer.getvalue()


def blank(width: float, height: float) -> Figure:
    """An empty figure of this size in inches, which a notebook shows as the value of a cell; pyplot knows nothing of
    it, so that it is not drawn twice and is freed with its last name."""
    figure: Figure = _shown()(figsize=(width, height), layout="constrained")
    return figure


@cache
def _shown() -> Any:
    from matplotlib.figure import Figure

    class Shown(Figure):
        """A figure that notebooks ask for its PNG."""

        def _repr_png_(self) -> bytes:
            return encode(self, "png", NOTEBOOK_DPI)

    return Shown


def draw(result: Result) -> Figure:
    """Three panels over one axis of layers; energy and area stacked by component under whiskers of their 80% intervals,
    latency by share of the path."""
    data = chart(result, BARS)
    width = min(20.0, max(9.0, 4.5 + 0.3 * len(data.bars)))
    figure = blank(width, 9.5)
    panels = figure.subplots(3, 1, sharex=True)
    energy = unit_for("energy_pJ", max((sum(bar.energy.values()) for bar in data.bars), default=0))
    latency = unit_for("latency_ns", max((bar.latency_ns for bar in data.bars), default=0))
    area = unit_for("area_um2", max((sum(bar.area.values()) for bar in data.bars), default=0))
    _stacked(panels[0], data, [bar.energy for bar in data.bars], energy.factor)
    places = range(len(data.bars))
    panels[1].bar(places, [bar.latency_ns / latency.factor for bar in data.bars], color=LATENCY_COLOUR, width=0.8)
    _stacked(panels[2], data, [bar.area for bar in data.bars], area.factor)
    panels[0].set_ylabel(f"energy ({energy.name})")
    panels[1].set_ylabel(f"share of latency ({latency.name})")
    panels[2].set_ylabel(f"area ({area.name})")
    _whiskers(panels[0], [bar.energy for bar in data.bars], [bar.energy_interval for bar in data.bars], energy.factor)
    _whiskers(panels[2], [bar.area for bar in data.bars], [bar.area_interval for bar in data.bars], area.factor)
    if any(" +" in bar.label for bar in data.bars):
        panels[2].set_xlabel("+n: with n smaller steps beside it")
    for panel in panels:
        panel.grid(axis="y", color="#dddddd", linewidth=0.6)
        panel.set_axisbelow(True)
        panel.spines[["top", "right"]].set_visible(False)
        panel.margins(x=0.01)
    _name_bars(panels[2], data.bars)
    _legend(figure, data)
    figure.suptitle(_title(result), parse_math=False, fontsize=12)
    return figure


def _title(result: Result) -> str:
    figures = result.totals
    return (
        f"{result.name}\n{scaled('energy_pJ', figures['energy_pJ'])} per inference, "
        f"{scaled('latency_ns', figures['latency_ns'])}, {scaled('area_um2', figures['area_um2'])}"
    )


def _stacked(panel: Any, data: Chart, stacks: list[dict[str, float]], factor: float) -> None:
    places = range(len(stacks))
    base = [0.0] * len(stacks)
    for name, colour in data.parts:
        heights = [stack.get(name, 0.0) / factor for stack in stacks]
        panel.bar(places, heights, bottom=base, color=colour, width=0.8)
        base = [low + height for low, height in zip(base, heights, strict=True)]


def _whiskers(
    panel: Any, stacks: list[dict[str, float]], intervals: list[tuple[float, float]], factor: float
) -> None:
    """80% intervals over the tops of the bars."""
    tops = [sum(stack.values()) / factor for stack in stacks]
    below = [top - low / factor for top, (low, _) in zip(tops, intervals, strict=True)]
    above = [high / factor - top for top, (_, high) in zip(tops, intervals, strict=True)]
    heights = [[max(0.0, share) for share in side] for side in (below, above)]
    panel.errorbar(range(len(tops)), tops, yerr=heights, fmt="none", ecolor="#333333", elinewidth=0.8, capsize=2)


def _name_bars(panel: Any, bars: list[Bar]) -> None:
    if not bars:
        panel.set_xticks([])
        panel.text(0.5, 0.5, "nothing that costs", ha="center", transform=panel.transAxes)
        return
    panel.set_xticks(range(len(bars)))
    labels = panel.set_xticklabels(
        [bar.label for bar in bars], rotation=90 if len(bars) > 8 else 30, ha="center" if len(bars) > 8 else "right"
    )
    for label in labels:
        label.set_parse_math(False)
        label.set_fontsize(8 if len(bars) <= 30 else 7)


def _legend(figure: Figure, data: Chart) -> None:
    from matplotlib.patches import Patch

    if data.parts:
        handles = [Patch(color=colour, label=name.replace("_", " ")) for name, colour in data.parts]
        figure.legend(handles=handles, loc="outside right upper", title="component", frameon=False, fontsize=9)
