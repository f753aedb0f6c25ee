"""Are the weights that stand in a file found, whatever form they are stored in, and nothing else?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, external_data_helper, helper, numpy_helper

from pimsim.errors import InputError
from pimsim.graph import stored_values
from pimsim.graph.stored_values import SAMPLE, Sample, sample_weights

RNG = np.random.default_rng(0)


def saved(path: Path, tensors: list[TensorProto], nodes: Sequence[Any] = (), sparse: Sequence[Any] = ()) -> str:
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph([*nodes], "g", [], [output], tensors)
    graph.sparse_initializer.extend(sparse)
    onnx.save(helper.make_model(graph), path)
    return str(path)


def samples(source: str, *names: str) -> dict[str, Sample]:
    return dict(sample_weights(source, names))


def test_raw_and_typed_data(tmp_path: Path) -> None:
    values = RNG.standard_normal((5, 7)).astype(np.float32)
    raw = numpy_helper.from_array(values, "raw")
    typed = helper.make_tensor("typed", TensorProto.FLOAT, values.shape, values.ravel().tolist())
    source = saved(tmp_path / "m.onnx", [raw, numpy_helper.from_array(np.ones(3, np.float32), "other"), typed])
    found = samples(source, "raw", "typed", "absent")
    assert found.keys() == {"raw", "typed"}
    for sample in found.values():
        assert np.array_equal(sample.values, values.ravel())
        assert sample.largest == np.abs(values).max()
        assert sample.stored_bits == 0


@pytest.mark.parametrize(
    ("kind", "bits", "unsigned"),
    [
        (TensorProto.INT8, 8, False),
        (TensorProto.UINT8, 8, True),
        (TensorProto.INT4, 4, False),
        (TensorProto.UINT4, 4, True),
    ],
)
def test_integers_as_stored(tmp_path: Path, kind: int, bits: int, unsigned: bool) -> None:
    values = list(range(16)) if unsigned else list(range(-8, 8))
    source = saved(tmp_path / "m.onnx", [helper.make_tensor("w", kind, [16], values)])
    sample = samples(source, "w")["w"]
    assert sample.values.tolist() == values
    assert (sample.stored_bits, sample.unsigned) == (bits, unsigned)
    packed = numpy_helper.from_array(numpy_helper.to_array(helper.make_tensor("w", kind, [16], values)), "w")
    assert packed.raw_data
    assert samples(saved(tmp_path / "raw.onnx", [packed]), "w")["w"].values.tolist() == values


@pytest.mark.parametrize("kind", [TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE])
def test_other_floats(tmp_path: Path, kind: int) -> None:
    source = saved(tmp_path / "m.onnx", [helper.make_tensor("w", kind, [4], [0.5, -2.0, 0.0, 1.0])])
    assert samples(source, "w")["w"].values.tolist() == [0.5, -2.0, 0.0, 1.0]
    assert samples(source, "w")["w"].largest == 2.0


def test_constant_nodes_but_not_fills(tmp_path: Path) -> None:
    tensor = numpy_helper.from_array(np.array([1.0, 2.0], np.float32))
    shape = numpy_helper.from_array(np.array([4, 4]), "shape")
    nodes = [
        helper.make_node("Constant", [], ["stored"], value=tensor),
        helper.make_node("ConstantOfShape", ["shape"], ["filled"]),
    ]
    found = samples(saved(tmp_path / "m.onnx", [shape], nodes), "stored", "filled")
    assert found.keys() == {"stored"}
    assert found["stored"].values.tolist() == [1.0, 2.0]


def test_sparse_initialisers_count_their_zeros(tmp_path: Path) -> None:
    values = numpy_helper.from_array(np.array([1.0, -3.0], np.float32), "w")
    indices = numpy_helper.from_array(np.array([0, 5]), "i")
    sparse = helper.make_sparse_tensor(values, indices, [4, 4])
    sample = samples(saved(tmp_path / "m.onnx", [], sparse=[sparse]), "w")["w"]
    assert sample.values.tolist() == [1.0, -3.0]
    assert sample.zero_share == 1 - 2 / 16


def test_numbers_that_are_none_are_left_out(tmp_path: Path) -> None:
    values = np.array([np.nan, 1.0, -np.inf, -4.0], np.float32)
    sample = samples(saved(tmp_path / "m.onnx", [numpy_helper.from_array(values, "w")]), "w")["w"]
    assert sample.values.tolist() == [1.0, -4.0]
    assert sample.largest == 4.0
    nothing = numpy_helper.from_array(np.full(3, np.nan, np.float32), "w")
    assert samples(saved(tmp_path / "n.onnx", [nothing]), "w") == {}


def test_large_tensors_are_sampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = RNG.standard_normal(400_000).astype(np.float32)
    source = saved(tmp_path / "m.onnx", [numpy_helper.from_array(values, "w")])
    sample = samples(source, "w")["w"]
    assert sample.values.size <= SAMPLE
    assert sample.largest == np.abs(values).max()
    assert sample.values.std() == pytest.approx(1.0, rel=0.02)
    monkeypatch.setattr(stored_values, "LARGEST_SCAN", 2**16)
    pieces = samples(source, "w")["w"]
    assert pieces.values.size == 2**16
    assert pieces.values.std() == pytest.approx(1.0, rel=0.02)
    assert {values[0], values[400_000 - 64]} <= set(pieces.values.tolist())


def external(folder: Path, location: str = "w.bin", offset: int = 0) -> tuple[str, np.ndarray]:
    values = RNG.standard_normal(1000).astype(np.float32)
    tensor = numpy_helper.from_array(values, "w")
    (folder / "w.bin").write_bytes(b"\0" * offset + tensor.raw_data)
    external_data_helper.set_external_data(tensor, location, offset, len(tensor.raw_data))
    tensor.ClearField("raw_data")
    return saved(folder / "m.onnx", [tensor]), values


def test_external_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, values = external(tmp_path, offset=12)
    assert np.array_equal(samples(source, "w")["w"].values, values)
    monkeypatch.setattr(stored_values, "LARGEST_SCAN", 640)
    pieces = samples(source, "w")["w"].values
    assert pieces.size == 640
    assert set(pieces.tolist()) <= set(values.tolist())
    (tmp_path / "w.bin").unlink()
    assert samples(source, "w") == {}


def test_external_data_outside_the_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    source, _ = external(tmp_path / "inner", "../w.bin")
    with pytest.raises(InputError, match="must be a relative path inside the model's folder"):
        samples(source, "w")


def test_a_file_that_is_gone_or_changed_gives_nothing(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    assert samples(str(path), "w") == {}
    for content in (b"", b"no model at all", b"\x3a\xff\xff\xff\xff\x0f"):
        path.write_bytes(content)
        assert samples(str(path), "w") == {}
