"""Where the answer goes: terminal, pipe or file."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pimsim.errors import InputError, printable
from pimsim.report.atomic import check_target

if TYPE_CHECKING:
    from pimsim.report.sections import Section


def say(text: str) -> None:
    """One line about the run (a file written, a warning) to stderr, so that stdout holds only the answer."""
    print(text, file=sys.stderr)


def show(sections: Sequence[Section]) -> None:
    """Print sections: with rich on a terminal, as plain aligned text otherwise."""
    if sys.stdout.isatty():
        from rich.console import Console

        from pimsim.report.richly import renderable

        Console().print(renderable(sections))
    else:
        from pimsim.report.text import render

        sys.stdout.write(render(sections))


def targets(**options: str | None) -> dict[str, Path]:
    """Option -> file to write, all checked before any work is done; InputError when two are the same file."""
    found: dict[str, Path] = {}
    for option, path in options.items():
        if path is None:
            continue
        target = check_target(path, f"--{option}")
        for other, taken in found.items():
            if os.path.realpath(taken) == os.path.realpath(target) and str(target) != os.devnull:
                raise InputError(f"--{other} and --{option} name the same file: {printable(target)}")
        found[option] = target
    return found


def deliver(text: str, target: Path | None) -> None:
    """`text` to `target` (whole or not at all), or to stdout."""
    if target is None:
        sys.stdout.write(text)
        return
    from pimsim.report.atomic import write_atomic

    write_atomic(target, text)
    say(f"wrote {printable(target)}")
