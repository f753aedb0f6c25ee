"""Sinangil et al., JSSC 2021: current-domain SRAM at 7 nm. Fitted at 0.8 V and average output 6."""

from __future__ import annotations

from typing import Any

from pimsim.cost.macro import MacroFigures
from pimsim.validation import Curve, Picture, Report

from ..silicon import Sheet, macro, published

COUNTED = ("crossbar", "dac", "sample_hold", "adc")
FITTED = (0.8, 6)  # supply, average output
CONTRADICTION = "at 1.0 V Table I says 10.82 pJ (189.3 TOPS/W) and Fig. 13(b) 13.125 pJ in the worst case"
OUT_OF_LINE = "out of line with every other point: 351 x (189.3 / 262.3) would be 253"
DOUBLE = {15: "worst case", 0: "best case", 6: "average case"}

NOTES = (
    "Fitted: one number, the energy of a conversion (with bitlines, capacitors and control), at 0.8 V and average "
    "output 6. Computed: the row pulses, a minimum gate a cell by the technology table. Given: the areas, and the "
    "cycle at 0.8 V. Energies follow V^2, the cycle the drive current of a high-performance 7 nm transistor.",
    "Not blind: a row load of one gate a cell, without its wire, was taken with the points in view; with the wire "
    "that the geometry gives, the low outputs miss the bar.",
    "Average output x: inputs and weights both at 0.25 sqrt(x) of full scale (CiMLoop's choice; the paper gives none).",
    "Supply scaling is judged on Fig. 13(b), eight points of one curve; the 1.0 V rows of Table I contradict it and "
    "stand without a bar. Our V^2 lies between the two.",
)


def run() -> Report:
    """All rows; the chip comes from the shipped `sinangil2021.yaml`."""
    figures = published(__file__)
    sheet = Sheet()
    for output, energy in figures["energy_pJ_per_mvm_by_average_output"].items():
        put = sheet.fitted if output == FITTED[1] else sheet.predicted
        put(f"0.8 V, average output {output}: energy a product", "pJ", energy, energy_pJ(at(0.8, output)))
    for point in figures["efficiency"]:
        table_row(sheet, point["supply_v"], point["average_output"], point["TOPS_per_W"])
    for supply, tops in {point["supply_v"]: point["TOPS"] for point in figures["efficiency"]}.items():
        put = sheet.given if supply == 0.8 else sheet.predicted
        put(f"{supply} V: throughput", "TOPS", tops, at(supply, 6).tops)
    for supply, energy in figures["energy_pJ_per_mvm_by_supply_worst_case"].items():
        sheet.predicted(f"{supply} V, worst case: energy a product", "pJ", energy, energy_pJ(at(supply, 15)))
    area = at(*FITTED).area_um2
    parts = {"cim_circuitry": "adc", "original_macro": "crossbar", "binary_weighting_capacitors": "sample_hold"}
    for name, part in parts.items():
        sheet.given(f"area: {name}", "um2", figures["area_um2"][name], area[part])
    return Report("sinangil2021", figures["source"], sheet.rows(), NOTES, pictures(figures))


def table_row(sheet: Sheet, supply: float, output: int, efficiency: float) -> None:
    """A row of Table I: at 0.8 V the reciprocal of Fig. 13(a), at 1.0 V out of line or contradicted."""
    label, ours = f"{supply} V, {DOUBLE[output]}: efficiency (Table I)", at(supply, output).tops_per_W
    if supply != 0.8:
        why = OUT_OF_LINE if output == 6 else CONTRADICTION
        sheet.flagged(label, "TOPS/W", efficiency, ours, why)
    elif output == FITTED[1]:
        sheet.fitted(label, "TOPS/W", efficiency, ours)
    else:
        sheet.predicted(label, "TOPS/W", efficiency, ours)


def at(supply: float, output: float) -> MacroFigures:
    """The macro at a supply and an average output value."""
    mean = min(1.0, 0.25 * output**0.5)
    sets = [f"technology.supply_V={supply}", f"operands.input_density={mean}", f"operands.weight_density={mean}"]
    return macro("sinangil2021", sets, COUNTED)


def energy_pJ(figures: MacroFigures) -> float:
    """Energy of a product."""
    return sum(figures.energy_pJ.values())


def pictures(figures: dict[str, Any]) -> tuple[Picture, ...]:
    """Energy against average output and against supply."""
    outputs, by_output = tuple(0.125 * i for i in range(121)), figures["energy_pJ_per_mvm_by_average_output"]
    by_supply = figures["energy_pJ_per_mvm_by_supply_worst_case"]
    supplies = tuple(0.6 + 0.025 * i for i in range(18))
    table = [point for point in figures["efficiency"] if point["average_output"] == 15]
    return (
        Picture(
            "sinangil2021_output", "Sinangil et al. 2021: energy against average output (0.8 V, fitted at 6)",
            "average output", "pJ a product",
            (Curve("published, Fig. 13(a)", tuple(by_output), tuple(by_output.values())),),
            (Curve("ours", outputs, tuple(energy_pJ(at(0.8, x)) for x in outputs)),),
        ),
        Picture(
            "sinangil2021_supply", "Sinangil et al. 2021: worst-case energy against supply (predicted)", "supply (V)",
            "pJ a product",
            (
                Curve("published, Fig. 13(b)", tuple(by_supply), tuple(by_supply.values())),
                Curve(
                    "published, Table I", tuple(p["supply_v"] for p in table),
                    tuple(2048.0 / p["TOPS_per_W"] for p in table),
                ),
            ),
            (Curve("ours", supplies, tuple(energy_pJ(at(v, 15)) for v in supplies)),),
        ),
    )  # fmt: skip
