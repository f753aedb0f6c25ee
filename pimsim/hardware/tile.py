"""Sections around the crossbars: PE, tile, network, chip and links."""

# No postponed annotations here: pydantic would compile each one again, a third of the time that an import takes.
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from pimsim.hardware.circuit import Circuit, Count, Model, Ports, PositiveFloat, Problem, UnitCount, refuse


def too_wide(width_bits: int, capacity_bits: float, given: str) -> list[Problem]:
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
            refuse(too_wide(self.width_bits, self.size_bytes * 8, f"size_bytes = {self.size_bytes}"))
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
        problems = too_wide(self.width_bits, bank_bits, f"size_KB / banks = {self.size_KB:g} / {self.banks}")
        if self.kind == "edram" and self.ports > 1:
            problems.append(("ports", f"an eDRAM cell has one port; got {self.ports}: give it banks instead"))
        refuse(problems)
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
