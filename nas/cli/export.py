"""`nas export`: an architecture, or the model of a finished run, as an ONNX file."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from nas.cli.options import Parser, settings
from pimsim.cli.output import show
from pimsim.cli.parsing import choice, whole
from pimsim.errors import InputError, printable
from pimsim.hardware.circuit import Model
from pimsim.report.sections import Facts

if TYPE_CHECKING:
    from torch import nn

    from nas.data.fields import Schema

LARGEST_SCHEMA = 1 << 24
CRITEO = (13, 26)
"""Dense columns and sparse fields where nothing is said: those of the paper's first data set."""

OF_ARCHITECTURES = ("schema", "dense", "fields", "weights", "cap")
"""Options that say what a run knows."""

Count = Annotated[int, Field(ge=1, le=2**31 - 1)]
Text = Annotated[str, Field(min_length=1, max_length=4096)]


class Export(Model):
    """What is exported, as the options say."""

    out: Text | None = None
    arch: Text | None = None
    run: Annotated[int, Field(ge=1, lt=2**62)] | None = None
    schema_file: Text | None = Field(default=None, alias="schema")
    dense: Annotated[int, Field(ge=1, le=1 << 20)] | None = None
    fields: Annotated[int, Field(ge=1, le=1 << 16)] | None = None
    rows: Count = 1000
    embedding_dim: Annotated[int, Field(ge=1, le=65536)] = 16
    embeddings: Literal["included", "external", "inputs"] = "included"
    cap: Count | None = None
    weights: Text | None = None
    seed: Annotated[int, Field(ge=0, lt=2**62)] = 0


def parser() -> Parser:
    """The options of `nas export`."""
    made = Parser(
        "nas export",
        "Write the network of an architecture file, or the model of a finished run of nas train, as ONNX. The inputs\n"
        "of an architecture are those of a schema (a JSON file), or so many dense columns and sparse fields (Criteo's\n"
        "where nothing is said); its weights come from a checkpoint, or are drawn anew. A run has all of these.",
        "examples:\n  nas export --run 7 --out model.onnx --embeddings external\n"
        "  nas export --arch A.json --dense 13 --fields 26 --out arch.onnx && "
        "pimsim run --model arch.onnx --hw reram_128",
    )
    made.add_argument("--arch", metavar="FILE", help="architecture, in the JSON of the authors or ours")
    made.add_argument("--run", type=whole(1, 2**62), metavar="RUN", help="in its place: a finished run of nas train")
    made.add_argument("--out", metavar="FILE", help="where to write")
    made.add_argument("--schema", metavar="FILE", help='fields as JSON: {"dense": [...], "sparse": [{"name": ...}]}')
    made.add_argument("--dense", type=whole(1, 1 << 20), metavar="N", help="dense columns, without a schema (13)")
    made.add_argument("--fields", type=whole(1, 1 << 16), metavar="N", help="sparse fields, without a schema (26)")
    made.add_argument(
        "--rows", type=whole(1, 2**31 - 1), metavar="N", help="rows a table, without a schema (1000)"
    )
    made.add_argument("--embedding-dim", type=whole(1, 65536), metavar="N", help="of each field (16)")
    made.add_argument(
        "--embeddings", type=choice("included", "external", "inputs"), metavar="included|external|inputs",
        help="tables in the file (default), beside it (FILE.data), or rows as an input",
    )  # fmt: skip
    made.add_argument("--cap", type=whole(1, 2**31 - 1), metavar="N", help="most rows of a table")
    made.add_argument("--weights", metavar="FILE", help="checkpoint of a run (.safetensors)")
    made.add_argument("--seed", type=whole(0, 2**62), metavar="N", help="of fresh weights (0)")
    made.add_settings("out, arch, run, schema, dense, fields, rows, embedding_dim, embeddings, cap, weights, seed")
    made.add_store()
    return made


def execute(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code."""
    from pimsim.report.atomic import check_target

    asked = settings(options, Export)
    if asked.out is None:
        raise InputError("export: give --out FILE")
    check_target(asked.out, "--out")
    told = {field.alias or name for name, field in Export.model_fields.items() if getattr(asked, name) is not None}
    if (asked.run is None) == (asked.arch is None):
        raise InputError("export: give --arch FILE or --run RUN, one of the two")
    if asked.run is not None and (known := [name for name in OF_ARCHITECTURES if name in told]):
        raise InputError(f"export: a run has all that --{known[0]} says; leave it out")
    if asked.run is not None:
        model, facts = _of_run(asked.run, options.store)
    else:
        model, facts = _of_architecture(asked)
    from nas.lowering.export import export_network
    from nas.training.models import parameter_counts

    export_network(model, asked.out, asked.embeddings)
    tables = f"{parameter_counts(model)['embeddings']:,} ({asked.embeddings})"
    show([Facts(f"Wrote {printable(asked.out)}", [*facts, ("embeddings", tables)])])
    return 0


def _of_run(number: int, folder: str) -> tuple[nn.Module, list[tuple[str, str]]]:
    from nas.data.config import open_data
    from nas.training.config import from_json
    from nas.training.models import parameter_counts
    from nas.training.run import check_hashes, model_of
    from nas.training.store import RunStore

    store = RunStore(folder, create=False)
    record = store.get(number)
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


def _of_architecture(asked: Export) -> tuple[nn.Module, list[tuple[str, str]]]:
    import torch

    from nas.spaces.architecture import Architecture
    from nas.supernets.nasrec import Network
    from nas.training import checkpoint

    assert asked.arch is not None
    architecture = Architecture.load(asked.arch)
    schema = _schema(asked)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(asked.seed)
        network = Network(architecture, schema, asked.embedding_dim, asked.cap)
    if asked.weights:
        path = Path(asked.weights)
        tensors = checkpoint.load(path)[0]
        checkpoint.load_weights(network, checkpoint.part(tensors, "model") or tensors, path)
    counts = network.parameter_counts
    return network, [
        ("inputs", _inputs(schema)),
        ("parameters", f"{counts.reaching:,} of {counts.built:,} reach the output (embeddings apart)"),
    ]


def _inputs(schema: Schema) -> str:
    return f"{len(schema.dense)} dense columns, {len(schema.sparse)} sparse fields"


def _schema(asked: Export) -> Schema:
    from nas.data.fields import Schema, SparseField

    if asked.schema_file is None:
        if (asked.dense is None) != (asked.fields is None):
            raise InputError("export: give --schema FILE, or --dense N and --fields N, both of them")
        dense, count = asked.dense or CRITEO[0], asked.fields or CRITEO[1]
        fields = tuple(SparseField(f"field{i}", asked.rows) for i in range(count))
        return Schema(tuple(f"dense{i}" for i in range(dense)), fields)
    shown = printable(asked.schema_file)
    try:
        if os.stat(asked.schema_file).st_size > LARGEST_SCHEMA:
            raise InputError(f"{shown}: larger than {LARGEST_SCHEMA:,} bytes; no schema is")
        data = json.loads(Path(asked.schema_file).read_bytes())
    except OSError as fault:
        raise InputError(f"cannot read {shown}: {printable(fault.strerror or fault)}") from fault
    except (ValueError, RecursionError) as fault:
        raise InputError(f"{shown}: not a JSON text ({printable(fault, 80)})") from fault
    try:
        return Schema.from_json(data)
    except InputError as fault:
        raise InputError(f"{shown}: {fault.problems[0]}") from fault
