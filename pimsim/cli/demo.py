"""`pimsim demo`: two models that the project makes itself, run on the general default."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pimsim.cli.output import say
from pimsim.cli.parsing import Parser
from pimsim.cli.run import answer
from pimsim.errors import printable

HARDWARE = "reram_128"


def parser() -> Parser:
    """The options of `pimsim demo`."""
    made = Parser("pimsim demo", f"Make a small CNN and a small CTR model as ONNX files and run both on {HARDWARE}.")
    made.add_argument("--out", default="pimsim-demo", metavar="DIR", help="folder for the models (pimsim-demo)")
    return made


def execute(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code."""
    from pimsim.demo import run_demo
    from pimsim.engine import simulate
    from pimsim.graph import load_model
    from pimsim.hardware.load import load_hardware

    paths = run_demo(Path(options.out))
    hardware = load_hardware(HARDWARE)
    for path in paths:
        print(f"\n$ pimsim run --hw {HARDWARE} --model {printable(path)}\n")
        answer(simulate(load_model(path), hardware), "table", None)
    sys.stdout.flush()
    say(f"\nthe models are in {printable(options.out)}; run them on other hardware: 'pimsim configs' lists it")
    return 0
