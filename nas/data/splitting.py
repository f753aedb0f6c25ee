"""Which row goes into which split."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from nas.data.rows import Rows
from nas.data.spec import SplitRule
from nas.data.staging import STEP
from pimsim.errors import InputError

NAMES = ("training", "validation", "test")


@dataclass(frozen=True)
class Assignment:
    """codes: (n,) uint8, the place of each row's split in NAMES. order: the rows in time, or None for file order."""

    codes: NDArray[np.uint8]
    order: NDArray[np.int64] | None = None


def assign(rule: SplitRule, rows: Rows, seed: int) -> Assignment:
    """The split of every row. Raises InputError where a split comes out empty.

    Shares are cut by rounding down: of n rows in order, floor(s_1 n) are training, those up to floor((s_1 + s_2) n)
    validation.
    """
    size = len(rows.labels)
    generator = np.random.default_rng([seed, 0x5B117])
    first, second, _ = (Fraction(str(share)) for share in rule.shares)
    if rule.kind == "random":
        found = Assignment(_drawn(size, float(first), float(first + second), generator))
    elif rule.kind == "chronological":
        order = np.lexsort(rows.order.T[::-1])
        ranks = np.arange(size)
        codes = np.empty(size, np.uint8)
        codes[order] = (ranks >= _cut(first, size)).astype(np.uint8) + (ranks >= _cut(first + second, size))
        found = Assignment(codes, order)
    elif rule.kind == "per_user":
        found = Assignment(_per_user(rows, first, first + second))
    elif rule.kind == "dates":
        dates = rows.order[:, 0]
        found = Assignment((np.isin(dates, rule.validation) + 2 * np.isin(dates, rule.test)).astype(np.uint8))
    else:
        found = Assignment(_by_files(rows.part, float(second / (first + second)), generator))
    for code, name in enumerate(NAMES):
        if not np.any(found.codes == code):
            raise InputError(f"the {name} split is empty: {size:,} rows were split by rule {rule.kind}")
    return found


def _drawn(size: int, first: float, second: float, generator: np.random.Generator) -> NDArray[np.uint8]:
    codes = np.empty(size, np.uint8)
    for start in range(0, size, STEP):
        draw = generator.random(min(STEP, size - start))
        codes[start : start + STEP] = (draw >= first).astype(np.uint8) + (draw >= second)
    return codes


def _cut(share: Fraction, size: int) -> int:
    return int(share * size)


def _per_user(rows: Rows, first: Fraction, second: Fraction) -> NDArray[np.uint8]:
    order = np.lexsort((*rows.order.T[::-1], rows.user))
    _, starts, counts = np.unique(rows.user[order], return_index=True, return_counts=True)
    ranks = np.arange(len(order)) - np.repeat(starts, counts)
    cuts = [np.repeat(counts * share.numerator // share.denominator, counts) for share in (first, second)]
    codes = np.empty(len(order), np.uint8)
    codes[order] = (ranks >= cuts[0]).astype(np.uint8) + (ranks >= cuts[1])
    return codes


def _by_files(part: NDArray[np.uint8], share: float, generator: np.random.Generator) -> NDArray[np.uint8]:
    codes = np.array(part)
    if not np.any(codes == 1):
        size = len(codes)
        for start in range(0, size, STEP):
            drawn = generator.random(min(STEP, size - start)) < share
            piece = codes[start : start + STEP]
            piece[(piece == 0) & drawn] = 1
    return codes
