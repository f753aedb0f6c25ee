"""Are the README's commands the ones that are tried, and is what it prints what the commands print?"""

import os
import subprocess
from pathlib import Path

import pytest

from validation import readme

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def command(name: str) -> str:
    """The fenced command under the marker `<!-- command: NAME -->`."""
    _, behind = README.split(f"<!-- command: {name} -->\n```bash\n")
    return behind.split("\n```")[0]


def test_the_first_screen_shows_both_commands() -> None:
    first_screen = "\n".join(README.splitlines()[:24])
    assert command("demo") in first_screen
    assert command("test") in first_screen
    assert first_screen.count("```bash") == 2


def test_both_commands_set_up_in_the_same_words() -> None:
    set_up, _, job = command("demo").rpartition(" && ")
    assert (set_up, job) == (command("test").rpartition(" && ")[0], ".venv/bin/pimsim demo")
    assert command("test").endswith(" && .venv/bin/python -m pytest")


@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="the checks are a bash script")
@pytest.mark.parametrize("name", ["demo", "test"])
def test_ci_runs_the_readmes_very_words(name: str) -> None:
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert f"\nrun_readme_command {name}\n" in script
    function = script[script.index("readme_command() {") : script.index("step()")]
    printed = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", f"{function}\nreadme_command {name}"],
        env={**os.environ, "checkout": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout.rstrip("\n") == command(name)


def test_ci_is_executable_and_ends_with_the_tests() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert (ROOT / ".ci" / "run").read_text("utf-8").rstrip().endswith("run_readme_command test")


@pytest.mark.slow
def test_the_readme_shows_what_its_commands_print() -> None:
    pytest.importorskip("torch")  # pimsim demo makes the models that the other commands read
    printed = readme.rerun(README)
    assert printed == README, "python -m validation.readme --write\n" + readme.difference(README, printed)


def test_a_number_that_went_stale_is_shown() -> None:
    stale = "```console\n$ echo 41\n40\n```\n\n```python\nprint(6 * 7)\n```\n\n```text\n41\n```\n"
    printed = readme.rerun(stale)
    assert printed == stale.replace("\n40\n", "\n41\n").replace("text\n41\n", "text\n42\n")
    assert "-40\n+41\n" in readme.difference(stale, printed)


def test_a_command_that_fails_is_not_taken_for_output() -> None:
    with pytest.raises(RuntimeError, match="ends with exit code 3:\noops"):
        readme.rerun("```console\n$ echo oops; exit 3\n```\n")
