"""Densities: how much of full scale a weight stores in its cells and an input drives onto its row, by encoding.

A density is the mean over cells (or over read cycles) of the level divided by the largest level, 0 to 1. It is what
`Layer.weight_density` and `Layer.input_density` hold; docs/operands.md states the definitions in words.
"""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

PAIRS = frozenset(["differential", "differential_rows"])
"""Encodings in which two cells hold one slice, of which one is off."""

COMPLEMENTED = "xnor_rows"
"""Every cell has its complement in a second row: half of the cells are on, half of the rows driven, always."""

_COUNTED_WIDTH = 16
"""Codes of so many bits are counted by value before their digits are taken apart."""


def quantise_weights(values: Array, largest: float, bits: int) -> Array:
    """Symmetric integers of `bits` bits, one scale a tensor: `largest` becomes 2^(bits-1) - 1. One bit: the sign."""
    if bits == 1:
        return np.sign(values).astype(np.int64)
    full = float(2 ** (bits - 1) - 1)
    if largest <= 0.0:
        return np.zeros(values.shape, np.int64)
    factor = full / largest
    scaled = values * values.dtype.type(factor) if _scalable(values, factor) else values / largest * full
    return np.clip(np.rint(scaled), -full, full).astype(np.int64)


def _scalable(values: Array, factor: float) -> bool:
    """Whether `values` times `factor` can be taken in their own type without overflow or loss of the factor."""
    limits = np.finfo(values.dtype)
    return float(limits.tiny) < factor < float(limits.max)


def stored_density(codes: Array, bits: int, cell_bits: int, signed: str) -> float:
    """Mean level of the cells that hold the integer weights `codes`, over the largest level of a cell.

    signed: as `crossbar.signed`. offset, xnor: the slices of w + 2^(bits-1). twos_complement: those of w modulo 2^bits.
    differential: those of |w|, over both cells of a pair. sign_magnitude: those of |w|, and the column of signs (1 for
    negative). xnor_rows: 0.5.
    """
    if signed == COMPLEMENTED:
        return 0.5
    if signed in PAIRS:
        return 0.5 * mean_digit(np.abs(codes), max(1, bits - 1), cell_bits)
    if signed == "sign_magnitude":
        width = max(1, bits - 1)
        slices = ceil(width / cell_bits)
        magnitude = mean_digit(np.abs(codes), width, cell_bits)
        negative = float(np.mean(codes < 0)) if codes.size else 0.0
        return (slices * magnitude + negative) / (slices + 1)
    if signed == "twos_complement":
        return mean_digit(codes < 0 if bits == 1 else codes % 2**bits, bits, cell_bits)
    return mean_digit(codes > 0 if bits == 1 else codes + 2 ** (bits - 1), bits, cell_bits)


def mean_digit(codes: Array, width: int, digit_bits: int) -> float:
    """Mean of the base-2^digit_bits digits of non-negative `codes` of `width` bits, over the largest digit.

    The uppermost digit may have fewer bits than the others; it is held against the same full scale.
    """
    if not codes.size:
        return 0.0
    weights: Array | None = None
    values = np.clip(codes.astype(np.int64), 0, 2**width - 1)
    if width <= _COUNTED_WIDTH and codes.size > 2**width:
        weights = np.bincount(values.reshape(-1), minlength=2**width)
        values = np.arange(weights.size)
    mask = 2**digit_bits - 1
    digits = ceil(width / digit_bits)
    total = 0.0
    for i in range(digits):
        digit = (values >> (i * digit_bits)) & mask
        total += float(digit.sum()) if weights is None else float(digit @ weights)
    return float(total / (codes.size * digits * mask))


def driven_density(values: Array, largest: float, bits: int, encoding: str, dac_bits: int, signed: str) -> float:
    """Mean drive of the rows by the real numbers `values`, over full scale, quantised to `bits` bits by `largest`.

    encoding: as `crossbar.dac.encoding`.
    bit_serial: mean of the groups of dac_bits bits (share of ones for one bit); in two's complement when some numbers
    are negative.
    pulse_count, pulse_width: the same of the magnitude (a negative input is the same train on the other line).
    binary_pulses: share of ones among the bits - 1 magnitude bits, the sign being the polarity of the pulses.
    xnor_rows: 0.5, since either a row or its complement is driven. xnor: the bits stand for +1 and -1, so that the code
    is that of x + 2^(bits-1).
    """
    if signed == COMPLEMENTED:
        return 0.5
    negative = bool(values.size and values.min() < 0.0)
    if encoding == "binary_pulses":
        return mean_digit(np.abs(quantise_weights(values, largest, max(2, bits))), max(1, bits - 1), 1)
    if negative or signed == "xnor":
        codes = quantise_weights(values, largest, bits)
        return driven_codes(codes, bits, encoding, dac_bits, signed)
    full = float(2**bits - 1)
    if largest <= 0.0:
        return 0.0
    return mean_digit(np.rint(values.astype(np.float64) / largest * full).astype(np.int64), bits, dac_bits)


def driven_codes(codes: Array, bits: int, encoding: str, dac_bits: int, signed: str) -> float:
    """As `driven_density`, of integers that the model has quantised itself."""
    if signed == COMPLEMENTED:
        return 0.5
    if encoding == "binary_pulses":
        return mean_digit(np.abs(codes), max(1, bits - 1), 1)
    if signed == "xnor":
        return mean_digit(codes > 0 if bits == 1 else codes + 2 ** (bits - 1), bits, dac_bits)
    if encoding == "bit_serial":
        return mean_digit(codes % 2**bits, bits, dac_bits)
    return mean_digit(np.abs(codes), bits, dac_bits)
