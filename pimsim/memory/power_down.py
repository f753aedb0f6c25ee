"""Power-down of ranks that have nothing to do, from a command log: how long each could be down, and what that saves.

A rank enters power-down once it was quiet for `idle` cycles: its last command done (data moved, written, precharged,
refreshed). It leaves tXP before its next command, and stays at least tCKE (JESD79-4, power-down modes): IDD3P with a
row open, IDD2P without. The commands stand where the log has them: the exit is taken to be hidden, as by a controller
that sees a request tXP ahead. One that does not delays it, by at most tXP for each of the power-downs counted.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pimsim.errors import InputError
from pimsim.memory import state as st
from pimsim.memory.device import Device
from pimsim.memory.energy import energy_pJ
from pimsim.memory.policy import Policy
from pimsim.memory.run import Result

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Downs:
    """Cycles in power-down, summed over ranks, with a row open and without; how many times one was entered."""

    active: int
    precharged: int
    times: int


def with_power_down(device: Device, policy: Policy, result: Result, idle: int = 0) -> Result:
    """The result of a run with its background energy as if idle ranks were powered down.

    result: with its whole command log. idle: cycles that a rank is quiet before it enters. Adds the residencies
    "active_down" and "precharged_down" and the count "power_downs". Raises InputError if the log is missing or cut, and
    for a device whose file says nothing of power-down (tCKE).
    """
    if not device.timing.tCKE:
        raise InputError(f"{device.name}: its file says nothing of power-down; give timing.tXP and timing.tCKE")
    if not 0 <= idle < 1 << 40:
        raise InputError(f"power-down: idle must be a number of cycles from 0 on; got {idle}")
    lines = 0 if result.log is None else len(result.log)
    accesses = result.counts["activate"] + result.counts["read"] + result.counts["write"] + result.counts["precharge"]
    if result.log is None or np.count_nonzero(result.log[:, 1] != st.REF) < accesses:
        raise InputError(
            f"power-down is read off a whole command log; this one has {lines} lines for {accesses} commands"
        )
    downs = downs_of(device, policy, result.log, result.cycles, idle)
    residency = {
        "active": max(0, result.residency["active"] - downs.active),
        "precharged": max(0, result.residency["precharged"] - downs.precharged),
        "active_down": downs.active,
        "precharged_down": downs.precharged,
    }
    counts = result.counts | {"power_downs": downs.times}
    energy = energy_pJ(
        device,
        active_cycles=residency["active"],
        precharged_cycles=residency["precharged"],
        active_down_cycles=downs.active,
        precharged_down_cycles=downs.precharged,
    )
    return replace(
        result,
        counts=counts,
        residency=residency,
        energy_pJ=result.energy_pJ | {"background": energy["background"]},
    )


def downs_of(device: Device, policy: Policy, log: Ints, cycles: int, idle: int) -> Downs:
    """Power-downs of all ranks over `cycles`, from a log of the bank engine."""
    rank, time, command, opens = _events(device, policy, log, cycles)
    quiet = time + _busy(device, policy)[command]
    ranks = device.channels * device.organisation.ranks
    # The first stretch of a rank begins at 0; every other with one of its commands, of which the last to end counts.
    # Ranks are kept apart by numbers that grow from one to the next by more than a time can.
    apart = np.int64(cycles + 1 + int(quiet.max(initial=0)))
    begin = np.maximum.accumulate(quiet + rank * apart) - rank * apart
    following = np.append(rank[1:], ranks) == rank
    end = np.where(following, np.append(time[1:], 0), cycles)
    exits = np.where(following, device.timing.tXP, 0)
    first = np.searchsorted(rank, np.arange(ranks))
    present = np.append(rank, -1)[np.minimum(first, len(rank))] == np.arange(ranks)
    at_start = np.where(present, np.append(time, cycles)[np.minimum(first, len(rank))], cycles)
    begin = np.concatenate([begin, np.zeros(ranks, dtype=np.int64)])
    end = np.concatenate([end, at_start])
    exits = np.concatenate([exits, np.where(present, device.timing.tXP, 0)])
    is_open = np.concatenate([opens > 0, np.zeros(ranks, dtype=bool)])
    down = np.minimum(end, cycles) - begin - idle - exits
    down[down < device.timing.tCKE] = 0
    return Downs(int(down[is_open].sum()), int(down[~is_open].sum()), int(np.count_nonzero(down)))


def _busy(device: Device, policy: Policy) -> Ints:
    """Cycles from each command to the quiet of its rank."""
    t = device.timing
    refresh = {"per_bank": t.tRFC_pb, "same_bank": t.tRFC_sb}.get(policy.refresh, t.tRFC)
    read, write = t.tCL + t.burst, t.tCWL + t.burst + t.tWR
    busy = np.zeros(8, dtype=np.int64)
    busy[st.ACT], busy[st.RD], busy[st.WR] = t.tRCD, read, write
    busy[st.PRE] = busy[st.PREU] = t.tRP
    busy[st.RDA], busy[st.WRA] = max(read, t.tRAS - t.tRCD, t.tRTP) + t.tRP, write + t.tRP
    busy[st.REF] = refresh
    return busy


def _events(device: Device, policy: Policy, log: Ints, cycles: int) -> tuple[Ints, Ints, Ints, Ints]:
    """(rank, cycle, command, open banks of the rank behind it) of every command, in order of rank and cycle, with the
    refreshes that ranks with nothing to do have when they fall due and that the log leaves out."""
    lines = np.concatenate([log[:, :4], _due(device, policy, log, cycles)])
    lines = lines[np.argsort(lines[:, 0], kind="stable")]
    rank = lines[:, 2] // device.banks_per_rank
    change = np.zeros(len(lines), dtype=np.int64)
    event, bank, after = _openings(device, policy, lines)
    order = np.lexsort((event, bank))
    state, own = after[order], bank[order]
    before = np.where(np.append(-1, own[:-1]) == own, np.append(0, state[:-1]), 0)
    np.add.at(change, event[order], state - before)
    order = np.argsort(rank, kind="stable")
    rank, time, command = rank[order], lines[order, 0], lines[order, 1]
    opens = np.cumsum(change[order])  # every rank's changes start from none open
    first = np.searchsorted(rank, rank)
    opens -= np.append(0, opens)[first]
    return rank, time, command, opens


def _openings(device: Device, policy: Policy, lines: Ints) -> tuple[Ints, Ints, Ints]:
    """(number of the line, bank, 1 open or 0 closed behind it) of every command that opens or closes a row; one that
    closes several banks once for each."""
    command, found = lines[:, 1], []
    for kinds, state in (((st.ACT,), 1), ((st.PRE, st.RDA, st.WRA), 0)):
        event = np.flatnonzero(np.isin(command, kinds))
        found.append((event, lines[event, 2], np.full(len(event), state)))
    event = np.flatnonzero(command == st.PREU)
    step = device.organisation.banks_per_group if policy.refresh == "same_bank" else 1
    count = {"per_bank": 1, "same_bank": device.organisation.bank_groups}.get(policy.refresh, device.banks_per_rank)
    banks = lines[event, 2][:, None] + step * np.arange(count)
    found.append((np.repeat(event, count), banks.ravel(), np.zeros(banks.size, dtype=np.int64)))
    events, places, states = zip(*found, strict=True)
    return np.concatenate(events), np.concatenate(places), np.concatenate(states)


def _due(device: Device, policy: Policy, log: Ints, cycles: int) -> Ints:
    """Refreshes that fell due by `cycles` and are not in the log, as lines of it: at their due times, or behind the
    rank's last command."""
    shape, interval = device.organisation, device.timing.tREFI
    if not interval or policy.refresh == "none":
        return np.empty((0, 4), dtype=np.int64)
    units = {"per_bank": device.banks_per_rank, "same_bank": shape.banks_per_group}.get(policy.refresh, 1)
    rank, found = log[:, 2] // device.banks_per_rank, []
    for r in range(device.channels * shape.ranks):
        mine = log[rank == r]
        offset, made = r % shape.ranks * interval // shape.ranks, np.count_nonzero(mine[:, 1] == st.REF)
        owed = np.arange(made + 1, max(0, (cycles - offset)) * units // interval + 2)
        times = np.maximum(offset + owed * interval // units, mine[:, 0].max(initial=0) + 1)
        times = times[times <= cycles]
        bank = np.full(len(times), r * device.banks_per_rank)
        found.append(np.stack([times, np.full(len(times), st.REF), bank, bank], axis=1))
    return np.concatenate(found).astype(np.int64)
