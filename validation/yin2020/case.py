"""Yin et al., TED 2020: binary RRAM at 90 nm. One point is published, at 1.2 V."""

from __future__ import annotations

from pimsim.validation import Report

from ..silicon import Sheet, macro, published

COUNTED = ("crossbar", "dac", "adc")

NOTES = (
    "Fitted: energy of a product at 1.2 V. Given: the area, and 6.5 ns a conversion. The throughput follows from the "
    "organisation: 64 inputs on complementary row pairs, 8 columns at once. The paper has no second operating point.",
)


def run() -> Report:
    """All rows; the chip comes from the shipped `yin2020.yaml`."""
    figures = published(__file__)
    (point,) = figures["points"]
    ours = macro("yin2020", (), COUNTED)
    sheet = Sheet()
    sheet.predicted("1.2 V: throughput", "TOPS", point["TOPS"], ours.tops)
    sheet.fitted("1.2 V: efficiency", "TOPS/W", point["TOPS_per_W"], ours.tops_per_W)
    sheet.given("1.2 V: density", "TOPS/mm2", point["TOPS_per_mm2"], ours.tops_per_mm2)
    sheet.given("area", "mm2", figures["area_mm2"], sum(ours.area_um2.values()) * 1e-6)
    return Report("yin2020", figures["source"], sheet.rows(), NOTES)
