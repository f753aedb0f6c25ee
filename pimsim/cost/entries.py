"""The rows of a lookup table, made from a choice space by the simulator's own kernels, one layer at a time.

Every distinct layer is shaped, timed and counted once a hardware point, with one copy and on one tile; a second timing
without reads, and with tiles that are nearly nothing or without end, tells the shares that tiles divide from the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from pimsim.components import REGISTRY, prices
from pimsim.components.process import View
from pimsim.cost import rows as k
from pimsim.cost.contending import Lookups, Sets, on_banks
from pimsim.cost.shapes import Choices
from pimsim.errors import InputError, printable
from pimsim.graph.workload import MODEL_INPUT, Kind, Layer, Workload
from pimsim.mapping import columns as c
from pimsim.mapping import counts as counting
from pimsim.mapping import kernel as mapping
from pimsim.mapping.columns import pack
from pimsim.mapping.point import point_row
from pimsim.timing import kernel as timing

Array = np.ndarray[Any, np.dtype[np.float64]]
Whole = np.ndarray[Any, np.dtype[np.int64]]

FEW, MANY = 2.0**-60, 2.0**900
"""Tiles among which what they divide outweighs everything, or vanishes. Powers of two: exact to scale with."""

OF_NETWORK = (c.L_FIRST_USER, c.L_OWNER, c.L_IS_OUTPUT)
"""Columns of a packed layer that its place in a network decides."""


class Walks(NamedTuple):
    """What does not depend on hardware. starts, widths: entry of block b = starts[b] + state * widths[b] + choice.
    entries: N_*, layers: A_*, edges: source codes, spans: first and last share. rows: the distinct packed layers;
    lookups of different sets (`Lookups`) are distinct. lookups: None once saved."""

    starts: Whole
    widths: Whole
    entries: Whole
    layers: Whole
    edges: Whole
    spans: Array
    rows: list[list[float]]
    elements: list[tuple[float, int]]  # of each edge: elements, and the distinct layer that reads them
    lookups: Lookups | None = None


def walks(choices: Choices) -> Walks:
    """Number the entries, layers and edges of a space; equal layers share a row."""
    starts: list[int] = []
    entries: list[tuple[int, ...]] = []
    layers: list[tuple[int, ...]] = []
    edges: list[int] = []
    spans: list[tuple[float, float]] = []
    elements: list[tuple[float, int]] = []
    numbered: dict[tuple[float, ...], int] = {}
    rows: list[list[float]] = []
    sets = Sets()
    for number, block in enumerate(choices.blocks):
        starts.append(len(entries))
        for candidate in (candidate for row in block.candidates for candidate in row):
            first = len(layers)
            packed, _, _ = pack(Workload(block.name, _closed(candidate.layers))).lists
            together, place = sets.number(number, block.name, candidate.layers), 0
            for layer, row in zip(candidate.layers, packed, strict=True):
                user = int(row[c.L_FIRST_USER])
                own = [0.0 if column in OF_NETWORK else x for column, x in enumerate(row)]
                contends = layer.kind is Kind.LOOKUP and together >= 0
                at = numbered.setdefault((*own, together, place) if contends else tuple(own), len(rows))
                if at == len(rows):
                    rows.append(own)
                if contends:
                    sets.of_row[at] = together, place
                    place += 1
                begin = len(edges)
                for edge in layer.inputs:
                    edges.append(edge.source)
                    spans.append((edge.first, edge.last))
                    elements.append((float(edge.elements), at))
                layers.append((at, int(row[c.L_KIND]), user, begin, len(edges)))
            entries.append((first, len(layers), candidate.state, candidate.leaves))
    return Walks(
        np.array(starts, dtype=np.int64),
        np.array(choices.widths, dtype=np.int64),
        np.array(entries, dtype=np.int64).reshape(-1, 4),
        np.array(layers, dtype=np.int64).reshape(-1, 5),
        np.array(edges, dtype=np.int64),
        np.array(spans, dtype=np.float64).reshape(-1, 2),
        rows,
        elements,
        sets.lookups(choices),
    )


def _closed(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """The candidate as a model of its own: what comes from other blocks comes from outside."""
    return tuple(
        replace(x, inputs=tuple(e if e.source >= 0 else replace(e, source=MODEL_INPUT) for e in x.inputs))
        for x in layers
    )


class Priced(NamedTuple):
    """What one hardware point makes of the rows: layers x V_*, edges x W_*, Z_*."""

    prices: Array
    ways: Array
    point: Array


def price_rows(walk: Walks, hw: Any) -> Priced:
    """Figures of every distinct layer and edge on `hw` (a Hardware). Raises InputError for lookups on `memory.banks`
    whose tables contend across blocks (`on_banks`)."""
    rows = walk.rows
    if walk.lookups is not None and hw.memory.lookups == "banks":
        rows = on_banks(walk.lookups, rows, hw)
    view = View(hw)
    price = prices(view)
    point = point_row(view)
    energy = [float(p.energy_pJ) for p in price.values()]
    figures, bits = [], []
    for row in rows:
        mapped = _mapped(row, point)
        bits.append(mapped[c.M_INPUT_BITS])
        figures.append(_layer(row, mapped, point, energy))
    ways = [
        (elements * bits[at] * energy[c.C_ROUTER], elements * bits[at] * energy[c.C_LINK])
        for elements, at in walk.elements
    ]
    units = k.V_VECTOR + c.BUSY_COLUMNS - 1
    return Priced(
        np.array(figures, dtype=np.float64).reshape(-1, units),
        np.array(ways, dtype=np.float64).reshape(-1, 2),
        _point(view, price, point),
    )


def _mapped(row: list[float], point: list[float]) -> list[float]:
    """One copy of the layer on crossbars, on one tile."""
    mapped = [0.0] * c.MAPPED_COLUMNS
    mapped[c.M_WEIGHT_BITS] = row[c.L_WEIGHT_BITS] or point[c.P_WEIGHT_BITS]
    mapped[c.M_INPUT_BITS] = row[c.L_INPUT_BITS] or point[c.P_INPUT_BITS]
    kind = row[c.L_KIND]
    if kind == c.MVM or (kind == c.DYNAMIC and point[c.P_DYNAMIC_ON_CROSSBARS] > 0.0):
        mapping.shape_layer(row, point, mapped)
        mapped[c.M_CROSSBARS] = mapping.pieces(mapped[c.M_PER_COPY], point[c.P_GRAIN])
    mapped[c.M_COPIES] = mapped[c.M_PASSES] = mapped[c.M_TILES] = 1.0
    return mapped


def _timed(row: list[float], mapped: list[float], point: list[float], tiles: float) -> tuple[float, float]:
    """Busy time without reads, and depth, on `tiles` tiles."""
    bare = mapped.copy()
    bare[c.M_TILES], bare[c.M_VECTOR_NS] = tiles, 0.0
    mapping.time_layer(row, bare, point)
    fill: float = bare[c.M_FILL_NS]
    return bare[c.M_DURATION_NS] - fill * (row[c.L_STEPS] - 1.0), fill


def _layer(row: list[float], mapped: list[float], point: list[float], energy: list[float]) -> list[float]:
    once, again = [*row], row[c.L_STEPS] - 1.0
    once[c.L_STEPS] = 1.0  # the depth is not paid again while shares are told apart
    shared = _timed(once, mapped, point, FEW)[0] * FEW
    fixed, fill = _timed(once, mapped, point, MANY)
    product = row[c.L_KIND] == c.MVM or mapped[c.M_PER_COPY] > 0.0
    cycle, fetch, store = (point[c.P_CYCLE_NS], *_ends(row, mapped, point)) if product else (0.0, 0.0, 0.0)
    mapping.time_writes([row], [mapped], point, False)
    count = [0.0] * c.COMPONENT_COLUMNS
    counting.count_layer(row, mapped, point, False, count)
    busy = [[0.0] * c.BUSY_COLUMNS]
    timing.stream_interval([row], [mapped], point, busy)
    figures = [0.0] * (k.V_VECTOR + c.BUSY_COLUMNS - 1)
    figures[k.V_PER_COPY] = mapped[c.M_PER_COPY]
    figures[k.V_TURN_NS] = mapped[c.M_VECTOR_NS] * row[c.L_STEPS]
    figures[k.V_STEP_VECTORS] = mapping.up(row[c.L_VECTORS] / row[c.L_STEPS])
    figures[k.V_ALL_VECTORS] = mapping.up(row[c.L_ALL_VECTORS] / row[c.L_STEPS])
    figures[k.V_SHARED_NS], figures[k.V_FIXED_NS] = shared, fixed
    figures[k.V_FETCH], figures[k.V_STORE] = fetch, store
    figures[k.V_FILL_NS], figures[k.V_CYCLE_NS], figures[k.V_AGAIN] = fill - 2.0 * cycle, cycle, again
    figures[k.V_WRITE_NS] = mapped[c.M_WRITE_NS]
    figures[k.V_ENERGY_PJ] = sum(n * e for n, e in zip(count, energy, strict=True))
    if row[c.L_KIND] == c.LOOKUP and row[c.L_BANKS] > 0.0:
        figures[k.V_ENERGY_PJ] += row[c.L_BANKS_PJ]
        figures[k.V_WAIT_NS], figures[k.V_STANDBY_MW] = row[c.L_BANKS_WAIT_NS], row[c.L_BANKS_MW]
        figures[k.V_HELD_UM2] = row[c.L_BANKS_UM2]
    figures[k.V_LEAVES_PJ] = row[c.L_OUTPUTS] * point[c.P_INPUT_BITS] * energy[c.C_LINK]
    figures[k.V_VECTOR :] = busy[0][1:]
    return figures


def _ends(row: list[float], mapped: list[float], point: list[float]) -> tuple[float, float]:
    """Cycles that one vector takes on the bus of one tile, before the crossbars and after."""
    fetched = row[c.L_FETCHED]
    if point[c.P_WINDOW_REUSE] <= 0.0:
        fetched = row[c.L_VECTORS] * row[c.L_GROUPS] * row[c.L_ROWS]
    each = max(row[c.L_VECTORS], 1.0) * point[c.P_BUS_BITS_PER_NS] * point[c.P_CYCLE_NS]
    return fetched * mapped[c.M_INPUT_BITS] / each, row[c.L_OUTPUTS] * point[c.P_INPUT_BITS] / each


def _point(hw: Any, price: Any, point: list[float]) -> Array:
    """Geometry that composition needs, and what one crossbar (with its share of PE and tile) and one chip hold."""
    leak, area = [0.0, 0.0], [0.0, 0.0]
    pe = 1.0 / hw.pe.crossbars
    share = {"crossbar": 1.0, "pe": pe, "tile": pe / hw.tile.pes, "none": 0.0, "chip": 1.0}
    for entry, cost in zip(REGISTRY.values(), price.values(), strict=True):
        instances = float(entry.count(hw)) * share[entry.level]
        of_chip = int(entry.level == "chip")
        leak[of_chip] += instances * float(cost.leakage_mW)
        area[of_chip] += instances * float(cost.area_um2)
    figures = np.zeros(k.POINT_FIGURES)
    figures[k.Z_PER_CHIP] = point[c.P_CROSSBARS_PER_CHIP]
    figures[k.Z_PER_TILE] = point[c.P_CROSSBARS_PER_TILE]
    figures[k.Z_TILES_PER_CHIP] = point[c.P_CROSSBARS_PER_CHIP] / point[c.P_CROSSBARS_PER_TILE]
    figures[k.Z_TILES_PER_ROUTER] = point[c.P_TILES_PER_ROUTER]
    figures[k.Z_MESH_WIDTH] = point[c.P_MESH_WIDTH]
    figures[k.Z_CHIPS] = point[c.P_CHIPS]
    figures[k.Z_GRAIN] = point[c.P_GRAIN]
    figures[k.Z_MAX_COPIES] = point[c.P_MAX_COPIES]
    figures[k.Z_SPILL] = point[c.P_SPILL]
    figures[k.Z_SERIAL] = point[c.P_SERIAL_STEPS]
    figures[k.Z_PIPELINED] = hw.mapping.schedule == "pipeline"
    figures[k.Z_LEAK_CROSSBAR_MW], figures[k.Z_LEAK_CHIP_MW] = leak
    figures[k.Z_AREA_CROSSBAR_UM2], figures[k.Z_AREA_CHIP_UM2] = area
    return figures


def check_walks(walk: Walks, rows: int, where: str) -> None:
    """Raise InputError unless every number of `walk` points at something that exists (a table comes out of a file)."""
    if not _consistent(walk, rows):
        raise InputError(f"{printable(where)}: the table's numbers do not fit together; build it again")


def _consistent(walk: Walks, rows: int) -> bool:
    starts, widths, entries, layers, edges, spans = walk[:6]
    if not (len(starts) == len(widths) > 0 == starts[0] and (widths > 0).all() and len(edges) == len(spans)):
        return False
    own = np.append(starts[1:], len(entries)) - starts
    states = own // widths
    inside = (starts >= 0) & (starts < len(entries))
    if not (inside.all() and (states > 0).all() and (states * widths == own).all()):
        return False
    if not _runs(entries[:, k.N_FIRST], entries[:, k.N_END], len(layers)):
        return False
    if not _runs(layers[:, k.A_EDGE], layers[:, k.A_EDGE_END], len(edges)):
        return False
    allowed = np.repeat(np.append(states[1:], np.iinfo(np.int64).max), own)
    length = entries[:, k.N_END] - entries[:, k.N_FIRST]
    at = np.arange(len(layers)) - np.repeat(entries[:, k.N_FIRST], length)
    edge_of = np.repeat(at, layers[:, k.A_EDGE_END] - layers[:, k.A_EDGE])
    inside = (entries[:, k.N_STATE] >= 0) & (entries[:, k.N_STATE] < allowed) & (entries[:, k.N_LEAVES] < length)
    listed = (layers[:, k.A_ROW] >= 0) & (layers[:, k.A_ROW] < rows)
    user = (layers[:, k.A_USER] >= 0) & (layers[:, k.A_USER] <= at)
    return bool(inside.all() and listed.all() and user.all() and (edges < edge_of).all())


def _runs(first: Whole, end: Whole, total: int) -> bool:
    """Whether the runs [first, end) follow on one another and cover 0 to `total`."""
    if not len(first):
        return total == 0
    return bool(first[0] == 0 and end[-1] == total and (first[1:] == end[:-1]).all() and (first <= end).all())
