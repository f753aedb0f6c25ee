"""`pimsim`: its commands; `pimsim.cli.running` picks one."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence

from pimsim.cli.running import Program

COMMANDS = {
    "run": "energy, latency and area of a model on a hardware description",
    "ops": "how each operator of a model would be treated, before any cost",
    "configs": "the hardware descriptions: list, show, check, schema",
    "explain": "where each price of a hardware description comes from",
    "macro": "one array by itself: TOPS, TOPS/W, TOPS/mm2, as papers print them",
    "sweep": "a model over a design space: all of it, a sample, or a search",
    "pareto": "the best points of a sweep, their picture and files",
    "compare": "two results side by side",
    "trace": "requests to embedding tables: make, convert, stat, run on a memory",
    "serve": "a model under requests: latency, queue, energy, saturation",
    "validate": "published results against ours",
    "demo": "make a small CNN and a small CTR model and run both",
}

PIMSIM = Program(
    "pimsim",
    "pimsim.cli",
    "What does a neural network cost on processing-in-memory hardware?",
    "pimsim run --hw reram_128 --model model.onnx",
    COMMANDS,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. Internal faults propagate, so that Python prints their traceback."""
    # One answer and out: collecting cycles among what is imported and read costs a tenth of the run and frees nothing.
    gc.set_threshold(200_000, 20, 50)
    return PIMSIM.run(arguments)


if __name__ == "__main__":
    sys.exit(main())
