"""The hardware file as a tree of frozen models: device and cell -> crossbar with converters -> PE -> tile -> chip.

Every circuit carries its price in one of three ways: given (`energy_pJ` or `power_mW`, `area_um2`, `leakage_mW`),
computed from its parameters by `pimsim.components`, or computed and scaled by a `calibration`. Units are in the names.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

Problem = tuple[str, str]


PositiveFloat = Annotated[float, Field(gt=0, le=1e15, allow_inf_nan=False)]
NonNegativeFloat = Annotated[float, Field(ge=0, le=1e15, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1, le=65536)]
UnitCount = Annotated[int, Field(ge=0, le=65536)]
Bits = Annotated[int, Field(ge=1, le=32)]


class Model(BaseModel):
    """Base of every section: frozen, no unknown keys, no silent conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


class Calibration(Model):
    """Factors on computed prices, with the reason."""

    energy: PositiveFloat = 1.0
    """factor on the computed energy"""
    area: PositiveFloat = 1.0
    """factor on the computed area"""
    leakage: PositiveFloat = 1.0
    """factor on the computed leakage"""
    comment: Annotated[str, Field(min_length=3, max_length=2000)]
    """where the factors come from"""


class Circuit(Model):
    """A circuit with its price. What one action is stands with each circuit."""

    energy_pJ: NonNegativeFloat | None = None
    """energy of one action; given instead of computed"""
    power_mW: NonNegativeFloat | None = None
    """power of one instance with the whole chip busy (instead of energy_pJ)"""
    static_share: Share = 0.0
    """share of power_mW that is drawn whether or not the circuit acts"""
    area_um2: NonNegativeFloat | None = None
    """area of one instance; given instead of computed"""
    leakage_mW: NonNegativeFloat | None = None
    """static power of one instance; given instead of computed"""
    calibration: Calibration | None = None
    """factors on what is computed"""
    source: Annotated[str, Field(max_length=2000)] | None = None
    """where the given figures come from"""

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
        _refuse(problems)
        return self


def _refuse(problems: list[Problem]) -> None:
    """Raise all broken rules of a section at once; paths are relative to the section."""
    if problems:
        text = "; ".join(message for _, message in problems)
        raise PydanticCustomError("rule", "{text}", {"text": text, "problems": problems})


class Technology(Model):
    """Process and clock of the digital parts."""

    node_nm: Annotated[float, Field(ge=3, le=250)]
    """feature size F of the process"""
    supply_V: Annotated[float, Field(gt=0, le=5)]
    """supply of the digital logic"""
    clock_GHz: Annotated[float, Field(gt=0, le=20)]
    """clock of digital units, buffers, buses and routers"""


class Precision(Model):
    """Bits of operands where neither the run nor the model says otherwise."""

    weight_bits: Bits = 8
    """bits of a weight, sign included"""
    input_bits: Bits = 8
    """bits of an activation, sign included"""
    accumulator_bits: Annotated[int, Field(ge=1, le=64)] = 32
    """bits of a partial sum"""


class Write(Model):
    """Programming one cell."""

    energy_pJ: NonNegativeFloat | None = None
    """energy of one pulse on one cell; computed from voltage, resistance and pulse when left out"""
    voltage_V: Annotated[float, Field(gt=0, le=20)] = 2.0
    """voltage of a pulse"""
    pulse_ns: PositiveFloat = 100.0
    """length of one pulse, verify included"""
    pulses: Annotated[float, Field(ge=1, le=10000)] = 1.0
    """mean pulses until the cell verifies"""
    cells_at_once: Count = 128
    """cells of one crossbar written by one pulse (of one row)"""
    endurance_cycles: Annotated[float, Field(ge=1, le=1e18, allow_inf_nan=False)] = 1e6
    """writes that a cell survives; 1e18 for cells that do not wear out"""
    source: Annotated[str, Field(max_length=2000)] | None = None
    """where the figures come from"""


class Cell(Model):
    """The memory cell."""

    kind: Literal["reram", "pcm", "fefet", "mram", "sram"]
    """device"""
    bits: Annotated[int, Field(ge=1, le=8)] = 1
    """bits stored in a cell"""
    r_on_ohm: Annotated[float, Field(ge=10, le=1e12)] | None = None
    """resistance of the low-resistance state"""
    r_off_ohm: Annotated[float, Field(ge=10, le=1e15)] | None = None
    """resistance of the high-resistance state"""
    read_voltage_V: Annotated[float, Field(gt=0, le=5)] | None = None
    """voltage across a cell during a read; the supply when left out"""
    read_pulse_ns: PositiveFloat | None = None
    """time for which the read voltage is applied; the whole read when left out"""
    area_F2: Annotated[float, Field(ge=1, le=1e5)] = 12.0
    """area of a cell in squared feature sizes"""
    write: Write = Write()
    """programming"""
    source: Annotated[str, Field(max_length=2000)] | None = None
    """where the figures come from"""

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

    bits: Annotated[int, Field(ge=1, le=16)] = 1
    """input bits applied in one read cycle"""


class SampleHold(Circuit):
    """Column sampler. One action: one column sampled. One instance a column."""


class Adc(Circuit):
    """Column converter. One action: one conversion."""

    kind: Literal["sar", "flash", "ramp", "sense_amplifier", "delta_sigma"] = "sar"
    """circuit"""
    bits: Annotated[int, Field(ge=1, le=16)]
    """resolution"""
    rate_GSps: Annotated[float, Field(gt=0, le=100)]
    """conversions a second of one ADC, in 1e9"""
    columns_per_adc: Count
    """columns that take turns on one ADC"""


class Crossbar(Circuit):
    """Cell array with its converters. One action: one read of the whole array (all active rows and columns)."""

    rows: Annotated[int, Field(ge=1, le=65536)]
    """wordlines"""
    columns: Annotated[int, Field(ge=1, le=65536)]
    """bitlines that hold weights"""
    active_rows: Annotated[int, Field(ge=1, le=65536)] | None = None
    """rows driven at once; all when left out"""
    read_ns: PositiveFloat
    """one read of the array: drive, settle, sample"""
    signed: Literal["offset", "differential", "twos_complement"] = "differential"
    """how signed weights are stored: a column holding the offset, a pair of cells, or a negative top slice"""
    cell: Cell
    """memory cell"""
    dac: Dac
    """row drivers"""
    sample_hold: SampleHold = SampleHold()
    """column samplers"""
    adc: Adc
    """column converters"""

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


class Register(Circuit):
    """Small memory beside the circuits that use it. One action: one bit read or written."""

    size_bytes: Annotated[int, Field(ge=1, le=2**30)]
    """capacity"""


class ShiftAdd(Circuit):
    """Puts bit slices and input cycles together. One action: one converted value added."""

    count: UnitCount = 1
    """units in a PE"""


class ProcessingElement(Model):
    """Crossbars that share registers and shift-add units (ISAAC calls it IMA)."""

    crossbars: Count
    """crossbars in a PE"""
    shift_add: ShiftAdd
    """shift-add units"""
    input_register: Register
    """holds the input vector"""
    output_register: Register
    """holds the results"""


class Buffer(Circuit):
    """The tile's activation buffer. One action: one bit read or written."""

    kind: Literal["edram", "sram"] = "sram"
    """memory"""
    size_KB: Annotated[float, Field(gt=0, le=1e6)]
    """capacity, in units of 1024 bytes"""
    banks: Count = 1
    """banks"""
    width_bits: Annotated[int, Field(ge=1, le=65536)]
    """bits read or written in one clock"""


class Bus(Circuit):
    """Wires between buffer and PEs. One action: one bit carried."""

    width_bits: Annotated[int, Field(ge=1, le=65536)]
    """bits carried in one clock"""
    length_mm: Annotated[float, Field(gt=0, le=100)] = 0.5
    """mean way of a bit"""


class Units(Circuit):
    """Digital units. One action: one operation; each does one a clock."""

    count: UnitCount = 0
    """units in a tile; with 0, the operations run on the tile's activation units"""
    bits: Annotated[int, Field(ge=1, le=64)] = 16
    """operand width"""


class ActivationUnits(Units):
    """Special function units (sigmoid, exp, square root). One action: one function value."""

    count: Count = 1
    """units in a tile"""


class Tile(Model):
    """PEs with a buffer, a bus and digital units."""

    pes: Count
    """processing elements in a tile"""
    buffer: Buffer
    """activation buffer"""
    bus: Bus
    """buffer to PEs"""
    activation: ActivationUnits
    """special functions"""
    accumulator: Units = Units(count=1)
    """adds the partial sums of row tiles"""
    pool: Units = Units()
    """pooling"""
    vector: Units = Units()
    """elementwise additions, multiplications, comparisons"""
    mac: Units = Units()
    """multiply-adds of products of activations"""
    output_register: Register | None = None
    """collects the outputs of the PEs"""


class Router(Circuit):
    """Network-on-chip router on a mesh. One action: one bit moved over one hop (router and wire)."""

    flit_bits: Annotated[int, Field(ge=1, le=65536)]
    """bits carried by a port in one clock"""
    ports: Annotated[int, Field(ge=2, le=256)] = 5
    """ports of a router"""
    tiles_per_router: Count = 1
    """tiles that share a router"""


class Network(Model):
    """Network on chip."""

    router: Router
    """router"""


class Link(Circuit):
    """Off-chip link. One action: one bit carried."""

    count: Count = 1
    """links of a chip"""
    bandwidth_GBps: PositiveFloat
    """bytes a second of one link, in 1e9"""


class Chip(Model):
    """Tiles on one die."""

    tiles: Annotated[int, Field(ge=1, le=10**6)]
    """tiles on a chip"""
    count: Literal["auto"] | Annotated[int, Field(ge=1, le=10**6)] = "auto"
    """chips; auto: as many as one copy of the weights needs"""
    link: Link
    """off-chip links"""


class Memory(Circuit):
    """Off-chip memory: embedding tables, spilled weights. One action: one bit read or written."""

    kind: Literal["dram", "hbm", "nvm"] = "dram"
    """technology"""
    bandwidth_GBps: PositiveFloat
    """bytes a second, in 1e9"""
    latency_ns: NonNegativeFloat
    """first access"""
    burst_bytes: Annotated[int, Field(ge=1, le=65536)] = 64
    """smallest transfer"""


class Mapping(Model):
    """How a model is laid on the hardware."""

    replication: Literal["balanced", "none"] = "balanced"
    """balanced: slow layers get copies until the pipeline is balanced within the crossbars that there are"""
    max_copies: Annotated[int, Field(ge=1, le=10**9)] = 10**9
    """upper bound on the copies of a layer"""
    granularity: Literal["crossbar", "pe", "tile"] = "crossbar"
    """smallest piece given to one layer"""
    capacity: Literal["chips", "spill"] = "chips"
    """a model too large for a chip: more chips, or one chip rewritten while it runs"""
    dynamic: Literal["digital", "crossbar"] = "digital"
    """products of two activations: on digital units, or written to crossbars first"""
    input_reuse: Literal["window", "none"] = "window"
    """overlapping convolution windows: fetched once along a row, or anew for each output"""
    schedule: Literal["pipeline", "layer_by_layer"] = "pipeline"
    """which of the two schedules the totals use"""


class Hardware(Model):
    """One accelerator."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    """name in results"""
    description: Annotated[str, Field(max_length=2000)] = ""
    """one line for listings"""
    source: Annotated[str, Field(max_length=4000)] = ""
    """publication"""
    technology: Technology
    precision: Precision = Precision()
    crossbar: Crossbar
    pe: ProcessingElement
    tile: Tile
    chip: Chip
    network: Network
    memory: Memory
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
        if bar.adc.bits > needed:
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
        turn_ns = bar.adc.columns_per_adc / bar.adc.rate_GSps
        if turn_ns > bar.read_ns * 1.0000001:
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
