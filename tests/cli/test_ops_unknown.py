"""Does `pimsim ops` list a model to its end where an operator in the middle is not known?"""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from onnx import numpy_helper, parser

from pimsim.cli import main as cli


@pytest.fixture
def model(tmp_path) -> str:
    made = parser.parse_model(
        '<ir_version: 8, opset_import: ["" : 17, "my.ops" : 1]>'
        "g (float[2,6] x) => (float[A,B] y) { a = MatMul(x, w)  b = my.ops.Frob(a)  c = MatMul(b, v)  y = Relu(c) }"
    )
    for name, shape in (("w", (6, 4)), ("v", (4, 3))):
        made.graph.initializer.append(numpy_helper.from_array(np.ones(shape, np.float32), name))
    onnx.save(made, tmp_path / "m.onnx")
    return str(tmp_path / "m.onnx")


def test_the_table_says_what_is_not_counted(model, capsys):
    assert cli.main(["ops", model]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "not understood: my.ops.Frob" in out
    assert "2 nodes behind them cannot be shaped: their MACs are not in this count" in out
    assert out.count("--unknown-ops digital") == 1


def test_the_document_counts_what_is_known(model, capsys):
    assert cli.main(["ops", model, "--format", "json", "--all"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [node["treatment"] for node in document["nodes"]] == ["mvm", "unknown", "unknown shape", "unknown shape"]
    assert document["coverage"]["macs"] == 2 * 6 * 4
