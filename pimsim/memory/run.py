"""Runs a trace on a memory: arrays in, cycles, commands and energy out. State is carried from chunk to chunk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pimsim.errors import InputError
from pimsim.jit import suited
from pimsim.memory import address as addresses
from pimsim.memory import fcfs, frfcfs
from pimsim.memory import state as st
from pimsim.memory.address import shifts, widths
from pimsim.memory.device import Device
from pimsim.memory.energy import energy_pJ
from pimsim.memory.policy import Policy

Chunk = tuple[NDArray[np.int64], NDArray[np.uint8] | None, NDArray[np.int64] | None]
MODES = {"all_bank": st.ALL_BANK, "per_bank": st.PER_BANK, "same_bank": st.SAME_BANK, "none": st.NO_REFRESH}
SHORT = 1024
"""Requests of a feed for whose ends a frfcfs memory keeps room."""
NONE, NO_WRITES = np.empty(0, dtype=np.int64), np.empty(0, dtype=np.uint8)
SCHEDULED = 8
"""In plain Python a request takes frfcfs about so many times as long as fcfs."""


@dataclass(frozen=True)
class Result:
    """What a trace took.

    cycles: end of the last data beat. counts: activate, read, write, precharge (for requests and for refreshes),
    refresh (of every rank, up to the end), row_hits (accesses that found their row open), conflicts (rows closed for
    another row).
    residency: cycles with a row open ("active") and without ("precharged"), summed over ranks.
    done: end of data of every request, in order of the trace (if asked for). log: command log (if asked for): cycle,
    command (`pimsim.memory.state`), bank, row, request.
    """

    device: str
    cycles: int
    time_ns: float
    requests: int
    counts: dict[str, int]
    residency: dict[str, int]
    energy_pJ: dict[str, float]
    done: NDArray[np.int64] | None = None
    log: NDArray[np.int64] | None = None

    @property
    def total_energy_pJ(self) -> float:
        return sum(self.energy_pJ.values())

    def to_dict(self) -> dict[str, Any]:
        """For JSON: totals (cycles, time_ns, energy_pJ, requests), counts, residency, energy_pJ by part."""
        totals = {
            "cycles": self.cycles,
            "time_ns": self.time_ns,
            "energy_pJ": self.total_energy_pJ,
            "requests": self.requests,
        }
        parts = {"counts": self.counts, "residency": self.residency, "energy_pJ": self.energy_pJ}
        return {"memory": self.device, "totals": totals, **parts}


class Memory:
    """A memory that is fed requests, chunk by chunk. The answer does not depend on where the chunks are cut.

    bursts: accesses a request, from its address on. done_times: keep the end of every request. log: lines of command
    log to keep (0: none).
    """

    def __init__(self, device: Device, policy: Policy, *, bursts: int = 1, done_times: bool = False, log: int = 0):
        policy.check(device)
        if policy.scheduler == "frfcfs" and device.banks // device.channels > frfcfs.MOST_BANKS:
            raise InputError(f"frfcfs takes at most {frfcfs.MOST_BANKS} banks on a channel; {device.name} has more")
        if not 1 <= bursts <= device.row_bytes:
            raise InputError(f"bursts must be from 1 to {device.row_bytes}; got {bursts}")
        self.device, self.policy, self.bursts = device, policy, bursts
        self._timing = timing_vector(device, policy)
        channels, ranks = device.channels, device.channels * device.organisation.ranks
        groups, banks = ranks * device.organisation.bank_groups, device.banks
        self._bank = np.zeros((banks, st.BANK_COLUMNS), dtype=np.int64)
        self._bank[:, st.B_ROW] = -1
        self._group = np.zeros((groups, st.GROUP_COLUMNS), dtype=np.int64)
        self._rank = np.zeros((ranks, st.RANK_COLUMNS), dtype=np.int64)
        self._channel = np.zeros((channels, st.CHANNEL_COLUMNS), dtype=np.int64)
        self._count = np.zeros(st.COUNTERS, dtype=np.int64)
        self._log = np.zeros((log, st.LOG_COLUMNS), dtype=np.int64)
        for r in range(ranks):
            st.set_due(r, self._timing, self._rank)
        self._channel[:, st.C_HORIZON] = self._rank[:, st.R_DUE].reshape(channels, -1).min(axis=1)
        self._state = (
            self._timing, self._bank, self._group, self._rank, self._channel, self._count, self._log
        )  # fmt: skip
        # The same memory in one row, and room for the fields of a block of addresses (`fcfs.rush`, `fcfs.serve`).
        self._rows = tuple(part.reshape(-1) for part in (self._bank, self._group, self._rank, self._channel))
        self._block = np.empty((2, fcfs.BLOCK), dtype=np.int64)
        self._fields = field_table(device, policy.mapping)
        self._bank_bits = (device.banks // device.channels).bit_length() - 1
        self._queues = _queues(device, policy) if policy.scheduler == "frfcfs" else ()
        # What `frfcfs.rounds` takes: the memory itself, in place of requests nothing, and room for all that can wait.
        self.scheduled = (*self._state, *self._queues, self._rows[1], self._rows[2])
        self.waiting = channels * (policy.queue + policy.write_queue)
        self._room = np.empty((self.waiting + SHORT, 2) if self._queues else (0, 2), dtype=np.int64)
        self.nothing = (np.zeros(channels + 1, dtype=np.int64), NONE, NONE, NO_WRITES, NONE, NONE)
        self._requests = 0
        self._done: list[NDArray[np.int64]] | None = [] if done_times else None
        self._late: list[NDArray[np.int64]] = []
        self._told = 0

    def feed(
        self,
        address: NDArray[np.int64],
        is_write: NDArray[np.uint8] | None = None,
        arrival: NDArray[np.int64] | None = None,
    ) -> NDArray[np.int64] | None:
        """Requests in order: byte addresses, 1 for a write (all reads if left out), cycles of arrival (never
        decreasing; all have come at cycle 0 if left out). Raises InputError for an address outside the memory
        and for an arrival before the one ahead. Returns the ends of these requests where they are known already: with
        fcfs and done_times; None otherwise."""
        address = np.ascontiguousarray(address, dtype=np.int64)
        write = NO_WRITES if is_write is None else np.ascontiguousarray(is_write, dtype=np.uint8)
        times = NONE if arrival is None else np.ascontiguousarray(arrival, dtype=np.int64)
        for name, other in (("is_write", write), ("arrival", times)):
            if len(other) not in (0, len(address)):
                raise InputError(f"{name} has {len(other)} entries for {len(address)} requests")
        if self.bursts > 1:
            steps = np.arange(self.bursts, dtype=np.int64) * self.device.access_bytes
            address = (address[:, None] + steps).ravel()
            write, times = np.repeat(write, self.bursts), np.repeat(times, self.bursts)
        take = self._serve if self.policy.scheduler == "fcfs" else self._schedule
        step = len(address) if self.policy.scheduler == "fcfs" else frfcfs.MOST_REQUESTS
        for at in range(0, len(address), max(1, step)):
            part = slice(at, at + step)
            take(address[part], write[part], times[part])
            self._requests += len(address[part])
        if self._done is None or self.policy.scheduler != "fcfs":
            return None
        ends = self._done[-1] if self._done else NONE
        return ends.reshape(-1, self.bursts).max(axis=1) if self.bursts > 1 else ends

    def advance(self, until: int) -> NDArray[np.int64]:
        """Serves (frfcfs) every command before cycle `until`; what is fed later arrives at `until` or after it. Returns
        (number of the access, end of its data), a line for each that was served and not returned before (done_times).
        """
        if self._queues:
            self._rounds(*self.nothing, until=max(1, until))
        return self.told()

    def told(self) -> NDArray[np.int64]:
        """(number of the access, end of its data), a line for each that was served and not returned before (frfcfs with
        done_times)."""
        fresh, self._told = self._late[self._told :], len(self._late)
        return np.concatenate([np.empty((0, 2), dtype=np.int64), *fresh])

    def keep(self, ends: NDArray[np.int64]) -> None:
        """Lines that a kernel which goes on with `scheduled` itself has served, and told already."""
        self._late.append(ends.copy())
        self._told = len(self._late)

    def finish(self) -> Result:
        """Serves what still waits; the answer over everything fed."""
        if self._queues:
            self._rounds(*self.nothing, until=st.NEVER)
        count, device = self._count, self.device
        cycles = int(self._channel[:, [st.C_READ, st.C_WRITTEN]].max())
        owed = self._owed(cycles)
        # An open row stays open to the end, or to the first refresh of a rank that has nothing more to do; one closed
        # by itself after the last data does not count beyond.
        end = np.where(owed > 0, np.maximum(self._rank[:, st.R_DUE], self._rank[:, st.R_CLOSE]), cycles)
        stop = np.minimum(np.where(self._rank[:, st.R_OPEN] > 0, end, self._rank[:, st.R_CLOSE]), cycles)
        since = np.minimum(self._rank[:, st.R_SINCE], stop)
        active = int(count[st.N_ACTIVE] + (stop - since).sum())
        counts = {
            "activate": int(count[st.N_ACT]),
            "read": int(count[st.N_RD]),
            "write": int(count[st.N_WR]),
            "precharge": int(count[st.N_PRE] + count[st.N_PREU]),
            "refresh": int(count[st.N_REF] + owed.sum()),
            "row_hits": int(count[st.N_HITS]),
            "conflicts": int(count[st.N_CONFLICTS]),
        }
        residency = {"active": active, "precharged": cycles * len(self._rank) - active}
        energy = energy_pJ(
            device,
            activates=counts["activate"],
            reads=counts["read"],
            writes=counts["write"],
            refreshes=counts["refresh"],
            refresh=self.policy.refresh,
            active_cycles=residency["active"],
            precharged_cycles=residency["precharged"],
        )
        lines = int(count[st.N_LOG])
        log = self._log[: min(lines, len(self._log))] if len(self._log) else None
        requests = self._requests // self.bursts
        return Result(
            device.name, cycles, device.ns(cycles), requests, counts, residency, energy, self._ends(), log
        )  # fmt: skip

    def _owed(self, cycles: int) -> NDArray[np.int64]:
        """Refreshes of each rank that fell due by `cycles` and were not made while it was served: a rank with nothing
        to do, or that postponed them, makes them all the same."""
        tm = self._timing
        if tm[st.MODE] == st.NO_REFRESH:
            return np.zeros(len(self._rank), dtype=np.int64)
        offset = np.arange(len(self._rank)) % tm[st.R_COUNT] * tm[st.T_REFI] // tm[st.R_COUNT]
        due = np.maximum(0, ((cycles - offset + 1) << tm[st.U_BITS]) - 1) // tm[st.T_REFI]
        owed: NDArray[np.int64] = np.maximum(0, due - self._rank[:, st.R_REFRESHED])
        return owed

    def _serve(self, address: NDArray[np.int64], write: NDArray[np.uint8], times: NDArray[np.int64]) -> None:
        ends = np.empty(len(address), dtype=np.int64) if self._done is not None else NONE
        served = kernel(fcfs, "serve", self._turns(len(address)))(
            address,
            write,
            times,
            self._fields,
            self.device.capacity_bytes,
            self._requests,
            ends,
            *self._state,
            *self._rows,
            *self._block,
        )
        if served < len(address):
            self._refuse(address, times, served)
        if self._done is not None:
            self._done.append(ends)

    def _schedule(self, address: NDArray[np.int64], write: NDArray[np.uint8], times: NDArray[np.int64]) -> None:
        size, device = len(address), self.device
        bank, row, latest = np.empty(size, np.int64), np.empty(size, np.int64), int(self._channel[0, st.C_ARRIVAL])
        places = kernel(addresses, "places", self._requests + size)
        good = places(address, times, self._fields, device.capacity_bytes, latest, bank, row)
        if good < size:
            self._refuse(address, times, good)
        if len(times):
            self._channel[0, st.C_ARRIVAL] = times[-1]
        numbers = np.arange(self._requests, self._requests + size, dtype=np.int64)
        if device.channels == 1:
            self._rounds(np.array([0, size]), bank, row, write, times, numbers)
            return
        channel = (bank >> self._bank_bits).astype(np.uint16)  # which NumPy sorts by its digits
        order = np.argsort(channel, kind="stable")
        cuts = np.searchsorted(channel[order], np.arange(device.channels + 1))
        write, times = write[order] if len(write) else write, times[order] if len(times) else times
        self._rounds(cuts, bank[order], row[order], write, times, numbers[order])

    def _rounds(
        self,
        cuts: NDArray[np.int64],
        bank: NDArray[np.int64],
        row: NDArray[np.int64],
        write: NDArray[np.uint8],
        times: NDArray[np.int64],
        numbers: NDArray[np.int64],
        until: int = 0,
    ) -> None:
        need = len(bank) + self.waiting
        ends = self._room if need <= len(self._room) else np.empty((need, 2), dtype=np.int64)
        served = kernel(frfcfs, "rounds", SCHEDULED * self._turns(len(bank)))(
            cuts, bank, row, write, times, numbers, until, ends, *self.scheduled
        )  # fmt: skip
        if self._done is not None and served:
            self._late.append(ends[:served].copy() if 2 * served < need or need <= len(self._room) else ends[:served])

    def _turns(self, more: int) -> int:
        """Of the kernels' loops, with `more` requests: in a memory at rest most of them refresh it."""
        return self._requests + more + int(self._count[st.N_REF])

    def _ends(self) -> NDArray[np.int64] | None:
        if self._done is None:
            return None
        if self._late:
            pairs = np.concatenate(self._late)
            ends = np.empty(self._requests, dtype=np.int64)
            ends[pairs[:, 0]] = pairs[:, 1]
        else:
            ends = np.concatenate([*self._done, NONE])
        return ends.reshape(-1, self.bursts).max(axis=1) if self.bursts > 1 else ends

    def _refuse(self, address: NDArray[np.int64], times: NDArray[np.int64], at: int) -> None:
        number = (self._requests + at) // self.bursts
        if not 0 <= address[at] < self.device.capacity_bytes:
            limit = self.device.capacity_bytes
            raise InputError(
                f"request {number}: address {int(address[at])} is outside {self.device.name}, which has {limit} bytes"
            )
        raise InputError(f"request {number}: arrives at cycle {int(times[at])}, before the one ahead of it")


def run_trace(
    device: Device,
    policy: Policy,
    chunks: Iterable[Chunk],
    *,
    bursts: int = 1,
    done_times: bool = False,
    log: int = 0,
) -> Result:
    """The whole trace: chunks of (address, is_write or None, arrival or None), as for `Memory.feed`."""
    memory = Memory(device, policy, bursts=bursts, done_times=done_times, log=log)
    for address, is_write, arrival in chunks:
        memory.feed(address, is_write, arrival)
    return memory.finish()


def timing_vector(device: Device, policy: Policy) -> tuple[int, ...]:
    """The device's timing and the policy as the kernels take them (`pimsim.memory.state`): a tuple, which no store into
    an array can change under a compiler's eyes."""
    t, shape, v = device.timing, device.organisation, np.zeros(st.TIMING_LENGTH, dtype=np.int64)
    mode = MODES[policy.refresh] if t.tREFI else st.NO_REFRESH
    units = {st.PER_BANK: device.banks_per_rank, st.SAME_BANK: shape.banks_per_group}.get(mode, 1)
    duration = {st.PER_BANK: t.tRFC_pb, st.SAME_BANK: t.tRFC_sb}.get(mode, t.tRFC)
    v[st.T_BURST], v[st.T_CL], v[st.T_CWL] = t.burst, t.tCL, t.tCWL
    v[st.T_RCD], v[st.T_RCDW] = t.tRCD, t.tRCD_write or t.tRCD
    v[st.T_RP], v[st.T_RAS], v[st.T_RC] = t.tRP, t.tRAS, t.tRC
    v[st.T_CCDS], v[st.T_CCDL], v[st.T_CCDLW] = t.tCCD_S, t.tCCD_L, t.tCCD_L_write or t.tCCD_L
    v[st.T_RRDS], v[st.T_RRDL], v[st.T_FAW] = t.tRRD_S, t.tRRD_L, t.tFAW
    written = t.tCWL + t.burst
    v[st.T_WRP], v[st.T_WTRS], v[st.T_WTRL] = written + t.tWR, written + t.tWTR_S, written + t.tWTR_L
    v[st.T_RTP], v[st.T_RTW], v[st.T_PPD] = t.tRTP, t.tRTW, t.tPPD
    gap = t.burst + t.tRTRS
    v[st.T_RR], v[st.T_RW], v[st.T_WR] = gap, max(1, t.tCL + gap - t.tCWL), max(1, t.tCWL + gap - t.tCL)
    v[st.T_REFI], v[st.T_RFC], v[st.T_RREFD], v[st.T_PBR] = t.tREFI, duration, t.tRREFD, t.tPBR2PBR
    v[st.T_ACTC], v[st.T_COLC] = t.activate_cycles, t.column_cycles
    v[st.K_BITS], v[st.G_BITS] = shape.banks_per_group.bit_length() - 1, shape.bank_groups.bit_length() - 1
    v[st.R_COUNT], v[st.R_BITS], v[st.U_BITS] = shape.ranks, shape.ranks.bit_length() - 1, units.bit_length() - 1
    v[st.POSTPONE], v[st.MODE] = policy.postpone, mode
    v[st.CLOSED], v[st.CAP] = policy.page == "closed", policy.hit_cap
    return tuple(v.tolist())


def field_table(device: Device, mapping: str) -> tuple[tuple[int, int, int], ...]:
    """(shift in the address, mask, shift in the bank number) of channel, pseudo-channel, rank, group, bank, row."""
    at, bits, place = shifts(device, mapping), widths(device), 0
    rows: list[tuple[int, int, int]] = []
    for name in ("ba", "bg", "ra", "pc", "ch"):
        rows.append((at[name], (1 << bits[name]) - 1, place))
        place += bits[name]
    return (*reversed(rows), (at["ro"], (1 << bits["ro"]) - 1, 0))


def _queues(device: Device, policy: Policy) -> tuple[NDArray[Any], ...]:
    """Empty slots, lists, candidates with their places, and scalars of every channel's queue."""
    size, channels = policy.queue + policy.write_queue, device.channels
    slots = np.zeros((channels, size, frfcfs.SLOT_COLUMNS), dtype=np.int64)
    slots[:, :, frfcfs.S_NEXT] = np.append(np.arange(1, size), -1)
    lanes = 2 * device.organisation.ranks * device.banks_per_rank
    lists = np.full((channels, lanes, frfcfs.LIST_COLUMNS), -1, dtype=np.int64)
    candidates = np.zeros((channels, lanes, frfcfs.CANDIDATE_COLUMNS), dtype=np.int64)
    queue = np.zeros((channels, frfcfs.QUEUE_COLUMNS), dtype=np.int64)
    queue[:, frfcfs.Q_ROOM], queue[:, frfcfs.Q_ROOM + 1] = policy.queue, policy.write_queue
    queue[:, frfcfs.Q_HIGH], queue[:, frfcfs.Q_LOW] = policy.drain_high, policy.drain_low
    return slots, lists, candidates, np.zeros((channels, lanes, 2), dtype=np.uint32), queue


def kernel(module: Any, name: str, size: int) -> Any:
    """A kernel of `module`, compiled where a trace of `size` requests pays for that (`pimsim.jit.suited`)."""
    return suited(size, getattr(module, name), *module.HELPERS)
