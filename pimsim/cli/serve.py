"""`pimsim serve`: what a request waits for when a model is served, lookups and arithmetic."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pimsim.cli.binding import add_binding_options
from pimsim.cli.output import deliver, say, show, targets
from pimsim.cli.parsing import Parser, add_allow_code, choice, whole
from pimsim.cli.trace_make import number
from pimsim.errors import InputError, printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from pimsim.memory.serving_run import Pipeline, Served
    from pimsim.report.sections import Section

COMPUTE_OPTIONS = {"weight_bits": None, "input_bits": None, "bits": None, "operands": "model", "inputs": None}
"""What `pimsim run` asks beside; a service takes their defaults."""

CURVE = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0, 1.05)
"""Of the saturation rate: where the picture has its points."""

STEPS = 12


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
    made.add_argument("--memory", default="ddr4_2400", metavar="NAME|FILE", help="memory of the tables (ddr4_2400)")
    add_binding_options(made, unknown_ops=True)
    service = made.add_argument_group("service")
    service.add_argument(
        "--rate", type=number(1e-3, 1e12), metavar="R", help="inferences a second, as a Poisson process"
    )
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
    hardware.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="override a hardware value")
    hardware.add_argument(
        "--set-memory", action="append", default=[], metavar="KEY=VALUE", help="override one of the memory"
    )
    add_allow_code(hardware)
    answer = made.add_argument_group("answer")
    answer.add_argument("--format", type=choice("table", "json"), default="table", metavar="table|json", help="form")
    answer.add_argument(
        "--csv", metavar="FILE.csv", help="also write a row a request: arrival, queue, lookup, compute, done"
    )
    answer.add_argument("--saturation", action="store_true", help="also find the rate that is too much, by bisection")
    answer.add_argument("--out", metavar="FILE.png", help="also draw latency against rate (.png, .svg or .pdf)")
    made.set_defaults(capacity=None, **COMPUTE_OPTIONS)
    return made


def execute(options: argparse.Namespace) -> int:
    """Run the command; returns the exit code. Raises InputError with what is wrong with options, model, hardware,
    memory or trace."""
    files = targets(csv=options.csv, out=options.out)
    if "out" in files:
        from pimsim.report.plot import picture_format

        picture_format(files["out"], "--out")
    service = Service(options)
    served = service.at(options.rate)
    answer = service.answer(served)
    curve = service.search(answer, bool("out" in files)) if options.saturation or "out" in files else []
    if options.format == "json":
        deliver(json.dumps(answer, allow_nan=False, indent=1) + "\n", None)
    else:
        show(_sections(answer))
    if "csv" in files:
        deliver(_csv(served), files["csv"])
    if "out" in files:
        _draw(curve, answer, files["out"])
    return 0


class Service:
    """Model, memory and lookups of the options, to be served at any rate."""

    def __init__(self, options: argparse.Namespace):
        from pimsim.memory.device import load_device
        from pimsim.memory.policy import Policy
        from pimsim.memory.serving import Batching
        from pimsim.memory.serving_banks import Banks
        from pimsim.memory.serving_lookups import lookups_of, trace_arrivals
        from pimsim.memory.traces import open_trace

        self.options, self.policy = options, Policy()
        self.device = load_device(options.memory, overrides=options.set_memory)
        trace = open_trace(options.trace)
        self.tables = Banks(lookups_of(trace, self.device, self.policy), self.device, self.policy)
        self.batching = Batching(options.max_batch, options.timeout_us * 1e3, options.in_flight)
        self.timed = trace_arrivals(trace, self.device) if options.rate is None else None
        self.pipeline, tables = _pipeline(options)
        if tables != len(trace.header.tables):
            say(f"note: the model has {tables} lookups, the trace {len(trace.header.tables)} tables; the trace counts")

    def at(self, rate: float | None) -> Served:
        """Served at `rate`, or as the trace says when."""
        from pimsim.memory.serving import poisson_arrivals
        from pimsim.memory.serving_run import serve

        count = self.options.requests
        if rate is None:
            assert self.timed is not None
            arrivals = self.timed[:count]
        else:
            arrivals = poisson_arrivals(rate, count or 10_000, self.options.seed)
        return serve(self.tables, self.pipeline, self.batching, arrivals)

    def answer(self, served: Served) -> dict[str, Any]:
        """The figures as plain data."""
        from pimsim.memory.serving import PIECES, over_time

        found = served.figures()
        until = float(served.done.max())
        energy = served.energy_pJ
        assert served.memory.done is not None
        counts = np.histogram(served.memory.done, bins=PIECES, range=(0.0, until * self.device.clock_MHz * 1e-3))[0]
        lanes = self.device.channels * until * self.device.clock_MHz * 1e-3 / PIECES
        busy = counts * self.device.timing.burst / lanes if lanes else counts * 0.0
        pipe = over_time(served.computing, served.computing + self.pipeline.interval_ns, until)
        return {
            "memory": self.device.name,
            "rate_per_s": self.options.rate,
            "batching": {
                "size": self.batching.size, "timeout_ns": self.batching.timeout_ns,
                "in_flight": self.batching.in_flight,
            },
            **found.to_dict(),
            "parts_ns": {
                "queue": float((served.taken - served.arrival).mean()),
                "lookup": float((served.looked_up - served.taken).mean()),
                "compute": float((served.done - served.looked_up).mean()),
            },
            "energy_pJ_per_request": {
                "lookups": sum(energy["memory"].values()), "compute": sum(energy["compute"].values()),
                "total": sum(sum(parts.values()) for parts in energy.values()), "parts": energy,
            },
            "energy_pJ_lookups": dict(served.memory.energy_pJ),
            "utilization": {"banks_data_bus": float(busy.mean()), "pipeline": float(pipe.mean())},
            "over_time": {
                "until_ns": until, "banks_data_bus": busy.tolist(), "pipeline": pipe.tolist(),
                "queue_depth": over_time(served.arrival, served.taken, until).tolist(),
            },
        }  # fmt: skip

    def search(self, answer: dict[str, Any], drawn: bool) -> list[tuple[float, float, float]]:
        """Put the saturation rate into `answer`; (rate, p50, p99 in ns) around it when they are to be drawn."""
        from pimsim.memory.serving import saturation
        from pimsim.memory.serving_run import serve

        count = min(self.options.requests or 10_000, 10_000)
        at_once = serve(self.tables, self.pipeline, self.batching, np.zeros(count))
        most = at_once.figures().throughput_per_s
        alone = serve(self.tables, self.pipeline, self.batching, np.zeros(1))
        slack = 5.0 * float(alone.done[0]) + 2.0 * self.batching.timeout_ns

        def keeps_up(rate: float) -> bool:
            """Whether what is left after the last arrival is done in little time."""
            one = self.at(rate)
            return float(one.done[-1] - one.arrival[-1]) <= slack + 0.01 * float(one.arrival[-1])

        low, high = saturation(keeps_up, most / 64.0, most * 4.0, STEPS)
        answer["saturation_per_s"] = low
        answer["saturation_bracket_per_s"] = [low, high]
        answer["throughput_all_at_once_per_s"] = most
        if not drawn:
            return []
        points = []
        for share in CURVE:
            figures = self.at(low * share).figures()
            points.append((low * share, figures.latency_ns["p50"], figures.latency_ns["p99"]))
        return points


def _pipeline(options: argparse.Namespace) -> tuple[Pipeline, int]:
    """The arithmetic of an inference, without its lookups; and how many lookups the model has."""
    from pimsim.cli.run import compute
    from pimsim.memory.serving_run import Pipeline

    result = compute(argparse.Namespace(**{**vars(options), "trace": None, "memory": None}))
    layers: Any = result.layers
    rows = [row for row in layers if row["kind"] == "lookup"]
    latency = result.totals["latency_ns"] - sum(float(row["latency_ns"]) for row in rows)
    energy = result.totals["energy_pJ"] - sum(float(row["energy_pJ"]) for row in rows)
    latency, energy = max(0.0, latency), max(0.0, energy)
    interval = min(1e9 / result.totals["throughput_inferences_per_s"], latency)
    return Pipeline(latency, interval, energy), len(rows)


def _csv(served: Served) -> str:
    """A row a request: when it arrived, how long each part took, when it was done."""
    lines = ["request,arrival_ns,queue_ns,lookup_ns,compute_ns,done_ns\n"]
    parts = (
        served.arrival, served.taken - served.arrival, served.looked_up - served.taken,
        served.done - served.looked_up, served.done,
    )  # fmt: skip
    for index, row in enumerate(zip(*(part.tolist() for part in parts), strict=True)):
        lines.append(f"{index}," + ",".join(f"{value:.3f}" for value in row) + "\n")
    return "".join(lines)


def _sections(answer: dict[str, Any]) -> list[Section]:
    from pimsim.report.sections import Column, Facts, Table
    from pimsim.report.units import percent, scaled, significant

    batching, energy = answer["batching"], answer["energy_pJ_per_request"]
    offered = (
        "as the trace says" if answer["rate_per_s"] is None else f"Poisson, {scaled('rate', answer['rate_per_s'])}"
    )
    facts = [
        ("memory", printable(answer["memory"], 100)),
        ("arrivals", offered),
        ("batches", f"at most {batching['size']:,}, {scaled('latency_ns', batching['timeout_ns'])} to fill, "
                    f"{batching['in_flight']} in flight; {significant(answer['mean_batch'])} on average"),
        ("requests", f"{answer['requests']:,} over {scaled('latency_ns', answer['span_ns'])}"),
        ("throughput", scaled("rate", answer["throughput_per_s"])),
        ("queue depth", f"{significant(answer['queue_depth'])} on average"),
        ("data bus of the banks", f"{percent(answer['utilization']['banks_data_bus'], 1)}% busy"),
        ("compute pipeline", f"{percent(answer['utilization']['pipeline'], 1)}% busy"),
        ("energy a request", f"{scaled('energy_pJ', energy['total'])}, "
                             f"{scaled('energy_pJ', energy['lookups'])} of it lookups"),
    ]  # fmt: skip
    if "saturation_per_s" in answer:
        facts.append(("saturation", f"{scaled('rate', answer['saturation_per_s'])}"))
    rows: list[tuple[str, ...]] = [(name, scaled("latency_ns", value)) for name, value in answer["latency_ns"].items()]
    rows.append(("mean", scaled("latency_ns", answer["mean_ns"])))
    rows += [(f"of it {name}", scaled("latency_ns", value)) for name, value in answer["parts_ns"].items()]
    return [Facts("Service", facts), Table("Latency", (Column("", right=False), Column("from arrival to done")), rows)]


def _draw(points: list[tuple[float, float, float]], answer: dict[str, Any], path: Path) -> None:
    """Latency against rate, with the saturation rate."""
    from pimsim.report.plot import blank, written

    def drawn() -> Figure:
        figure = blank(7.5, 4.5)
        panel = figure.subplots()
        rates = [rate for rate, _, _ in points]
        panel.plot(rates, [p50 * 1e-3 for _, p50, _ in points], marker="o", color="#4e79a7", label="p50")
        panel.plot(rates, [p99 * 1e-3 for _, _, p99 in points], marker="o", color="#c43c39", label="p99")
        panel.axvline(answer["saturation_per_s"], color="#555555", linestyle="--", linewidth=1, label="saturation")
        panel.set_yscale("log")
        panel.set_xlabel("inferences a second")
        panel.set_ylabel("latency (us)")
        panel.grid(color="#dddddd", linewidth=0.6)
        panel.spines[["top", "right"]].set_visible(False)
        panel.legend(frameon=False)
        return figure

    if not points:
        raise InputError("nothing to draw")
    written(drawn, path)
    say(f"wrote {printable(path)}")
