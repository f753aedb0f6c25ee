"""The hardware file as a tree of frozen models: device and cell -> crossbar with converters -> PE -> tile -> chip.

Every circuit carries its price in one of three ways: given (`energy_pJ` or `power_mW`, `area_um2`, `leakage_mW`),
computed from its parameters by `pimsim.components`, or computed and scaled by a `calibration`. Units are in the names.
"""

# No postponed annotations here: pydantic would compile each one again, a third of this module's import time.
import math
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

Problem = tuple[str, str]


PositiveFloat = Annotated[float, Field(gt=0, le=1e15, allow_inf_nan=False)]
NonNegativeFloat = Annotated[float, Field(ge=0, le=1e15, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1, le=65536)]
UnitCount = Annotated[int, Field(ge=0, le=65536)]
Bits = Annotated[int, Field(ge=1, le=32)]
Ports = Annotated[int, Field(ge=1, le=16)]


class Model(BaseModel):
    """Base of every section: frozen, no unknown keys, no silent conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Calibration(Model):
    """Factors on computed prices, with the reason."""

    energy: PositiveFloat = Field(default=1.0, description="factor on the computed energy")
    area: PositiveFloat = Field(default=1.0, description="factor on the computed area")
    leakage: PositiveFloat = Field(default=1.0, description="factor on the computed leakage")
    comment: Annotated[str, Field(min_length=3, max_length=2000)] = Field(description="where the factors come from")


class Values(dict[str, float | str | bool]):
    """Parameters of a component from outside the tree; hashable, as all of a hardware description is."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))


ParameterName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
ParameterValue = Annotated[float, Field(allow_inf_nan=False)] | Annotated[str, Field(max_length=200)] | bool


class Circuit(Model):
    """A circuit with its price. What one action is stands with each circuit."""

    model: Annotated[str, Field(min_length=1, max_length=4096)] | None = Field(
        default=None,
        description="what computes the price instead: a Python file beside this one (it runs only with --allow-code), "
        "or the name of an installed component",
    )
    parameters: Annotated[dict[ParameterName, ParameterValue], Field(max_length=64), AfterValidator(Values)] | None = (
        Field(default=None, description="parameters of `model`, by name")
    )
    energy_pJ: NonNegativeFloat | None = Field(
        default=None, description="energy of one action; given instead of computed"
    )
    power_mW: NonNegativeFloat | None = Field(
        default=None, description="power of one instance with the whole chip busy (instead of energy_pJ)"
    )
    static_share: Share = Field(
        default=0.0, description="share of power_mW that is drawn whether or not the circuit acts"
    )
    area_um2: NonNegativeFloat | None = Field(
        default=None, description="area of one instance; given instead of computed"
    )
    leakage_mW: NonNegativeFloat | None = Field(
        default=None, description="static power of one instance; given instead of computed"
    )
    tolerance: Annotated[float, Field(gt=0, le=10)] | None = Field(
        default=None, description="80% of true figures lie within (1 + tolerance) of the given ones; 0.05 when left out"
    )
    calibration: Calibration | None = Field(default=None, description="factors on what is computed")
    source: Annotated[str, Field(max_length=2000)] | None = Field(
        default=None, description="where the given figures come from"
    )

    @model_validator(mode="after")
    def _one_price(self) -> Self:
        problems: list[Problem] = []
        if self.energy_pJ is not None and self.power_mW is not None:
            problems.append(("power_mW", "energy_pJ and power_mW are two prices for one thing; give one"))
        if self.static_share and self.power_mW is None:
            problems.append(("static_share", "static_share splits power_mW; give power_mW, or leakage_mW instead"))
        if self.static_share and self.leakage_mW is not None:
            problems.append(("leakage_mW", "leakage_mW and static_share both set the static power; give one"))
        if self.calibration and self.area_um2 is not None and (self.energy_pJ, self.power_mW) != (None, None):
            problems.append(("calibration", "calibration scales computed prices; here energy and area are given"))
        if self.parameters is not None and self.model is None:
            problems.append(("parameters", "parameters are those of `model`; name one, or leave them out"))
        _refuse(problems)
        return self


def _refuse(problems: list[Problem]) -> None:
    """Raise all broken rules of a section at once; paths are relative to the section."""
    if problems:
        text = "; ".join(message for _, message in problems)
        raise PydanticCustomError("rule", "{text}", {"text": text, "problems": problems})


class Technology(Model):
    """Process and clock of the digital parts."""

    node_nm: Annotated[float, Field(ge=3, le=250)] = Field(description="feature size F of the process")
    supply_V: Annotated[float, Field(gt=0, le=5)] = Field(description="supply of the digital logic")
    flavour: Literal["hp", "lp"] = Field(
        default="lp", description="high-performance (low threshold) or low-power (high threshold) transistors"
    )
    price_supply_V: Annotated[float, Field(gt=0, le=5)] | None = Field(
        default=None,
        description="supply at which the given energies, times and clocks hold; another supply_V scales them",
    )
    clock_GHz: Annotated[float, Field(gt=0, le=20)] = Field(
        description="clock of digital units, buffers, buses and routers"
    )


class Precision(Model):
    """Bits of operands where neither the run nor the model says otherwise."""

    weight_bits: Bits = Field(default=8, description="bits of a weight, sign included")
    input_bits: Bits = Field(default=8, description="bits of an activation, sign included")
    accumulator_bits: Annotated[int, Field(ge=1, le=64)] = Field(default=32, description="bits of a partial sum")


class Pulse(Model):
    """One programming pulse in one direction."""

    voltage_V: Annotated[float, Field(gt=0, le=20)] = Field(description="voltage of the pulse")
    pulse_ns: PositiveFloat = Field(description="length of the pulse, verify included")
    current_uA: Annotated[float, Field(gt=0, le=1e5)] | None = Field(
        default=None, description="current through the cell; by Ohm's law at its mean conductance when left out"
    )


class Write(Model):
    """Programming one cell."""

    energy_pJ: NonNegativeFloat | None = Field(
        default=None,
        description="energy of one pulse on one cell; computed from voltage, resistance and pulse when left out",
    )
    voltage_V: Annotated[float, Field(gt=0, le=20)] = Field(default=2.0, description="voltage of a pulse")
    pulse_ns: PositiveFloat = Field(default=100.0, description="length of one pulse, verify included")
    set: Pulse | None = Field(
        default=None, description="pulse to the low-resistance state; voltage_V and pulse_ns when left out"
    )
    reset: Pulse | None = Field(
        default=None, description="pulse to the high-resistance state; voltage_V and pulse_ns when left out"
    )
    pulses: Annotated[float, Field(ge=1, le=10000)] | None = Field(
        default=None, description="mean pulses until the cell verifies; 1 when left out"
    )
    success: Annotated[float, Field(ge=1e-4, le=0.9999)] | None = Field(
        default=None, description="chance that a pulse brings a cell to its target; instead of pulses"
    )
    verify_pJ: NonNegativeFloat = Field(default=0.0, description="energy of the read that verifies a pulse")
    cells_at_once: Count = Field(default=128, description="cells of one crossbar written by one pulse (of one row)")
    endurance_cycles: Annotated[float, Field(ge=1, le=1e18, allow_inf_nan=False)] = Field(
        default=1e6, description="writes that a cell survives; 1e18 for cells that do not wear out"
    )
    source: Annotated[str, Field(max_length=2000)] | None = Field(
        default=None, description="where the figures come from"
    )

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        problems: list[Problem] = []
        if self.success is not None and self.pulses is not None:
            rule = "success and pulses both set the mean pulses; give one (pulses: null drops the extended file's)"
            problems.append(("success", rule))
        for name in ("set", "reset"):
            if self.energy_pJ is not None and getattr(self, name) is not None:
                problems.append((name, f"energy_pJ is the energy of a pulse whatever {name} says; give one"))
        _refuse(problems)
        return self


class Cell(Model):
    """The memory cell."""

    kind: Literal["reram", "pcm", "fefet", "mram", "sram"] = Field(description="device")
    bits: Annotated[int, Field(ge=1, le=8)] = Field(default=1, description="bits stored in a cell")
    r_on_ohm: Annotated[float, Field(ge=10, le=1e12)] | None = Field(
        default=None,
        description="resistance of the low-resistance state; 20 kohm when left out, of sram a minimum transistor's",
    )
    r_off_ohm: Annotated[float, Field(ge=10, le=1e15)] | None = Field(
        default=None, description="resistance of the high-resistance state; 10 r_on_ohm when left out, r_on_ohm of sram"
    )
    read_voltage_V: Annotated[float, Field(gt=0, le=5)] | None = Field(
        default=None, description="voltage across a cell during a read; 0.2 V when left out, of sram half the supply"
    )
    read_pulse_ns: PositiveFloat | None = Field(
        default=None, description="time for which the read voltage is applied; the whole read when left out"
    )
    compute: Literal["resistive", "current", "charge", "digital"] | None = Field(
        default=None,
        description="how a cell multiplies: resistive by Ohm's law (default of non-volatile cells; sram: cells that "
        "pull a bitline up and down), discharging a bitline (default of sram), onto a capacitor, or in gates with an "
        "adder tree",
    )
    capacitor_fF: Annotated[float, Field(gt=0, le=1e4)] | None = Field(
        default=None, description="compute: charge: capacitor of a cell; 1.2 fF when left out"
    )
    transistors: Annotated[int, Field(ge=1, le=64)] = Field(
        default=6, description="sram: transistors of a cell: 6 with a pair of bitlines, 8 with a read port, 10, 12"
    )
    booth: bool = Field(
        default=False, description="compute: digital: radix-4 Booth recoding of the input bits taken at once"
    )
    area_F2: Annotated[float, Field(ge=1, le=1e5)] | None = Field(
        default=None,
        description="area of a cell in squared feature sizes; left out: sram by the technology's 6T cell and the "
        "transistors, others 40",
    )
    write: Write = Field(default=Write(), description="programming")
    source: Annotated[str, Field(max_length=2000)] | None = Field(
        default=None, description="where the figures come from"
    )

    @model_validator(mode="after")
    def _rules(self) -> Self:
        problems: list[Problem] = []
        if self.r_on_ohm is not None and self.r_off_ohm is not None and self.r_on_ohm >= self.r_off_ohm:
            rule = f"r_on_ohm (low resistance) must be below r_off_ohm = {self.r_off_ohm:g}; got {self.r_on_ohm:g}"
            problems.append(("r_on_ohm", rule + "; are the two swapped?"))
        if self.kind == "sram" and self.bits != 1:
            problems.append(("bits", f"an SRAM cell stores 1 bit; got {self.bits}"))
        _refuse(problems)
        return self


class Dac(Circuit):
    """Row driver. One action: one row driven for one read cycle. One instance a row."""

    bits: Annotated[int, Field(ge=1, le=16)] = Field(default=1, description="input bits applied in one read cycle")
    kind: Literal["driver", "r2r", "c2c"] | None = Field(
        default=None,
        description="circuit: inverters, or a ladder of resistors or capacitors with a buffer; left out: inverters, "
        "but a ladder where an analog array takes a voltage of several bits (c2c for compute: charge)",
    )
    encoding: Literal["bit_serial", "pulse_count", "pulse_width", "binary_pulses"] = Field(
        default="bit_serial",
        description="levels of dac.bits bits, trains of up to 2^bits - 1 pulses, one pulse of that width, or bit k of "
        "an input as 2^k read steps that are integrated and converted once",
    )
    row_fF_per_cell: PositiveFloat | None = Field(
        default=None, description="load that a cell puts on its row; computed from the process when left out"
    )
    split_above_bits: Annotated[int, Field(ge=1, le=16)] | None = Field(
        default=None, description="binary_pulses: magnitude bits above which an input comes in two halves"
    )


class SampleHold(Circuit):
    """Column sampler. One action: one conversion's columns sampled. One instance a column."""

    kind: Literal["sample_hold", "integrator", "none"] | None = Field(
        default=None,
        description="circuit: a capacitor (combined columns share charge), or a switched-capacitor integrator; "
        "left out: integrator under binary_pulses, else a capacitor",
    )


class ColumnMux(Circuit):
    """Switches by which columns take turns on a converter. One action: one column connected. One instance a column."""


class Adc(Circuit):
    """Column converter. One action: one conversion."""

    kind: Literal["sar", "flash", "ramp", "sense_amplifier", "delta_sigma", "none"] = Field(
        default="sar", description="circuit"
    )
    bits: Annotated[int, Field(ge=1, le=16)] = Field(default=1, description="resolution")
    rate_GSps: Annotated[float, Field(gt=0, le=100)] = Field(
        default=100.0, description="conversions a second of one ADC, in 1e9"
    )
    columns_per_adc: Count = Field(default=1, description="columns that take turns on one ADC")
    step_ns: PositiveFloat | None = Field(
        default=None, description="binary_pulses: one decision of the converter; a read step when left out"
    )
    columns_combined: Annotated[int, Field(ge=1, le=64)] = Field(
        default=1,
        description="columns of one weight that share charge (or current) before one conversion; compute: digital: "
        "that are added as one word",
    )
    comparators: Annotated[int, Field(ge=1, le=65535)] | None = Field(
        default=None,
        description="flash, sense_amplifier: comparators of a converter; 2^bits - 1 when left out, fewer search in "
        "steps (1: bit by bit)",
    )
    data_share: Share = Field(
        default=0.0, description="share of a conversion's energy that follows the column sum (ramp, pulse count)"
    )

    @model_validator(mode="after")
    def _given(self) -> Self:
        if self.kind != "none":
            needed = [name for name in ("bits", "rate_GSps", "columns_per_adc") if name not in self.model_fields_set]
            _refuse([(name, f"{name} is missing; only kind: none has no need of it") for name in needed])
        return self


class Crossbar(Circuit):
    """Cell array with its converters. One action: one read of the whole array (all active rows and columns)."""

    rows: Annotated[int, Field(ge=1, le=65536)] = Field(description="wordlines")
    columns: Annotated[int, Field(ge=1, le=65536)] = Field(description="bitlines that hold weights")
    active_rows: Annotated[int, Field(ge=1, le=65536)] | None = Field(
        default=None, description="rows driven at once; all when left out"
    )
    read_ns: PositiveFloat | None = Field(
        default=None, description="one read of the array: drive, settle, sample; computed by geometry when left out"
    )
    signed: Literal[
        "offset", "twos_complement", "differential", "differential_rows", "xnor", "xnor_rows", "sign_magnitude"
    ] = Field(
        default="differential",
        description="signed weights: biased by half the range, a negative top slice, a pair of cells in two columns or "
        "rows, bits that stand for +1 and -1 (with a complementary cell in a second row), or a column of signs",
    )
    cell: Cell = Field(description="memory cell")
    dac: Dac = Field(description="row drivers")
    sample_hold: SampleHold = Field(default=SampleHold(), description="column samplers")
    column_mux: ColumnMux = Field(default=ColumnMux(), description="column multiplexer")
    adc: Adc = Field(description="column converters")

    @model_validator(mode="after")
    def _rules(self) -> Self:
        problems: list[Problem] = []
        if self.active_rows is not None and self.active_rows > self.rows:
            rule = f"active_rows must be at most rows = {self.rows}; got {self.active_rows}"
            problems.append(("active_rows", rule))
        if self.adc.columns_per_adc > self.columns:
            rule = f"columns_per_adc must be at most columns = {self.columns}; got {self.adc.columns_per_adc}"
            problems.append(("adc.columns_per_adc", rule))
        if self.cell.write.cells_at_once > self.columns:
            rule = f"cells_at_once must be at most columns = {self.columns}; got {self.cell.write.cells_at_once}"
            problems.append(("cell.write.cells_at_once", rule))
        _refuse(problems)
        return self


def _too_wide(width_bits: int, capacity_bits: float, given: str) -> list[Problem]:
    """The problem of a memory that is narrower than its word."""
    if width_bits <= capacity_bits:
        return []
    return [("width_bits", f"a word of {width_bits} bits does not fit {given}, {capacity_bits:.6g} bits")]


class Register(Circuit):
    """Small memory beside the circuits that use it. One action: one bit read or written."""

    kind: Literal["register_file", "sram"] = Field(
        default="register_file", description="memory: 8T cells read and written at once, or 6T cells"
    )
    size_bytes: Annotated[int, Field(ge=1, le=2**30)] = Field(description="capacity")
    width_bits: Annotated[int, Field(ge=1, le=65536)] | None = Field(
        default=None, description="bits of a word; left out: the rows of a crossbar, a result, or what the bus carries"
    )
    ports: Ports = Field(default=1, description="reads, and as many writes, at once")

    @model_validator(mode="after")
    def _word_fits(self) -> Self:
        if self.width_bits is not None:
            _refuse(_too_wide(self.width_bits, self.size_bytes * 8, f"size_bytes = {self.size_bytes}"))
        return self


class ShiftAdd(Circuit):
    """Puts bit slices and input cycles together. One action: one converted value added."""

    count: UnitCount = Field(default=1, description="units in a PE")


class ProcessingElement(Model):
    """Crossbars that share registers and shift-add units (ISAAC calls it IMA)."""

    crossbars: Count = Field(description="crossbars in a PE")
    shift_add: ShiftAdd = Field(description="shift-add units")
    input_register: Register = Field(description="holds the input vector")
    output_register: Register = Field(description="holds the results")


class Buffer(Circuit):
    """The tile's activation buffer. One action: one bit read or written."""

    kind: Literal["sram", "edram", "register_file"] = Field(
        default="sram", description="memory: 6T cells, one transistor and capacitor with refresh, or 8T cells"
    )
    size_KB: Annotated[float, Field(gt=0, le=1e6)] = Field(description="capacity, in units of 1024 bytes")
    banks: Count = Field(default=1, description="banks, each with its own wires; an access goes to one of them")
    width_bits: Annotated[int, Field(ge=1, le=65536)] = Field(
        description="bits of a word, read or written in one clock"
    )
    ports: Ports = Field(
        default=1, description="reads or writes at once; of a register_file, reads and as many writes"
    )

    @model_validator(mode="after")
    def _rules(self) -> Self:
        bank_bits = self.size_KB * 8192 / self.banks
        problems = _too_wide(self.width_bits, bank_bits, f"size_KB / banks = {self.size_KB:g} / {self.banks}")
        if self.kind == "edram" and self.ports > 1:
            problems.append(("ports", f"an eDRAM cell has one port; got {self.ports}: give it banks instead"))
        _refuse(problems)
        return self


class Bus(Circuit):
    """Wires between buffer and PEs. One action: one bit carried."""

    topology: Literal["bus", "htree"] = Field(
        default="bus", description="wires that every bit passes from end to end, or a tree with the PEs as its leaves"
    )
    width_bits: Annotated[int, Field(ge=1, le=65536)] = Field(description="bits carried in one clock")
    length_mm: Annotated[float, Field(gt=0, le=100)] = Field(
        default=0.5, description="mean way of a bit; topology: htree: side of the square that the tree serves"
    )


class Units(Circuit):
    """Digital units. One action: one operation; each does one a clock."""

    count: UnitCount = Field(
        default=0, description="units in a tile; with 0, the operations run on the tile's activation units"
    )
    bits: Annotated[int, Field(ge=1, le=64)] = Field(default=16, description="operand width")


class ActivationUnits(Units):
    """Special function units (sigmoid, exp, square root). One action: one function value."""

    count: Count = Field(default=1, description="units in a tile")


class Accumulators(Units):
    """Add the partial sums of row tiles. One action: one value added."""

    inputs: Annotated[int, Field(ge=1, le=65536)] = Field(
        default=1, description="values that a unit adds in one clock; an adder tree where there are several"
    )


class StepUnits(Units):
    """Units that do a whole step. One action: one element of it; each takes one a clock."""

    count: UnitCount = Field(
        default=0, description="units in a tile; with 0, the step runs on the tile's vector and activation units"
    )


class Tile(Model):
    """PEs with a buffer, a bus and digital units."""

    pes: Count = Field(description="processing elements in a tile")
    buffer: Buffer = Field(description="activation buffer")
    bus: Bus = Field(description="buffer to PEs")
    activation: ActivationUnits = Field(description="special functions")
    accumulator: Accumulators = Field(default=Accumulators(count=1), description="adds the partial sums of row tiles")
    pool: Units = Field(default=Units(), description="pooling")
    vector: Units = Field(default=Units(), description="elementwise additions, multiplications, comparisons")
    mac: Units = Field(default=Units(), description="multiply-adds of products of activations")
    softmax: StepUnits = Field(
        default=StepUnits(), description="softmax. One action: one element through maximum, exp, sum and division"
    )
    normalisation: StepUnits = Field(
        default=StepUnits(),
        description="normalisations (layer, batch, group, instance, RMS). One action: one element through statistics, "
        "scale and shift",
    )
    output_register: Register | None = Field(default=None, description="collects the outputs of the PEs")


class Router(Circuit):
    """Network-on-chip router on a mesh. One action: one bit moved over one hop (router and wire)."""

    flit_bits: Annotated[int, Field(ge=1, le=65536)] = Field(description="bits carried by a port in one clock")
    ports: Annotated[int, Field(ge=2, le=256)] = Field(default=5, description="ports of a router")
    tiles_per_router: Count = Field(default=1, description="tiles that share a router")
    link_mm: Annotated[float, Field(gt=0, le=100)] | None = Field(
        default=None, description="wire to the next router; a share of the router's energy when left out"
    )


class Network(Model):
    """Network on chip."""

    router: Router = Field(description="router")


class Link(Circuit):
    """Off-chip link. One action: one bit carried."""

    kind: Literal["board", "package", "interposer"] = Field(
        default="board", description="what it crosses: a board, the substrate of a package, or a silicon interposer"
    )
    count: Count = Field(default=1, description="links of a chip")
    bandwidth_GBps: PositiveFloat = Field(description="bytes a second of one link, in 1e9")


class Chip(Model):
    """Tiles on one die."""

    tiles: Annotated[int, Field(ge=1, le=10**6)] = Field(description="tiles on a chip")
    count: Literal["auto"] | Annotated[int, Field(ge=1, le=10**6)] = Field(
        default="auto", description="chips; auto: as many as one copy of the weights needs"
    )
    link: Link = Field(description="off-chip links")


ShippedName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]


class Banks(Model):
    """The memory that table rows are looked up in, command by command (docs/lookups.md)."""

    device: ShippedName | None = Field(
        default=None, description="shipped memory (hwconfigs/memory); that of `near`, or of `kind`, when left out"
    )
    near: ShippedName | None = Field(
        default=None, description="shipped reduction near the banks, or in crossbars (hwconfigs/memory/near)"
    )
    set: Annotated[str, Field(max_length=2000)] = Field(
        default="", description="changes to that memory, separated by blanks: organisation.ranks=4 timing.tCL=17"
    )
    scheduler: Literal["fcfs", "frfcfs"] = Field(default="fcfs", description="order in which requests are served")
    queue: Annotated[int, Field(ge=1, le=4096)] = Field(default=32, description="frfcfs: entries a channel")
    page: Literal["open", "closed"] = Field(default="open", description="what happens to a row after an access")
    refresh: Literal["all_bank", "per_bank", "same_bank", "none"] = Field(default="all_bank", description="refreshes")
    mapping: Annotated[str, Field(min_length=3, max_length=100)] | None = Field(
        default=None, description="address fields from the most significant to the least; pimsim.memory.policy's"
    )
    placement: Literal["interleaved", "round_robin", "size_balanced", "frequency_aware"] = Field(
        default="interleaved", description="interleaved: tables one after another, spread by the address mapping"
    )
    unit: Literal["channel", "rank", "bank"] = Field(default="bank", description="what tables are placed on")
    exponent: Annotated[float, Field(ge=0, le=20)] = Field(default=1.05, description="Zipf, of the default trace")
    inferences: Annotated[int, Field(ge=1, le=10**6)] = Field(default=2000, description="of the default trace")
    seed: Annotated[int, Field(ge=0, le=2**53)] = Field(default=0, description="of the default trace")


class Memory(Circuit):
    """Off-chip memory: embedding tables, spilled weights. One action: one bit read or written."""

    kind: Literal[
        "dram", "ddr4", "ddr5", "lpddr4", "lpddr5", "gddr5", "gddr6", "hbm", "hbm2", "hbm3", "nvm"
    ] = Field(default="dram", description="technology; dram: any DDR of 2014, hbm: HBM2")
    bandwidth_GBps: PositiveFloat = Field(description="bytes a second, in 1e9")
    latency_ns: NonNegativeFloat = Field(description="first access")
    burst_bytes: Annotated[int, Field(ge=1, le=65536)] = Field(default=64, description="smallest transfer")
    lookups: Literal["banks", "bandwidth"] = Field(
        default="banks", description="rows of tables: on the banks of a memory, or at bandwidth and energy a bit"
    )
    banks: Banks = Field(default=Banks(), description="where `lookups` are on banks: which, and how they are used")


class Operands(Model):
    """Statistics of operands where neither the model nor the run brings its own."""

    input_density: Share = Field(
        default=0.5, description="mean driven input over full scale (share of ones when bit-serial)"
    )
    weight_density: Share = Field(default=0.5, description="mean stored level over full scale (share of ones in SRAM)")
    source: Annotated[str, Field(max_length=2000)] | None = Field(default=None, description="where they come from")


class Mapping(Model):
    """How a model is laid on the hardware."""

    replication: Literal["balanced", "none"] = Field(
        default="balanced", description="balanced: slow layers get copies as far as the crossbars reach"
    )
    max_copies: Annotated[int, Field(ge=1, le=10**9)] = Field(
        default=10**9, description="upper bound on the copies of a layer"
    )
    granularity: Literal["crossbar", "pe", "tile"] = Field(
        default="crossbar", description="smallest piece given to one layer"
    )
    capacity: Literal["chips", "spill"] = Field(
        default="chips", description="a model too large for a chip: more chips, or one chip rewritten while it runs"
    )
    dynamic: Literal["digital", "crossbar"] = Field(
        default="digital", description="products of two activations: on digital units, or written to crossbars first"
    )
    input_reuse: Literal["window", "none"] = Field(
        default="window",
        description="overlapping convolution windows: fetched once along a row, or anew for each output",
    )
    overlap: Literal["steps", "none"] = Field(
        default="steps",
        description="steps: fetching, reading, adding and storing of a layer go on at once, the slowest counts;"
        " none: one after the other",
    )
    schedule: Literal["pipeline", "layer_by_layer"] = Field(
        default="pipeline", description="which of the two schedules the totals use"
    )


class Hardware(Model):
    """One accelerator."""

    name: Annotated[str, Field(min_length=1, max_length=200)] = Field(description="name in results")
    description: Annotated[str, Field(max_length=2000)] = Field(default="", description="one line for listings")
    source: Annotated[str, Field(max_length=4000)] = Field(default="", description="publication")
    technology: Technology
    precision: Precision = Precision()
    crossbar: Crossbar
    pe: ProcessingElement
    tile: Tile
    chip: Chip
    network: Network
    memory: Memory
    operands: Operands = Operands()
    mapping: Mapping = Mapping()

    def warnings(self) -> list[tuple[str, str]]:
        """Settings that work but waste hardware: (dotted path, message)."""
        found: list[tuple[str, str]] = []
        bar, bits = self.crossbar, self.precision
        if bar.dac.bits > bits.input_bits:
            found.append(
                (
                    "crossbar.dac.bits",
                    f"a DAC of {bar.dac.bits} bits for inputs of {bits.input_bits} bits: the rest is never used",
                )
            )
        needed = lossless_adc_bits(bar.active_rows or bar.rows, bar.cell.bits, bar.dac.bits)
        if bar.adc.kind != "none" and bar.adc.bits > needed:
            found.append(
                (
                    "crossbar.adc.bits",
                    f"an ADC of {bar.adc.bits} bits where {needed} bits hold every sum that a column can give",
                )
            )
        if bar.cell.bits > bits.weight_bits:
            found.append(
                (
                    "crossbar.cell.bits",
                    f"a cell of {bar.cell.bits} bits for weights of {bits.weight_bits} bits: the rest is never used",
                )
            )
        turn_ns = bar.adc.columns_per_adc / bar.adc.columns_combined / bar.adc.rate_GSps
        if bar.adc.kind != "none" and bar.read_ns is not None and turn_ns > bar.read_ns * 1.0000001:
            found.append(
                (
                    "crossbar.adc.rate_GSps",
                    f"{bar.adc.columns_per_adc} columns take {turn_ns:.4g} ns at {bar.adc.rate_GSps:g} GS/s, longer"
                    f" than read_ns = {bar.read_ns:g}: the ADC sets the cycle",
                )
            )
        return found


def lossless_adc_bits(rows: int, cell_bits: int, dac_bits: int) -> int:
    """Bits that represent every possible column sum: rows x (2^cell_bits - 1) x (2^dac_bits - 1) + 1 levels
    (Shafiee et al., ISCA 2016, section V, without their encoding that saves one)."""
    return math.ceil(math.log2(rows * (2**cell_bits - 1) * (2**dac_bits - 1) + 1))
