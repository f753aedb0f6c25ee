"""What the kernels remember of a memory, and what each command changes in it. Plain Python that Numba compiles.

State is arrays of int64. For every bank, bank group and rank they hold the first cycle at which each command is allowed
again ("next" times); a command is allowed when the times of its bank, its group and its rank have passed. Banks are
numbered channel, rank, group, bank; group = bank >> K_BITS, rank = group >> G_BITS. The rules themselves, pair by pair
and with the clauses of the standard, stand a second time in `pimsim.memory.rules`, for the checker and the reference.
"""

from __future__ import annotations

from typing import Any

NEVER = 1 << 62
MOST_BANKS = 1 << 16  # of a memory (`pimsim.memory.device`)

# commands, as in a command log; for an access without and with auto-precharge
ACT, PRE, RD, WR, RDA, WRA, PREU, REF = range(8)

# timing vector
(
    T_BURST, T_CL, T_CWL, T_RCD, T_RCDW, T_RP, T_RAS, T_RC, T_CCDS, T_CCDL, T_CCDLW, T_RRDS, T_RRDL, T_FAW, T_WRP,
    T_WTRS, T_WTRL, T_RTP, T_RTW, T_RR, T_RW, T_WR, T_PPD, T_REFI, T_RFC, T_RREFD, T_PBR, T_ACTC, T_COLC,
    K_BITS, G_BITS, R_COUNT, U_BITS, POSTPONE, MODE, CLOSED, CAP, R_BITS,
) = range(38)  # fmt: skip
TIMING_LENGTH = 38

ALL_BANK, PER_BANK, SAME_BANK, NO_REFRESH = range(4)

# Next times come first, in the order of the commands, so that a command is the column of its own next time.
# columns of a bank
B_ACT, B_PRE, B_RD, B_WR, B_ROW, B_HITS = range(6)
BANK_COLUMNS = 8
# columns of a group (G_PRE stays 0)
G_ACT, G_PRE, G_RD, G_WR = range(4)
GROUP_COLUMNS = 4
# columns of a rank: next times; four last activates + tFAW; refresh; open banks and since when
R_ACT, R_PRE, R_RD, R_WR, R_FAW = range(5)
R_FAW_AT, R_REFRESHED, R_DUE, R_URGENT, R_REF, R_OPEN, R_SINCE, R_CLOSE, R_QUEUED = range(8, 17)
RANK_COLUMNS = 24
# columns of a channel: first free command slot, first cycle at which the next request may enter, first refresh due,
# end of the last data read and written, writes being drained, arrival of the last request (of channel 0: of all)
C_BUS, C_NOW, C_HORIZON, C_READ, C_WRITTEN, C_DRAIN, C_ARRIVAL = range(7)
CHANNEL_COLUMNS = 8
# counters
N_ACT, N_PRE, N_RD, N_WR, N_PREU, N_REF, N_HITS, N_CONFLICTS, N_ACTIVE, N_LOG = range(10)
COUNTERS = 16
LOG_COLUMNS = 5  # cycle, command, bank (first of the unit), row or unit, request


def note(log: Any, count: Any, t: int, command: int, bank: int, row: int, request: int) -> None:
    """One line of the command log, if there is one; lines that do not fit are counted all the same."""
    if len(log) > 0:
        n = count[N_LOG]
        if n < len(log):
            log[n, 0] = t
            log[n, 1] = command
            log[n, 2] = bank
            log[n, 3] = row
            log[n, 4] = request
        count[N_LOG] = n + 1


def activate(t: int, b: int, row: int, tm: Any, bank: Any, group: Any, rank: Any, count: Any) -> None:
    g = b >> tm[K_BITS]
    r = g >> tm[G_BITS]
    bank[b, B_ROW] = row
    bank[b, B_HITS] = 0
    bank[b, B_RD] = t + tm[T_RCD]
    bank[b, B_WR] = t + tm[T_RCDW]
    bank[b, B_PRE] = t + tm[T_RAS]
    bank[b, B_ACT] = t + tm[T_RC]
    group[g, G_ACT] = t + tm[T_RRDL]
    open_window(t, r, tm[T_RRDS], tm, rank)
    if rank[r, R_OPEN] == 0 and t > rank[r, R_CLOSE]:
        count[N_ACTIVE] += rank[r, R_CLOSE] - rank[r, R_SINCE]
        rank[r, R_SINCE] = t
        rank[r, R_CLOSE] = t
    rank[r, R_OPEN] += 1
    count[N_ACT] += 1


def open_window(t: int, r: int, distance: int, tm: Any, rank: Any) -> None:
    """An activate of rank `r`, or what counts as one: the next stands `distance` behind it, and tFAW behind the oldest
    of the four last ones."""
    at = rank[r, R_FAW_AT]
    rank[r, R_FAW + at] = t + tm[T_FAW]
    at = (at + 1) & 3
    rank[r, R_FAW_AT] = at
    rank[r, R_ACT] = max(rank[r, R_ACT], t + distance, rank[r, R_FAW + at])


def precharge(t: int, b: int, tm: Any, bank: Any, rank: Any) -> None:
    r = b >> (tm[K_BITS] + tm[G_BITS])
    bank[b, B_ROW] = -1
    bank[b, B_ACT] = max(bank[b, B_ACT], t + tm[T_RP])
    rank[r, R_OPEN] -= 1
    rank[r, R_CLOSE] = max(rank[r, R_CLOSE], t)


def column(
    t: int, b: int, write: bool, auto: bool, tm: Any, bank: Any, group: Any, rank: Any, channel: Any, count: Any
) -> int:
    """A read or write at `t`, with auto-precharge if `auto`; returns the cycle after its last data beat."""
    g = b >> tm[K_BITS]
    r = g >> tm[G_BITS]
    c = r >> tm[R_BITS]
    if bank[b, B_HITS] > 0:
        count[N_HITS] += 1
    bank[b, B_HITS] += 1
    kind, other = (WR, RD) if write else (RD, WR)
    group[g, kind] = t + (tm[T_CCDLW] if write else tm[T_CCDL])
    group[g, other] = max(group[g, other], t + (tm[T_WTRL] if write else tm[T_RTW]))
    rank[r, kind] = t + tm[T_CCDS]
    rank[r, other] = max(rank[r, other], t + (tm[T_WTRS] if write else tm[T_RTW]))
    bank[b, B_PRE] = max(bank[b, B_PRE], t + (tm[T_WRP] if write else tm[T_RTP]))
    done = t + (tm[T_CWL] if write else tm[T_CL]) + tm[T_BURST]
    count[N_WR if write else N_RD] += 1
    if tm[R_COUNT] > 1:
        hand_over(t, r, write, tm, rank)
    if auto:
        precharge(bank[b, B_PRE], b, tm, bank, rank)
    channel[c, C_BUS] = t + tm[T_COLC]
    channel[c, C_WRITTEN if write else C_READ] = done
    return done  # type: ignore[no-any-return]


def hand_over(t: int, r: int, write: bool, tm: Any, rank: Any) -> None:
    """The other ranks of the channel take over the data bus behind the access of rank `r` at `t`."""
    # T_RR serves both kinds: the data bus is handed from rank to rank with a gap.
    read, written = t + (tm[T_WR] if write else tm[T_RR]), t + (tm[T_RR] if write else tm[T_RW])
    for bits in range(1, tm[R_COUNT]):
        other = (r ^ bits) & (MOST_BANKS - 1)  # the mask tells the compiler that it is not negative
        rank[other, R_RD] = max(rank[other, R_RD], read)
        rank[other, R_WR] = max(rank[other, R_WR], written)


def first_of_unit(r: int, tm: Any, rank: Any) -> int:
    """First bank of what rank `r` refreshes next."""
    if tm[MODE] == ALL_BANK:
        return r << (tm[K_BITS] + tm[G_BITS])  # type: ignore[no-any-return]
    return (r << (tm[K_BITS] + tm[G_BITS])) + (rank[r, R_REFRESHED] & ((1 << tm[U_BITS]) - 1))  # type: ignore[no-any-return]


def in_unit(b: int, r: int, tm: Any, rank: Any) -> bool:
    """Whether bank `b` of rank `r` belongs to what is refreshed next."""
    if tm[MODE] == ALL_BANK:
        return True
    if tm[MODE] == PER_BANK:
        return bool(b == first_of_unit(r, tm, rank))
    return bool((b & ((1 << tm[K_BITS]) - 1)) == (rank[r, R_REFRESHED] & ((1 << tm[U_BITS]) - 1)))


def refresh_time(r: int, tm: Any, bank: Any, group: Any, rank: Any) -> int:
    """First cycle at which rank `r` may take the next command of its refresh: a precharge of the unit's banks while one
    is open (returned as it is), then the refresh itself (returned as -1 - cycle)."""
    first, per_rank = first_of_unit(r, tm, rank), 1 << (tm[K_BITS] + tm[G_BITS])
    stop = first + 1 if tm[MODE] == PER_BANK else (r + 1) * per_rank
    step = 1 << tm[K_BITS] if tm[MODE] == SAME_BANK else 1
    close, ready, is_open = rank[r, R_PRE], max(rank[r, R_ACT], rank[r, R_REF]), False
    for b in range(first, stop, step):
        if bank[b, B_ROW] >= 0:
            is_open = True
            close = max(close, bank[b, B_PRE])
        ready = max(ready, bank[b, B_ACT], group[b >> tm[K_BITS], G_ACT])
    return close if is_open else -1 - ready  # type: ignore[no-any-return]


def refresh(
    t: int, r: int, is_precharge: bool, tm: Any, bank: Any, group: Any, rank: Any, channel: Any, count: Any, log: Any
) -> None:
    """The command that `refresh_time` found, at `t`."""
    first, per_rank = first_of_unit(r, tm, rank), 1 << (tm[K_BITS] + tm[G_BITS])
    stop = first + 1 if tm[MODE] == PER_BANK else (r + 1) * per_rank
    step = 1 << tm[K_BITS] if tm[MODE] == SAME_BANK else 1
    c = r >> tm[R_BITS]
    channel[c, C_BUS] = t + 1
    if is_precharge:
        for b in range(first, stop, step):
            if bank[b, B_ROW] >= 0:
                precharge(t, b, tm, bank, rank)
        rank[r, R_PRE] = t + tm[T_PPD]
        count[N_PREU] += 1
        note(log, count, t, PREU, first, rank[r, R_REFRESHED], -1)
        return
    for b in range(first, stop, step):
        bank[b, B_ACT] = t + tm[T_RFC]
    if tm[MODE] != ALL_BANK:
        open_window(t, r, tm[T_RREFD], tm, rank)
        rank[r, R_REF] = t + tm[T_PBR]
    note(log, count, t, REF, first, rank[r, R_REFRESHED], -1)
    rank[r, R_REFRESHED] += 1
    count[N_REF] += 1
    could_not_wait = t >= rank[r, R_URGENT]
    set_due(r, tm, rank)
    if could_not_wait and t >= rank[r, R_DUE]:  # one after the other, until nothing is owed
        rank[r, R_URGENT] = rank[r, R_DUE]
    horizon = NEVER
    for other in range(c * tm[R_COUNT], (c + 1) * tm[R_COUNT]):
        horizon = min(horizon, rank[other, R_DUE])
    channel[c, C_HORIZON] = horizon


def set_due(r: int, tm: Any, rank: Any) -> None:
    """When the next refresh of rank `r` is due, and when it can no longer be postponed. Ranks take turns."""
    if tm[MODE] == NO_REFRESH:
        rank[r, R_DUE] = NEVER
        rank[r, R_URGENT] = NEVER
        return
    offset = (r % tm[R_COUNT]) * tm[T_REFI] // tm[R_COUNT]
    owed = rank[r, R_REFRESHED] + 1
    rank[r, R_DUE] = offset + (owed * tm[T_REFI] >> tm[U_BITS])
    rank[r, R_URGENT] = offset + ((owed + tm[POSTPONE]) * tm[T_REFI] >> tm[U_BITS])


def next_refresh(c: int, now: int, tm: Any, bank: Any, group: Any, rank: Any, channel: Any) -> tuple[int, int, bool]:
    """(cycle, rank, whether a precharge) of the first refresh command of channel `c` from `now` on: of an urgent one,
    or of one that is due on a rank for which nothing waits. At the same cycle the lowest rank goes first."""
    best, chosen, closes = NEVER, -1, False
    for r in range(c * tm[R_COUNT], (c + 1) * tm[R_COUNT]):
        begin = rank[r, R_URGENT] if rank[r, R_QUEUED] > 0 else rank[r, R_DUE]
        if begin >= best:
            continue
        t = refresh_time(r, tm, bank, group, rank)
        is_precharge = t >= 0
        t = max(now, channel[c, C_BUS], begin, t if is_precharge else -1 - t)
        if t < best:
            best, chosen, closes = t, r, is_precharge
    return best, chosen, closes


HELPERS = (
    note, open_window, activate, precharge, hand_over, column, first_of_unit, in_unit, refresh_time, set_due, refresh,
    next_refresh,
)  # fmt: skip
