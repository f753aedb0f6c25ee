"""Does `pimsim serve` tell what a request waits for, and find the rate that is too much?"""

from __future__ import annotations

import csv
import json
import shlex
from pathlib import Path

import numpy as np
import pytest

from pimsim.cli import serve
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


def test_a_service_is_described(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "SEARCHED", 100)
    assert run("--trace t.parquet --rate 1e5 --requests 200 --csv r.csv --out s.svg --format json") == 0
    answered = capsys.readouterr()
    found = json.loads(answered.out, parse_constant=pytest.fail)
    assert found["requests"] == 200
    assert found["memory"] == "hbm2", "that of the hardware description"
    assert "dealt out to the model's tables" in answered.err, "the trace has more rows than the model's tables"
    quantiles = [found["latency_ns"][name] for name in ("p50", "p95", "p99", "p99.9")]
    assert quantiles == sorted(quantiles)
    parts = found["parts_ns"]
    assert sum(parts.values()) == pytest.approx(found["mean_ns"])
    energy, split = found["energy_pJ_per_request"], found["energy_parts_pJ_per_request"]
    assert energy["total"] == pytest.approx(energy["lookups"] + energy["compute"])
    assert energy["total"] == pytest.approx(energy["of_requests"] + energy["of_time"])
    assert energy["of_time"] > split["compute"]["static"] + split["memory"]["background"] > 0.0
    assert split["memory"]["read"] > 0.0 < split["memory"]["write"], "outputs are written to the same banks"
    assert 0.0 < found["utilization"]["banks_data_bus"] < 1.0
    assert max(found["over_time"]["pipeline"]) <= 1.0 + 1e-9
    # Of 200 requests the few that fill the pipeline and the slack at the end are a good part.
    assert 0.5 < found["saturation_per_s"] / found["throughput_all_at_once_per_s"] < 2.5
    rows = list(csv.DictReader((here / "r.csv").open()))
    assert list(rows[0]) == ["request", "arrival_ns", "queue_ns", "lookup_ns", "compute_ns", "done_ns"]
    assert len(rows) == 200
    for row in rows:
        took = sum(float(row[name]) for name in ("arrival_ns", "queue_ns", "lookup_ns", "compute_ns"))
        assert took == pytest.approx(float(row["done_ns"]), abs=0.01)
    assert (here / "s.svg").read_text().startswith("<?xml")


def test_a_service_too_long_to_saturate_says_so(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "SEARCHED", 5)
    monkeypatch.setattr(serve, "MOST_SEARCHED", 10)
    assert run("--trace t.parquet --rate 1e5 --requests 30 --max-batch 20 --out s.png") == 0
    answered = capsys.readouterr()
    assert "note: 10 inferences are too few to find the saturation rate of so long a service" in answered.err
    assert "saturation" not in answered.out
    assert not (here / "s.png").exists()


@pytest.mark.parametrize("memory", ["ddr4_2400", "rram", "hbm2_banks"])
def test_any_memory_serves(here: Path, memory: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(f"--trace t.parquet --rate 1e5 --requests 60 --no-saturation --memory {memory} --format json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["memory"].startswith(memory)
    assert found["parts_ns"]["lookup"] > 0.0 < found["energy_pJ_per_request"]["lookups"]
    assert found["energy_parts_pJ_per_request"]["memory"]["write"] > 0.0, "outputs are written to the same banks"
    assert ("banks_data_bus" in found["utilization"]) == (memory != "hbm2_banks")


def test_a_memory_in_place_of_hardware_has_a_default_for_the_arithmetic(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = "serve --hw ddr4_2400 --model m.onnx --trace t.parquet --rate 1e5 --requests 40 --no-saturation"
    assert main(shlex.split(asked)) == 0
    answered = capsys.readouterr()
    assert "note: ddr4_2400 is a memory; the arithmetic is done on reram_128" in answered.err
    assert "ddr4_2400, fcfs" in answered.out


def test_values_of_the_memory_and_statistics_of_weights_are_chosen(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = []
    for more in ("", "--set-memory timing.tRCD=60 --set-memory timing.tCL=40", "--operands default"):
        asked = f"--trace t.parquet --rate 1e5 --requests 40 --no-saturation --format json --memory ddr4_2400 {more}"
        assert run(asked) == 0
        found.append(json.loads(capsys.readouterr().out))
    plain, slow, default = found
    assert slow["parts_ns"]["lookup"] > 1.2 * plain["parts_ns"]["lookup"]
    spent = [one["energy_parts_pJ_per_request"]["compute"]["dynamic"] for one in found]
    assert spent[0] == spent[1] != spent[2] > 0.0
    assert default["parts_ns"] == plain["parts_ns"]


def test_the_hottest_rows_come_from_a_cache(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = {}
    for cached in (0, 40):
        more = f"--policy frfcfs --placement frequency-aware --cached-rows {cached} --memory ddr4_2400"
        assert run(f"--trace t.parquet --rate 1e5 --requests 60 --no-saturation --format json {more}") == 0
        found[cached] = json.loads(capsys.readouterr().out)
    assert found[40]["policy"] == "frfcfs"
    parts = {cached: one["energy_parts_pJ_per_request"]["memory"] for cached, one in found.items()}
    assert parts[40]["read"] < parts[0]["read"]
    assert parts[40]["cache"] > 0.0 < parts[40]["cache_leakage"]
    assert "cache" not in parts[0]
    assert found[40]["parts_ns"]["lookup"] < found[0]["parts_ns"]["lookup"]


def test_the_trace_says_when(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--trace t.parquet --max-batch 4 --timeout-us 50 --no-saturation") == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "arrivals as the trace says" in shown
    assert "requests 200 over" in shown
    assert "p99.9" in shown


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("--trace no.parquet --rate 5", "no.parquet: no such file; 'pimsim trace make' makes a trace"),
        ("--trace a.txt --rate 5", "lookups of a model need a trace of table rows; this one has addresses"),
        ("--trace t.parquet --rate 0", "serve: argument --rate: must be a number from 0.001 to 1e+12; got '0'"),
        (
            "--trace t.parquet --rate 5 --memory ddr9",
            "no file 'ddr9', and no memory or hardware description of that name",
        ),
        (
            "--trace t.parquet --rate 5 --memory trim_g --policy fcfs",
            "trim_g on ddr5_4800 schedules and places rows itself",
        ),
        ("--trace t.parquet --rate 5 --cached-rows 5", "serve: --cached-rows is of --placement frequency-aware"),
        (
            "--trace t.parquet --rate 5 --memory ddr4_2400 --set-memory timing.tRDC=5",
            "--set timing.tRDC=5: timing.tRDC: unknown key; did you mean 'tRC'?",
        ),
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
