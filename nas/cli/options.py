"""What the commands of `nas` share: the parser, the store's option, a stop that waits for the step to end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from pimsim.cli.parsing import Parser as PimsimParser
from pimsim.cli.parsing import whole
from pimsim.errors import InputError, printable

STORE = "nas-runs"


class Parser(PimsimParser):
    """As pimsim's, with the usage errors of `nas`."""

    def error(self, message: str) -> NoReturn:
        """Raise the usage error as InputError, with where to find help."""
        command = self.prog.removeprefix("nas ")
        raise InputError(f"{command}: {printable(message, 600)} ('{self.prog} --help' lists the options)")

    def add_store(self) -> None:
        """--store."""
        self.add_argument("--store", default=STORE, metavar="FOLDER", help=f"where runs are recorded (default {STORE})")

    def add_run(self, help: str, optional: bool = False) -> None:
        """The number of a run."""
        self.add_argument("run", type=whole(1, 2**62), metavar="RUN", help=help, nargs="?" if optional else None)


@contextmanager
def asked_to_stop() -> Iterator[Callable[[], bool]]:
    """A function that says whether the user (Ctrl-C) or the system (SIGTERM) has asked to stop; a second Ctrl-C stops
    at once. Outside the main thread signals stay as they are."""
    asked = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
