"""Byte addresses and their fields: which channel, rank, bank group, bank, row and column an address means."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pimsim.errors import InputError
from pimsim.memory.device import Device

POSITIVE = (1 << 62) - 1
NAMES = {"ro": "row", "co": "column", "ba": "bank", "bg": "group", "ra": "rank", "pc": "pseudo", "ch": "channel"}


def stride_bytes(row_bytes: int, access_bytes: int) -> int:
    """Bytes from one row to the next: a power of two where several share an access, else whole accesses."""
    if row_bytes >= access_bytes:
        return -(-row_bytes // access_bytes) * access_bytes
    return min(1 << (row_bytes - 1).bit_length(), access_bytes)


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


def places(address: Any, arrival: Any, fields: Any, capacity: int, latest: int, banks: Any, rows: Any) -> int:
    """Bank (of the whole memory) and row of every address, into `banks` and `rows`. Plain Python that Numba compiles.

    fields: (shift, mask) of the channel, pseudo-channel, rank, group, bank, row fields of an address, with the shift of
    each in the bank number (`pimsim.memory.run.field_table`). Returns how many requests there are before one that is
    out of range, or (arrival may be empty) that arrives before `latest` or before the one ahead of it.
    """
    (s0, m0, p0), (s1, m1, p1), (s2, m2, p2), (s3, m3, p3), (s4, m4, _), (s5, m5, _) = fields
    low, high, good = 0, 0, len(address)
    for i in range(len(address)):  # without a branch: the compiler takes several at a time
        low, high = min(low, address[i]), max(high, address[i])
        a = address[i] & POSITIVE  # AVX2 shifts no signed numbers
        b = ((a >> s0) & m0) << p0 | ((a >> s1) & m1) << p1 | ((a >> s2) & m2) << p2 | ((a >> s3) & m3) << p3
        banks[i] = b | ((a >> s4) & m4)
        rows[i] = (a >> s5) & m5
    if low < 0 or high >= capacity:
        good = 0
        while 0 <= address[good] < capacity:
            good += 1
    for i in range(min(good, len(arrival))):
        if arrival[i] < latest:
            return i
        latest = arrival[i]
    return good


HELPERS = ()
