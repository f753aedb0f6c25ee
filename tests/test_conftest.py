"""Does the whole suite go through two processes, and what is named through one?"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
PLAIN = {"keyword": "", "usepdb": False, "trace": False, "capture": "fd", "numprocesses": None, "tx": [], "dist": "no"}


@pytest.fixture
def distributed(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> Any:
    """(processes, how tests are dealt out) for arguments given in the root of the checkout."""
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    hook = pytestconfig.pluginmanager.get_plugin(str(ROOT / "tests" / "conftest.py")).pytest_cmdline_main

    def found(*args: str, installed: bool = True, **options: Any) -> tuple[int | None, str]:
        config = SimpleNamespace(
            option=SimpleNamespace(**{**PLAIN, **options}),
            args=list(args),
            invocation_params=SimpleNamespace(dir=ROOT),
            pluginmanager=SimpleNamespace(hasplugin={"xdist": installed}.get),
        )
        hook(config)
        return config.option.numprocesses, config.option.dist

    return found


@pytest.mark.parametrize("whole", ["tests", "tests/", ".", str(ROOT / "tests")])
def test_the_whole_suite_goes_through_two_processes(distributed: Any, whole: str) -> None:
    assert distributed(whole) == (2, "loadfile")


def test_what_is_named_stays_in_one_process(distributed: Any) -> None:
    for named in (["tests/memory"], ["tests/test_demo.py"], ["tests/test_demo.py::test_x"], ["tests", "tests/memory"]):
        assert distributed(*named) == (None, "no")


@pytest.mark.parametrize("given", [{"keyword": "x"}, {"usepdb": True}, {"trace": True}, {"capture": "no"}])
def test_options_that_want_one_process_get_it(distributed: Any, given: dict[str, Any]) -> None:
    assert distributed("tests", **given) == (None, "no")


def test_a_choice_is_left_alone(distributed: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert distributed("tests", numprocesses=0) == (0, "no")
    assert distributed("tests", numprocesses=4, dist="worksteal") == (4, "worksteal")
    assert distributed("tests", installed=False) == (None, "no")
    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    assert distributed("tests") == (None, "no"), "a process of the suite does not divide it again"
