"""Do kernels and cycle-by-cycle model give the same commands at the same cycles, and are all of them allowed?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pimsim.jit import compiled
from pimsim.memory import run as memory_run
from pimsim.memory.address import compose
from pimsim.memory.checker import check_log
from pimsim.memory.device import Device, load_device
from pimsim.memory.policy import Policy
from pimsim.memory.reference import as_log, run_reference
from pimsim.memory.rules import rules
from pimsim.memory.run import Memory, Result

# Intervals short enough that a few dozen requests meet several refreshes; everything else as shipped.
SHORT = {
    "ddr4_2400": ("timing.tREFI=600", "timing.tRFC=150"),
    "ddr4_3200": ("timing.tREFI=700", "timing.tRFC=180"),
    "ddr5_4800": ("timing.tREFI=1200", "timing.tRFC=250", "timing.tRFC_sb=90", "timing.tPBR2PBR=90"),
    "hbm2": ("timing.tREFI=900", "timing.tRFC=120", "timing.tRFC_pb=40", "organisation.channels=1"),
}


@pytest.fixture(autouse=True, scope="module")
def always_compiled() -> Iterator[None]:
    """These traces are so short that they would run as plain Python."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memory_run, "suited", lambda turns, function, *helpers: compiled(function, *helpers))
        yield


@dataclass
class Case:
    """A device, a policy, a trace, and where it is cut into chunks."""

    device: Device
    policy: Policy
    address: NDArray[np.int64]
    is_write: NDArray[np.uint8]
    arrival: NDArray[np.int64] | None
    cuts: tuple[int, int]


def refreshes(device: Device) -> list[str]:
    kinds = ["all_bank", "none"]
    return kinds + ["per_bank"] * bool(device.timing.tRFC_pb) + ["same_bank"] * bool(device.timing.tRFC_sb)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    device = load_device(
        name := draw(st.sampled_from(sorted(SHORT))),
        overrides=[*SHORT[name], f"organisation.ranks={draw(st.sampled_from([1, 2]))}"],
    )
    settings_of = {
        "page": draw(st.sampled_from(["open", "closed"])),
        "refresh": draw(st.sampled_from(refreshes(device))),
        "postpone": draw(st.sampled_from([0, 0, 1, 3])),
    }
    if draw(st.booleans()):
        settings_of |= {"scheduler": "frfcfs", "queue": draw(st.sampled_from([1, 2, 4, 8]))}
        settings_of |= {"hit_cap": draw(st.sampled_from([0, 1, 3]))}
        if draw(st.booleans()):
            marks = {"drain_high": draw(st.integers(2, 4)), "drain_low": draw(st.integers(0, 1))}
            settings_of |= {"write_queue": 4, **marks}
    policy = Policy(**settings_of)
    n = draw(st.integers(1, 40))
    # The bulk of a trace comes from a seeded generator: hypothesis would spend its time on drawing single numbers.
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = device.organisation
    address = compose(
        device,
        policy.mapping,
        channel=rng.integers(0, shape.channels, n),
        pseudo=rng.integers(0, shape.pseudo_channels, n),
        rank=rng.integers(0, shape.ranks, n),
        group=rng.integers(0, draw(st.integers(1, 4)), n),
        bank=rng.integers(0, draw(st.integers(1, 4)), n),
        row=rng.integers(0, draw(st.integers(1, 3)), n),
        column=rng.integers(0, 4, n),
    )
    is_write = (rng.random(n) < draw(st.sampled_from([0.0, 0.3, 0.6]))).astype(np.uint8)
    gap = draw(st.sampled_from([0, 1, 12, 300]))
    arrival = np.cumsum(rng.integers(0, gap, n)) if gap else None
    first, second = sorted(rng.integers(0, n + 1, 2))
    return Case(device, policy, address, is_write, arrival, (int(first), int(second)))


def run(case: Case) -> Result:
    memory = Memory(case.device, case.policy, done_times=True, log=20 * len(case.address) + 4000)
    for begin, end in zip((0, *case.cuts), (*case.cuts, len(case.address)), strict=True):
        part = slice(begin, end)
        memory.feed(case.address[part], case.is_write[part], None if case.arrival is None else case.arrival[part])
    return memory.finish()


def lines(device: Device, result: Result) -> list[tuple[int, ...]]:
    """The kernel's log as `as_log` writes the reference's."""
    assert result.log is not None
    banks = device.organisation.ranks * device.banks_per_rank
    return sorted((b // banks, t, c, -1 if c >= 6 else b, row, n) for t, c, b, row, n in result.log.tolist())


@settings(max_examples=40, deadline=None)
@given(cases())
def test_kernels_and_reference_agree_to_the_cycle(case: Case) -> None:
    result = run(case)
    arrival = None if case.arrival is None else case.arrival.tolist()
    done, commands = run_reference(case.device, case.policy, case.address.tolist(), case.is_write.tolist(), arrival)
    assert lines(case.device, result) == as_log(case.device, commands)
    assert result.done is not None
    assert result.done.tolist() == done
    assert result.cycles == max(done)


@settings(max_examples=60, deadline=None)
@given(cases())
def test_every_command_is_allowed_and_not_a_cycle_earlier(case: Case) -> None:
    log = run(case).log
    assert log is not None
    findings = check_log(case.device, case.policy, log.tolist(), case.arrival)
    assert findings.faults == []
    assert findings.late == []


@settings(max_examples=30, deadline=None)
@given(cases())
def test_a_queue_of_one_is_first_come_first_served(case: Case) -> None:
    policy = Policy(page=case.policy.page, refresh=case.policy.refresh, postpone=case.policy.postpone)
    queue = Policy(
        scheduler="frfcfs", queue=1, page=policy.page, refresh=policy.refresh, postpone=policy.postpone
    )  # fmt: skip
    fcfs = run(Case(case.device, policy, case.address, case.is_write, case.arrival, case.cuts))
    frfcfs = run(Case(case.device, queue, case.address, case.is_write, case.arrival, (0, 0)))
    assert lines(case.device, fcfs) == lines(case.device, frfcfs)
    assert fcfs.residency == frfcfs.residency


@settings(max_examples=30, deadline=None)
@given(cases(), st.integers(1, 60))
def test_a_memory_that_is_advanced_between_requests_gives_the_same_commands(case: Case, step: int) -> None:
    """Fed in steps of `step` cycles, with everything before the next step served before the next requests come."""
    n, arrival = len(case.address), np.zeros(len(case.address), int) if case.arrival is None else case.arrival
    memory = Memory(case.device, case.policy, done_times=True, log=20 * n + 4000)
    whole = run(case)
    ends, at = dict[int, int](), 0
    for until in range(0, int(arrival[-1]) + step + 1, step):
        told = memory.advance(until)
        assert not set(told[:, 0].tolist()) & set(ends)
        ends.update(told.tolist())
        part = slice(at, at := int(np.searchsorted(arrival, until + step)))
        memory.feed(case.address[part], case.is_write[part], arrival[part])
    result = memory.finish()
    assert lines(case.device, result) == lines(case.device, whole)
    assert result.done is not None
    assert all(result.done[number] == end for number, end in ends.items())
    assert result.to_dict() == whole.to_dict()


@pytest.mark.parametrize("name", sorted(SHORT))
def test_what_is_not_asked_for_changes_nothing(name: str) -> None:
    """Reads of one rank that are all there, with no log and no times: the shortest way through the FCFS kernel."""
    device = load_device(name, overrides=[*SHORT[name], "organisation.ranks=1"])
    rng, n = np.random.default_rng(2), 3000
    address = compose(device, Policy().mapping, **{field: rng.integers(0, 4, n) for field in ("bank", "group", "row")})
    none, some = np.zeros(n, np.uint8), np.r_[np.zeros(n, np.uint8), np.ones(1, np.uint8)]
    with_log = run(Case(device, Policy(), address, none, None, (700, 701)))
    short, long = Memory(device, Policy()), Memory(device, Policy(), done_times=True)
    short.feed(address)
    assert short.finish().to_dict() == with_log.to_dict()
    # ... and what a write finds afterwards is what it finds after the long way
    short.feed(address[:1], some[-1:])
    long.feed(np.append(address, address[:1]), some)
    assert short.finish().to_dict() == long.finish().to_dict()


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cases())
def test_kernels_do_the_same_without_a_compiler(monkeypatch: pytest.MonkeyPatch, case: Case) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(memory_run, "suited", lambda turns, function, *helpers: function)
        plain = run(case)
    fast = run(case)
    assert lines(case.device, plain) == lines(case.device, fast)
    assert plain.to_dict() == fast.to_dict()


@pytest.mark.parametrize("name", sorted(SHORT))
def test_random_traffic_meets_every_rule(name: str) -> None:
    """So that the property tests above say something about each: in each device every rule holds some command back."""
    device = load_device(name, overrides=[*SHORT[name], "organisation.ranks=2"])
    rng, seen, wanted = np.random.default_rng(1), Counter[str](), set[str]()
    for refresh in refreshes(device):
        for scheduler, page, spread in (("fcfs", "open", 2), ("frfcfs", "open", 4), ("frfcfs", "closed", 4)):
            policy = Policy(scheduler=scheduler, page=page, refresh=refresh, postpone=2)  # type: ignore[arg-type]
            n = 600
            fields = {"rank": 2, "group": spread, "bank": spread, "row": 3}
            places = {field: rng.integers(0, limit, n) for field, limit in fields.items()}
            address = compose(device, policy.mapping, **places)
            is_write = (np.arange(n) // 16 % 2).astype(np.uint8)
            log = run(Case(device, policy, address, is_write, None, (0, 0))).log
            assert log is not None
            findings = check_log(device, policy, log.tolist())
            assert findings.faults + findings.late == []
            seen += findings.binding
            wanted |= {rule.name for rule in rules(device, policy)}
    # tPPD and tPBR2PBR: bounded by longer distances wherever this controller gives the command.
    assert wanted - set(seen) <= {"tPPD", "tPBR2PBR"}
