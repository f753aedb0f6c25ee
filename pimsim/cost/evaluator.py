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
from pimsim.jit import Function, any_compiled, compiled, on_disk
from pimsim.mapping import columns as c
from pimsim.mapping import counts as counting
from pimsim.mapping import kernel as mapping
from pimsim.mapping.columns import Packed
from pimsim.mapping.point import point_row
from pimsim.timing import kernel as timing

WORTH_LOADING_LAYERS = 20_000
WORTH_COMPILING_LAYERS = 200_000


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
    layers, n, extra = len(packed.lists[0]), len(points), len(EXTRA_ROWS)
    shapes = (
        (n, layers, c.MAPPED_COLUMNS),
        (n, layers + extra, c.COMPONENT_COLUMNS),
        (n, 2, layers, c.TIME_COLUMNS),
        (n, 4),
        (n, c.SUMMARY_COLUMNS),
    )
    scratch = (layers, c.QUEUE_COLUMNS), (layers, c.BUSY_COLUMNS)
    if compile_kernels and layers:
        raw = Raw(*map(np.zeros, shapes))
        _call(_compiled(), packed.arrays, np.array(points), raw, tuple(map(np.empty, scratch)))
        return raw
    lists = [_zeros(shape) for shape in shapes]
    plain = mapping.map_points, counting.count_points, timing.time_points
    _call(plain, packed.lists, points, lists, tuple(map(_zeros, scratch)))
    return Raw(*(np.array(rows, dtype=np.float64).reshape(shape) for rows, shape in zip(lists, shapes, strict=True)))


@cache
def _compiled() -> tuple[Function, Function, Function]:
    return (
        compiled(mapping.map_points, *mapping.HELPERS),
        compiled(counting.count_points, *counting.HELPERS),
        compiled(timing.time_points, *timing.HELPERS),
    )


def _zeros(shape: tuple[int, ...]) -> list[Any]:
    """Nested lists of 0.0, no two of them the same object."""
    if len(shape) == 1:
        return [0.0] * shape[0]
    return [_zeros(shape[1:]) for _ in range(shape[0])]


def _call(kernels: tuple[Function, Function, Function], model: Any, points: Any, raw: Any, scratch: Any) -> None:
    map_points, count_points, time_points = kernels
    layers, edges, starts = model
    mapped, counts, ends, totals, summary = raw
    queue, busy = scratch
    map_points(layers, points, mapped, summary, queue)
    count_points(layers, edges, starts, points, mapped, summary, counts)
    time_points(layers, edges, starts, points, mapped, summary, ends, totals, busy)


def worth_compiling(packed: Packed) -> bool:
    """Whether to compile for the next evaluation of `packed`: the kernels are loaded already, or so many layers have
    been evaluated without them that a loop is under way. Loading them from the disk cache costs what about 20,000
    layers cost in plain Python (half a second), compiling them afresh ten times that."""
    packed.evaluated += len(packed.lists[0])
    if any_compiled() or packed.evaluated <= WORTH_LOADING_LAYERS:
        return any_compiled()
    return packed.evaluated > WORTH_COMPILING_LAYERS or on_disk(mapping.map_points)


def evaluate(packed: Packed, hw: Any, *, compile_kernels: bool) -> Evaluation:
    """All figures of `packed` on one hardware point. Raises InputError when a fixed number of chips is too small."""
    hw = View(hw)
    price = prices(hw)
    row, cost = point_row(hw), price_row(hw, price)
    raw = run_kernels(packed, [row], compile_kernels=compile_kernels)
    summary, mapped = raw.summary[0], raw.mapped[0]
    whole = summary.tolist()
    check_capacity(whole, hw)
    figures = _totals(packed, row, cost, raw, compile_kernels)
    energy = np.array(cost[: c.COMPONENT_COLUMNS], dtype=np.float64)
    totals = raw.totals[0].tolist()
    schedules = [Schedule(totals[2 * k], totals[2 * k + 1], raw.ends[0, k]) for k in range(2)]
    shared = _ownership(mapped, whole) @ _instances(cost, figures[fused.F_INTERVAL])
    per_crossbar = hw.crossbar.rows * hw.crossbar.columns
    endurance = hw.crossbar.cell.write.endurance_cycles
    return Evaluation(
        figures=figures,
        energy_dynamic_pJ=raw.counts[0] * energy,
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


def _totals(packed: Packed, row: list[float], cost: list[float], raw: Raw, compile_kernels: bool) -> list[float]:
    """The figures of the whole network (`fused.F_*`), by the lines that a sweep runs."""
    sums, out = _zeros((c.COMPONENT_COLUMNS,)), _zeros((fused.FIGURE_COLUMNS,))
    fused.add_up(raw.counts[0].tolist(), len(raw.counts[0]), sums)
    fused.finish(row, cost, raw.summary[0].tolist(), raw.totals[0].tolist(), sums, packed.macs, packed.ops, out)
    return out


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


def _instances(cost: list[float], interval_ns: float) -> Array:
    """2 x (2 x components): area (um2), then leakage over an interval (pJ), of each component: per crossbar with its
    share of PE and tile, and per chip."""
    held = np.array(cost[c.COMPONENT_COLUMNS :])
    held[c.COMPONENT_COLUMNS :] *= interval_ns
    of_chip = np.array(OF_CHIP * 2)
    return np.array((np.where(of_chip, 0.0, held), np.where(of_chip, held, 0.0)))
