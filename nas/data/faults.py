"""Malformed rows: counted by kind, the first few kept with file and line, skipped or fatal as asked."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pimsim.errors import InputError, Place, printable

POLICIES = ("fatal", "skip")
KEPT = 20  # faults whose text is kept


class Faults:
    """policy "fatal": the first malformed row raises InputError. "skip": it is left out and counted."""

    def __init__(self, policy: str = "fatal"):
        if policy not in POLICIES:
            raise InputError(f"malformed rows can be fatal or skip; got {printable(policy, 40)}")
        self.policy = policy
        self.counts: dict[str, int] = {}
        self.lines: list[str] = []

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def add(self, kind: str, file: str, line: int, text: str, count: int = 1) -> None:
        """One fault with its text (or the first of `count` of a kind)."""
        place = Place(file, line)
        if self.policy == "fatal":
            raise InputError(f"{text} (or let such rows be skipped)", place)
        self.counts[kind] = self.counts.get(kind, 0) + count
        if len(self.lines) < KEPT:
            self.lines.append(f"{place}: {text}")

    def add_rows(self, kind: str, file: str, lines: NDArray[np.int64], texts: list[str]) -> None:
        """The faults of one kind in a chunk: all lines, and the texts of the first few of them."""
        for line, text in zip(lines.tolist(), texts, strict=False):
            self.add(kind, file, line, text)
        if len(lines) > len(texts):
            self.counts[kind] += len(lines) - len(texts)

    def to_json(self) -> dict[str, Any]:
        kinds = dict(sorted(self.counts.items()))
        return {"policy": self.policy, "skipped": self.total, "kinds": kinds, "first": self.lines}
