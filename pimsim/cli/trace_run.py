"""`pimsim trace run`: how long a memory takes over a trace, and what that costs."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from pimsim.cli.output import deliver, show
from pimsim.cli.parsing import Parser, choice, whole
from pimsim.errors import InputError, printable

if TYPE_CHECKING:
    from pimsim.memory.device import Device
    from pimsim.memory.placement import Load, Placement
    from pimsim.memory.policy import Policy
    from pimsim.memory.run import Result
    from pimsim.memory.traces import Trace
    from pimsim.report.sections import Section

PLACEMENTS = ("round-robin", "size-balanced", "frequency-aware")
MOST_HOT = 4096


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
        help="memory, or hardware whose memory it is: name of a shipped one, or a YAML file",
    )  # fmt: skip
    made.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE",
        help="override a value of the memory, e.g. organisation.ranks=1 (repeatable)",
    )  # fmt: skip
    made.add_argument("--format", type=choice("table", "json"), default="table", metavar="table|json", help="form")
    control = made.add_argument_group("controller")
    control.add_argument(
        "--policy", type=choice("fcfs", "frfcfs"), default="fcfs", metavar="fcfs|frfcfs",
        help="in order, or of those queued the oldest whose row is open (fcfs)",
    )  # fmt: skip
    control.add_argument("--queue", type=whole(1, 4096), default=32, metavar="N", help="frfcfs: entries a channel (32)")
    control.add_argument(
        "--page", type=choice("open", "closed"), default="open", metavar="open|closed", help="rows after use (open)"
    )
    refreshes = ("all_bank", "per_bank", "same_bank", "none")
    control.add_argument(
        "--refresh", type=choice(*refreshes), default="all_bank", metavar="|".join(refreshes), help="(all_bank)"
    )
    control.add_argument("--ignore-arrivals", action="store_true", help="requests are there as fast as they are taken")
    control.add_argument(
        "--mapping", metavar="FIELDS", help="address fields, most significant first, e.g. 'ro ba ra co bg pc ch'"
    )
    where = made.add_argument_group("placement of the tables")
    where.add_argument(
        "--placement", type=choice(*PLACEMENTS), metavar="|".join(PLACEMENTS),
        help="left out: one table after another, interleaved as the mapping says",
    )  # fmt: skip
    where.add_argument(
        "--units", type=choice("channel", "rank", "bank"), metavar="channel|rank|bank", help="placed on (bank)"
    )
    where.add_argument("--hot-rows", type=whole(0, MOST_HOT), metavar="N", help="rows placed one by one (2048)")
    where.add_argument("--copied-rows", type=whole(0, MOST_HOT), metavar="N", help="of them, with a copy on each unit")
    where.add_argument(
        "--cached-rows", type=whole(0, MOST_HOT), metavar="N", help="hottest, in a cache before the memory"
    )
    where.add_argument("--profile", metavar="TRACE", help="what hot rows are taken from (the trace itself)")
    made.add_argument("--progress", action=argparse.BooleanOptionalAction, help="show how far it is")
    return made


def execute(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code. Raises InputError for options, a memory, a trace or tables that do not go
    together."""
    from pimsim.memory.of_hardware import load_memory
    from pimsim.memory.policy import Policy
    from pimsim.memory.traces import open_trace

    _check(options)
    more = {} if options.mapping is None else {"mapping": options.mapping}
    policy = Policy(scheduler=options.policy, queue=options.queue, page=options.page, refresh=options.refresh, **more)
    device = load_memory(options.hw, overrides=options.set)
    policy.check(device)
    trace = open_trace(options.trace)
    placements = _placements(options, trace, device)
    runs: list[Placement | None] = [*placements] or [None]
    found = [_run(options, trace, device, policy, placement) for placement in runs]
    answer = _answer(found[-1], trace, policy)
    loads = [_load(placement, trace) for placement in placements]
    if placements:
        answer["placement"] = _about(placements, loads, found)
    if options.format == "json":
        deliver(json.dumps(answer, allow_nan=False, indent=1) + "\n", None)
    else:
        show(_sections(answer, printable(options.trace, 100), trace.header.about))
    return 0


def _check(options: argparse.Namespace) -> None:
    """Raises InputError for options of a placement that is not asked for."""
    for name in ("hot_rows", "copied_rows", "cached_rows", "profile"):
        if getattr(options, name) is not None and options.placement != "frequency-aware":
            raise InputError(f"trace run: --{name.replace('_', '-')} is of --placement frequency-aware")
    if options.units is not None and options.placement is None:
        raise InputError("trace run: --units says what a --placement places on; give one")


def _placements(options: argparse.Namespace, trace: Trace, device: Device) -> list[Placement]:
    """Round-robin, and the placement that is asked for, last; none where none is."""
    from pimsim.memory.placement import HOT_ROWS, need_rows, place, profile
    from pimsim.memory.placement_run import units_of
    from pimsim.memory.traces import open_trace

    if options.placement is None:
        return []
    need_rows(trace.header)
    units = units_of(device, options.units or "bank")
    tables = trace.header.tables
    made = [place(tables, units, "round_robin")]
    if options.placement == "size-balanced":
        made.append(place(tables, units, "size_balanced"))
    elif options.placement == "frequency-aware":
        known = trace if options.profile is None else open_trace(options.profile)
        if known.header.tables != tables:
            raise InputError(
                f"--profile: {printable(options.profile)} is of other tables than {printable(options.trace)}"
            )
        hot = HOT_ROWS if options.hot_rows is None else options.hot_rows
        made.append(place(
            tables, units, "frequency_aware", profile(known), hot_rows=hot, copied_rows=options.copied_rows or 0,
            cached_rows=options.cached_rows or 0,
        ))  # fmt: skip
    return made


def _run(
    options: argparse.Namespace, trace: Trace, device: Device, policy: Policy, placement: Placement | None
) -> Result:
    from pimsim.explore.progress import bar
    from pimsim.memory.placement_run import run_on

    total = trace.requests
    with bar(options.progress, "requests") as progress:
        told = None if progress is None or total is None else (lambda done: progress(done, total))
        return run_on(trace, device, policy, placement, told, arrivals=not options.ignore_arrivals)


def _load(placement: Placement, trace: Trace) -> Load:
    from pimsim.memory.placement import load_of

    return load_of(placement, trace)


def _answer(found: Result, trace: Trace, policy: Policy) -> dict[str, Any]:
    """The result as plain data, with the policy, and accesses apart from requests."""
    from dataclasses import asdict

    plain = found.to_dict()
    totals = plain["totals"]
    accesses = totals.pop("requests")
    seconds = totals["time_ns"] * 1e-9
    totals["requests"] = accesses if trace.requests is None else trace.requests
    totals["accesses"] = accesses
    totals["requests_per_s"] = totals["requests"] / seconds if seconds else 0.0
    totals["energy_pJ_per_request"] = totals["energy_pJ"] / totals["requests"] if totals["requests"] else 0.0
    return {**plain, "policy": asdict(policy)}


def _about(placements: list[Placement], loads: list[Load], found: list[Result]) -> dict[str, Any]:
    """The placement beside round-robin: how even, how fast, at what energy; gain: round-robin's figure over ours."""
    figures = []
    for load, result in zip(loads, found, strict=True):
        figures.append({
            "load_imbalance": load.imbalance, "busiest_of_bag": load.busiest_of_bag, "cached_requests": load.cached,
            "cycles": result.cycles, "energy_pJ": result.total_energy_pJ,
        })  # fmt: skip
    names = ("load_imbalance", "busiest_of_bag", "cycles", "energy_pJ")
    gain = {name: figures[0][name] / figures[-1][name] if figures[-1][name] else None for name in names}
    last = placements[-1]
    units = {"kind": last.units.kind, "count": last.units.count, "capacity_bytes": last.units.capacity_bytes}
    used = {"most_bytes": int(last.used_bytes.max()), "least_bytes": int(last.used_bytes.min())}
    return {"policy": last.policy, "units": {**units, **used}, **figures[-1], "round_robin": figures[0], "gain": gain}


def _sections(answer: dict[str, Any], name: str, about: str) -> list[Section]:
    from pimsim.report.sections import Column, Facts, Table
    from pimsim.report.units import percent, scaled, significant, unit_for

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
        placed = answer["placement"]
        first = placed["round_robin"]
        lines: list[tuple[str, ...]] = []
        for label, key in (
            ("busiest unit over mean", "load_imbalance"), ("busiest unit's rows of a bag", "busiest_of_bag"),
            ("cycles", "cycles"), ("energy pJ", "energy_pJ"),
        ):  # fmt: skip
            gain = placed["gain"][key]
            shown = "" if gain is None else f"{gain:.3f}"
            lines.append((label, significant(first[key]), significant(placed[key]), shown))
        kind = f"{placed['units']['count']:,} {placed['units']['kind']}s"
        cached = f", {placed['cached_requests']:,} requests served by the cache" if placed["cached_requests"] else ""
        heads = (
            Column("", right=False),
            Column("round robin"),
            Column(placed["policy"].replace("_", " ")),
            Column("gain"),
        )
        sections.append(Table("Placement", heads, lines, caption=f"on {kind}{cached}"))
    return sections
