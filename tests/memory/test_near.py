"""Do adders near the banks take what the engine and the buses say, by hand for each level, and gain as they must?"""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from pimsim.errors import InputError
from pimsim.memory.near.banks import unit_device, units_of
from pimsim.memory.near.run import NearMemory, run_near, run_plain
from pimsim.memory.near.spec import Near, load_near, near_names
from pimsim.memory.policy import Policy

POLICY = Policy(scheduler="frfcfs", queue=64, mapping="ro ba bg ra pc ch co")
STILL = Policy(scheduler="frfcfs", queue=64, refresh="none", mapping="ro ba bg ra pc ch co")
BANKED = [name for name in near_names() if load_near(name).spec.banks is not None]
Ints = NDArray[np.int64]


def lookups(near: Near, count: int, pooling: int, row_bytes: int, seed: int = 5) -> tuple[Ints, Ints]:
    """Uniform lookups in 4 GiB of rows."""
    rng = np.random.default_rng(seed)
    rows = min(near.memory.capacity_bytes, 1 << 32) // row_bytes
    return rng.integers(0, rows, count * pooling) * row_bytes, np.arange(0, count * pooling + 1, pooling)


def one(near: Near, rows: list[int], first: list[int], row_bytes: int) -> int:
    """Cycles of the rows with these numbers, without refreshes."""
    found = run_near(near, STILL, np.array(rows) * row_bytes, np.array(first), row_bytes)
    return found.cycles


@pytest.mark.parametrize("name", BANKED)
def test_units_hold_what_the_memory_holds(name: str) -> None:
    near = load_near(name)
    unit = unit_device(near)
    assert unit.capacity_bytes == near.memory.capacity_bytes
    ranks = near.memory.channels * near.memory.organisation.ranks
    per_rank = {"rank": 1, "bank_group": near.memory.organisation.bank_groups, "bank": near.memory.banks_per_rank}
    assert near.spec.banks is not None
    expected = {"none": ranks * per_rank[near.spec.level], "ranks": near.memory.channels, "banks": ranks}
    assert units_of(near) == expected[near.spec.banks.together]


def test_with_nothing_to_add_it_is_the_plain_memory_and_a_transfer() -> None:
    """One rank, one row a bag, no instructions to wait for: the same commands; every sum follows by one burst."""
    near = load_near("recnmp", overrides=["device.organisation.ranks=1", "banks.commands=null"])
    address, first = lookups(near, 150, 1, 64)
    plain = run_plain(near.memory, POLICY, address, first, 64)
    found = run_near(near, POLICY, address, first, 64)
    assert {key: found.counts[key] for key in plain.counts} == plain.counts
    assert plain.done is not None
    assert found.done.tolist() == (plain.done + near.memory.timing.tCCD_S).tolist()
    assert found.energy_pJ["activate"] == plain.energy_pJ["activate"]
    assert found.energy_pJ["io"] == plain.energy_pJ["io"]
    assert found.energy_pJ["reduction"] == 0


@pytest.mark.parametrize("name", ["recnmp", "trim_g", "trim_b"])
def test_more_ranks_more_speed_up(name: str) -> None:
    """RecNMP's claim: the bus of the channel bounds the host; ranks read side by side."""
    found = []
    for ranks in (1, 2, 4, 8):
        near = load_near(name, overrides=[f"device.organisation.ranks={ranks}"])
        address, first = lookups(near, 5, 40, 64)
        plain = run_plain(near.memory, POLICY, address, first, 64)
        found.append(plain.time_ns / run_near(near, POLICY, address, first, 64).time_ns)
    assert found == sorted(found)
    assert found[-1] > 2 * found[0]


def test_more_rows_a_bag_more_speed_up() -> None:
    near = load_near("recnmp")
    found = []
    for pooling in (1, 8, 40):
        address, first = lookups(near, 240 // pooling, pooling, 64)
        found.append(run_near(near, POLICY, address, first, 64).cycles)
    assert found == sorted(found, reverse=True)


def test_by_hand_rank() -> None:
    """Activate, read, data, and the sum over the channel; the instruction's 79 of 168 bits a cycle take one cycle."""
    near = load_near("recnmp")
    t = near.memory.timing
    alone = 1 + t.tRCD + t.tCL + t.burst
    assert one(near, [0], [0, 1], 64) == alone + t.tCCD_S
    # Rows 0 and 1 are in two ranks of one module: both instructions are there after one cycle, one sum leaves.
    assert one(near, [0, 1], [0, 2], 64) == alone + t.tCCD_S
    # Rows 0 and 2: in two modules, each of which sends its sum.
    assert one(near, [0, 2], [0, 2], 64) == alone + 2 * t.tCCD_S


def test_by_hand_ranks_together() -> None:
    """Four ranks read a quarter each: one activate and one read of 256 bytes; the sum is four bursts."""
    near = load_near("tensordimm")
    t = near.memory.timing
    alone = one(near, [0], [0, 1], 256)
    assert alone == t.tRCD + t.tCL + t.burst + 4 * t.tCCD_S
    assert one(near, [0], [0, 1], 512) == alone + t.tCCD_L + 4 * t.tCCD_S


def test_by_hand_bank_group() -> None:
    """Instructions: 85 bits at 78 a cycle to the buffer, at 14 to the rank's chips. Two bank groups of a rank: the
    second activate waits for tRRD_S or its instruction; two sums cross the rank's bus, one the channel's."""
    near = load_near("trim_g")
    t = near.memory.timing
    there = 85 / 78 + 85 / 14
    begin = math.ceil(there)
    assert one(near, [0], [0, 1], 64) == begin + t.tRCD + t.tCL + t.burst + 2 * t.tCCD_S
    second = max(begin + t.tRRD_S, math.ceil(there + 85 / 14)) + t.tRCD + t.tCL + t.burst
    assert one(near, [0, 4], [0, 2], 64) == second + 2 * t.tCCD_S  # rows 0 and 4: the same rank of four


def test_by_hand_bank() -> None:
    """GDDR6-AiM: a row of 64 bytes is two reads tCCD_S apart; the host gets the sums of both banks."""
    near = load_near("gddr6_aim", overrides=["device.organisation.channels=1"])
    t = near.memory.timing
    alone = t.tRCD + t.tCCD_S + t.tCL + t.burst
    assert one(near, [0], [0, 1], 64) == alone + 2 * t.tCCD_S
    assert one(near, [0, 1], [0, 2], 64) == t.tRRD_S + alone + 2 * t.tCCD_S


def test_by_hand_banks_together() -> None:
    """HBM-PIM: all sixteen banks open a row, every second gives 32 bytes of 256; two such reads are tCCD_L apart."""
    near = load_near("hbm_pim")
    t = near.memory.timing
    out = math.ceil(512 / 32) * t.tCCD_S
    assert one(near, [0], [0, 1], 512) == t.tRCD + t.tCCD_L + t.tCL + t.burst + out
    found = run_near(near, STILL, np.array([0]), np.array([0, 1]), 512)
    prices = near.memory.prices
    assert prices is not None
    assert found.energy_pJ["activate"] == pytest.approx(16 * prices.activate_pJ)
    assert found.energy_pJ["read"] == pytest.approx(512 * 8 * prices.read_pJ_per_bit * 0.563)


def test_by_hand_core() -> None:
    """UPMEM: a transfer of 64 bytes takes 77 + 32 cycles, then 16 additions by one thread; buffers of 64 cores."""
    near = load_near("upmem")
    dpu = near.spec.dpu
    assert dpu is not None
    sent, fetched = 64 * 4 / 6.68 * 0.35, 64 * 64 / 4.74 * 0.35
    alone = sent + 109 + 5.98 * 16 * 16 + fetched
    assert one(near, [7], [0, 1], 64) == math.ceil(alone)
    # Two rows of one core: two threads, one DMA engine; one sum of one bag.
    assert one(near, [7, 7 + 128], [0, 2], 64) == math.ceil(alone + sent + 109)
    # Eight cores side by side with eight bytes each: 77 + 4 cycles, two additions.
    split = load_near("upmem", overrides=["dpu.slice_bytes=8"])
    assert one(split, [7], [0, 1], 64) == math.ceil(sent + 81 + 5.98 * 2 * 16 + fetched / 8)
    with pytest.raises(InputError, match="a row in slices of 8 bytes needs more cores"):
        one(split, [7], [0, 1], 4096)


def test_by_hand_crossbar() -> None:
    """ReREC: rows of one bag in one crossbar are one read of 100 ns, of two bags two; a sum leaves at 6.4 GB/s."""
    near = load_near("rerec")
    assert one(near, [0, 5, 31], [0, 3], 64) == 110
    assert one(near, [0, 5, 31], [0, 2, 3], 64) == 210
    assert one(near, [0, 5, 32], [0, 2, 3], 64) == 120  # two crossbars; the port takes one sum after the other
    found = run_near(near, STILL, np.array([0, 5, 31]) * 64, np.array([0, 3]), 64)
    side_by_side = 64 * 8 // (32 * 2)
    assert found.counts["reads"] == side_by_side
    assert found.energy_pJ["conversions"] == pytest.approx(side_by_side * 32 * 1.58)
    assert found.energy_pJ["wordlines"] == pytest.approx(3 * side_by_side * 0.45)


def test_a_converter_bounds_the_wordlines() -> None:
    """Cells of two bits add up to 3 each: 8 bits tell 85 of them apart, 4 bits 5."""
    near = load_near("rerec", overrides=["crossbar.adc_bits=4"])
    assert near.spec.crossbar is not None
    assert near.spec.crossbar.wordlines == 5
    assert one(near, list(range(12)), [0, 12], 64) == 310


def test_a_cache_takes_rows_that_come_again() -> None:
    near = load_near("recnmp_cached")
    address = np.zeros(100, dtype=np.int64)
    found = run_near(near, STILL, address, np.array([0, 100]), 64)
    assert (found.counts["read"], found.counts["cache_hits"]) == (1, 99)
    assert found.energy_pJ["cache"] == 100 * 50
    # Row 100 of 64 bytes and row 100 of 128 bytes are two.
    found = run_near(near, STILL, np.array([6400, 12800]), np.array([0, 1, 2]), np.array([64, 128]))
    assert found.counts["cache_hits"] == 0


def test_copies_of_hot_rows_even_a_bag_out() -> None:
    """A row asked for 32 times a bag by itself is one bank group's; with a copy everywhere it is all groups'."""
    address, first = np.zeros(64, dtype=np.int64), np.array([0, 32, 64])
    alone = run_near(load_near("trim_g"), STILL, address, first, 64)
    copied = run_near(load_near("trim_g_hot"), STILL, address, first, 64)
    assert (alone.counts["unit_sums"], copied.counts["unit_sums"]) == (2, 64)
    assert (alone.counts["activate"], copied.counts["activate"]) == (1, 32)


@pytest.mark.parametrize("name", near_names())
def test_energy_is_counted(name: str) -> None:
    """Twice the bags, twice the counts of what is not shared; nothing asked, nothing done."""
    near = load_near(name)
    address, first = lookups(near, 10, 4, 64)
    single = run_near(near, STILL, address, first, 64)
    none = run_near(near, STILL, address[:0], first[:1], 64)
    assert (none.cycles, none.total_energy_pJ) == (0, 0)
    assert (single.lookups, single.bags) == (40, 10)
    assert all(math.isfinite(value) and value >= 0 for value in single.energy_pJ.values())
    if near.spec.banks is not None:
        elements = 64 * 8 // near.spec.element_bits
        assert single.energy_pJ["reduction"] == pytest.approx(10 * 3 * elements * near.spec.add_pJ)
        assert single.energy_pJ["io"] == pytest.approx(single.sums * 512 * near.memory.io_pJ_per_bit)


@pytest.mark.parametrize("name", near_names())
def test_bags_wait_for_their_arrival(name: str) -> None:
    near = load_near(name)
    address, first = lookups(near, 12, 4, 64)
    arrival = np.arange(12) * 500 + 10_000
    found = run_near(near, STILL, address, first, 64, arrival)
    assert (found.done > arrival).all()
    assert found.cycles == found.done.max()


@pytest.mark.parametrize("name", near_names())
def test_calls_go_on_where_the_last_one_ended(name: str) -> None:
    """A call long after the first takes what it takes by itself; one at the same time waits."""
    near = load_near(name)
    address, first = lookups(near, 5, 4, 64)
    memory = NearMemory(near, STILL)
    early = memory.feed(address, first, 64)
    at_once = memory.feed(address, first, 64)
    assert at_once.max() > early.max()
    result = memory.finish()
    assert result.done.tolist() == [*early.tolist(), *at_once.tolist()]
    assert result.lookups == 40
    later = NearMemory(near, STILL)
    later.feed(address, first, 64, np.full(5, 4))
    with pytest.raises(InputError, match="bags arrive at cycle 3, before those ahead of them"):
        later.feed(address, first, 64, np.full(5, 3))


def test_rows_of_several_lengths() -> None:
    near = load_near("trim_g")
    found = run_near(near, STILL, np.array([0, 4096, 8192]), np.array([0, 1, 3]), np.array([64, 512]))
    assert found.counts["read"] == 1 + 2 * 8


@pytest.mark.parametrize(
    ("address", "first", "row_bytes", "said"),
    [
        ([0, 64], [0, 1], 64, "first has the first row of every bag and then the number of rows, from 0 to 2"),
        ([0, 64], [0, 2], 0, "a row has 1 to 1,048,576 bytes; got 0 to 0"),
        ([0, 1 << 60], [0, 2], 64, "rows stand outside"),
    ],
)
def test_what_cannot_be_is_said(address: list[int], first: list[int], row_bytes: int, said: str) -> None:
    with pytest.raises(InputError, match=said):
        run_near(load_near("trim_g"), STILL, np.array(address), np.array(first), row_bytes)
    if "outside" in said:
        with pytest.raises(InputError, match="rows stand outside its 128 cores of 67,108,864 bytes"):
            run_near(load_near("upmem"), STILL, np.array(address), np.array(first), row_bytes)
        with pytest.raises(InputError, match="crossbars of 32 rows; there are 67,108,864"):
            run_near(load_near("rerec"), STILL, np.array(address), np.array(first), row_bytes)


def test_places_are_for_crossbars() -> None:
    rows, first = np.array([0, 64]), np.array([0, 2])
    with pytest.raises(InputError, match="recnmp: rows are placed on crossbars only; level rank"):
        run_near(load_near("recnmp"), STILL, rows, first, 64, unit=np.array([0, 1]))
    with pytest.raises(InputError, match="unit has a crossbar from 0 to 67,108,863 for every row"):
        run_near(load_near("rerec"), STILL, rows, first, 64, unit=np.array([0, -1]))
    assert run_near(load_near("rerec"), STILL, rows, first, 64, unit=np.array([3, 9])).counts["crossbars"] == 2


def test_what_takes_lookups_only_says_so() -> None:
    for name in ("rerec", "upmem", "hbm_pim", "tensordimm"):
        with pytest.raises(InputError, match=f"{name} takes lookups only"):
            NearMemory(load_near(name), POLICY).move(np.array([0]), False, 0)
    memory = NearMemory(load_near("trim_g"), POLICY)
    memory.feed(np.array([0]), np.array([0, 1]), 64, np.array([9]))
    with pytest.raises(InputError, match="accesses at cycle 8 come before those ahead of them"):
        memory.move(np.array([0]), False, 8)
    with pytest.raises(InputError, match=r"addresses are outside ddr5_4800, which has [\d,]+ bytes"):
        memory.move(np.array([-64]), False, 9)
