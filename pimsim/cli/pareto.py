"""`pimsim pareto`: the best points of a sweep, their picture and files, and which knobs decide."""

from __future__ import annotations

import argparse
import json
import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pimsim.cli.output import deliver, say, show, targets
from pimsim.cli.parsing import Parser, choice, whole
from pimsim.errors import InputError, printable

if TYPE_CHECKING:
    from pimsim.explore.comparison import Comparison
    from pimsim.explore.front import Front
    from pimsim.explore.importance import Importance
    from pimsim.explore.point_file import PointFile
    from pimsim.explore.results import Results

KNEE = "knee"


def parser() -> Parser:
    """The options of `pimsim pareto`."""
    made = Parser(
        "pimsim pareto",
        "The points of a sweep that no other is better than: a table, a picture, CSV, and the hardware file of any\n"
        "point. Objectives are columns of the results, 'max:' before what is to be large.",
        "example: pimsim pareto results.parquet --x energy_pJ --y latency_ns --out front.png --yaml knee",
    )
    made.add_argument("results", metavar="RESULTS", help="file written by 'pimsim sweep': .parquet, .sqlite or .db")
    made.add_argument("--x", metavar="FIGURE", help="first objective; those of the sweep when --x and --y are left out")
    made.add_argument("--y", metavar="FIGURE", help="second objective")
    made.add_argument("--z", metavar="FIGURE", action="append", default=[], help="one more objective (repeatable)")
    answer = made.add_argument_group("answer")
    answer.add_argument("--out", metavar="FILE.png", help="also write the picture (.png, .svg or .pdf)")
    answer.add_argument("--color", "--colour", metavar="FIGURE|KNOB", help="what colours the points of the picture")
    answer.add_argument("--csv", metavar="FILE.csv", help="also write the front with all columns")
    answer.add_argument("--yaml", type=_point, metavar="N|knee", help="hardware file of point N, or of the knee")
    answer.add_argument("--yaml-out", metavar="FILE.yaml", help="where it goes; printed after the table when left out")
    answer.add_argument("--format", type=choice("table", "json"), default="table", metavar="table|json", help="form")
    more = made.add_argument_group("more")
    more.add_argument("--compare", metavar="OTHER", help="results to set beside these, in the same objectives")
    more.add_argument(
        "--importance",
        nargs="?",
        const="",
        metavar="FIGURE",
        help="which knobs decide a figure (the first objective when none is named), and how far that can be trusted",
    )
    more.add_argument("--seed", type=whole(0, 2**32 - 1), default=0, metavar="N", help="of the importance's forest (0)")
    return made


def execute(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code. Raises InputError for options, columns or points that are not there."""
    files = _check(options)
    results, objectives = _load(options)
    front = results.pareto(*objectives)
    beside = None if options.compare is None else _beside(options.compare, front)
    ranked = None
    if options.importance is not None:
        ranked = results.importance(options.importance or objectives[0], options.seed)
    point = None
    if options.yaml is not None:
        point = front.yaml() if options.yaml == KNEE else results.yaml(options.yaml)
    _answer(options, front, beside, ranked)
    if point is not None:
        _deliver_point(point, files.get("yaml-out"), results.about)
    if "out" in files:
        if beside is None:
            front.plot(files["out"], options.color)
        else:
            beside.plot(files["out"])
        say(f"wrote {printable(files['out'])}")
    if "csv" in files:
        deliver(front.to_csv(), files["csv"])
    return 0


def _check(options: argparse.Namespace) -> dict[str, Path]:
    """The files to write. Raises InputError for options that do not go together, before anything is read."""
    if (options.x is None) != (options.y is None):
        raise InputError("pareto: --x and --y go together: give both, or neither for the objectives of the sweep")
    if options.yaml_out is not None and options.yaml is None:
        raise InputError("pareto: --yaml-out says where a point goes; say which with --yaml N or --yaml knee")
    if options.yaml is not None and options.yaml_out is None and options.format == "json":
        raise InputError("pareto: a YAML cannot stand behind JSON; say where it goes with --yaml-out FILE.yaml")
    if options.color is not None and (options.out is None or options.compare is not None):
        raise InputError("pareto: --color colours the picture of one front; it goes with --out, and not with --compare")
    files = targets(out=options.out, csv=options.csv, **{"yaml-out": options.yaml_out})
    if "out" in files:
        from pimsim.report.plot import picture_format

        picture_format(files["out"], "--out")
    return files


def _load(options: argparse.Namespace) -> tuple[Results, list[str]]:
    """The results, with the columns that are needed, and the objectives."""
    from pimsim.explore.request import DEFAULT_OBJECTIVES, objective_of
    from pimsim.explore.results import load_about, load_results

    about = load_about(options.results)
    first = [options.x, options.y] if options.x is not None else about.get("objectives") or DEFAULT_OBJECTIVES
    objectives = [*map(str, first), *options.z]
    wanted = [objective_of(text)[0] for text in objectives]
    if options.color is not None:
        wanted.append(options.color)
    if options.importance is not None:
        figure = options.importance or objectives[0]
        wanted += [objective_of(figure)[0], *map(str, about.get("knobs", ()))]
    return load_results(options.results, wanted), objectives


def _beside(path: str, front: Front) -> Comparison:
    """The front beside that of another file, in the same objectives."""
    from pimsim.explore.results import load_results

    other = load_results(path, [objective.name for objective in front.objectives])
    return front.compare(other.pareto(*(objective.text for objective in front.objectives)))


def _answer(options: argparse.Namespace, front: Front, beside: Comparison | None, ranked: Importance | None) -> None:
    """The front, the comparison and the importances, as a table or as JSON."""
    from pimsim.report.sections import TERMINAL_ROWS, TEXT_ROWS

    more = {"comparison": beside, "importance": ranked}
    found = {name: part for name, part in more.items() if part is not None}
    if options.format == "json":
        plain = {**front.to_dict(), **{name: part.to_dict() for name, part in found.items()}}
        deliver(json.dumps(plain, allow_nan=False, indent=1) + "\n", None)
        return
    sections = front.sections(TERMINAL_ROWS if sys.stdout.isatty() else TEXT_ROWS)
    for part in found.values():
        sections += part.sections()
    show(sections)


def _deliver_point(point: PointFile, target: Path | None, about: Mapping[str, Any]) -> None:
    """Write the point's files and say how they are run; print them when there is no target."""
    if target is None:
        deliver(f"\n{point.hardware}", None)
        if point.bits:
            deliver(f"\n# bits of layers, for 'pimsim run --bits'\n{point.bits}", None)
        return
    deliver(point.hardware, target)
    models = [str(model.get("source") or "MODEL.onnx") for model in about.get("models", ())]
    command = ["pimsim", "run", "--hw", str(target), "--model", models[0] if models else "MODEL.onnx"]
    if point.bits:
        beside = target.with_name(target.stem + ".bits.yaml")
        deliver(point.bits, beside)
        command += ["--bits", str(beside)]
    if (about.get("manifest") or {}).get("operands") == "default":
        command += ["--operands", "default"]
    more = f" (and so for each of {len(models)} models)" if len(models) > 1 else ""
    say(f"run it{more}: {printable(shlex.join(command), 2000)}")


def _point(text: str) -> int | str:
    """`knee`, or the number of a point."""
    if text == KNEE:
        return KNEE
    if not re.fullmatch(r"\d{1,18}", text, re.ASCII):
        raise argparse.ArgumentTypeError(
            f"must be the number of a point (column 'point'), or knee; got '{printable(text, 40)}'"
        )
    return int(text)
