"""The report as one self-contained HTML page: no script, no request, everything from a file escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from pimsim.errors import printable
from pimsim.report.charts import chart
from pimsim.report.sections import (
    Facts,
    Lines,
    Section,
    Table,
    component_table,
    layer_notes,
    layer_table,
    mode_table,
    programming_facts,
    summary,
)
from pimsim.report.svg import stacked_bars, timeline
from pimsim.report.units import scaled, significant, unit_for

if TYPE_CHECKING:
    from pimsim.report.result import Result

BARS = 60
TABLE_ROWS = 1000
NOTEBOOK_ROWS = 40

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"

STYLE = """
:root { color-scheme: light dark; --ink: #1d2433; --soft: #5c6577; --line: #dfe3ea; --paper: #fff; --card: #f6f7f9;
  --accent: #2f6fb3; --warn: #9a5b00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ef; --soft: #9aa4b5; --line: #343b49; --paper: #14171d;
  --card: #1d222b; --accent: #7db3ec; --warn: #f0b35a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1440px; margin: 0 auto; padding: 28px 24px 60px; }
h1 { font-size: 24px; line-height: 1.25; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 17px; margin: 36px 0 10px; }
p.about, p.caption { color: var(--soft); margin: 0 0 12px; overflow-wrap: anywhere; }
p.caption { font-size: 13px; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(180px, 1fr)); gap: 12px; margin: 22px 0 8px; }
.card { background: var(--card); border-radius: 8px; padding: 12px 14px; }
.card b { display: block; font-size: 21px; line-height: 1.3; font-variant-numeric: tabular-nums; }
.card span { color: var(--soft); font-size: 13px; display: block; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 12px 4px 0; text-align: left; white-space: nowrap; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 600; vertical-align: bottom; }
.right { text-align: right; }
tr.dim td { color: var(--soft); }
tfoot td { font-weight: 600; border-bottom: 0; }
tbody tr:hover td { background: var(--card); }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 20px; margin: 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
ul { margin: 0; padding-left: 20px; overflow-wrap: anywhere; }
.warning li { color: var(--warn); }
svg { display: block; max-width: 100%; height: auto; }
svg text { fill: var(--soft); font: 11px system-ui, sans-serif; }
svg .name { fill: var(--ink); }
svg .grid { stroke: var(--line); }
svg .run { fill: var(--accent); opacity: .35; }
svg .critical { fill: var(--accent); }
.legend { display: flex; flex-wrap: wrap; gap: 4px 18px; list-style: none; margin: 0 0 10px; padding: 0;
  font-size: 13px; color: var(--soft); }
.legend i { display: inline-block; width: 11px; height: 11px; border-radius: 2px; margin-right: 6px; }
"""


def text(value: object, limit: int = 2000) -> str:
    """`value` for HTML: control characters as escapes, markup characters as entities."""
    return escape(printable(value, limit), quote=True)


def page(result: Result) -> str:
    """See `Result.to_html`."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{text(result.name)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"{_body(result)}</main>\n</body>\n</html>\n"
    )


def fragment(result: Result) -> str:
    """For notebooks: the headline figures and the tables, without a page around them."""
    parts: list[Section] = [summary(result), component_table(result), layer_table(result, NOTEBOOK_ROWS)]
    return "<div>" + "".join(_section(part) for part in parts) + "</div>"


def _body(result: Result) -> str:
    data = chart(result, BARS)
    bars = data.bars
    energy = unit_for("energy_pJ", max((sum(bar.energy.values()) for bar in bars), default=0))
    area = unit_for("area_um2", max((sum(bar.area.values()) for bar in bars), default=0))
    legend = "".join(
        f'<li><i style="background:{colour}"></i>{text(name.replace("_", " "))}</li>' for name, colour in data.parts
    )
    facts = summary(result)
    folded = '<p class="caption">+n: with n smaller steps beside it</p>\n' if len(bars) < _costly(result) else ""
    body = [f"<h1>{text(result.name)}</h1>\n{_about(result)}{_cards(result)}"]
    body.append(_section(Facts("Summary", facts.pairs)))
    if bars:
        body.append(
            f'<h2>Energy by layer</h2>\n{folded}<ul class="legend">{legend}</ul>\n'
            f"{stacked_bars(bars, [bar.energy for bar in bars], data.parts, energy)}"
            f'<h2>Time of one inference</h2>\n<p class="caption">light: while the layer runs; '
            f"dark: its share of the critical path, at its end</p>\n{timeline(bars, result.totals['latency_ns'])}"
            f'<h2>Area by layer</h2>\n<ul class="legend">{legend}</ul>\n'
            f"{stacked_bars(bars, [bar.area for bar in bars], data.parts, area)}"
        )
    parts: list[Section] = [
        component_table(result),
        mode_table(result),
        programming_facts(result),
        layer_table(result, TABLE_ROWS),
    ]
    if result.lookups is not None:
        from pimsim.report.lookups import lookup_sections

        parts[2:2] = lookup_sections(result, TABLE_ROWS)
    notes = [*result.notes, *layer_notes(result)]
    if notes:
        parts.append(Lines("Notes", notes))
    if result.warnings:
        parts.append(Lines("Warnings", list(result.warnings), warning=True))
    return "".join([*body, *(_section(part) for part in parts)])


def _costly(result: Result) -> int:
    return sum(1 for row in result.layers if row["energy_pJ"] or row["latency_ns"] or row["area_um2"])


def _about(result: Result) -> str:
    hardware = result.hardware_info
    about = [result.workload.source, hardware.get("description", ""), hardware.get("source", "")]
    shown = "<br>".join(text(part, 600) for part in about if part)
    return f'<p class="about">{shown}</p>\n' if shown else ""


def _cards(result: Result) -> str:
    figures = result.totals
    cards = [
        ("energy per inference", scaled("energy_pJ", figures["energy_pJ"])),
        ("latency", scaled("latency_ns", figures["latency_ns"])),
        ("inferences/s", significant(figures["throughput_inferences_per_s"])),
        ("power", scaled("power_W", figures["power_W"])),
        ("area", scaled("area_um2", figures["area_um2"])),
        (f"TOPS/W (1 MAC = 2 operations, {result.precision})", significant(figures["tops_per_W"])),
    ]
    shown = "".join(f'<div class="card"><b>{text(value)}</b><span>{text(label)}</span></div>' for label, value in cards)
    return f'<div class="cards">{shown}</div>\n'


def _section(part: Section) -> str:
    heading = f"<h2>{text(part.title)}</h2>\n"
    if isinstance(part, Table):
        return heading + _table(part)
    if isinstance(part, Facts):
        pairs = "".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in part.pairs)
        return f"{heading}<dl>{pairs}</dl>\n"
    items = "".join(f"<li>{text(line)}</li>" for line in part.lines)
    return f'{heading}<ul{" class=warning" if part.warning else ""}>{items}</ul>\n'


def _table(table: Table) -> str:
    def row(cells: tuple[str, ...], tag: str = "td") -> str:
        drawn = (
            f'<{tag}{" class=right" if column.right else ""}>{text(cell)}</{tag}>'
            for cell, column in zip(cells, table.columns, strict=True)
        )
        return "".join(drawn)

    head = row(tuple(column.title for column in table.columns), "th")
    lines = "\n".join(
        f"<tr{' class=dim' if index in table.dim else ''}>{row(cells)}</tr>" for index, cells in enumerate(table.rows)
    )
    foot = f"<tfoot><tr>{row(table.last)}</tr></tfoot>" if table.last else ""
    caption = f'<p class="caption">{text(table.caption)}</p>\n' if table.caption else ""
    return (
        f'{caption}<div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{lines}\n</tbody>\n'
        f"{foot}</table></div>\n"
    )
