"""How long could ranks have been powered down, by hand and against a count cycle by cycle?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pimsim.errors import InputError
from pimsim.memory import power_down, state
from pimsim.memory.address import compose
from pimsim.memory.device import Device, load_device
from pimsim.memory.energy import state_mW
from pimsim.memory.policy import Policy
from pimsim.memory.power_down import Downs, downs_of, with_power_down
from pimsim.memory.run import Memory, Result

POLICY = Policy(refresh="none")


def run(device: Device, policy: Policy, arrival: list[int], **fields: object) -> Result:
    memory = Memory(device, policy, log=20_000)
    memory.feed(compose(device, policy.mapping, **fields), None, np.array(arrival))  # type: ignore[arg-type]
    return memory.finish()


def test_two_reads_far_apart_by_hand() -> None:
    """DDR4-2400, two ranks: rank 0 reads at 17 and, its row still open, at 2000; quiet from 17 + CL + BL/2 = 38 on."""
    device = load_device("ddr4_2400")
    result = run(device, POLICY, [0, 2000], row=[5, 5])
    assert result.cycles == 2000 + 17 + 4
    down = with_power_down(device, POLICY, result, idle=10)
    # entered at 48, left tXP = 8 before 2000; too short a stretch behind it; rank 1 from 10 to the end
    assert down.residency["active_down"] == 1992 - 48
    assert down.residency["precharged_down"] == 2021 - 10
    assert down.counts["power_downs"] == 2
    assert sum(down.residency.values()) == sum(result.residency.values())
    saved = result.energy_pJ["background"] - down.energy_pJ["background"]
    active, precharged, active_down, precharged_down, _ = state_mW(device)
    cycles = (1944 * (active - active_down), 2011 * (precharged - precharged_down))
    assert saved == pytest.approx(device.ns(sum(cycles)))
    assert down.energy_pJ["activate"] == result.energy_pJ["activate"]


def test_a_gap_that_is_too_short_saves_nothing() -> None:
    """Quiet at 38; down needs idle + tCKE + tXP = 6 + 8 cycles before the next command."""
    device = load_device("ddr4_2400", overrides=["organisation.ranks=1"])
    for second, downs in ((38 + 13, 0), (38 + 14, 1)):
        result = run(device, POLICY, [0, second], row=[5, 5])
        assert with_power_down(device, POLICY, result).counts["power_downs"] == downs


def test_refreshes_wake_a_rank_that_has_nothing_to_do() -> None:
    """Rank 1 of DDR4-2400 has no request; 4680 is its first refresh, then every 9360; each takes tRFC = 420 and tXP."""
    device, policy = load_device("ddr4_2400"), Policy()
    result = run(device, policy, [0, 30_000], row=[5, 5])
    alone = downs_of(device, policy, result.log[:0], result.cycles, 0)  # type: ignore[index]
    ranks = []
    for offset in (0, 4680):
        due = np.arange(offset + 9360, result.cycles, 9360)
        ranks.append(result.cycles - len(due) * (420 + 8))
    assert alone.precharged == sum(ranks)


def brute(device: Device, policy: Policy, log: NDArray[np.int64], cycles: int, idle: int) -> Downs:
    """Cycle by cycle: a rank is down in the cycles of a stretch that no command keeps it from."""
    timing = device.timing
    refresh = {"per_bank": timing.tRFC_pb, "same_bank": timing.tRFC_sb}.get(policy.refresh, timing.tRFC)
    read, write = timing.tCL + timing.burst, timing.tCWL + timing.burst + timing.tWR
    busy = {
        state.ACT: timing.tRCD, state.RD: read, state.WR: write, state.PRE: timing.tRP, state.PREU: timing.tRP,
        state.RDA: max(read, timing.tRAS - timing.tRCD, timing.tRTP) + timing.tRP, state.WRA: write + timing.tRP,
        state.REF: refresh,
    }  # fmt: skip
    active = precharged = times = 0
    for rank in range(device.channels * device.organisation.ranks):
        mine = sorted((line for line in log.tolist() if line[2] // device.banks_per_rank == rank), key=lambda x: x[0])
        opened: set[int] = set()
        quiet = 0
        for line in [*mine, None]:
            end, leave = (line[0], timing.tXP) if line else (cycles, 0)
            down = min(end, cycles) - quiet - idle - leave
            if down >= timing.tCKE:
                times += 1
                active, precharged = (active + down, precharged) if opened else (active, precharged + down)
            if line is None:
                break
            quiet = max(quiet, line[0] + busy[line[1]])
            if line[1] == state.ACT:
                opened.add(line[2])
            elif line[1] in (state.PRE, state.RDA, state.WRA):
                opened.discard(line[2])
            elif line[1] == state.PREU:
                shape, first = device.organisation, line[2]
                step = shape.banks_per_group if policy.refresh == "same_bank" else 1
                last = first + 1 if policy.refresh == "per_bank" else (rank + 1) * device.banks_per_rank
                opened -= set(range(first, last, step))
    return Downs(active, precharged, times)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["all_bank", "same_bank", "none"]),
    st.sampled_from(["open", "closed"]),
    st.integers(0, 60),
    st.integers(0, 2**32 - 1),
)
def test_the_count_equals_one_cycle_by_cycle(refresh: str, page: str, idle: int, seed: int) -> None:
    sets = ["organisation.ranks=2", "timing.tREFI=2400", "timing.tRFC=300", "timing.tRFC_sb=90"]
    device = load_device("ddr5_4800", overrides=sets)
    policy, rng, n = Policy(refresh=refresh, page=page), np.random.default_rng(seed), 40  # type: ignore[arg-type]
    result = run(
        device, policy, np.cumsum(rng.integers(0, 400, n)).tolist(), channel=rng.integers(0, 2, n),
        rank=rng.integers(0, 2, n), group=rng.integers(0, 2, n), bank=rng.integers(0, 2, n), row=rng.integers(0, 3, n),
    )  # fmt: skip
    assert result.log is not None
    # refreshes of a rank that has nothing more to do are not in the log: the engine counts them when it is asked
    whole = np.concatenate([result.log[:, :4], power_down._due(device, policy, result.log, result.cycles)])
    assert np.count_nonzero(whole[:, 1] == state.REF) == result.counts["refresh"]
    expected = brute(device, policy, whole, result.cycles, idle)
    assert downs_of(device, policy, result.log, result.cycles, idle) == expected
    down = with_power_down(device, policy, result, idle)
    assert sum(down.residency.values()) == sum(result.residency.values())
    assert down.residency["active_down"] == expected.active


def test_what_is_missing_is_said() -> None:
    device = load_device("ddr4_2400")
    memory = Memory(device, POLICY)
    memory.feed(compose(device, POLICY.mapping, row=[1, 2]))
    with pytest.raises(InputError, match="whole command log; this one has 0 lines for 5 commands"):
        with_power_down(device, POLICY, memory.finish())
    result = run(device, POLICY, [0], row=[1])
    with pytest.raises(
        InputError, match=r"pcm: its file says nothing of power-down; give timing\.tXP and timing\.tCKE"
    ):
        with_power_down(load_device("pcm"), POLICY, result)
    with pytest.raises(InputError, match="idle must be a number of cycles from 0 on; got -1"):
        with_power_down(device, POLICY, result, idle=-1)
