"""Counts x prices. One engine for a single run, a sweep, a table or a penalty: they differ in what they ask for."""

from __future__ import annotations

from functools import cache, partial
from typing import Any, NamedTuple

import numpy as np

from pimsim.components import prices
from pimsim.components.process import View
from pimsim.cost import fused
from pimsim.cost.evaluation import EXTRA_ROWS, Array, Evaluation, Schedule
from pimsim.cost.intervals import sigmas
from pimsim.cost.machine import OF_CHIP, price_row
from pimsim.errors import InputError
from pimsim.jit import Function, compiled, is_loaded, on_disk
from pimsim.mapping import columns as c
from pimsim.mapping.columns import Packed
from pimsim.mapping.lanes import ONE
from pimsim.mapping.point import point_row
from pimsim.timing.kernel import TRACE_HELPERS, trace_back

WORTH_LOADING_LAYERS = 20_000
WORTH_COMPILING_LAYERS = 200_000


class Raw(NamedTuple):
    """What the kernels give for a batch of points: mapped (points, layers, M), counts (points, layers + 2, components),
    ends (points, 2 schedules, layers, T), totals (points, 4: latency and interval of the pipeline, then of layer by
    layer), summary (points, S), figures (points, F)."""

    mapped: Array
    counts: Array
    ends: Array
    totals: Array
    summary: Array
    figures: Array


def run_kernels(
    packed: Packed, points: list[list[float]], *, compile_kernels: bool, costs: list[list[float]] | None = None
) -> Raw:
    """Map, count and time `packed` on every point (rows of `point_row`), at the prices `costs` (rows of `price_row`; 0
    when left out). Compiled or plain, the same bits come out."""
    layers, n, extra = len(packed.lists[0]), len(points), len(EXTRA_ROWS)
    shapes = (
        (n, layers, c.MAPPED_COLUMNS),
        (n, layers + extra, c.COMPONENT_COLUMNS),
        (n, 2, layers, c.TIME_COLUMNS),
        (n, 4),
        (n, c.SUMMARY_COLUMNS),
        (n, fused.FIGURE_COLUMNS),
    )
    runs = [_run_one(packed, *one, compile_kernels) for one in zip(points, costs or _free(n), strict=True)]
    return Raw(*(np.array([run[k] for run in runs]).reshape(shape) for k, shape in enumerate(shapes)))


def _free(n: int) -> list[list[float]]:
    return [[0.0] * fused.PRICE_COLUMNS] * n


def _run_one(packed: Packed, point: list[float], cost: list[float], compile_kernels: bool) -> tuple[Any, ...]:
    layers = len(packed.lists[0])
    lengths = (*fused.scratch_shapes(ONE, layers, detail=True), fused.FIGURE_COLUMNS)
    work = [packed.macs, packed.ops]
    arrays: tuple[Any, ...]
    if compile_kernels:
        arrays = tuple(map(np.zeros, lengths))
        given = tuple(map(np.array, (work, point, cost)))
        evaluate_block, share = _compiled()
        evaluate_block(ONE, packed.arrays, 0, layers, *given, arrays[:-1], True, True, arrays[-1])
        share(0, layers, *packed.arrays[1:], arrays[0], arrays[2])
    else:
        arrays = tuple([0.0] * length for length in lengths)
        fused.evaluate_block(ONE, packed.flat, 0, layers, work, point, cost, arrays[:-1], True, True, arrays[-1])
        trace_back(0, layers, *packed.flat[1:], arrays[0], arrays[2])
    rows, counts, times, _, _, whole, lane, _, out = arrays
    serial = lane[c.X_SERIAL_NS]
    return rows, counts, times, (lane[c.X_LATENCY_NS], lane[c.X_INTERVAL_NS], serial, serial), whole, out


@cache
def _compiled() -> tuple[Function, Function]:
    return compiled(fused.evaluate_block, *fused.HELPERS), compiled(trace_back, *TRACE_HELPERS)


def worth_compiling(packed: Packed) -> bool:
    """Whether to compile for the next evaluation of `packed`: the kernel is loaded already, or so many layers have
    been evaluated without it that a loop is under way. Loading it from the disk cache costs what about 20,000
    layers cost in plain Python (half a second), compiling it afresh ten times that or more."""
    packed.evaluated += len(packed.lists[0])
    loaded = is_loaded(fused.evaluate_block)
    if loaded or packed.evaluated <= WORTH_LOADING_LAYERS:
        return loaded
    return packed.evaluated > WORTH_COMPILING_LAYERS or on_disk(fused.evaluate_block, *fused.HELPERS)


def evaluate(packed: Packed, hw: Any, *, compile_kernels: bool) -> Evaluation:
    """All figures of `packed` on one hardware point. Raises InputError when a fixed number of chips is too small."""
    hw = View(hw)
    price = prices(hw)
    row, cost = point_row(hw), price_row(hw, price)
    raw = run_kernels(packed, [row], compile_kernels=compile_kernels, costs=[cost])
    summary, mapped = raw.summary[0], raw.mapped[0]
    whole = summary.tolist()
    check_capacity(whole, hw)
    figures = raw.figures[0].tolist()
    energy = np.array(cost[: c.COMPONENT_COLUMNS], dtype=np.float64)
    totals = raw.totals[0].tolist()
    schedules = [Schedule(totals[2 * k], totals[2 * k + 1], raw.ends[0, k]) for k in range(2)]
    shared = _ownership(mapped, whole) @ _instances(cost, figures[fused.F_INTERVAL])
    dynamic = raw.counts[0] * energy
    _add_banks(packed, figures[fused.F_INTERVAL], dynamic, shared)
    per_crossbar = hw.crossbar.rows * hw.crossbar.columns
    endurance = hw.crossbar.cell.write.endurance_cycles
    return Evaluation(
        figures=figures,
        energy_dynamic_pJ=dynamic,
        energy_static_pJ=shared[:, c.COMPONENT_COLUMNS :],
        area_um2=shared[:, : c.COMPONENT_COLUMNS],
        pipeline=schedules[0],
        layer_by_layer=schedules[1],
        pipelined=row[c.P_PIPELINED] > 0.0,
        sigmas=partial(sigmas, hw, price),
        crossbars=mapped[:, c.M_CROSSBARS],
        copies=mapped[:, c.M_COPIES],
        cells=mapped[:, c.M_CELLS] * mapped[:, c.M_COPIES],
        cells_allotted=mapped[:, c.M_CROSSBARS] * mapped[:, c.M_PASSES] * per_crossbar,
        weight_bits=mapped[:, c.M_WEIGHT_BITS],
        input_bits=mapped[:, c.M_INPUT_BITS],
        chips=int(whole[c.S_CHIPS]),
        crossbars_total=int(whole[c.S_CROSSBARS_TOTAL]),
        crossbars_used=int(whole[c.S_CROSSBARS_USED]),
        contexts=int(whole[c.S_CONTEXTS]),
        programming_energy_pJ=whole[c.S_CELLS] * float(energy[c.C_PROGRAMMING]),
        programming_latency_ns=whole[c.S_PROGRAM_NS],
        cells_programmed=whole[c.S_CELLS],
        endurance_share=(1.0 if whole[c.S_CELLS] else 0.0) / endurance,
        rewrite_endurance_share=whole[c.S_REWRITES] / endurance,
    )


def check_capacity(whole: list[float], hw: Any) -> None:
    """Raise InputError when the model needs more crossbars than the chips have, and may not spill."""
    if hw.mapping.capacity == "chips" and whole[c.S_NEEDED] > whole[c.S_CROSSBARS_TOTAL]:
        raise InputError(too_small(whole[c.S_NEEDED], hw.chip.count, hw.pe.crossbars * hw.tile.pes * hw.chip.tiles))


def too_small(needed: float, chips: int, per_chip: int) -> str:
    """What to say of a fixed number of chips that one copy of the model does not fit."""
    return (
        f"the model needs {needed:,.0f} crossbars; {chips} chip(s) of {per_chip:,} have {chips * per_chip:,.0f}; "
        f"set chip.count to auto or to {-(-needed // per_chip):,.0f}, or use --capacity spill"
    )


def _ownership(mapped: Array, whole: list[float]) -> Array:
    """(layers + 2) x 2: crossbars that each row answers for, and chips (only `shared`). In a spilled run, contexts take
    turns on the same crossbars: each layer answers for its part, weighed so that all together fill the chip once."""
    layers = len(mapped)
    owned = np.zeros((layers + len(EXTRA_ROWS), 2))
    used = whole[c.S_CROSSBARS_USED]
    if layers and used > 0.0:
        owned[:layers, 0] = mapped[:, c.M_CROSSBARS]
        if whole[c.S_CONTEXTS] > 1.0:
            owned[:layers, 0] *= used / mapped[:, c.M_CROSSBARS].sum()
    owned[layers, 1] = whole[c.S_CHIPS]
    owned[layers + 1, 0] = whole[c.S_CROSSBARS_TOTAL] - used
    return owned


def _add_banks(packed: Packed, interval_ns: float, dynamic: Array, shared: Array) -> None:
    """What simulated lookups bring: energy to their layers, standby and area of the memory to the row `shared`."""
    for i, row in enumerate(packed.lists[0]):
        if row[c.L_KIND] == c.LOOKUP and row[c.L_BANKS] > 0.0:
            dynamic[i, c.C_MEMORY] += row[c.L_BANKS_PJ]
            shared[len(packed.lists[0]), c.C_MEMORY] += row[c.L_BANKS_UM2]
            shared[len(packed.lists[0]), c.COMPONENT_COLUMNS + c.C_MEMORY] += row[c.L_BANKS_MW] * interval_ns


def _instances(cost: list[float], interval_ns: float) -> Array:
    """2 x (2 x components): area (um2), then leakage over an interval (pJ), of each component: per crossbar with its
    share of PE and tile, and per chip."""
    held = np.array(cost[c.COMPONENT_COLUMNS :])
    held[c.COMPONENT_COLUMNS :] *= interval_ns
    of_chip = np.array(OF_CHIP * 2)
    return np.array((np.where(of_chip, 0.0, held), np.where(of_chip, held, 0.0)))
