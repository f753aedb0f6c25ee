"""Is an unfinished sweep kept, locked, and told from one of something else?"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import numpy as np
import pytest

from pimsim.cost.table import Table
from pimsim.errors import InputError
from pimsim.explore.parts import MANIFEST, Parts, finished
from pimsim.explore.store import write_table

MANIFESTS = {"space": "1", "models": ["2"], "columns": ["energy_pJ"], "versions": {"code": "3"}}


def result(path: Path, complete: bool, manifest: dict = MANIFESTS) -> None:
    """A result file."""
    write_table(path, Table({"point": np.arange(2)}), {"complete": complete, "manifest": manifest})


def test_chunks_are_found_again_in_their_order(tmp_path: Path) -> None:
    parts = Parts.of(tmp_path / "r.parquet")
    with parts:
        assert parts.begin({**MANIFESTS, "chunk": 10}, False)["chunk"] == 10
        parts.write(20, 30, b"two")
        parts.write(0, 10, b"nothing")
        (parts.folder / ".0123456789abcdef.part").write_bytes(b"half")
        (parts.folder / "0-9.parquet").write_bytes(b"not one of ours")
    with parts:
        assert parts.begin({**MANIFESTS, "chunk": 99}, False)["chunk"] == 10  # that of the unfinished one
        assert parts.done() == [(0, 10), (20, 30)]
        assert [file.read_bytes() for file in parts.files()] == [b"nothing", b"two"]
        assert not (parts.folder / ".0123456789abcdef.part").exists()
        parts.remove()
    assert not parts.folder.exists()


def test_parts_of_something_else_are_not_touched(tmp_path: Path) -> None:
    parts = Parts.of(tmp_path / "r.parquet")
    with parts:
        parts.begin(MANIFESTS, False)
        parts.write(0, 10, b"x")
        changed = {**MANIFESTS, "models": ["other"], "versions": {}}
        text = "an unfinished sweep of something else (other models, version of pimsim or of its libraries); finish"
        with pytest.raises(InputError, match=re.escape(text)):
            parts.begin(changed, False)
        assert parts.done() == [(0, 10)]
        result(parts.target, True)
        parts.begin(changed, True)
        assert parts.done() == []
        assert not parts.target.exists()
        (parts.folder / MANIFEST).write_text("[" * 100_000)
        with pytest.raises(InputError, match=r"manifest\.json cannot be read; start again with --fresh"):
            parts.begin(MANIFESTS, False)
        parts.begin(MANIFESTS, True)
        assert json.loads((parts.folder / MANIFEST).read_text()) == MANIFESTS


def test_two_sweeps_do_not_write_to_one_file(tmp_path: Path) -> None:
    parts = Parts.of(tmp_path / "r.parquet")
    with parts, pytest.raises(InputError, match=r"another sweep is writing to .*r\.parquet; let it end, or name anoth"):
        Parts.of(tmp_path / "r.parquet").__enter__()
    with parts:
        pass  # the lock is free again


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "r.parquet.parts").write_text("a file")
    with pytest.raises(InputError, match=r"cannot keep parts in .*r\.parquet\.parts: "):
        Parts.of(tmp_path / "r.parquet").__enter__()


def test_a_finished_result_is_known(tmp_path: Path) -> None:
    path = tmp_path / "r.parquet"
    assert not finished(path, MANIFESTS)
    result(path, True)
    assert finished(path, MANIFESTS)
    result(path, False)
    assert not finished(path, MANIFESTS)
    for complete in (True, False):
        result(path, complete)
        with pytest.raises(InputError, match=r"is the result of another sweep \(other columns\); name another --out"):
            finished(path, {**MANIFESTS, "columns": []})
    path.write_bytes(os.urandom(100))
    with pytest.raises(InputError, match=r"is there and is no result of a sweep; name another --out, or replace it"):
        finished(path, MANIFESTS)
