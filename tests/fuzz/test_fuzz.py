"""Mutants of models and of hardware files end in a result or a clear error, and nothing else happens."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import isolated
import judge
import pytest
import rogue

LONGEST_S = 5.0
STAGES = ("parsed", "checked", "loaded", "simulated")


def judged(seeds: list[int], workers: int) -> list[tuple[int, judge.Verdict]]:
    """Every seed's verdict; a process that died or hung is a verdict too."""
    outcomes = isolated.run(judge.make_judge, seeds, workers=workers, limit_s=LONGEST_S)
    assert sorted(seed for seed, _ in outcomes) == sorted(seeds)
    return [(seed, judge.Verdict((), fault=v.how) if isinstance(v, isolated.Lost) else v) for seed, v in outcomes]


def shares(verdicts: list[tuple[int, judge.Verdict]], what: str) -> Counter[str]:
    """How many reached each stage, printed as shares."""
    reached = Counter(stage for _, verdict in verdicts for stage in verdict.stages)
    shown = ", ".join(f"{stage} {reached[stage]} ({reached[stage] / len(verdicts):.0%})" for stage in STAGES)
    print(f"{len(verdicts)} mutants of {what}: {shown}")
    return reached


def faults(verdicts: list[tuple[int, judge.Verdict]]) -> str:
    """One paragraph a distinct fault, with the seeds that show it."""
    found: dict[str, list[int]] = {}
    for seed, verdict in verdicts:
        if verdict.fault:
            found.setdefault(verdict.fault, []).append(seed)
    return "\n".join(f"seeds {seeds[:5]} ({len(seeds)} in all): {fault}" for fault, seeds in found.items())


def test_a_few_hundred_mutants() -> None:
    models = judged(list(range(200)), workers=1)
    files = judged([judge.YAML_SEEDS + i for i in range(100)], workers=1)
    assert not faults(models + files)
    assert shares(models, "models")["checked"] > 60
    assert shares(files, "hardware files")["simulated"] > 5


@pytest.mark.slow
def test_ten_thousand_mutants() -> None:
    models = judged(list(range(7_500)), workers=os.cpu_count() or 1)
    files = judged([judge.YAML_SEEDS + i for i in range(2_300)], workers=os.cpu_count() or 1)
    of_models, of_files = shares(models, "models"), shares(files, "hardware files")
    assert not faults(models + files)
    assert of_models["parsed"] >= 5_000
    assert of_models["checked"] >= 2_000
    assert of_models["simulated"] >= 1_000
    assert of_files["simulated"] >= 100


@pytest.mark.slow
def test_two_hundred_mutants_by_the_command(tmp_path: Path) -> None:
    """Each in a process of its own: exit code 0 or 2, errors on stderr without a traceback, no file left."""
    seeds = [*range(20_000, 20_150), *range(judge.YAML_SEEDS + 20_000, judge.YAML_SEEDS + 20_050)]
    ended: Counter[int] = Counter()
    for seed in seeds:
        folder = tmp_path / str(seed)
        folder.mkdir()
        arguments = judge.write_mutant(seed, folder)
        before = sorted(os.listdir(folder))
        done = subprocess.run(
            [sys.executable, "-m", "pimsim", *arguments],
            capture_output=True,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
            timeout=60,
            check=False,
        )
        ended[done.returncode] += 1
        errors = done.stderr.decode()
        assert done.returncode in (0, 2), (seed, errors)
        assert "Traceback" not in errors, seed
        assert (done.returncode == 0) == bool(done.stdout), seed
        assert not judge.unclear(errors) or done.returncode == 0, (seed, errors)
        assert sorted(os.listdir(folder)) == before, seed
    print(f"{len(seeds)} mutants by the command, exit codes: {dict(ended)}")
    assert ended[0] >= 30
    assert ended[2] >= 50


def test_a_crash_and_a_hang_are_told() -> None:
    outcomes = isolated.run(rogue.make_task, ["a", "die", "hang", "b"], workers=1, limit_s=1.0)
    told = {item: how.how if isinstance(how, isolated.Lost) else how for item, how in outcomes}
    assert told == {"a": "A", "b": "B", "die": "died with exit code -9", "hang": "took more than 1.0 s"}
