"""The files of a spec, and their chunks one after the other, whatever their format."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from nas.data.chunks import Chunk
from nas.data.csv_files import csv_chunks, header_of
from nas.data.faults import Faults
from nas.data.libfm import libfm_chunks, libfm_columns
from nas.data.parquet_files import parquet_chunks, parquet_columns
from nas.data.spec import Csv, Spec
from pimsim.errors import InputError, printable
from pimsim.hardware.suggest import nearest

MAX_FILES = 10_000


def found_files(root: Path, patterns: Sequence[str]) -> list[Path]:
    """The files of the first of the patterns that any file below `root` matches, sorted as people count (day_2 before
    day_10). A file and its compressed twin are an error, for they would count twice."""
    for pattern in patterns:
        if pattern.startswith(("/", "~")) or ".." in Path(pattern).parts:
            raise InputError(f"a file pattern must stay below its folder; got {printable(pattern, 100)}")
        paths = sorted((path for path in root.glob(pattern) if path.is_file()), key=_counting)
        if len(paths) > MAX_FILES:
            found = f"{printable(pattern, 100)} in {printable(root)} matches {len(paths):,} files"
            raise InputError(f"{found}; at most {MAX_FILES:,} are read")
        if paths:
            plain = {str(path) for path in paths}
            packed = [path for path in paths if path.suffix in (".gz", ".bz2", ".zst")]
            twins = [str(path) for path in packed if str(path.with_suffix("")) in plain]
            if twins:
                raise InputError(f"{printable(twins[0])} stands beside the same file unpacked: take one away")
            return paths
    raise InputError(f"no file in {printable(root)} matches {' or '.join(printable(p, 100) for p in patterns)}")


def _counting(path: Path) -> list[tuple[int, str]]:
    return [(int(piece[:18]), piece) if piece.isdigit() else (-1, piece) for piece in re.split(r"([0-9]+)", str(path))]


def format_of(path: Path, asked: str) -> str:
    if asked == "auto":
        return "parquet" if path.suffix in (".parquet", ".pq") else "csv"
    return asked


def columns_of(path: Path, form: str, csv: Csv, spec: Spec) -> list[str]:
    """Names of the columns of a file, as `spec` calls them; `csv` is the layout of a text file."""
    if form == "libfm":
        return libfm_columns(spec.libfm)
    if form == "parquet":
        return parquet_columns(path, spec.rename)
    return [spec.rename.get(name, name) for name in header_of(path, csv)]


def file_chunks(path: Path, form: str, csv: Csv, spec: Spec, wanted: set[str], faults: Faults) -> Iterator[Chunk]:
    """The chunks of one file with its `wanted` columns."""
    if form == "libfm":
        return libfm_chunks(path, spec.libfm, faults)
    if form == "parquet":
        return parquet_chunks(path, spec.rename, wanted)
    return csv_chunks(path, csv, spec.rename, wanted, faults)


def spec_files(spec: Spec, root: Path) -> list[tuple[int, Path]]:
    """(part, path) of every file: part 0 is split, 1 is validation, 2 is test."""
    found = [(0, path) for path in found_files(root, spec.files)]
    for part, patterns in ((1, spec.validation_files), (2, spec.test_files)):
        found += [(part, path) for path in (found_files(root, patterns) if patterns else [])]
    return found


def spec_chunks(spec: Spec, root: Path, wanted: set[str], faults: Faults) -> Iterator[Chunk]:
    """The chunks of all files of a spec, in order. Raises InputError where a file lacks a wanted column."""
    for source, (part, path) in enumerate(spec_files(spec, root)):
        form = format_of(path, spec.format)
        layout = spec.test_csv if part == 2 and spec.test_csv else spec.csv
        there = columns_of(path, form, layout, spec)
        for name in sorted(wanted - set(there)):
            raise missing_column(name, there, str(path))
        for chunk in file_chunks(path, form, layout, spec, wanted, faults):
            yield replace(chunk, source=source, part=part)


def missing_column(name: str, there: list[str], where: str) -> InputError:
    near = nearest(name, there)
    hint = f"; did you mean {printable(near, 60)}?" if near else f"; there are {printable(', '.join(there), 150)}"
    return InputError(f"{printable(where)} has no column {printable(name, 60)}{hint}")
