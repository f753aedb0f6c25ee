"""Traces as text, for people and other programs: a line a request.

    # pimsim trace 1
    # table users 1000000 64
    # table items 50000 128
    bag table row
    0 users 17
    0 items 3

The first line names the form, a line for each table follows (name, rows, bytes a row), then the names of the columns,
then the requests. Tables are named, not numbered; addresses may be hexadecimal (0x40). Lines that are empty or begin
with '#' are passed over among the requests.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from pimsim.errors import InputError, Place, printable
from pimsim.memory.traces.form import CHUNK, KINDS, MAX_TABLES, VERSION, Checker, Chunk, Header, TableShape, chosen

FIRST = f"# pimsim trace {VERSION}"
LONGEST_LINE = 1000
_DIGITS = re.compile(r"-?[0-9]{1,100}", re.ASCII)
_HEX = re.compile(r"0[xX][0-9a-fA-F]{1,100}", re.ASCII)


class TextTrace:
    """The trace in the text file `path`. Raises InputError, with the line, for what is no trace."""

    requests: int | None = None

    def __init__(self, path: Path):
        self.path = path
        with opened(path) as file:
            self.header, self.begin = _header(Lines(file, path))

    def chunks(self, columns: Sequence[str] | None = None) -> Iterator[Chunk]:
        """The requests, CHUNK at a time."""
        names = chosen(self.header, columns)
        at = {name: i for i, name in enumerate(self.header.columns)}
        tables = {table.name: i for i, table in enumerate(self.header.tables)}
        checker = Checker(self.header, Place(str(self.path)))
        with opened(self.path) as file:
            lines = Lines(file, self.path)
            for _ in range(self.begin):
                lines.next()
            while True:
                rows: list[list[int]] = []
                numbers: list[int] = []
                while len(rows) < CHUNK and (line := lines.next()) is not None:
                    if line and not line.startswith("#"):
                        rows.append(self._values(line, tables, lines))
                        numbers.append(lines.number)
                if not rows:
                    return
                whole = np.array(rows, dtype=np.int64).reshape(len(rows), -1)
                where = Words(self.path, numbers, at)
                _limited(whole, at, where)
                every = {name: whole[:, i].astype(KINDS[name]) for name, i in at.items()}
                checker.check(every, where)
                yield {name: every[name] for name in names}

    def _values(self, line: str, tables: dict[str, int], lines: Lines) -> list[int]:
        words = line.split()
        if len(words) != len(self.header.columns):
            wanted = f"{len(self.header.columns)} values ({' '.join(self.header.columns)})"
            raise lines.fault(f"a request is {wanted}; got '{printable(line, 80)}'", len(self.header.columns))
        values = []
        for i, (name, word) in enumerate(zip(self.header.columns, words, strict=True)):
            if name != "table":
                values.append(whole_number(word, name, lines, i))
            elif word in tables:
                values.append(tables[word])
            else:
                known = ", ".join(list(tables)[:8])
                raise lines.fault(f"no table '{printable(word, 60)}' (tables: {printable(known, 120)})", i)
        return values


def _limited(whole: Any, at: dict[str, int], where: Words) -> None:
    """What does not fit the type of its column; the rest is the Checker's."""
    if "write" in at and ((whole[:, at["write"]] < 0) | (whole[:, at["write"]] > 1)).any():
        bad = int(np.argmax((whole[:, at["write"]] < 0) | (whole[:, at["write"]] > 1)))
        raise InputError(f"write is {whole[bad, at['write']]}; it is 0 or 1", where(bad, "write"))


class Lines:
    """The lines of a file, counted. A line that is too long or no text is a fault at its number."""

    def __init__(self, file: TextIO, path: Path):
        self.file, self.path, self.number, self.line = file, path, 0, ""

    def next(self) -> str | None:
        """The next line without the blanks around it; None at the end."""
        self.number += 1
        self.line = ""
        try:
            line = self.file.readline(LONGEST_LINE + 2)
        except UnicodeDecodeError as fault:
            raise self.fault("is no UTF-8 text; a trace is text or parquet", None) from fault
        except OSError as fault:
            raise self.fault(f"cannot be read: {printable(fault.strerror or fault)}", None) from fault
        if len(line) > LONGEST_LINE:
            raise self.fault(f"a line of a trace has at most {LONGEST_LINE:,} characters", None)
        self.line = line
        return line.strip() if line else None

    def fault(self, text: str, word: int | None = 0) -> InputError:
        """The error `text` at this line, at its `word` (from 0; behind the last one where there are fewer)."""
        return InputError(text, Place(str(self.path), self.number, column_of(self.line, word)))


class Words:
    """Where the columns of requests stand in a file, read again for the one that is asked for."""

    def __init__(self, path: Path, numbers: list[int], at: dict[str, int]):
        self.path, self.numbers, self.at = path, numbers, at

    def __call__(self, request: int, column: str) -> Place:
        """The place of `column` of a request (from 0)."""
        number = self.numbers[request]
        with opened(self.path) as file:
            line = next(itertools.islice(file, number - 1, None), "")
        return Place(str(self.path), number, column_of(line, self.at[column]))


def column_of(line: str, word: int | None) -> int | None:
    """Where `word` (from 0) of a line begins, counted from 1; behind the last word where there are fewer."""
    if word is None or not line.strip():
        return None
    words = list(re.finditer(r"\S+", line))
    return words[word].start() + 1 if word < len(words) else words[-1].end() + 1


def opened(path: Path) -> TextIO:
    """`path` for reading as text, without the mark with which some editors begin it. Raises InputError when it cannot
    be read."""
    try:
        return open(path, encoding="utf-8-sig", newline="\n")
    except (OSError, ValueError) as fault:
        reason = getattr(fault, "strerror", None) or fault
        raise InputError(f"cannot be read: {printable(reason)}", Place(str(path))) from fault


def whole_number(word: str, name: str, lines: Lines, at: int = 0) -> int:
    """The value of `word`, the `at`-th of its line, below 2^63. Raises InputError at its place otherwise."""
    if _DIGITS.fullmatch(word):
        value = int(word)
    elif name == "address" and _HEX.fullmatch(word):
        value = int(word, 16)
    else:
        raise lines.fault(f"{name} is a whole number; got '{printable(word, 40)}'", at)
    if not -(2**63) <= value < 2**63:
        raise lines.fault(f"{name} is {printable(word, 40)}, which does not fit into 64 bits", at)
    return value


def _header(lines: Lines) -> tuple[Header, int]:
    """The header, and how many lines it takes."""
    first = lines.next()
    if first != FIRST:
        raise lines.fault(f"a trace as text begins with '{FIRST}'; got '{printable(first or '', 60)}'")
    tables: list[TableShape] = []
    about = ""
    while (line := lines.next()) is not None:
        words = line.split()
        if not line:
            continue
        if not line.startswith("#"):
            try:
                return Header(tuple(words), tuple(tables), about), lines.number
            except InputError as fault:
                raise lines.fault(str(fault)) from fault
        if words[:2] == ["#", "about"]:
            about = line.removeprefix("# about").strip()
        elif words[:2] == ["#", "table"]:
            if len(tables) == MAX_TABLES:
                raise lines.fault(f"at most {MAX_TABLES:,} tables")
            if len(words) != 5:
                raise lines.fault(f"a table is '# table NAME ROWS BYTES'; got '{printable(line, 80)}'")
            sizes = [whole_number(words[i], what, lines, i) for i, what in ((3, "rows"), (4, "bytes"))]
            try:
                tables.append(TableShape(words[2], *sizes))
            except InputError as fault:
                raise lines.fault(str(fault)) from fault
    raise lines.fault("the names of the columns are missing, e.g. 'bag table row'")


class TextWriter:
    """Writes the chunks of a trace to `path` as text."""

    def __init__(self, path: Path, header: Header):
        self.header = header
        self.file = open(path, "w", encoding="utf-8", newline="\n")  # noqa: SIM115 - `close` closes it
        lines = [FIRST, *([f"# about {printable(header.about, LONGEST_LINE - 20)}"] if header.about else [])]
        lines += [f"# table {table.name} {table.rows} {table.row_bytes}" for table in header.tables]
        self.file.write("\n".join([*lines, " ".join(header.columns)]) + "\n")

    def add(self, chunk: Chunk) -> None:
        """Append one chunk."""
        words = []
        for name in self.header.columns:
            values = chunk[name].tolist()
            if name == "table":
                words.append([self.header.tables[i].name for i in values])
            else:
                words.append([hex(value) if name == "address" else str(value) for value in values])
        self.file.write("".join(" ".join(request) + "\n" for request in zip(*words, strict=True)))

    def close(self) -> None:
        """Nothing more comes."""
        self.file.close()
