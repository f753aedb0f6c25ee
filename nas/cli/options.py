"""What the commands of `nas` share: the parser, the store's option, a stop that waits for the step to end."""

from __future__ import annotations

import argparse
import json
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn, TypeVar

from pimsim.cli.parsing import Parser as PimsimParser
from pimsim.cli.parsing import whole
from pimsim.errors import InputError, printable
from pimsim.hardware.suggest import nearest

if TYPE_CHECKING:
    from pydantic import BaseModel

M = TypeVar("M", bound="BaseModel")
STORE = "nas-runs"
CONFIGS = Path(__file__).resolve().parents[1] / "configs"
"""Configurations that come with the package, for `--config NAME`."""


class Parser(PimsimParser):
    """As pimsim's, with the usage errors of `nas`."""

    def error(self, message: str) -> NoReturn:
        """Raise the usage error as InputError, with where to find help."""
        command = self.prog.removeprefix("nas ")
        raise InputError(f"{command}: {printable(message, 600)} ('{self.prog} --help' lists the options)")

    def add_store(self) -> None:
        """--store."""
        self.add_argument("--store", default=STORE, metavar="FOLDER", help=f"where runs are recorded (default {STORE})")

    def add_settings(self, keys: str) -> None:
        """--config and --set, for `settings`."""
        self.add_argument("--config", metavar="FILE", help=f"YAML file: {keys}, as the options")
        self.add_argument(
            "--set", action="append", default=[], metavar="KEY=VALUE", help="a value over the file's (repeatable)"
        )

    def add_run(self, help: str, optional: bool = False) -> None:
        """The number of a run."""
        self.add_argument("run", type=whole(1, 2**62), metavar="RUN", help=help, nargs="?" if optional else None)


def config_file(given: str | None) -> Path | None:
    """The file that `--config` means: an existing path wins, then a shipped name. InputError, with the nearest name,
    for what is neither and does not look like a path."""
    if given is None:
        return None
    shipped = {path.stem: path for path in sorted(CONFIGS.glob("*.yaml"))}
    name, path = given.removesuffix(".yaml"), Path(given)
    if not path.exists() and name in shipped:
        return shipped[name]
    if path.exists() or path.suffix or len(path.parts) > 1:
        return path
    near = nearest(given, list(shipped))
    meant = f"did you mean '{near}'?" if near else f"shipped: {', '.join(shipped)}"
    raise InputError(f"no file '{printable(given, 200)}', and no configuration of that name is shipped; {meant}")


def settings(options: argparse.Namespace, kind: type[M]) -> M:
    """The settings of `kind` out of --config, --set and the options of its fields' names that were given; the later
    wins. Raises InputError with every problem."""
    from pimsim.errors import Place
    from pimsim.hardware.load import load_path, validate_tree
    from pimsim.hardware.merge import apply_overrides
    from pimsim.hardware.yaml_source import Mapping

    names = [field.alias or name for name, field in kind.model_fields.items()]
    given = {name: getattr(options, name, None) for name in names}
    own = [f"{name}={json.dumps(value)}" for name, value in given.items() if value is not None]
    path = config_file(options.config)
    if path is not None:
        return load_path(path, kind, overrides=[*options.set, *own])
    return validate_tree(kind, apply_overrides(Mapping({}, Place(), 1, 1), [*options.set, *own]))[0]


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
