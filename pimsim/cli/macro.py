"""`pimsim macro`: what one array of a hardware description does by itself, as papers on macros print it."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from pimsim.cli.output import deliver, show, targets
from pimsim.cli.parsing import Parser, add_allow_code, choice, did_you_mean
from pimsim.errors import InputError, printable

if TYPE_CHECKING:
    from pimsim.cost.macro import MacroFigures
    from pimsim.hardware.schema import Hardware


PARTS = ("crossbar", "dac", "sample_hold", "column_mux", "adc", "shift_add")
"""What papers mostly count: no registers."""


def parser() -> Parser:
    """The options of `pimsim macro`."""
    made = Parser(
        "pimsim macro",
        "One array with its converters, all of it in use: throughput, efficiency, area and their split, at the file's "
        "own precision and operand statistics. One multiply-add is two operations.",
        "example: pimsim macro jia2020 --parts crossbar,dac,sample_hold,adc",
    )
    made.add_argument("hardware", metavar="NAME|FILE", help="shipped hardware, or a YAML file")
    made.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override a hardware value (repeatable)"
    )
    made.add_argument(
        "--parts", metavar="A,B", help=f"components that count, as in the paper; {','.join(PARTS)} when left out"
    )
    add_allow_code(made)
    made.add_argument(
        "--format", type=choice("table", "json", "csv"), default="table", metavar="table|json|csv", help="form"
    )
    made.add_argument("--out", metavar="FILE", help="write it to FILE instead of printing it")
    return made


def execute(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code. Raises InputError for a part that is not known."""
    from pimsim.cost.macro import macro_figures
    from pimsim.hardware.load import load_hardware

    target = targets(out=options.out).get("out")
    hardware = load_hardware(options.hardware, overrides=options.set, allow_code=options.allow_code)
    figures = macro_figures(hardware, PARTS if options.parts is None else _parts(options.parts))
    if options.format == "table":
        if target is None:
            show(_sections(hardware, figures))
        else:
            from pimsim.report.text import render

            deliver(render(_sections(hardware, figures)), target)
        return 0
    if options.format == "json":
        deliver(json.dumps(figures.as_dict(), allow_nan=False, indent=1) + "\n", target)
        return 0
    from pimsim.report.tabular import csv_text

    rows = ((name, energy, figures.area_um2[name]) for name, energy in figures.energy_pJ.items())
    deliver(csv_text(("component", "energy_pJ", "area_um2"), rows), target)
    return 0


def _parts(text: str) -> list[str]:
    """The components named, separated by commas."""
    from pimsim.components import REGISTRY

    known = [name for name, entry in REGISTRY.items() if entry.level != "none"]
    parts = text.split(",")
    for part in parts:
        if part not in known:
            near = did_you_mean(part, known)
            raise InputError(f"--parts: no component '{printable(part, 60)}'{near} (components: {', '.join(known)})")
    return parts


def _sections(hardware: Hardware, figures: MacroFigures) -> list[Any]:
    from pimsim.report.sections import Column, Facts, Table
    from pimsim.report.units import percent, scaled, significant

    bits, bar = hardware.precision, hardware.crossbar
    low, high = figures.tops_per_W_interval
    facts = [
        ("array", f"{bar.rows} x {bar.columns}, {bar.active_rows or bar.rows} rows at once"),
        ("operation", f"{bits.weight_bits}-bit weights x {bits.input_bits}-bit inputs, 1 MAC = 2 operations"),
        ("product", f"{figures.ops:,.0f} operations in {scaled('latency_ns', figures.mvm_ns)}"),
        ("throughput", f"{significant(figures.tops)} TOPS"),
        ("efficiency", f"{significant(figures.tops_per_W)} TOPS/W (80%: {significant(low)} to {significant(high)})"),
        ("density", f"{significant(figures.tops_per_mm2)} TOPS/mm2" if figures.total_um2 else "no area"),
    ]
    rows: list[tuple[str, ...]] = [
        (
            name.replace("_", " "), significant(energy), percent(energy, figures.total_pJ),
            significant(figures.area_um2[name]), percent(figures.area_um2[name], figures.total_um2),
        )
        for name, energy in figures.energy_pJ.items()
    ]  # fmt: skip
    last = ("sum", significant(figures.total_pJ), "", significant(figures.total_um2), "")
    titles = ("component", "energy pJ", "share", "area um2", "share")
    columns = tuple(Column(title, right=index > 0) for index, title in enumerate(titles))
    name = printable(hardware.name, 100)
    return [Facts(f"Macro of {name}", facts), Table("Of one product, by component", columns, rows, last)]
