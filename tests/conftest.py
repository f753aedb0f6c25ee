"""Settings that hold for every test."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples in every run, and no deadline: a busy machine must not turn a right answer into a failure.
settings.register_profile("pimsim", derandomize=True, deadline=None)
settings.load_profile("pimsim")

TESTS = Path(__file__).resolve().parent
PROCESSES = 2  # the suite is kept short on two cores; more processes compile more kernels twice


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """The whole suite goes through two processes, a file at a time, so that fixtures of a file are made once. Files and
    tests that are named stay in this process, which is there already; so does all with `-n 0`, `-s` or `--pdb`."""
    asked = config.option
    whole = {(config.invocation_params.dir / name).resolve() for name in config.args} <= {TESTS, TESTS.parent}
    alone = asked.keyword or asked.usepdb or asked.trace or asked.capture == "no" or "PYTEST_XDIST_WORKER" in os.environ
    if whole and not alone and config.pluginmanager.hasplugin("xdist") and asked.numprocesses is None and not asked.tx:
        asked.numprocesses, asked.dist = PROCESSES, "loadfile"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Quick tests first, so that a plain mistake shows at once."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)
