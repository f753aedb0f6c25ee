"""Sections of the crossbar: cells and how they are written, drivers, sample-and-hold, converters."""

# No postponed annotations here: pydantic would compile each one again, a third of the time that an import takes.
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pimsim.hardware.circuit import Circuit, Count, Model, NonNegativeFloat, PositiveFloat, Problem, Share, refuse


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
        refuse(problems)
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
        refuse(problems)
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
            refuse([(name, f"{name} is missing; only kind: none has no need of it") for name in needed])
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
        refuse(problems)
        return self
