"""The published Criteo networks with their full tables, run and served on three memories: figures by part.

The networks are those of `shared/reference/nasrec`, as `nas.lowering` reads them (a test holds that equal to what
`nas export` writes); the tables have the rows that the authors publish. Every inference looks up one row of each of 26
tables, by Zipf's law in each.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nas.data.fields import Schema, SparseField
from nas.lowering.nasrec import Lowering
from nas.spaces.architecture import Architecture
from pimsim.engine import simulate
from pimsim.graph.workload import Workload
from pimsim.hardware.load import load_hardware
from pimsim.hardware.schema import Hardware
from pimsim.memory.lookups import without_lookups
from pimsim.memory.serving.banks import Banks, Tables
from pimsim.memory.serving.lookups import lookups_of
from pimsim.memory.serving.near import near_tables
from pimsim.memory.serving.run import Pipeline, serve
from pimsim.memory.serving.service import Batching, poisson_arrivals
from pimsim.memory.setup import Setup, setup_of
from pimsim.memory.traces.form import TableShape, Trace
from pimsim.memory.traces.generators import MadeTrace, Recipe

FOLDER = Path(__file__).resolve().parent
REFERENCE = FOLDER.parents[2] / "shared" / "reference" / "nasrec"
NETWORKS = ("criteo_small", "criteo_full")
HARDWARE = ("reram_128_ddr4", "reram_128_hbm2_near", "reram_128_tables")
DENSE, DIM = 13, 16
ROWS = (
    1461, 584, 10131227, 2202609, 306, 25, 12518, 634, 4, 93146, 5684, 8351593, 3195, 28, 14993, 5461307, 11, 5653,
    2174, 5, 7046548, 19, 16, 286182, 106, 142573,
)  # fmt: skip
"""Of the 26 tables (the reference's README)."""

INFERENCES, EXPONENT, SEED = 2000, 1.05, 0
SERVED, LOAD, BATCHING = 2000, 0.5, Batching(8, 5000.0, 4)
"""Requests served, at this share of the rate that `run` finds, and how they are batched."""


@dataclass(frozen=True)
class Point:
    """One network on one memory. run_*: of `pimsim run`, an inference. energy_pJ: arithmetic (dynamic, static) and
    lookups by part. serve_*: of requests at `rate_per_s`."""

    network: str
    hardware: str
    memory: str
    run_latency_ns: float
    run_interval_ns: float
    run_lookup_ns: float
    run_lookup_busy_ns: float
    energy_pJ: dict[str, float]
    rate_per_s: float
    serve_p50_ns: float
    serve_p99_ns: float
    serve_parts_ns: dict[str, float]
    serve_energy_pJ: dict[str, float]


def schema() -> Schema:
    """Criteo's fields with their full tables."""
    fields = tuple(SparseField(f"C{i + 1}", rows) for i, rows in enumerate(ROWS))
    return Schema(tuple(f"I{i + 1}" for i in range(DENSE)), fields)


def trace(hardware: Hardware, inferences: int = INFERENCES) -> MadeTrace:
    """What inferences look up: a row of each table."""
    row_bytes = DIM * hardware.precision.weight_bits // 8
    tables = tuple(TableShape(f"C{i + 1}", rows, row_bytes) for i, rows in enumerate(ROWS))
    return MadeTrace(Recipe("zipf", tables, inferences * len(ROWS), SEED, 1, EXPONENT))


def network(name: str) -> Workload:
    """A published network with its tables."""
    return Lowering(schema(), DIM).workload(Architecture.load(REFERENCE / f"{name}.json"))


def points(inferences: int = INFERENCES, requests: int = SERVED) -> Iterator[Point]:
    """Every network on every memory."""
    for name in NETWORKS:
        workload = network(name)
        for hardware in HARDWARE:
            yield point(name, workload, hardware, inferences, requests)


def point(name: str, workload: Workload, hardware: str, inferences: int, requests: int) -> Point:
    """One network on one memory, run and served."""
    machine = load_hardware(hardware)
    asked = trace(machine, inferences)
    result = simulate(workload, machine, trace=asked, compiled=False)
    told: Any = result.lookups
    interval = 1e9 / result.totals["throughput_inferences_per_s"]
    memory = result.components["memory"]
    energy = {
        "arithmetic": result.totals["energy_dynamic_pJ"] - memory["energy_dynamic_pJ"],
        "chip at rest": result.totals["energy_static_pJ"] - memory["energy_static_pJ"],
        **{f"lookups: {part}": value for part, value in told["parts"].items()},
    }
    rate = LOAD * 1e9 / interval
    served = serve(
        tables(setup_of(machine), asked), pipeline(workload, machine), BATCHING, poisson_arrivals(rate, requests, SEED)
    )
    figures = served.figures()
    by_side = served.energy_pJ
    return Point(
        name, hardware, told["memory"], result.totals["latency_ns"], interval, told["latency_ns"], told["interval_ns"],
        energy, rate, figures.latency_ns["p50"], figures.latency_ns["p99"],
        {
            "queue": float((served.taken - served.arrival).mean()),
            "lookup": float((served.looked_up - served.taken).mean()),
            "compute": float((served.done - served.looked_up).mean()),
        },
        {
            "arithmetic": by_side["compute"]["dynamic"], "chip at rest": by_side["compute"]["static"],
            **{f"lookups: {part}": value for part, value in by_side["memory"].items()},
        },
    )  # fmt: skip


def pipeline(workload: Workload, machine: Hardware) -> Pipeline:
    """The arithmetic of an inference."""
    rest = simulate(without_lookups(workload), machine, compiled=False).totals
    interval = 1e9 / rest["throughput_inferences_per_s"]
    return Pipeline(
        rest["latency_ns"], min(interval, rest["latency_ns"]), rest["energy_dynamic_pJ"],
        rest["energy_static_pJ"] / interval,
    )  # fmt: skip


def tables(setup: Setup, asked: Trace) -> Tables:
    """The tables on the memory of a hardware description, to be served."""
    if setup.near is not None:
        return near_tables(asked, setup.near, setup.policy)
    return Banks(lookups_of(asked, setup.device, setup.policy), setup.device, setup.policy)


def read(folder: Path = FOLDER) -> tuple[Point, ...]:
    """The record in the repository."""
    return tuple(Point(**kept) for kept in json.loads((folder / "record.json").read_text("utf-8")))


def text_of(found: tuple[Point, ...]) -> str:
    """record.json."""
    return json.dumps([asdict(one) for one in found], indent=1) + "\n"
