"""What the report for people says, as tables of text; `text`, `richly` and `html` only draw them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pimsim.errors import printable
from pimsim.report.units import Unit, clip, percent, scaled, significant, unit_for

if TYPE_CHECKING:
    from pimsim.report.figures import Row
    from pimsim.report.result import Result

NAME_WIDTH = 44
TERMINAL_ROWS = 40
"""Layers shown on a terminal at most."""
TEXT_ROWS = 2000
"""Layers shown in a pipe or a text file at most; CSV and JSON hold all."""


@dataclass(frozen=True)
class Column:
    """One column. `rank`: 0 is never left out where room is short, the highest goes first."""

    title: str
    right: bool = True
    rank: int = 0


@dataclass(frozen=True)
class Table:
    """A titled table of ready text; `last` is set off from the rows (a sum)."""

    title: str
    columns: tuple[Column, ...]
    rows: list[tuple[str, ...]]
    last: tuple[str, ...] | None = None
    dim: frozenset[int] = field(default_factory=frozenset)  # rows that summarise or cost nothing
    caption: str = ""


@dataclass(frozen=True)
class Facts:
    """A titled block of 'name  value' lines."""

    title: str
    pairs: list[tuple[str, str]]


@dataclass(frozen=True)
class Lines:
    """A titled list of statements; `warning` ones are shown as such."""

    title: str
    lines: list[str]
    warning: bool = False


Section = Table | Facts | Lines


def sections(result: Result, rows: int | None = None) -> list[Section]:
    """The whole report. `rows`: how many layers to show at most (the dearest, in order); None: all that cost."""
    found: list[Section] = [summary(result), layer_table(result, rows), component_table(result), mode_table(result)]
    if result.lookups is not None:
        from pimsim.report.lookups import lookup_sections

        found += lookup_sections(result, rows)
    found.append(programming_facts(result))
    notes = [printable(note, 1000) for note in result.notes] + layer_notes(result)
    if notes:
        found.append(Lines("Notes", notes))
    if result.warnings:
        found.append(Lines("Warnings", [printable(warning, 1000) for warning in result.warnings], warning=True))
    return found


def summary(result: Result) -> Facts:
    """Model, hardware and totals in the units that fit."""
    figures, workload = result.totals, result.workload
    hardware = result.hardware_info
    technology = technology_text(hardware.get("technology"))
    mode = "inter-layer pipeline" if result.evaluation.pipelined else "layer by layer"
    opset = f", opset {workload.opset}" if workload.opset else ""
    pairs = [
        (
            "model",
            f"{printable(workload.name, 80)} ({len(workload.layers)} steps{opset}, "
            f"{scaled('count', figures['macs'])} MACs, {scaled('count', workload.weights)} weights)",
        ),
        (
            "hardware",
            printable(hardware.get("name", "?"), 80) + (f" ({printable(technology, 120)})" if technology else ""),
        ),
        (
            "energy",
            f"{scaled('energy_pJ', figures['energy_pJ'])} {_bar(result, 'energy_pJ')} per inference (dynamic "
            f"{scaled('energy_pJ', figures['energy_dynamic_pJ'])}, static "
            f"{scaled('energy_pJ', figures['energy_static_pJ'])})",
        ),
        ("latency", f"{scaled('latency_ns', figures['latency_ns'])} {_bar(result, 'latency_ns')} ({mode})"),
        ("throughput", f"{significant(figures['throughput_inferences_per_s'])} inferences/s"),
        ("power", scaled("power_W", figures["power_W"])),
        (
            "area",
            f"{scaled('area_um2', figures['area_um2'])} {_bar(result, 'area_um2')} "
            f"({_plural(figures['chips'], 'chip')})",
        ),
        (
            "performance",
            f"{significant(figures['tops'])} TOPS, {significant(figures['tops_per_W'])} TOPS/W, "
            f"{significant(figures['tops_per_mm2'])} TOPS/mm2 (1 MAC = 2 operations, {result.precision})",
        ),
        (
            "crossbars",
            f"{figures['crossbars']:,} used of {figures['crossbars_on_chips']:,} on "
            f"{_plural(figures['tiles'], 'tile')}, {percent(figures['utilization'], 1)}% of their cells hold weights",
        ),
    ]
    pairs.append(("error bars", "80% intervals: +high/-low of energy, latency and area (docs/error-bars.md)"))
    return Facts(result.name, pairs)


def technology_text(technology: object) -> str:
    """'32 nm, 0.9 V, 1.2 GHz' from {node_nm: 32, ...}; text as it is."""
    if not isinstance(technology, Mapping):
        return str(technology or "")
    parts = ((value, str(key).rpartition("_")[2]) for key, value in technology.items())
    return ", ".join(f"{significant(value)} {unit}" for value, unit in parts if isinstance(value, int | float))


def _bar(result: Result, key: str) -> str:
    """The 80% interval of a total as shares of it: '+61/-38%'."""
    figure, (low, high) = result.totals[key], result.intervals[f"{key}_interval"]
    if figure <= 0.0:
        return ""
    return f"+{100 * (high / figure - 1):.0f}/-{100 * (1 - low / figure):.0f}%"


def _plural(count: float, word: str) -> str:
    return f"{significant(count)} {word}" + ("" if count == 1 else "s")


def _figure(row: Row, key: str) -> float:
    value = row[key]
    return float(value) if isinstance(value, int | float) else 0.0


LAYER_COLUMNS = (
    Column("#", rank=6),
    Column("layer", right=False),
    Column("op", right=False, rank=2),
    Column("kind", right=False, rank=7),
    Column("MACs", rank=3),
    Column("energy"),
    Column("%"),
    Column("dynamic", rank=4),
    Column("static", rank=4),
    Column("latency"),
    Column("%"),
    Column("start", rank=8),
    Column("end", rank=8),
    Column("area", rank=1),
    Column("crossbars", rank=2),
    Column("copies", rank=5),
    Column("used %", rank=5),
    Column("bits w/i", rank=9),
)


def layer_table(result: Result, rows: int | None = None) -> Table:
    """By layer, in the model's order; what costs nothing, or is not among the `rows` dearest, is summed up in place."""
    table, figures = result.layers, result.totals
    chosen = _shown(table, figures, rows)
    units = {
        "energy": unit_for("energy_pJ", max((_figure(r, "energy_pJ") for r in table), default=0)),
        "latency": unit_for("latency_ns", figures["latency_ns"]),
        "area": unit_for("area_um2", max((_figure(r, "area_um2") for r in table), default=0)),
        "macs": unit_for("count", max((_figure(r, "macs") for r in table), default=0)),
    }
    lines: list[tuple[str, ...]] = []
    dim: set[int] = set()
    hidden: list[int] = []

    def flush() -> None:
        if not hidden:
            return
        dim.add(len(lines))
        if len(hidden) == 1:
            mark, label = str(hidden[0] + 1), str(table[hidden[0]]["name"])
        else:
            word = "steps without cost" if all(_free(table[i]) for i in hidden) else "smaller steps"
            mark, label = "", f"({len(hidden)} {word})"
        lines.append(_layer_line(mark, label, [table[i] for i in hidden], units, figures))
        hidden.clear()

    for index, row in enumerate(table):
        if index not in chosen:
            hidden.append(index)
            continue
        flush()
        extra = index >= len(result.workload.layers)
        if extra or _free(row):
            dim.add(len(lines))
        lines.append(_layer_line("" if extra else str(index + 1), str(row["name"]), [row], units, figures))
    flush()
    columns = tuple(_with_unit(column, units) for column in LAYER_COLUMNS)
    total = _layer_line("", "total", table, units, figures)
    caption = "latency: share of the critical path; start and end: when the layer runs within one inference"
    if rows is not None and len(chosen) < sum(not _free(row) for row in table):
        caption += f"; the {len(chosen)} dearest rows are shown, CSV and JSON hold all"
    return Table("By layer", columns, lines, total, frozenset(dim), caption)


def _with_unit(column: Column, units: dict[str, Unit]) -> Column:
    same = {"dynamic": "energy", "static": "energy", "start": "latency", "end": "latency"}
    unit = units.get(same.get(column.title, column.title))
    title = f"{column.title} {unit.name}" if unit else column.title
    return Column(title, column.right, column.rank)


def _free(row: Row) -> bool:
    return not (_figure(row, "energy_pJ") or _figure(row, "latency_ns") or _figure(row, "area_um2"))


def _shown(table: Sequence[Row], figures: dict[str, float], rows: int | None) -> set[int]:
    """Indices of the rows to show: all that cost, or the `rows` of largest share in energy, latency or area."""
    costly = [index for index, row in enumerate(table) if not _free(row)]
    if rows is None or len(costly) <= rows:
        return set(costly)

    def weight(index: int) -> float:
        keys = ("energy_pJ", "latency_ns", "area_um2")
        return max(_figure(table[index], key) / figures[key] if figures[key] else 0.0 for key in keys)

    return set(sorted(costly, key=weight, reverse=True)[:rows])


def _layer_line(
    mark: str, label: str, rows: Sequence[Row], units: dict[str, Unit], figures: dict[str, float]
) -> tuple[str, ...]:
    def total(key: str) -> float:
        return sum(_figure(row, key) for row in rows)

    def show(unit: str, value: float) -> str:
        return units[unit].show(value)

    one = rows[0] if len(rows) == 1 else None
    macs, crossbars = total("macs"), total("crossbars")
    energy, latency = total("energy_pJ"), total("latency_ns")
    bits = ""
    if one is not None and macs and (one["weight_bits"] or one["input_bits"]):
        bits = f"{one['weight_bits'] or '-'}/{one['input_bits'] or '-'}"
    timed = one is not None and _figure(one, "end_ns") > 0
    return (
        mark,
        clip(printable(label, 400), NAME_WIDTH),
        clip(printable(one["op"], 100), 24) if one else "",
        str(one["kind"]) if one else "",
        _macs(macs, units["macs"]),
        show("energy", energy),
        percent(energy, figures["energy_pJ"]),
        show("energy", total("energy_dynamic_pJ")),
        show("energy", total("energy_static_pJ")),
        show("latency", latency),
        percent(latency, figures["latency_ns"]),
        show("latency", _figure(one, "start_ns")) if timed and one else "",
        show("latency", _figure(one, "end_ns")) if timed and one else "",
        show("area", total("area_um2")),
        f"{crossbars:,.0f}" if crossbars else "",
        significant(_figure(one, "copies")) if one and _figure(one, "copies") and crossbars else "",
        percent(_figure(one, "utilization"), 1) if one and _figure(one, "utilization") else "",
        bits,
    )


def _macs(macs: float, unit: Unit) -> str:
    return f"{unit.show(macs)}{unit.name}" if macs else ""


def component_table(result: Result) -> Table:
    """By component, dearest first; components that neither spend energy nor take area are left out."""
    figures = result.totals
    shown = [(name, row) for name, row in result.components.items() if row["energy_pJ"] or row["area_um2"]]
    shown.sort(key=lambda item: (-item[1]["energy_pJ"], -item[1]["area_um2"]))
    energy = unit_for("energy_pJ", max((row["energy_pJ"] for _, row in shown), default=0))
    area = unit_for("area_um2", max((row["area_um2"] for _, row in shown), default=0))

    def line(name: str, row: dict[str, float]) -> tuple[str, ...]:
        return (
            name.replace("_", " "),
            energy.show(row["energy_pJ"]),
            percent(row["energy_pJ"], figures["energy_pJ"]),
            energy.show(row["energy_dynamic_pJ"]),
            energy.show(row["energy_static_pJ"]),
            area.show(row["area_um2"]),
            percent(row["area_um2"], figures["area_um2"]),
        )

    columns = (
        Column("component", right=False),
        Column(f"energy {energy.name}"),
        Column("%"),
        Column(f"dynamic {energy.name}"),
        Column(f"static {energy.name}"),
        Column(f"area {area.name}"),
        Column("%"),
    )
    return Table("By component", columns, [line(*item) for item in shown], line("total", figures))


def mode_table(result: Result) -> Table:
    """Both execution modes; the one that the totals use is marked."""
    chosen = "pipeline" if result.evaluation.pipelined else "layer_by_layer"
    lines: list[tuple[str, ...]] = []
    for name, mode in result.modes.items():
        label = name.replace("_", " ") + (" (used above)" if name == chosen else "")
        lines.append(
            (
                label,
                scaled("latency_ns", mode["latency_ns"]),
                scaled("latency_ns", mode["interval_ns"]),
                significant(mode["throughput_inferences_per_s"]),
                scaled("energy_pJ", mode["energy_pJ"]),
                scaled("energy_pJ", mode["energy_static_pJ"]),
                scaled("power_W", mode["power_W"]),
            )
        )
    columns = (
        Column("mode", right=False),
        Column("latency"),
        Column("interval"),
        Column("inferences/s"),
        Column("energy"),
        Column("of it static"),
        Column("power"),
    )
    return Table("Both modes", columns, lines)


def programming_facts(result: Result) -> Facts:
    """Writing the weights once, and what is rewritten in each inference."""
    facts = result.programming
    energy = result.totals["energy_pJ"]
    equal = f" (as much as {significant(facts['energy_pJ'] / energy)} inferences)" if energy else ""
    pairs = [
        ("energy", scaled("energy_pJ", facts["energy_pJ"]) + equal),
        ("time", scaled("latency_ns", facts["latency_ns"])),
        ("cells", f"{facts['cells']:,.0f}"),
        ("endurance", f"{100 * facts['endurance_share']:.3g}% of a cell's rated writes"),
    ]
    if facts["rewrite_endurance_share"]:
        lasts = significant(1 / facts["rewrite_endurance_share"])
        pairs.append(("rewrites", f"each inference writes cells again: they last {lasts} inferences"))
    return Facts("Programming the weights once", pairs)


def layer_notes(result: Result, most: int = 20) -> list[str]:
    """Notes of single layers, equal ones together, at most `most` lines."""
    groups: dict[str, list[str]] = {}
    for layer in result.workload.layers:
        if layer.note:
            groups.setdefault(layer.note, []).append(layer.name)
    lines = []
    for note, names in list(groups.items())[:most]:
        shown = ", ".join(clip(printable(name, 400), NAME_WIDTH) for name in names[:3])
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        lines.append(f"{shown}{more}: {printable(note, 600)}")
    if len(groups) > most:
        lines.append(f"and {len(groups) - most} more notes on single layers (in the JSON and CSV output)")
    return lines
