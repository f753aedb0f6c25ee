"""What the report says of table rows that were looked up on the banks of a memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pimsim.errors import printable
from pimsim.graph.workload import Kind, Workload
from pimsim.report.figures import chosen_schedule
from pimsim.report.sections import NAME_WIDTH, Column, Facts, Section, Table
from pimsim.report.units import clip, percent, scaled, significant, unit_for

if TYPE_CHECKING:
    from pimsim.cost.evaluation import Evaluation
    from pimsim.report.result import Result


def lookups(workload: Workload, evaluation: Evaluation) -> dict[str, Any] | None:
    """Plain data of one inference: see `Result.lookups`. Energies of background and refresh are their power over the
    time between two inferences of the chosen schedule, as all static energy is."""
    if all(layer.fetch is None for layer in workload.layers):
        return None
    from pimsim.memory.lookups import run_of  # not at the top: runs without a memory's banks start sooner

    run = run_of(workload)
    if run is None:
        return None
    interval = chosen_schedule(evaluation).interval_ns
    layers = []
    parts: dict[str, float] = {}
    for layer in workload.layers:
        if layer.kind is not Kind.LOOKUP or layer.fetch is None:
            continue
        energy = dict(layer.fetch.energy_pJ)
        for part, value in energy.items():
            parts[part] = parts.get(part, 0.0) + value
        layers.append(
            {
                "name": layer.name, "table_rows": layer.table_rows, "rows": layer.lookups,
                "busy_ns": layer.fetch.busy_ns, "latency_ns": layer.fetch.latency_ns,
                "energy_pJ": sum(energy.values()), "parts": energy,
            }
        )  # fmt: skip
    for part, power in run.standby_mW.items():
        parts[part] = power * interval
    return {
        "memory": run.memory, "controller": run.controller, "trace": run.trace,
        "stream": {
            "inferences": run.inferences, "requests": run.requests, "cycles": run.cycles, "clock_MHz": run.clock_MHz,
            "counts": dict(run.counts),
        },
        "interval_ns": run.interval_ns, "latency_ns": run.latency_ns, "energy_pJ": sum(parts.values()),
        "parts": parts, "standby_mW": dict(run.standby_mW), "area_um2": sum(one.area_um2 for one in run.tables),
        "tables": [
            {
                "name": one.table.name, "rows": one.table.rows, "row_bytes": one.table.row_bytes,
                "requests": one.requests, "cycles": one.cycles, "busy_ns": one.busy_ns, "latency_ns": one.latency_ns,
                "area_um2": one.area_um2,
            }
            for one in run.tables
        ],
        "layers": layers,
    }  # fmt: skip


def lookup_columns(result: Result) -> list[dict[str, object]]:
    """Columns of the CSV, one dict a row of `Result.layers`: energy by part, time at the memory; what is drawn at all
    times stands in the row `shared`."""
    found = result.lookups
    assert found is not None
    run: Any = found
    named = {layer["name"]: layer for layer in run["layers"]}
    rows = []
    for row in result.layers:
        mine = named.get(row["name"], {}) if row["kind"] == str(Kind.LOOKUP) else {}
        own = dict(mine.get("parts", {}))
        if row["kind"] == "shared":
            own = {part: run["parts"][part] for part in run["standby_mW"]}
        energies: dict[str, object] = {f"energy_pJ_memory_{part}": own.get(part, 0.0) for part in run["parts"]}
        times = {"memory_busy_ns": mine.get("busy_ns", 0.0), "memory_latency_ns": mine.get("latency_ns", 0.0)}
        rows.append({**energies, **times})
    return rows


def lookup_sections(result: Result, rows: int | None = None) -> list[Section]:
    """The memory in words, its energy by part, and its layers (the `rows` dearest)."""
    run: Any = result.lookups
    hits, reads = run["stream"]["counts"].get("row_hits"), run["stream"]["counts"].get("read", 0)
    stream = f"{run['stream']['inferences']:,} inferences, {run['stream']['requests']:,} rows"
    facts = [
        ("memory", f"{printable(run['memory'], 100)} ({printable(run['controller'], 100)})"),
        ("trace", f"{printable(run['trace'], 200)}: {stream}"),
        ("busy for an inference", scaled("latency_ns", run["interval_ns"])),
        ("until its last row", scaled("latency_ns", run["latency_ns"])),
        ("energy", f"{scaled('energy_pJ', run['energy_pJ'])} per inference"),
    ]
    if run["area_um2"]:
        facts.append(("area of its crossbars", scaled("area_um2", run["area_um2"])))
    if hits is not None and reads:
        facts.append(("row hits", f"{percent(hits, reads)}% of {significant(reads)} accesses"))
    energy = unit_for("energy_pJ", max(run["parts"].values(), default=0.0))
    kinds = {part: "static" if part in run["standby_mW"] else "dynamic" for part in run["parts"]}
    by_part: list[tuple[str, ...]] = [
        (part, energy.show(value), percent(value, run["energy_pJ"]), kinds[part])
        for part, value in run["parts"].items()
        if value
    ]
    part_columns = (
        Column("part", right=False), Column(f"energy {energy.name}"), Column("%"), Column("", right=False)
    )  # fmt: skip
    total = ("total", energy.show(run["energy_pJ"]), percent(run["energy_pJ"], run["energy_pJ"]), "")
    caption = "static: standby power x interval of the chosen schedule; the row 'shared' has it by layer"
    return [
        Facts("Lookups", facts),
        Table("Lookups by part", part_columns, by_part, total, caption=caption),
        _layer_table(run, rows),
    ]


def _layer_table(run: Any, rows: int | None) -> Table:
    layers = run["layers"]
    if rows is not None and len(layers) > rows:
        layers = sorted(layers, key=lambda layer: -layer["energy_pJ"])[:rows]
    energy = unit_for("energy_pJ", max((layer["energy_pJ"] for layer in layers), default=0.0))
    time = unit_for("latency_ns", max((layer["latency_ns"] for layer in layers), default=0.0))
    parts = [part for part in run["parts"] if any(layer["parts"].get(part) for layer in layers)]
    columns = (
        Column("layer", right=False), Column("rows of"), Column("table"), Column(f"energy {energy.name}"),
        *(Column(part, rank=1) for part in parts), Column(f"busy {time.name}"), Column(f"latency {time.name}"),
    )  # fmt: skip
    lines = [
        (
            clip(printable(layer["name"], 400), NAME_WIDTH), f"{layer['rows']:,}", f"{layer['table_rows']:,}",
            energy.show(layer["energy_pJ"]), *(energy.show(layer["parts"].get(part, 0.0)) for part in parts),
            time.show(layer["busy_ns"]), time.show(layer["latency_ns"]),
        )
        for layer in layers
    ]  # fmt: skip
    caption = "busy: share of the memory's time in a stream; latency: until the layer's last row, all asked for at once"
    return Table("Lookups by layer", columns, lines, caption=caption)
