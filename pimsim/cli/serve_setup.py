"""What `pimsim serve` serves: the arithmetic of a model, its tables on a memory, and the rows that a trace asks for."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from pimsim.cli.binding import load_bound_model
from pimsim.cli.output import say
from pimsim.cli.placement_options import placement_of
from pimsim.errors import InputError, printable

if TYPE_CHECKING:
    from pimsim.graph.workload import Workload
    from pimsim.hardware.schema import Hardware
    from pimsim.memory.placement.policies import Placement
    from pimsim.memory.serving.banks import Tables, Traffic
    from pimsim.memory.serving.run import Pipeline, Served
    from pimsim.memory.serving.trace import ModelTrace
    from pimsim.memory.setup import Setup
    from pimsim.memory.traces import Trace

ARITHMETIC = "reram_128"
"""Hardware of the arithmetic where --hw names a memory."""

DEFAULT_REQUESTS = 10_000


class Service:
    """Model, memory and lookups of the options, to be served at any rate. workload, trace: in place of the files that
    the options name."""

    def __init__(self, options: argparse.Namespace, workload: Workload | None = None, trace: Trace | None = None):
        from pimsim.memory.near.banks import takes_plain
        from pimsim.memory.serving.service import Batching
        from pimsim.memory.traces import open_trace

        self.options = options
        self.tables: Tables
        self.batching = Batching(options.max_batch, options.timeout_us * 1e3, options.in_flight)
        hardware, memory = _hardware(options)
        self.hardware = hardware
        if workload is None:
            workload = load_bound_model(options.model, options, options.unknown_ops)
        if trace is None:
            trace = open_trace(options.trace)
        self.setup = _setup(hardware, memory, options)
        asked = _asked(workload, trace, hardware)
        self.rows: Trace = trace if asked is None else asked.rows
        on_banks = self.setup.near is None or takes_plain(self.setup.near)
        self.pipeline, traffic = arithmetic(workload, hardware, on_banks, options.operands)
        if self.setup.near is None:
            self.tables = _on_banks(self.rows, self.setup, traffic, options, hardware)
        else:
            self.tables = _near(self.rows, asked, self.setup, traffic, workload, hardware)
        self.timed = None
        if options.rate is None:
            from pimsim.memory.serving.lookups import trace_arrivals

            device = self.setup.device
            self.timed = trace_arrivals(trace, device) if asked is None else asked.arrivals(device)

    def at(self, rate: float | None, most: int | None = None) -> Served:
        """Served at `rate` (None: when the trace says); at most `most` inferences."""
        from pimsim.memory.serving.service import poisson_arrivals

        count = self.options.requests
        if rate is None:
            assert self.timed is not None
            arrivals: Any = self.timed[:count]
        else:
            arrivals = poisson_arrivals(rate, count or DEFAULT_REQUESTS, self.options.seed)
        return self.of(arrivals[:most])

    def of(self, arrivals: Any) -> Served:
        """Served with these arrivals (ns)."""
        from pimsim.memory.serving.run import serve

        return serve(self.tables, self.pipeline, self.batching, arrivals)


def _hardware(options: argparse.Namespace) -> tuple[Hardware, str | None]:
    """Hardware of the arithmetic, and the memory that is asked for: --memory, or --hw where it names one."""
    from pimsim.hardware.load import load_hardware
    from pimsim.memory.device import device_names
    from pimsim.memory.near.spec import near_names

    named, memory = options.hw, options.memory
    if named.removesuffix(".yaml") in (*device_names(), *near_names()):
        if memory is not None:
            raise InputError(
                f"--hw {printable(named)} is a memory, and --memory names one too; --hw is the arithmetic's hardware"
            )
        say(f"note: {printable(named)} is a memory; the arithmetic is done on {ARITHMETIC}")
        named, memory = ARITHMETIC, named
    return load_hardware(named, overrides=options.set, allow_code=options.allow_code), memory


def _setup(hardware: Hardware, memory: str | None, options: argparse.Namespace) -> Setup:
    """The memory and its controller, with what the options change."""
    from dataclasses import replace

    from pimsim.memory.setup import setup_of

    banks = hardware.memory.banks
    if options.set_memory:
        banks = banks.model_copy(update={"set": " ".join((banks.set, *options.set_memory))})
        own = hardware.memory.model_copy(update={"banks": banks})
        hardware = hardware.model_copy(update={"memory": own})
    setup = setup_of(hardware, memory)
    wanted = {"scheduler": options.policy, "queue": options.queue}
    policy = replace(setup.policy, **{name: value for name, value in wanted.items() if value is not None})
    if setup.near is not None and (options.policy is not None or options.placement is not None):
        raise InputError(f"{setup.name} schedules and places rows itself; leave out --policy and --placement")
    return replace(setup, policy=policy)


def _asked(workload: Workload, trace: Trace, hardware: Hardware) -> ModelTrace | None:
    """The trace as the model asks its tables; None for a model without tables, whose trace is taken as it is."""
    from pimsim.memory.serving.trace import of_model
    from pimsim.memory.traces.tables import model_tables

    if not workload.looks_up:
        say("note: the model looks no table up; the rows of the trace are asked for as they are")
        return None
    asked = of_model(trace, model_tables(workload, hardware.precision.weight_bits))
    if asked.note:
        say(f"note: {asked.note}")
    return asked


def arithmetic(
    workload: Workload, hardware: Hardware, on_banks: bool, operands: str = "model"
) -> tuple[Pipeline, Traffic]:
    """A model without its lookups: latency, interval, energy, power at rest; and what it moves over the memory of the
    tables itself: inputs, outputs, and weights that are fetched anew (nothing, unless `on_banks`). operands: as of
    `simulate`."""
    from pimsim.cost.evaluation import COMPONENTS
    from pimsim.engine import simulate
    from pimsim.graph.workload import Kind
    from pimsim.memory.lookups import without_lookups
    from pimsim.memory.serving.banks import Traffic
    from pimsim.memory.serving.run import Pipeline

    result = simulate(without_lookups(workload), hardware, operands=operands)
    totals, found = result.totals, result.evaluation
    latency = float(totals["latency_ns"])
    interval = min(1e9 / float(totals["throughput_inferences_per_s"]), latency)
    dynamic = float(totals["energy_dynamic_pJ"])
    static_mW = float(totals["energy_static_pJ"]) * float(totals["throughput_inferences_per_s"]) * 1e-9
    if not on_banks:
        return Pipeline(latency, interval, dynamic, static_mW), Traffic()
    # Fetched weights are priced by the banks, in place of the hardware file's price a bit.
    dynamic -= float(found.energy_dynamic_pJ[:, COMPONENTS.index("memory")].sum())
    with_bits = zip(workload.layers, found.weight_bits, strict=True)
    stored = sum(layer.weight_elements * int(bits) for layer, bits in with_bits if layer.kind is Kind.MVM)
    bits = hardware.precision.input_bits
    moved = Traffic(
        -(-workload.input_elements * bits // 8), -(-stored // 8) if found.contexts > 1 else 0,
        -(-workload.output_elements * bits // 8),
    )  # fmt: skip
    return Pipeline(latency, interval, max(0.0, dynamic), static_mW), moved


def _on_banks(rows: Trace, setup: Setup, traffic: Traffic, options: argparse.Namespace, hardware: Hardware) -> Tables:
    """The lookups on the banks, and what the arithmetic moves there."""
    from pimsim.memory.serving.banks import Banks
    from pimsim.memory.serving.lookups import lookups_of

    placement = _placement(rows, setup, options)
    return Banks(lookups_of(rows, setup.device, setup.policy, placement, hardware), setup.device, setup.policy, traffic)


def _near(
    rows: Trace, asked: ModelTrace | None, setup: Setup, traffic: Traffic, workload: Workload, hardware: Hardware
) -> Tables:
    """The lookups near the banks; rows are added where the model adds them (in bags of the trace, without a model)."""
    from pimsim.memory.lookups import sums_of
    from pimsim.memory.serving.near import near_of_model, near_tables
    from pimsim.memory.traces.tables import model_tables

    assert setup.near is not None
    if asked is None:
        return near_tables(rows, setup.near, setup.policy, traffic)
    layers = model_tables(workload, hardware.precision.weight_bits).layers
    sums = tuple(sum(sums_of(workload, index) for index in own) for own in layers)
    return near_of_model(asked.asked, sums, setup.near, setup.policy, traffic)


def _placement(rows: Trace, setup: Setup, options: argparse.Namespace) -> Placement | None:
    """The placement of the options, else that of the hardware file."""
    from pimsim.memory.placement.policies import place, profile
    from pimsim.memory.placement.run import units_of

    if options.placement is not None or setup.placement == "interleaved":
        return placement_of(options, rows, setup.device)
    known = profile(rows) if setup.placement == "frequency_aware" else None
    return place(rows.header.tables, units_of(setup.device, setup.unit), setup.placement, known)
