"""`pimsim trace run`: how long a memory takes over a trace, and what that costs."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from pimsim.cli.controller_options import add_controller_options, policy_of
from pimsim.cli.output import deliver, show
from pimsim.cli.parsing import Parser, choice
from pimsim.cli.placement_options import add_placement_options, check_placement, placements_of
from pimsim.cli.placement_report import about, section
from pimsim.errors import printable

if TYPE_CHECKING:
    from pimsim.hardware.schema import Hardware
    from pimsim.memory.device import Device
    from pimsim.memory.placement.policies import Load, Placement
    from pimsim.memory.policy import Policy
    from pimsim.memory.run import Result
    from pimsim.memory.traces import Trace
    from pimsim.report.sections import Section

LOG_LINES = 8_000_000
"""Commands that are kept for --power-down, some four an access; memory is taken as they come."""


def parser() -> Parser:
    """The options of `pimsim trace run`."""
    made = Parser(
        "pimsim trace run",
        "A trace on a memory, command by command: cycles, and energy by part.",
        "example: pimsim trace run zipf.parquet --hw ddr4_2400 --policy frfcfs --format json",
    )
    made.add_argument("trace", metavar="TRACE", help="trace of any form ('pimsim trace convert --help' lists them)")
    made.add_argument(
        "--hw", required=True, metavar="H",
        help="memory (plain, or with adders near its banks), or hardware whose memory it is: a shipped name or a file",
    )  # fmt: skip
    made.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE",
        help="override a value of the memory, e.g. organisation.ranks=1 (repeatable)",
    )  # fmt: skip
    made.add_argument("--format", type=choice("table", "json"), default="table", metavar="table|json", help="form")
    add_controller_options(made)
    add_placement_options(made)
    made.add_argument("--progress", action=argparse.BooleanOptionalAction, help="show how far it is")
    return made


def execute(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code. Raises InputError for options, a memory, a trace or tables that do not go
    together."""
    from pimsim.cli.trace_near import execute_near
    from pimsim.memory.near.spec import is_near
    from pimsim.memory.of_hardware import hardware_of, load_memory
    from pimsim.memory.traces import open_trace

    check_placement(options, "trace run")
    if is_near(options.hw):
        return execute_near(options)
    policy = policy_of(options)
    device = load_memory(options.hw, overrides=options.set)
    policy.check(device)
    trace = open_trace(options.trace)
    placements = placements_of(options, trace, device)
    runs: list[Placement | None] = [*placements] or [None]
    hardware = hardware_of(options.hw)
    served = [_run(options, trace, device, policy, placement, hardware) for placement in runs]
    found, requests = [result for result, _ in served], served[-1][1]
    answer = _answer(found[-1], requests, policy)
    loads = [_load(placement, trace) for placement in placements]
    if placements:
        answer["placement"] = about(placements, loads, found, hardware)
    if options.format == "json":
        deliver(json.dumps(answer, allow_nan=False, indent=1) + "\n", None)
    else:
        show(_sections(answer, printable(options.trace, 100), trace.header.about))
    return 0


def _run(
    options: argparse.Namespace, trace: Trace, device: Device, policy: Policy, placement: Placement | None,
    hardware: Hardware | None,
) -> tuple[Result, int]:  # fmt: skip
    """The result, and the number of requests."""
    from pimsim.explore.progress import bar
    from pimsim.memory.placement.run import run_on
    from pimsim.memory.power_down import with_power_down

    total, requests = trace.requests, 0
    with bar(options.progress, "requests") as progress:

        def told(done: int) -> None:
            nonlocal requests
            requests = done
            if progress is not None and total is not None:
                progress(done, total)

        found = run_on(
            trace, device, policy, placement, told, arrivals=not options.ignore_arrivals, hardware=hardware,
            log=0 if options.power_down is None else LOG_LINES,
        )  # fmt: skip
    if options.power_down is not None:
        found = with_power_down(device, policy, found, options.power_down)
    return found, requests


def _load(placement: Placement, trace: Trace) -> Load:
    from pimsim.memory.placement.policies import load_of

    return load_of(placement, trace)


def _answer(found: Result, requests: int, policy: Policy) -> dict[str, Any]:
    """The result as plain data, with the policy, and accesses apart from requests."""
    from dataclasses import asdict

    plain = found.to_dict()
    totals = plain["totals"]
    accesses = totals.pop("requests")
    seconds = totals["time_ns"] * 1e-9
    totals["requests"] = requests
    totals["accesses"] = accesses
    totals["requests_per_s"] = totals["requests"] / seconds if seconds else 0.0
    totals["energy_pJ_per_request"] = totals["energy_pJ"] / totals["requests"] if totals["requests"] else 0.0
    return {**plain, "policy": asdict(policy)}


def _sections(answer: dict[str, Any], name: str, about: str) -> list[Section]:
    from pimsim.report.sections import Column, Facts, Table
    from pimsim.report.units import percent, scaled, unit_for

    totals, counts = answer["totals"], answer["counts"]
    columns = max(1, counts["read"] + counts["write"])
    control = answer["policy"]
    queue = f", queue of {control['queue']}" if control["scheduler"] == "frfcfs" else ""
    pairs = [
        ("memory", printable(answer["memory"], 100)),
        ("made as", printable(about, 200)),
        ("policy", f"{control['scheduler']}{queue}, {control['page']} page, refresh {control['refresh']}"),
        ("mapping", printable(control["mapping"], 100)),
        ("requests", f"{totals['requests']:,} ({totals['accesses']:,} accesses)"),
        ("time", f"{scaled('latency_ns', totals['time_ns'])} ({totals['cycles']:,} cycles)"),
        ("throughput", f"{scaled('rate', totals['requests_per_s'])} requests"),
        ("row hits", f"{percent(counts['row_hits'], columns)}% of accesses"),
        ("energy", f"{scaled('energy_pJ', totals['energy_pJ'])}, "
                   f"{scaled('energy_pJ', totals['energy_pJ_per_request'])} a request"),
    ]  # fmt: skip
    commands = [(key.replace("_", " "), f"{value:,}") for key, value in counts.items()]
    parts = sorted(answer["energy_pJ"].items(), key=lambda part: -part[1])
    unit = unit_for("energy_pJ", max((value for _, value in parts), default=0.0))
    rows: list[tuple[str, ...]] = [
        (part.replace("_", " "), unit.show(value), percent(value, totals["energy_pJ"])) for part, value in parts
    ]
    table = Table(
        "Energy", (Column("part", right=False), Column(f"energy {unit.name}"), Column("%")), rows,
        ("sum", unit.show(totals["energy_pJ"]), ""),
    )  # fmt: skip
    sections: list[Section] = [
        Facts(f"Trace {name}", [pair for pair in pairs if pair[1]]),
        Facts("Commands", commands),
        table,
    ]
    if "placement" in answer:
        sections.append(section(answer["placement"]))
    return sections
