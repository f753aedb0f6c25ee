"""Is a reduction near the banks what a plain model of its buses and the simpy model of its banks say, to the cycle?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pimsim.memory.checker import check_log
from pimsim.memory.energy import energy_pJ
from pimsim.memory.near.banks import MAPPING, takes_plain, unit_device
from pimsim.memory.near.run import NearMemory, run_near
from pimsim.memory.near.spec import Near, load_near
from pimsim.memory.policy import Policy
from pimsim.memory.run import Memory
from tests.memory.near_model import PlainModel

NAMES = ("recnmp", "tensordimm", "trim_g", "trim_b", "hbm_pim", "hbm2_banks", "gddr6_aim")


@dataclass
class Case:
    """Bags of row numbers of one table whose rows are whole accesses, and when each bag comes."""

    near: Near
    bags: list[list[int]]
    row_bytes: int
    arrival: list[int]


@st.composite
def cases(draw: st.DrawFn) -> Case:
    ranks = draw(st.sampled_from([1, 2, 4]))
    short = ["device.timing.tREFI=900", "device.timing.tRFC=150"]
    near = load_near(
        draw(st.sampled_from(NAMES)), overrides=[f"device.organisation.ranks={ranks}", "banks.queue=3", *short]
    )
    rows = st.integers(0, draw(st.sampled_from([5, 300, 100_000])))
    bags = draw(st.lists(st.lists(rows, min_size=1, max_size=5), min_size=1, max_size=5))
    gaps = draw(st.lists(st.integers(0, 40), min_size=len(bags), max_size=len(bags)))
    return Case(near, bags, draw(st.sampled_from([64, 512])), np.cumsum(gaps).tolist())


@settings(max_examples=30, deadline=None)
@given(cases(), st.sampled_from(["all_bank", "none"]))
def test_sums_are_at_the_host_when_the_plain_model_says(case: Case, refresh: str) -> None:
    policy = Policy(refresh="none" if refresh == "none" else "all_bank")
    rows = np.array([row for bag in case.bags for row in bag])
    first = np.cumsum([0, *(len(bag) for bag in case.bags)])
    found = run_near(case.near, policy, rows * case.row_bytes, first, case.row_bytes, np.array(case.arrival))
    assert found.done.tolist() == PlainModel(case.near, policy).feed(case.bags, case.row_bytes, case.arrival)


@st.composite
def turns(draw: st.DrawFn) -> tuple[Near, list[tuple[str, int, list[list[int]]]]]:
    """A memory that the host reads and writes between lookups, and what it is asked for: bags of rows of one access,
    or numbers of accesses that are read or written, all at one cycle."""
    names = [name for name in NAMES if takes_plain(load_near(name))]
    short = ["device.timing.tREFI=900", "device.timing.tRFC=150", "device.organisation.ranks=2", "banks.queue=3"]
    near = load_near(draw(st.sampled_from(names)), overrides=short)
    most = draw(st.sampled_from([5, 300, 100_000]))
    steps, cycle = [], 0
    for _ in range(draw(st.integers(1, 5))):
        cycle += draw(st.integers(0, 60))
        what = draw(st.sampled_from(["bags", "read", "write"]))
        rows = draw(st.lists(st.lists(st.integers(0, most), min_size=1, max_size=4), min_size=1, max_size=4))
        steps.append((what, cycle, rows))
    return near, steps


@settings(max_examples=40, deadline=None)
@given(turns(), st.sampled_from(["all_bank", "none"]))
def test_accesses_of_the_host_wait_for_lookups_and_these_for_them(
    given_turns: tuple[Near, list[tuple[str, int, list[list[int]]]]], refresh: str
) -> None:
    near, steps = given_turns
    policy = Policy(refresh="none" if refresh == "none" else "all_bank")
    memory, model, size = NearMemory(near, policy), PlainModel(near, policy), near.memory.access_bytes
    moved = {"read": 0, "write": 0}
    for what, cycle, rows in steps:
        flat = np.array([row for bag in rows for row in bag])
        if what == "bags":
            first, times = np.cumsum([0, *(len(bag) for bag in rows)]), [cycle] * len(rows)
            assert memory.feed(flat * size, first, size, np.array(times)).tolist() == model.feed(rows, size, times)
        else:
            moved[what] += len(flat)
            assert memory.move(flat * size, what == "write", cycle).tolist() == model.move(flat, what == "write", cycle)
    found = memory.finish()
    banks, looked = near.spec.banks, found.counts["read"] - moved["read"]
    assert banks is not None
    assert found.counts["write"] == moved["write"]
    full = energy_pJ(near.memory, reads=1, writes=1)
    assert found.energy_pJ["read"] == pytest.approx(full["read"] * (moved["read"] + looked * banks.read_share))
    assert found.energy_pJ["write"] == pytest.approx(full["write"] * moved["write"])


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(NAMES), st.integers(0, 2**32 - 1))
def test_units_keep_to_the_rules_of_their_banks(name: str, seed: int) -> None:
    """Every command of the engine on the memory as adders see it is allowed, and was not a cycle earlier."""
    near = load_near(
        name, overrides=["device.organisation.ranks=1", "device.timing.tREFI=900", "device.timing.tRFC=99"]
    )
    unit, rng = unit_device(near), np.random.default_rng(seed)
    policy = Policy(scheduler="frfcfs", queue=8, mapping=MAPPING)
    address = rng.integers(0, unit.capacity_bytes // 4096 // unit.access_bytes, 30) * unit.access_bytes
    memory = Memory(unit, policy, log=4000)
    memory.feed(address)
    log = memory.finish().log
    assert log is not None
    findings = check_log(unit, policy, log.tolist())
    assert (findings.faults, findings.late) == ([], [])
