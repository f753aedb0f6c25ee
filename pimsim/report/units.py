"""Numbers for people: units scaled to the size of a figure. Inside pimsim there is one unit a quantity."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass

SCALES: dict[str, tuple[tuple[float, str], ...]] = {
    "energy_pJ": ((1e12, "J"), (1e9, "mJ"), (1e6, "uJ"), (1e3, "nJ"), (1.0, "pJ"), (1e-3, "fJ")),
    "latency_ns": ((1e9, "s"), (1e6, "ms"), (1e3, "us"), (1.0, "ns"), (1e-3, "ps")),
    "area_um2": ((1e6, "mm2"), (1.0, "um2")),
    "power_W": ((1.0, "W"), (1e-3, "mW"), (1e-6, "uW"), (1e-9, "nW")),
    "rate": ((1e9, "G/s"), (1e6, "M/s"), (1e3, "k/s"), (1.0, "/s")),
    "count": ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, "")),
    "bytes": ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B")),
}


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit for a whole column, so that its figures can be compared at sight."""

    name: str
    factor: float
    decimals: int = 3

    def show(self, value: float) -> str:
        """`value` in this unit with fixed decimals; 0 as '0', too small to show as '<0.001'."""
        if value == 0:
            return "0"
        figure = value / self.factor
        smallest = 10.0**-self.decimals
        if 0 < figure < smallest / 2:
            return f"<{smallest:.{self.decimals}f}"
        return f"{figure:.{self.decimals}f}" if abs(figure) < 1e9 else f"{figure:.4e}"


def unit_for(quantity: str, largest: float) -> Unit:
    """The unit of `quantity` (a key of SCALES) in which `largest` is at least 1, with 2 or 3 decimals."""
    factor, name = _pick(quantity, largest)
    figure = largest / factor
    decimals = 0 if name == "" and factor == 1 else max(2, min(3, 4 - _digits(figure)))
    return Unit(name, factor, decimals)


def _digits(figure: float) -> int:
    return 1 if figure < 1 else int(math.log10(figure)) + 1


def _pick(quantity: str, value: float) -> tuple[float, str]:
    scale = SCALES[quantity]
    if value == 0:
        return next((step for step in scale if step[0] == 1.0), scale[-1])
    for factor, name in scale:
        if abs(value) >= factor * (0.01 if name == "mm2" else 0.9995):  # 0.05 mm2 is how a circuit is quoted
            return factor, name
    return scale[-1]


def scaled(quantity: str, value: float) -> str:
    """`value` with its unit, e.g. scaled('energy_pJ', 1.5e6) is '1.5 uJ' (4 significant digits)."""
    factor, name = _pick(quantity, value)
    return f"{significant(value / factor)} {name}".rstrip()


def significant(value: float, digits: int = 4) -> str:
    """`value` with `digits` significant digits, without an exponent between 1e-4 and 1e9, thousands grouped."""
    if value == 0:
        return "0"
    size = math.floor(math.log10(abs(value)))
    if not -5 < size < 9:
        return f"{value:.{digits - 1}e}"
    text = f"{value:,.{max(0, digits - 1 - size)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def percent(part: float, whole: float) -> str:
    """part / whole in percent with one decimal; '0' for nothing."""
    if part <= 0 or whole <= 0:
        return "0"
    share = 100 * part / whole
    return "<0.1" if share < 0.05 else f"{share:.1f}"


def cells(text: str) -> int:
    """Columns that `text` takes on a terminal (wide East Asian characters take two, combining marks none)."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def clip(text: str, width: int) -> str:
    """`text`, with its middle left out where it is longer than `width` characters (both ends of a node name tell)."""
    if len(text) <= width:
        return text
    head = (width - 2) // 3
    return f"{text[:head]}..{text[len(text) - (width - 2 - head):]}"
