"""The columns of a chunk as a spec sees them: texts for ids, numbers for dense columns, derived and joined ones too.

Faults of a value make its row malformed; a row counts once, with its first fault.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.data.chunks import MAX_VALUE_BYTES, Chunk
from nas.data.faults import KEPT, Faults
from nas.data.sources import missing_column
from pimsim.errors import InputError, Place, printable

Numbers = NDArray[np.float64]
LARGEST = 3.0e38  # float32's


class Values:
    """Columns of one chunk by name. `bad` marks the malformed rows found so far."""

    def __init__(self, chunk: Chunk, faults: Faults):
        self.chunk = chunk
        self.faults = faults
        self.bad = np.zeros(len(chunk), bool)
        self._texts: dict[str, Any] = {}
        self._numbers: dict[str, Numbers] = {}

    def __len__(self) -> int:
        return len(self.chunk)

    def set_numbers(self, name: str, numbers: Numbers) -> None:
        self._numbers[name] = numbers

    def set_texts(self, name: str, texts: Any) -> None:
        self._texts[name] = texts

    def fault(self, kind: str, rule: str, rows: NDArray[np.bool_], shown: Any = None) -> None:
        """These rows are malformed; `shown` holds the texts that are quoted."""
        new = np.flatnonzero(rows & ~self.bad)
        self.bad |= rows
        quoted = ["" if shown is None else f"; got {_quoted(shown, int(row))}" for row in new[:KEPT]]
        self.faults.add_rows(kind, self.chunk.file, self.chunk.lines[new], [rule + text for text in quoted])

    def leave_out_blank(self) -> None:
        """Rows without any value are no rows: a blank line at the end of a file is no fault."""
        columns = [column.is_null().to_numpy(zero_copy_only=False) for column in self.chunk.columns.values()]
        if columns:
            self.bad |= np.logical_and.reduce(columns)

    def raw(self, name: str) -> Any:
        """The column as the file has it."""
        if name not in self.chunk.columns:
            raise missing_column(name, sorted([*self.chunk.columns, *self._numbers, *self._texts]), self.chunk.file)
        return self.chunk.columns[name]

    def texts(self, name: str) -> Any:
        """The column as a pyarrow binary array, null where missing. Whole numbers are written without a point."""
        import pyarrow as pa
        import pyarrow.compute as pc

        if name not in self._texts:
            if name in self._numbers:
                texts = number_texts(self._numbers[name])
            else:
                texts = _as_binary(self.raw(name), name, self.chunk.file)
                lengths = pc.binary_length(texts).fill_null(0).to_numpy(zero_copy_only=False)
                long = lengths > MAX_VALUE_BYTES
                if long.any():
                    rule = f"column {printable(name, 60)} holds a value of more than {MAX_VALUE_BYTES:,} bytes"
                    self.fault("length", rule, long)
                    texts = pc.if_else(pa.array(long), pa.scalar(None, pa.binary()), texts)
            self._texts[name] = texts
        return self._texts[name]

    def numbers(self, name: str) -> Numbers:
        """The column as float64, NaN where missing; a text that is no finite number is a fault."""
        import pyarrow as pa

        if name not in self._numbers:
            column = None if name in self._texts else self.raw(name)
            if column is not None and (pa.types.is_timestamp(column.type) or pa.types.is_date(column.type)):
                # A column of times counts as seconds since 1970, which `time: epoch_s` takes apart.
                column = column.cast(pa.timestamp("s", getattr(column.type, "tz", None)), safe=False).cast(pa.int64())
            if column is not None and _is_numeric(column.type):
                numbers = column.cast(pa.float64(), safe=False).fill_null(np.nan).to_numpy(zero_copy_only=False)
            else:
                numbers = self._parsed(name)
            numbers = np.asarray(numbers, np.float64)
            large = ~(np.abs(numbers) <= LARGEST) & ~np.isnan(numbers)
            if large.any():
                rule = f"column {printable(name, 60)} must hold finite numbers below {LARGEST:g}"
                self.fault("number", rule, large, numbers)
                numbers = np.where(large, np.nan, numbers)
            self._numbers[name] = numbers
        return self._numbers[name]

    def _parsed(self, name: str) -> Numbers:
        import pyarrow as pa

        texts = self.texts(name)
        try:
            parsed = texts.cast(pa.string()).cast(pa.float64())
        except (pa.ArrowInvalid, UnicodeError):
            values, wrong = np.empty(len(texts)), np.zeros(len(texts), bool)
            for row, text in enumerate(texts.to_pylist()):
                number = np.nan if text is None else _number(text)
                wrong[row], values[row] = number is None, np.nan if number is None else number
            self.fault("number", f"column {printable(name, 60)} must hold a number", wrong, texts)
            return values
        numbers: Numbers = parsed.fill_null(np.nan).to_numpy(zero_copy_only=False)
        return numbers

    def kept(self) -> NDArray[np.int64]:
        """Rows without a fault."""
        return np.flatnonzero(~self.bad)


def number_texts(numbers: Numbers) -> Any:
    """Numbers as texts (whole ones without a point), NaN as null."""
    import pyarrow as pa

    distinct, places = np.unique(numbers, return_inverse=True)
    texts = [None if np.isnan(value) else _written(float(value)) for value in distinct]
    return pa.array(texts, pa.binary()).take(pa.array(places.reshape(-1)))


def _written(value: float) -> bytes:
    return (str(int(value)) if value.is_integer() and abs(value) < 1e18 else repr(value)).encode()


def _number(text: bytes) -> float | None:
    if b"_" in text:
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _is_numeric(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind))


def _as_binary(column: Any, name: str, file: str) -> Any:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if pa.types.is_binary(kind):
        return column
    if pa.types.is_floating(kind):
        return number_texts(column.cast(pa.float64()).fill_null(np.nan).to_numpy(zero_copy_only=False))
    simple = (
        pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_temporal(kind) or pa.types.is_null(kind)
    )
    if simple or pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return column.cast(pa.string()).cast(pa.binary())
    if pa.types.is_large_binary(kind):
        return column.cast(pa.binary())
    rule = "texts, whole numbers, numbers or dates"
    raise InputError(f"column {printable(name, 60)} must hold {rule}; got {printable(kind, 60)}", Place(file))


def _quoted(shown: Any, row: int) -> str:
    value = shown[row].as_py() if hasattr(shown, "type") and not isinstance(shown, np.ndarray) else shown[row]
    if isinstance(value, bytes):
        value = value[:60].decode("utf-8", "backslashreplace")
    return printable("nothing" if value is None else value, 60)
