"""Limits on what a model file may claim, checked before anything is allocated or walked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import prod

from pimsim.errors import InputError, printable
from pimsim.graph.workload import LARGEST_COUNT

LARGEST_FILE_BYTES = 2**31 - 1
"""protobuf cannot hold a larger message; larger models keep their weights in external data."""

LARGEST_VALUES = 4096
"""Tensors of at most this many elements keep their values, for shape arithmetic."""

LARGEST_DEPTH = 32
"""Subgraphs inside subgraphs."""

LARGEST_TYPE_DEPTH = 16
"""Sequences of sequences (and optionals, maps) inside one another."""

LARGEST_NODES = 500_000
"""Nodes in a model after its local functions are inlined."""

LARGEST_RANK = 64
"""Dimensions of one tensor."""


def elements_of(shape: Iterable[int]) -> int:
    """Product of the dimensions of `shape` (1 for a scalar)."""
    return prod(shape)


def shown(name: str) -> str:
    """`name` as it may stand in a message; quick for the common case of a short printable one."""
    return name if len(name) < 100 and name.isprintable() else printable(name)


def checked_shape(shape: Sequence[int], what: str, name: str | None = None) -> tuple[int, ...]:
    """`shape` as a tuple of ints.

    Raises InputError, naming `what` (and in quotes `name`), if a dimension is negative, there are too many of them,
    or the number of elements is above LARGEST_COUNT. That bound also holds with zero dimensions left out: such a shape
    is not sane either.
    """
    bounded = tuple(shape)
    sane = len(bounded) <= LARGEST_RANK and min(bounded, default=0) >= 0
    if sane and prod(filter(None, bounded)) <= LARGEST_COUNT:
        return bounded
    if name is not None:
        what = f"{what} '{shown(name)}'"
    if len(shape) > LARGEST_RANK:
        raise InputError(f"{what} has {len(shape)} dimensions; at most {LARGEST_RANK} are allowed")
    if any(d < 0 for d in bounded):
        raise InputError(f"{what} has shape {list(bounded)}; dimensions must not be negative")
    raise InputError(f"{what} has shape {list(bounded)}: more than 2^53 elements, which cannot be counted exactly")


def nearest(name: str, known: Iterable[str], what: str) -> str:
    """End of a message: the names in `known` closest to `name`, or all of them when there are few."""
    import difflib  # for messages only

    names = list(known)
    close = difflib.get_close_matches(name, names[:2000], n=3, cutoff=0.5)
    if close:
        return "did you mean " + " or ".join(f"'{printable(c)}'" for c in close) + "?"
    if not names:
        return f"the model has no {what}"
    shown = ", ".join(f"'{printable(n)}'" for n in names[:8])
    return f"the model's {what}: {shown}" + (f" and {len(names) - 8} more" if len(names) > 8 else "")
