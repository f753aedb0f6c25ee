"""Some rows of a file, column by column, and the one place where a library's reading errors become InputErrors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pimsim.errors import InputError, Place, printable

MAX_COLUMNS = 10_000
BLOCK_BYTES = 4 * 2**20  # read at a time; no line may be longer
MAX_VALUE_BYTES = 4096  # of one value; a longer one is malformed


@dataclass(frozen=True)
class Chunk:
    """columns: name -> pyarrow array, all of the length of `lines`. lines: where each row stands in `file`, from 1
    (records of a text file, rows of a parquet file). source: number of the file. part: 0 rows to be split, 1
    validation, 2 test."""

    columns: dict[str, Any]
    lines: NDArray[np.int64]
    file: str
    source: int = 0
    part: int = 0

    def __len__(self) -> int:
        return len(self.lines)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Whatever pyarrow or the system says about `path`, as one line with the file's name."""
    import pyarrow as pa

    try:
        yield
    except FileNotFoundError:
        raise InputError("no such file", Place(str(path))) from None
    except MemoryError:
        raise InputError("does not fit memory", Place(str(path))) from None
    except (pa.ArrowException, OSError, UnicodeError, EOFError, ValueError) as fault:
        text = str(fault).splitlines()[0] if str(fault) else type(fault).__name__
        if "straddl" in text:
            text = f"a line is longer than {BLOCK_BYTES:,} bytes, or a quote is never closed"
        elif "Empty CSV" in text:
            text = "the file is empty"
        raise InputError(f"cannot be read: {printable(text)}", Place(str(path))) from None


def unique_names(names: Sequence[str], path: Path) -> list[str]:
    """The names, if there are not too many and none stands twice."""
    if len(names) > MAX_COLUMNS:
        raise InputError(f"at most {MAX_COLUMNS:,} columns are read; got {len(names):,}", Place(str(path)))
    twice = {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set()
    if twice:
        raise InputError(f"column {printable(sorted(twice)[0], 60)} stands twice in the header", Place(str(path), 1))
    return list(names)
