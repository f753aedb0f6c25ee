"""Pictures of fronts: all points, the front as a staircase, its knee. matplotlib is imported when one is drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pimsim.errors import InputError, printable
from pimsim.explore.pareto import is_number
from pimsim.explore.shown import axis, short_names, shown
from pimsim.report.plot import blank

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pimsim.explore.front import Front

Array = Any
MOST_POINTS = 20_000
"""Points behind the front that are drawn; of more, a sample."""
_MOST_NAMES = 8  # values of a knob that get a colour of their own
_MANY = 60  # points of a front that are drawn large
_LOGARITHMIC = 8.0  # axes that span more than this are logarithmic
CLOUD, FRONT, KNEE = "#b8bfca", "#c43c39", "#1d2433"
COLOURS = ("#4e79a7", "#f28e2b", "#59a14f", "#b07aa1", "#76b7b2", "#edc948", "#9c755f", "#ff9da7")


def draw(front: Front, color: str | None) -> Figure:
    """See `Front.plot`."""
    if color is None and len(front.objectives) > 2:
        color = front.objectives[2].name
    if color is not None and color not in front.results:
        listed = ", ".join([*front.results.knobs, *(o.name for o in front.objectives)][:24])
        raise InputError(f"no column '{printable(color, 80)}' to colour by; name a figure or a knob, e.g. {listed}")
    figure = blank(8.0, 5.2)
    panel = figure.subplots()
    scales = _axes(panel, [front])
    rows = _some(front)
    note = f"{len(front.results):,} points"
    if len(rows) < len(front.results) - front.left_out:
        note += f", {len(rows):,} of them drawn"
    x, y = (front.results[o.name][rows] / scale for o, scale in zip(front.objectives, scales, strict=False))
    colors = None if color is None else front.results[color][rows]
    title = "" if color is None else short_names(front.results.knobs).get(color, color)
    _cloud(figure, panel, x, y, colors, color or "", title)
    _staircase(panel, front, scales, FRONT, f"front, {len(front):,} points", filled=color is None)
    _mark_knee(panel, front, scales)
    _finish(figure, panel, f"{front.results.name}\n{note}")
    return figure


def draw_both(a: Front, b: Front) -> Figure:
    """See `Comparison.plot`."""
    figure = blank(8.0, 5.2)
    panel = figure.subplots()
    scales = _axes(panel, [a, b])
    for front, colour, name in ((a, COLOURS[0], "A"), (b, COLOURS[1], "B")):
        rows = _some(front)[: MOST_POINTS // 2]
        x, y = (front.results[o.name][rows] / scale for o, scale in zip(front.objectives, scales, strict=False))
        panel.scatter(x, y, s=5, color=colour, alpha=0.18, linewidths=0, rasterized=True)
        _staircase(panel, front, scales, colour, f"{name}: {front.results.name}, {len(front):,} points")
    _finish(figure, panel, "Two fronts")
    return figure


def _axes(panel: Any, fronts: list[Front]) -> list[float]:
    """Label and scale both axes; what to divide each objective by."""
    scales = []
    for at, (side, objective) in enumerate(zip("xy", fronts[0].objectives, strict=False)):
        columns = [_finite(front.results[objective.name]) for front in fronts]
        low, high = min(c.min() for c in columns), max(c.max() for c in columns)
        best = [abs(front.values[:, at]) for front in fronts]
        label, scale = axis(objective.name, float(max(b.max() for b in best)))
        getattr(panel, f"set_{side}label")(label + (", more is better" if objective.sign < 0 else ""), parse_math=False)
        if low > 0 and high > _LOGARITHMIC * low:
            getattr(panel, f"set_{side}scale")("log")
            _plain_ticks(getattr(panel, f"{side}axis"), high / low)
        scales.append(scale)
    return scales


def _plain_ticks(ruler: Any, span: float) -> None:
    """Numbers beside the ticks of a logarithmic axis, without powers of ten where they are short."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    steps = (1.0, 2.0, 5.0) if span < 1000 else (1.0,)
    ruler.set_major_locator(LogLocator(subs=steps, numticks=20))
    ruler.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ruler.set_minor_formatter(NullFormatter())


def _finite(column: Array) -> Array:
    return column[np.isfinite(column)]


def _some(front: Front) -> Array:
    """Rows to draw behind the front: all, or a sample that is the same every time."""
    good = np.ones(len(front.results), dtype=bool)
    for objective in front.objectives[:2]:
        good &= np.isfinite(front.results[objective.name])
    rows = np.flatnonzero(good)
    if len(rows) > MOST_POINTS:
        rows = np.sort(np.random.default_rng(0).choice(rows, MOST_POINTS, replace=False))
    return rows


def _cloud(figure: Figure, panel: Any, x: Array, y: Array, colors: Array | None, name: str, title: str) -> None:
    """The points: grey, or coloured by a column (few values by name, numbers along a bar)."""
    style = {"s": 9, "linewidths": 0, "alpha": 0.75, "rasterized": True}
    if colors is None:
        panel.scatter(x, y, color=CLOUD, label="points", **style)
        return
    values = sorted(set(colors.tolist()), key=lambda value: (isinstance(value, str), value)) if len(colors) else []
    if not is_number(colors) or len(values) <= _MOST_NAMES:
        for at, value in enumerate(values[:_MOST_NAMES]):
            here = colors == value
            label = f"{printable(title, 40)} {shown(name, value)}"
            panel.scatter(x[here], y[here], color=_shade(at, values), label=label, **style)
        rest = np.isin(colors, values[_MOST_NAMES:])
        if rest.any():
            panel.scatter(x[rest], y[rest], color=CLOUD, label=f"{len(values) - _MOST_NAMES:,} others", **style)
        return
    label, scale = axis(name, float(np.nanmax(np.abs(_finite(colors)))))
    shades = colors / scale
    some = _finite(shades)
    bounds = (some.min(), some.max())
    from matplotlib.colors import LogNorm, Normalize

    wide = bounds[0] > 0 and bounds[1] > _LOGARITHMIC * bounds[0]
    norm: Normalize = LogNorm(*bounds) if wide else Normalize(*bounds)
    drawn = panel.scatter(x, y, c=shades, cmap="viridis", norm=norm, **style)
    bar = figure.colorbar(drawn, ax=panel)
    bar.set_label(label, parse_math=False)
    if wide:
        _plain_ticks(bar.ax.yaxis, bounds[1] / bounds[0])


def _shade(at: int, values: list[Any]) -> Any:
    """Numbers from dark to light, so that their order is seen; words in colours that differ."""
    if any(isinstance(value, str | bool) for value in values):
        return COLOURS[at]
    from matplotlib import colormaps

    return colormaps["viridis"](0.95 * at / max(1, min(len(values), _MOST_NAMES) - 1))


def _staircase(panel: Any, front: Front, scales: list[float], colour: str, label: str, filled: bool = True) -> None:
    """The front in two objectives: its points, and the line that bounds what they dominate."""
    x, y = _places(front, scales)
    if len(front.objectives) == 2:
        panel.step(x, y, where="post", color=colour, linewidth=1.4, zorder=3)
    face = colour if filled else "none"
    size = 22 if len(front) <= _MANY else 10
    panel.scatter(x, y, s=size, facecolors=face, edgecolors=colour, linewidths=1.0, label=label, zorder=4)


def _places(front: Front, scales: list[float]) -> tuple[Array, Array]:
    """Where the points of the front are drawn."""
    x, y = front.objectives[:2]
    return x.sign * front.values[:, 0] / scales[0], y.sign * front.values[:, 1] / scales[1]


def _mark_knee(panel: Any, front: Front, scales: list[float]) -> None:
    place = [column[front.knee] for column in _places(front, scales)]
    label = f"knee: point {front.points[front.knee]}"
    panel.scatter(*place, marker="*", s=170, color=KNEE, label=label, zorder=5)


def _finish(figure: Figure, panel: Any, title: str) -> None:
    panel.grid(color="#dddddd", linewidth=0.6)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
    legend = panel.legend(frameon=False, fontsize=9, loc="best")
    for text in legend.get_texts():
        text.set_parse_math(False)
    figure.suptitle(title, parse_math=False, fontsize=11)
