"""First come, first served: each channel looks at its oldest request only. Plain Python that Numba compiles.

The commands of a request follow each other as soon as they are allowed, so its cycles are a few maxima; only a request
that reaches the next refresh (the channel's horizon) is taken step by step. The same answers as a queue of one entry in
`pimsim.memory.frfcfs` and in the reference.
"""

from __future__ import annotations

from typing import Any

from pimsim.memory import state as st
from pimsim.memory.address import places
from pimsim.memory.state import activate, column, hand_over, in_unit, next_refresh, note, precharge, refresh

BLOCK = 512
"""Requests whose banks and rows are worked out at once: they stay in the first-level cache."""
# Masks that change nothing tell the compiler that an index is not negative.
BLOCK_MASK, BANK_MASK = BLOCK - 1, st.MOST_BANKS - 1


def step_by_step(
    arrival: int, b: int, row: int, write: bool, request: int,
    tm: Any, bank: Any, group: Any, rank: Any, channel: Any, count: Any, log: Any,
) -> int:  # fmt: skip
    """One request with the refreshes before and between its commands; returns the end of its data."""
    g = b >> tm[st.K_BITS]
    r = g >> tm[st.G_BITS]
    c = r >> tm[st.R_BITS]
    now = channel[c, st.C_BUS]
    while now < arrival:  # nothing waits: what is due is refreshed
        t, other, closes = next_refresh(c, now, tm, bank, group, rank, channel)
        if t >= arrival:
            now = arrival
        else:
            refresh(t, other, closes, tm, bank, group, rank, channel, count, log)
            now = t + 1
    rank[r, st.R_QUEUED] = 1
    kind = st.WR if write else st.RD
    while True:
        t, other, closes = next_refresh(c, now, tm, bank, group, rank, channel)
        was = bank[b, st.B_ROW]
        command = kind if was == row else st.PRE if was >= 0 else st.ACT
        ready = max(now, channel[c, st.C_BUS], bank[b, command], group[g, command], rank[r, command])
        if ready >= rank[r, st.R_URGENT] and in_unit(b, r, tm, rank):
            ready = st.NEVER
        if t <= ready:
            refresh(t, other, closes, tm, bank, group, rank, channel, count, log)
            now = t + 1
            continue
        now = ready + 1
        if command == st.PRE:
            note(log, count, ready, st.PRE, b, was, request)
            precharge(ready, b, tm, bank, rank)
            rank[r, st.R_PRE] = ready + tm[st.T_PPD]
            channel[c, st.C_BUS] = ready + 1
            count[st.N_PRE] += 1
            count[st.N_CONFLICTS] += 1
        elif command == st.ACT:
            note(log, count, ready, st.ACT, b, row, request)
            activate(ready, b, row, tm, bank, group, rank, count)
            channel[c, st.C_BUS] = ready + tm[st.T_ACTC]
        else:
            note(log, count, ready, kind + 2 * tm[st.CLOSED], b, row, request)
            rank[r, st.R_QUEUED] = 0
            return column(ready, b, write, tm[st.CLOSED] == 1, tm, bank, group, rank, channel, count)


def rush(
    begin: int, end: int, offset: int, banks: Any, rows: Any, is_write: Any, arrival: Any, first: int, done: Any,
    tm: Any, bank: Any, rank: Any, count: Any, log: Any, of_bank: Any, of_group: Any, of_rank: Any, of_channel: Any,
    writes: bool, timed: bool, wanted: bool, logged: bool, closed: bool, several: bool,
) -> int:  # fmt: skip
    """Serves requests `begin` to `end` of a block (which is number `offset` of the call), up to one that reaches its
    channel's horizon; returns where it stopped.

    What `activate`, `precharge` and `column` do, with a request's state loaded first and stored last, and without what
    is written twice. of_bank and so on: the same memory as bank and so on, in one row. writes, timed, wanted, logged:
    whether is_write, arrival, done, log are there; several: ranks a channel. Where False is written out in the call,
    the compiler leaves out what it excludes.
    """
    hits, opened_closed, wrote, comes, served = 0, 0, 0, 0, end
    rcd, rcdw, bits = max(tm[st.T_RCD], tm[st.T_ACTC]), max(tm[st.T_RCDW], tm[st.T_ACTC]), tm[st.K_BITS]
    for i in range(begin, end):
        place, row = banks[i & BLOCK_MASK] & BANK_MASK, rows[i & BLOCK_MASK]
        g = place >> bits
        r = g >> tm[st.G_BITS]
        c = (r >> tm[st.R_BITS]) * st.CHANNEL_COLUMNS
        b, g, r = place * st.BANK_COLUMNS, g * st.GROUP_COLUMNS, r * st.RANK_COLUMNS
        write = writes and is_write[offset + i] != 0
        kind = st.WR if write else st.RD
        if timed:
            comes = arrival[offset + i]
        was, closing = of_bank[b + st.B_ROW], of_bank[b + st.B_PRE]
        free = max(comes, of_channel[c + st.C_BUS])  # behind the column command of the request before
        allowed = max(of_group[g + kind], of_rank[r + kind])
        shut, opened = 0, 0
        if was == row:
            t = max(free, allowed, of_bank[b + kind])
        else:
            if was >= 0:
                shut = max(free, closing, of_rank[r + st.R_PRE])
                free = shut + tm[st.T_RP]
            opened = max(free, of_bank[b + st.B_ACT], of_group[g + st.G_ACT], of_rank[r + st.R_ACT])
            t = max(opened + (rcdw if write else rcd), allowed)
            closing = opened + tm[st.T_RAS]
        if t >= of_channel[c + st.C_HORIZON]:
            served = i
            break
        if was == row:
            hits += 1
        else:
            at = of_rank[r + st.R_FAW_AT] & 3
            after = (at + 1) & 3
            oldest = of_rank[r + st.R_FAW + after]
            if was >= 0:
                of_rank[r + st.R_PRE] = shut + tm[st.T_PPD]
                of_rank[r + st.R_CLOSE] = shut
                if of_rank[r + st.R_OPEN] == 1:  # the only row that was open in the rank
                    count[st.N_ACTIVE] += shut - of_rank[r + st.R_SINCE]
                    of_rank[r + st.R_SINCE] = opened
                    of_rank[r + st.R_CLOSE] = opened
            else:
                opened_closed += 1
                if of_rank[r + st.R_OPEN] == 0 and opened > of_rank[r + st.R_CLOSE]:
                    count[st.N_ACTIVE] += of_rank[r + st.R_CLOSE] - of_rank[r + st.R_SINCE]
                    of_rank[r + st.R_SINCE] = opened
                    of_rank[r + st.R_CLOSE] = opened
                of_rank[r + st.R_OPEN] += 1
            of_bank[b + st.B_ACT] = opened + tm[st.T_RC]
            of_bank[b + st.B_RD] = opened + tm[st.T_RCD]
            of_bank[b + st.B_WR] = opened + tm[st.T_RCDW]
            of_bank[b + st.B_ROW] = row
            of_bank[b + st.B_HITS] = 1
            of_group[g + st.G_ACT] = opened + tm[st.T_RRDL]
            of_rank[r + st.R_FAW + at] = opened + tm[st.T_FAW]
            of_rank[r + st.R_FAW_AT] = after
            of_rank[r + st.R_ACT] = max(opened + tm[st.T_RRDS], oldest)
        if write:
            wrote += 1
            of_group[g + st.G_WR] = t + tm[st.T_CCDLW]
            of_group[g + st.G_RD] = t + tm[st.T_WTRL]
            of_rank[r + st.R_WR] = t + tm[st.T_CCDS]
            of_rank[r + st.R_RD] = max(of_rank[r + st.R_RD], t + tm[st.T_WTRS])
            closing = max(closing, t + tm[st.T_WRP])
            data = t + tm[st.T_CWL] + tm[st.T_BURST]
            of_channel[c + st.C_WRITTEN] = data
        else:
            of_group[g + st.G_RD] = t + tm[st.T_CCDL]
            of_rank[r + st.R_RD] = t + tm[st.T_CCDS]
            of_rank[r + st.R_WR] = max(of_rank[r + st.R_WR], t + tm[st.T_RTW])
            closing = max(closing, t + tm[st.T_RTP])
            data = t + tm[st.T_CL] + tm[st.T_BURST]
            of_channel[c + st.C_READ] = data
        of_bank[b + st.B_PRE] = closing
        of_channel[c + st.C_BUS] = t + tm[st.T_COLC]
        if several:
            hand_over(t, place >> (bits + tm[st.G_BITS]), write, tm, rank)
        if closed:
            precharge(closing, place, tm, bank, rank)
        if wanted:
            done[offset + i] = data
        if logged:
            number = first + offset + i
            if was != row:
                if was >= 0:
                    note(log, count, shut, st.PRE, place, was, number)
                note(log, count, opened, st.ACT, place, row, number)
            note(log, count, t, kind + 2 * tm[st.CLOSED], place, row, number)
    count[st.N_HITS] += hits
    count[st.N_ACT] += served - begin - hits
    count[st.N_PRE] += served - begin - hits - opened_closed
    count[st.N_CONFLICTS] += served - begin - hits - opened_closed
    count[st.N_RD] += served - begin - wrote
    count[st.N_WR] += wrote
    return served


def serve(
    address: Any, is_write: Any, arrival: Any, fields: Any, capacity: int, first: int, done: Any,
    tm: Any, bank: Any, group: Any, rank: Any, channel: Any, count: Any, log: Any,
    of_bank: Any, of_group: Any, of_rank: Any, of_channel: Any, banks: Any, rows: Any,
) -> int:  # fmt: skip
    """Serves the requests in order, `first` being the number of the first one; is_write, arrival and done may be empty.

    fields, capacity: as for `places`. of_bank and so on: as for `rush`. banks, rows: room for BLOCK numbers. Returns
    how many were served: fewer than all where one is out of range or out of order.
    """
    writes, timed, wanted, logged = len(is_write) > 0, len(arrival) > 0, len(done) > 0, len(log) > 0
    closed, several = tm[st.CLOSED] == 1, tm[st.R_COUNT] > 1
    plain = not (writes or timed or wanted or logged or closed)
    for offset in range(0, len(address), BLOCK):
        size, latest = min(BLOCK, len(address) - offset), channel[0, st.C_ARRIVAL]
        block = slice(offset, offset + size)
        good = places(address[block], arrival[block], fields, capacity, latest, banks, rows)
        if timed and good > 0:
            channel[0, st.C_ARRIVAL] = arrival[offset + good - 1]
        i = 0
        while True:
            if plain:
                i = rush(
                    i, good, offset, banks, rows, is_write, arrival, first, done,
                    tm, bank, rank, count, log, of_bank, of_group, of_rank, of_channel,
                    False, False, False, False, False, several,
                )  # fmt: skip
            else:
                i = rush(
                    i, good, offset, banks, rows, is_write, arrival, first, done,
                    tm, bank, rank, count, log, of_bank, of_group, of_rank, of_channel,
                    writes, timed, wanted, logged, closed, several,
                )  # fmt: skip
            if i >= good:
                break
            at = offset + i
            comes, write = arrival[at] if timed else 0, writes and is_write[at] != 0
            data = step_by_step(comes, banks[i], rows[i], write, first + at, tm, bank, group, rank, channel, count, log)
            if wanted:
                done[at] = data
            i += 1
        if good < size:
            return offset + good
    return len(address)


HELPERS = (*st.HELPERS, places, step_by_step, rush)
