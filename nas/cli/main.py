"""`nas`: its commands; `pimsim.cli.running` picks one."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from pimsim.cli.running import Program

COMMANDS = {
    "train": "train a model on click data, or resume a run",
    "tune": "train a model at the points of a grid, choose on validation",
    "supernet": "train the shared weights of a search space",
    "search": "search a space with the shared weights of its supernet",
    "eval": "measure a finished run on validation or test",
    "export": "write an architecture as an ONNX file",
    "runs": "the runs of a store, or one with its history",
}

NAS = Program(
    "nas",
    "nas.cli",
    "Architecture search with hardware in the loop.",
    "nas train --config train.yaml --set model.name=dcnv2 --set training.seed=1",
    COMMANDS,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code. Internal faults propagate, so that Python prints their traceback."""
    return NAS.run(arguments)


if __name__ == "__main__":
    sys.exit(main())
