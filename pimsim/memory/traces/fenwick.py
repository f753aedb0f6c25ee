"""Slots in use, counted in a Fenwick tree (P. M. Fenwick, "A new data structure for cumulative frequency tables",
1994): a slot is counted, and the slots before one are summed, in log2(slots) steps. Kernels, for others to call."""

from __future__ import annotations

from typing import Any

Array = Any


def place(tree: Array, slot: int, change: int) -> None:
    """Add `change` to the count of `slot`."""
    i = slot + 1
    while i < len(tree):
        tree[i] += change
        i += i & -i


def before(tree: Array, slot: int) -> int:
    """Slots in use before `slot`."""
    total = 0
    i = slot
    while i > 0:
        total += tree[i]
        i -= i & -i
    return total


def nth(tree: Array, wanted: int) -> int:
    """The slot in use that has `wanted` others before it. The length of the tree is 1 more than a power of 2."""
    at = 0
    step = len(tree) - 1
    left = wanted
    while step > 0:
        if at + step < len(tree) and tree[at + step] <= left:
            at += step
            left -= tree[at]
        step >>= 1
    return at


def refill(tree: Array, live: int) -> None:
    """Count the first `live` slots once each, and no other."""
    for i in range(1, len(tree)):
        tree[i] = 1 if i <= live else 0
    for i in range(1, len(tree)):
        up = i + (i & -i)
        if up < len(tree):
            tree[up] += tree[i]
