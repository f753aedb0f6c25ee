"""The options that say how a model is read (`run` and `ops` share them)."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from pimsim.cli.parsing import LARGEST_DIMENSION, Parser, choice, dimension, shape, unique, whole

if TYPE_CHECKING:
    from pimsim.graph.workload import Workload


def add_binding_options(parser: Parser, *, unknown_ops: bool) -> None:
    """Add --batch, --dim, --shape, --trips, --branch and, for `run`, --unknown-ops."""
    group = parser.add_argument_group("how the model is read")
    group.add_argument(
        "--batch",
        type=whole(1, LARGEST_DIMENSION),
        metavar="N",
        help="size of the dynamic batch dimension; an inference is the whole batch",
    )
    group.add_argument(
        "--dim",
        type=dimension,
        action="append",
        default=[],
        metavar="NAME=SIZE",
        help="size of a named dynamic dimension (repeatable)",
    )
    group.add_argument(
        "--shape",
        type=shape,
        action="append",
        default=[],
        metavar="INPUT=1x3x224x224",
        help="whole shape of an input (repeatable)",
    )
    group.add_argument(
        "--trips",
        type=whole(1, LARGEST_DIMENSION),
        metavar="N",
        help="trips of loops whose number the model does not say",
    )
    group.add_argument(
        "--branch",
        type=choice("then", "else"),
        metavar="then|else",
        help="branch taken by every If; the dearer one when left out",
    )
    if unknown_ops:
        group.add_argument(
            "--unknown-ops",
            type=choice("digital", "skip", "error"),
            default="error",
            metavar="digital|skip|error",
            help="operators that are not understood: one operation an output element, no cost, or an error (default)",
        )


def load_bound_model(path: str, options: argparse.Namespace, unknown_ops: str) -> Workload:
    """The model at `path` with the options applied. Raises InputError as `load_model` does."""
    from pimsim.graph import load_model

    dims: Any = unique(options.dim, "--dim")
    shapes: Any = unique(options.shape, "--shape")
    return load_model(
        path,
        batch=options.batch,
        dims=dims,
        shapes=shapes,
        trips=options.trips,
        branch=options.branch,
        unknown_ops=unknown_ops,
    )
