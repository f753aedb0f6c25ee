"""Does `pimsim trace` make, convert and describe traces, and say what is wrong with its input?"""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from pimsim.cli.main import main


def run(line: str) -> int:
    return main(["trace", *shlex.split(line)])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_make_convert_and_stat_agree(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run("make --kind zipf --requests 3000 --seed 1 --out a.parquet --table u=100x64 --table i=900x32 --pooling 4")
        == 0
    )
    assert (
        run("make --kind zipf --requests 3000 --seed 1 --out b.parquet --table u=100x64 --table i=900x32 --pooling 4")
        == 0
    )
    assert (here / "a.parquet").read_bytes() == (here / "b.parquet").read_bytes()
    assert run("convert a.parquet a.txt") == 0
    assert run("convert a.txt c.parquet") == 0
    assert "wrote 3,000 requests to c.parquet" in capsys.readouterr().err
    assert run("stat a.parquet --format json") == 0
    first = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert run("stat c.parquet --format json") == 0
    assert json.loads(capsys.readouterr().out) == first
    assert first["by_table"] == {"u": 1500, "i": 1500}
    assert run("stat a.parquet --out a.png") == 0
    shown = capsys.readouterr().out
    assert "Trace a.parquet\n" in shown
    assert f"unique rows           {first['unique_rows']} of 1,000, " in shown
    assert "reuse distance p50" in shown
    assert "hottest 1% of rows" in shown
    assert " ####" in shown.split("Served by an LRU cache")[1]
    assert (here / "a.png").read_bytes().startswith(b"\x89PNG")


def test_a_model_says_its_tables(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    tables = [
        numpy_helper.from_array(np.zeros(shape, dtype=np.float32), f"w{shape[0]}") for shape in ((50, 16), (9, 4))
    ]
    graph = helper.make_graph(
        [helper.make_node("Gather", ["w50", "i"], ["a"]), helper.make_node("Gather", ["w9", "j"], ["b"])], "net",
        [helper.make_tensor_value_info("i", TensorProto.INT64, ["n", 3]),
         helper.make_tensor_value_info("j", TensorProto.INT64, ["n", 1])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in "ab"], tables,
    )  # fmt: skip
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), "m.onnx")
    assert run("make --kind zipf --model m.onnx --batch 1 --inferences 100 --out t.txt") == 0
    said = capsys.readouterr().err
    assert "looks 4 rows up in 2 tables of 3,344 bytes\n" in said
    assert said.endswith("wrote 400 requests to t.txt\n")
    lines = (here / "t.txt").read_text().splitlines()
    assert lines[1:5] == [
        "# about zipf seed 0 pooling 1 to 3 exponent 1.05", "# table w50 50 64", "# table w9 9 16", "bag table row"
    ]  # fmt: skip
    assert [line.split()[:2] for line in lines[5:9]] == [["0", "w50"]] * 3 + [["0", "w9"]]
    assert run("make --kind stream --model m.onnx --batch 2 --requests 16 --element-bits 8 --out t.txt") == 0
    assert (here / "t.txt").read_text().splitlines()[2:4] == ["# table w50 50 16", "# table w9 9 4"]


@pytest.mark.parametrize("kind", ["uniform", "production", "reuse", "stream"])
def test_every_kind_is_made(here: Path, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    curve = "--curve 5:0.2,50:0.5 " if kind == "reuse" else ""
    assert run(f"make --kind {kind} --requests 500 --rows 200 {curve}--rate 1e6 --write-share 0.5 --out t.txt") == 0
    assert run("stat t.txt --format json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["requests"] == 500
    assert found["writes"] > 100
    assert found["span_ns"] > 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("", "trace: what to do? (actions: make, convert, stat, run)"),
        ("mkae", "trace: unknown action 'mkae'; did you mean make? (actions: make, convert, stat, run)"),
        ("make --kind zipf --out t.parquet", "trace make: one of the arguments --requests --inferences is req"),
        (
            "make --kind zip --requests 5 --out t.parquet",
            "trace make: argument --kind: must be one of zipf, uniform, pro",
        ),
        (
            "make --kind zipf --requests -5 --out t.parquet",
            "trace make: argument --requests: must be a whole number from",
        ),
        ("make --kind zipf --requests 5 --out t.txt --batch 3", "trace make: --batch is of --model"),
        (
            "make --kind zipf --requests 5 --out t.txt --model m.onnx --rows 3",
            "trace make: --model says all of the tables; leave out --table, --tables, --rows, --row-bytes and --pool",
        ),
        ("make --kind zipf --requests 5 --out t.txt --model m.onnx", "m.onnx: no such file"),
        (
            "make --kind zipf --requests 5 --out t.csv",
            "--out: t.csv must end in .parquet or .txt (text), which says the",
        ),
        ("make --kind zipf --requests 5 --out no/t.txt", "--out: folder no does not exist; create it first"),
        (
            "make --kind zipf --requests 5 --out t.txt --exponent x",
            "trace make: argument --exponent: must be a number fr",
        ),
        ("make --kind zipf --requests 5 --out t.txt --curve 1:1", "trace make: --curve is of --kind reuse"),
        (
            "make --kind reuse --requests 5 --out t.txt --curve 1:2",
            "--curve: distances rise from 1 on, and shares of re",
        ),
        (
            "make --kind zipf --requests 5 --out t.txt --table a=5",
            "--table: must be NAME=ROWSxBYTES, e.g. users=1000000x",
        ),
        (
            "make --kind zipf --requests 5 --out t.txt --table a=5x4 --rows 3",
            "trace make: --table says all of a table;",
        ),
        ("make --kind zipf --requests 5 --out t.txt --table a=5x4 --table a=5x4", "two tables have the name 'a'"),
        ("convert no.txt t.parquet", "no.txt: no such file; 'pimsim trace make' makes a trace"),
        ("convert t.txt t.txt", "trace convert: FROM and TO name the same file: t.txt"),
        (
            "stat t.txt --out t.gif",
            "--out: t.gif must end in .png, .svg or .pdf; the ending says which picture to write",
        ),
        ("stat t.txt", "t.txt:1:1: is a request of no known form"),
    ],
)
def test_an_error_is_one_line(here: Path, line: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "t.txt").write_text("nothing known\n")
    assert run(line) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"pimsim: error: {said}")
    assert error.count("\n") == 1
    assert [path.name for path in here.iterdir()] == ["t.txt"]


def test_help_lists_the_actions(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--help") == 0
    shown = capsys.readouterr().out
    assert all(f"\n  {action} " in shown for action in ("make", "convert", "stat", "run"))
    assert run("make --help") == 0
    assert "--exponent" in capsys.readouterr().out


def test_an_interrupt_leaves_nothing(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pimsim.memory.traces.parquet import ParquetWriter

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ParquetWriter, "add", stop)
    assert run("make --kind stream --requests 500 --out t.parquet") == 130
    assert list(here.iterdir()) == []
    assert capsys.readouterr().err == "pimsim: interrupted\n"


@pytest.mark.parametrize("form", ["ramulator", "ramulator2", "dramsim3", "dramsim2"])
def test_a_trace_goes_to_another_simulator_and_back(here: Path, form: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Rows of 100 bytes take two accesses of 64, at the addresses of the memory."""
    made = "make --kind zipf --requests 200 --tables 2 --rows 50 --row-bytes 100 --rate 1e6 --write-share 0.5"
    assert run(f"{made} --out a.parquet") == 0
    assert run(f"convert a.parquet a.{form} --to {form} --hw ddr4_2400") == 0
    assert f"wrote 400 requests to a.{form}" in capsys.readouterr().err
    shape = {"ramulator": "RW", "ramulator2": "LS", "dramsim3": "RW", "dramsim2": "P"}[form]
    words = (here / f"a.{form}").read_text().splitlines()[0].split()
    assert words[0 if form == "ramulator2" else 1][0] in shape
    answers = []
    for name in ("a.parquet", f"a.{form}"):
        arrivals = "" if form.startswith("dramsim") else "--ignore-arrivals"
        assert run(f"run {name} --hw ddr4_2400 {arrivals} --format json") == 0
        answers.append(json.loads(capsys.readouterr().out))
    assert answers[0]["totals"]["cycles"] == answers[1]["totals"]["cycles"]
    assert answers[0]["counts"] == answers[1]["counts"]


def test_what_cannot_go_to_another_simulator_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "rows.txt").write_text("# pimsim trace 1\n# table a 5 4\ntable row\na 4\n")
    assert run("convert rows.txt a.trace --to dramsim3") == 2
    assert "trace convert: --to needs the memory --hw, whose addresses and cycles the trace gets" in (
        capsys.readouterr().err
    )
    (here / "ns.txt").write_text("# pimsim trace 1\naddress arrival_ns\n0x40 4\n")
    assert run("convert ns.txt a.trace --to dramsim3") == 2
    capsys.readouterr()
    assert run("convert ns.txt a.trace --to dramsim3 --hw ddr4_3200") == 0
    assert (here / "a.trace").read_text() == "0x40 READ 6\n"
