"""The hardware file as a tree of frozen models: device and cell -> crossbar with converters -> PE -> tile -> chip.

Every circuit carries its price in one of three ways: given (`energy_pJ` or `power_mW`, `area_um2`, `leakage_mW`),
computed from its parameters by `pimsim.components`, or computed and scaled by a `calibration`. Units are in the names.
"""

# No postponed annotations here: pydantic would compile each one again, a third of the time that an import takes.
import math
from typing import Annotated, Literal

from pydantic import Field

from pimsim.hardware.circuit import Bits, Model, Share
from pimsim.hardware.crossbar import Crossbar
from pimsim.hardware.memory import Memory
from pimsim.hardware.tile import Chip, Network, ProcessingElement, Tile


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
