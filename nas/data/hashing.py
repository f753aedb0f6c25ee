"""Texts to 64-bit keys, the same on every machine and in every version.

Keys stand for ids while a set is prepared, so that tens of millions of ids take 16 bytes each and not a Python object.
Among 34 million ids two share a key with probability 3e-5 (n^2 / 2^65).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]

PAD = np.uint64(0)  # no text has this key: it fills the unused places of pooled fields
_BASIS, _PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)  # FNV-1a, 64 bits


def keys_of(texts: Any) -> Keys:
    """uint64 (n,) keys of a pyarrow binary array; null has the key of the empty text.

    Each distinct text is hashed once.
    """
    encoded = texts.dictionary_encode()
    distinct = np.append(_hashed(encoded.dictionary), _hashed_bytes(b""))
    places = encoded.indices.fill_null(len(distinct) - 1).to_numpy(zero_copy_only=False)
    keys: Keys = distinct[places]
    return keys


def _hashed(texts: Any) -> Keys:
    import pyarrow as pa

    texts = texts.cast(pa.large_binary())
    _, offsets, data = texts.buffers()
    size = len(texts)
    if not size:
        return np.empty(0, np.uint64)
    bounds = np.frombuffer(offsets, np.int64, size + 1, texts.offset * 8)
    raw = np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(1, np.uint8)
    starts, lengths = bounds[:-1], np.diff(bounds)
    keys = np.full(size, _BASIS)
    live = np.argsort(-lengths, kind="stable")  # longest first: those with a byte at `place` are a prefix
    counts = np.searchsorted(-lengths[live], -np.arange(int(lengths.max())), side="left")
    ordered, begin = keys[live], starts[live]
    for place, count in enumerate(counts.tolist()):
        ordered[:count] = (ordered[:count] ^ raw[begin[:count] + place]) * _PRIME
    keys[live] = ordered
    return _mixed(keys)


def _hashed_bytes(text: bytes) -> np.uint64:
    key = int(_BASIS)
    for byte in text:
        key = ((key ^ byte) * int(_PRIME)) & (2**64 - 1)
    return np.uint64(_mixed(np.array([key], np.uint64))[0])


def _mixed(keys: Keys) -> Keys:
    """The finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014), so that every bit depends on every byte."""
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    keys = keys ^ (keys >> np.uint64(31))
    return np.where(keys == PAD, np.uint64(1), keys)
