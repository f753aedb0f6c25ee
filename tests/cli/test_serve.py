"""Does `pimsim serve` tell what a request waits for, and find the rate that is too much?"""

from __future__ import annotations

import csv
import json
import shlex
from pathlib import Path

import numpy as np
import pytest

from pimsim.cli.main import main


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model of two lookups and a product, and a trace of two tables."""
    from onnx import TensorProto, helper, numpy_helper, save

    weights = {"a": np.ones((50, 8)), "b": np.ones((40, 8)), "w": np.ones((16, 4))}
    nodes = [
        helper.make_node("Gather", ["a", "i"], ["x"], axis=0),
        helper.make_node("Gather", ["b", "j"], ["y"], axis=0),
        helper.make_node("Concat", ["x", "y"], ["z"], axis=1),
        helper.make_node("MatMul", ["z", "w"], ["out"]),
    ]
    graph = helper.make_graph(
        nodes, "ctr", [helper.make_tensor_value_info(name, TensorProto.INT64, [1]) for name in ("i", "j")],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 4])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
    )  # fmt: skip
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "m.onnx")
    monkeypatch.chdir(tmp_path)
    made = "trace make --kind zipf --requests 400 --tables 2 --rows 5000 --pooling 2 --rate 1e5 --out t.parquet"
    assert main(shlex.split(made)) == 0
    return tmp_path


def run(more: str) -> int:
    return main(["serve", "--hw", "reram_128", "--model", "m.onnx", *shlex.split(more)])


def test_a_service_is_described(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--trace t.parquet --rate 1e5 --requests 300 --csv r.csv --saturation --out s.svg --format json") == 0
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert found["requests"] == 300
    quantiles = [found["latency_ns"][name] for name in ("p50", "p95", "p99", "p99.9")]
    assert quantiles == sorted(quantiles)
    parts = found["parts_ns"]
    assert sum(parts.values()) == pytest.approx(found["mean_ns"])
    assert found["energy_pJ_per_request"]["total"] == pytest.approx(
        found["energy_pJ_per_request"]["lookups"] + found["energy_pJ_per_request"]["compute"]
    )
    assert 0.0 < found["utilization"]["banks_data_bus"] < 1.0
    assert max(found["over_time"]["pipeline"]) <= 1.0 + 1e-9
    # Of 300 requests the few that fill the pipeline and the slack at the end are a good part.
    assert 0.5 < found["saturation_per_s"] / found["throughput_all_at_once_per_s"] < 2.0
    rows = list(csv.DictReader((here / "r.csv").open()))
    assert list(rows[0]) == ["request", "arrival_ns", "queue_ns", "lookup_ns", "compute_ns", "done_ns"]
    assert len(rows) == 300
    for row in rows:
        took = sum(float(row[name]) for name in ("arrival_ns", "queue_ns", "lookup_ns", "compute_ns"))
        assert took == pytest.approx(float(row["done_ns"]), abs=0.01)
    assert (here / "s.svg").read_text().startswith("<?xml")


def test_the_trace_says_when(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--trace t.parquet --max-batch 4 --timeout-us 50") == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "arrivals as the trace says" in shown
    assert "requests 100 over" in shown
    assert "p99.9" in shown


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("--trace no.parquet --rate 5", "no.parquet: no such file; 'pimsim trace make' makes a trace"),
        ("--trace a.txt --rate 5", "a trace of table rows is needed; this one has addresses"),
        ("--trace t.parquet --rate 0", "serve: argument --rate: must be a number from 0.001 to 1e+12; got '0'"),
        ("--trace t.parquet --rate 5 --memory ddr9", "no memory file 'ddr9', and none of that name is shipped"),
        ("--trace t.parquet --rate 5 --csv x --out x", "--csv and --out name the same file: x"),
    ],
)
def test_an_error_is_one_line(here: Path, more: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "a.txt").write_text("0x40 R\n")
    capsys.readouterr()
    assert run(more) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"pimsim: error: {said}")
    assert error.count("\n") == 1
