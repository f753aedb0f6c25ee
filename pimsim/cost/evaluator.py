"""Counts x prices. One engine for a single run, a sweep, a table or a penalty: they differ in what they ask for."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pimsim.components import REGISTRY, Price, prices
from pimsim.cost.evaluation import EXTRA_ROWS, Array, Evaluation, Schedule
from pimsim.errors import InputError
from pimsim.jit import compiled
from pimsim.mapping import columns as c
from pimsim.mapping import counts as counting
from pimsim.mapping import kernel as mapping
from pimsim.mapping.columns import Packed
from pimsim.mapping.point import point_row
from pimsim.timing import kernel as timing


class Raw(NamedTuple):
    """What the kernels give for a batch of points: mapped (points, layers, M), counts (points, layers + 2, components),
    ends (points, 2 schedules, layers, T), totals (points, 4), summary (points, S)."""

    mapped: Array
    counts: Array
    ends: Array
    totals: Array
    summary: Array


def run_kernels(packed: Packed, points: list[list[float]], *, compile_kernels: bool) -> Raw:
    """Map, count and time `packed` on every point (rows of `point_row`). Compiled or plain, the same bits come out."""
    layers, n, extra = len(packed.layers), len(points), len(EXTRA_ROWS)
    shapes = {
        "mapped": (n, layers, c.MAPPED_COLUMNS),
        "counts": (n, layers + extra, c.COMPONENT_COLUMNS),
        "ends": (n, 2, layers, c.TIME_COLUMNS),
        "totals": (n, 4),
        "summary": (n, c.SUMMARY_COLUMNS),
        "work": (layers, 3),
    }
    arrays = {name: np.zeros(shape) for name, shape in shapes.items()}
    if compile_kernels and layers:
        inputs: tuple[Any, Any, Any, Any] = (
            packed.layer_array,
            packed.edge_array,
            packed.start_array,
            np.array(points, dtype=np.float64),
        )
        out: dict[str, Any] = arrays
        map_points = compiled(mapping.map_points, *mapping.HELPERS)
        count_points = compiled(counting.count_points, *counting.HELPERS)
        time_points = compiled(timing.time_points, *timing.HELPERS)
    else:
        inputs = (packed.layers, packed.edges, packed.starts, points)
        out = {name: array.tolist() for name, array in arrays.items()}
        map_points, count_points, time_points = mapping.map_points, counting.count_points, timing.time_points
    rows, edges, starts, point_rows = inputs
    map_points(rows, point_rows, out["mapped"], out["summary"])
    count_points(rows, edges, starts, point_rows, out["mapped"], out["summary"], out["counts"])
    time_points(rows, edges, starts, out["mapped"], out["summary"], out["ends"], out["totals"], out["work"])
    done = (np.asarray(out[name], dtype=np.float64).reshape(shapes[name]) for name in Raw._fields)
    return Raw(*done)


def evaluate(packed: Packed, hw: Any, *, compile_kernels: bool) -> Evaluation:
    """All figures of `packed` on one hardware point. Raises InputError when a fixed number of chips is too small."""
    price = prices(hw)
    raw = run_kernels(packed, [point_row(hw)], compile_kernels=compile_kernels)
    summary = raw.summary[0]
    _check_capacity(summary, hw)
    energy = np.array([p.energy_pJ for p in price.values()], dtype=np.float64)
    pipelined = hw.mapping.schedule == "pipeline"
    schedules = [_schedule(raw, k) for k in range(2)]
    owned = _ownership(raw.mapped[0], summary, hw)
    area, leakage = _instances(hw, price)
    interval_ns = schedules[0 if pipelined else 1].interval_ns
    mapped = raw.mapped[0]
    cells = mapped[:, c.M_CELLS] * mapped[:, c.M_COPIES]
    first = mapped[:, c.M_CROSSBARS] > 0.0
    per_crossbar = hw.crossbar.rows * hw.crossbar.columns
    room = mapped[:, c.M_CROSSBARS] * mapped[:, c.M_PASSES] * per_crossbar
    stationary = first & (packed.layer_array[:, c.L_KIND] == c.MVM)
    programmed = float(cells[stationary].sum())
    write = hw.crossbar.cell.write
    rewrites = _rewrites(packed, mapped, summary)
    return Evaluation(
        energy_dynamic_pJ=raw.counts[0] * energy,
        energy_static_pJ=owned @ leakage * interval_ns,
        area_um2=owned @ area,
        pipeline=schedules[0],
        layer_by_layer=schedules[1],
        pipelined=pipelined,
        crossbars=mapped[:, c.M_CROSSBARS],
        copies=mapped[:, c.M_COPIES],
        utilization=np.divide(cells, room, out=np.zeros_like(cells), where=room > 0.0),
        weight_bits=mapped[:, c.M_WEIGHT_BITS],
        input_bits=mapped[:, c.M_INPUT_BITS],
        chips=int(summary[c.S_CHIPS]),
        crossbars_total=int(summary[c.S_CROSSBARS_TOTAL]),
        crossbars_used=int(summary[c.S_CROSSBARS_USED]),
        tiles_used=float(summary[c.S_CROSSBARS_USED]) / (hw.pe.crossbars * hw.tile.pes),
        contexts=int(summary[c.S_CONTEXTS]),
        programming_energy_pJ=programmed * float(energy[c.C_PROGRAMMING]),
        programming_latency_ns=_programming_ns(mapped, packed, hw),
        cells_programmed=programmed,
        endurance_share=(1.0 if programmed else 0.0) / write.endurance_cycles,
        rewrite_endurance_share=rewrites / write.endurance_cycles,
    )


def _check_capacity(summary: Array, hw: Any) -> None:
    needed, total = summary[c.S_NEEDED], summary[c.S_CROSSBARS_TOTAL]
    if hw.mapping.capacity == "chips" and needed > total:
        per_chip = hw.pe.crossbars * hw.tile.pes * hw.chip.tiles
        raise InputError(
            f"the model needs {needed:,.0f} crossbars; {hw.chip.count} chip(s) of {per_chip:,} have {total:,.0f}; "
            f"set chip.count to auto or to {-(-needed // per_chip):,.0f}, or use --capacity spill"
        )


def _schedule(raw: Raw, which: int) -> Schedule:
    times, totals = raw.ends[0, which], raw.totals[0]
    return Schedule(
        latency_ns=float(totals[2 * which]),
        interval_ns=float(totals[2 * which + 1]),
        start_ns=times[:, c.T_START],
        end_ns=times[:, c.T_END],
        critical_ns=times[:, c.T_CRITICAL],
    )


def _ownership(mapped: Array, summary: Array, hw: Any) -> Array:
    """(layers + 2) x 2: crossbars that each row answers for, and chips (only `shared`). In a spilled run, contexts take
    turns on the same crossbars: each layer answers for its part, weighed so that all together fill the chip once."""
    layers = len(mapped)
    owned = np.zeros((layers + len(EXTRA_ROWS), 2))
    held = mapped[:, c.M_CROSSBARS]
    used, total = summary[c.S_CROSSBARS_USED], summary[c.S_CROSSBARS_TOTAL]
    allotted = held.sum()
    if layers and allotted > 0.0:
        owned[:layers, 0] = held if allotted <= used else held * (used / allotted)
    owned[layers, 1] = summary[c.S_CHIPS]
    owned[layers + 1, 0] = total - used
    return owned


def _instances(hw: Any, price: dict[str, Price]) -> tuple[Array, Array]:
    """Area (um2) and leakage (mW), each 2 x components: per crossbar with its share of PE and tile, and per chip."""
    per = {"crossbar": 1.0, "pe": 1.0 / hw.pe.crossbars, "tile": 1.0 / (hw.pe.crossbars * hw.tile.pes)}
    area, leakage = np.zeros((2, len(REGISTRY))), np.zeros((2, len(REGISTRY)))
    for column, (name, entry) in enumerate(REGISTRY.items()):
        row = 1 if entry.level == "chip" else 0
        instances = entry.count(hw) * (1.0 if row else per.get(entry.level, 0.0))
        area[row, column] = price[name].area_um2 * instances
        leakage[row, column] = price[name].leakage_mW * instances
    return area, leakage


def _programming_ns(mapped: Array, packed: Packed, hw: Any) -> float:
    """Time to write all weights once: PEs in parallel, the crossbars of a PE one after the other, row by row."""
    stationary = (packed.layer_array[:, c.L_KIND] == c.MVM) & (mapped[:, c.M_CROSSBARS] > 0.0)
    if not stationary.any():
        return 0.0
    write = hw.crossbar.cell.write
    row_ns = write.pulses * write.pulse_ns * -(-hw.crossbar.columns // write.cells_at_once)
    rows = np.minimum(packed.layer_array[stationary, c.L_ROWS], hw.crossbar.rows)
    turns = np.minimum(mapped[stationary, c.M_CROSSBARS], hw.pe.crossbars) * mapped[stationary, c.M_PASSES]
    return float((rows * turns).max() * row_ns)


def _rewrites(packed: Packed, mapped: Array, summary: Array) -> float:
    """Writes that the most written cell takes in one inference."""
    dynamic = (packed.layer_array[:, c.L_KIND] == c.DYNAMIC) & (mapped[:, c.M_PER_COPY] > 0.0)
    most = float(packed.layer_array[dynamic, c.L_STEPS].max()) if dynamic.any() else 0.0
    return max(most, float(summary[c.S_CONTEXTS]) if summary[c.S_CONTEXTS] > 1.0 else 0.0)
