"""`pimsim configs`: the shipped hardware descriptions, and checks of one's own."""

from __future__ import annotations

import argparse
import json
import sys

from pimsim.cli.output import say, show
from pimsim.cli.parsing import Parser, add_allow_code, choice, did_you_mean
from pimsim.errors import InputError, printable

ACTIONS = {
    "list": "the shipped ones (also without a word)",
    "show": "NAME: one with everything resolved, as YAML",
    "check": "FILE...: validate, print every problem and warning",
    "schema": "the JSON Schema of a hardware file, for editors",
}


def parser() -> Parser:
    """The options of `pimsim configs`."""
    lines = "\n".join(f"  {name:<7} {text}" for name, text in ACTIONS.items())
    made = Parser("pimsim configs", f"The hardware descriptions.\n\n{lines}", "example: pimsim configs show reram_128")
    made.add_argument("action", nargs="?", default="list", metavar="list|show|check|schema", help="what to do")
    made.add_argument("names", nargs="*", metavar="NAME|FILE", help="shipped name or YAML file")
    made.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="show, check: override a value, e.g. crossbar.adc.bits=6 (repeatable)",
    )
    add_allow_code(made)
    made.add_argument(
        "--format", type=choice("table", "json"), default="table", metavar="table|json", help="list: form of it"
    )
    return made


def execute(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code. Raises InputError with every problem of the files."""
    action, names = options.action, options.names
    if action not in ACTIONS:
        raise InputError(
            f"configs: unknown action '{printable(action, 60)}'{did_you_mean(action, ACTIONS)} "
            f"(actions: {', '.join(ACTIONS)})"
        )
    if action in ("list", "schema") and names:
        raise InputError(f"configs {action}: takes no name; got '{printable(names[0], 80)}'")
    if action == "show" and len(names) != 1:
        raise InputError("configs show: give one name or file ('pimsim configs' lists the shipped ones)")
    if action == "check" and not names:
        raise InputError("configs check: give at least one YAML file")
    {"list": _list, "show": _show, "check": _check, "schema": _schema}[action](options)
    return 0


def _list(options: argparse.Namespace) -> None:
    from pimsim.hardware.library import shipped_configs
    from pimsim.report.sections import Column, Table

    found = shipped_configs()
    if options.format == "json":
        print(json.dumps([{"name": name, "description": text} for name, text in found], indent=1))
        return
    rows = [(printable(name), printable(text, 300)) for name, text in found]
    show([Table("Shipped hardware", (Column("name", right=False), Column("description", right=False)), list(rows))])


def _show(options: argparse.Namespace) -> None:
    from pimsim.hardware.export import resolved_yaml
    from pimsim.hardware.load import load_hardware

    hardware = load_hardware(options.names[0], overrides=options.set, allow_code=options.allow_code)
    sys.stdout.write(resolved_yaml(hardware))


def _check(options: argparse.Namespace) -> None:
    from pimsim.hardware.load import hardware_warnings, load_hardware_file

    problems: list[str] = []
    for name in options.names:
        try:
            loaded = load_hardware_file(name, overrides=options.set, allow_code=options.allow_code)
        except InputError as error:
            problems.extend(error.problems)
            continue
        for line in hardware_warnings(loaded):
            say(line)
        print(f"{printable(name)}: valid ({printable(loaded.hardware.name, 100)})")
    if problems:
        raise InputError(problems[0], more=tuple(problems[1:]))


def _schema(options: argparse.Namespace) -> None:
    from pimsim.hardware.export import json_schema

    print(json.dumps(json_schema(), indent=1))
