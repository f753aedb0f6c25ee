"""Inline SVG charts of the HTML page: horizontal bars, one a layer, so that long names stay readable."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from pimsim.report.charts import Bar
from pimsim.report.units import Unit, cells, scaled, unit_for

WIDTH = 1200
ROW = 18
BAR = 13
VALUE = 90  # room for the figure behind a bar
AXIS = 22


def stacked_bars(
    bars: Sequence[Bar], stacks: Sequence[dict[str, float]], parts: Sequence[tuple[str, str]], unit: Unit
) -> str:
    """One stacked bar a layer, with its figure behind it and every part's figure as a tooltip."""
    left = _name_width(bars)
    room = WIDTH - left - VALUE
    largest = max((sum(stack.values()) for stack in stacks), default=0.0) or 1.0
    drawn = [_axis(left, room, largest / unit.factor, unit.name, len(bars))]
    for index, (bar, stack) in enumerate(zip(bars, stacks, strict=True)):
        top = AXIS + index * ROW
        whole = sum(stack.values())
        drawn.append(_name(bar, left, top))
        at = float(left)
        for name, colour in parts:
            value = stack.get(name, 0.0)
            if value <= 0:
                continue
            width = room * value / largest
            tip = f"{bar.label}: {name.replace('_', ' ')} {unit.show(value)} {unit.name}"
            drawn.append(
                f'<rect x="{at:.2f}" y="{top}" width="{width:.2f}" height="{BAR}" fill="{colour}">'
                f"<title>{escape(tip)}</title></rect>"
            )
            at += width
        drawn.append(f'<text x="{at + 6:.2f}" y="{top + 10.5}">{unit.show(whole)}</text>')
    return _svg(drawn, AXIS + len(bars) * ROW, f"by layer, {unit.name}")


def timeline(bars: Sequence[Bar], latency_ns: float) -> str:
    """When each layer runs (start to end), and its share of the critical path, within one inference."""
    timed = [bar for bar in bars if bar.end_ns > 0]
    if not timed or latency_ns <= 0:
        return '<p class="caption">nothing takes time</p>\n'
    left = _name_width(timed)
    room = WIDTH - left - VALUE
    span = max(latency_ns, max(bar.end_ns for bar in timed))
    unit = unit_for("latency_ns", span)
    drawn = [_axis(left, room, span / unit.factor, unit.name, len(timed))]
    for index, bar in enumerate(timed):
        top = AXIS + index * ROW
        start, end = left + room * bar.start_ns / span, left + room * bar.end_ns / span
        share = room * bar.latency_ns / span
        dark = f'x="{max(left, end - share):.2f}" y="{top}" width="{share:.2f}" height="{BAR}"'
        tip = (
            f"{bar.label}: {scaled('latency_ns', bar.start_ns)} to {scaled('latency_ns', bar.end_ns)}, "
            f"{scaled('latency_ns', bar.latency_ns)} of the critical path"
        )
        drawn.append(_name(bar, left, top))
        drawn.append(
            f"<g><title>{escape(tip)}</title>"
            f'<rect class="run" x="{start:.2f}" y="{top}" width="{max(end - start, 0.5):.2f}" height="{BAR}"/>'
            f'<rect class="critical" {dark}/></g>'
        )
        drawn.append(f'<text x="{end + 6:.2f}" y="{top + 10.5}">{unit.show(bar.latency_ns)}</text>')
    return _svg(drawn, AXIS + len(timed) * ROW, f"time, {unit.name}")


def _name_width(bars: Sequence[Bar]) -> int:
    return min(260, 24 + int(6.3 * max((cells(bar.label) for bar in bars), default=0)))


def _name(bar: Bar, left: int, top: float) -> str:
    return f'<text class="name" x="{left - 8}" y="{top + 10.5}" text-anchor="end">{escape(bar.label)}</text>'


def _axis(left: int, room: float, largest: float, unit: str, rows: int) -> str:
    """Vertical lines at round values, with their figures above."""
    step = _round_step(largest / 5)
    drawn = []
    count = int(largest / step + 1e-9)
    for tick in range(count + 1):
        value = tick * step
        x = left + room * value / largest
        label = f"{value:.6g} {unit}" if tick == count else f"{value:.6g}"
        drawn.append(f'<line class="grid" x1="{x:.2f}" y1="{AXIS - 6}" x2="{x:.2f}" y2="{AXIS + rows * ROW - 3}"/>')
        drawn.append(f'<text x="{x:.2f}" y="{AXIS - 10}" text-anchor="middle">{escape(label)}</text>')
    return "".join(drawn)


def _round_step(value: float) -> float:
    """The nearest of 1, 2, 5 x 10^n at or above `value`."""
    power = 10.0 ** (len(f"{int(value)}") - 1) if value >= 1 else 10.0 ** -_zeros(value)
    return next(step * power for step in (1, 2, 5, 10, 20) if step * power >= value * (1 - 1e-9))


def _zeros(value: float) -> int:
    places = 0
    while 0 < value < 1:
        value *= 10
        places += 1
    return places


def _svg(drawn: Sequence[str], height: int, label: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img" '
        f'aria-label="{escape(label)}">{"".join(drawn)}</svg>\n'
    )
