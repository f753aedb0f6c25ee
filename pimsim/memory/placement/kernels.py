"""Where placed rows are, request by request. Plain Python that Numba compiles."""

from __future__ import annotations

from typing import Any

from pimsim.memory.traces.distances import find as find

Array = Any

FIRST, COUNT, UNIT, STEP, OFFSET, STRIDE, PIECE_COLUMNS = range(7)
"""Of a piece of a table: its first row, its rows, the unit of that row, over how many units rows take turns, where it
begins in a unit (bytes), and bytes from one row of a unit to the next."""

EVERYWHERE, CACHED = -1, -2
"""In place of a unit: a copy on each; in the cache."""


def locate(
    table: Array, row: Array, first_rows: Array, pieces: Array, first_piece: Array, units: int,
    hot_keys: Array, hot_unit: Array, hot_offset: Array, turn: Array, unit: Array, offset: Array,
) -> None:  # fmt: skip
    """Unit (CACHED for a row that is in the cache) and byte offset in it of every request. hot_keys: hash table of the
    rows that have a place of their own, hot_unit and hot_offset in step with it. turn: whose copy is next."""
    for i in range(len(row)):
        t = table[i]
        key = first_rows[t] + row[i]
        at = find(key, hot_keys)
        if hot_keys[at] == key:
            unit[i], offset[i] = hot_unit[at], hot_offset[at]
            if hot_unit[at] == EVERYWHERE:
                unit[i] = turn[0]
                turn[0] = turn[0] + 1 if turn[0] + 1 < units else 0
            continue
        p, end = first_piece[t], first_piece[t + 1]
        while end - p > 1:
            middle = (p + end) // 2
            if pieces[middle, FIRST] <= row[i]:
                p = middle
            else:
                end = middle
        local = row[i] - pieces[p, FIRST]
        unit[i] = (pieces[p, UNIT] + local % pieces[p, STEP]) % units
        offset[i] = pieces[p, OFFSET] + local // pieces[p, STEP] * pieces[p, STRIDE]


def busiest(bag: Array, unit: Array, load: Array, own: Array, stamp: Array, state: Array) -> None:
    """Count the requests of every unit in `load`, and in `state`: current bag, rows of its busiest unit, the sum of
    those over the bags before, bags before, cached requests. own: rows of each unit of the bag that `stamp` names."""
    for i in range(len(unit)):
        if bag[i] != state[0]:
            state[2] += state[1]
            state[3] += 1 if state[0] >= 0 else 0
            state[0], state[1] = bag[i], 0
        u = unit[i]
        if u < 0:
            state[4] += 1
            continue
        load[u] += 1
        if stamp[u] != bag[i]:
            stamp[u], own[u] = bag[i], 0
        own[u] += 1
        state[1] = max(state[1], own[u])


def together(bag: Array, hot: Array, pairs: Array, held: Array) -> None:
    """How often two hot rows are in one bag, in `pairs`. hot: number of the hot row of each request, or -1. held: room
    for the hot rows of a bag; of a larger bag the first ones count."""
    count = 0
    for i in range(len(bag)):
        if i > 0 and bag[i] != bag[i - 1]:
            count = 0
        if hot[i] < 0 or count == len(held):
            continue
        for j in range(count):
            if held[j] != hot[i]:
                pairs[held[j], hot[i]] += 1
                pairs[hot[i], held[j]] += 1
        held[count] = hot[i]
        count += 1


def spread(counts: Array, pairs: Array, load: Array, met: Array, unit: Array) -> None:
    """Give every hot row, hottest first, the unit with the least load and the fewest rows that it is asked for with."""
    for h in range(len(counts)):
        for u in range(len(load)):
            met[u] = load[u]
        for g in range(h):
            met[unit[g]] += pairs[h, g]
        best = 0
        for u in range(1, len(load)):
            if met[u] < met[best]:
                best = u
        unit[h] = best
        load[best] += counts[h]


def linear(
    table: Array, row: Array, base: Array, stride: Array, bursts: Array, access_bytes: int, write: Array,
    arrival: Array, out: Array, out_write: Array, out_arrival: Array,
) -> None:  # fmt: skip
    """Addresses of the accesses of every request, tables standing one after another from their `base` on; writes and
    arrivals (each may be empty) of the accesses beside them."""
    n = 0
    if len(out) == len(row) and len(write) == 0 and len(arrival) == 0:
        for i in range(len(row)):
            out[i] = base[table[i]] + row[i] * stride[table[i]]
        return
    for i in range(len(row)):
        t = table[i]
        begin = base[t] + row[i] * stride[t]
        for j in range(bursts[t]):
            out[n + j] = begin + j * access_bytes
            if len(write):
                out_write[n + j] = write[i]
            if len(arrival):
                out_arrival[n + j] = arrival[i]
        n += bursts[t]


def composed(
    table: Array, unit: Array, offset: Array, bursts: Array, access_bytes: int, fields: Array, write: Array,
    arrival: Array, out: Array, out_write: Array, out_arrival: Array,
) -> int:  # fmt: skip
    """As `linear`, for places in units; rows in the cache have no access. fields: which bits of the unit (0) or of the
    offset (1), from where, how many, go where in the address. Returns the number of accesses."""
    n = 0
    for i in range(len(unit)):
        if unit[i] < 0:
            continue
        for j in range(bursts[table[i]]):
            inside = offset[i] + j * access_bytes
            address = inside % access_bytes
            for f in range(len(fields)):
                bits = inside if fields[f, 0] == 1 else unit[i]
                address += ((bits >> fields[f, 1]) & ((1 << fields[f, 2]) - 1)) << fields[f, 3]
            out[n] = address
            if len(write):
                out_write[n] = write[i]
            if len(arrival):
                out_arrival[n] = arrival[i]
            n += 1
    return n
