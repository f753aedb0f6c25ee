"""`pimsim trace run` on a memory with adders near its banks: the sums of the trace's bags, beside the plain memory."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

from pimsim.cli.controller_options import policy_of
from pimsim.cli.output import deliver, show
from pimsim.cli.placement_options import placed as placed_on
from pimsim.cli.placement_report import about, section
from pimsim.errors import InputError, printable

if TYPE_CHECKING:
    from pimsim.memory.near.result import NearResult
    from pimsim.memory.near.spec import Near
    from pimsim.memory.placement.policies import Placement
    from pimsim.memory.policy import Policy
    from pimsim.memory.run import Result
    from pimsim.memory.traces import Trace
    from pimsim.report.sections import Section


def execute_near(options: argparse.Namespace) -> int:
    """Run the command for `--hw` of a near memory; returns the exit code. Raises InputError for options, a memory or a
    trace that do not go together."""
    from dataclasses import asdict

    from pimsim.memory.near.run import run_near, run_plain
    from pimsim.memory.near.spec import load_near
    from pimsim.memory.near.trace import bags_of
    from pimsim.memory.placement.crossbar import run_placed
    from pimsim.memory.placement.policies import load_of
    from pimsim.memory.traces import open_trace

    if options.power_down is not None:
        raise InputError("trace run: --power-down is of plain memories")
    policy = policy_of(options, "frfcfs")  # as near memories serve themselves: a plain memory is not to look worse
    near = load_near(options.hw, overrides=options.set)
    if options.placement is not None and near.spec.crossbar is None:
        raise InputError(
            "trace run: --placement is of plain memories and of crossbars; here rows take turns over the units"
        )
    if options.units not in (None, "crossbar"):
        raise InputError(f"trace run: {near.spec.name} has its tables in crossbars; --units crossbar")
    policy.check(near.memory)
    trace = open_trace(options.trace)
    asked = bags_of(trace, near.memory, arrivals=not options.ignore_arrivals)
    bags = (asked.address, asked.first, asked.row_bytes)
    placements = _placements(options, trace, near)
    every = [run_placed(near, policy, trace, asked, placement) for placement in placements]
    found = every[-1] if every else run_near(near, policy, *bags, asked.cycles(near.clock_MHz))
    plain = run_plain(near.memory, policy, *bags, asked.cycles(near.memory.clock_MHz))
    answer = {**found.to_dict(), "policy": asdict(policy), "plain": plain.to_dict(), "gain": gain(found, plain)}
    if placements:
        answer["placement"] = about(placements, [load_of(placement, trace) for placement in placements], every)
    if options.format == "json":
        deliver(json.dumps(answer, allow_nan=False, indent=1) + "\n", None)
    else:
        placed = [section(answer["placement"])] if placements else []
        show([*_sections(near, found, plain, policy, printable(options.trace, 100)), *placed])
    return 0


def _placements(options: argparse.Namespace, trace: Trace, near: Near) -> list[Placement]:
    """Round-robin over the crossbars, and the placement that is asked for, last; none where none is."""
    from pimsim.memory.placement.crossbar import slots_of

    if options.placement is None:
        return []
    return placed_on(options, trace, *slots_of(near, trace.header.tables))


def gain(near: NearResult, plain: Result) -> dict[str, float | None]:
    """Time and energy of the plain memory over those near the banks; None where nothing is done."""
    return {
        "time": plain.time_ns / near.time_ns if near.time_ns else None,
        "energy": plain.total_energy_pJ / near.total_energy_pJ if near.total_energy_pJ else None,
    }


def _sections(near: Near, found: NearResult, plain: Result, policy: Policy, name: str) -> list[Section]:
    from pimsim.report.sections import Column, Facts, Table
    from pimsim.report.units import percent, scaled, unit_for

    won: dict[str, Any] = gain(found, plain)
    queue = f", queue of {policy.queue}" if policy.scheduler == "frfcfs" else ""
    pairs = [
        ("near memory", f"{found.name}: {printable(near.spec.description, 200)}"),
        ("plain memory", f"{plain.device}, {policy.scheduler}{queue}, {policy.page} page"),
        ("requests", f"{found.lookups:,} in {found.bags:,} bags; {found.sums:,} sums to the host"),
        ("time", f"{scaled('latency_ns', found.time_ns)} ({found.cycles:,} cycles of {found.clock_MHz:g} MHz)"),
        ("time, plain", scaled("latency_ns", plain.time_ns)),
        ("energy", scaled("energy_pJ", found.total_energy_pJ)),
        ("energy, plain", scaled("energy_pJ", plain.total_energy_pJ)),
    ]
    pairs += [(f"gain in {what}", f"{value:.3f}") for what, value in won.items() if value is not None]
    commands = [(key.replace("_", " "), f"{value:,}") for key, value in found.counts.items()]
    parts = sorted(found.energy_pJ.items(), key=lambda part: -part[1])
    unit = unit_for("energy_pJ", max((value for _, value in parts), default=0.0))
    total = found.total_energy_pJ
    rows: list[tuple[str, ...]] = [(part, unit.show(value), percent(value, total)) for part, value in parts]
    table = Table(
        "Energy", (Column("part", right=False), Column(f"energy {unit.name}"), Column("%")), rows,
        ("sum", unit.show(total), ""),
    )  # fmt: skip
    return [Facts(f"Trace {name}", pairs), Facts("Counts", commands), table]
