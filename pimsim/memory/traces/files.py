"""Traces in files: which form a file has, and files that are whole or absent."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from pimsim.errors import InputError, Place, printable
from pimsim.memory.traces.addresses import AddressTrace, AddressWriter
from pimsim.memory.traces.bags import BagTrace
from pimsim.memory.traces.form import Checker, Chunk, Header, Trace
from pimsim.memory.traces.parquet import ParquetTrace, ParquetWriter
from pimsim.memory.traces.text import FIRST, TextTrace, TextWriter

FilePath = str | os.PathLike[str]
WRITERS: dict[str, Callable[[Path, Header], ParquetWriter | TextWriter]] = {
    ".parquet": ParquetWriter, ".txt": TextWriter
}  # fmt: skip


def open_trace(path: FilePath) -> Trace:
    """The trace in a file: parquet or text of this format, .npz of indices and offsets (torch EmbeddingBag), or an
    address trace of Ramulator or DRAMsim; what it begins with tells, not its name.

    Raises InputError, with the line where there are lines, for a file that is absent or none of these.
    """
    place = Place(str(path))
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise InputError("is not a regular file; give the path of a trace", place)
        with open(path, "rb") as file:
            begin = file.read(64)
    except FileNotFoundError as fault:
        raise InputError("no such file; 'pimsim trace make' makes a trace", place) from fault
    except (OSError, ValueError) as fault:
        raise InputError(f"cannot be read: {printable(getattr(fault, 'strerror', None) or fault)}", place) from fault
    if begin.startswith(b"PAR1"):
        return ParquetTrace(Path(path))
    if begin.startswith(b"PK\x03\x04"):
        if b"data.pkl" in begin:
            told = "write the arrays with numpy.savez, as docs/traces.md shows"
            raise InputError(f"is pickled by torch, which is not read; {told}", place)
        return BagTrace(Path(path))
    if begin.startswith(b"\x1f\x8b"):
        raise InputError("is compressed by gzip; unpack it first (gunzip)", place)
    if begin.removeprefix(b"\xef\xbb\xbf").startswith(FIRST[:14].encode()):
        return TextTrace(Path(path))
    return AddressTrace(Path(path))


def check_ending(path: FilePath, option: str) -> str:
    """The ending of a trace to write. Raises InputError for one that names no form."""
    ending = Path(path).suffix.lower()
    if ending not in WRITERS:
        raise InputError(f"{option}: {printable(path)} must end in .parquet or .txt (text), which says the form")
    return ending


def write_trace(
    path: FilePath, header: Header, chunks: Iterable[Chunk], option: str = "path", form: str | None = None
) -> int:
    """Write a trace, parquet or text by the ending of `path`, whole or not at all; returns the number of requests.

    chunks: each with the columns of `header`; they are taken one at a time, so that a trace of any length fits. form:
    one of `addresses.FORMS`, for another simulator, whatever the ending; of a trace of addresses.
    Raises InputError for a request that breaks a rule, and when the system refuses; nothing is left behind then.
    """
    kind = partial(AddressWriter, form=form) if form else WRITERS[check_ending(path, option)]
    if form and (header.of_rows or header.arrival == "arrival_ns"):
        raise InputError(f"{option}: {form} takes addresses and cycles; this trace has rows or nanoseconds")
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise InputError(f"{option}: {printable(path)} is not a regular file; give the name of a file")
    draft = target.with_name(f".{os.urandom(8).hex()}.part")
    checker = Checker(header, Place(str(path)))
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        writer = kind(draft, header)
        try:
            for chunk in chunks:
                checker.check({name: chunk[name] for name in header.columns})
                writer.add(chunk)
        finally:
            writer.close()
        _settle(draft, target)
    except OSError as fault:
        draft.unlink(missing_ok=True)
        raise InputError(f"cannot write {printable(path)}: {printable(fault.strerror or fault)}") from fault
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return checker.requests


def _settle(draft: Path, target: Path) -> None:
    """Give the draft the name and the permissions of the target."""
    with open(draft, "rb") as file:
        os.fsync(file.fileno())
    if target.exists():
        os.chmod(draft, stat.S_IMODE(target.stat().st_mode))
    os.replace(draft, target)
