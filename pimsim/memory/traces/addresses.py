"""Address traces of other simulators, a line a request, read and written.

ramulator       `0x12345680 R`               Ramulator (memory traces): address, R or W
ramulator-cpu   `3 20734016 20734016`        Ramulator and Ramulator 2 (CPU traces): instructions before, address read,
                                             perhaps address written; not written, the instructions are left out
ramulator2      `LD 0x12345680`, `ST 64`     Ramulator 2 (LoadStoreTrace): load or store, address
dramsim3        `0x12345680 READ 17`         DRAMsim3: address, operation, cycle of the memory's clock at which it comes
dramsim2        `0x12345680 P_MEM_RD 17`     DRAMSim2: the same with P_MEM_RD, P_FETCH, P_MEM_WR, BOFF

The first request tells which; the others must be of the same form. Addresses are bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pimsim.errors import Place, printable
from pimsim.memory.traces.form import CHUNK, KINDS, Checker, Chunk, Header, chosen
from pimsim.memory.traces.text import Lines, Words, opened, whole_number


@dataclass(frozen=True)
class Form:
    """A form of lines. shape: an example. words: a read and a write, as they are written. operations: word that may be
    read -> whether it writes. address, operation, cycle: which word is which (-1: there is none). hexadecimal: whether
    digits without 0x are."""

    shape: str
    words: tuple[str, str]
    operations: dict[str, int]
    address: int = 0
    operation: int = 1
    cycle: int = -1
    hexadecimal: bool = True

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a trace of this form."""
        return ("address", "write", "arrival_cycle") if self.cycle >= 0 else ("address", "write")


_DRAMSIM = {"READ": 0, "WRITE": 1, "read": 0, "write": 1, "P_MEM_RD": 0, "P_FETCH": 0, "P_MEM_WR": 1, "BOFF": 1}
FORMS = {
    "ramulator": Form("0x12345680 R", ("R", "W"), {"R": 0, "W": 1}),
    "ramulator2": Form("LD 0x12345680", ("LD", "ST"), {"LD": 0, "ST": 1}, 1, 0, hexadecimal=False),
    "dramsim3": Form("0x12345680 READ 17", ("READ", "WRITE"), _DRAMSIM, cycle=2),
    "dramsim2": Form("0x12345680 P_MEM_RD 17", ("P_MEM_RD", "P_MEM_WR"), _DRAMSIM, cycle=2),
}
CPU = "ramulator-cpu"
CPU_SHAPE = "3 20734016 20734016"


class AddressTrace:
    """The address trace in the file `path`. Raises InputError, with the place, for one of no known form."""

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
        columns = FORMS[self.kind].columns if self.kind in FORMS else ("address", "write")
        self.header = Header(columns, about=f"{self.kind} trace {printable(path.name, 100)}")

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[Chunk]:
        """The requests, CHUNK at a time."""
        names = chosen(self.header, columns)
        checker = Checker(self.header, Place(str(self.path)))
        form = FORMS.get(self.kind)
        at = {"address": 1, "write": 2} if form is None else {
            "address": form.address, "write": form.operation, "arrival_cycle": form.cycle
        }  # fmt: skip
        with opened(self.path) as file:
            lines = Lines(file, self.path)
            while True:
                rows: list[tuple[int, ...]] = []
                numbers: list[int] = []
                while len(rows) < CHUNK and (line := lines.next()) is not None:
                    if line and not line.startswith("#"):
                        found = _cpu(line, lines) if form is None else [_request(line, form, lines)]
                        rows += found
                        numbers += [lines.number] * len(found)
                if not rows:
                    return
                whole = np.array(rows, dtype=np.int64)
                every = {name: whole[:, i].astype(KINDS[name]) for i, name in enumerate(self.header.columns)}
                checker.check(every, Words(self.path, numbers, at))
                yield {name: every[name] for name in names}


def _kind(line: str, lines: Lines) -> str:
    words = line.split()
    fitting = [(kind, form) for kind, form in FORMS.items()
               if len(words) == len(form.columns) and words[form.operation] in form.operations]  # fmt: skip
    for kind, form in fitting:
        if words[form.operation] in form.words:
            return kind
    if fitting:
        return fitting[-1][0]
    if len(words) in (2, 3) and all(word.isascii() and word.isdigit() for word in words):
        return CPU
    known = ", ".join(f"'{shape}'" for shape in [*(form.shape for form in FORMS.values()), CPU_SHAPE])
    raise lines.fault(f"is a request of no known form (known: {known}); got '{printable(line, 80)}'")


def _request(line: str, form: Form, lines: Lines) -> tuple[int, ...]:
    words = line.split()
    if len(words) != len(form.columns):
        shown = f"a request of this file is as '{form.shape}'; got '{printable(line, 80)}'"
        raise lines.fault(shown, len(form.columns))
    word = words[form.operation]
    write = form.operations.get(word)
    if write is None:
        known = ", ".join(form.operations)
        raise lines.fault(f"the operation is one of {known}; got '{printable(word, 40)}'", form.operation)
    address = words[form.address]
    if form.hexadecimal and address[:2].lower() != "0x":
        address = f"0x{address}"
    value = whole_number(address, "address", lines, form.address)
    if form.cycle < 0:
        return value, write
    return value, write, whole_number(words[form.cycle], "arrival_cycle", lines, form.cycle)


def _cpu(line: str, lines: Lines) -> list[tuple[int, ...]]:
    words = line.split()
    if len(words) not in (2, 3):
        raise lines.fault(f"a line of this file is as '{CPU_SHAPE}'; got '{printable(line, 80)}'", 3)
    whole_number(words[0], "the number of instructions", lines)
    return [(whole_number(word, "address", lines, i), i - 1) for i, word in enumerate(words[1:], start=1)]


class AddressWriter:
    """Writes the chunks of a trace of addresses to `path` in one of FORMS. A form with cycles has 0 where the trace
    has no arrivals."""

    def __init__(self, path: Path, header: Header, form: str):
        self.form = FORMS[form]
        self.file = open(path, "w", encoding="ascii", newline="\n")  # noqa: SIM115 - `close` closes it
        self.operations = np.array(self.form.words)

    def add(self, chunk: Chunk) -> None:
        """Append one chunk."""
        count = len(chunk["address"])
        nothing = np.zeros(count, dtype=np.int64)
        words: list[list[str]] = [[] for _ in self.form.columns]
        words[self.form.address] = [f"0x{address:x}" for address in chunk["address"].tolist()]
        words[self.form.operation] = self.operations[chunk.get("write", nothing)].tolist()
        if self.form.cycle >= 0:
            words[self.form.cycle] = [str(cycle) for cycle in chunk.get("arrival_cycle", nothing).tolist()]
        self.file.write("".join(" ".join(line) + "\n" for line in zip(*words, strict=True)))

    def close(self) -> None:
        """Nothing more comes."""
        self.file.close()
