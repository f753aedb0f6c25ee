"""Is a reduction near the banks what a plain model of its buses and the simpy model of its banks say, to the cycle?"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pimsim.memory.address import compose
from pimsim.memory.checker import check_log
from pimsim.memory.near.banks import MAPPING, unit_device
from pimsim.memory.near.run import run_near
from pimsim.memory.near.spec import Near, load_near
from pimsim.memory.policy import Policy
from pimsim.memory.reference import run_reference
from pimsim.memory.run import Memory

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


def expected(case: Case, policy: Policy) -> list[int]:
    """End of every bag, by the description in docs/near_memory.md."""
    near, device, unit = case.near, case.near.memory, unit_device(case.near)
    banks, shape = near.spec.banks, near.memory.organisation
    assert banks is not None
    ranks, channels = unit.channels, device.channels
    per_rank = {"rank": 1, "bank_group": shape.bank_groups, "bank": device.banks_per_rank}[near.spec.level]
    units = ranks * (1 if banks.together != "none" else per_rank)
    asked = [(bag, row) for bag, rows in enumerate(case.bags) for row in rows]
    pins: dict[str, dict[int, float]] = {"channel": defaultdict(float), "rank": defaultdict(float)}
    ready = [float(case.arrival[bag]) for bag, _ in asked]
    if banks.commands is not None:
        ways = (("channel", banks.commands.channel_bits_per_cycle), ("rank", banks.commands.rank_bits_per_cycle))
        for bus, speed in ways:
            for i in sorted(range(len(asked)), key=lambda i: (ready[i], i)) if speed else ():
                rank = asked[i][1] % units % ranks
                where = rank if bus == "rank" else rank % channels
                pins[bus][where] = ready[i] = max(pins[bus][where], ready[i]) + banks.commands.bits / speed
    reads, own = [], []
    for i in sorted(range(len(asked)), key=lambda i: (math.ceil(ready[i]), i)):
        at, number = asked[i][1] % units, asked[i][1] // units
        stride = max(case.row_bytes, unit.access_bytes if case.row_bytes >= unit.access_bytes else case.row_bytes)
        for step in range(-(-case.row_bytes // unit.access_bytes)):
            byte = number * stride // unit.access_bytes * unit.access_bytes + step * unit.access_bytes
            page, column = byte // unit.row_bytes, byte % unit.row_bytes // unit.access_bytes
            group = at // ranks
            if units == ranks:  # nothing below the rank tells units apart
                group, page = page % unit.organisation.bank_groups, page // unit.organisation.bank_groups
            bank, page = page % unit.organisation.banks_per_group, page // unit.organisation.banks_per_group
            place = {"channel": at % ranks, "group": group, "bank": bank, "row": page, "column": column}
            reads.append((int(compose(unit, MAPPING, **place)), math.ceil(ready[i])))
            own.append(i)
    done, _ = run_reference(unit, policy, [r[0] for r in reads], [0] * len(reads), [r[1] for r in reads])
    parts: dict[tuple[int, int], float] = defaultdict(float)
    for end, i in zip(done, own, strict=True):
        key = asked[i][0], asked[i][1] % units
        parts[key] = max(parts[key], end)
    beats = device.timing.tCCD_S * -(-case.row_bytes // device.access_bytes)

    def over(bus_of: dict[tuple[int, int], int]) -> None:
        free: dict[int, float] = defaultdict(float)
        for key in sorted(parts, key=lambda key: (parts[key], key)):
            free[bus_of[key]] = parts[key] = max(free[bus_of[key]], parts[key]) + beats

    if banks.sums_in == "buffer":
        if near.spec.level != "rank":
            over({key: key[1] % ranks for key in parts})
        merged: dict[tuple[int, int], float] = defaultdict(float)
        for (bag, at), end in parts.items():
            rank = at % ranks
            key = bag, rank // channels // banks.ranks_per_buffer * channels + rank % channels
            merged[key] = max(merged[key], end)
        parts = merged
    over({key: key[1] % channels for key in parts})
    return [math.ceil(max(end for (b, _), end in parts.items() if b == bag)) for bag in range(len(case.bags))]


@settings(max_examples=30, deadline=None)
@given(cases(), st.sampled_from(["all_bank", "none"]))
def test_sums_are_at_the_host_when_the_plain_model_says(case: Case, refresh: str) -> None:
    banks = case.near.spec.banks
    assert banks is not None
    policy = Policy(refresh="none" if refresh == "none" else "all_bank")
    rows = np.array([row for bag in case.bags for row in bag])
    first = np.cumsum([0, *(len(bag) for bag in case.bags)])
    found = run_near(case.near, policy, rows * case.row_bytes, first, case.row_bytes, np.array(case.arrival))
    units = replace(policy, scheduler="frfcfs", queue=banks.queue, mapping=MAPPING)
    assert found.done.tolist() == expected(case, units)


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
