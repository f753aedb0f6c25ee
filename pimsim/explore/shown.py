"""How columns of results are called and written for people: units, short names of knobs, HTML tables."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from pimsim.cost.table import Table
from pimsim.errors import printable
from pimsim.report.units import scaled, significant, unit_for

_QUANTITIES = (("_pJ", "energy_pJ"), ("_ns", "latency_ns"), ("_um2", "area_um2"), ("power_W", "power_W"))
_LABELS = {
    "tops": "TOPS",
    "tops_per_W": "TOPS/W",
    "tops_per_mm2": "TOPS/mm2",
    "throughput_inferences_per_s": "inferences/s",
}


def quantity_of(column: str) -> str | None:
    """The quantity (a key of `report.units.SCALES`) that a column holds, by the unit in its name; None: no such."""
    name = column.removesuffix("_low").removesuffix("_high")  # ends of an interval
    return next((quantity for ending, quantity in _QUANTITIES if name.endswith(ending)), None)


def shown(column: str, value: Any) -> str:
    """A value of a column with its unit, four digits of it: `12.3 uJ`, `sar`, `128`."""
    if isinstance(value, bool) or not isinstance(value, float):
        return printable(value, 60)
    if not -1e300 < value < 1e300:  # not a number, or not finite
        return str(value)
    quantity = quantity_of(column)
    return significant(value) if quantity is None else scaled(quantity, value)


def axis(column: str, largest: float) -> tuple[str, float]:
    """(label of an axis, what to divide the column by), the unit being that in which `largest` is well read."""
    name = column.rpartition(".")[2]
    model = f"{printable(column.rpartition('.')[0], 40)}: " if "." in column else ""
    if name in _LABELS:
        return model + _LABELS[name], 1.0
    quantity = quantity_of(name)
    if quantity is None:
        return printable(column, 60), 1.0
    unit = unit_for(quantity, largest)
    words = " ".join(part for part in name.split("_") if part not in ("pJ", "ns", "um2", "W"))
    return f"{model}{words} ({unit.name})", unit.factor


def short_names(paths: Sequence[str]) -> dict[str, str]:
    """Path -> the shortest ending of it that no other path has: crossbar.adc.bits -> adc.bits."""
    found = {}
    for path in paths:
        steps = path.split(".")
        endings = [".".join(steps[at:]) for at in range(len(steps) - 1, -1, -1)]
        found[path] = next(
            (end for end in endings if not any(o != path and (o == end or o.endswith(f".{end}")) for o in paths)), path
        )
    return found


def table_html(caption: str, table: Table, most: int) -> str:
    """The first `most` rows as an HTML table, everything in it escaped; a line below says how many are not shown."""
    head = "".join(f"<th>{escape(printable(name, 80))}</th>" for name in table.columns)
    count = min(most, len(table))
    lines = []
    for at in range(count):
        cells = (escape(shown("", value)) for value in table.row(at).values())
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    more = f"<p>... and {len(table) - count:,} more rows</p>" if len(table) > count else ""
    return (
        f"<p>{escape(printable(caption, 400))}</p><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{''.join(lines)}</tbody></table>{more}"
    )
