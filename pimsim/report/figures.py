"""The figures of a result, derived from the matrices of one `Evaluation`: totals, layers, components, modes."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from pimsim.cost.evaluation import COMPONENTS, EXTRA_ROWS, Array, Evaluation, Schedule
from pimsim.cost.intervals import interval, latency_interval
from pimsim.cost.table import BY_COMPONENT, FIGURES, PARTS, TOTALS
from pimsim.graph.workload import Workload

Row = dict[str, object]

EXTRA_NOTES = {
    "shared": "what serves all layers: links, off-chip memory",
    "idle": "what no layer occupies",
}


def checked(figures: Iterable[tuple[str, float]]) -> None:
    """Raise RuntimeError when a figure is not finite or is negative: an internal fault, never the user's."""
    for name, value in figures:
        if not math.isfinite(value) or value < 0:
            raise RuntimeError(f"internal fault: {name} came out as {value}")


def checked_sum(name: str, array: Array) -> float:
    """Sum of `array`. Raises RuntimeError when it holds a figure that is not finite, or is negative (our fault)."""
    if not array.size:
        return 0.0
    total = float(np.add.reduce(array, axis=None))
    if not (np.minimum.reduce(array, axis=None) >= 0 and total < math.inf):  # false for NaN too
        raise RuntimeError(f"internal fault: {name} holds a figure that is not finite or is negative")
    return total


def check_arrays(**arrays: Array) -> None:
    """Raise RuntimeError naming the first array that holds a non-finite or negative figure."""
    for name, array in arrays.items():
        checked_sum(name, array)


def chosen_schedule(evaluation: Evaluation) -> Schedule:
    """The schedule that the totals use."""
    return evaluation.pipeline if evaluation.pipelined else evaluation.layer_by_layer


def ratio(value: float, base: float) -> float:
    """value / base, and 0 where there is nothing to divide by."""
    return value / base if base > 0 else 0.0


def number(value: float) -> int | float:
    """A count as an int where it is one."""
    value = float(value)
    return int(value) if value.is_integer() else value


def model_counts(workload: Workload) -> tuple[int, int]:
    """(macs, ops) of one inference, computed once a workload."""
    found = workload.cache.get("report.counts")
    if not isinstance(found, tuple):
        found = (workload.macs, workload.ops)
        workload.cache["report.counts"] = found
    return found


def totals(workload: Workload, evaluation: Evaluation) -> dict[str, float]:
    """The figures of the whole model; see `Result.totals`. A sweep's table has the same numbers."""
    macs, ops = model_counts(workload)
    for name in ("energy_dynamic_pJ", "energy_static_pJ", "area_um2"):
        checked_sum(name, getattr(evaluation, name))
    checked([("latency_ns", float(chosen_schedule(evaluation).latency_ns))])
    found = dict(zip(TOTALS, evaluation.figures, strict=False))
    checked(found.items())
    return {
        "energy_pJ": found["energy_pJ"],
        "latency_ns": found["latency_ns"],
        "throughput_inferences_per_s": found["throughput_inferences_per_s"],
        "area_um2": found["area_um2"],
        "power_W": found["power_W"],
        "macs": macs,
        "ops": ops,
        "tops": found["tops"],
        "tops_per_W": found["tops_per_W"],
        "tops_per_mm2": found["tops_per_mm2"],
        "crossbars": int(found["crossbars"]),
        "utilization": found["utilization"],
        "energy_dynamic_pJ": found["energy_dynamic_pJ"],
        "energy_static_pJ": found["energy_static_pJ"],
        "crossbars_on_chips": int(found["crossbars_on_chips"]),
        "chips": int(found["chips"]),
        "tiles": number(found["tiles"]),
    }


def intervals(evaluation: Evaluation) -> dict[str, list[float]]:
    """80% intervals of the totals: energy_pJ_interval, latency_ns_interval, area_um2_interval, each [low, high]."""
    by_component = dict(zip(FIGURES, evaluation.figures, strict=True))
    energy = np.array([by_component[f"{one}_energy_pJ"] for one in COMPONENTS])
    area = np.array([by_component[f"{one}_area_um2"] for one in COMPONENTS])
    energy_sigma, area_sigma = evaluation.sigmas()
    return {
        "energy_pJ_interval": list(interval(energy, energy_sigma)),
        "latency_ns_interval": list(latency_interval(chosen_schedule(evaluation).latency_ns)),
        "area_um2_interval": list(interval(area, area_sigma)),
    }


def components(evaluation: Evaluation) -> dict[str, dict[str, float]]:
    """Component -> its energy (dynamic, static, both) and area, of all layers together."""
    parts = evaluation.figures[len(TOTALS) :]
    checked(zip(BY_COMPONENT, parts, strict=True))
    each = len(COMPONENTS)
    return {
        name: dict(zip(PARTS, parts[at::each], strict=True)) for at, name in enumerate(COMPONENTS)
    }


def layers(workload: Workload, evaluation: Evaluation) -> list[Row]:
    """One row a layer, then `shared` and `idle`; see `Result.layers`."""
    schedule = chosen_schedule(evaluation)
    check_arrays(
        energy_dynamic_pJ=evaluation.energy_dynamic_pJ,
        energy_static_pJ=evaluation.energy_static_pJ,
        area_um2=evaluation.area_um2,
        critical_ns=schedule.critical_ns,
        start_ns=schedule.start_ns,
        end_ns=schedule.end_ns,
        crossbars=evaluation.crossbars,
        copies=evaluation.copies,
        utilization=evaluation.utilization,
    )
    rows: list[Row] = []
    dynamic, static = _row_sums(evaluation.energy_dynamic_pJ), _row_sums(evaluation.energy_static_pJ)
    area = _row_sums(evaluation.area_um2)
    times = zip(
        schedule.critical_ns.tolist(), schedule.start_ns.tolist(), schedule.end_ns.tolist(), strict=True
    )
    places = zip(
        evaluation.crossbars.tolist(),
        evaluation.copies.tolist(),
        evaluation.utilization.tolist(),
        evaluation.weight_bits.tolist(),
        evaluation.input_bits.tolist(),
        strict=True,
    )
    for index, (layer, time, place) in enumerate(zip(workload.layers, times, places, strict=True)):
        row = _row(layer.name, layer.op, str(layer.kind), layer.macs, layer.ops, note=layer.note)
        row["latency_ns"], row["start_ns"], row["end_ns"] = time
        row["crossbars"], row["copies"] = number(place[0]), number(place[1])
        row["utilization"] = place[2]
        row["weight_bits"], row["input_bits"] = number(place[3]), number(place[4])
        _add_sums(row, dynamic[index], static[index], area[index])
        rows.append(row)
    for offset, name in enumerate(EXTRA_ROWS):
        row = _row(name, "", name, 0, 0, note=EXTRA_NOTES[name])
        index = len(workload.layers) + offset
        _add_sums(row, dynamic[index], static[index], area[index])
        rows.append(row)
    rows[-1]["crossbars"] = max(0, int(evaluation.crossbars_total) - int(evaluation.crossbars_used))
    return rows


def _row_sums(matrix: Array) -> list[float]:
    sums: list[float] = matrix.sum(axis=1).tolist()
    return sums


def _row(name: str, op: str, kind: str, macs: int, ops: int, *, note: str) -> Row:
    return {
        "name": name,
        "op": op,
        "kind": kind,
        "macs": macs,
        "ops": ops,
        "energy_pJ": 0.0,
        "energy_dynamic_pJ": 0.0,
        "energy_static_pJ": 0.0,
        "area_um2": 0.0,
        "latency_ns": 0.0,
        "start_ns": 0.0,
        "end_ns": 0.0,
        "crossbars": 0,
        "copies": 0,
        "utilization": 0.0,
        "weight_bits": 0,
        "input_bits": 0,
        "note": note,
    }


def _add_sums(row: Row, dynamic: float, static: float, area: float) -> None:
    row["energy_dynamic_pJ"], row["energy_static_pJ"] = dynamic, static
    row["energy_pJ"] = dynamic + static
    row["area_um2"] = area


def layer_components(evaluation: Evaluation) -> list[dict[str, float]]:
    """For each row of the matrices, component -> energy_pJ; components without energy are left out."""
    energy = evaluation.energy_dynamic_pJ + evaluation.energy_static_pJ
    return [
        {name: value for name, value in zip(COMPONENTS, row, strict=True) if value > 0} for row in energy.tolist()
    ]


def modes(evaluation: Evaluation, figures: dict[str, float]) -> dict[str, dict[str, float]]:
    """Both execution modes. Leakage runs for the whole interval of each, so static energy scales with it."""
    interval = chosen_schedule(evaluation).interval_ns
    found = {}
    for name, schedule in (("pipeline", evaluation.pipeline), ("layer_by_layer", evaluation.layer_by_layer)):
        static = figures["energy_static_pJ"] * ratio(schedule.interval_ns, interval)
        throughput = ratio(1e9, schedule.interval_ns)
        energy = figures["energy_dynamic_pJ"] + static
        found[name] = {
            "latency_ns": float(schedule.latency_ns),
            "interval_ns": float(schedule.interval_ns),
            "throughput_inferences_per_s": throughput,
            "energy_pJ": energy,
            "energy_dynamic_pJ": figures["energy_dynamic_pJ"],
            "energy_static_pJ": static,
            "power_W": energy * 1e-12 * throughput,
        }
        checked(found[name].items())
    return found


def programming(evaluation: Evaluation) -> dict[str, float]:
    """Writing all weights once, and what every inference rewrites (spill, dynamic products)."""
    found: dict[str, float] = {
        "energy_pJ": float(evaluation.programming_energy_pJ),
        "latency_ns": float(evaluation.programming_latency_ns),
        "cells": number(evaluation.cells_programmed),
        "endurance_share": float(evaluation.endurance_share),
        "contexts": int(evaluation.contexts),
        "rewrite_endurance_share": float(evaluation.rewrite_endurance_share),
    }
    checked(found.items())
    return found


def precision(workload: Workload, evaluation: Evaluation) -> str:
    """Bit widths of the products, in words: '8-bit weights x 8-bit inputs', '4 to 8-bit weights x ...'."""
    weight, inputs = set(), set()
    widths = zip(evaluation.weight_bits.tolist(), evaluation.input_bits.tolist(), strict=True)
    for layer, (weight_bits, input_bits) in zip(workload.layers, widths, strict=True):
        if layer.groups and weight_bits and input_bits:
            weight.add(int(weight_bits))
            inputs.add(int(input_bits))
    if not weight:
        return "no products"
    return f"{_span(weight)}-bit weights x {_span(inputs)}-bit inputs"


def _span(bits: set[int]) -> str:
    return str(min(bits)) if len(bits) == 1 else f"{min(bits)} to {max(bits)}"
