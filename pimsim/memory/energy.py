"""Energy of a memory from what it did: commands and cycles in each standby, times currents or prices.

With currents, after Micron's power notes (TN-41-01 for DDR3, TN-40-07 for DDR4): an activate and its precharge cost
what IDD0 draws in tRC above the standby currents that flow anyhow; reads and writes what IDD4R and IDD4W draw above
active standby; a refresh what IDD5B draws in tRFC above active standby; the rest is standby. Every supply of the chip
is counted so, and all chips of a rank, since they act together.
mA x V x ns = pJ.
"""

from __future__ import annotations

from dataclasses import dataclass

from pimsim.memory.device import Currents, Device

PARTS = ("activate", "read", "write", "refresh", "background", "io")
STATES = ("active", "precharged", "active_down", "precharged_down", "self_refresh")


@dataclass(frozen=True)
class Supply:
    """What one chip draws from one of its supplies: V and mA."""

    volts: float
    activate: float  # IDD0
    one_open: float  # standby as in IDD0's loop, and in refresh: one bank open
    all_open: float  # standby as in the loops of reads and writes
    precharged: float
    read: float
    write: float
    refresh: float
    down: tuple[float, float, float]  # active, precharge power-down, self refresh


def supplies(currents: Currents) -> tuple[Supply, ...]:
    """The core supply and, where there is one, the second (VPP; VDD1 of LPDDR)."""
    c = currents
    one_open, idle = c.IDD3N1 or c.IDD3N, c.IDD2P or c.IDD2N
    down = (c.IDD3P or one_open, idle, c.IDD6 or idle)
    core = Supply(c.VDD, c.IDD0, one_open, c.IDD3N, c.IDD2N, c.IDD4R, c.IDD4W, c.IDD5B, down)
    if not c.VPP:
        return (core,)
    given = (c.IPP2N, c.IPP4R, c.IPP4W, c.IPP5B, c.IPP3P, c.IPP2P, c.IPP6)
    precharged, read, write, refresh, *rest = (c.IPP3N if current is None else current for current in given)
    return core, Supply(
        c.VPP, c.IPP0, c.IPP3N, c.IPP3N, precharged, read, write, refresh, (rest[0], rest[1], rest[2])
    )  # fmt: skip


def energy_pJ(
    device: Device,
    *,
    activates: int = 0,
    reads: int = 0,
    writes: int = 0,
    refreshes: int = 0,
    refresh: str = "all_bank",
    active_cycles: float = 0,
    precharged_cycles: float = 0,
    active_down_cycles: float = 0,
    precharged_down_cycles: float = 0,
    self_refresh_cycles: float = 0,
) -> dict[str, float]:
    """pJ of each part (`PARTS`). Command counts and standby cycles are sums over all ranks.

    refresh: which command `refreshes` counts: "all_bank", "per_bank" or "same_bank".
    """
    act, read, write, ref = command_pJ(device, refresh)
    cycles = (active_cycles, precharged_cycles, active_down_cycles, precharged_down_cycles, self_refresh_cycles)
    standby = sum(count * power for count, power in zip(cycles, state_mW(device), strict=True))  # 1 mW = 1 pJ/ns
    return {
        "activate": activates * act,
        "read": reads * read,
        "write": writes * write,
        "refresh": refreshes * ref,
        "background": device.ns(standby),
        "io": io_pJ(device, reads, writes),
    }


def io_pJ(device: Device, reads: float, writes: float) -> float:
    """pJ at the pins for the data of these reads and writes."""
    io_write = device.io_pJ_per_bit if device.io_write_pJ_per_bit is None else device.io_write_pJ_per_bit
    return 8 * device.access_bytes * (reads * device.io_pJ_per_bit + writes * io_write)


def state_mW(device: Device) -> tuple[float, ...]:
    """Power of a rank in each of `STATES`, all its chips together."""
    if (prices := device.prices) is not None:
        active, precharged = prices.active_standby_mW, prices.precharged_standby_mW
        active_down = active if prices.active_down_mW is None else prices.active_down_mW
        precharged_down = precharged if prices.precharged_down_mW is None else prices.precharged_down_mW
        return active, precharged, active_down, precharged_down, precharged_down
    assert device.currents is not None  # a device has one of the two
    chips = device.organisation.chips_per_rank
    drawn = [(s.volts, (s.one_open, s.precharged, *s.down)) for s in supplies(device.currents)]
    return tuple(chips * sum(volts * states[at] for volts, states in drawn) for at in range(len(STATES)))


def command_pJ(device: Device, refresh: str = "all_bank") -> tuple[float, float, float, float]:
    """pJ of one activate with its precharge, read, write and refresh, all chips of the rank together."""
    bits, share = 8 * device.access_bytes, units(device, refresh)
    if (prices := device.prices) is not None:
        written = prices.write_pJ_per_bit + prices.write_back_pJ_per_bit
        return prices.activate_pJ, bits * prices.read_pJ_per_bit, bits * written, prices.refresh_pJ / share
    assert device.currents is not None
    timing, currents = device.timing, device.currents
    act = read = write = ref = 0.0  # V x mA x cycles
    for s in supplies(currents):
        standby = s.one_open * timing.tRAS + s.precharged * (timing.tRC - timing.tRAS)
        act += s.volts * (s.activate * timing.tRC - standby)
        read += s.volts * (s.read - s.all_open) * timing.burst
        write += s.volts * (s.write - s.all_open) * timing.burst
        ref += s.volts * (s.refresh - s.one_open) * timing.tRFC
    if refresh != "all_bank":
        cycles = timing.tRFC_pb if refresh == "per_bank" else timing.tRFC_sb
        if currents.IDD5PB:
            ref = currents.VDD * (currents.IDD5PB - (currents.IDD3N1 or currents.IDD3N)) * cycles
        else:  # the same rows are refreshed in the end, a unit at a time
            ref /= share
    ns = device.ns(device.organisation.chips_per_rank)
    return act * ns, read * ns, write * ns, ref * ns if timing.tREFI else 0.0


def units(device: Device, refresh: str) -> int:
    """Refresh commands that stand for one all-bank refresh of a rank."""
    counts = {"per_bank": device.banks_per_rank, "same_bank": device.organisation.banks_per_group}
    return counts.get(refresh, 1)
