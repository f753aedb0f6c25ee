"""Jia et al., JSSC 2020: charge-domain SRAM at 65 nm. Fitted at 0.85 V with 1-bit operands; the rest follows."""

from __future__ import annotations

from typing import Any

from pimsim.validation import Curve, Picture, Report

from ..silicon import Sheet, macro, published

ONE_BIT = ("precision.weight_bits=1", "precision.input_bits=1")
COUNTED = ("crossbar", "dac", "sample_hold", "adc")
PARTS = {"adc": ("adc",), "cim_array": ("crossbar", "dac"), "digital_datapath": ("shift_add",)}
AREAS = {"adc": ("adc",), "cim_array_and_drivers": ("crossbar", "dac"), "digital_datapath": ("shift_add",)}
COLUMNS = 256

NOTES = (
    "Fitted: energy of array, converter and datapath at 0.85 V and 1-bit operands. Given: the areas, and the time of a "
    "product at 0.85 V (54 clock periods of 25 ns). Energies follow V^2, times the drive current of a low-power 65 nm "
    "transistor.",
    "TOPS/W counts array and converter, as published; datapath, sparsity controller and leakage are outside.",
    "TOPS/mm2 of the paper implies 3.64 mm2; array and converter, which we divide by, are 3.41 mm2.",
)


def run() -> Report:
    """All rows; the chip comes from the shipped `jia2020.yaml`."""
    figures = published(__file__)
    sheet = Sheet()
    for point in figures["one_bit_operation"]:
        supply = point["supply_v"]
        ours = at(supply, COUNTED)
        put = sheet.given if supply == 0.85 else sheet.predicted
        put(f"{supply} V: throughput", "TOPS", point["TOPS"], ours.tops)
        put = sheet.fitted if supply == 0.85 else sheet.predicted
        put(f"{supply} V: efficiency", "TOPS/W", point["TOPS_per_W"], ours.tops_per_W)
        sheet.predicted(f"{supply} V: density", "TOPS/mm2", point["TOPS_per_mm2"], ours.tops_per_mm2)
    energy_rows(sheet, figures)
    for point in figures["input_bits_scaling_at_0V85"][1:]:
        input_bits_row(sheet, point)
    for name, parts in AREAS.items():
        area = macro("jia2020", ONE_BIT).area_um2
        sheet.given(f"area: {name}", "mm2", figures["area_mm2"][name], sum(area[part] for part in parts) * 1e-6)
    return Report("jia2020", figures["source"], sheet.rows(), NOTES, pictures(figures))


def at(supply: float, components: tuple[str, ...]) -> Any:
    """The macro with 1-bit operands at a supply."""
    return macro("jia2020", (*ONE_BIT, f"technology.supply_V={supply}"), components)


def energy_rows(sheet: Sheet, figures: dict[str, Any]) -> None:
    """The energy split, a column (or output)."""
    for point in figures["energy_pJ"]:
        supply = point["supply_v"]
        put = sheet.fitted if supply == 0.85 else sheet.predicted
        for name, parts in PARTS.items():
            ours = sum(at(supply, parts).energy_pJ.values()) / COLUMNS
            put(f"{supply} V: {name}, energy a column", "pJ", point[name], ours)


def input_bits_row(sheet: Sheet, point: dict[str, Any]) -> None:
    """Throughput over input bits at 0.85 V."""
    bits = point["input_bits"]
    ours = macro("jia2020", (ONE_BIT[0], f"precision.input_bits={bits}")).tops
    label = f"0.85 V, {bits}-bit inputs: throughput"
    if bits == 8:
        sheet.flagged(label, "TOPS", point["TOPS"], ours, "the chip's buffers bind at 8 bits, not its array")
    else:
        sheet.predicted(label, "TOPS", point["TOPS"], ours)


def pictures(figures: dict[str, Any]) -> tuple[Picture, ...]:
    """Efficiency and throughput against supply."""
    supplies = tuple(0.7 + 0.05 * i for i in range(13))
    points = figures["one_bit_operation"]
    curves = {supply: at(supply, COUNTED) for supply in supplies}
    volts = tuple(point["supply_v"] for point in points)
    made = []
    for name, key, unit, value in (
        ("efficiency", "TOPS_per_W", "TOPS/W", lambda ours: ours.tops_per_W),
        ("throughput", "TOPS", "TOPS", lambda ours: ours.tops),
    ):
        made.append(
            Picture(
                f"jia2020_{name}", f"Jia et al. 2020: {name} against supply (fitted or given at 0.85 V)", "supply (V)",
                unit, (Curve("published", volts, tuple(point[key] for point in points)),),
                (Curve("ours", supplies, tuple(value(curves[supply]) for supply in supplies)),),
            )
        )  # fmt: skip
    return tuple(made)
