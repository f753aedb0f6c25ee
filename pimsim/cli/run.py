"""`pimsim run`: one model on one hardware description."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pimsim.cli.binding import add_binding_options, load_bound_model
from pimsim.cli.output import deliver, say, show, targets
from pimsim.cli.parsing import Parser, add_allow_code, choice, whole
from pimsim.errors import InputError, printable

if TYPE_CHECKING:
    from pimsim.report.result import Result


def parser() -> Parser:
    """The options of `pimsim run`."""
    made = Parser(
        "pimsim run",
        "Energy, latency and area of an ONNX model on a hardware description, by layer and by component.",
        "example: pimsim run --hw reram_128 --model model.onnx --html report.html",
    )
    made.add_argument(
        "--hw", required=True, metavar="NAME|FILE", help="shipped hardware ('pimsim configs' lists it), or a YAML file"
    )
    made.add_argument("--model", required=True, metavar="FILE", help="ONNX model")
    add_binding_options(made, unknown_ops=True)
    hardware = made.add_argument_group("precision and hardware")
    bits = whole(1, 32)
    hardware.add_argument("--weight-bits", type=bits, metavar="N", help="bits of a weight")
    hardware.add_argument("--input-bits", type=bits, metavar="N", help="bits of an activation")
    hardware.add_argument(
        "--bits", metavar="FILE.yaml", help="bits per layer: name pattern: {weight_bits: N, input_bits: N}"
    )
    hardware.add_argument(
        "--operands",
        type=choice("model", "default"),
        default="model",
        metavar="model|default",
        help="statistics of weights: the model's own where the file holds them (default), or the hardware file's",
    )
    hardware.add_argument(
        "--trace",
        metavar="T",
        help="table rows that inferences look up on the banks of the memory; left out: a default trace of the model's "
        "tables, by Zipf's law (memory.banks)",
    )
    hardware.add_argument(
        "--memory", metavar="NAME|FILE", help="run lookups on this memory or near memory in place of the hardware's"
    )
    hardware.add_argument(
        "--inputs",
        metavar="FILE.npz",
        help="samples, one array an input of the model: its activations decide what reads and drives cost",
    )
    hardware.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="override a hardware value, e.g. crossbar.adc.bits=6 (repeatable)",
    )
    hardware.add_argument(
        "--capacity",
        type=choice("chips", "spill"),
        metavar="chips|spill",
        help="a model too large for a chip: more chips, or one chip rewritten while it runs",
    )
    add_allow_code(hardware)
    answer = made.add_argument_group("answer")
    answer.add_argument(
        "--format", type=choice("table", "json", "csv"), default="table", metavar="table|json|csv", help="form of it"
    )
    answer.add_argument("--out", metavar="FILE", help="write it to FILE instead of printing it")
    answer.add_argument("--plot", metavar="FILE.png", help="also write the stacked picture (.png, .svg or .pdf)")
    answer.add_argument("--html", metavar="FILE.html", help="also write a self-contained page")
    return made


def execute(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code. Raises InputError with every problem that was found."""
    files = targets(out=options.out, plot=options.plot, html=options.html)
    if "plot" in files:
        from pimsim.report.plot import picture_format

        picture_format(files["plot"], "--plot")
    result = compute(options)
    pictures: list[tuple[Path, str | bytes]] = []
    if "plot" in files:
        from pimsim.report.plot import encode, picture_format

        pictures.append((files["plot"], encode(result.plot(), picture_format(files["plot"]))))
    if "html" in files:
        pictures.append((files["html"], result.to_html()))
    answer(result, options.format, files.get("out"))
    for path, content in pictures:
        from pimsim.report.atomic import write_atomic

        write_atomic(path, content)
        say(f"wrote {printable(path)}")
    return 0


def compute(options: argparse.Namespace) -> Result:
    """The result that the options ask for; faults of hardware, bits and model are reported together."""
    from pimsim.hardware.load import load_hardware

    problems: list[str] = []
    overrides = [*options.set, *([f"mapping.capacity={options.capacity}"] if options.capacity else [])]

    def attempt(load: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return load(*arguments, **options)
        except InputError as error:
            problems.extend(error.problems)
            return None

    hardware = attempt(load_hardware, options.hw, overrides=overrides, allow_code=options.allow_code)
    layer_bits = attempt(read_layer_bits, options.bits)
    model = attempt(load_bound_model, options.model, options, options.unknown_ops)
    if problems:
        raise InputError(problems[0], more=tuple(problems[1:]))
    from pimsim.engine import simulate

    result: Result = simulate(
        model,
        hardware,
        weight_bits=options.weight_bits,
        input_bits=options.input_bits,
        layer_bits=layer_bits,
        operands=options.operands,
        inputs=options.inputs,
        trace=options.trace,
        memory=options.memory,
    )
    return result


def read_layer_bits(path: str | None) -> dict[str, dict[str, int]] | None:
    """The overrides in the file of --bits, if there is one."""
    if path is None:
        return None
    from pimsim.cli.bits import read_bits

    return read_bits(path)


def answer(result: Result, form: str, target: Path | None) -> None:
    """The result as `form`, to `target` or to stdout; on a terminal at most 40 layers of the table."""
    if form == "json":
        deliver(result.to_json(), target)
    elif form == "csv":
        deliver(result.to_csv(), target)
    elif target is not None:
        deliver(result.to_text(), target)
    else:
        from pimsim.report.sections import TERMINAL_ROWS, TEXT_ROWS, sections

        show(sections(result, TERMINAL_ROWS if sys.stdout.isatty() else TEXT_ROWS))
