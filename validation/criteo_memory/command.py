"""The same points by the commands themselves, on exports: are they those of the record?"""

from __future__ import annotations

import contextlib
import io
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from pimsim.cli.main import main
from pimsim.errors import InputError, printable
from pimsim.memory.traces import write_trace
from pimsim.memory.traces.generators import MadeTrace
from validation.criteo_memory.study import (
    HARDWARE,
    NETWORKS,
    SERVED,
    Answer,
    Point,
    point_of,
    rate_of,
    run_words,
    serve_words,
    trace,
)


def told(command: str, words: Sequence[str]) -> Answer:
    """What a command of `pimsim` prints. Raises InputError where it fails."""
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        code = main([command, *words])
    if code:
        raise InputError(f"pimsim {command} ended with {code}")
    answer: Answer = json.loads(shown.getvalue())
    return answer


def commanded(name: str, model: Path, hardware: str, rows: Path, requests: int) -> Point:
    """A point by `pimsim run` and `pimsim serve` on the file of an export and a file of rows."""
    run = told("run", run_words(hardware, str(model), str(rows)))
    served = told("serve", serve_words(hardware, rate_of(run), requests, str(model), str(rows)))
    return point_of(name, hardware, run, served)


def file_of(asked: MadeTrace, folder: Path) -> Path:
    """The rows of a study as a trace on disk."""
    path = folder / "rows.parquet"
    write_trace(path, asked.recipe.header(), asked.recipe.chunks())
    return path


def differences(one: Point, other: Point) -> dict[str, float]:
    """Every figure of two points, as the relative difference of the first from the second."""
    found: dict[str, float] = {}
    theirs = asdict(other)
    for name, value in asdict(one).items():
        if isinstance(value, str):
            continue
        own, kept = (x if isinstance(x, dict) else {"": x} for x in (value, theirs[name]))
        if own.keys() != kept.keys():
            raise InputError(f"{name} has {', '.join(own)} here and {', '.join(kept)} there")
        for part, figure in own.items():
            base = kept[part]
            found[f"{name} {part}".strip()] = abs(figure - base) / base if base else float(figure != 0.0)
    return found


def compared(folder: Path, record: Sequence[Point]) -> Iterator[str]:
    """A line a point: how far the commands on FOLDER/<network>.onnx are from the record. Raises InputError where there
    is no such file."""
    for name in NETWORKS:
        if not (folder / f"{name}.onnx").is_file():
            raise InputError(f"{printable(folder)}: no {name}.onnx; see REPORT.md for how to make it")
    with TemporaryDirectory() as made:
        rows = file_of(trace(), Path(made))
        for name in NETWORKS:
            for hardware in HARDWARE:
                kept = next(one for one in record if (one.network, one.hardware) == (name, hardware))
                begin = time.process_time()
                found = differences(commanded(name, folder / f"{name}.onnx", hardware, rows, SERVED), kept)
                worst = max(found, key=lambda figure: found[figure])
                seconds = time.process_time() - begin
                yield (
                    f"{name} on {hardware}: {len(found)} figures, the farthest from the record {worst} "
                    f"(by {found[worst]:.2g} of it); {seconds:.1f} s of processor time"
                )
