"""Byte addresses and their fields: which channel, rank, bank group, bank, row and column an address means."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pimsim.errors import InputError
from pimsim.memory.device import Device

NAMES = {"ro": "row", "co": "column", "ba": "bank", "bg": "group", "ra": "rank", "pc": "pseudo", "ch": "channel"}


def widths(device: Device) -> dict[str, int]:
    """Bits of every address field, by its short name."""
    parts = device.organisation
    counts = {
        "ro": parts.rows,
        "co": parts.row_bytes // parts.access_bytes,
        "ba": parts.banks_per_group,
        "bg": parts.bank_groups,
        "ra": parts.ranks,
        "pc": parts.pseudo_channels,
        "ch": parts.channels,
    }
    return {name: count.bit_length() - 1 for name, count in counts.items()}


def shifts(device: Device, mapping: str) -> dict[str, int]:
    """Lowest bit of every field of a byte address, by its short name."""
    bits, at, found = widths(device), device.access_bytes.bit_length() - 1, {}
    for name in reversed(mapping.split()):
        found[name] = at
        at += bits[name]
    return found


def decode(device: Device, mapping: str, address: ArrayLike) -> dict[str, NDArray[np.int64]]:
    """Fields of byte addresses: row, column, bank (in its group), group, rank, pseudo, channel."""
    given, at, bits = np.asarray(address, dtype=np.int64), shifts(device, mapping), widths(device)
    return {NAMES[name]: (given >> at[name]) & ((1 << bits[name]) - 1) for name in NAMES}


def compose(device: Device, mapping: str, **fields: ArrayLike) -> NDArray[np.int64]:
    """Byte addresses of places; a field left out is 0. Raises InputError for a field out of its range."""
    at, bits = shifts(device, mapping), widths(device)
    short = {name: key for key, name in NAMES.items()}
    total: Any = np.int64(0)
    for name, values in fields.items():
        numbers = np.asarray(values, dtype=np.int64)
        limit = 1 << bits[short[name]]
        if numbers.size and (numbers.min() < 0 or numbers.max() >= limit):
            worst = int(numbers.min() if numbers.min() < 0 else numbers.max())
            raise InputError(f"{device.name}: {name} is 0 to {limit - 1}; got {worst}")
        total = total + (numbers << at[short[name]])
    return np.asarray(total, dtype=np.int64)
