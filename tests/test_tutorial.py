"""Does the tutorial in CONTRIBUTING add a component, word for word, in under 40 lines?"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from pimsim.components import explain
from pimsim.hardware.load import load_hardware
from validation.networks import vgg8

PAGE = (Path(__file__).resolve().parent.parent / "CONTRIBUTING.md").read_text("utf-8")
SECTION = PAGE.split("## A component of your own, outside the tree")[1].split("\n## ")[0]
BLOCKS = re.findall(r"```(python|yaml|bash)\n(.*?)```", SECTION, re.DOTALL)
FILES = {text.splitlines()[0].removeprefix("# "): text for language, text in BLOCKS if language != "bash"}
COMMANDS = [line for language, text in BLOCKS if language == "bash" for line in text.splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def command(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    words = shlex.split(line)
    assert words[0] == "pimsim"
    return subprocess.run([sys.executable, "-m", *words], cwd=folder, capture_output=True, text=True, check=False)


def test_under_forty_lines() -> None:
    assert set(FILES) == {"ring_adc.py", "my_chip.yaml"}
    assert sum(len(text.splitlines()) for text in FILES.values()) < 40


def test_every_command_runs_and_the_price_is_the_files(folder: Path) -> None:
    (folder / "pimsim-demo").mkdir()
    onnx.save(vgg8(), folder / "pimsim-demo" / "resnet8_cifar10.onnx")  # any model; the demo's own needs torch
    assert len(COMMANDS) == 2
    for line in COMMANDS:
        done = command(line, folder)
        assert (done.returncode, done.stderr) == (0, ""), line
    rows = json.loads(command(COMMANDS[0] + " --format json", folder).stdout)
    assert rows[0]["value"] == pytest.approx(1.2e-3 * 2**8 / 2)
    assert rows[0]["source"].startswith("a ring oscillator")


def test_without_the_flag_nothing_runs(folder: Path) -> None:
    (folder / "ring_adc.py").write_text("raise SystemExit('it ran')")
    done = command(COMMANDS[0].replace(" --allow-code", ""), folder)
    assert done.returncode == 2
    assert "my_chip.yaml:6:12: crossbar.adc.model: 'ring_adc.py' is Python code, which runs with" in done.stderr
    assert "it ran" not in done.stderr + done.stdout


def test_the_rest_of_the_chip_stays(folder: Path) -> None:
    mine = load_hardware(folder / "my_chip.yaml", allow_code=True)
    plain = load_hardware("reram_128")
    assert explain(mine, "dac") == explain(plain, "dac")
    assert explain(mine, "adc") != explain(plain, "adc")
