"""`nas export`: an architecture, or the model of a finished run, as an ONNX file."""

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
    from torch import nn

    from nas.data.fields import Schema

LARGEST_SCHEMA = 1 << 24
OF_ARCHITECTURES = ("schema", "dense", "fields", "weights", "cap")
"""Options that say what a run knows."""


def parser() -> Parser:
    """The options of `nas export`."""
    made = Parser(
        "nas export",
        "Write the network of an architecture file, or the model of a finished run of nas train, as ONNX. The inputs\n"
        "of an architecture are those of a schema (a JSON file), or so many dense columns and sparse fields; its\n"
        "weights come from a checkpoint, or are drawn anew. A run has all of these.",
        "examples:\n  nas export --run 7 --out model.onnx --embeddings external\n"
        "  nas export --arch A.json --dense 13 --fields 26 --out arch.onnx && pimsim run --model arch.onnx "
        "--hw reram_128 --batch 1",
    )
    made.add_argument("--arch", metavar="FILE", help="architecture, in the JSON of the authors or ours")
    made.add_argument("--run", type=whole(1, 2**62), metavar="RUN", help="in its place: a finished run of nas train")
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
    made.add_store()
    return made


def execute(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code."""
    from pimsim.report.atomic import check_target

    check_target(options.out, "--out")
    given = [name for name in OF_ARCHITECTURES if getattr(options, name) is not None]
    if (options.run is None) == (options.arch is None):
        raise InputError("export: give --arch FILE or --run RUN, one of the two")
    if options.run is not None and given:
        raise InputError(f"export: a run has all that --{given[0]} says; leave it out")
    model, facts = _of_run(options) if options.run is not None else _of_architecture(options)
    from nas.lowering.export import export_network
    from nas.training.models import parameter_counts

    export_network(model, options.out, options.embeddings)
    tables = f"{parameter_counts(model)['embeddings']:,} ({options.embeddings})"
    show([Facts(f"Wrote {printable(options.out)}", [*facts, ("embeddings", tables)])])
    return 0


def _of_run(options: argparse.Namespace) -> tuple[nn.Module, list[tuple[str, str]]]:
    from nas.data.config import open_data
    from nas.training.config import from_json
    from nas.training.models import parameter_counts
    from nas.training.run import check_hashes, model_of
    from nas.training.store import RunStore

    store = RunStore(options.store, create=False)
    record = store.get(options.run)
    if record.command != "train":
        raise InputError(f"run {record.id} was made by nas {record.command}; nas export takes those of nas train")
    splits = open_data(from_json(record.config).data)[1]
    check_hashes(record, splits)
    model = model_of(record, store, splits.schema).cpu()
    return model, [
        ("model", f"{record.model}, run {record.id}"),
        ("inputs", _inputs(splits.schema)),
        ("parameters", f"{parameter_counts(model)['network']:,} (embeddings apart)"),
    ]


def _of_architecture(options: argparse.Namespace) -> tuple[nn.Module, list[tuple[str, str]]]:
    import torch

    from nas.spaces.architecture import Architecture
    from nas.supernets.nasrec import Network
    from nas.training import checkpoint

    architecture = Architecture.load(options.arch)
    schema = _schema(options)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        network = Network(architecture, schema, options.embedding_dim, options.cap)
    if options.weights:
        path = Path(options.weights)
        tensors = checkpoint.load(path)[0]
        checkpoint.load_weights(network, checkpoint.part(tensors, "model") or tensors, path)
    counts = network.parameter_counts
    return network, [
        ("inputs", _inputs(schema)),
        ("parameters", f"{counts.reaching:,} of {counts.built:,} reach the output (embeddings apart)"),
    ]


def _inputs(schema: Schema) -> str:
    return f"{len(schema.dense)} dense columns, {len(schema.sparse)} sparse fields"


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
