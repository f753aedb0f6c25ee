"""`nas export`: an architecture as an ONNX file."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from nas.cli.options import Parser
from pimsim.cli.output import show
from pimsim.cli.parsing import choice, whole
from pimsim.errors import InputError, printable
from pimsim.report.sections import Facts

if TYPE_CHECKING:
    from nas.data.fields import Schema

LARGEST_SCHEMA = 1 << 24


def parser() -> Parser:
    """The options of `nas export`."""
    made = Parser(
        "nas export",
        "Write the network of an architecture file as ONNX. Its inputs are those of a schema (a JSON file), or so\n"
        "many dense columns and sparse fields. Weights come from a checkpoint of a run, or are drawn anew.",
        "example: nas export --arch A.json --dense 13 --fields 26 --out arch.onnx && pimsim run --model arch.onnx "
        "--hw reram_128 --batch 1",
    )
    made.add_argument("--arch", required=True, metavar="FILE", help="architecture, in the JSON of the authors or ours")
    made.add_argument("--out", required=True, metavar="FILE", help="where to write")
    made.add_argument("--schema", metavar="FILE", help='fields as JSON: {"dense": [...], "sparse": [{"name": ...}]}')
    made.add_argument("--dense", type=whole(1, 1 << 20), metavar="N", help="dense columns, without a schema")
    made.add_argument("--fields", type=whole(1, 1 << 16), metavar="N", help="sparse fields, without a schema")
    made.add_argument(
        "--rows", type=whole(1, 2**31 - 1), default=1000, metavar="N", help="rows a table, without a schema (1000)"
    )
    made.add_argument("--embedding-dim", type=whole(1, 65536), default=16, metavar="N", help="of each field (16)")
    made.add_argument(
        "--embeddings", type=choice("included", "external", "inputs"), default="included",
        metavar="included|external|inputs", help="tables in the file, beside it (FILE.data), or rows as an input",
    )  # fmt: skip
    made.add_argument("--cap", type=whole(1, 2**31 - 1), metavar="N", help="most rows of a table")
    made.add_argument("--weights", metavar="FILE", help="checkpoint of a run (.safetensors)")
    made.add_argument("--seed", type=whole(0, 2**62), default=0, metavar="N", help="of fresh weights (0)")
    return made


def execute(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code."""
    from nas.spaces.architecture import Architecture
    from pimsim.report.atomic import check_target

    check_target(options.out, "--out")
    architecture = Architecture.load(options.arch)
    schema = _schema(options)

    import torch

    from nas.lowering.export import export_network
    from nas.supernets.nasrec import Network
    from nas.training import checkpoint

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        network = Network(architecture, schema, options.embedding_dim, options.cap)
    if options.weights:
        path = Path(options.weights)
        tensors = checkpoint.load(path)[0]
        checkpoint.load_weights(network, checkpoint.part(tensors, "model") or tensors, path)
    export_network(network, options.out, options.embeddings)
    counts = network.parameter_counts
    show([Facts(f"Wrote {printable(options.out)}", [
        ("inputs", f"{len(schema.dense)} dense columns, {len(schema.sparse)} sparse fields"),
        ("parameters", f"{counts.reaching:,} of {counts.built:,} reach the output (embeddings apart)"),
        ("embeddings", f"{network.embeddings.weight.numel():,} ({options.embeddings})"),
    ])])  # fmt: skip
    return 0


def _schema(options: argparse.Namespace) -> Schema:
    from nas.data.fields import Schema, SparseField

    if options.schema is None:
        if options.dense is None or options.fields is None:
            raise InputError("export: give --schema FILE, or --dense N and --fields N")
        fields = tuple(SparseField(f"field{i}", options.rows) for i in range(options.fields))
        return Schema(tuple(f"dense{i}" for i in range(options.dense)), fields)
    shown = printable(options.schema)
    try:
        if os.stat(options.schema).st_size > LARGEST_SCHEMA:
            raise InputError(f"{shown}: larger than {LARGEST_SCHEMA:,} bytes; no schema is")
        data = json.loads(Path(options.schema).read_bytes())
    except OSError as fault:
        raise InputError(f"cannot read {shown}: {printable(fault.strerror or fault)}") from fault
    except (ValueError, RecursionError) as fault:
        raise InputError(f"{shown}: not a JSON text ({printable(fault, 80)})") from fault
    try:
        return Schema.from_json(data)
    except InputError as fault:
        raise InputError(f"{shown}: {fault.problems[0]}") from fault
