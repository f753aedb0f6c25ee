"""Efficiency against array size: larger arrays amortise their converters until the converters' bits take over."""

from __future__ import annotations

import math
from collections.abc import Callable

from pimsim.cost.macro import macro_figures
from pimsim.hardware.load import load_hardware
from pimsim.hardware.schema import lossless_adc_bits
from pimsim.validation import Curve, Picture, Report, Row

SIZES = tuple(2**k for k in range(5, 13))
CELL_BITS = 2

LAWS: dict[str, Callable[[int], int]] = {
    "every sum told apart": lambda rows: lossless_adc_bits(rows, CELL_BITS, 1),
    "log2(rows) bits": lambda rows: round(math.log2(rows)),
}

NOTES = (
    "reram_128 with square arrays of 32 to 4096 rows. A doubling doubles the work of a conversion and adds a bit: that "
    "pays while a bit costs twice (technology limits) and the periphery is shared, and no longer when it costs four "
    "times (noise limits). Read and pulse are as long as the geometry makes them (`read_ns` and `read_pulse_ns` left "
    "out): 0.2 ns at 32 rows, 3 ns at 4096, where the resistance of rows and columns counts. The drop of voltage along "
    "them is not in the energy.",
)


def run() -> Report:
    """The optimum of each law, and the curves."""
    rows, curves = [], []
    for label, bits in LAWS.items():
        efficiency = tuple(tops_per_W(size, bits(size)) for size in SIZES)
        best = SIZES[efficiency.index(max(efficiency))]
        rows.append(Row(f"most efficient array, {label}", "rows", None, float(best), None, "prediction"))
        rows.append(Row(f"its efficiency, {label}", "TOPS/W", None, max(efficiency), None, "prediction"))
        curves.append(Curve(label, tuple(map(float, SIZES)), efficiency))
    picture = Picture(
        "array_size", "Efficiency against array size (reram_128)", "rows = columns", "TOPS/W", (), tuple(curves),
        doubling=True,
    )  # fmt: skip
    return Report("laws", "no publication: our own curves", tuple(rows), NOTES, (picture,))


def tops_per_W(rows: int, bits: int) -> float:
    """Of one full square array with converters of `bits`, its read as long as its lines take."""
    sets = [f"crossbar.rows={rows}", f"crossbar.columns={rows}", "crossbar.cell.write.cells_at_once=1",
            "crossbar.read_ns=null", "crossbar.cell.read_pulse_ns=null", f"crossbar.adc.bits={bits}"]  # fmt: skip
    return macro_figures(load_hardware("reram_128", overrides=sets)).tops_per_W
