"""Part of a space: points spread by a Sobol sequence, or drawn at random; each at most once, all within constraints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from pimsim.errors import InputError, printable
from pimsim.explore.space import Space

METHODS = ("sobol", "random")
MAX_SAMPLES = 10_000_000
_BLOCK = 4096
_DRY_BLOCKS = 256  # blocks without a new point after which the allowed points are taken to be exhausted
_ALL_AT_ONCE = 1 << 20
_MOST_CODES = 1 << 24  # numbers of one block, which bounds the rows where there are many knobs
_MOST_DRAWN = 1 << 26

Array = Any


def sample(space: Space, method: str, n: int, seed: int) -> Array:
    """Up to n distinct points that meet the constraints, as codes (points x knobs), in the order drawn.

    Fewer than n come back when the space holds no more (spaces of up to a million points are gone through to tell).
    Raises InputError for an unknown method, an n out of range, or constraints that no point meets.
    """
    if method not in METHODS:
        raise InputError(f"sample must be one of {', '.join(METHODS)}; got '{printable(method, 40)}'")
    if isinstance(n, bool) or not 1 <= n <= MAX_SAMPLES:
        raise InputError(f"n must be a whole number from 1 to {MAX_SAMPLES:,}; got {printable(n, 40)}")
    pool = _allowed_points(space) if space.size <= _ALL_AT_ONCE else None
    if pool is not None and len(pool) <= n:
        return pool
    found = _draw(space, method, n, seed)
    if not len(found):
        raise nothing_allowed(space)
    return found


def nothing_allowed(space: Space) -> InputError:
    """The error of a space whose constraints leave nothing."""
    return InputError(f"no point of '{printable(space.name, 60)}' was found that meets its constraints")


def _allowed_points(space: Space) -> Array:
    codes = space.codes(0, space.size)
    codes = codes[space.allowed(codes)]
    if not len(codes):
        raise nothing_allowed(space)
    return codes


def _draw(space: Space, method: str, n: int, seed: int) -> Array:
    kept = np.empty((0, len(space.knobs)), dtype=np.int32)
    dry = drawn = 0
    for block in _blocks(space, method, seed):
        drawn += len(block)
        block = block[space.allowed(block)]
        before = len(kept)
        kept = _distinct(np.concatenate([kept, block])) if len(block) else kept
        dry = dry + 1 if len(kept) == before else 0
        if len(kept) >= n or dry == _DRY_BLOCKS or (drawn >= _MOST_DRAWN and not len(kept)):
            break
    return kept[:n]


def _blocks(space: Space, method: str, seed: int) -> Iterator[Array]:
    """Codes without end, in blocks that grow with what has been drawn."""
    radices = np.array([len(knob.values) for knob in space.knobs])
    most = min(_ALL_AT_ONCE, max(_BLOCK, _MOST_CODES // len(radices)))
    rows = _BLOCK
    if method == "random":
        rng = np.random.default_rng(seed)
        while True:
            yield rng.integers(0, radices, size=(rows, len(radices)), dtype=np.int32)
            rows = min(2 * rows, most)
    from scipy.stats import qmc

    engine = qmc.Sobol(len(radices), scramble=True, rng=seed)
    drawn = 0
    while drawn < 2**29:  # the sequence has 2^30 points; what is drawn so far doubles, which keeps it balanced
        yield np.minimum((engine.random(rows) * radices).astype(np.int32), radices.astype(np.int32) - 1)
        drawn += rows
        rows = min(drawn, most)


def _distinct(codes: Array) -> Array:
    """Rows without repetitions, in the order in which they first come."""
    rows = np.ascontiguousarray(codes)
    _, first = np.unique(rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).ravel(), return_index=True)
    return rows[np.sort(first)]
