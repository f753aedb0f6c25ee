"""Does each device do what its standard's timing table says, counted by hand?

Clauses of JESD79-4 (DDR4), September 2012: 4.19 Key Core Timing (tCCD: figures 55, 56; tRRD: 57; tFAW: 58; tWTR_S: 59;
tWTR_L: 60), 4.22 ACTIVATE Command, 4.23 Precharge Command, 4.24 Read Operation, 4.25 Write Operation, 4.26 Refresh
Command; tables 83 (bins), 102 (timing by speed) and 23 (tREFI, tRFC). JESD79-5B (DDR5) and JESD235D (HBM2, tables 67,
68) have the same parameters, same names, in their timing tables. The numbers are sums of table entries, written out;
none is read from the device. `pimsim validate memory` prints the same sums beside the engine's cycles.
"""

from __future__ import annotations

import numpy as np
import pytest

from pimsim.memory.address import compose
from pimsim.memory.device import Device, load_device
from pimsim.memory.policy import Policy
from pimsim.memory.rules import NAMES
from pimsim.memory.run import Memory, Result, run_trace

DEVICES = ("ddr4_2400", "ddr4_3200", "ddr5_4800", "hbm2")
Access = tuple[int, int, int, int]  # bank group, bank, row, 1 for a write


def device_of(name: str) -> Device:
    return load_device(name, overrides=["organisation.ranks=1"])


def served(name: str, accesses: list[Access], arrival: list[int] | None = None, **policy: object) -> Result:
    device, chosen = device_of(name), Policy(**policy)  # type: ignore[arg-type]
    group, bank, row, write = np.array(accesses).T
    memory = Memory(device, chosen, done_times=True, log=1000)
    address = compose(device, chosen.mapping, group=group, bank=bank, row=row)
    memory.feed(address, write.astype(np.uint8), None if arrival is None else np.array(arrival))
    return memory.finish()


def cycles_of(result: Result, *names: str) -> list[int]:
    assert result.log is not None
    return [int(line[0]) for line in result.log if NAMES[int(line[1])] in names]


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("ddr4_2400", 17 + 17 + 4),  # tRCD + CL + BL/2
        ("ddr4_3200", 22 + 22 + 4),
        ("ddr5_4800", 39 + 40 + 8),
        ("hbm2", 14 + 14 + 2),
    ],
)
def test_closed_row(name: str, end: int) -> None:
    """Clauses 4.22 and 4.24: activate, tRCD, read, read latency, burst."""
    assert served(name, [(0, 0, 5, 0)]).cycles == end


@pytest.mark.parametrize(
    ("name", "reads"), [("ddr4_2400", [17, 23]), ("ddr4_3200", [22, 30]), ("ddr5_4800", [39, 51]), ("hbm2", [14, 18])]
)
def test_row_hit(name: str, reads: list[int]) -> None:
    """Clause 4.19: reads to one bank group stand tCCD_L apart (6, 8, 12, 4)."""
    assert cycles_of(served(name, [(0, 0, 5, 0), (0, 0, 5, 0)]), "RD") == reads


@pytest.mark.parametrize(
    ("name", "precharge", "activate", "read"),
    [
        ("ddr4_2400", 39, 39 + 17, 56 + 17),  # tRAS (after 17 + tRTP = 26); + tRP = tRC; + tRCD
        ("ddr4_3200", 52, 52 + 22, 74 + 22),
        ("ddr5_4800", 77, 77 + 39, 116 + 39),
        ("hbm2", 34, 34 + 14, 48 + 14),
    ],
)
def test_row_conflict(name: str, precharge: int, activate: int, read: int) -> None:
    """Clauses 4.23 and 4.22: precharge after tRAS and tRTP, activate after tRP and tRC, read after tRCD."""
    result = served(name, [(0, 0, 5, 0), (0, 0, 6, 0)])
    assert cycles_of(result, "PRE") == [precharge]
    assert cycles_of(result, "ACT") == [0, activate]
    assert cycles_of(result, "RD")[1] == read


@pytest.mark.parametrize(("name", "apart"), [("ddr4_2400", 4), ("ddr4_3200", 4), ("ddr5_4800", 8), ("hbm2", 2)])
def test_bank_group_switched_stream(name: str, apart: int) -> None:
    """Clause 4.19: reads that change the bank group stand tCCD_S apart."""
    result = served(name, [(n % 4, 0, 5, 0) for n in range(24)])
    assert np.diff(cycles_of(result, "RD")[4:]).tolist() == [apart] * 19


@pytest.mark.parametrize(
    ("name", "activates"),
    [
        ("ddr4_2400", [0, 4, 8, 12, 26]),  # tRRD_S; the fifth tFAW after the first
        ("ddr4_3200", [0, 4, 8, 12, 35]),  # 34, but there the command bus carries the fourth read (22, 26, 30, 34)
        ("ddr5_4800", [0, 8, 16, 24, 32]),  # 4 x tRRD_S = tFAW = 32
        ("hbm2", [0, 4, 8, 12, 30]),
    ],
)
def test_activates_limited_by_the_four_activate_window(name: str, activates: list[int]) -> None:
    """Clause 4.19: tRRD_S between activates of different bank groups, no more than four in tFAW."""
    result = served(name, [(n % 4, n // 4, 5, 0) for n in range(5)], scheduler="frfcfs")
    assert cycles_of(result, "ACT") == activates


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("ddr4_2400", 17 + 12 + 4 + 9),  # tRCD; WL + BL/2 + tWTR_L
        ("ddr4_3200", 22 + 16 + 4 + 12),
        ("ddr5_4800", 39 + 38 + 8 + 24),
        ("hbm2", 12 + 4 + 2 + 8),  # its tRCD for writes is 12
    ],
)
def test_write_to_read_in_one_bank_group(name: str, read: int) -> None:
    """Clauses 4.25 and 4.19: WL + BL/2 + tWTR_L from write to read."""
    assert cycles_of(served(name, [(0, 0, 5, 1), (0, 0, 5, 0)]), "RD") == [read]


@pytest.mark.parametrize(
    ("name", "write", "read"),
    [
        ("ddr4_2400", 18 + 17, 35 + 12 + 4 + 3),  # activate behind the read at 17; tRCD; WL + BL/2 + tWTR_S
        ("ddr4_3200", 23 + 22, 45 + 16 + 4 + 4),
        ("ddr5_4800", 41 + 39, 80 + 38 + 8 + 6),  # a read takes two cycles of the command bus
        ("hbm2", 14 + 14, 28 + 4 + 2 + 6),  # read to write: RL + BL/2 - WL + 2 = 14
    ],
)
def test_write_to_read_in_another_bank_group(name: str, write: int, read: int) -> None:
    """Clauses 4.24, 4.25 and 4.19: read to write, then WL + BL/2 + tWTR_S."""
    result = served(name, [(1, 0, 5, 0), (0, 0, 5, 1), (1, 0, 5, 0)])
    assert cycles_of(result, "WR") == [write]
    assert cycles_of(result, "RD")[1] == read


@pytest.mark.parametrize(
    ("name", "due", "end"),
    [
        ("ddr4_2400", 9360, 9360 + 420 + 17 + 17 + 4),  # tREFI + tRFC + tRCD + CL + BL/2
        ("ddr4_3200", 12480, 12480 + 560 + 22 + 22 + 4),
        ("ddr5_4800", 9360, 9360 + 708 + 39 + 40 + 8),
        ("hbm2", 3900, 3900 + 350 + 14 + 14 + 2),
    ],
)
def test_refresh_collision(name: str, due: int, end: int) -> None:
    """Clause 4.26: a read that comes with the refresh waits for tRFC; one cycle before, it goes first."""
    assert served(name, [(0, 0, 5, 0)], [due]).cycles == end
    early = served(name, [(0, 0, 5, 0)], [due - 60])
    assert cycles_of(early, "ACT") == [due - 60]
    assert cycles_of(early, "REF") == []


@pytest.mark.parametrize(
    ("name", "due", "closing", "end"),
    [
        ("ddr4_2400", 9360, 17, 9818),  # tRP; end as above
        ("ddr4_3200", 12480, 22, 13088),
        ("ddr5_4800", 9360, 39, 10155),
        ("hbm2", 3900, 14, 4280),
    ],
)
def test_refresh_collision_with_an_open_row(name: str, due: int, closing: int, end: int) -> None:
    """Clause 4.26: all banks are precharged, tRP before the refresh."""
    result = served(name, [(0, 0, 5, 0), (0, 0, 5, 0)], [0, due])
    assert cycles_of(result, "PREU") == [due]
    assert cycles_of(result, "REF") == [due + closing]
    assert result.cycles == end + closing


@pytest.mark.parametrize(
    ("name", "reads", "writes", "turn"),
    [
        ("ddr4_2400", 4 + 1, 4 + 1, 17 + 4 + 1 - 12),  # BL/2 + tRTRS; RL + BL/2 + tRTRS - WL
        ("ddr4_3200", 4 + 1, 4 + 1, 22 + 4 + 1 - 16),
        ("ddr5_4800", 8 + 2, 8 + 2, 40 + 8 + 2 - 38),
    ],
)
def test_the_data_bus_is_handed_from_rank_to_rank(name: str, reads: int, writes: int, turn: int) -> None:
    """tRTRS is the system's, not the standard's: a gap on the data bus when the rank changes."""
    device, policy, n = load_device(name, overrides=["organisation.ranks=2"]), Policy(), np.arange(12)
    address = compose(device, policy.mapping, rank=n % 2, group=n // 2 % 2, row=np.full(12, 5))
    for command, kinds, apart in (("RD", n < 0, reads), ("WR", n >= 0, writes), ("RD", n == 11, reads)):
        memory = Memory(device, policy, log=100)
        memory.feed(address, kinds.astype(np.uint8))
        result = memory.finish()
        assert set(np.diff(cycles_of(result, command))[4:].tolist()) == {apart}  # once every row is open
    assert cycles_of(result, "WR")[0] - cycles_of(result, "RD")[-1] == turn


@pytest.mark.parametrize(
    ("name", "refresh", "due", "same", "other"),
    [
        ("hbm2", "per_bank", 3900 // 16, 160, 8),  # one of 16 banks in tREFI / 16; tRFCpb, tRREFD
        ("ddr5_4800", "same_bank", 9360 // 4, 312, 72),  # one of four banks of every group; tRFCsb, tREFSBRD
    ],
)
def test_refresh_of_a_part_of_the_banks(name: str, refresh: str, due: int, same: int, other: int) -> None:
    """JESD79-5B, JESD235D: the banks that are refreshed wait for tRFCsb (tRFCpb), the others for tREFSBRD (tRREFD)."""
    taken = served(name, [(0, 0, 5, 0)], [due], refresh=refresh)
    assert (cycles_of(taken, "REF"), cycles_of(taken, "ACT")) == ([due], [due + same])
    spared = served(name, [(0, 1, 5, 0)], [due], refresh=refresh)
    assert (cycles_of(spared, "REF"), cycles_of(spared, "ACT")) == ([due], [due + other])
    beside = served(name, [(3, 0, 5, 0)], [due], refresh=refresh)  # the same bank of another group
    assert cycles_of(beside, "ACT") == [due + (same if refresh == "same_bank" else other)]


@pytest.mark.parametrize(("name", "interval", "refresh"), [("ddr4_2400", 9360, 420), ("ddr5_4800", 9360, 708)])
def test_postponed_refreshes_are_made_together(name: str, interval: int, refresh: int) -> None:
    """Clause 4.26: refreshes may be owed (here two) while requests wait; when a third falls due, all are made."""
    device, policy = device_of(name), Policy(postpone=2)
    memory = Memory(device, policy, log=20_000)
    memory.feed(compose(device, policy.mapping, column=np.arange(8000) % 64))
    made = cycles_of(memory.finish(), "REF")[:3]
    assert 3 * interval <= made[0] < 3 * interval + 100  # the open row is closed first
    assert np.diff(made).tolist() == [refresh, refresh]


@pytest.mark.parametrize(("name", "activate"), [("ddr4_2400", 56), ("ddr4_3200", 74), ("ddr5_4800", 116), ("hbm2", 48)])
def test_a_closed_page_is_closed_with_its_last_access(name: str, activate: int) -> None:
    """Clause 4.24, read with auto-precharge: the next row may follow at tRC, without a precharge command."""
    result = served(name, [(0, 0, 5, 0), (0, 0, 6, 0)], page="closed")
    assert cycles_of(result, "PRE") == []
    assert cycles_of(result, "ACT") == [0, activate]
    assert len(cycles_of(result, "RDA")) == 2


def long_run(device: Device, kind: str) -> tuple[Result, int]:
    """A million reads of one kind, and the cycles that each takes by hand."""
    n = np.arange(1_000_000)
    policy = Policy(postpone=8)  # refreshes made nine at a time: closing and opening the rows hardly counts
    columns = n % (device.row_bytes // device.access_bytes)
    if kind == "row":
        return run_trace(device, policy, [(compose(device, policy.mapping, column=columns), None, None)]), 0
    if kind == "groups":
        address = compose(device, policy.mapping, group=n % 4, column=columns)
        return run_trace(device, policy, [(address, None, None)]), 1
    return run_trace(device, policy, [(compose(device, policy.mapping, row=n % 2), None, None)]), 2


CLOSED_FORMS = {  # tCCD_L, tCCD_S, tRC, tRFC, tREFI
    "ddr4_2400": (6, 4, 56, 420, 9360),
    "ddr4_3200": (8, 4, 74, 560, 12480),
    "ddr5_4800": (12, 8, 116, 708, 9360),
    "hbm2": (4, 2, 48, 350, 3900),
}


@pytest.mark.parametrize("kind", ["row", "groups", "conflicts"])
@pytest.mark.parametrize("name", DEVICES)
def test_a_million_requests_take_what_the_closed_form_says(name: str, kind: str) -> None:
    """n x tCCD_L for hits in one row, n x tCCD_S over four bank groups, n x tRC for conflicts in one bank; refresh
    takes the share tRFC/tREFI of the time."""
    result, which = long_run(device_of(name), kind)
    *each, refresh, interval = CLOSED_FORMS[name]
    expected = 1_000_000 * each[which] / (1.0 - refresh / interval)
    assert result.cycles == pytest.approx(expected, rel=0.005)
