"""Does `pimsim pareto` say the front, write what it is asked for, and give points that `pimsim run` runs the same?"""

from __future__ import annotations

import csv
import json
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from pimsim.cli import main as cli
from pimsim.explore.results import load_results
from pimsim.explore.store import write_table

Run = Callable[..., tuple[int, str, str]]

SPACE = """\
name: bits_and_rows
base: reram_128
knobs:
  crossbar.rows: [64, 128, 256]
  crossbar.adc.columns_per_adc: [4, 8, 16]
  tile.bus.topology: [bus, htree]
  "layers.conv*.weight_bits": [4, 8]
  operators.Gemm.input_bits: [6, 8]
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model, a space, and two results of sweeps: all 72 points, and 10 of them."""
    made = tmp_path_factory.mktemp("pareto")
    rng = np.random.default_rng(0)
    weights = {"w1": (8, 3, 3, 3), "w2": (10, 8 * 36)}
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "w1"], ["a"], name="conv1"),
            helper.make_node("Flatten", ["a"], ["b"], name="flat"),
            helper.make_node("Gemm", ["b", "w2"], ["y"], name="head", transB=1),
        ],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 10])],
        [helper.make_tensor(n, TensorProto.FLOAT, s, rng.normal(size=s).ravel()) for n, s in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, made / "net.onnx")
    (made / "space.yaml").write_text(SPACE, "utf-8")
    sweep = ["sweep", "--space", str(made / "space.yaml"), "--model", str(made / "net.onnx"), "--no-progress"]
    assert cli.main([*sweep, "--out", str(made / "all.parquet")]) == 0
    assert cli.main([*sweep, "--out", str(made / "some.sqlite"), "--sample", "random", "-n", "10"]) == 0
    return made


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    capsys.readouterr()  # what the sweeps have said

    def call(*arguments: object) -> tuple[int, str, str]:
        code = cli.main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def refused(result: tuple[int, str, str], message: str) -> None:
    code, out, err = result
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert message in err


def test_table_says_front_knee_and_volume(run: Run, folder: Path) -> None:
    code, out, _ = run("pareto", folder / "all.parquet", "--x", "area_um2", "--y", "latency_ns")
    front = load_results(folder / "all.parquet").pareto("area_um2", "latency_ns")
    assert code == 0
    assert out == front.to_text()
    assert "net over bits_and_rows: 72 points" in out
    assert f"knee         point {front.points[front.knee]}" in out
    assert "hypervolume" in out
    assert "topology" in out


def test_objectives_of_the_sweep_when_none_are_named(run: Run, folder: Path) -> None:
    code, out, _ = run("pareto", folder / "some.sqlite")
    assert code == 0
    assert "objectives   energy_pJ, latency_ns" in out


def test_json_is_the_same_front(run: Run, folder: Path) -> None:
    more = ("--z", "max:tops_per_W", "--format", "json", "--importance", "--compare", folder / "some.sqlite")
    code, out, _ = run("pareto", folder / "all.parquet", "--x", "area_um2", "--y", "latency_ns", *more)
    assert code == 0
    plain = json.loads(out)
    results = load_results(folder / "all.parquet")
    front = results.pareto("area_um2", "latency_ns", "max:tops_per_W")
    assert plain["objectives"] == ["area_um2", "latency_ns", "max:tops_per_W"]
    assert [row["point"] for row in plain["front"]] == front.points
    assert plain["importance"] == results.importance("area_um2").to_dict()
    other = load_results(folder / "some.sqlite").pareto("area_um2", "latency_ns", "max:tops_per_W")
    assert plain["comparison"] == front.compare(other).to_dict()


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_picture_and_csv(run: Run, folder: Path, tmp_path: Path, ending: str) -> None:
    picture, table = tmp_path / f"front.{ending}", tmp_path / "front.csv"
    files = ("--out", picture, "--csv", table, "--color", "crossbar.rows")
    code, _, err = run("pareto", folder / "all.parquet", "--x", "area_um2", "--y", "latency_ns", *files)
    assert code == 0
    assert f"wrote {picture}" in err
    assert picture.read_bytes().startswith({"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[ending])
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["point"]) for row in rows] == load_results(folder / "all.parquet").pareto(
        "area_um2", "latency_ns"
    ).points
    assert "tile.bus.topology" in rows[0]


def test_comparison_and_importance_in_words(run: Run, folder: Path, tmp_path: Path) -> None:
    more = ("--compare", folder / "some.sqlite", "--importance", "latency_ns", "--out", tmp_path / "both.png")
    code, out, _ = run("pareto", folder / "all.parquet", "--x", "area_um2", "--y", "latency_ns", *more)
    assert code == 0
    assert "of the volume that both reach together, A reaches 100.00%" in out
    assert "0 of " in out
    assert "What decides latency_ns (a random forest" in out
    assert "held-out rows" in out
    assert (tmp_path / "both.png").stat().st_size > 10_000


@pytest.mark.parametrize("which", ["knee", "0", "71", "37"])
def test_a_points_files_run_to_the_figures_of_its_row(run: Run, folder: Path, tmp_path: Path, which: str) -> None:
    target = tmp_path / "point.yaml"
    axes = ("--x", "area_um2", "--y", "latency_ns")
    code, _, err = run("pareto", folder / "all.parquet", *axes, "--yaml", which, "--yaml-out", target)
    assert code == 0
    command = next(line for line in err.splitlines() if line.startswith("run it: "))
    arguments = shlex.split(command.removeprefix("run it: pimsim "))
    assert arguments[3:5] == ["--model", str(folder / "net.onnx")]
    assert arguments[-2:] == ["--bits", str(tmp_path / "point.bits.yaml")]
    code, out, _ = run(*arguments, "--format", "json")
    assert code == 0
    totals = json.loads(out)["totals"]
    results = load_results(folder / "all.parquet")
    front = results.pareto("area_um2", "latency_ns")
    row = results.row(results.find(front.points[front.knee] if which == "knee" else int(which)))
    shared = [name for name in row if name in totals]
    assert {"energy_pJ", "latency_ns", "area_um2", "tops_per_W", "crossbars"} <= set(shared)
    assert {name: totals[name] for name in shared} == pytest.approx({name: row[name] for name in shared}, rel=1e-12)


def test_the_command_says_operands_and_further_models(run: Run, folder: Path, tmp_path: Path) -> None:
    model = str(folder / "net.onnx")
    space = "base: reram_128\nknobs: {crossbar.rows: [64, 128]}\n"
    (tmp_path / "space.yaml").write_text(space, "utf-8")
    swept = tmp_path / "two.parquet"
    more = ("--operands", "default", "--no-progress", "--out", swept)
    assert run("sweep", "--space", tmp_path / "space.yaml", "--model", model, "--model", model, *more)[0] == 0
    code, _, err = run("pareto", swept, "--yaml", "1", "--yaml-out", tmp_path / "a b.yaml")
    assert code == 0
    assert f"run it (and so for each of 2 models): pimsim run --hw '{tmp_path}/a b.yaml' --model {model}" in err
    assert err.rstrip().endswith("--operands default")


def test_yaml_is_printed_where_no_file_is_named(run: Run, folder: Path) -> None:
    code, out, _ = run("pareto", folder / "all.parquet", "--yaml", "3")
    assert code == 0
    assert "\n# point 3 of the design space bits_and_rows\n" in out
    assert "# bits of layers, for 'pimsim run --bits'\n" in out
    assert "weight_bits:" in out


def test_faults(run: Run, folder: Path, tmp_path: Path) -> None:
    results = folder / "all.parquet"
    axes = ("--x", "area_um2", "--y", "latency_ns")
    refused(run("pareto", folder / "none.parquet"), "no file ")
    refused(run("pareto", folder / "net.onnx"), "is no table of results; they end in .parquet")
    refused(run("pareto", results, "--x", "area_um2"), "--x and --y go together")
    refused(run("pareto", results, "--x", "area", "--y", "latency_ns"), "no column 'area'")
    refused(run("pareto", results, "--x", "error", "--y", "latency_ns"), "'error' holds texts")
    refused(run("pareto", results, *axes, "--yaml", "72"), "no point 72 in these results")
    refused(run("pareto", results, *axes, "--yaml", "best"), "must be the number of a point (column 'point'), or knee")
    refused(run("pareto", results, "--yaml-out", tmp_path / "a.yaml"), "say which with --yaml N or --yaml knee")
    refused(run("pareto", results, "--yaml", "1", "--format", "json"), "a YAML cannot stand behind JSON")
    refused(run("pareto", results, *axes, "--color", "tops"), "--color colours the picture of one front")
    refused(run("pareto", results, *axes, "--out", tmp_path / "a.gif"), "must end in .png, .svg or .pdf")
    refused(run("pareto", results, *axes, "--out", tmp_path / "a.png", "--color", "hue"), "no column 'hue'")
    refused(run("pareto", results, *axes, "--importance", "contexts"), "contexts is the same at all points")
    refused(run("pareto", results, *axes, "--csv", tmp_path / "no" / "a.csv"), "does not exist; create it first")
    refused(run("pareto", results, "--xx", "a"), "unknown option --xx; did you mean --x?")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_when_results_hold_no_good_point(run: Run, folder: Path, tmp_path: Path) -> None:
    results = load_results(folder / "all.parquet")
    failed = {**results.table.data, "error": np.full(len(results), "too small", dtype=object)}
    write_table(tmp_path / "failed.parquet", type(results.table)(failed), results.about)
    refused(
        run("pareto", tmp_path / "failed.parquet", "--csv", tmp_path / "front.csv"),
        "none of 72 points can be compared; the first fault: too small",
    )
    assert not (tmp_path / "front.csv").exists()
