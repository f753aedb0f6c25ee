"""What an unquoted word in a hardware file means. The core rules of YAML 1.2, without the traps of YAML 1.1:
`1e-9` is a number, `on`, `off`, `yes`, `no` are text (and count as booleans only where a boolean is asked for),
and what the two versions read differently (`010`, `1_000`, `1:30`) is text, so that it is refused with a reason
where a number is expected."""

from __future__ import annotations

import math
import re

Plain = bool | int | float | str | None

_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_HEX = re.compile(r"0x[0-9a-fA-F]{1,16}")
_FLOAT = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9_]+")
_INFINITE = re.compile(r"[-+]?\.?(?:inf|infinity)|\.?nan", re.IGNORECASE)
_WORDS: dict[str, bool | None] = {
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
}  # fmt: skip
_OLD_BOOLEANS = {"yes": True, "on": True, "y": True, "no": False, "off": False, "n": False}
_EXACT = 2**53  # whole numbers up to here are exact in a double
_MAX_NUMBER = 400  # characters; longer ones are text, and refused as such


def plain_value(text: str) -> Plain:
    """The value of an unquoted scalar. Whole numbers written as `3.0` or `1e3` come back as int, so that they fit
    fields of either kind; numbers that are too large for a double stay text."""
    if text in _WORDS:
        return _WORDS[text]
    if not text or text[0] not in "+-.0123456789" or len(text) > _MAX_NUMBER:
        return text
    if _INT.fullmatch(text):
        return _bounded(int(text), text)
    if _HEX.fullmatch(text):
        return int(text, 16)
    if _FLOAT.fullmatch(text) and not _LEADING_ZERO.fullmatch(text):
        number = float(text)
        if not math.isfinite(number):
            return text
        return int(number) if number.is_integer() and abs(number) < _EXACT else number
    return text


def _bounded(number: int, text: str) -> Plain:
    if abs(number) < 2**63:
        return number
    try:
        return float(number)
    except OverflowError:
        return text


def old_boolean(text: str) -> bool | None:
    """What YAML 1.1 made of `yes`, `no`, `on`, `off`; None for any other word."""
    return _OLD_BOOLEANS.get(text.lower()) if len(text) <= 3 else None


def number_hint(text: str, quoted: bool) -> str | None:
    """Why `text` is not read as a number although it looks like one, and what to write; None if it does not."""
    if len(text) > _MAX_NUMBER:
        return None
    value = plain_value(text)
    if quoted and isinstance(value, int | float) and not isinstance(value, bool):
        return f"take the quotes off: {text}"
    if _INFINITE.fullmatch(text) or (_FLOAT.fullmatch(text) and not _LEADING_ZERO.fullmatch(text)):
        return "numbers must be finite"
    if _LEADING_ZERO.fullmatch(text):
        return f"leading zeros are read as octal by some: write {text.replace('_', '').lstrip('+-0') or '0'}"
    if re.fullmatch(r"[-+]?[0-9][0-9_.]*(?:[eE][-+]?[0-9]+)?", text) and "_" in text:
        return f"no underscores in numbers: write {text.replace('_', '')}"
    if re.fullmatch(r"[-+]?[0-9]+(?::[0-5]?[0-9])+(?:\.[0-9]*)?", text):
        return "numbers with colons (base 60) are not read"
    if re.fullmatch(r"[-+]?[0-9]+,[0-9]+", text):
        return f"write a decimal point: {text.replace(',', '.')}"
    return None
