"""A task that dies or hangs on demand, for the test of `isolated`."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable


def task(item: str) -> str:
    """The item in capitals, unless it says what else to do."""
    if item == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    while item == "hang":
        pass
    return item.upper()


def make_task() -> Callable[[str], str]:
    """The task, as `isolated.run` wants it."""
    return task
