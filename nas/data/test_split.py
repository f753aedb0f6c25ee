"""The one way to the test split. Every look is written down beside the set. Training and search may not import this."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from nas.data.batch import Split
from nas.data.store import read_meta, read_split
from pimsim.errors import InputError, Place, printable

LOOKS = "test_looks.jsonl"


@dataclass(frozen=True)
class TestLook:
    """looks: how often this run has opened this test split, this time included. total: how often any run has."""

    split: Split
    looks: int
    total: int


def open_test(folder: str | Path, *, run: str) -> TestLook:
    """The test split of the prepared set in `folder`, for the run named `run`.

    The look is recorded before the rows are read. Raises InputError where it cannot be recorded.
    """
    folder = Path(folder)
    if not run or len(run) > 200:
        raise InputError(f"a look at the test split needs a run's name of 1 to 200 characters; got {len(run)}")
    meta = read_meta(folder)
    path = folder / LOOKS
    look = json.dumps({"run": run, "time": datetime.now(UTC).isoformat(timespec="seconds")}) + "\n"
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(look)
        runs = [json.loads(line)["run"] for line in path.read_text("utf-8").splitlines()]
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise InputError(f"a look at the test split cannot be recorded: {printable(fault)}", Place(str(path))) from None
    return TestLook(read_split(folder, "test", meta), runs.count(run), len(runs))
