"""`pimsim serve`: what a request waits for when a model is served, lookups and arithmetic."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from pimsim.cli.binding import add_binding_options
from pimsim.cli.output import deliver, say, show, targets
from pimsim.cli.parsing import Parser, add_allow_code, choice, whole
from pimsim.cli.placement_options import add_placement_options, check_placement
from pimsim.cli.trace_make import number

if TYPE_CHECKING:
    from pimsim.cli.serve_setup import Service
    from pimsim.memory.serving.run import Served

CURVE = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0, 1.05)
"""Of the saturation rate: where the picture has its points."""

STEPS, SEARCHED, MOST_SEARCHED = 11, 2000, 500_000
"""Halvings of the search for the saturation rate, and inferences of each try, at least and at most."""


def parser() -> Parser:
    """The options of `pimsim serve`."""
    made = Parser(
        "pimsim serve",
        "Inferences that arrive one by one, are taken in batches, look their rows up on the banks of a memory and go\n"
        "through the model's pipeline: latency, throughput, queue, energy, and the rate that is too much.",
        "example: pimsim serve --hw reram_128 --model ctr.onnx --trace zipf.parquet --rate 100000 --csv requests.csv",
    )
    made.add_argument(
        "--hw", required=True, metavar="NAME|FILE", help="hardware of the arithmetic, as for 'pimsim run'"
    )
    made.add_argument("--model", required=True, metavar="FILE", help="ONNX model")
    made.add_argument(
        "--trace", required=True, metavar="T", help="trace of table rows: bag i is what inference i looks up"
    )
    add_binding_options(made, unknown_ops=True)
    service = made.add_argument_group("service")
    service.add_argument(
        "--rate", type=number(1e-3, 1e12), metavar="R",
        help="inferences a second, as a Poisson process; without it the trace says when",
    )  # fmt: skip
    service.add_argument(
        "--requests", type=whole(1, 10**7), metavar="N", help="inferences (10,000; all that the trace times)"
    )
    service.add_argument("--seed", type=whole(0, 2**53), default=0, metavar="S", help="of the arrivals (0)")
    service.add_argument("--max-batch", type=whole(1, 65536), default=1, metavar="N", help="inferences of a batch (1)")
    service.add_argument(
        "--timeout-us", type=number(0, 1e9), default=0.0, metavar="T", help="wait for a batch to fill (0)"
    )
    service.add_argument(
        "--in-flight", type=whole(1, 4096), default=8, metavar="N", help="batches under way at once (8)"
    )
    hardware = made.add_argument_group("hardware")
    hardware.add_argument(
        "--memory", metavar="NAME|FILE",
        help="memory of the tables, plain or with adders near its banks (that of the hardware description)",
    )  # fmt: skip
    hardware.add_argument(
        "--policy", type=choice("fcfs", "frfcfs"), metavar="fcfs|frfcfs",
        help="of the memory: in order, or of those queued the oldest whose row is open (fcfs)",
    )  # fmt: skip
    hardware.add_argument("--queue", type=whole(1, 4096), metavar="N", help="frfcfs: entries a channel (32)")
    hardware.add_argument(
        "--operands", type=choice("model", "default"), default="model", metavar="model|default",
        help="statistics of weights: the model's own (default), or the hardware file's",
    )  # fmt: skip
    hardware.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a hardware value")
    hardware.add_argument(
        "--set-memory", action="append", default=[], metavar="KEY=VALUE", help="override one of the memory"
    )
    add_allow_code(hardware)
    add_placement_options(made)
    answer = made.add_argument_group("answer")
    answer.add_argument("--format", type=choice("table", "json"), default="table", metavar="table|json", help="form")
    answer.add_argument(
        "--csv", metavar="FILE.csv", help="also write a row a request: arrival, queue, lookup, compute, done"
    )
    answer.add_argument(
        "--saturation", action=argparse.BooleanOptionalAction, default=True,
        help="find the rate that is too much, by bisection (yes)",
    )  # fmt: skip
    answer.add_argument("--out", metavar="FILE.png", help="also draw latency against rate (.png, .svg or .pdf)")
    return made


def execute(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code. Raises InputError with what is wrong with options, model, hardware,
    memory or trace."""
    from pimsim.cli import serve_report
    from pimsim.cli.serve_setup import Service

    check_placement(options, "serve")
    files = targets(csv=options.csv, out=options.out)
    if "out" in files:
        from pimsim.report.plot import picture_format

        picture_format(files["out"], "--out")
    service = Service(options)
    served = service.at(options.rate)
    answer = answer_of(service, served)
    if options.saturation or "out" in files:
        answer |= search(service)
        if options.rate is not None and options.rate > answer.get("saturation_bracket_per_s", [0.0, np.inf])[1]:
            say("note: the rate is above saturation; the queue grows as long as requests come")
    if options.format == "json":
        deliver(json.dumps(answer, allow_nan=False, indent=1) + "\n", None)
    else:
        show(serve_report.sections(answer))
    if "csv" in files:
        deliver(serve_report.csv_text(served), files["csv"])
    if "out" in files and "saturation_per_s" in answer:
        serve_report.draw(curve(service, answer["saturation_per_s"]), answer, files["out"])
    return 0


def answer_of(service: Service, served: Served) -> dict[str, Any]:
    """The figures as plain data."""
    from pimsim.memory.run import Result
    from pimsim.memory.serving.service import PIECES, over_time

    until, device, batching = float(served.done.max()), service.setup.device, service.batching
    busy: dict[str, Any] = {
        "lookups_under_way": over_time(served.taken, served.looked_up, until),
        "pipeline": over_time(served.computing, served.computing + service.pipeline.interval_ns, until),
    }
    if isinstance(served.memory, Result) and served.memory.done is not None:
        cycles = until * device.clock_MHz * 1e-3
        counts = np.histogram(served.memory.done, bins=PIECES, range=(0.0, max(1.0, cycles)))[0]
        busy["banks_data_bus"] = counts * (device.timing.burst * PIECES / device.channels / max(1.0, cycles))
    energy = served.energy_pJ
    totals = {side: sum(parts.values()) for side, parts in energy.items()}
    standing = sum(energy["memory"].get(name, 0.0) for name in STANDING) + energy["compute"]["static"]
    return {
        "memory": service.setup.name,
        "policy": service.setup.policy.scheduler if service.setup.near is None else None,
        "rate_per_s": service.options.rate,
        "batching": {"size": batching.size, "timeout_ns": batching.timeout_ns, "in_flight": batching.in_flight},
        **served.figures().to_dict(),
        "parts_ns": {
            "queue": float((served.taken - served.arrival).mean()),
            "lookup": float((served.looked_up - served.taken).mean()),
            "compute": float((served.done - served.looked_up).mean()),
        },
        "energy_pJ_per_request": {
            "lookups": totals["memory"], "compute": totals["compute"], "total": sum(totals.values()),
            "of_requests": sum(totals.values()) - standing, "of_time": standing,
        },
        "energy_parts_pJ_per_request": energy,
        "utilization": {name: float(values.mean()) for name, values in busy.items()},
        "over_time": {
            "until_ns": until, **{name: values.tolist() for name, values in busy.items()},
            "queue_depth": over_time(served.arrival, served.taken, until).tolist(),
        },
    }  # fmt: skip


STANDING = ("background", "refresh", "cache_leakage")
"""Parts of a memory's energy that are drawn with time, whatever is asked."""


def search(service: Service) -> dict[str, Any]:
    """The saturation rate: the largest at which what is left after the last arrival is done in little time. Nothing
    where so many inferences go on at once that a search with MOST_SEARCHED of them would not tell."""
    from pimsim.memory.serving.service import poisson_arrivals, saturation

    slack = 5.0 * float(service.of(np.zeros(1)).done[0]) + 2.0 * service.batching.timeout_ns
    count = SEARCHED
    while float((at_once := service.of(np.zeros(count))).done.max()) < 2.0 * slack:
        count *= 4
        if count > MOST_SEARCHED:
            say(f"note: {MOST_SEARCHED:,} inferences are too few to find the saturation rate of so long a service")
            return {}
    most = at_once.figures().throughput_per_s

    def keeps_up(rate: float) -> bool:
        one = service.of(poisson_arrivals(rate, count, service.options.seed))
        return float(one.done.max() - one.arrival[-1]) <= slack + 0.01 * float(one.arrival[-1])

    low, high = saturation(keeps_up, most / 64.0, most * 4.0, STEPS)
    return {
        "saturation_per_s": low, "saturation_bracket_per_s": [low, high], "throughput_all_at_once_per_s": most,
    }  # fmt: skip


def curve(service: Service, saturated: float) -> list[tuple[float, ...]]:
    """(rate, p50, p99, p99.9 in ns) up to a little over the saturation rate."""
    points: list[tuple[float, ...]] = []
    for share in CURVE:
        latency = service.at(saturated * share, service.options.requests or SEARCHED).figures().latency_ns
        points.append((saturated * share, latency["p50"], latency["p99"], latency["p99.9"]))
    return points
