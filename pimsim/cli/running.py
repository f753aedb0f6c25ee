"""How the commands `pimsim` and `nas` run: pick one of their own commands, turn errors into messages and exit codes.

Exit codes: 0 done, 1 internal fault (with its traceback), 2 bad input or usage, 130 interrupted, 141 closed pipe.
Only the module of the command that was asked for is imported: start-up time is part of every run.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pimsim.errors import InputError, printable


@dataclass(frozen=True)
class Program:
    """A program of several commands. package: where a module of each command's name stands, with `parser` and
    `execute`. about, example: for its help. commands: name -> what it does."""

    name: str
    package: str
    about: str
    example: str
    commands: Mapping[str, str]

    def run(self, arguments: Sequence[str] | None) -> int:
        """Run one command; returns the exit code. Internal faults propagate, so that Python prints their traceback."""
        given = list(sys.argv[1:] if arguments is None else arguments)
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")  # a name must not stop the output on an ASCII terminal
        try:
            code = self._dispatch(given)
            sys.stdout.flush()
        except InputError as error:
            sys.stdout.flush()
            for problem in error.problems:
                print(f"{self.name}: error: {problem}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            print(f"{self.name}: interrupted", file=sys.stderr)
            return 130
        except BrokenPipeError:
            # The reader has gone (| head). Python would complain once more when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 141
        return code

    def _dispatch(self, given: list[str]) -> int:
        if not given:
            print(self._usage(), file=sys.stderr)
            return 2
        first, rest = given[0], given[1:]
        if first in ("-h", "--help", "help"):
            print(self._usage())
            return 0
        if first in ("-V", "--version"):
            print(f"{self.name} {_version()}")
            return 0
        if first not in self.commands:
            from pimsim.cli.parsing import did_you_mean

            kind = "option" if first.startswith("-") else "command"
            near = did_you_mean(first, [*self.commands, "--help", "--version"])
            listed = ", ".join(self.commands)
            raise InputError(f"unknown {kind} '{printable(first, 60)}'{near} (commands: {listed})")
        command = importlib.import_module(f"{self.package}.{first}")
        try:
            code: int = command.execute(command.parser().parse(rest))
        except SystemExit as leaving:  # argparse after --help
            return int(leaving.code or 0)
        return code

    def _usage(self) -> str:
        name = self.name
        lines = [f"usage: {name} COMMAND [options]", "", self.about, "", "commands:"]
        lines += [f"  {command:<9} {text}" for command, text in self.commands.items()]
        lines += ["", f"'{name} COMMAND --help' lists the options of a command; '{name} --version' prints the version."]
        lines += ["", f"example: {self.example}"]
        return "\n".join(lines)


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("pimsim")
    except PackageNotFoundError:
        return "(run from a source tree, not installed)"
