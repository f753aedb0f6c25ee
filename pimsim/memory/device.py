"""A memory as its standard and its data sheet describe it: organisation, timing in clock cycles, currents or prices.

A device file stands in `hwconfigs/memory` (or anywhere); `extends` and errors with file:line:column work as in every
other hardware file. Cycles are those of the command clock `clock_MHz`; an access moves `access_bytes` in `burst` of
them.
"""

# No postponed annotations here, as in pimsim.hardware.schema.
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from pimsim.data_files import data_folder
from pimsim.errors import InputError, printable
from pimsim.hardware.circuit import Model, NonNegativeFloat, PositiveFloat
from pimsim.hardware.load import load_path
from pimsim.hardware.suggest import nearest

Cycles = Annotated[int, Field(ge=0, le=1_000_000)]
Some = Annotated[int, Field(ge=1, le=1_000_000)]
PowerOfTwo = Annotated[int, Field(ge=1, le=1 << 24)]
Text = Annotated[str, Field(min_length=3, max_length=2000)]


class Organisation(Model):
    """How many of everything. All are powers of two, so that an address splits into fields of whole bits."""

    channels: PowerOfTwo = Field(default=1, description="channels of the whole memory, each with its own command bus")
    pseudo_channels: PowerOfTwo = Field(
        default=1, description="pseudo-channels a channel; each has its own banks and data pins"
    )
    ranks: PowerOfTwo = Field(default=1, description="ranks on a (pseudo-)channel")
    bank_groups: PowerOfTwo = Field(description="bank groups a rank")
    banks_per_group: PowerOfTwo = Field(description="banks a bank group")
    rows: PowerOfTwo = Field(description="rows a bank")
    row_bytes: PowerOfTwo = Field(description="data bytes of one row over all chips of a rank (without check bits)")
    access_bytes: PowerOfTwo = Field(description="data bytes of one read or write command")
    chips_per_rank: Annotated[int, Field(ge=1, le=128)] = Field(
        default=1, description="chips that act together, those for check bits included"
    )


class Timing(Model):
    """Minimum distances in clock cycles, named as in the standard; where reads and writes differ, `_write` has the
    writes' value."""

    burst: Some = Field(description="cycles that the data of one access take (BL/2 on a double data rate bus)")
    tCL: Cycles = Field(description="read command to first data (RL)")
    tCWL: Cycles = Field(description="write command to first data (WL)")
    tRCD: Some = Field(description="activate to read, same bank")
    tRCD_write: Some | None = Field(default=None, description="activate to write, same bank; tRCD when left out")
    tRP: Some = Field(description="precharge to activate, same bank")
    tRAS: Some = Field(description="activate to precharge, same bank")
    tRC: Some = Field(description="activate to activate, same bank")
    tCCD_S: Some = Field(description="column command to column command, other bank group")
    tCCD_L: Some = Field(description="column command to column command, same bank group")
    tCCD_L_write: Some | None = Field(default=None, description="write to write, same bank group; tCCD_L when left out")
    tRRD_S: Some = Field(description="activate to activate, other bank group")
    tRRD_L: Some = Field(description="activate to activate, same bank group")
    tFAW: Some = Field(description="window that holds at most four activates of a rank")
    tWR: Cycles = Field(description="end of write data to precharge")
    tWTR_S: Cycles = Field(description="end of write data to read, other bank group")
    tWTR_L: Cycles = Field(description="end of write data to read, same bank group")
    tRTP: Some = Field(description="read to precharge, same bank")
    tRTW: Some = Field(description="read to write command, same rank (bus turnaround)")
    tRTRS: Cycles = Field(default=1, description="gap on the data bus when the rank changes")
    tPPD: Cycles = Field(default=0, description="precharge to precharge, same rank")
    tREFI: Cycles = Field(description="average interval of all-bank refreshes of a rank; 0: needs no refresh")
    tRFC: Cycles = Field(default=0, description="all-bank refresh to activate")
    tRFC_pb: Cycles = Field(default=0, description="per-bank refresh to activate of that bank; 0: has no such command")
    tRFC_sb: Cycles = Field(default=0, description="same-bank refresh to activate of those banks; 0: has none")
    tRREFD: Cycles = Field(default=0, description="per-bank or same-bank refresh to activate of another bank")
    tPBR2PBR: Cycles = Field(default=0, description="per-bank or same-bank refresh to the next one, same rank")
    tXP: Cycles = Field(default=0, description="end of power-down to the next command")
    tCKE: Cycles = Field(default=0, description="shortest power-down; 0: the file says nothing of power-down")
    activate_cycles: Annotated[int, Field(ge=1, le=8)] = Field(default=1, description="command bus cycles of activate")
    column_cycles: Annotated[int, Field(ge=1, le=8)] = Field(default=1, description="... of read and write")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = []
        if self.tRC < self.tRAS:
            problems.append(("tRC", f"tRC holds tRAS and the precharge: at least {self.tRAS}; got {self.tRC}"))
        if self.tCCD_S < self.burst:
            problems.append(("tCCD_S", f"data of two accesses would overlap: tCCD_S >= burst = {self.burst}"))
        if self.tCCD_L < self.tCCD_S:
            problems.append(("tCCD_L", f"tCCD_L is no shorter than tCCD_S = {self.tCCD_S}; got {self.tCCD_L}"))
        if self.tREFI and not 0 < self.tRFC < self.tREFI:
            problems.append(("tRFC", f"a refresh must end before the next: 1 to {self.tREFI - 1}; got {self.tRFC}"))
        _refuse(problems)
        return self


class Currents(Model):
    """Currents of one chip in mA at its supply, as in its data sheet (JESD79-4, IDD measurement conditions).

    A second supply, where there is one, has the same currents under IPP: VPP of DDR4 and DDR5, VDD1 of LPDDR4 and 5.
    Those left out are IPP3N, which holds in every state in which no row is switched (JESD79-4, note to the IPP table).
    """

    VDD: PositiveFloat = Field(description="core supply in V (VDD2, VDD2H of LPDDR)")
    IDD0: PositiveFloat = Field(description="activate and precharge of one bank every tRC")
    IDD2N: PositiveFloat = Field(description="precharge standby")
    IDD3N: PositiveFloat = Field(description="active standby, as in the loops of IDD4R and IDD4W")
    IDD3N1: NonNegativeFloat = Field(
        default=0.0, description="active standby with one bank open, as in IDD0's loop; IDD3N if 0"
    )
    IDD4R: PositiveFloat = Field(description="burst read")
    IDD4W: PositiveFloat = Field(description="burst write")
    IDD5B: NonNegativeFloat = Field(default=0.0, description="burst refresh, all banks, every tRFC")
    IDD5PB: NonNegativeFloat = Field(default=0.0, description="per-bank (same-bank) refresh; scaled from IDD5B if 0")
    IDD2P: NonNegativeFloat = Field(default=0.0, description="precharge power-down; as standby if 0")
    IDD3P: NonNegativeFloat = Field(default=0.0, description="active power-down; as standby if 0")
    IDD6: NonNegativeFloat = Field(default=0.0, description="self refresh; IDD2P if 0")
    VPP: NonNegativeFloat = Field(default=0.0, description="second supply in V")
    IPP0: NonNegativeFloat = Field(default=0.0, description="from the second supply, as IDD0")
    IPP3N: NonNegativeFloat = Field(default=0.0, description="from the second supply, as IDD3N")
    IPP2N: NonNegativeFloat | None = Field(default=None, description="... as IDD2N")
    IPP4R: NonNegativeFloat | None = Field(default=None, description="... as IDD4R")
    IPP4W: NonNegativeFloat | None = Field(default=None, description="... as IDD4W")
    IPP5B: NonNegativeFloat | None = Field(default=None, description="... as IDD5B")
    IPP2P: NonNegativeFloat | None = Field(default=None, description="... in precharge power-down")
    IPP3P: NonNegativeFloat | None = Field(default=None, description="... in active power-down")
    IPP6: NonNegativeFloat | None = Field(default=None, description="... in self refresh")


class Prices(Model):
    """Energy of each action where no currents are published: all chips of a rank together."""

    activate_pJ: NonNegativeFloat = Field(description="activate and precharge of one row of a rank")
    read_pJ_per_bit: NonNegativeFloat
    write_pJ_per_bit: NonNegativeFloat
    write_back_pJ_per_bit: NonNegativeFloat = Field(
        default=0.0, description="array write of a bit of a written access at row close (row-buffered NVM)"
    )
    refresh_pJ: NonNegativeFloat = Field(default=0.0, description="one all-bank refresh of a rank")
    active_standby_mW: NonNegativeFloat = Field(default=0.0, description="a rank with a row open")
    precharged_standby_mW: NonNegativeFloat = Field(default=0.0, description="a rank with no row open")
    active_down_mW: NonNegativeFloat | None = Field(default=None, description="a rank in active power-down")
    precharged_down_mW: NonNegativeFloat | None = Field(default=None, description="a rank in precharge power-down")


class Device(Model):
    """One memory: what a `Policy` is run on."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    standard: Literal["DDR4", "DDR5", "LPDDR4", "LPDDR5", "GDDR6", "HBM2", "HBM3", "RRAM", "PCM", "STT"]
    description: Text
    source: Text = Field(description="standard, data sheet or paper of the figures")
    clock_MHz: Annotated[float, Field(gt=0, le=20_000)] = Field(description="command clock")
    organisation: Organisation
    timing: Timing
    currents: Currents | None = None
    prices: Prices | None = None
    io_pJ_per_bit: NonNegativeFloat = Field(default=0.0, description="pins and termination, a bit read or written")
    io_write_pJ_per_bit: NonNegativeFloat | None = Field(default=None, description="... a bit written, if not the same")

    @model_validator(mode="after")
    def _whole(self) -> Self:
        problems = []
        for key, value in self.organisation.model_dump().items():
            if key != "chips_per_rank" and value & (value - 1):
                problems.append((f"organisation.{key}", f"{key} is a power of two; got {value}"))
        if self.organisation.access_bytes > self.organisation.row_bytes:
            problems.append(("organisation.access_bytes", "one access is no larger than a row"))
        if self.banks > 1 << 16:
            problems.append(("organisation", f"at most 65536 banks in all; got {self.banks}"))
        if self.capacity_bytes > 1 << 50:
            problems.append(("organisation", f"at most 2^50 bytes in all; got {self.capacity_bytes}"))
        if (self.currents is None) == (self.prices is None):
            problems.append(("", "give either currents or prices"))
        if (currents := self.currents) is not None:
            one_open = currents.IDD3N1 or currents.IDD3N
            standby = one_open * self.timing.tRAS + currents.IDD2N * (self.timing.tRC - self.timing.tRAS)
            if currents.IDD0 * self.timing.tRC < standby:
                least = standby / self.timing.tRC
                problems.append(("currents.IDD0", f"IDD0 holds standby: at least {least:.4g} mA; else give prices"))
            if min(currents.IDD4R, currents.IDD4W) < currents.IDD3N:
                problems.append(("currents.IDD4R", "IDD4R and IDD4W hold active standby: at least IDD3N"))
            if self.timing.tREFI and currents.IDD5B < currents.IDD3N:
                problems.append(("currents.IDD5B", "IDD5B holds active standby: at least IDD3N"))
        _refuse(problems)
        return self

    @property
    def channels(self) -> int:
        """Channels that take commands on their own: every pseudo-channel is one."""
        return self.organisation.channels * self.organisation.pseudo_channels

    @property
    def banks_per_rank(self) -> int:
        return self.organisation.bank_groups * self.organisation.banks_per_group

    @property
    def banks(self) -> int:
        """Banks of the whole memory."""
        return self.channels * self.organisation.ranks * self.banks_per_rank

    @property
    def row_bytes(self) -> int:
        return self.organisation.row_bytes

    @property
    def access_bytes(self) -> int:
        return self.organisation.access_bytes

    @property
    def capacity_bytes(self) -> int:
        """Data bytes of the whole memory."""
        return self.banks * self.organisation.rows * self.organisation.row_bytes

    def ns(self, cycles: float) -> float:
        return cycles * 1000.0 / self.clock_MHz

    def bursts(self, row_bytes: int) -> int:
        """Accesses that a table row of `row_bytes` takes when it starts on an access boundary."""
        return -(-row_bytes // self.organisation.access_bytes)


def device_names() -> list[str]:
    """Names of the shipped devices, sorted."""
    return sorted(path.stem for path in _folder().glob("*.yaml"))


def load_device(source: str | os.PathLike[str], *, overrides: Sequence[str] = ()) -> Device:
    """The device of a file, or a shipped one by name. overrides: "organisation.ranks=1" strings, as after `--set`.

    Raises InputError with one line a problem, or with the nearest shipped name.
    """
    asked = os.fspath(source)
    if not asked or "\0" in asked:
        raise InputError(f"a memory is a file or the name of a shipped one; got '{printable(asked)}'")
    shipped = _folder() / f"{asked.removesuffix('.yaml')}.yaml"
    path = Path(asked)
    if path.is_file():
        return load_path(path, Device, overrides=overrides)
    if path.name == asked and shipped.is_file():
        return load_path(shipped, Device, overrides=overrides)
    names = device_names()
    near = nearest(path.name.removesuffix(".yaml"), names)
    meant = f"did you mean '{near}'?" if near else f"shipped: {', '.join(names)}"
    raise InputError(f"no memory file '{printable(asked)}', and none of that name is shipped; {meant}")


def _folder() -> Path:
    return data_folder("hwconfigs") / "memory"


def _refuse(problems: list[tuple[str, str]]) -> None:
    if problems:
        text = "; ".join(message for _, message in problems)
        raise PydanticCustomError("rule", "{text}", {"text": text, "problems": problems})
