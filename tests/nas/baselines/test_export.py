"""Does every baseline export to ONNX with the same outputs, and run on simulated hardware?"""

import warnings

import numpy as np
import pytest
import torch

import pimsim
from nas.baselines.registry import BASELINES, build
from nas.data.fields import Schema, SparseField

SCHEMA = Schema(("x", "y"), (SparseField("a", 50), SparseField("tags", 20, "mean", 3), SparseField("b", 9)))


@pytest.mark.parametrize("name", BASELINES)
def test_onnx_equals_torch_and_runs_in_pimsim(name, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    torch.manual_seed(0)
    model = build(name, SCHEMA).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.0, 0.1)
        for edges in (buffer for key, buffer in model.named_buffers() if key == "edges"):
            edges.copy_(torch.randn(edges.shape).sort(1).values)
    dense, sparse = torch.randn(4, 2), torch.randint(0, 9, (4, SCHEMA.width))
    path = tmp_path / "model.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model, (dense, sparse), str(path), dynamo=False, opset_version=20, input_names=["dense", "sparse"],
            dynamic_axes={"dense": {0: "batch"}, "sparse": {0: "batch"}},
        )  # fmt: skip
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {"dense": dense.numpy(), "sparse": sparse.numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(found, model(dense, sparse).numpy(), rtol=1e-4, atol=1e-5)
    result = pimsim.simulate(pimsim.load_model(path, batch=1), pimsim.load_hardware("reram_128"))
    assert result.totals["energy_pJ"] > 0
    assert result.totals["latency_ns"] > 0
