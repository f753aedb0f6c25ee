"""`load_model`: from a file to a workload, options passed on, errors with the file's name."""

from __future__ import annotations

from pathlib import Path

import onnx
import onnx.parser
import pytest

from pimsim.errors import InputError
from pimsim.graph import load_model

QUANTISED = """
<ir_version: 8, opset_import: ["": 17]>
g (float[N,3,8,8] x) => (float[N,10] y)
<float s = {0.1}, uint8 z = {0}, int8 zi = {0}, int64[4] ws = {4,3,3,3}, int64[2] fs = {144,10}>
{
    q = QuantizeLinear(x, s, z)
    d = DequantizeLinear(q, s, z)
    w0 = ConstantOfShape <value: tensor = int8[1] {3}> (ws)
    w = DequantizeLinear(w0, s, zi)
    c = Conv(d, w)
    f = Flatten(c)
    m0 = ConstantOfShape <value: tensor = int8[1] {3}> (fs)
    m = DequantizeLinear(m0, s, zi)
    y = MatMul(f, m)
}
"""

BRANCHING = """
<ir_version: 8, opset_import: ["": 17]>
g (float[1,8] x, bool c) => (float[1,8] y)
<int64[2] ws = {8,8}>
{
    w = ConstantOfShape(ws)
    y = If (c) <
        then_branch = t () => (float[1,8] a) { a = Relu(x) },
        else_branch = e () => (float[1,8] b) { b = MatMul(x, w) }
    >
}
"""

LOOPING = """
<ir_version: 8, opset_import: ["": 17]>
g (float[1,8] x, int64 n) => (float[1,8] y)
<int64[2] ws = {8,8}, bool t = {1}>
{
    w = ConstantOfShape(ws)
    y = Loop (n, t, x) <body = b (int64 i, bool p, float[1,8] h) => (bool q, float[1,8] k) {
        q = Identity(p)
        k = MatMul(h, w)
    }>
}
"""


@pytest.fixture
def save(tmp_path: Path):
    """Writes a model in ONNX's text form to a file."""

    def write(text: str) -> Path:
        path = tmp_path / "model.onnx"
        onnx.save(onnx.parser.parse_model(text), path)
        return path

    return write


def test_quantised_model_brings_its_bits(save) -> None:
    """Q/DQ around a convolution and a product, folded weights, a batch of two."""
    work = load_model(save(QUANTISED), batch=2)
    conv, product = (layer for layer in work.layers if layer.kind == "mvm")
    assert (conv.macs, product.macs) == (2 * 36 * 27 * 4, 2 * 1440)
    assert (conv.weight_bits, conv.input_bits, product.weight_bits) == (8, 8, 8)
    assert (work.input_elements, work.output_elements) == (2 * 192, 20)
    assert work.source.endswith("model.onnx")
    treated = {line.name: line.treatment for line in work.nodes}
    assert sorted(treated.values()).count("constant") == 4
    assert sum(line.weight_bytes for line in work.nodes) == 108 + 1440


def test_branch_is_passed_on(save) -> None:
    """The dearer one by default."""
    path = save(BRANCHING)
    assert load_model(path).macs == 64
    assert load_model(path, branch="then").macs == 0


def test_trips_are_passed_on(save) -> None:
    """And asked for, with the file's name in front."""
    path = save(LOOPING)
    with pytest.raises(InputError, match=r"^.*model\.onnx: node .*--trips N"):
        load_model(path)
    assert load_model(path, trips=7).macs == 7 * 64
