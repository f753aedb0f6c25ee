"""Loops of reduction near the banks: queues, caches, cores. Plain Python that Numba compiles."""

from __future__ import annotations

from typing import Any

Array = Any
HELPERS = ()


def in_turn(order: Array, ready: Array, server: Array, service: Array, free: Array, end: Array) -> None:
    """End of every job: those of one server are done one after another, in `order`. free: when each server is."""
    for k in range(len(order)):
        i = order[k]
        s = server[i]
        start = ready[i] if ready[i] > free[s] else free[s]
        free[s] = start + service[i]
        end[i] = free[s]


def cached(
    unit: Array, row: Array, number: Array, sets: int, ways: int, tags: Array, used: Array, clock: Array, hit: Array
) -> None:
    """Which rows a unit finds in its cache of sets x ways rows, least recently used out first. number: modulo sets, the
    set of every row. tags (-1: empty), used: of every unit, set and way in a line. clock[0]: rows looked up so far."""
    for i in range(len(row)):
        first = (unit[i] * sets + number[i] % sets) * ways
        taken = first
        hit[i] = 0
        for at in range(first, first + ways):
            if tags[at] == row[i]:
                taken = at
                hit[i] = 1
                break
            if used[at] < used[taken]:
                taken = at
        clock[0] += 1
        tags[taken] = row[i]
        used[taken] = clock[0]


def evened(bag: Array, unit: Array, hot: Array, load: Array, stamp: Array) -> None:
    """Hot rows, of which every unit has a copy, go one by one to the unit with the fewest rows of their bag (the lowest
    of equals). bag: never goes back. unit: of every row, changed. load: rows of a bag in each unit, stamp: its bag."""
    begin = 0
    while begin < len(bag):
        end = begin
        while end < len(bag) and bag[end] == bag[begin]:
            if hot[end] == 0:
                u = unit[end]
                load[u] = load[u] + 1 if stamp[u] == bag[begin] else 1
                stamp[u] = bag[begin]
            end += 1
        for i in range(begin, end):
            if hot[i] == 0:
                continue
            best, least = 0, -1
            for u in range(len(load)):
                rows = load[u] if stamp[u] == bag[begin] else 0
                if least < 0 or rows < least:
                    best, least = u, rows
                if least == 0:
                    break
            unit[i], load[best], stamp[best] = best, least + 1, bag[begin]
        begin = end


def on_cores(
    core: Array, ready: Array, dma: Array, add: Array, threads: int, thread: Array, engine: Array, end: Array
) -> None:
    """End of every row that cores look up and add, in cycles. Rows of a core are taken in order by whichever of its
    `threads` is free first; a transfer (`dma` cycles) waits for the core's one engine, then the thread adds (`add`
    cycles). thread: when each thread of each core is free; engine: when each core's DMA engine is."""
    for i in range(len(core)):
        c = core[i]
        best = c * threads
        for t in range(c * threads + 1, (c + 1) * threads):
            if thread[t] < thread[best]:
                best = t
        start = thread[best] if thread[best] > ready[i] else ready[i]
        start = start if start > engine[c] else engine[c]
        engine[c] = start + dma[i]
        thread[best] = engine[c] + add[i]
        end[i] = thread[best]
