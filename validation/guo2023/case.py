"""Guo et al., ISSCC 2023: digital SRAM at 28 nm. Fitted at 0.9 V."""

from __future__ import annotations

from pimsim.validation import Report

from ..silicon import Sheet, macro, published

NOTES = (
    "Fitted: energy of a cycle at 0.9 V. Given: the area and the clock. The throughput follows from organisation and "
    "clock: 8 banks of 128 inputs, 2 input bits a cycle. Energy follows V^2.",
)


def run() -> Report:
    """All rows; the chip comes from the shipped `guo2023.yaml`."""
    figures = published(__file__)
    nominal, low = figures["points"]
    ours = macro("guo2023")
    sheet = Sheet()
    sheet.predicted("0.9 V: throughput", "TOPS", nominal["TOPS"], ours.tops)
    sheet.fitted("0.9 V: efficiency", "TOPS/W", nominal["TOPS_per_W"], energy_efficiency(0.9))
    sheet.given("0.9 V: density", "TOPS/mm2", nominal["TOPS_per_mm2"], ours.tops / figures["area_mm2"])
    sheet.predicted("0.6 V: efficiency", "TOPS/W", low["TOPS_per_W"], energy_efficiency(low["supply_v"]))
    sheet.given("area", "mm2", figures["area_mm2"], macro("guo2023", (), ["crossbar"]).area_um2["crossbar"] * 1e-6)
    return Report("guo2023", figures["source"], sheet.rows(), NOTES)


def energy_efficiency(supply: float) -> float:
    """TOPS/W of the macro at a supply."""
    return macro("guo2023", [f"technology.supply_V={supply}"], ["crossbar", "dac", "shift_add"]).tops_per_W
