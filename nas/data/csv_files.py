"""Text files with delimiters, block by block. Values stay bytes; rows with a wrong number of columns are faults."""

from __future__ import annotations

import csv
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.data.chunks import BLOCK_BYTES, Chunk, reading, unique_names
from nas.data.faults import KEPT, Faults
from nas.data.spec import Csv
from pimsim.errors import InputError, Place, printable

ONE_COLUMN = "\x01"  # a delimiter that no text file holds: the line stays whole
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class _Lines:
    """Which lines the rows of the next batch stand on, given the numbers of the rows that the parser left out."""

    def __init__(self, first: int):
        self.next = first
        self.left_out: list[int] = []

    def take(self, count: int) -> NDArray[np.int64]:
        end = self.next + count
        while (grown := self.next + count + bisect_left(self.left_out, end)) != end:
            end = grown
        gone = bisect_left(self.left_out, end)
        kept = np.ones(end - self.next, bool)
        kept[np.array(self.left_out[:gone], np.int64) - self.next] = False
        lines = self.next + np.flatnonzero(kept)
        del self.left_out[:gone]
        self.next = end
        return lines


def header_of(path: Path, layout: Csv) -> list[str]:
    """Column names: of the spec, or of the file's header without types (`user_id:token`) and blanks."""
    with reading(path):
        stream = _open(path)
        with stream:
            start = stream.read(2)
            if start in _UTF16 and layout.encoding != "utf-16":
                raise InputError("is UTF-16; say `encoding: utf-16` in its spec", Place(str(path)))
            text = (start + stream.read(BLOCK_BYTES - 2)).decode(layout.encoding, "replace").removeprefix("\ufeff")
    if layout.columns:
        return unique_names(layout.columns, path)
    lines = text.splitlines()
    if len(lines) <= layout.skip_lines:
        raise InputError("the file is empty" if not text else "the header is missing", Place(str(path)))
    line = lines[layout.skip_lines]
    if len(layout.delimiter) > 1:
        names = line.split(layout.delimiter)
    else:
        with reading(path):
            names = next(csv.reader([line], delimiter=layout.delimiter), [])
    return unique_names([name.strip().partition(":")[0] for name in names], path)


def csv_chunks(path: Path, layout: Csv, rename: dict[str, str], wanted: set[str], faults: Faults) -> Iterator[Chunk]:
    """The chunks of a file with its `wanted` columns, as binary arrays (missing texts and empty ones are null)."""
    names = unique_names([rename.get(name, name) for name in header_of(path, layout)], path)
    chosen = [name for name in names if name in wanted]
    if len(layout.delimiter) > 1:
        yield from _split_lines(path, layout, names, chosen, faults)
        return
    for table, lines in parsed(path, layout, names, layout.delimiter, layout.quotes, chosen, faults):
        yield Chunk({name: cleaned(table.column(name), layout) for name in chosen}, lines, str(path))


def parsed(
    path: Path, layout: Csv, names: list[str], delimiter: str, quotes: bool, chosen: list[str], faults: Faults
) -> Iterator[tuple[Any, NDArray[np.int64]]]:
    """(record batch of binary columns, lines) for each block of the file."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    skipped = layout.skip_lines + int(layout.header)
    # The parser's callback fails on rows that are not UTF-8. Read as Latin-1 every byte is a character, and back.
    as_bytes = layout.encoding == "utf-8"
    lines = _Lines(skipped + 1)
    bad_lines: list[int] = []
    bad_texts: list[str] = []

    def left_out(row: Any) -> str:
        # An exception does not get out of the parser's callback: faults are handed on after the block.
        lines.left_out.append(row.number)
        bad_lines.append(row.number)
        if len(bad_texts) < KEPT:
            rule = f"{row.expected_columns} columns are expected; got {row.actual_columns}"
            text = row.text.encode("latin-1").decode("utf-8", "backslashreplace") if as_bytes else row.text
            bad_texts.append(f"{rule}: {printable(text, 60)}")
        return "skip"

    def report() -> None:
        if bad_lines:
            faults.add_rows("columns", str(path), np.array(bad_lines, np.int64), bad_texts)
            bad_lines.clear()
            bad_texts.clear()

    with reading(path), _open(path, as_bytes) as stream:
        reader = arrow_csv.open_csv(
            stream,
            arrow_csv.ReadOptions(
                use_threads=False,
                block_size=BLOCK_BYTES,
                skip_rows=skipped,
                column_names=names,
                encoding="latin-1" if as_bytes else layout.encoding,
            ),
            arrow_csv.ParseOptions(
                delimiter=delimiter,
                quote_char='"' if quotes else False,
                ignore_empty_lines=False,
                newlines_in_values=quotes,
                invalid_row_handler=left_out,
            ),
            arrow_csv.ConvertOptions(
                include_columns=chosen or names[:1],
                column_types={name: pa.binary() for name in names},
                strings_can_be_null=False,
                quoted_strings_can_be_null=False,
            ),
        )
        while (batch := _next(reader)) is not None:
            report()
            if len(batch):
                columns = [_bytes_back(column) if as_bytes else column for column in batch.columns]
                yield pa.RecordBatch.from_arrays(columns, batch.schema.names), lines.take(len(batch))
        report()


def cleaned(texts: Any, layout: Csv) -> Any:
    """Blanks taken off where the layout says so; empty and missing texts as null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if layout.strip and len(texts):
        texts = _stripped(texts)
    gone = pa.array([b"", *(text.encode() for text in layout.missing)], pa.binary())
    return pc.if_else(pc.is_in(texts, value_set=gone), pa.scalar(None, pa.binary()), texts)


def _stripped(texts: Any) -> Any:
    import pyarrow as pa

    encoded = texts.dictionary_encode()
    stripped = [text.strip() for text in encoded.dictionary.to_pylist()]
    return pa.array(stripped, pa.binary()).take(encoded.indices)


def _split_lines(path: Path, layout: Csv, names: list[str], chosen: list[str], faults: Faults) -> Iterator[Chunk]:
    """Rows of a delimiter of several characters, which the parser does not know."""
    import pyarrow.compute as pc

    for batch, lines in parsed(path, layout, ["line"], ONE_COLUMN, False, ["line"], faults):
        texts = batch.column("line")
        pieces = pc.split_pattern(texts, layout.delimiter)
        lengths = pc.list_value_length(pieces).to_numpy(zero_copy_only=False)
        blank = pc.equal(texts, b"").to_numpy(zero_copy_only=False)
        good = lengths == len(names)
        bad = np.flatnonzero(~good & ~blank)
        rule = f"{len(names)} columns are expected; got"
        shown = [f"{rule} {lengths[i]}: {printable(texts[int(i)].as_py()[:60])}" for i in bad[:KEPT]]
        faults.add_rows("columns", str(path), lines[bad], shown)
        pieces = pieces.filter(good)
        found = {name: cleaned(pc.list_element(pieces, names.index(name)), layout) for name in chosen}
        yield Chunk(found, lines[good], str(path))


def _bytes_back(texts: Any) -> Any:
    """The bytes of a file whose Latin-1 characters `texts` holds in UTF-8."""
    import pyarrow as pa

    data = texts.buffers()[2]
    if data is None or not data.size or np.frombuffer(data, np.uint8).max() < 0x80:
        return texts
    encoded = texts.dictionary_encode()
    distinct = [text.decode().encode("latin-1") for text in encoded.dictionary.to_pylist()]
    return pa.array(distinct, pa.binary()).take(encoded.indices)


def _open(path: Path, without_mark: bool = False) -> Any:
    """The unpacked bytes of a file; without the mark that some programs put before UTF-8, if asked so."""
    import pyarrow as pa

    stream = pa.input_stream(str(path), compression="detect")
    if without_mark and stream.read(3) != b"\xef\xbb\xbf":
        stream.close()
        stream = pa.input_stream(str(path), compression="detect")
    return stream


def _next(reader: Any) -> Any:
    try:
        return reader.read_next_batch()
    except StopIteration:
        return None
