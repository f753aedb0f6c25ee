"""Energy of a memory from what it did: commands and cycles in each standby, times currents or prices.

With currents, after Micron's power notes (TN-41-01 for DDR3, TN-40-07 for DDR4): an activate and its precharge cost
what IDD0 draws in tRC above the standby currents that flow anyhow; reads and writes what IDD4R and IDD4W draw above
active standby; a refresh what IDD5B draws in tRFC above active standby; the rest is standby. All chips of a rank act
together.
mA x V x ns = pJ.
"""

from __future__ import annotations

from pimsim.memory.device import Currents, Device

PARTS = ("activate", "read", "write", "refresh", "background", "io")


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

    refresh: which command `refreshes` counts: "all_bank", "per_bank" or "same_bank". Power-down needs currents.
    """
    bits = 8 * device.access_bytes
    parts = dict.fromkeys(PARTS, 0.0)
    if device.currents is not None:
        act, read, write, ref = command_pJ(device, device.currents, refresh)
        standby = device.currents
        cycles = (active_cycles, precharged_cycles, active_down_cycles, precharged_down_cycles, self_refresh_cycles)
        currents = (standby.IDD3N, standby.IDD2N, standby.IDD3P, standby.IDD2P, standby.IDD6)
        draw = sum(count * standby.VDD * current for count, current in zip(cycles, currents, strict=True))
        draw += sum(cycles) * standby.VPP * standby.IPP3N
        parts["background"] = device.ns(draw) * device.organisation.chips_per_rank
    else:
        prices = device.prices
        assert prices is not None  # a device has one of the two
        act, ref = prices.activate_pJ, prices.refresh_pJ / units(device, refresh)
        read = bits * prices.read_pJ_per_bit
        write = bits * (prices.write_pJ_per_bit + prices.write_back_pJ_per_bit)
        # 1 mW = 1 pJ/ns
        parts["background"] = device.ns(
            active_cycles * prices.active_standby_mW + precharged_cycles * prices.precharged_standby_mW
        )
    parts["activate"] = activates * act
    parts["read"] = reads * read
    parts["write"] = writes * write
    parts["refresh"] = refreshes * ref
    parts["io"] = (reads + writes) * bits * device.io_pJ_per_bit
    return parts


def command_pJ(device: Device, currents: Currents, refresh: str = "all_bank") -> tuple[float, float, float, float]:
    """pJ of one activate with its precharge, read, write and refresh, all chips of the rank together."""
    timing, chips = device.timing, device.organisation.chips_per_rank
    volts, boost = currents.VDD, currents.VPP
    standby = currents.IDD3N * timing.tRAS + currents.IDD2N * (timing.tRC - timing.tRAS)
    act = volts * (currents.IDD0 * timing.tRC - standby) + boost * (currents.IPP0 - currents.IPP3N) * timing.tRC
    read = volts * (currents.IDD4R - currents.IDD3N) * timing.burst
    write = volts * (currents.IDD4W - currents.IDD3N) * timing.burst
    ref = (volts * (currents.IDD5B - currents.IDD3N) + boost * (currents.IPP5B - currents.IPP3N)) * timing.tRFC
    if refresh != "all_bank":
        cycles = timing.tRFC_pb if refresh == "per_bank" else timing.tRFC_sb
        if currents.IDD5PB:
            ref = volts * (currents.IDD5PB - currents.IDD3N) * cycles
        else:  # the same rows are refreshed in the end, a unit at a time
            ref /= units(device, refresh)
    return tuple(device.ns(value) * chips for value in (act, read, write, ref))  # type: ignore[return-value]


def units(device: Device, refresh: str) -> int:
    """Refresh commands that stand for one all-bank refresh of a rank."""
    counts = {"per_bank": device.banks_per_rank, "same_bank": device.organisation.banks_per_group}
    return counts.get(refresh, 1)
