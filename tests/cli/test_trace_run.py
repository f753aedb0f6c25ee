"""Does `pimsim trace run` print what the memory takes, and the gain of a placement?"""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from pimsim.cli.main import main
from pimsim.hardware.library import shipped_files
from pimsim.memory.device import device_names, load_device
from pimsim.memory.placement.run import run_on
from pimsim.memory.policy import Policy
from pimsim.memory.traces import open_trace


def run(line: str) -> int:
    return main(["trace", *shlex.split(line)])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    monkeypatch.chdir(tmp_path)
    made = "make --kind zipf --exponent 1.2 --requests 3000 --tables 2 --rows 5000 --pooling 8"
    assert run(f"{made} --row-bytes 128 --rate 1e6 --out t.parquet") == 0
    capsys.readouterr()
    return tmp_path


def test_totals_are_those_of_the_memory(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("run t.parquet --hw ddr4_2400 --format json") == 0
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    result = run_on(open_trace("t.parquet"), load_device("ddr4_2400"), Policy())
    totals = found["totals"]
    assert totals["cycles"] == result.cycles
    assert totals["energy_pJ"] == pytest.approx(sum(found["energy_pJ"].values()))
    assert (totals["requests"], totals["accesses"]) == (3000, 6000)
    assert totals["requests_per_s"] == pytest.approx(3000 / (result.time_ns * 1e-9))
    assert found["policy"]["scheduler"] == "fcfs"
    assert run("run t.parquet --hw ddr4_2400 --ignore-arrivals --format json") == 0
    assert json.loads(capsys.readouterr().out)["totals"]["cycles"] < result.cycles
    (here / "a.txt").write_text("0x40 R\n0x80 W\n")
    assert run("run a.txt --hw ddr4_2400 --format json") == 0
    assert json.loads(capsys.readouterr().out)["counts"]["write"] == 1


def test_the_gain_over_round_robin_is_printed(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("run t.parquet --hw ddr4_2400 --placement frequency-aware --copied-rows 20 --ignore-arrivals") == 0
    shown = capsys.readouterr().out
    assert "Placement (on 32 banks)" in shown
    cycles = next(line.split() for line in shown.splitlines() if line.startswith("  cycles "))
    assert float(cycles[3]) > 1.5, "round robin has the two tables on two of 32 banks"
    assert run("run t.parquet --hw ddr4_2400 --placement size-balanced --units bank --format json") == 0
    placed = json.loads(capsys.readouterr().out)["placement"]
    assert placed["policy"] == "size_balanced"
    assert placed["gain"]["load_imbalance"] == placed["round_robin"]["load_imbalance"] / placed["load_imbalance"]


def test_the_cache_is_priced(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = "run t.parquet --hw reram_128 --placement frequency-aware --cached-rows 20 --ignore-arrivals"
    assert run(f"{line} --format json") == 0
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert found["memory"] == "hbm2"
    assert found["placement"]["cache"]["rows"] == 20
    assert found["energy_pJ"]["cache"] > 0
    assert found["energy_pJ"]["cache_leakage"] > 0
    assert found["totals"]["energy_pJ"] == pytest.approx(sum(found["energy_pJ"].values()))
    assert found["placement"]["gain"]["energy_pJ"] > 1
    assert run(line) == 0
    shown = capsys.readouterr().out
    assert f"{found['placement']['cached_requests']:,} requests served by a cache of 20 rows, 2.56 kB, " in shown


def test_a_text_is_counted_by_requests(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its number of requests is known when it has been read; a row of 128 bytes takes two accesses."""
    assert run("convert t.parquet t.txt") == 0
    capsys.readouterr()
    assert run("run t.txt --hw ddr4_2400 --format json") == 0
    totals = json.loads(capsys.readouterr().out)["totals"]
    assert (totals["requests"], totals["accesses"]) == (3000, 6000)


@pytest.mark.parametrize("policy", ["fcfs", "frfcfs"])
@pytest.mark.parametrize("memory", [*device_names(), *shipped_files()])
def test_every_shipped_memory_and_description_runs(
    memory: str, policy: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With `totals.cycles` and the energy split; the traces are short, so that no kernel is compiled for them."""
    (here / "short.txt").write_text("# pimsim trace 1\n# table a 9 64\ntable row\n" + "a 3\na 5\n" * 20)
    assert run(f"run short.txt --hw {memory} --policy {policy} --format json") == 0
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert found["totals"]["cycles"] > 0
    assert found["totals"]["energy_pJ"] == pytest.approx(sum(found["energy_pJ"].values()))
    assert found["energy_pJ"]["read"] > 0


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("run t.parquet", "trace run: the following arguments are required: --hw"),
        (
            "run t.parquet --hw ddr4_240",
            "no file 'ddr4_240', and no memory or hardware description of that name is shipped; did you mean 'ddr4_2",
        ),
        (
            "run t.parquet --hw ddr4_2400 --policy frfcf",
            "trace run: argument --policy: must be one of fcfs, frfcfs; got",
        ),
        ("run t.parquet --hw ddr4_2400 --hot-rows 5", "trace run: --hot-rows is of --placement frequency-aware"),
        ("run t.parquet --hw ddr4_2400 --units bank", "trace run: --units says what a --placement places on; give one"),
        ("run t.parquet --hw ddr4_2400 --mapping ro", "policy: mapping names each of ro co ba bg ra pc ch once"),
        (
            "run a.txt --hw ddr4_2400 --placement size-balanced",
            "a trace of table rows is needed; this one has addresses",
        ),
        (
            "run t.parquet --hw ddr4_2400 --placement round-robin --set organisation.rows=1 --set organisation.ranks=1",
            "the 2 tables take 1,280,000 bytes (the largest, 't0', 640,000); 16 banks of 8,192 bytes hold 131,072",
        ),
        (
            "run t.parquet --hw ddr4_2400 --placement frequency-aware --profile other.txt",
            "--profile: other.txt is of other tables than the trace",
        ),
    ],
)
def test_an_error_is_one_line(here: Path, line: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "a.txt").write_text("0x40 R\n")
    (here / "other.txt").write_text("# pimsim trace 1\n# table a 5 4\ntable row\na 4\n")
    assert run(line) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"pimsim: error: {said}")
    assert error.count("\n") == 1
