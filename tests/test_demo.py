"""Does the project make its own models: valid, the same every time, and of the shapes they claim?"""

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest

from pimsim import demo
from pimsim.errors import InputError


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    pytest.importorskip("torch")
    return demo.run_demo(tmp_path_factory.mktemp("demo") / "new" / "folder")


def test_the_files_are_whole_valid_models(made: list[Path]) -> None:
    assert [path.name for path in made] == ["resnet8_cifar10.onnx", "ctr_dlrm.onnx"]
    for path in made:
        model = onnx.load(path)
        onnx.checker.check_model(model, full_check=True)
        assert model.graph.name == path.stem, "the name that reports show"
    assert sorted(made[0].parent.iterdir()) == sorted(made), "nothing is left beside them"


def test_weights_are_those_of_the_architectures(made: list[Path]) -> None:
    def parameters(path: Path) -> int:
        return sum(int(np.prod(w.dims)) for w in onnx.load(path).graph.initializer if w.data_type == 1)

    convolutions = 3 * 3 * (3 * 16 + 16 * 16 * 2 + 16 * 32 + 32 * 32 + 32 * 64 + 64 * 64) + 16 * 32 + 32 * 64
    biases = 16 * 3 + 32 * 3 + 64 * 3
    assert parameters(made[0]) == convolutions + biases + 64 * 10 + 10
    tables = sum(demo.CATEGORY_VALUES) * 16
    bottom, top = 13 * 64 + 64 + 64 * 16 + 16, (16 + 36) * 64 + 64 + 64 * 32 + 32 + 32 + 1
    assert parameters(made[1]) == tables + bottom + top


def test_another_process_makes_the_same_bytes(made: list[Path], tmp_path: Path) -> None:
    code = "import sys, pathlib; from pimsim.demo import run_demo; run_demo(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
    assert [(tmp_path / path.name).read_bytes() for path in made] == [path.read_bytes() for path in made]


def test_torchs_own_generator_is_left_alone(made: list[Path], tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    before = torch.get_rng_state()
    demo.run_demo(tmp_path)
    assert torch.equal(before, torch.get_rng_state())


def test_the_models_run(made: list[Path]) -> None:
    runtime = pytest.importorskip("onnxruntime")
    scores = runtime.InferenceSession(made[0]).run(None, {"image": np.zeros((1, 3, 32, 32), np.float32)})[0]
    assert scores.shape == (1, 10)
    inputs = {"dense": np.ones((1, 13), np.float32), "categories": np.full((1, 8), 19, np.int64)}
    (click,) = runtime.InferenceSession(made[1]).run(None, inputs)[0].ravel()
    assert 0 < click < 1


def test_without_torch_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(demo.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"torch, which is not installed: pip install 'pimsim\[nas\]'"):
        demo.run_demo(tmp_path)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"in\\nthe way cannot be made: Not a directory"):
        demo.run_demo(tmp_path / "file" / "in\nthe way")
