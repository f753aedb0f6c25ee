"""Do the shipped traces open, are they what their table says, and do the pages show what is so?"""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from pimsim.cli.main import main
from pimsim.data_files import data_folder
from pimsim.memory.traces import open_trace

FOLDER = data_folder("traces")
ROOT = Path(__file__).resolve().parents[3]
README = (FOLDER / "README.md").read_text("utf-8")
MADE = dict(re.findall(r"^\| `([^`]+)` \| .* \| `(--kind [^`]+)` \|$", README, re.MULTILINE))


def test_the_table_names_all_files() -> None:
    files = {path.name for path in FOLDER.iterdir() if path.name != "README.md"}
    assert set(MADE) == files
    assert all((FOLDER / name).stat().st_size < 1_000_000 for name in files)


@pytest.mark.parametrize("name", sorted(MADE))
def test_a_shipped_trace_is_what_its_command_makes(name: str, tmp_path: Path) -> None:
    again = tmp_path / name
    assert main(["trace", "make", *shlex.split(MADE[name]), "--out", str(again)]) == 0
    ours, theirs = open_trace(again), open_trace(FOLDER / name)
    assert ours.header == theirs.header
    for mine, shipped in zip(ours.chunks(), theirs.chunks(), strict=True):
        for column in mine:
            # A logarithm that differs in its last digit on another processor may move a rank by one, once in a while.
            assert np.mean(mine[column] != shipped[column]) < 1e-3


def test_the_format_written_as_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(README.split("```python\n")[1].split("```")[0], {})
    (tmp_path / "mine.txt").write_text(README.split("```text\n")[1].split("```")[0])
    chunks = [list(open_trace(tmp_path / name).chunks()) for name in ("mine.parquet", "mine.txt")]
    for (chunk,) in chunks:
        assert {name: values.tolist() for name, values in chunk.items()} == {
            "bag": [0, 0, 1], "table": [0, 0, 0], "row": [3, 17, 3],
        }  # fmt: skip


def test_the_commands_of_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dram.trace").write_text("0x40 R\n0x80 W\n")
    np.savez(tmp_path / "bags.npz", indices=[1, 2, 3], offsets=[0, 2])
    _model(tmp_path / "pimsim-demo" / "ctr_dlrm.onnx")
    page = (ROOT / "docs" / "traces.md").read_text("utf-8")
    commands = re.findall(r"^pimsim (trace .+)$", page, re.MULTILINE)
    assert len(commands) >= 6
    for command in commands:
        assert main(shlex.split(command.replace("--requests 200000", "--requests 2000"))) == 0
    exec(page.split("```python\n")[1].split("```")[0], {})


def _model(path: Path) -> None:
    """A model of one lookup, in place of the demo's, which takes torch."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    table = numpy_helper.from_array(np.zeros((50, 16), dtype=np.float32), "table")
    graph = helper.make_graph(
        [helper.make_node("Gather", ["table", "i"], ["y"])], "net",
        [helper.make_tensor_value_info("i", TensorProto.INT64, [1, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 16])], [table],
    )  # fmt: skip
    path.parent.mkdir()
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
