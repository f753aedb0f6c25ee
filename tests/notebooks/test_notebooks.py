"""Do the notebooks run, from the first cell to the last, and show what they promise?

`PIMSIM_WRITE_NOTEBOOKS=1 pytest tests/notebooks` puts the outputs of the run into the files.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat")

FOLDER = Path(__file__).resolve().parents[2] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
LARGEST_KB = 500


def outputs(notebook: Any) -> list[Any]:
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def kinds(notebook: Any) -> list[Any]:
    """What kinds of output each cell has. Text that is printed arrives in as many pieces as the kernel likes."""
    found = []
    for cell in notebook.cells:
        of_cell = [(one.output_type, sorted(one.get("data", {}))) for one in cell.get("outputs", [])]
        found.append([kind for at, kind in enumerate(of_cell) if kind[0] != "stream" or kind not in of_cell[:at]])
    return found


def test_there_are_notebooks() -> None:
    assert [path.name for path in NOTEBOOKS] == ["pareto.ipynb", "recommender_pareto.ipynb"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_files_are_whole_and_hold_a_run_without_faults(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert {output.output_type for output in outputs(notebook)} <= {"stream", "execute_result"}
    assert {output.get("name", "stdout") for output in outputs(notebook)} == {"stdout"}
    assert path.stat().st_size < LARGEST_KB * 1000


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_runs(path: Path, tmp_path: Path) -> None:
    client = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    pytest.importorskip("torch")
    notebook = nbformat.read(path, as_version=4)
    before = kinds(notebook)
    running = client.NotebookClient(
        notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    running.execute()
    after = kinds(notebook)
    if os.environ.get("PIMSIM_WRITE_NOTEBOOKS"):
        for cell in notebook.cells:
            cell.metadata.pop("execution", None)  # times of the run
        notebook.metadata.get("language_info", {}).pop("version", None)
        nbformat.write(notebook, path)
        return
    assert after == before, "the file shows another run: write it with PIMSIM_WRITE_NOTEBOOKS=1"
    assert sum("image/png" in output.get("data", {}) for output in outputs(notebook)) >= 4
