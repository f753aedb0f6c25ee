"""`pimsim trace`: make, convert, describe and run traces of requests to embedding tables."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Any

from pimsim.cli.parsing import did_you_mean
from pimsim.errors import InputError, printable

ACTIONS = {
    "make": "a trace of a given kind: zipf, uniform, production, reuse, stream",
    "convert": "a trace from one form to another",
    "stat": "unique rows, reuse distances, hot rows, with a picture",
    "run": "how long a memory takes over it, and what that costs",
}


class Actions:
    """Parses as `Parser` does, with the options of the action that the first word names."""

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """The options, with the `action`. Raises InputError for an action that is not there."""
        first = arguments[0] if arguments else ""
        if first in ("-h", "--help"):
            print(_usage())
            sys.exit(0)
        if first not in ACTIONS:
            got = f"unknown action '{printable(first, 60)}'{did_you_mean(first, ACTIONS)}" if first else "what to do?"
            raise InputError(f"trace: {got} (actions: {', '.join(ACTIONS)})")
        options: argparse.Namespace = _module(first).parser().parse(arguments[1:])
        options.action = first
        return options


def parser() -> Actions:
    """The options of `pimsim trace`."""
    return Actions()


def execute(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code. Raises InputError for what is wrong with options or files."""
    code: int = _module(options.action).execute(options)
    return code


def _module(action: str) -> Any:
    return importlib.import_module(f"pimsim.cli.trace_{action}")


def _usage() -> str:
    lines = ["usage: pimsim trace ACTION [options]", "", "Requests to embedding tables.", "", "actions:"]
    lines += [f"  {name:<8} {text}" for name, text in ACTIONS.items()]
    lines += ["", "'pimsim trace ACTION --help' lists the options of an action.", ""]
    return "\n".join([*lines, "example: pimsim trace make --kind zipf --requests 1000000 --seed 1 --out zipf.parquet"])
