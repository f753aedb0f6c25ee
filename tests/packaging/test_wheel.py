"""Does an installed wheel, used from another folder, bring everything that a checkout has?"""

import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
pytestmark = pytest.mark.slow

Installed = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built without a network: with the hatchling that is installed here."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ROOT]
    subprocess.run(build, check=True, capture_output=True)
    (made,) = folder.glob("pimsim-*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Runs Python with the wheel's pimsim, in a folder from which no checkout can be seen."""
    site, elsewhere = tmp_path_factory.mktemp("site"), tmp_path_factory.mktemp("elsewhere")
    install = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "--target", site, wheel]
    subprocess.run(install, check=True, capture_output=True)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=elsewhere,
            env={**os.environ, "PYTHONPATH": str(site)},
            capture_output=True,
            text=True,
        )

    where = run("-c", "import pimsim; print(pimsim.__file__)")
    assert Path(where.stdout.strip()).is_relative_to(site), "the wheel is not what is being tested"
    return run


def test_data_and_types_travel_in_the_wheel(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    assert "pimsim/py.typed" in inside
    for folder in ("hwconfigs", "traces", "validation"):
        here = {
            f"pimsim/_data/{path.relative_to(ROOT)}"
            for path in (ROOT / folder).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert here
        assert here <= inside, f"missing in the wheel: {sorted(here - inside)}"
    assert not [name for name in inside if name.startswith("tests") or "__pycache__" in name]


def test_an_editable_install_copies_nothing(tmp_path: Path) -> None:
    """Copies would go stale: in a checkout the folders themselves are read."""
    backend = pytest.importorskip("hatchling.build")
    build = f"import {backend.__name__} as backend, sys; backend.build_editable(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, tmp_path], cwd=ROOT, check=True, capture_output=True)
    (made,) = tmp_path.glob("*.whl")
    code = [name for name in zipfile.ZipFile(made).namelist() if ".dist-info/" not in name]
    assert code
    assert not [name for name in code if not name.endswith(".pth")]


def test_shipped_hardware_is_found_by_name(installed: Installed, tmp_path: Path) -> None:
    listed = installed("-m", "pimsim", "configs")
    assert listed.returncode == 0, listed.stderr
    assert "reram_128" in listed.stdout

    value = onnx.helper.make_tensor_value_info
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["x", "w"], ["y"], name="only")],
        "one_product",
        [value("x", onnx.TensorProto.FLOAT, [1, 128])],
        [value("y", onnx.TensorProto.FLOAT, [1, 10])],
        [onnx.helper.make_tensor("w", onnx.TensorProto.FLOAT, [128, 10], [0.5] * 1280)],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, tmp_path / "x.onnx")
    run = installed("-m", "pimsim", "run", "--hw", "reram_128", "--model", str(tmp_path / "x.onnx"))
    assert run.returncode == 0, run.stderr
    assert "only" in run.stdout


def test_published_figures_are_checked_from_the_wheel(installed: Installed) -> None:
    checked = installed("-m", "pimsim", "validate", "isaac")
    assert checked.returncode == 0, checked.stderr
    assert "peak rate" in checked.stdout
