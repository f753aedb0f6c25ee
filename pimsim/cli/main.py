"""`pimsim`: picks the command, and turns its errors into messages and exit codes.

Exit codes: 0 done, 1 internal fault (with its traceback), 2 bad input or usage, 130 interrupted, 141 closed pipe.
Only the module of the command that was asked for is imported: start-up time is part of every run.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Sequence

from pimsim.errors import InputError, printable

COMMANDS = {
    "run": "energy, latency and area of a model on a hardware description",
    "ops": "how each operator of a model would be treated, before any cost",
    "configs": "the hardware descriptions: list, show, check, schema",
    "explain": "where each price of a hardware description comes from",
    "macro": "one array by itself: TOPS, TOPS/W, TOPS/mm2, as papers print them",
    "sweep": "a model over a design space: all of it, a sample, or a search",
    "pareto": "the best points of a sweep, their picture and files",
    "compare": "two results side by side",
    "validate": "published results against ours",
    "demo": "make a small CNN and a small CTR model and run both",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. Internal faults propagate, so that Python prints their traceback."""
    # One answer and out: collecting cycles among what is imported and read costs a tenth of the run and frees nothing.
    gc.set_threshold(200_000, 20, 50)
    given = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a node name must not stop the output on an ASCII terminal
    try:
        code = _dispatch(given)
        sys.stdout.flush()
    except InputError as error:
        sys.stdout.flush()
        for problem in error.problems:
            print(f"pimsim: error: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("pimsim: interrupted", file=sys.stderr)
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
    if first in ("-V", "--version"):
        print(f"pimsim {_version()}")
        return 0
    if first not in COMMANDS:
        from pimsim.cli.parsing import did_you_mean

        kind = "option" if first.startswith("-") else "command"
        near = did_you_mean(first, [*COMMANDS, "--help", "--version"])
        raise InputError(f"unknown {kind} '{printable(first, 60)}'{near} (commands: {', '.join(COMMANDS)})")
    command = importlib.import_module(f"pimsim.cli.{first}")
    try:
        code: int = command.execute(command.parser().parse(rest))
    except SystemExit as leaving:  # argparse after --help
        return int(leaving.code or 0)
    return code


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("pimsim")
    except PackageNotFoundError:
        return "(run from a source tree, not installed)"


def _usage() -> str:
    about = "What does a neural network cost on processing-in-memory hardware?"
    lines = ["usage: pimsim COMMAND [options]", "", about, "", "commands:"]
    lines += [f"  {name:<9} {text}" for name, text in COMMANDS.items()]
    lines += ["", "'pimsim COMMAND --help' lists the options of a command; 'pimsim --version' prints the version."]
    lines += ["", "example: pimsim run --hw reram_128 --model model.onnx"]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
