"""Does `pimsim trace run` take a memory with adders near its banks, and say what it gains over the plain one?"""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pytest

from pimsim.cli.main import main
from pimsim.memory.near.run import run_near, run_plain
from pimsim.memory.near.spec import load_near
from pimsim.memory.near.trace import bags_of
from pimsim.memory.policy import Policy
from pimsim.memory.traces import open_trace

TEXT = "# pimsim trace 1\n# table users 100 64\nbag table row\n0 users 3\n0 users 17\n1 users 5\n"


def run(line: str) -> int:
    return main(["trace", *shlex.split(line)])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.txt").write_text(TEXT, "utf-8")
    return tmp_path


@pytest.mark.parametrize("name", ["trim_g", "upmem", "rerec"])
def test_totals_are_those_of_the_run(here: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(f"run t.txt --hw {name} --format json") == 0  # first ready first, also the plain memory
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    near, policy, trace = load_near(name), Policy(scheduler="frfcfs"), open_trace("t.txt")
    asked = bags_of(trace, near.memory)
    bags = asked.address, asked.first, asked.row_bytes
    expected, plain = run_near(near, policy, *bags), run_plain(near.memory, policy, *bags)
    assert found["totals"]["cycles"] == expected.cycles
    assert found["totals"]["energy_pJ"] == pytest.approx(sum(found["energy_pJ"].values()))
    assert (found["totals"]["requests"], found["totals"]["bags"]) == (3, 2)
    assert found["plain"]["totals"]["cycles"] == plain.cycles
    assert found["gain"]["time"] == pytest.approx(plain.time_ns / expected.time_ns)


def test_a_file_of_ones_own_and_a_table(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "name: mine\ndescription: adders at ranks\nsource: mine\nlevel: rank\nmemory: ddr4_2400\nbanks: {}\n"
    (here / "mine.yaml").write_text(text, "utf-8")
    assert run("run t.txt --hw mine.yaml --set device.organisation.ranks=4") == 0
    shown = capsys.readouterr().out
    assert "mine: adders at ranks" in shown
    assert "gain in time" in shown
    assert "reduction" in shown


def test_a_placement_is_refused(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("run t.txt --hw trim_g --placement round-robin") == 2
    assert "--placement is of plain memories and of crossbars; here rows take turns" in capsys.readouterr().err
