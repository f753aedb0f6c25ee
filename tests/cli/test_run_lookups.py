"""Does `pimsim run` look the rows of a model up on a memory, with a default trace and with one of the user's?"""

import csv
import json
import shlex
from pathlib import Path

import numpy as np
import pytest

from pimsim.cli.main import main


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model: a row of one table, a pooled bag of another, a product."""
    from onnx import TensorProto, helper, numpy_helper, save

    weights = {"users": np.ones((50, 8)), "items": np.ones((40, 8)), "w": np.ones((16, 4))}
    nodes = [
        helper.make_node("Gather", ["users", "i"], ["x"], axis=0, name="user"),
        helper.make_node("Gather", ["items", "j"], ["rows"], axis=0, name="item"),
        helper.make_node("ReduceSum", ["rows", "axes"], ["y"], keepdims=1, name="pool"),
        helper.make_node("Concat", ["x", "y"], ["z"], axis=1),
        helper.make_node("MatMul", ["z", "w"], ["out"]),
    ]
    inputs = [("i", [1]), ("j", [5])]
    graph = helper.make_graph(
        nodes, "ctr", [helper.make_tensor_value_info(name, TensorProto.INT64, shape) for name, shape in inputs],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 4])],
        [
            *(numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()),
            numpy_helper.from_array(np.array([0], dtype=np.int64), "axes"),
        ],
    )  # fmt: skip
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "m.onnx")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(more: str, hardware: str = "reram_128_ddr4") -> int:
    short = "--set memory.banks.inferences=50"
    return main(["run", "--hw", hardware, "--model", "m.onnx", *shlex.split(short), *shlex.split(more)])


def test_the_tables_of_a_model_are_looked_up_without_a_trace(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--format json") == 0
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    told = found["lookups"]
    assert [(table["name"], table["rows"], table["row_bytes"], table["requests"]) for table in told["tables"]] == [
        ("users", 50, 8, 1.0), ("items", 40, 8, 5.0),
    ]  # fmt: skip
    assert sum(table["cycles"] for table in told["tables"]) == told["stream"]["cycles"]
    assert found["components"]["memory"]["energy_pJ"] == pytest.approx(sum(told["parts"].values()))
    assert run("--out r.csv --format csv --html r.html") == 0
    rows = list(csv.DictReader((here / "r.csv").open()))
    assert float(rows[0]["energy_pJ_memory_read"]) > 0.0
    shared = next(row for row in rows if row["name"] == "shared")
    assert float(shared["energy_pJ_memory_background"]) > 0.0
    assert "Lookups by layer" in (here / "r.html").read_text("utf-8")


def test_a_trace_and_a_memory_can_be_given(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made = "trace make --kind uniform --requests 60 --table items=40x8 --table users=50x8 --pooling 3 --out t.txt"
    assert main(shlex.split(made)) == 0
    capsys.readouterr()
    assert run("--trace t.txt --memory trim_b --format json", "reram_128") == 0
    told = json.loads(capsys.readouterr().out)["lookups"]
    assert told["memory"].startswith("trim_b on ")
    assert [table["requests"] for table in told["tables"]] == [3.0, 3.0]
    assert told["parts"]["reduction"] > 0.0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ("--trace absent.parquet", "absent.parquet"),
        ("--memory ddr4_2401", "did you mean 'ddr4_2400'?"),
        ("--set memory.banks.placement=heaps", "memory.banks.placement"),
        ("--set memory.banks.set=organisation.rows=12", "rows is a power of two; got 12"),
    ],
)
def test_bad_input_is_one_line(here: Path, options: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(options) == 2
    told = capsys.readouterr().err
    assert told.startswith("pimsim: error:")
    assert text in told
    assert told.count("\n") == 1
