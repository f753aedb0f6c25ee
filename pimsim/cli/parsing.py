"""Command-line parsing: argparse with errors of one line, the nearest valid name, and typed values.

argparse and not typer, by measurement: importing typer costs 70 ms, a fifth of what a whole `pimsim run` may take.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from pimsim.errors import InputError, printable

LARGEST_DIMENSION = 2**53
_NEGATIVE = re.compile(r"-\d+(\.\d*)?$")


class Parser(argparse.ArgumentParser):
    """An argument parser that raises InputError instead of leaving the process."""

    def __init__(self, prog: str, description: str, epilog: str | None = None):
        super().__init__(
            prog=prog,
            description=description,
            epilog=epilog,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def error(self, message: str) -> NoReturn:
        """Raise the usage error as InputError, with where to find help."""
        command = self.prog.removeprefix("pimsim ")
        raise InputError(f"{command}: {printable(message, 600)} ('{self.prog} --help' lists the options)")

    def parse(self, arguments: Sequence[str]) -> argparse.Namespace:
        """The parsed `arguments`. An unknown option is reported before a missing one: it is the likelier cause."""
        for token in arguments:
            if token == "--":
                break
            if not token.startswith("-") or token == "-" or " " in token or _NEGATIVE.match(token):
                continue
            name = token.partition("=")[0]
            if name not in self._option_string_actions and not self._is_short(name):
                self.error(f"unknown option {name}{did_you_mean(name, self._option_string_actions)}")
        return self.parse_args(arguments)

    def _is_short(self, name: str) -> bool:
        return not name.startswith("--") and name[:2] in self._option_string_actions


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """'; did you mean X?' for the nearest of `known`, or nothing."""
    import difflib

    near = difflib.get_close_matches(name[:64], [k for k in known if len(k) > 2], n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else ""


def whole(low: int, high: int) -> Callable[[str], int]:
    """A parser of whole numbers from `low` to `high`."""

    def parse(text: str) -> int:
        value = int(text) if re.fullmatch(r"[+-]?\d{1,18}", text, re.ASCII) else None
        if value is None or not low <= value <= high:
            raise argparse.ArgumentTypeError(
                f"must be a whole number from {low} to {high:,}; got '{printable(text, 40)}'"
            )
        return value

    return parse


def choice(*allowed: str) -> Callable[[str], str]:
    """A parser of one of `allowed`."""

    def parse(text: str) -> str:
        if text not in allowed:
            raise argparse.ArgumentTypeError(
                f"must be one of {', '.join(allowed)}; got '{printable(text, 40)}'{did_you_mean(text, allowed)}"
            )
        return text

    return parse


def dimension(text: str) -> tuple[str, int]:
    """'name=value' -> (name, value)."""
    name, equals, value = text.rpartition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"must be name=value, e.g. sequence=128; got '{printable(text, 80)}'")
    return name, whole(1, LARGEST_DIMENSION)(value)


def shape(text: str) -> tuple[str, tuple[int, ...]]:
    """'input=1x3x224x224' -> (input, (1, 3, 224, 224))."""
    name, equals, sizes = text.rpartition("=")
    if not equals or not name or not re.fullmatch(r"\d{1,16}([x,]\d{1,16}){0,63}", sizes, re.ASCII):
        raise argparse.ArgumentTypeError(
            f"must be input=sizes, e.g. image=1x3x224x224; got '{printable(text, 80)}'"
        )
    return name, tuple(whole(1, LARGEST_DIMENSION)(size) for size in re.split("[x,]", sizes))


def unique(pairs: Iterable[tuple[str, object]], option: str) -> dict[str, object]:
    """The pairs of a repeated option as a dict; InputError for a name given two values."""
    found: dict[str, object] = {}
    for name, value in pairs:
        if found.setdefault(name, value) != value:
            raise InputError(f"{option} {printable(name, 80)} is given twice, with two values")
    return found


def add_allow_code(group: Any) -> None:
    """Add --allow-code to a parser or to a group of its options."""
    group.add_argument(
        "--allow-code",
        action="store_true",
        help="let Python files run that the hardware file names as models of circuits",
    )
