"""What does `pimsim sweep` say, write and refuse, and does the same command go on after a kill?"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import pimsim
from pimsim.cli import main as cli
from pimsim.data_files import data_folder
from pimsim.explore.parts import LOG, Parts
from pimsim.explore.progress import Pace, bar, slow
from pimsim.explore.space_file import load_space

from .test_command_line import conv_model

SPACE = """
name: tiny
base: reram_128
knobs:
  crossbar.rows: [64, 128]
  crossbar.active_rows: [32, 128]
  crossbar.adc.bits: {from: 5, to: 8}
constraints: [crossbar.adc.bits < 8 or crossbar.rows == 128]
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a model and a space of 16 points (14 allowed, 3 of them no hardware)."""
    monkeypatch.chdir(tmp_path)
    conv_model(tmp_path / "net.onnx")
    (tmp_path / "tiny.yaml").write_text(SPACE)
    return tmp_path


@pytest.fixture
def run(capsys, place):
    """`pimsim sweep` on the space and the model: (exit code, stdout, stderr)."""

    def call(*arguments: object, model: str | None = "net.onnx", space: str = "tiny.yaml", out: str = "r.parquet"):
        given = ["--space", space, "--out", out, *(["--model", model] if model else [])]
        code = cli.main(["sweep", *given, *map(str, arguments)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_the_summary_says_what_there_is_and_what_comes_next(run, place: Path) -> None:
    code, out, err = run()
    assert code == 0
    assert "space   tiny, 16 points, 3 knobs\n" in out
    assert "rows    14 of 16 points; constraints rule out the others\n" in out
    assert "failed  3, the first with: crossbar.active_rows: active_rows must be at most rows = 64; got 128\n" in out
    results = pimsim.load_results("r.parquet")
    best = results.table.take(results["error"] == "")
    for name in ("energy_pJ", "latency_ns"):
        line = re.search(rf"{name} +(\S+) at point (\d+): crossbar\.rows=\d+, crossbar\.active_rows=\d+, cross", out)
        assert line is not None
        assert float(line[1]) == pytest.approx(best[name].min(), rel=1e-5)
    assert "the front  pimsim pareto r.parquet --x energy_pJ --y latency_ns\n" in out
    assert err.splitlines()[-1] == "wrote r.parquet"
    assert set(os.listdir(place)) == {"net.onnx", "tiny.yaml", "r.parquet"}


def test_the_next_command_runs(run, capsys) -> None:
    pytest.importorskip("pimsim.cli.pareto")
    _, out, _ = run("--objectives", "max:tops_per_W,area_um2")
    command = re.search(r"the front  pimsim (pareto r\.parquet --x max:tops_per_W --y area_um2)", out)
    assert command is not None
    assert cli.main(command[1].split()) == 0


@pytest.mark.parametrize("ending", [".sqlite", ".db"])
def test_samples_and_searches_into_sqlite(run, ending: str) -> None:
    code, out, _ = run("--sample", "random", "-n", 5, "--seed", 3, "--columns", "energy_pJ,tops", out=f"s{ending}")
    assert code == 0
    assert "rows    5\n" in out
    assert pimsim.load_results(f"s{ending}").columns[-3:] == ("energy_pJ", "tops", "error")
    code, out, _ = run("--optimise", "nsga2", "--budget", 9, "--objectives", "energy_pJ", out=f"n{ending}")
    assert (code, len(pimsim.load_results(f"n{ending}"))) == (0, 9)
    assert "--x" in out


def test_several_models_and_models_of_the_space(run, place: Path) -> None:
    conv_model(place / "other.onnx", names=("a", "b", "c"))
    code, out, _ = run("--model", "other.onnx")
    assert code == 0
    assert "models  net, net#2\n" in out
    assert {"net.energy_pJ", "net#2.energy_pJ"} <= set(pimsim.load_results("r.parquet").columns)
    (place / "with_model.yaml").write_text(SPACE + "models: [net.onnx]\n")
    assert run(model=None, space="with_model.yaml", out="m.parquet")[0] == 0


def test_all_columns_and_another_sweep_at_the_same_place(run) -> None:
    assert run()[0] == 0
    code, out, err = run("--columns", "all")
    assert (code, out) == (2, "")
    assert err == (
        "pimsim: error: r.parquet is the result of another sweep (other columns); name another --out, or replace it "
        "with --fresh\n"
    )
    assert run("--columns", "all", "--fresh")[0] == 0
    assert "adc_energy_pJ" in pimsim.load_results("r.parquet")


def test_time_that_is_up_leaves_what_is_there(run) -> None:
    code, out, _ = run("--timeout", "0.000001", "--chunk", 2)
    assert code == 0
    assert "Sweep (unfinished)\n" in out
    assert "time is up with 0 of 16 points done: the same command goes on" in out
    code, out, _ = run("--timeout", "1000", "--chunk", 2)
    assert "Sweep\n" in out
    assert len(pimsim.load_results("r.parquet")) == 14


def test_a_sweep_in_which_everything_fails_is_an_error(run, place: Path) -> None:
    (place / "bad.yaml").write_text("base: reram_128\nknobs: {crossbar.active_rows: [256, 512]}\n")
    code, out, err = run(space="bad.yaml")
    assert code == 2
    assert "failed  2, the first with: crossbar.active_rows: active_rows must be at most rows = 128; got 256\n" in out
    assert "Best" not in out
    assert "Next" not in out
    assert "every point failed, the first with: crossbar.active_rows: active_rows must be at most rows" in err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"out": "r.csv"}, "--out: r.csv must end in .parquet, .sqlite, .db, which says the format"),
        ({"model": None}, "no model: give --model FILE, or list models in the space file"),
        ({"space": "reram_smal"}, "no space file 'reram_smal', and none of that name is shipped; did you mean 'rera"),
        ({"model": "absent.onnx"}, "absent.onnx"),
        ({"": ("--sample", "grid")}, "argument --sample: must be one of sobol, random; got 'grid'"),
        ({"": ("--sample", "sobol")}, "n, how many points to draw, is missing"),
        ({"": ("--optimise", "nsga3")}, "must be one of nsga2, bayes; got 'nsga3'; did you mean nsga2?"),
        ({"": ("--optimise", "bayes")}, "bayes needs budget, the points that it may evaluate"),
        ({"": ("--timeout", "0")}, "argument --timeout: must be a number of seconds above 0; got '0'"),
        ({"": ("--timeout", "1e3")}, "argument --timeout: must be a number of seconds above 0; got '1e3'"),
        ({"": ("--workers", "-1")}, "argument --workers: must be a whole number from 0 to 1,024; got '-1'"),
        ({"": ("--columns", "energy")}, "no figure 'energy'; did you mean 'energy_pJ'?"),
        ({"": ("--chunk", "0")}, "argument --chunk: must be a whole number from 1 to 10,000,000; got '0'"),
        ({"": ("--worker", "1")}, "unknown option --worker; did you mean --workers?"),
    ],
)
def test_wrong_options_are_told(run, arguments: dict, text: str) -> None:
    extra = arguments.pop("", ())
    code, out, err = run(*extra, **arguments)
    assert (code, out) == (2, "")
    assert text in err
    assert err.count("\n") == 1


def test_faults_of_space_and_model_are_told_together(run, place: Path) -> None:
    (place / "bad.yaml").write_text("base: reram_128\nknobs: {crossbar.row: [64]}\n")
    code, _, err = run(space="bad.yaml", model="absent.onnx")
    assert code == 2
    assert "did you mean 'crossbar.rows'?" in err
    assert "absent.onnx" in err


def test_the_same_command_goes_on_after_a_kill(run, place: Path) -> None:
    """The whole process is ended by signal 9, a few pieces into the sweep."""
    space = "base: reram_128\nknobs: {tile.pes: {from: 1, to: 1000}}\n"
    (place / "long.yaml").write_text(space)
    arguments = ["--space", "long.yaml", "--model", "net.onnx", "--chunk", "10", "--columns", "energy_pJ"]
    command = [sys.executable, "-m", "pimsim", "sweep", *arguments, "--out", "k.parquet", "--no-progress"]
    environment = {**os.environ, "PYTHONPATH": str(Path(pimsim.__file__).parent.parent)}
    parts = Parts.of(place / "k.parquet")
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment) as process:
        until = time.monotonic() + 120.0
        while not parts.folder.is_dir() or len(parts.done()) < 3:
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
    there = len(parts.done())
    begun = len((parts.folder / LOG).read_text().splitlines())
    assert 3 <= there <= begun <= there + 1 < 100
    assert run(*arguments[4:], space="long.yaml", out="k.parquet")[0] == 0
    assert run(*arguments[4:], space="long.yaml", out="alone.parquet")[0] == 0
    assert (place / "k.parquet").read_bytes() == (place / "alone.parquet").read_bytes()
    assert pimsim.load_results("k.parquet")["point"].tolist() == list(range(1000))


@pytest.mark.parametrize("name", sorted(file.stem for file in (data_folder("hwconfigs") / "spaces").glob("*.yaml")))
def test_shipped_spaces_hold_hardware(run, name: str) -> None:
    if (data_folder("hwconfigs") / "spaces" / f"{name}.yaml").exists():
        assert load_space(name).name == name
    code, out, _ = run("--sample", "sobol", "-n", 60, space=name, out="s.parquet")
    assert code == 0
    assert "failed" not in out


@pytest.mark.parametrize("name", ["reram_small", "sram_small"])
def test_the_first_spaces_have_fronts(place: Path, name: str) -> None:
    results = pimsim.sweep("net.onnx", load_space(name))
    assert results.failed == 0
    assert 500 < len(results) <= 10_000
    assert len(set(results["energy_pJ"].tolist())) > 300


def test_the_pace_is_that_of_this_run(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    pace = Pace()
    now[0] += 50.0  # compiling does not count, nor do points of an earlier run
    assert pace.rate(1_000_000) == "-"
    now[0] += 2.0
    assert pace.rate(1_005_000) == "2,500"
    assert pace.rate(1_000_025) == "12.5"


def test_lines_for_a_log(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with bar(True) as tell:
        assert tell is not None
        for done in range(0, 500, 100):
            tell(done, 1000)
            now[0] += 4.0
    assert capsys.readouterr().err == "300 of 1,000 points, 25 points/s, about 28 s left\n"
    with bar(False) as tell:
        assert tell is None


def test_what_takes_long_is_announced(capsys: pytest.CaptureFixture[str]) -> None:
    with slow("compiling", after_s=0.01):
        time.sleep(0.3)
    with slow("nothing", after_s=30.0):
        pass
    assert capsys.readouterr().err == "compiling\n"
