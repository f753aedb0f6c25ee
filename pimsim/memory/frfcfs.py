"""First ready, first come, first served over a queue a channel. Plain Python that Numba compiles.

Every bank has cached candidates: the commands that its waiting requests want next (the oldest read and the oldest write
of the open row; else a precharge or an activate for the oldest request). A step looks at the candidates, not at the
queue: it issues the one that is allowed first, the oldest request's among equals. Requests wait in two lists a bank,
reads and writes, in order of age; a lane is one of them (2 x bank, + 1 for writes). With a write buffer both have room
of their own, and only one kind is served at a time.
"""

from __future__ import annotations

from typing import Any

from pimsim.jit import calls_compiled
from pimsim.memory import state as st
from pimsim.memory.state import activate, column, in_unit, next_refresh, note, precharge, refresh

# columns of a queue slot; S_AGE: number of its admission
S_NEXT, S_ROW, S_ID, S_AGE = range(4)
SLOT_COLUMNS = 4
# columns of a lane: head and tail of its list; the slot before its candidate's (-1: it is the head), that slot, the
# command, and its place among the candidates (-1: it has none)
L_HEAD, L_TAIL, L_BEFORE, L_SLOT, L_COMMAND, L_PLACE = range(6)
LIST_COLUMNS = 8
# queue scalars of a channel: first free slot; entries of both kinds; their room; drain marks; candidates; next age
Q_FREE, Q_COUNT, Q_ROOM, Q_HIGH, Q_LOW, Q_ACTIVE, Q_AGE = 0, 1, 3, 5, 6, 7, 8
QUEUE_COLUMNS = 12
# Candidates lie close together, for the one loop that costs: when their bank allows them, and their age with the lane
# below it; in an array of unsigned numbers (no test for negative ones), where the next times of group and rank are.
K_READY, K_KEY = range(2)
CANDIDATE_COLUMNS = 2
LANE_BITS, AGE_BITS = 13, 27
KEY_BITS = LANE_BITS + AGE_BITS
LANE_MASK = (1 << LANE_BITS) - 1
MOST_BANKS, MOST_REQUESTS = 1 << (LANE_BITS - 1), 1 << (AGE_BITS - 2)  # of a channel; of one call
BOTH = 3  # kinds that are served: 1 reads, 2 writes


def drop(lane: int, lists: Any, candidates: Any, where: Any, queue: Any) -> None:
    """The lane has no candidate; the last one takes its place."""
    place = lists[lane, L_PLACE]
    if place >= 0:
        queue[Q_ACTIVE] -= 1
        last = queue[Q_ACTIVE]
        candidates[place, K_READY], candidates[place, K_KEY] = candidates[last, K_READY], candidates[last, K_KEY]
        where[place, 0], where[place, 1] = where[last, 0], where[last, 1]
        lists[candidates[place, K_KEY] & LANE_MASK, L_PLACE] = place
        lists[lane, L_PLACE] = -1


def offer(
    lane: int, b: int, command: int, before: int, slot: int,
    tm: Any, bank: Any, slots: Any, lists: Any, candidates: Any, where: Any, queue: Any,
) -> None:  # fmt: skip
    """The lane's candidate is `command` on bank `b`, for the request in `slot`."""
    place = lists[lane, L_PLACE]
    if place < 0:
        place = queue[Q_ACTIVE]
        lists[lane, L_PLACE] = place
        queue[Q_ACTIVE] += 1
    lists[lane, L_BEFORE] = before
    lists[lane, L_SLOT] = slot
    lists[lane, L_COMMAND] = command
    g = b >> tm[st.K_BITS]
    candidates[place, K_READY] = bank[b, command]
    candidates[place, K_KEY] = (slots[slot, S_AGE] << LANE_BITS) + lane
    where[place, 0] = g * st.GROUP_COLUMNS + command
    where[place, 1] = (g >> tm[st.G_BITS]) * st.RANK_COLUMNS + command


def find(row: int, head: int, slots: Any) -> tuple[int, int]:
    """(slot before it, slot) of the oldest request to `row` from `head` on; -1 where there is none."""
    before, slot = -1, head
    while slot >= 0 and slots[slot, S_ROW] != row:
        before, slot = slot, slots[slot, S_NEXT]
    return before, slot


def choose(
    own: int, b: int, kinds: int, tm: Any, bank: Any, slots: Any, lists: Any, candidates: Any, where: Any, queue: Any
) -> None:
    """Candidates of bank `b` (`own` of its channel) among its requests of the `kinds` that are served; of both while no
    access has been made to its open row, lest it was opened in vain."""
    reads, writes = 2 * own, 2 * own + 1
    if bank[b, st.B_ROW] >= 0 and bank[b, st.B_HITS] == 0:
        kinds = BOTH
    head = lists[reads, L_HEAD] if kinds & 1 else -1
    other = lists[writes, L_HEAD] if kinds & 2 else -1
    if head < 0 and other < 0:
        drop(reads, lists, candidates, where, queue)
        drop(writes, lists, candidates, where, queue)
        return
    # the oldest request, the lane it waits in, and the lane it does not
    oldest, lane, rest = head, reads, writes
    if head < 0 or (other >= 0 and slots[other, S_AGE] < slots[head, S_AGE]):
        oldest, lane, rest = other, writes, reads
    row = bank[b, st.B_ROW]
    if row < 0:
        drop(rest, lists, candidates, where, queue)
        offer(lane, b, st.ACT, -1, oldest, tm, bank, slots, lists, candidates, where, queue)
        return
    before_read, read = find(row, head, slots)
    before_write, write = find(row, other, slots)
    capped = tm[st.CAP] > 0 and bank[b, st.B_HITS] >= tm[st.CAP] and slots[oldest, S_ROW] != row
    if capped or (read < 0 and write < 0):
        drop(rest, lists, candidates, where, queue)
        offer(lane, b, st.PRE, -1, oldest, tm, bank, slots, lists, candidates, where, queue)
        return
    if read < 0:
        drop(reads, lists, candidates, where, queue)
    else:
        offer(reads, b, st.RD, before_read, read, tm, bank, slots, lists, candidates, where, queue)
    if write < 0:
        drop(writes, lists, candidates, where, queue)
    else:
        offer(writes, b, st.WR, before_write, write, tm, bank, slots, lists, candidates, where, queue)


def admit(lane: int, row: int, request: int, slots: Any, lists: Any, queue: Any) -> None:
    """A request enters the list of a lane."""
    slot = queue[Q_FREE]
    queue[Q_FREE] = slots[slot, S_NEXT]
    slots[slot, S_NEXT] = -1
    slots[slot, S_ROW] = row
    slots[slot, S_ID] = request
    slots[slot, S_AGE] = queue[Q_AGE]
    queue[Q_AGE] += 1
    tail = lists[lane, L_TAIL]
    if tail < 0:
        lists[lane, L_HEAD] = slot
    else:
        slots[tail, S_NEXT] = slot
    lists[lane, L_TAIL] = slot
    queue[Q_COUNT + (lane & 1)] += 1


def leave(lane: int, slots: Any, lists: Any, queue: Any) -> None:
    """The candidate of a lane leaves its list."""
    slot, before = lists[lane, L_SLOT], lists[lane, L_BEFORE]
    after = slots[slot, S_NEXT]
    if before < 0:
        lists[lane, L_HEAD] = after
    else:
        slots[before, S_NEXT] = after
    if lists[lane, L_TAIL] == slot:
        lists[lane, L_TAIL] = before
    slots[slot, S_NEXT] = queue[Q_FREE]
    queue[Q_FREE] = slot
    queue[Q_COUNT + (lane & 1)] -= 1


def serving(drain: int, queue: Any) -> int:
    """Which list is served: writes (1) from the high mark on, or while nothing else waits, down to the low mark."""
    reads, writes = queue[Q_COUNT], queue[Q_COUNT + 1]
    if drain == 0 and (writes >= queue[Q_HIGH] or (reads == 0 and writes > 0)):
        return 1
    if drain == 1 and (writes == 0 or (writes <= queue[Q_LOW] and reads > 0)):
        return 0
    return drain


def rejuvenate(slots: Any, lists: Any, candidates: Any, queue: Any) -> None:
    """Counts ages from the oldest waiting request on, so that they stay small."""
    oldest = queue[Q_AGE]
    for lane in range(len(lists)):
        if lists[lane, L_HEAD] >= 0:
            oldest = min(oldest, slots[lists[lane, L_HEAD], S_AGE])
    for slot in range(len(slots)):
        slots[slot, S_AGE] -= oldest
    for place in range(queue[Q_ACTIVE]):
        candidates[place, K_KEY] -= oldest << LANE_BITS
    queue[Q_AGE] -= oldest


def pick(base: int, candidates: Any, where: Any, next_group: Any, next_rank: Any, queue: Any) -> int:
    """Smallest (cycles after `base`, age, lane), as one number, of the candidates; NEVER if there is none."""
    first = st.NEVER
    for place in range(queue[Q_ACTIVE]):
        t = max(base, candidates[place, K_READY], next_group[where[place, 0]], next_rank[where[place, 1]])
        first = min(first, ((t - base) << KEY_BITS) + candidates[place, K_KEY])
    return first


def pick_near_refresh(
    base: int, first_bank: int, tm: Any, rank: Any,
    candidates: Any, where: Any, next_group: Any, next_rank: Any, queue: Any,
) -> int:  # fmt: skip
    """As `pick`, without the banks that an urgent refresh is about to take."""
    first = st.NEVER
    for place in range(queue[Q_ACTIVE]):
        t = max(base, candidates[place, K_READY], next_group[where[place, 0]], next_rank[where[place, 1]])
        b = first_bank + ((candidates[place, K_KEY] & LANE_MASK) >> 1)
        r = b >> (tm[st.K_BITS] + tm[st.G_BITS])
        if t < rank[r, st.R_URGENT] or not in_unit(b, r, tm, rank):
            first = min(first, ((t - base) << KEY_BITS) + candidates[place, K_KEY])
    return first


def schedule(
    c: int, banks: Any, rows: Any, is_write: Any, arrival: Any, numbers: Any, until: int, ends: Any,
    tm: Any, bank: Any, group: Any, rank: Any, channel: Any, count: Any, log: Any,
    slots: Any, lists: Any, candidates: Any, where: Any, queue: Any, next_group: Any, next_rank: Any,
) -> int:  # fmt: skip
    """Takes the requests of channel `c` in, and serves as far as is certain: until the queue has room that a request of
    the next chunk might fill; with `until` not 0, every command before that cycle, nothing else coming before it.

    banks, rows: decoded; numbers: request numbers; arrival and is_write may be empty. ends: (number, end of data) of
    every request that was served. next_group, next_rank: the same memory as group and rank, in one row. Returns how
    many were served.
    """
    n, nth, served = len(banks), 0, 0
    bits = tm[st.K_BITS] + tm[st.G_BITS]
    first_bank = c * tm[st.R_COUNT] << bits
    buffered, timed, writes = queue[Q_ROOM + 1] > 0, len(arrival) > 0, len(is_write) > 0
    now, drain = channel[c, st.C_NOW], channel[c, st.C_DRAIN]
    kinds = 1 << drain if buffered else BOTH
    rejuvenate(slots, lists, candidates, queue)
    while True:
        # 1. requests that have come enter, in order, while there is room for the next one
        comes = st.NEVER
        while nth < n:
            which = 1 if writes and is_write[nth] != 0 else 0
            if buffered and queue[Q_COUNT + which] >= queue[Q_ROOM + which]:
                break
            if not buffered and queue[Q_COUNT] + queue[Q_COUNT + 1] >= queue[Q_ROOM]:
                break
            if timed and arrival[nth] > now:
                comes = arrival[nth]
                break
            b = banks[nth]
            own = b - first_bank
            lane = 2 * own + which
            admit(lane, rows[nth], numbers[nth], slots, lists, queue)
            rank[b >> bits, st.R_QUEUED] += 1
            # An access or an activate that the lane wants already is for an older request.
            if (kinds >> which & 1 or bank[b, st.B_HITS] == 0) and (
                lists[lane, L_PLACE] < 0 or lists[lane, L_COMMAND] == st.PRE
            ):
                choose(own, b, kinds, tm, bank, slots, lists, candidates, where, queue)
            nth += 1
        if nth == n and until > 0:
            comes = until
        waiting = queue[Q_COUNT] + queue[Q_COUNT + 1]
        if buffered:
            room = queue[Q_COUNT] < queue[Q_ROOM] or queue[Q_COUNT + 1] < queue[Q_ROOM + 1]
        else:
            room = waiting < queue[Q_ROOM]
        if nth == n and (waiting == 0 or now >= until if until > 0 else room):
            channel[c, st.C_NOW] = now
            channel[c, st.C_DRAIN] = drain
            return served
        if buffered:
            mode = serving(drain, queue)
            if mode != drain:
                drain = mode
                kinds = 1 << drain
                for own in range(len(lists) // 2):
                    choose(own, own + first_bank, kinds, tm, bank, slots, lists, candidates, where, queue)
        # 2. the candidate that is allowed first; near a refresh, that goes before
        base = max(now, channel[c, st.C_BUS])
        first = pick(base, candidates, where, next_group, next_rank, queue)
        best = base + (first >> KEY_BITS) if first < st.NEVER else st.NEVER
        if min(best, comes) >= channel[c, st.C_HORIZON]:
            first = pick_near_refresh(base, first_bank, tm, rank, candidates, where, next_group, next_rank, queue)
            best = base + (first >> KEY_BITS) if first < st.NEVER else st.NEVER
            t, r, closes = next_refresh(c, now, tm, bank, group, rank, channel)
            if t <= best and t < comes:
                refresh(t, r, closes, tm, bank, group, rank, channel, count, log)
                now = t + 1
                for own in range((r << bits) - first_bank, ((r + 1) << bits) - first_bank):
                    choose(own, own + first_bank, kinds, tm, bank, slots, lists, candidates, where, queue)
                continue
        if comes <= best:
            now = comes
            continue
        # 3. issue it
        lane = first & LANE_MASK
        own, command, slot = lane >> 1, lists[lane, L_COMMAND], lists[lane, L_SLOT]
        b, now, row, request = own + first_bank, best + 1, slots[slot, S_ROW], slots[slot, S_ID]
        if command == st.ACT:
            note(log, count, best, st.ACT, b, row, request)
            activate(best, b, row, tm, bank, group, rank, count)
            channel[c, st.C_BUS] = best + tm[st.T_ACTC]
        elif command == st.PRE:
            note(log, count, best, st.PRE, b, bank[b, st.B_ROW], request)
            precharge(best, b, tm, bank, rank)
            rank[b >> bits, st.R_PRE] = best + tm[st.T_PPD]
            channel[c, st.C_BUS] = best + 1
            count[st.N_PRE] += 1
            count[st.N_CONFLICTS] += 1
        else:
            write, auto = command == st.WR, False
            if tm[st.CLOSED] == 1:  # closed with the last access that waits: those of this lane stand behind it
                auto = find(row, slots[slot, S_NEXT], slots)[1] < 0
                if auto and kinds == BOTH:
                    auto = find(row, lists[lane ^ 1, L_HEAD], slots)[1] < 0
            note(
                log, count, best, (st.WRA if auto else st.WR) if write else (st.RDA if auto else st.RD), b, row, request
            )
            leave(lane, slots, lists, queue)
            rank[b >> bits, st.R_QUEUED] -= 1
            ends[served, 0] = request
            ends[served, 1] = column(best, b, write, auto, tm, bank, group, rank, channel, count)
            served += 1
        choose(own, b, kinds, tm, bank, slots, lists, candidates, where, queue)


def rounds(
    cuts: Any, banks: Any, rows: Any, is_write: Any, arrival: Any, numbers: Any, until: int, ends: Any,
    tm: Any, bank: Any, group: Any, rank: Any, channel: Any, count: Any, log: Any,
    slots: Any, lists: Any, candidates: Any, where: Any, queues: Any, next_group: Any, next_rank: Any,
) -> int:  # fmt: skip
    """`schedule` of one channel after the other, each with its own part of the queues: channel c takes in the requests
    from cuts[c] to cuts[c + 1]. One without any has nothing to do, unless with `until` something waits in it."""
    served = 0
    for c in range(len(queues)):
        first, last = cuts[c], cuts[c + 1]
        if first < last or (until > 0 and queues[c][Q_COUNT] + queues[c][Q_COUNT + 1] > 0):
            served += schedule(
                c, banks[first:last], rows[first:last], is_write[first:last], arrival[first:last],
                numbers[first:last], until, ends[served:], tm, bank, group, rank, channel, count, log,
                slots[c], lists[c], candidates[c], where[c], queues[c], next_group, next_rank,
            )  # fmt: skip
    return served


SCHEDULE = (
    *st.HELPERS, drop, offer, find, choose, admit, leave, serving, rejuvenate, pick, pick_near_refresh
)  # fmt: skip
HELPERS = (*SCHEDULE, schedule)
calls_compiled(schedule, *SCHEDULE)  # its loop is a twentieth faster than inside another
