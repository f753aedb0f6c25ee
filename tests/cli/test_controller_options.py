"""Do the controller's options of `pimsim trace run` reach the engine, and does a wrong one say what is wrong?"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from pimsim.cli.main import main


def run(line: str) -> int:
    return main(["trace", *shlex.split(line)])


@pytest.fixture
def answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """The answer of `trace run` on DDR4-2400 with some options."""
    monkeypatch.chdir(tmp_path)
    lines = "\n".join(f"0x{64 * 509 * (n * 7919 % 5003):x} {'W' if n % 3 == 0 else 'R'}" for n in range(1500))
    Path("a.trace").write_text(lines + "\n", "utf-8")

    def asked(options: str) -> dict[str, Any]:
        capsys.readouterr()
        assert run(f"run a.trace --hw ddr4_2400 --format json {options}") == 0
        return json.loads(capsys.readouterr().out)  # type: ignore[no-any-return]

    return asked


def test_the_settings_are_those_of_the_policy(answers: Any) -> None:
    policy = answers("--policy frfcfs --write-queue 16 --hit-cap 4 --postpone 8 --page closed")["policy"]
    assert (policy["write_queue"], policy["drain_high"], policy["drain_low"]) == (16, 12, 4)
    assert (policy["hit_cap"], policy["postpone"], policy["page"]) == (4, 8, "closed")


def test_a_write_buffer_changes_the_order(answers: Any) -> None:
    plain, buffered = answers("--policy frfcfs"), answers("--policy frfcfs --write-queue 32")
    assert plain["counts"]["write"] == buffered["counts"]["write"] == 500
    assert buffered["totals"]["cycles"] < plain["totals"]["cycles"]


def test_power_down_saves_background_energy_alone(answers: Any) -> None:
    up, down = answers(""), answers("--power-down 0")
    assert down["energy_pJ"].pop("background") < up["energy_pJ"].pop("background")
    assert down["energy_pJ"] == up["energy_pJ"]
    assert down["counts"]["power_downs"] > 0
    assert sum(down["residency"].values()) == sum(up["residency"].values())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--hw ddr4_2400 --write-queue 8", "a write_queue needs scheduler 'frfcfs'"),
        ("--hw ddr4_2400 --postpone 9", "argument --postpone:"),
        ("--hw pcm --power-down 5", "pcm: its file says nothing of power-down"),
        ("--hw trim_g --power-down 5", "trace run: --power-down is of plain memories"),
        ("--hw pcm --refresh per_bank --policy frfcfs", ""),
    ],
)
def test_what_does_not_go_together_is_said(
    answers: Any, capsys: pytest.CaptureFixture[str], options: str, said: str
) -> None:
    answers("")
    code = run(f"run a.trace {options}")
    assert code == (2 if said else 0)
    assert said in capsys.readouterr().err
