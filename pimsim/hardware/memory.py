"""Sections of the memory off the chip, and of its banks where rows of tables are looked up."""

# No postponed annotations here: pydantic would compile each one again, a third of the time that an import takes.
from typing import Annotated, Literal

from pydantic import Field

from pimsim.hardware.circuit import Circuit, Model, NonNegativeFloat, PositiveFloat

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
