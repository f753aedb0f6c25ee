"""Rows on disk between the reading of a set and its splits, so that a set larger than memory is parsed only once."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np

from nas.data.rows import Rows

STEP = 65_536  # rows handled at a time


class Staging:
    """Appends rows to one raw file a column kind in `folder`; `rows()` gives them back as memory maps."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.size = 0
        self._files: dict[str, BinaryIO] = {}
        self._kinds: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {}

    def __enter__(self) -> Staging:
        self.folder.mkdir(parents=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files.values():
            file.close()

    def append(self, rows: Rows) -> None:
        for field in fields(rows):
            array = getattr(rows, field.name)
            if field.name not in self._files:
                self._files[field.name] = (self.folder / field.name).open("wb")
                self._kinds[field.name] = array.dtype, array.shape[1:]
            self._files[field.name].write(np.ascontiguousarray(array).data if array.size else b"")
        self.size += len(rows.labels)

    def rows(self) -> Rows:
        """All rows; nothing can be appended after this."""
        arrays: dict[str, Any] = {}
        for name, (kind, shape) in self._kinds.items():
            self._files[name].close()
            full = (self.size, *shape)
            empty = not np.prod(full)
            arrays[name] = np.empty(full, kind) if empty else np.memmap(self.folder / name, kind, "r", shape=full)
        return Rows(**arrays)
