"""Do the commands, the configuration and the list of models in docs/training.md hold?"""

import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

import nas
from nas.cli.main import COMMANDS
from nas.training.config import load_run
from nas.training.models import MODELS
from nas.training.supernet import load_supernet_run

PAGE = (Path(nas.__file__).resolve().parents[1] / "docs" / "training.md").read_text("utf-8")
LINES = [line for line in PAGE.split("```bash\n")[1].split("```")[0].splitlines() if line]


@pytest.mark.parametrize("line", LINES)
def test_every_command_parses(line):
    program, command, *rest = shlex.split(line, comments=True)
    assert program == "nas"
    assert command in COMMANDS
    import_module(f"nas.cli.{command}").parser().parse(rest)


def test_the_configuration_is_one(tmp_path):
    path = tmp_path / "train.yaml"
    path.write_text(PAGE.split("```yaml\n")[1].split("```")[0])
    run = load_run(path)
    assert (run.name, run.model_name, run.training.embedding_l2) == ("adult", "deepfm", 1e-5)


def test_the_configuration_of_a_supernet_is_one(tmp_path):
    path = tmp_path / "supernet.yaml"
    path.write_text(PAGE.split("```yaml\n")[2].split("```")[0])
    run = load_supernet_run(path)
    assert (run.space.space().blocks, run.supernet.full_steps) == (4, 1000)


def test_every_model_is_listed():
    assert re.findall(r"^\| `(\w+)` \|", PAGE, re.M) != []
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.M)) == set(MODELS)
