"""What a published reduction near the banks has: where its adders stand, how commands reach them, how sums leave.

A file in `hwconfigs/memory/near` (or anywhere) names the plain memory that the adders are put into, so that the same
lookups can be run with and without them. `level` says where the adders are: "rank" (in the buffer of a rank),
"bank_group", "bank", "dpu" (a core at every bank, programmed), "crossbar" (the wordlines of a resistive crossbar).
"""

# No postponed annotations here, as in pimsim.hardware.schema.
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from pimsim.data_files import data_folder
from pimsim.errors import InputError, printable
from pimsim.hardware.circuit import Model, NonNegativeFloat, PositiveFloat, Share
from pimsim.hardware.library import shown_path
from pimsim.hardware.load import load_path
from pimsim.hardware.merge import read_tree
from pimsim.hardware.suggest import nearest
from pimsim.memory.device import Device, load_device

Level = Literal["rank", "bank_group", "bank", "dpu", "crossbar"]
Some = Annotated[int, Field(ge=1, le=1_000_000)]
Text = Annotated[str, Field(min_length=3, max_length=4000)]


class Commands(Model):
    """Instructions of a lookup instead of the DRAM commands that it stands for: two buses that carry them in turn."""

    bits: Some = Field(description="bits of the instruction that looks one row up")
    channel_bits_per_cycle: PositiveFloat = Field(description="from the host to the buffer, all ranks of a channel")
    rank_bits_per_cycle: NonNegativeFloat = Field(
        default=0.0, description="from the buffer to the units of a rank; 0: the buffer makes DRAM commands of it"
    )


class Banks(Model):
    """Adders in ranks, bank groups or banks: the bank engine does the reads."""

    queue: Annotated[int, Field(ge=1, le=4096)] = Field(default=64, description="lookups that a rank's queue holds")
    interval: Literal["tCCD_S", "tCCD_L"] = Field(
        default="tCCD_L", description="distance of two reads of one bank group or bank with an adder"
    )
    together: Literal["none", "ranks", "banks"] = Field(
        default="none", description="which units act as one, each on its slice of a row; none: every row is whole"
    )
    slices: Some | None = Field(default=None, description="together: banks that one read takes data from; all if null")
    commands: Commands | None = Field(default=None, description="null: DRAM commands, one a cycle")
    sums_in: Literal["buffer", "host"] = Field(
        default="buffer", description="what adds the sums of units: the buffer of the module, or the host"
    )
    ranks_per_buffer: Some = Field(default=2, description="ranks whose sums one buffer adds")
    cache_bytes: Annotated[int, Field(ge=0, le=1 << 30)] = Field(default=0, description="cache of rows in every unit")
    cache_ways: Annotated[int, Field(ge=1, le=4096)] = 4
    cache_pJ: NonNegativeFloat = Field(default=0.0, description="one row read from the cache")
    copied_rows: Annotated[int, Field(ge=0, le=1 << 20)] = Field(
        default=0, description="hottest rows, as the first call counts them, with a copy in every unit"
    )
    read_share: Share = Field(default=1.0, description="of a read's energy, what is spent on the way to the adders")


class Dpu(Model):
    """A programmable core at every bank, with a scratchpad that it fills by DMA."""

    clock_MHz: PositiveFloat
    per_rank: Some = Field(description="cores of a rank")
    memory_bytes: Annotated[int, Field(ge=1, le=1 << 40)] = Field(description="bank of one core")
    tasklets: Annotated[int, Field(ge=1, le=24)] = Field(description="hardware threads in use")
    issue_cycles: Some = Field(description="cycles between two instructions of one thread")
    dma_cycles: NonNegativeFloat = Field(description="alpha: cycles of a transfer of no bytes")
    dma_cycles_per_byte: NonNegativeFloat = Field(description="beta: further cycles a byte")
    dma_bytes: Some = Field(default=8, description="transfers are multiples of this")
    instructions_per_add: PositiveFloat = Field(description="load, add, store and loop, for one element")
    to_cores_GBps: PositiveFloat = Field(description="host to the cores of a rank, equal buffers")
    from_cores_GBps: PositiveFloat = Field(description="cores of a rank to the host, equal buffers")
    index_bytes: Some = Field(default=4, description="what the host sends a core and lookup")
    slice_bytes: Annotated[int, Field(ge=0, le=1 << 20)] = Field(
        default=0, description="bytes of a row in one core, cores side by side having the rest; 0: rows are whole"
    )
    power_mW: NonNegativeFloat = Field(description="one core with its bank, busy")


class Crossbar(Model):
    """Rows of tables along wordlines: those of a bag that stand in one crossbar are read, and added, at once."""

    crossbars: Annotated[int, Field(ge=1, le=1 << 26)]
    rows: Some
    columns: Some
    cell_bits: Annotated[int, Field(ge=1, le=8)]
    read_ns: PositiveFloat = Field(description="one read cycle of the array")
    adc_bits: Annotated[int, Field(ge=1, le=16)]
    adc_GSps: PositiveFloat
    columns_per_adc: Some
    most_wordlines: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        default=0, description="wordlines driven at once; 0: as many as the converter can tell apart"
    )
    wordline_pJ: NonNegativeFloat = Field(description="one wordline driven for one read, its cells and its driver")
    conversion_pJ: NonNegativeFloat = Field(description="one conversion, with the shift and add behind it")
    port_GBps: PositiveFloat = Field(description="sums that leave the chip")
    cell_um2: NonNegativeFloat = Field(default=0.0, description="area of one cell of the array")
    row_um2: NonNegativeFloat = Field(default=0.0, description="area of the driver of one wordline")
    column_um2: NonNegativeFloat = Field(default=0.0, description="area of what holds the value of one column")
    adc_um2: NonNegativeFloat = Field(default=0.0, description="area of one converter with its shift and add")

    @property
    def area_um2(self) -> float:
        """One crossbar with its drivers and converters: those that its read time takes for granted."""
        array = self.rows * self.columns * self.cell_um2
        return array + self.rows * self.row_um2 + self.columns * (self.column_um2 + self.adc_um2 / self.columns_per_adc)

    def crossbars_of(self, rows: int, row_bytes: int) -> int:
        """Crossbars that a table takes: whole ones in both directions."""
        return -(-rows // self.rows) * -(-row_bytes // self.slice_bytes)

    @property
    def wordlines(self) -> int:
        """Wordlines of one read: k cells of the highest level stay below 2^adc_bits steps."""
        told = int((2**self.adc_bits - 1) // (2**self.cell_bits - 1))
        return max(1, min(self.most_wordlines or told, told, self.rows))

    @property
    def slice_bytes(self) -> int:
        """Bytes of a table row that one crossbar holds."""
        return max(1, self.columns * self.cell_bits // 8)


class Spec(Model):
    """One published reduction near the banks."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    description: Text
    source: Text = Field(description="paper of the figures, and what is assumed")
    level: Level
    memory: Annotated[str, Field(min_length=1, max_length=1000)] = Field(
        description="the plain memory: a shipped name, or a file beside this one"
    )
    memory_set: Annotated[list[str], Field(max_length=100)] = Field(
        default=[], description="changes to that memory, e.g. organisation.ranks=4"
    )
    element_bits: Annotated[int, Field(ge=1, le=64)] = Field(default=32, description="one element of a row")
    add_pJ: NonNegativeFloat = Field(default=0.0, description="one addition of two elements")
    banks: Banks | None = None
    dpu: Dpu | None = None
    crossbar: Crossbar | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        own = {"dpu": "dpu", "crossbar": "crossbar"}.get(self.level, "banks")
        problems = []
        for section in ("banks", "dpu", "crossbar"):
            if (getattr(self, section) is not None) != (section == own):
                word = "needs" if section == own else "has no"
                problems.append((section, f"level {self.level} {word} section {section}"))
        banks = self.banks
        if banks is not None and own == "banks":
            allowed = {"none", "ranks" if self.level == "rank" else "banks" if self.level == "bank" else "none"}
            if banks.together not in allowed:
                text = f"level {self.level} takes {', '.join(sorted(allowed))}; got {banks.together}"
                problems.append(("banks.together", text))
            for key in ("cache_bytes", "copied_rows"):
                if banks.together != "none" and getattr(banks, key):
                    problems.append((f"banks.{key}", f"units that act together have no {key} of their own"))
        if problems:
            text = "; ".join(message for _, message in problems)
            raise PydanticCustomError("rule", "{text}", {"text": text, "problems": problems})
        return self


@dataclass(frozen=True)
class Near:
    """Adders and the memory that they are put into."""

    spec: Spec
    memory: Device

    @property
    def clock_MHz(self) -> float:
        """Clock of the cycles that a run tells: the memory's, the core's, or 1 GHz for crossbars."""
        if self.spec.dpu is not None:
            return self.spec.dpu.clock_MHz
        return 1000.0 if self.spec.crossbar is not None else self.memory.clock_MHz

    def with_memory(self, device: Device) -> "Near":
        """The same adders in another memory."""
        return Near(self.spec, device)


def near_names() -> list[str]:
    """Names of the shipped files, sorted."""
    return sorted(path.stem for path in _folder().glob("*.yaml"))


def is_near(source: str | os.PathLike[str]) -> bool:
    """Whether `source` is the name of a shipped near memory, or a file that says (or extends one that says) at which
    `level` the adders stand. Raises InputError for a file that cannot be read."""
    asked = os.fspath(source)
    if asked and "\0" not in asked and Path(asked).is_file():
        return "level" in read_tree(Path(asked), shown_path(Path(asked))).entries
    return asked.removesuffix(".yaml") in near_names()


def load_near(source: str | os.PathLike[str], *, overrides: Sequence[str] = ()) -> Near:
    """A shipped near memory by name, or one of a file. overrides: as after `--set`; "device.KEY=VALUE" changes the
    plain memory. Raises InputError with one line a problem, or with the nearest shipped name."""
    asked = os.fspath(source)
    shipped, path = _folder() / f"{asked.removesuffix('.yaml')}.yaml", Path(asked)
    if "\0" in asked or not path.is_file():
        if "/" in asked or "\0" in asked or not shipped.is_file():
            names = near_names()
            close = nearest(asked.removesuffix(".yaml"), names)
            meant = f"did you mean '{close}'?" if close else f"shipped: {', '.join(names)}"
            raise InputError(f"no near memory '{printable(asked)}'; {meant}")
        path = shipped
    own = [text for text in overrides if not text.startswith("device.")]
    spec = load_path(path, Spec, overrides=own)
    changes = [*spec.memory_set, *(text.removeprefix("device.") for text in overrides if text.startswith("device."))]
    if spec.memory.startswith(("/", "~")) or ".." in spec.memory.split("/") or "\0" in spec.memory:
        raise InputError(f"memory: '{printable(spec.memory, 100)}': give a shipped name, or a file beside this one")
    beside = path.parent / spec.memory
    return Near(spec, load_device(beside if beside.is_file() else spec.memory, overrides=changes))


def _folder() -> Path:
    return data_folder("hwconfigs") / "memory" / "near"
