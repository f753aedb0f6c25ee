"""Do the commands and the configuration in docs/search.md hold?"""

import shlex
from importlib import import_module
from pathlib import Path

import pytest

import nas
from nas.search.run import load_search_run

PAGE = (Path(nas.__file__).resolve().parents[1] / "docs" / "search.md").read_text("utf-8")
LINES = [line for line in PAGE.split("```bash\n")[1].split("```")[0].splitlines() if line]


@pytest.mark.parametrize("line", LINES)
def test_every_command_parses(line):
    program, command, *rest = shlex.split(line, comments=True)
    assert program == "nas"
    import_module(f"nas.cli.{command}").parser().parse(rest)


def test_the_configuration_is_one(tmp_path):
    path = tmp_path / "search.yaml"
    path.write_text(PAGE.split("```yaml\n")[1].split("```")[0])
    run = load_search_run(path)
    assert (run.supernet, run.hw, run.objective.limits()) == (1, "reram_128", {"area_mm2": 400.0})
    assert (run.search.generations, run.scoring.part) == (240, "head")
