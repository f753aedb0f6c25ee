"""The lookups of a model on the banks of a memory: time and energy of every layer that reads table rows.

Two runs of the memory say what a layer takes (docs/lookups.md). In a stream, all rows of many inferences are there from
the start: the cycles by which each row moves the end of the data add up to the cycles of the run, and so give each
table its share of the time between two inferences. Alone, every inference finds the memory at rest: when the last row
of a table comes is its latency.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from pimsim.errors import InputError, printable
from pimsim.graph.workload import Fetch, Kind, Layer, Workload
from pimsim.hardware.schema import Hardware
from pimsim.memory.device import Device
from pimsim.memory.energy import energy_pJ, units
from pimsim.memory.lookup_runs import Measured, measure
from pimsim.memory.lookup_trace import Asked, asked_of
from pimsim.memory.policy import Policy
from pimsim.memory.setup import Setup, setup_of
from pimsim.memory.traces import Trace, open_trace
from pimsim.memory.traces.form import TableShape
from pimsim.memory.traces.generators import MadeTrace
from pimsim.memory.traces.tables import ModelTables, asks, model_recipe, model_tables

STATIC = ("background", "refresh")
"""Parts of the energy that are drawn whether or not rows are asked for."""

ALONE = 256
"""Inferences that are looked at one by one."""

MOST_MADE = 1 << 20
"""Rows of the default trace, unless that is fewer than 64 inferences."""

_KNOWN, _RUN = "workloads with lookups", "lookup run"


@dataclass(frozen=True)
class TableRun:
    """One table in one inference. requests: rows. cycles: its share of the cycles of the whole stream. busy_ns: the
    same of one inference. latency_ns: until its last row comes, when an inference asks for all of its rows at once;
    own_ns: what of it is due to its own rows. energy_pJ: by part, without what is drawn at all times. area_um2: of the
    crossbars that it stands in; 0 elsewhere, on dies of their own."""

    table: TableShape
    requests: float
    cycles: int
    busy_ns: float
    latency_ns: float
    own_ns: float
    energy_pJ: dict[str, float]
    area_um2: float = 0.0


@dataclass(frozen=True)
class LookupRun:
    """What the lookups of a model took on a memory. cycles, counts: of the whole stream of `inferences`. standby_mW: by
    part, of the whole memory: background of the stream, refreshes at their rate. layers: of each table, the layers of
    the model that look it up."""

    memory: str
    controller: str
    trace: str
    inferences: int
    requests: int
    cycles: int
    clock_MHz: float
    counts: dict[str, int]
    standby_mW: dict[str, float]
    tables: tuple[TableRun, ...]
    layers: tuple[tuple[int, ...], ...] = ()

    @property
    def interval_ns(self) -> float:
        """Time for which an inference of the stream keeps the memory busy."""
        return self.cycles * 1000.0 / self.clock_MHz / self.inferences

    @property
    def latency_ns(self) -> float:
        """From the lookups of an inference to its last row, in a memory at rest."""
        return sum(table.own_ns for table in self.tables)


def with_lookups(
    workload: Workload,
    hardware: Hardware,
    trace: Trace | str | os.PathLike[str] | None = None,
    memory: str | os.PathLike[str] | None = None,
) -> Workload:
    """`workload` with `Layer.fetch` of its lookups from runs of the memory of `hardware`.

    As it is where nothing asks for that (`memory.lookups` of the hardware, a trace, a memory), where it has no lookups,
    or where they carry a `fetch` already. trace: open, or a file (any form that `open_trace` reads); None: a default
    one of the model's tables (`default_run`). memory: name or file of a memory in place of the hardware's.
    Raises InputError for a memory or trace that cannot be read, tables that do not fit, or rows the model lacks.
    """
    if hardware.memory.lookups != "banks" and trace is None and memory is None:
        return workload
    lookups = [layer for layer in workload.layers if layer.kind is Kind.LOOKUP]
    if not lookups or any(layer.fetch is not None for layer in lookups):
        if trace is not None and not lookups:
            raise InputError(f"the model {printable(workload.name, 60)} looks no table up: a trace says nothing of it")
        return workload
    if not any(map(asks, lookups)):
        return without_lookups(workload)
    bits = hardware.precision.weight_bits
    key = (hardware.memory, hardware.crossbar.cell.kind, bits, None if memory is None else os.fspath(memory))
    known: dict[object, Workload] = workload.cache.setdefault(_KNOWN, {})  # type: ignore[assignment]
    if trace is None and key in known:
        return known[key]
    setup = setup_of(hardware, memory)
    model = model_tables(workload, bits)
    sums = tuple(sum(sums_of(workload, index) for index in layers) for layers in model.layers)
    if trace is None:
        run = default_run(setup, model, sums)
    else:
        opened: Trace = open_trace(trace) if isinstance(trace, str | os.PathLike) else trace
        run = run_lookups(setup, asked_of(opened, model), sums, opened.header.about or "as given")
    found = _fetched(workload, replace(run, layers=model.layers))
    if trace is None:
        known[key] = found
    return found


def without_lookups(workload: Workload) -> Workload:
    """`workload` with lookups that take neither time nor energy of a memory: what is left is its arithmetic."""
    layers = tuple(replace(x, fetch=Fetch()) if x.kind is Kind.LOOKUP else x for x in workload.layers)
    return replace(workload, layers=layers, cache={})


def run_of(workload: Workload) -> LookupRun | None:
    """The run that gave a workload its `fetch`es; None for others."""
    found = workload.cache.get(_RUN)
    return found if isinstance(found, LookupRun) else None


def sums_of(workload: Workload, index: int) -> int:
    """How many rows the lookup `index` gives to the model: fewer than it reads where all that it reads goes into one
    pooling, which a reduction near the banks can do."""
    layer = workload.layers[index]
    users = [one for one in workload.layers for edge in one.inputs if edge.source == index]
    if len(users) == 1 and layer.row_elements and _pools(users[0]):
        given = users[0].output_elements // layer.row_elements
        if 1 <= given < layer.lookups and users[0].output_elements % layer.row_elements == 0:
            return given
    return layer.lookups


def _pools(layer: Layer) -> bool:
    return layer.kind is Kind.DIGITAL and (layer.op in ("ReduceSum", "ReduceMean") or layer.name.endswith("/pooling"))


@lru_cache(maxsize=32)
def default_run(setup: Setup, model: ModelTables, sums: tuple[int, ...]) -> LookupRun:
    """The run of the default trace; made once in a process for a memory and tables."""
    banks = setup.banks
    inferences = max(1, min(banks.inferences, max(64, MOST_MADE // model.lookups)))
    made = MadeTrace(model_recipe(model, inferences, seed=banks.seed, exponent=banks.exponent))
    about = f"Zipf, exponent {banks.exponent:g}, seed {banks.seed} (default)"
    return run_lookups(setup, asked_of(made, model), sums, about)


def run_lookups(setup: Setup, asked: Asked, sums: tuple[int, ...], about: str = "") -> LookupRun:
    """The rows of `asked` in a stream and alone. sums: of each table, the rows that an inference gets of it (see
    `sums_of`)."""
    stream = measure(setup, asked, sums, None)
    gap = 4096 + 16 * (stream.cycles // asked.inferences)
    some = asked.first(ALONE)
    alone = measure(setup, some, sums, np.arange(some.inferences, dtype=np.int64) * gap)
    ns = 1000.0 / stream.clock_MHz
    latency = alone.latest() * ns
    own = alone.moved() * ns / some.inferences
    moved = stream.moved()
    rows = np.bincount(asked.table, minlength=len(asked.tables))
    tables = tuple(
        TableRun(
            table, rows[t] / asked.inferences, int(moved[t]), int(moved[t]) * ns / asked.inferences,
            float(latency[t]), float(own[t]), {part: value[t] for part, value in _shared(stream, asked).items()},
            _area_um2(setup, table),
        )
        for t, table in enumerate(asked.tables)
    )  # fmt: skip
    standby = {"background": stream.energy_pJ.get("background", 0.0) / (stream.cycles * ns)}
    standby["refresh"] = refresh_mW(setup.device, setup.policy) if "refresh" in stream.energy_pJ else 0.0
    return LookupRun(
        setup.name, _controller(setup), about + ("" if asked.whole else ", its begin"), asked.inferences,
        len(asked.row), stream.cycles, stream.clock_MHz, stream.counts, standby, tables,
    )  # fmt: skip


def refresh_mW(device: Device, policy: Policy) -> float:
    """Power of the refreshes of a whole memory: all rows of every rank once in tREFI x 8192 (the stream of a run may be
    over before the first is due)."""
    if policy.refresh == "none" or not device.timing.tREFI:
        return 0.0
    ranks = device.channels * device.organisation.ranks
    whole = units(device, policy.refresh) * energy_pJ(device, refreshes=1, refresh=policy.refresh)["refresh"]
    return ranks * whole / device.ns(device.timing.tREFI)


def _shared(stream: Measured, asked: Asked) -> dict[str, list[float]]:
    """Energy of an inference (pJ), by part and table: activates by the rows they were for, the rest by accesses."""
    found = {}
    for part, energy in stream.energy_pJ.items():
        if part in STATIC:
            continue
        weight = stream.activates if part == "activate" and stream.activates.sum() > 0 else stream.accesses
        found[part] = (energy / asked.inferences * weight / weight.sum()).tolist()
    return found


def _area_um2(setup: Setup, table: TableShape) -> float:
    crossbar = None if setup.near is None else setup.near.spec.crossbar
    return 0.0 if crossbar is None else crossbar.crossbars_of(table.rows, table.row_bytes) * crossbar.area_um2


def _controller(setup: Setup) -> str:
    """The controller and the placement in words."""
    policy = setup.policy
    queue = f" of {policy.queue}" if policy.scheduler == "frfcfs" else ""
    words = f"{policy.scheduler}{queue}, {policy.page} page"
    if setup.near is not None:
        return f"{setup.near.spec.level} level, {policy.page} page"
    return words + (", interleaved" if setup.placement == "interleaved" else f", {setup.placement} on {setup.unit}s")


def _fetched(workload: Workload, run: LookupRun) -> Workload:
    """`workload` with the figures of `run` on its layers; lookups of one table have parts by their rows, those that ask
    for nothing take nothing."""
    layers = [replace(x, fetch=Fetch()) if x.kind is Kind.LOOKUP else x for x in workload.layers]
    whole = sum(table.cycles for table in run.tables) or 1
    for table, users in zip(run.tables, run.layers, strict=True):
        rows = sum(layers[index].lookups for index in users) or 1
        standby = tuple((part, power * table.cycles / whole) for part, power in run.standby_mW.items())
        for index in users:
            share = layers[index].lookups / rows
            fetch = Fetch(
                table.busy_ns * share, table.latency_ns, max(0.0, table.latency_ns - table.own_ns * share),
                tuple((part, energy * share) for part, energy in table.energy_pJ.items()),
                tuple((part, power * share) for part, power in standby), table.area_um2 * share,
            )  # fmt: skip
            layers[index] = replace(layers[index], fetch=fetch)
    cache: dict[str, Any] = {_RUN: run}
    return replace(workload, layers=tuple(layers), cache=cache)
