"""First come, first served: each channel looks at its oldest request only. Plain Python that Numba compiles.

The commands of a request follow each other as soon as they are allowed, so its cycles are a few maxima; only a request
that reaches the next refresh (the channel's horizon) is taken step by step. The same answers as a queue of one entry in
`pimsim.memory.frfcfs` and in the reference.
"""

from __future__ import annotations

from typing import Any

from pimsim.memory.state import (
    ACT,
    B_ACT,
    B_PRE,
    B_RD,
    B_ROW,
    B_WR,
    C_ARRIVAL,
    C_BUS,
    C_HORIZON,
    C_NOW,
    CLOSED,
    G_ACT,
    G_BITS,
    G_RD,
    G_WR,
    K_BITS,
    N_CONFLICTS,
    N_PRE,
    NEVER,
    PRE,
    R_ACT,
    R_BITS,
    R_PRE,
    R_QUEUED,
    R_RD,
    R_URGENT,
    R_WR,
    RD,
    RDA,
    T_ACTC,
    T_PPD,
    T_RCD,
    T_RCDW,
    T_RP,
    WR,
    WRA,
    activate,
    column,
    in_unit,
    next_refresh,
    note,
    precharge,
    refresh,
)
from pimsim.memory.state import (
    HELPERS as STATE_HELPERS,
)


def step_by_step(
    arrival: int, b: int, row: int, write: bool, request: int,
    tm: Any, bank: Any, group: Any, rank: Any, channel: Any, count: Any, log: Any,
) -> int:  # fmt: skip
    """One request with the refreshes before and between its commands; returns the end of its data."""
    g = b >> tm[K_BITS]
    r = g >> tm[G_BITS]
    c = r >> tm[R_BITS]
    now = channel[c, C_NOW]
    while now < arrival:  # nothing waits: what is due is refreshed
        t, other, closes = next_refresh(c, now, tm, bank, group, rank, channel)
        if t >= arrival:
            now = arrival
        else:
            refresh(t, other, closes, tm, bank, group, rank, channel, count, log)
            now = t + 1
    rank[r, R_QUEUED] = 1
    command = (WRA if write else RDA) if tm[CLOSED] else (WR if write else RD)
    while True:
        t, other, closes = next_refresh(c, now, tm, bank, group, rank, channel)
        now = max(now, channel[c, C_BUS])
        if bank[b, B_ROW] == row:
            if write:
                ready = max(now, bank[b, B_WR], group[g, G_WR], rank[r, R_WR])
            else:
                ready = max(now, bank[b, B_RD], group[g, G_RD], rank[r, R_RD])
        elif bank[b, B_ROW] >= 0:
            ready = max(now, bank[b, B_PRE], rank[r, R_PRE])
        else:
            ready = max(now, bank[b, B_ACT], group[g, G_ACT], rank[r, R_ACT])
        if ready >= rank[r, R_URGENT] and in_unit(b, r, tm, rank):
            ready = NEVER
        if t <= ready:
            refresh(t, other, closes, tm, bank, group, rank, channel, count, log)
            now = t + 1
            continue
        now = ready + 1
        if bank[b, B_ROW] == row:
            note(log, count, ready, command, b, row, request)
            done = column(ready, b, write, tm[CLOSED] == 1, tm, bank, group, rank, channel, count)
            break
        if bank[b, B_ROW] >= 0:
            note(log, count, ready, PRE, b, bank[b, B_ROW], request)
            precharge(ready, b, tm, bank, rank)
            rank[r, R_PRE] = ready + tm[T_PPD]
            channel[c, C_BUS] = ready + 1
            count[N_PRE] += 1
            count[N_CONFLICTS] += 1
        else:
            note(log, count, ready, ACT, b, row, request)
            activate(ready, b, row, tm, bank, group, rank, count)
            channel[c, C_BUS] = ready + tm[T_ACTC]
    rank[r, R_QUEUED] = 0
    channel[c, C_NOW] = now
    return done


def serve(
    address: Any, is_write: Any, arrival: Any, fields: Any, capacity: int, first: int, done: Any,
    tm: Any, bank: Any, group: Any, rank: Any, channel: Any, count: Any, log: Any,
) -> int:  # fmt: skip
    """Serves the requests in order, `first` being the number of the first one; is_write, arrival and done may be empty.

    fields: (shift, mask) of the channel, pseudo-channel, rank, group, bank, row fields of an address, with the shift of
    each in the bank number. Returns how many were served: fewer than all where one is out of range or out of order.
    """
    writes, timed, wanted = len(is_write) > 0, len(arrival) > 0, len(done) > 0
    (s0, m0, p0), (s1, m1, p1), (s2, m2, p2), (s3, m3, p3), (s4, m4, _), (s5, m5, _) = fields
    for i in range(len(address)):
        a = address[i]
        if a < 0 or a >= capacity:
            return i
        b = ((a >> s0) & m0) << p0 | ((a >> s1) & m1) << p1 | ((a >> s2) & m2) << p2 | ((a >> s3) & m3) << p3
        b |= (a >> s4) & m4
        row = (a >> s5) & m5
        write = writes and is_write[i] != 0
        g = b >> tm[K_BITS]
        r = g >> tm[G_BITS]
        c = r >> tm[R_BITS]
        comes = 0
        if timed:
            comes = arrival[i]
            if comes < channel[0, C_ARRIVAL]:
                return i
            channel[0, C_ARRIVAL] = comes
        command = (WRA if write else RDA) if tm[CLOSED] else (WR if write else RD)
        was = bank[b, B_ROW]
        free = max(comes, channel[c, C_BUS])  # behind the column command of the request before
        rw = max(group[g, G_WR], rank[r, R_WR]) if write else max(group[g, G_RD], rank[r, R_RD])
        if was == row:
            t = max(free, rw, bank[b, B_WR] if write else bank[b, B_RD])
            shut, opened = 0, 0
        else:
            shut = max(free, bank[b, B_PRE], rank[r, R_PRE])
            opened = max(free, bank[b, B_ACT], group[g, G_ACT], rank[r, R_ACT])
            if was >= 0:
                opened = max(opened, shut + tm[T_RP], shut + 1)
            t = max(opened + (tm[T_RCDW] if write else tm[T_RCD]), opened + tm[T_ACTC], rw)
        if t >= channel[c, C_HORIZON]:
            end = step_by_step(comes, b, row, write, first + i, tm, bank, group, rank, channel, count, log)
        else:
            if was != row:
                if was >= 0:
                    note(log, count, shut, PRE, b, was, first + i)
                    precharge(shut, b, tm, bank, rank)
                    rank[r, R_PRE] = shut + tm[T_PPD]
                    count[N_PRE] += 1
                    count[N_CONFLICTS] += 1
                note(log, count, opened, ACT, b, row, first + i)
                activate(opened, b, row, tm, bank, group, rank, count)
            note(log, count, t, command, b, row, first + i)
            end = column(t, b, write, tm[CLOSED] == 1, tm, bank, group, rank, channel, count)
            channel[c, C_NOW] = t + 1
        if wanted:
            done[i] = end
    return len(address)


HELPERS = (*STATE_HELPERS, step_by_step)
