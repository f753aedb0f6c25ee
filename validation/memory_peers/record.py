"""What was measured, in record.json: one row a device, trace, length and simulator; and its table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pimsim.report.atomic import write_atomic

FOLDER = Path(__file__).parent
BARS = {"DRAMsim3": 0.01, "Ramulator 2": 0.02}
"""Largest difference in cycles, of either sign. Ramulator 2 has an order of its own (ramulator2.py)."""


@dataclass(frozen=True)
class Row:
    """Cycles and processor seconds of both on one trace; the other simulator's cycles to a thousandth of them."""

    peer: str
    device: str
    trace: str
    requests: int
    ours_cycles: int
    theirs_cycles: int
    ours_s: float
    theirs_s: float

    @property
    def key(self) -> tuple[str, str, int, str]:
        return self.peer, self.device, self.requests, self.trace

    @property
    def difference(self) -> float:
        return self.ours_cycles / self.theirs_cycles - 1.0

    @property
    def within(self) -> bool:
        return abs(self.difference) <= BARS[self.peer]

    @property
    def ratio(self) -> float:
        """Their processor time in ours."""
        return self.theirs_s / self.ours_s

    def __str__(self) -> str:
        return (
            f"{self.device:<10} {self.trace:<14} {self.requests:>9} requests  ours {self.ours_cycles:>9} cycles, "
            f"{self.peer} {self.theirs_cycles:>9} ({self.difference:+.2%}); {self.ratio:.0f} times its speed"
        )


def read(folder: Path = FOLDER) -> list[Row]:
    """The rows of the record; none where there is no record."""
    path = folder / "record.json"
    return [Row(**row) for row in json.loads(path.read_text("utf-8"))["rows"]] if path.is_file() else []


def save(rows: Iterable[Row], folder: Path = FOLDER) -> None:
    """Put rows into the record, in place of those of the same traces, and write its table anew."""
    known = {row.key: row for row in read(folder)} | {row.key: row for row in rows}
    ordered = sorted(known.values(), key=lambda row: (row.peer, row.requests, row.device, row.trace))
    text = json.dumps({"rows": [asdict(row) for row in ordered]}, indent=1)
    write_atomic(folder / "record.json", text + "\n")
    write_atomic(folder / "REPORT.md", report(ordered))


def report(rows: Sequence[Row]) -> str:
    """The record as a page."""
    lines = [
        "# The bank kernels beside other simulators",
        "",
        "Written by `python -m validation.memory_peers --dramsim3 PATH --save` and `--ramulator2 PATH --save` out of "
        "record.json. How both were set alike, and what differs still, stands at the top of dramsim3.py and "
        "ramulator2.py; devices and traces stand in setting.py. Cycles of DRAMsim3 are to a thousandth of them.",
        "",
        *summary(rows),
        "",
    ]
    for requests in sorted({row.requests for row in rows}):
        lines += [
            f"## {requests:,} requests",
            "",
            "| peer | device | trace | our cycles | its cycles | difference |",
            "|---|---|---|---|---|---|",
            *(
                f"| {row.peer} | {row.device} | {row.trace} | {row.ours_cycles:,} | {row.theirs_cycles:,} "
                f"| {row.difference:+.2%} |"
                for row in rows
                if row.requests == requests
            ),
            "",
        ]
    return "\n".join(lines)


def summary(rows: Sequence[Row]) -> list[str]:
    """The largest difference from each simulator, in a sentence."""
    lines = []
    for peer in sorted({row.peer for row in rows}):
        worst = max((row for row in rows if row.peer == peer), key=lambda row: abs(row.difference))
        where = f"{worst.device}, {worst.trace}, {worst.requests:,} requests"
        lines.append(f"Largest difference from {peer}: {worst.difference:+.2%} ({where}); bar {BARS[peer]:.0%}.")
    return lines
