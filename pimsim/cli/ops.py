"""`pimsim ops`: how each operator of a model would be treated, before any cost."""

from __future__ import annotations

import argparse
import json

from pimsim.cli.binding import add_binding_options, load_bound_model
from pimsim.cli.output import deliver, show, targets
from pimsim.cli.parsing import Parser, choice

NODE_KEYS = ("name", "op", "treatment", "count", "macs", "weight_bytes", "note")
GROUP_KEYS = ("op", "treatment", "nodes", "executions", "macs", "weight_bytes")


def parser() -> Parser:
    """The options of `pimsim ops`."""
    made = Parser(
        "pimsim ops",
        "How each operator of a model would be treated, and its share of MACs and weight bytes, before any cost.",
        "example: pimsim ops model.onnx --batch 1",
    )
    made.add_argument("model", metavar="MODEL", help="ONNX model")
    add_binding_options(made, unknown_ops=False)
    made.add_argument("--all", action="store_true", help="list every node, too")
    made.add_argument(
        "--format", type=choice("table", "json", "csv"), default="table", metavar="table|json|csv", help="form"
    )
    made.add_argument("--out", metavar="FILE", help="write it to FILE instead of printing it")
    return made


def execute(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code (0 also where operators are not understood: they are listed)."""
    from pimsim.report.coverage import coverage_sections, grouped, to_dict

    target = targets(out=options.out).get("out")
    workload = load_bound_model(options.model, options, "list")
    if options.format == "json":
        deliver(json.dumps(to_dict(workload, every_node=options.all), allow_nan=False, indent=1) + "\n", target)
    elif options.format == "csv":
        from pimsim.report.tabular import csv_text

        keys, items = (NODE_KEYS, workload.nodes) if options.all else (GROUP_KEYS, grouped(workload))
        deliver(csv_text(keys, ([getattr(item, key) for key in keys] for item in items)), target)
    elif target is not None:
        from pimsim.report.text import render

        deliver(render(coverage_sections(workload, every_node=options.all)), target)
    else:
        show(coverage_sections(workload, every_node=options.all))
    return 0
