"""Nearest valid names, and units: what a mistyped key or value was probably meant to be."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable

_MAX_COMPARED = 64  # difflib is quadratic in the length; no key or choice is longer

_UNITS: tuple[dict[str, float], ...] = (
    {"aJ": 1e-18, "fJ": 1e-15, "pJ": 1e-12, "nJ": 1e-9, "uJ": 1e-6, "mJ": 1e-3, "J": 1.0},
    {"fs": 1e-15, "ps": 1e-12, "ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0},
    {"pW": 1e-12, "nW": 1e-9, "uW": 1e-6, "mW": 1e-3, "W": 1.0},
    {"nm2": 1e-18, "um2": 1e-12, "mm2": 1e-6, "cm2": 1e-4, "m2": 1.0},
    {"nm": 1e-9, "um": 1e-6, "mm": 1e-3, "cm": 1e-2, "m": 1.0},
    {"Hz": 1.0, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9},
    {"Sps": 1.0, "kSps": 1e3, "MSps": 1e6, "GSps": 1e9},
    {"mohm": 1e-3, "ohm": 1.0, "kohm": 1e3, "Mohm": 1e6, "Gohm": 1e9},
    {"nS": 1e-9, "uS": 1e-6, "mS": 1e-3, "S": 1.0},
    {"uV": 1e-6, "mV": 1e-3, "V": 1.0},
    {"pA": 1e-12, "nA": 1e-9, "uA": 1e-6, "mA": 1e-3, "A": 1.0},
    {"aF": 1e-18, "fF": 1e-15, "pF": 1e-12, "nF": 1e-9, "uF": 1e-6},
    {
        "bits": 1.0, "bit": 1.0, "kbit": 1e3, "Kib": 1024.0, "Mib": 1024.0**2, "Gib": 1024.0**3, "bytes": 8.0,
        "B": 8.0, "kB": 8e3, "KB": 8192.0, "KiB": 8192.0, "MB": 8e6, "MiB": 8192.0 * 1024, "GB": 8e9,
        "GiB": 8192.0 * 1024**2,
    },
    {
        "bps": 1.0, "kbps": 1e3, "Mbps": 1e6, "Gbps": 1e9, "Tbps": 1e12, "Bps": 8.0, "kBps": 8e3, "MBps": 8e6,
        "GBps": 8e9, "TBps": 8e12,
    },
)  # fmt: skip
_NUMBER = r"[-+]?(?:[0-9]{1,30}\.?[0-9]{0,30}|\.[0-9]{1,30})(?:[eE][-+]?[0-9]{1,4})?"
_QUANTITY = re.compile(rf"\s*({_NUMBER})\s*([A-Za-zµΩ]\w{{0,5}})\s*")


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate most like `name` (case does not count), or None when none is near."""
    if not name or len(name) > _MAX_COMPARED:
        return None
    by_lower = {c.lower(): c for c in candidates if len(c) <= _MAX_COMPARED}
    if found := difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6):
        return by_lower[found[0]]
    # A whole word of a longer name: 'energy' for 'energy_pJ', 'adc_bits' for 'bits'.
    words = set(name.lower().split("_"))
    inside = [c for lower, c in by_lower.items() if words <= set(lower.split("_")) or set(lower.split("_")) <= words]
    return inside[0] if len(inside) == 1 else None


def unit_factor(found: str, wanted: str) -> float | None:
    """How many `wanted` one `found` is, or None when they do not measure the same thing."""
    for table in _UNITS:
        if found in table and wanted in table:
            return table[found] / table[wanted]
    return None


def number_text(value: float) -> str:
    """`value` as one would write it in a hardware file: 1000, 65536, 0.001, 1e15."""
    rounded = float(f"{value:.12g}")
    if not rounded.is_integer() or abs(rounded) >= 1e300:
        return f"{rounded:.12g}"
    digits = str(int(rounded))
    zeros = len(digits) - len(digits.rstrip("0"))
    return f"{digits[:-zeros]}e{zeros}" if zeros > 6 else digits


def same_quantity(key: str, candidates: Iterable[str]) -> tuple[str, str, float] | None:
    """(valid key, conversion in words, factor) when `key` is a valid key with another unit at its end.

    `energy_nJ` beside a valid `energy_pJ` gives ("energy_pJ", "1 nJ = 1000 pJ", 1000.0).
    """
    stem, underscore, unit = key.rpartition("_")
    if not underscore:
        return None
    for candidate in candidates:
        valid_stem, _, valid_unit = candidate.rpartition("_")
        if valid_stem == stem and valid_unit != unit:
            factor = unit_factor(unit, valid_unit)
            if factor is not None:
                return candidate, f"1 {unit} = {number_text(factor)} {valid_unit}", factor
    return None


def number_with_unit(text: str, key: str) -> str | None:
    """A hint for text such as '2 nJ' under a key such as `energy_pJ`: what to write instead, or None."""
    match = _QUANTITY.fullmatch(text[:100])
    if match is None or len(text) > 100:
        return None
    number, unit = match.group(1), match.group(2).replace("µ", "u").replace("Ω", "ohm")
    wanted = key.rpartition("_")[2]
    if unit == wanted:
        return f"write {number} (the unit is in the key)"
    factor = unit_factor(unit, wanted)
    if factor is None or not math.isfinite(float(number) * factor):
        return None
    conversion = f"1 {unit} = {number_text(factor)} {wanted}"
    return f"write {number_text(float(number) * factor)} (the key is in {wanted}; {conversion})"
