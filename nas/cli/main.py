"""`nas`: picks the command, and turns its errors into messages and exit codes.

Exit codes: 0 done, 1 internal fault (with its traceback), 2 bad input or usage, 130 interrupted, 141 closed pipe.
Only the module of the command that was asked for is imported.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

from pimsim.errors import InputError, printable

COMMANDS = {
    "train": "train a model on click data, or resume a run",
    "tune": "train a model at the points of a grid, choose on validation",
    "supernet": "train the shared weights of a search space",
    "search": "search a space with the shared weights of its supernet",
    "eval": "measure a finished run on validation or test",
    "export": "write an architecture as an ONNX file",
    "runs": "the runs of a store, or one with its history",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. Internal faults propagate, so that Python prints their traceback."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _dispatch(given)
        sys.stdout.flush()
    except InputError as error:
        sys.stdout.flush()
        for problem in error.problems:
            print(f"nas: error: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("nas: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader has gone (| head). Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return code


def _dispatch(given: list[str]) -> int:
    if not given:
        print(_usage(), file=sys.stderr)
        return 2
    first, rest = given[0], given[1:]
    if first in ("-h", "--help", "help"):
        print(_usage())
        return 0
    if first not in COMMANDS:
        from pimsim.cli.parsing import did_you_mean

        kind = "option" if first.startswith("-") else "command"
        near = did_you_mean(first, [*COMMANDS, "--help"])
        raise InputError(f"unknown {kind} '{printable(first, 60)}'{near} (commands: {', '.join(COMMANDS)})")
    command = importlib.import_module(f"nas.cli.{first}")
    try:
        code: int = command.execute(command.parser().parse(rest))
    except SystemExit as leaving:  # argparse after --help
        return int(leaving.code or 0)
    return code


def _usage() -> str:
    lines = ["usage: nas COMMAND [options]", "", "Architecture search with hardware in the loop.", "", "commands:"]
    lines += [f"  {name:<9} {text}" for name, text in COMMANDS.items()]
    lines += ["", "'nas COMMAND --help' lists the options of a command."]
    lines += ["", "example: nas train --config train.yaml --set model.name=dcnv2 --set training.seed=1"]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
