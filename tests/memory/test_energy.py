"""Does the energy equal a hand calculation by the vendor's power note, for a published module?

Module: Micron MTA18ASF2G72HZ, 16 GB, two ranks of nine 8 Gb x8 chips, DDR4-2400; its data sheet (rev. F 8/16), table
15, gives module currents with one rank in the named state and the other in precharge power-down (450 mA / 18 chips = 25
mA a chip). Note: Micron TN-40-07, Calculating Memory Power for DDR4 SDRAM.
"""

from __future__ import annotations

import numpy as np
import pytest

from pimsim.errors import InputError
from pimsim.memory.address import compose
from pimsim.memory.device import Device, load_device
from pimsim.memory.energy import command_pJ, energy_pJ, state_mW, units
from pimsim.memory.policy import Policy
from pimsim.memory.run import Memory, run_trace

CHIPS, VDD, VPP, CYCLE_NS = 9, 1.2, 2.5, 1 / 1.2


def of_a_chip(module_mA: float) -> float:
    """A chip's current from the module's table: nine chips draw it, nine draw IDD2P."""
    return module_mA / 9 - 25


def test_a_published_module_equals_the_power_note() -> None:
    """Residencies: in one millisecond of a rank 60% with a row open, 40% precharged; 100,000 activates, 400,000 reads,
    200,000 writes; a refresh every 7.8 us (128)."""
    device, total_ns = load_device("ddr4_2400"), 1e6
    idd0, idd2n, idd3n = of_a_chip(657), 612 / 18, 774 / 18  # notes 1 and 2: the standby rows hold for both ranks
    idd4r, idd4w, idd5b, ipp0, ipp3n, ipp5b = of_a_chip(1440), of_a_chip(1332), of_a_chip(2475), 3, 3, 28
    t_rc, t_ras, t_rfc = 56 * CYCLE_NS, 39 * CYCLE_NS, 350
    power = {}  # mW of one chip, averaged over the millisecond
    share = 100_000 * t_rc / total_ns
    power["activate"] = share * VDD * (idd0 - (idd3n * t_ras + idd2n * (t_rc - t_ras)) / t_rc)
    power["activate"] += share * VPP * (ipp0 - ipp3n)
    power["read"] = VDD * (idd4r - idd3n) * 400_000 * 4 * CYCLE_NS / total_ns
    power["write"] = VDD * (idd4w - idd3n) * 200_000 * 4 * CYCLE_NS / total_ns
    power["refresh"] = (VDD * (idd5b - idd3n) + VPP * (ipp5b - ipp3n)) * 128 * t_rfc / total_ns
    power["background"] = VDD * (0.6 * idd3n + 0.4 * idd2n) + VPP * ipp3n
    cycles = total_ns / CYCLE_NS
    parts = energy_pJ(
        device,
        activates=100_000,
        reads=400_000,
        writes=200_000,
        refreshes=128,
        active_cycles=0.6 * cycles,
        precharged_cycles=0.4 * cycles,
    )
    for name, mW in power.items():
        assert parts[name] == pytest.approx(mW * total_ns * CHIPS, rel=0.01), name


def test_numbers_of_that_calculation() -> None:
    """Worked out on paper, nine chips: an activate 3.9 nJ, a read 3.3 nJ, a write 2.9 nJ, a refresh 0.98 uJ."""
    device = load_device("ddr4_2400")
    # 48 x 56 - 43 x 39 - 34 x 17 = 433 mA cycles; read 135 - 43 = 92 mA, write 123 - 43 = 80 mA for 4 cycles; refresh
    # 250 - 43 = 207 mA for 350 ns, and 28 - 3 = 25 mA from VPP
    assert energy_pJ(device, activates=1)["activate"] == pytest.approx(1.2 * 433 / 1.2 * 9, rel=1e-9)
    assert energy_pJ(device, reads=1)["read"] == pytest.approx(1.2 * 92 * 4 / 1.2 * 9, rel=1e-9)
    assert energy_pJ(device, writes=1)["write"] == pytest.approx(1.2 * 80 * 4 / 1.2 * 9, rel=1e-9)
    assert energy_pJ(device, refreshes=1)["refresh"] == pytest.approx((1.2 * 207 + 2.5 * 25) * 350 * 9, rel=1e-9)


def test_double_the_chips_double_the_energy() -> None:
    one, two = (load_device("ddr4_2400", overrides=[f"organisation.chips_per_rank={n}"]) for n in (9, 18))
    counts = {"activates": 3, "reads": 5, "writes": 7, "refreshes": 2, "active_cycles": 100, "precharged_cycles": 50}
    once, twice = energy_pJ(one, **counts), energy_pJ(two, **counts)
    assert all(twice[name] == pytest.approx(2 * value) for name, value in once.items())
    assert sum(energy_pJ(one).values()) == 0


@pytest.mark.parametrize("kind", ["per_bank", "same_bank"])
def test_refreshing_in_parts_costs_what_refreshing_at_once_does(kind: str) -> None:
    device = load_device("ddr5_4800")
    whole = energy_pJ(device, refreshes=1)["refresh"]
    assert energy_pJ(device, refreshes=units(device, kind), refresh=kind)["refresh"] == pytest.approx(whole)


def test_standby_is_counted_to_the_cycle() -> None:
    """One read on one of two ranks: its bank is open from the activate (0) to the end of the run, the other never."""
    device, policy = load_device("ddr4_2400"), Policy()
    result = run_trace(device, policy, [(compose(device, policy.mapping, row=[3]), None, None)])
    assert result.cycles == 38
    assert result.residency == {"active": 38, "precharged": 38}
    # A conflict closes the row at tRAS = 39 and opens the next at 56.
    closed = run_trace(device, policy, [(compose(device, policy.mapping, row=[3, 4]), None, None)])
    assert closed.cycles == 56 + 17 + 17 + 4
    assert closed.residency == {"active": 94 - 17, "precharged": 94 + 17}


def test_counts_are_those_of_the_trace() -> None:
    device, policy = load_device("ddr4_3200"), Policy()
    address = compose(device, policy.mapping, row=[1, 1, 2, 2, 2], column=[0, 1, 0, 1, 2])
    result = run_trace(device, policy, [(address, np.array([0, 1, 0, 0, 1], dtype=np.uint8), None)])
    assert result.counts == {
        "activate": 2, "read": 3, "write": 2, "precharge": 1, "refresh": 0, "row_hits": 3, "conflicts": 1
    }  # fmt: skip
    assert result.energy_pJ["activate"] == pytest.approx(2 * energy_pJ(device, activates=1)["activate"])
    assert result.to_dict()["totals"]["cycles"] == result.cycles


def test_ranks_with_nothing_to_do_are_refreshed_too() -> None:
    device = load_device("hbm2")
    address = compose(device, Policy().mapping, row=np.arange(1000) % 2)  # all in one of 16 pseudo-channels
    result = run_trace(device, Policy(), [(address, None, None)])
    assert result.counts["refresh"] == 16 * (result.cycles // 3900)
    quiet = run_trace(device, Policy(refresh="none"), [(address, None, None)])
    assert quiet.counts["refresh"] == 0


def test_feed_returns_what_is_known() -> None:
    device = load_device("ddr4_3200")
    address = compose(device, Policy().mapping, row=[1, 2])
    memory = Memory(device, Policy(), done_times=True)
    ends = memory.feed(address)
    assert ends is not None
    assert ends.tolist() == [48, 96 + 22 + 4]
    assert Memory(device, Policy(scheduler="frfcfs"), done_times=True).feed(address) is None


@pytest.mark.parametrize(
    ("name", "activate", "read", "write", "refresh"),
    [
        # mA cycles of one supply and the other, V, ns a cycle: the sums that the files' sources give
        ("ddr5_4800", ((103 * 116 - 93.6 * 77 - 92 * 39) * 1.1 + (7 - 6) * 39 * 1.8) * 4 / 2.4, None, None, None),
        (
            "lpddr4_3200",
            ((45 * 97 - 30 * 68 - 27 * 29) * 1.1 + (3.5 * 97 - 2.25 * 68 - 2 * 29) * 1.8) * 0.625,
            245 * 1.1 * 5,
            180 * 1.1 * 5,
            (60 * 1.1 + 7.75 * 1.8) * 280,
        ),
        (
            "lpddr5_6400",
            ((53 * 49 - 40 * 34 - 32.5 * 15) * 1.05 + (3.8 * 49 - 2.8 * 34 - 1.5 * 15) * 1.8) * 1.25,
            (350 * 1.05 + 15.2 * 1.8) * 256 / (16 * 7.5),  # at the 7500 Mb/s of the data sheet
            (225 * 1.05 + 13.7 * 1.8) * 256 / (16 * 7.5),
            165 * 1.05 * 280,
        ),
        ("gddr6_16000", 210 * 1.35 * 11.4, 380 * 1.35 / 224 * 256, 505 * 1.35 / 224 * 256, 165 * 1.35 * 120),
        ("hbm2", 909, (1.51 + 1.17) * 256, (1.51 + 1.17) * 256, (66.33 - 12.39) * 1.2 * 266.7),
        (
            "hbm3",
            (106.1 * 72 - 71.2 * 45 - 70.5 * 27) * 1.1 * 0.625,
            489.5 * 1.1 / 204.8 * 1.619 * 0.9 * 256,
            318.3 * 1.1 / 204.8 * 1.619 * 0.9 * 256,
            93.5 * 1.1 * 266.7,
        ),
        ("stt", (437 * 101 - 95 * 96 - 90 * 5) * 1.2 * 1.5 * 4, 85 * 1.2 * 6 * 4, 135 * 1.2 * 6 * 4, 0),
        ("pcm", 2.47 * 8 * 2048, 0.93 * 512, (1.02 + 16.82) * 512, 0),
        ("rram", 0.1 * 8 * 256, 0.93 * 512, (1.02 + 0.6) * 512, 0),
    ],
)
def test_commands_cost_what_the_sources_of_a_device_say(
    name: str, activate: float, read: float | None, write: float | None, refresh: float | None
) -> None:
    found = command_pJ(load_device(name))
    for ours, expected in zip(found, (activate, read, write, refresh), strict=True):
        assert expected is None or ours == pytest.approx(expected, rel=0.01)


def test_pins_may_cost_another_energy_for_writes() -> None:
    device = load_device("lpddr4_3200")
    assert energy_pJ(device, reads=1)["io"] == pytest.approx(256 * 3.21)
    assert energy_pJ(device, writes=2)["io"] == pytest.approx(2 * 256 * 1.17)
    assert energy_pJ(load_device("hbm2"), writes=1)["io"] == pytest.approx(256 * 0.8)


def test_power_down_that_a_file_does_not_give_is_standby() -> None:
    active, precharged, active_down, precharged_down, _ = state_mW(load_device("lpddr5_6400"))
    assert active_down == pytest.approx(active)
    assert precharged_down < precharged
    assert state_mW(load_device("hbm2"))[2:4] == state_mW(load_device("hbm2"))[:2]
    # DDR4: IDD3P 37 and IDD2P 25 mA at 1.2 V, IPP3N 3 mA at 2.5 V, nine chips
    assert state_mW(load_device("ddr4_2400"))[2:4] == pytest.approx((9 * (44.4 + 7.5), 9 * (30 + 7.5)))


def with_current(device: Device, **changes: float) -> list[str]:
    return [f"currents.{name}={value}" for name, value in changes.items()]


def test_a_current_below_standby_is_refused() -> None:
    device = load_device("ddr4_2400")
    with pytest.raises(InputError, match=r"IDD0 holds standby: at least 40\.27 mA; else give prices"):
        load_device("ddr4_2400", overrides=with_current(device, IDD0=40.0))
    with pytest.raises(InputError, match="IDD4R and IDD4W hold active standby"):
        load_device("ddr4_2400", overrides=with_current(device, IDD4W=40.0))
