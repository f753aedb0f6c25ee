"""Does every .npz file and every model that cannot be run end in one clear line, and every sound one in samples?"""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, external_data_helper, helper, numpy_helper

from pimsim import arrays_file
from pimsim.arrays_file import read_arrays
from pimsim.errors import InputError
from pimsim.functional import activations
from pimsim.functional.activations import run_samples

W = np.random.default_rng(5).standard_normal((4, 3)).astype(np.float32)


def value(name: str, shape: Any, kind: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def built(batch: Any = "N", nodes: Any = None, weights: Any = None, more: Any = ()) -> onnx.ModelProto:
    nodes = nodes or [helper.make_node("MatMul", ["x", "w"], ["a"]), helper.make_node("Relu", ["a"], ["y"])]
    weights = [numpy_helper.from_array(W, "w")] if weights is None else weights
    graph = helper.make_graph(nodes, "g", [value("x", [batch, 4]), *more], [value("y", None)], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def saved(path: Path, model: onnx.ModelProto) -> str:
    onnx.save(model, path)
    return str(path)


def npz(path: Path, **named: Any) -> str:
    np.savez(path, **named)
    return str(path)


def problems(call: Any, *arguments: Any) -> str:
    with pytest.raises(InputError) as caught:
        call(*arguments)
    assert all(line.isprintable() for line in caught.value.problems)
    return str(caught.value)


# ---- the file ----


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_come_back(tmp_path: Path, save: Any) -> None:
    named = {
        "x": np.arange(6, dtype=np.float32).reshape(2, 3),
        "a.b:0": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "big": np.arange(3, dtype=">i4"),
        "none": np.zeros((0, 3)),
        "one": np.array(True),
    }
    save(tmp_path / "f.npz", **named)
    found = read_arrays(tmp_path / "f.npz")
    assert found.keys() == named.keys()
    for name, array in named.items():
        assert np.array_equal(found[name], array)
        assert found[name].dtype == array.dtype.newbyteorder("=")


def with_member(path: Path, content: bytes, name: str = "x.npy", times: int = 1) -> str:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, pytest.MonkeyPatch.context() as patch:
        patch.setattr("warnings.warn", lambda *a, **k: None)  # a name given twice
        for _ in range(times):
            archive.writestr(name, content)
    return str(path)


def header(shape: str, kind: str = "<f4") -> bytes:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (
            header("(1000000000000, 1000)") + b"1234",
            "claims the shape [1000000000000, 1000] of float32, but has 4 bytes",
        ),
        (header("(-1,)"), "claims the shape [-1]"),
        (header("(2,)") + b"12345678tail", "but has 12 bytes"),
        (header("(1,)", "|O") + b"12345678", "numbers are needed"),
        (header("(1,)", "<U4") + b"1" * 16, "numbers are needed"),
        (header("(1,)", "<c8") + b"1" * 8, "numbers are needed"),
        (header("open('x')"), "is not in the .npy format"),
        (header("(1,"), "is not in the .npy format"),
        (b"\x93NUMPY\x09\x00", "is not in the .npy format"),
        (b"", "is not in the .npy format"),
        (b"text", "is not in the .npy format"),
    ],
)
def test_members_that_are_no_arrays(tmp_path: Path, content: bytes, expected: str) -> None:
    text = problems(read_arrays, with_member(tmp_path / "f.npz", content))
    assert expected in text
    assert "f.npz: the array 'x'" in text


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "sprung",))

    np.savez(tmp_path / "f.npz", x=np.array([Trap()], dtype=object))
    assert "numbers are needed" in problems(read_arrays, tmp_path / "f.npz")
    assert not (tmp_path / "sprung").exists()


def test_files_that_are_no_archives(tmp_path: Path) -> None:
    assert "no such file" in problems(read_arrays, tmp_path / "absent.npz")
    assert "folder" in problems(read_arrays, tmp_path) or "directory" in problems(read_arrays, tmp_path)
    path = tmp_path / "f.npz"
    np.save(path.open("wb"), np.zeros(3))
    assert "is no .npz file as numpy.savez writes it" in problems(read_arrays, path)
    np.savez(path, x=np.zeros(1000))
    whole = path.read_bytes()
    path.write_bytes(whole[:200] + b"\xff" * 20 + whole[220:])
    assert "is no .npz file as numpy.savez writes it" in problems(read_arrays, path)
    path.write_bytes(whole[: len(whole) // 2])
    assert "is no .npz file as numpy.savez writes it" in problems(read_arrays, path)


def test_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrays_file, "LARGEST_BYTES", 10_000)
    np.savez_compressed(tmp_path / "f.npz", x=np.zeros(10_000))
    assert "give fewer samples" in problems(read_arrays, tmp_path / "f.npz")


def test_a_name_twice(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.save(stream, np.zeros(2))
    path = with_member(tmp_path / "f.npz", stream.getvalue(), times=2)
    assert "holds two arrays of the name 'x'" in problems(read_arrays, path)


# ---- held against the model ----


@pytest.mark.parametrize(
    ("arrays", "expected"),
    [
        ({}, "an array 'x' is missing"),
        ({"x": np.zeros((2, 4))}, "the array 'x' is float64 of 2x4"),
        ({"x": np.zeros((2, 5), np.float32)}, "the array 'x' is float32 of 2x5"),
        ({"x": np.zeros(4, np.float32)}, "the array 'x' is float32 of 4"),
        ({"x": np.zeros((0, 4), np.float32)}, "the array 'x' is float32 of 0x4"),
        ({"x": np.zeros((2, 4), np.float32), "z\x1b[1m": np.zeros(1)}, "the model has no input 'z\\x1b[1m'"),
    ],
)
def test_wrong_arrays(tmp_path: Path, arrays: dict[str, Any], expected: str) -> None:
    source, inputs = saved(tmp_path / "m.onnx", built()), npz(tmp_path / "f.npz", **arrays)
    text = problems(run_samples, source, inputs, ["x"])
    assert expected in text
    assert "expected, with the samples along the first axis: 'x' float32 of Nx4" in text


def test_numbers_of_samples_must_agree(tmp_path: Path) -> None:
    nodes = [helper.make_node("Add", ["x", "z"], ["y"])]
    source = saved(tmp_path / "m.onnx", built("N", nodes, [], [value("z", ["M", 4])]))
    inputs = npz(tmp_path / "f.npz", x=np.zeros((2, 4), np.float32), z=np.zeros((3, 4), np.float32))
    assert "differ in their number of samples (first axis): 'x' 2, 'z' 3" in problems(
        run_samples, source, inputs, ["x"]
    )


# ---- the run ----


def test_every_sample_is_seen_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Odd numbers of samples, in chunks: no run is empty, nothing is missing."""
    source = saved(tmp_path / "m.onnx", built())
    for samples, at_once in ((1, 64), (5, 2), (7, 3), (64, 64), (65, 64)):
        monkeypatch.setattr(activations, "MOST_AT_ONCE", at_once)
        x = np.random.default_rng(samples).standard_normal((samples, 4)).astype(np.float32)
        seen, count = run_samples(source, npz(tmp_path / "f.npz", x=x), ["x", "a", "y", "absent", "w"])
        assert count == samples
        assert seen.keys() == {"x", "a", "y"}
        assert np.array_equal(seen["x"].values, x.ravel())
        assert np.allclose(np.sort(seen["a"].values), np.sort((x @ W).ravel()), atol=1e-5)
        assert seen["a"].largest == pytest.approx(np.abs(x @ W).max(), rel=1e-5)
        assert seen["y"].values.min() >= 0


def test_a_fixed_batch_runs_again_and_again(tmp_path: Path) -> None:
    source = saved(tmp_path / "m.onnx", built(batch=2))
    x = np.random.default_rng(0).standard_normal((6, 4)).astype(np.float32)
    seen, count = run_samples(source, npz(tmp_path / "f.npz", x=x), ["a"])
    assert count == 6
    assert seen["a"].values.size == 18
    text = problems(run_samples, source, npz(tmp_path / "g.npz", x=x[:5]), ["a"])
    assert "'x' float32 of (N*2)x4" in text


def test_large_activations_are_sampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(activations, "SAMPLE", 50)
    source = saved(tmp_path / "m.onnx", built())
    x = np.random.default_rng(0).standard_normal((500, 4)).astype(np.float32)
    seen, _ = run_samples(source, npz(tmp_path / "f.npz", x=x), ["a"])
    assert 0 < seen["a"].values.size <= 50
    assert seen["a"].largest == pytest.approx(np.abs(x @ W).max(), rel=1e-5)


def test_external_data_through_the_onnx_loader(tmp_path: Path) -> None:
    model = built()
    tensor = model.graph.initializer[0]
    (tmp_path / "w.bin").write_bytes(tensor.raw_data)
    external_data_helper.set_external_data(tensor, "w.bin", 0, len(tensor.raw_data))
    tensor.ClearField("raw_data")
    source = saved(tmp_path / "m.onnx", model)
    inputs = npz(tmp_path / "f.npz", x=np.ones((1, 4), np.float32))
    seen, _ = run_samples(source, inputs, ["a"])
    assert np.allclose(seen["a"].values, W.sum(0), atol=1e-5)
    (tmp_path / "w.bin").unlink()
    assert "the external data of 'w' are not there" in problems(run_samples, source, inputs, ["a"])
    tensor.external_data[0].value = "../secret.bin"
    source = saved(tmp_path / "n.onnx", model)
    assert "must be a relative path inside the model's folder" in problems(run_samples, source, inputs, ["a"])


def test_models_that_do_not_run(tmp_path: Path) -> None:
    inputs = npz(tmp_path / "f.npz", x=np.ones((3, 4), np.float32))
    unknown = saved(tmp_path / "m.onnx", built(nodes=[helper.make_node("Own", ["x"], ["y"], domain="my.ops")]))
    assert "cannot be run by onnxruntime" in problems(run_samples, unknown, inputs, ["x", "y"])
    shape = numpy_helper.from_array(np.array([7, 5]), "shape")
    reshaped = saved(
        tmp_path / "n.onnx", built(nodes=[helper.make_node("Reshape", ["x", "shape"], ["y"])], weights=[shape])
    )
    assert "does not run on these inputs" in problems(run_samples, reshaped, inputs, ["y"])
    text = saved(tmp_path / "t.onnx", built(nodes=[helper.make_node("Identity", ["x"], ["y"])], weights=[]))
    model = onnx.load(text)
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.STRING
    assert "is no tensor of numbers" in problems(run_samples, saved(tmp_path / "t.onnx", model), inputs, ["y"])


def test_without_onnxruntime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    text = problems(run_samples, "m.onnx", "f.npz", [])
    assert text == "--inputs runs the model with onnxruntime, which is not installed: pip install 'onnxruntime>=1.20'"


def test_without_a_file(tmp_path: Path) -> None:
    inputs = npz(tmp_path / "f.npz", x=np.zeros(1))
    assert "needs a model that was read from an ONNX file" in problems(run_samples, "", inputs, [])
