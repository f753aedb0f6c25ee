"""The published Criteo networks with their full tables, run and served on three memories: figures by part.

Every figure is one of the JSON that `pimsim run` and `pimsim serve` print, for the same words. Their model is an export
of the network (`nas export`), which has 2.2 GB of tables; here the networks of `shared/reference/nasrec` are what
`nas.lowering` reads (a test holds that equal to what `nas export` writes), handed to the same code without the file.
The tables have the rows that the authors publish. Every inference looks up one row of each of 26, by Zipf's law.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from nas.data.fields import Schema, SparseField
from nas.lowering.nasrec import Lowering
from nas.spaces.architecture import Architecture
from pimsim.cli.serve import answer_of, search
from pimsim.cli.serve import parser as serve_parser
from pimsim.cli.serve_setup import Service
from pimsim.engine import simulate
from pimsim.graph.workload import Workload
from pimsim.hardware.load import load_hardware
from pimsim.memory.traces.form import TableShape
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
SERVED, LOAD = 2000, 0.5
"""Requests served, at this share of the rate that `run` finds."""
BATCH, TIMEOUT_US, IN_FLIGHT = 8, 5, 4

Answer = dict[str, Any]
"""Of a command, as its --format json has it."""


@dataclass(frozen=True)
class Point:
    """One network on one memory. run_*: of `pimsim run`, an inference. energy_pJ: arithmetic (dynamic, static) and
    lookups by part. serve_*: of requests at `rate_per_s`; the saturation rate is that of the whole service. Area: of
    the chip, and of tables in crossbars; that of DRAM is not known."""

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
    serve_saturation_per_s: float
    chip_area_um2: float
    tables_area_um2: float


def schema(rows: Sequence[int] = ROWS) -> Schema:
    """Criteo's fields with their full tables (or tables of `rows`)."""
    fields = tuple(SparseField(f"C{i + 1}", many) for i, many in enumerate(rows))
    return Schema(tuple(f"I{i + 1}" for i in range(DENSE)), fields)


def trace(inferences: int = INFERENCES, rows: Sequence[int] = ROWS) -> MadeTrace:
    """What inferences look up: a row of each table, DIM elements of 8 bits."""
    tables = tuple(TableShape(f"C{i + 1}", many, DIM) for i, many in enumerate(rows))
    return MadeTrace(Recipe("zipf", tables, inferences * len(rows), SEED, 1, EXPONENT))


def network(name: str) -> Workload:
    """A published network with its tables."""
    return lowered(Architecture.load(REFERENCE / f"{name}.json"), schema())


def lowered(architecture: Architecture, fields: Schema) -> Workload:
    """A network as the export has it: inputs are the dense columns and the ids of the fields, the output is a score."""
    inputs = len(fields.dense) + len(fields.sparse)
    return replace(Lowering(fields, DIM).workload(architecture), input_elements=inputs, output_elements=1)


def run_words(hardware: str, model: str = "criteo.onnx", rows: str = "rows.parquet") -> list[str]:
    """`pimsim run` of a point, with the hardware file's statistics of weights: those of an export are drawn anew."""
    return ["--hw", hardware, "--model", model, "--trace", rows, "--operands", "default", "--format", "json"]


def serve_words(
    hardware: str, rate: float, requests: int, model: str = "criteo.onnx", rows: str = "rows.parquet"
) -> list[str]:
    """`pimsim serve` of a point."""
    service = {"rate": rate, "requests": requests, "max-batch": BATCH, "timeout-us": TIMEOUT_US, "in-flight": IN_FLIGHT}
    more = [word for name, value in service.items() for word in (f"--{name}", repr(value))]
    return [*run_words(hardware, model, rows), *more, "--seed", str(SEED)]


def points(inferences: int = INFERENCES, requests: int = SERVED) -> Iterator[Point]:
    """Every network on every memory."""
    for name in NETWORKS:
        workload = network(name)
        for hardware in HARDWARE:
            yield point(name, workload, hardware, trace(inferences), requests)


def point(name: str, workload: Workload, hardware: str, asked: MadeTrace, requests: int) -> Point:
    """One network on one memory, run and served."""
    ran = simulate(workload, load_hardware(hardware), trace=asked, operands="default", compiled=False)
    run: Answer = json.loads(ran.to_json())
    options = serve_parser().parse_args(serve_words(hardware, rate_of(run), requests))
    service = Service(options, workload, asked)
    served = answer_of(service, service.at(options.rate)) | search(service)
    return point_of(name, hardware, run, served)


def rate_of(run: Answer) -> float:
    """Requests a second at which a point is served."""
    return LOAD * float(run["totals"]["throughput_inferences_per_s"])


def point_of(name: str, hardware: str, run: Answer, served: Answer) -> Point:
    """A point, out of what the two commands print."""
    totals, told, memory = run["totals"], run["lookups"], run["components"]["memory"]
    spent = served["energy_parts_pJ_per_request"]
    return Point(
        name, hardware, told["memory"], totals["latency_ns"], 1e9 / totals["throughput_inferences_per_s"],
        told["latency_ns"], told["interval_ns"],
        {
            "arithmetic": totals["energy_dynamic_pJ"] - memory["energy_dynamic_pJ"],
            "chip at rest": totals["energy_static_pJ"] - memory["energy_static_pJ"],
            **{f"lookups: {part}": value for part, value in told["parts"].items()},
        },
        served["rate_per_s"], served["latency_ns"]["p50"], served["latency_ns"]["p99"], served["parts_ns"],
        {
            "arithmetic": spent["compute"]["dynamic"], "chip at rest": spent["compute"]["static"],
            **{f"lookups: {part}": value for part, value in spent["memory"].items()},
        },
        served["saturation_per_s"], totals["area_um2"] - memory["area_um2"], memory["area_um2"],
    )  # fmt: skip


def read(folder: Path = FOLDER) -> tuple[Point, ...]:
    """The record in the repository."""
    return tuple(Point(**kept) for kept in json.loads((folder / "record.json").read_text("utf-8")))


def text_of(found: tuple[Point, ...]) -> str:
    """record.json."""
    return json.dumps([asdict(one) for one in found], indent=1) + "\n"
