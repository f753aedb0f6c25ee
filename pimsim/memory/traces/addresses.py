"""Address traces of other simulators, a line a request.

ramulator    `0x12345680 R`                Ramulator (memory-trace mode): address, R or W
ramulator2   `LD 0x12345680`, `ST 64`      Ramulator 2 (LoadStoreTrace): load or store, address
dramsim      `0x12345680 READ 17`          DRAMsim3: address, operation, cycle of the memory's clock at which it comes;
                                           DRAMSim2's operations P_MEM_RD, P_MEM_WR, P_FETCH, BOFF are known too

The first request tells which; the others must be of the same form. Addresses are bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from pimsim.errors import Place, printable
from pimsim.memory.traces.form import CHUNK, KINDS, Checker, Chunk, Header, chosen
from pimsim.memory.traces.text import Lines, opened, whole_number

OPERATIONS = {
    "ramulator": {"R": 0, "W": 1},
    "ramulator2": {"LD": 0, "ST": 1},
    "dramsim": {"READ": 0, "WRITE": 1, "read": 0, "write": 1, "P_MEM_RD": 0, "P_FETCH": 0, "P_MEM_WR": 1, "BOFF": 1},
}
_SHAPES = {"ramulator": "0x12345680 R", "ramulator2": "LD 0x12345680", "dramsim": "0x12345680 READ 17"}


class AddressTrace:
    """The address trace in the file `path`. Raises InputError, with the line, for one of no known form."""

    requests: int | None = None

    def __init__(self, path: Path):
        self.path = path
        self.kind = ""
        with opened(path) as file:
            lines = Lines(file, path)
            while (line := lines.next()) is not None:
                if line and not line.startswith("#"):
                    self.kind = _kind(line, lines)
                    break
        if not self.kind:
            raise lines.fault("holds no request; a trace is parquet, text, .npz of bags, or of Ramulator or DRAMsim")
        columns = ("address", "write", "arrival_cycle") if self.kind == "dramsim" else ("address", "write")
        self.header = Header(columns, about=f"{self.kind} trace {printable(path.name, 100)}")

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[Chunk]:
        """The requests, CHUNK at a time."""
        names = chosen(self.header, columns)
        checker = Checker(self.header, Place(str(self.path)))
        with opened(self.path) as file:
            lines = Lines(file, self.path)
            while True:
                rows: list[tuple[int, ...]] = []
                numbers: list[int] = []
                while len(rows) < CHUNK and (line := lines.next()) is not None:
                    if line and not line.startswith("#"):
                        rows.append(_request(line, self.kind, lines))
                        numbers.append(lines.number)
                if not rows:
                    return
                whole = np.array(rows, dtype=np.int64)
                every = {name: whole[:, i].astype(KINDS[name]) for i, name in enumerate(self.header.columns)}
                checker.check(every, np.array(numbers))
                yield {name: every[name] for name in names}


def _kind(line: str, lines: Lines) -> str:
    words = line.split()
    if len(words) == 2 and words[0] in OPERATIONS["ramulator2"]:
        return "ramulator2"
    if len(words) == 2 and words[1] in OPERATIONS["ramulator"]:
        return "ramulator"
    if len(words) == 3 and words[1] in OPERATIONS["dramsim"]:
        return "dramsim"
    known = ", ".join(f"'{shape}'" for shape in _SHAPES.values())
    raise lines.fault(f"is a request of no known form (known: {known}); got '{printable(line, 80)}'")


def _request(line: str, kind: str, lines: Lines) -> tuple[int, ...]:
    words = line.split()
    if len(words) != (3 if kind == "dramsim" else 2):
        raise lines.fault(f"a request of this file is as '{_SHAPES[kind]}'; got '{printable(line, 80)}'")
    address, word = (words[1], words[0]) if kind == "ramulator2" else (words[0], words[1])
    write = OPERATIONS[kind].get(word)
    if write is None:
        known = ", ".join(OPERATIONS[kind])
        raise lines.fault(f"the operation is one of {known}; got '{printable(word, 40)}'")
    if kind != "ramulator2" and address[:2].lower() != "0x":
        address = f"0x{address}"  # these two read hexadecimal digits with or without 0x
    value = whole_number(address, "address", lines)
    return (value, write, whole_number(words[2], "arrival_cycle", lines)) if kind == "dramsim" else (value, write)
