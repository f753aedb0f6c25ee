"""`nas runs`: what the store holds."""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from nas.cli.options import Parser
from nas.cli.progress import figure
from pimsim.cli.output import show
from pimsim.cli.parsing import choice
from pimsim.errors import printable
from pimsim.report.sections import Column, Facts, Section, Table

if TYPE_CHECKING:
    from nas.training.store import Record, RunStore

LEFT = ("name", "command", "model", "state", "started")


def parser() -> Parser:
    """The options of `nas runs`."""
    made = Parser("nas runs", "The runs of a store, or one with its settings and history.", "example: nas runs 7")
    made.add_run("one run, in full", optional=True)
    made.add_argument(
        "--format", type=choice("text", "json", "csv"), default="text", metavar="text|json|csv", help="its form"
    )
    made.add_store()
    return made


def execute(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code."""
    from nas.training.store import RunStore

    store = RunStore(options.store, create=False)
    if options.run is not None:
        _one(store.get(options.run), store, options.format)
        return 0
    records = store.runs()
    if options.format == "json":
        print(json.dumps([record.to_json() for record in records], indent=1))
    elif options.format == "csv":
        _csv([_row(record) for record in records], list(_row_titles()))
    else:
        columns = tuple(Column(title, right=title not in LEFT) for title in _row_titles())
        rows = [tuple(printable(value, 60) for value in _row(record).values()) for record in records]
        show([Table(f"Runs in {printable(store.folder)}", columns, rows)])
    return 0


def facts(record: Record) -> Facts:
    """A finished or broken run in a few lines."""
    result = record.result
    pairs = [("state", record.state), ("started", record.started)]
    if "auc" in result:
        text = f"AUC {figure(result['auc'], 5)}  LogLoss {figure(result['logloss'], 5)}"
        text += f"  GAUC {figure(result['gauc'], 5)}" if result.get("gauc") is not None else ""
        pairs.append(("validation", text))
    if "best_step" in result:
        pairs.append(("steps", f"{result['steps']}, best at {result['best_step']} (stopped by {result['stopped']})"))
    if "gradient" in result:
        state = "converged" if result["converged"] else "NOT converged"
        sizes = f"largest gradient entry {result['gradient']:.2g}, norm {result['gradient_norm']:.2g}"
        pairs.append(("L-BFGS", f"{state} after {result['iterations']} iterations; {sizes}"))
    if "trees" in result:
        pairs.append(("trees", str(result["trees"])))
    if "parameters" in result:
        counts = result["parameters"]
        pairs.append(("parameters", f"{counts['network']:,} and {counts['embeddings']:,} in embeddings"))
    if "seconds" in result:
        pairs.append(("time", f"{result['seconds']:.1f} s"))
    pairs.append(("looks at test", str(record.looks)))
    name = f" {printable(record.name, 60)}" if record.name else ""
    return Facts(f"Run {record.id}{name} ({record.model})", pairs)


def _one(record: Record, store: RunStore, form: str) -> None:
    history, looks = store.history(record.id), store.looks(record.id)
    if form == "json":
        print(json.dumps({**record.to_json(), "history": history, "looks_at_test": looks}, indent=1))
    elif form == "csv":
        _csv(history, list(history[0]) if history else ["step"])
    else:
        sections: list[Section] = [facts(record)]
        if history:
            columns = tuple(Column(title) for title in ("step", "loss", "AUC", "GAUC", "LogLoss"))
            keys = ("loss", "auc", "gauc", "logloss")
            rows = [(str(look["step"]), *(figure(look.get(key)) for key in keys)) for look in history]
            sections.append(Table("Validation", columns, rows))
        settings = [(key, printable(json.dumps(value), 120)) for key, value in _flat(record.config)]
        hashes = [(f"{name} split", value[:16]) for name, value in record.hashes.items()]
        machine = [(key, printable(value)) for key, value in record.machine.items()]
        show([*sections, Facts("Settings", settings), Facts("Data and machine", [*hashes, *machine])])


def _row_titles() -> tuple[str, ...]:
    return ("run", "name", "command", "model", "state", "AUC", "LogLoss", "parameters", "looks", "started")


def _row(record: Record) -> dict[str, str]:
    result: dict[str, Any] = record.result
    parameters = result.get("parameters", {}).get("network")
    values = (
        str(record.id), record.name, record.command, record.model, record.state, figure(result.get("auc"), 5),
        figure(result.get("logloss"), 5), "-" if parameters is None else f"{parameters}", str(record.looks),
        record.started,
    )  # fmt: skip
    return dict(zip(_row_titles(), values, strict=True))


def _csv(rows: list[dict[str, Any]], titles: list[str]) -> None:
    import csv

    writer = csv.DictWriter(sys.stdout, titles, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _flat(value: dict[str, Any], path: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, below in value.items():
        name = f"{path}.{key}" if path else key
        found += _flat(below, name) if isinstance(below, dict) else [(name, below)]
    return found
