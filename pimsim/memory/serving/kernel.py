"""The service itself: which inference is taken, enters the pipeline, is done, when. Plain Python that Numba compiles.

An inference waits for the memory three times: for its rows (asked for when its batch is taken), for spilled weights
(when it enters the pipeline), and for its outputs to be written (when it is computed). `step` goes on until the memory
must be asked, or has to answer first; what needs no memory it does by itself. Batches are taken, enter the pipeline and
give their places back in order, so a pointer each says how far they are. `until_asked` lets a memory with queues
(`pimsim.memory.frfcfs`) answer as well: no more is served in them than is certain to come before the next question.
"""

from __future__ import annotations

from typing import Any

from pimsim.jit import calls_compiled
from pimsim.memory import frfcfs
from pimsim.memory.frfcfs import rounds

Array = Any

ROWS, WEIGHTS, OUTPUTS = range(3)
"""What an inference waits for: rows of `left` (answers that are not there yet) and `last` (ns)."""

TAKE, READ, WRITE, WAIT, END = range(5)
"""What `step` stopped for: a batch asks for its rows, an inference for spilled weights, or to write its outputs; the
memory must answer first; all is done."""

S_BATCHES, S_ENTERED, S_FREED, S_LOOKED, S_READ, S_WRITTEN, S_DONE = range(7)
"""How far everything is: batches taken, in the pipeline, done; inferences with all rows, that have asked for weights,
for their outputs to be written, that are done."""
STATES = 7

T_NOW, T_PIPE, T_BEGUN, T_CACHE = range(4)
"""Times: of the step, when the pipeline takes the next inference, when the last batch was taken, when the port of the
cache is free."""
TIMES = 4

W_REACHED, W_AWAITED, W_URGENT, W_SERVED = range(4)
"""Of a memory with queues: the cycle up to which it has served; accesses whose end is not known yet, and those of them
with which an inference may be done; accesses served since the last question."""
WAITS = 4

LATER = 1e300


def taken_at(arrivals: Array, first: int, free: float, size: int, timeout: float) -> Any:
    """When the batch that begins with request `first` is taken where there is room from `free` on."""
    due = max(free, arrivals[first] + timeout)
    last = first + size - 1
    if last < len(arrivals) and arrivals[last] <= due:
        return max(free, arrivals[last])
    return due


def taken(arrivals: Array, first: int, begin: float, size: int) -> int:
    """How many requests the batch that begins with `first` takes at time `begin`."""
    count = 1
    while count < size and first + count < len(arrivals) and arrivals[first + count] <= begin:
        count += 1
    return count


def follow(
    interval: float, factors: Array, left: Array, last: Array, starts: Array, ended: Array, computing: Array,
    state: Array, times: Array,
) -> None:  # fmt: skip
    """What follows from what the memory has answered: batches enter the pipeline, or are done."""
    reached = starts[state[S_BATCHES]]
    while state[S_LOOKED] < reached and left[ROWS, state[S_LOOKED]] == 0:
        state[S_LOOKED] += 1
    while state[S_ENTERED] < state[S_BATCHES] and starts[state[S_ENTERED] + 1] <= state[S_LOOKED]:
        batch = state[S_ENTERED]
        at = times[T_PIPE]
        for i in range(starts[batch], starts[batch + 1]):
            at = max(at, last[ROWS, i])
        for i in range(starts[batch], starts[batch + 1]):
            computing[i] = at
            at += interval * factors[i] if len(factors) > 0 else interval
        times[T_PIPE] = at
        state[S_ENTERED] += 1
    while state[S_DONE] < state[S_WRITTEN] and left[OUTPUTS, state[S_DONE]] == 0:
        state[S_DONE] += 1
    while state[S_FREED] < state[S_BATCHES] and starts[state[S_FREED] + 1] <= state[S_DONE]:
        batch = state[S_FREED]
        end = ended[batch - 1] if batch > 0 else 0.0
        for i in range(starts[batch], starts[batch + 1]):
            end = max(end, last[OUTPUTS, i])
        ended[batch] = end
        state[S_FREED] += 1


def step(
    arrivals: Array, size: int, timeout: float, in_flight: int, latency: float, interval: float, factors: Array,
    rows: Array, weights: int, outputs: int, cached: Array, cache_ns: float, word_ns: float, sure: float,
    begin: Array, computing: Array, computed: Array, left: Array, last: Array, starts: Array, ended: Array,
    state: Array, times: Array,
) -> int:  # fmt: skip
    """Serves on until the memory is asked. latency, interval (ns) of an inference in the pipeline, times its of
    `factors` (may be empty). rows: answers that inference i mod len(rows) waits for; weights, outputs: answers that
    every inference waits for. cached: words that inference i mod len(cached) has in a cache (may be empty), the first
    of them there after cache_ns, each on its port for word_ns. sure: no answer that is still to come leads to anything
    before (at most LATER). What comes at one time goes in the order of inferences, oldest first. Returns TAKE, READ,
    WRITE, WAIT or END."""
    while True:
        follow(interval, factors, left, last, starts, ended, computing, state, times)
        batches, first = state[S_BATCHES], starts[state[S_BATCHES]]
        write_at, read_at, take_at = LATER, LATER, LATER
        oldest, reader = state[S_WRITTEN], state[S_READ]
        if oldest < reader and left[WEIGHTS, oldest] == 0:
            lasts = latency * factors[oldest] if len(factors) > 0 else latency
            write_at = max(computing[oldest] + lasts, last[WEIGHTS, oldest])
            if oldest > 0:
                write_at = max(write_at, computed[oldest - 1])
        if reader < starts[state[S_ENTERED]]:
            read_at = computing[reader]
        if first < len(arrivals) and batches - state[S_FREED] < in_flight:
            free = max(times[T_BEGUN], ended[batches - in_flight]) if batches >= in_flight else times[T_BEGUN]
            take_at = taken_at(arrivals, first, free, size, timeout)
        now = min(write_at, read_at, take_at)
        if now >= LATER and state[S_DONE] == len(arrivals):
            return END
        if now >= sure:
            return WAIT
        times[T_NOW] = now
        if write_at == now:
            computed[oldest] = now
            left[OUTPUTS, oldest], last[OUTPUTS, oldest] = outputs, now
            state[S_WRITTEN] += 1
            if outputs > 0:
                return WRITE
        elif read_at == now:
            left[WEIGHTS, reader], last[WEIGHTS, reader] = weights, now
            state[S_READ] += 1
            if weights > 0:
                return READ
        else:
            count, asked = taken(arrivals, first, now, size), 0
            for i in range(first, first + count):
                begin[i] = now
                left[ROWS, i], last[ROWS, i] = rows[i % len(rows)], now
                words = cached[i % len(cached)] if len(cached) > 0 else 0
                if words > 0:
                    times[T_CACHE] = max(times[T_CACHE], now) + words * word_ns
                    last[ROWS, i] = times[T_CACHE] - word_ns + cache_ns
                asked += left[ROWS, i]
            starts[batches + 1] = first + count
            times[T_BEGUN] = now
            state[S_BATCHES] += 1
            if asked > 0:
                return TAKE


def settle(jobs: Array, ends: Array, cycle_ns: float, left: Array, last: Array) -> None:
    """Answers came: of the job what * inferences + inference in `jobs`, at the cycle in `ends`."""
    count = left.shape[1]
    for k in range(len(jobs)):
        what, i = jobs[k] // count, jobs[k] % count
        left[what, i] -= 1
        last[what, i] = max(last[what, i], ends[k] * cycle_ns)


def answered(pairs: Array, jobs: Array, cycle_ns: float, waits: Array, left: Array, last: Array) -> None:
    """Accesses that waited in queues are served: (number, cycle) of each; its job is in `jobs`."""
    count = left.shape[1]
    for k in range(len(pairs)):
        what, i = jobs[pairs[k, 0]] // count, jobs[pairs[k, 0]] % count
        left[what, i] -= 1
        last[what, i] = max(last[what, i], pairs[k, 1] * cycle_ns)
        waits[W_AWAITED] -= 1
        if what != ROWS:
            waits[W_URGENT] -= 1


def until_asked(
    before: Any, after: Any, lookahead: int, more: int, asks_rows: bool, cycle_ns: float, waits: Array, jobs: Array,
    ends: Array, nothing: Any, memory: Any,
) -> int:  # fmt: skip
    """As `step`, of which `before` and `after` are what it takes before and after `sure`, but the memory answers by
    itself. lookahead: cycles from a command to the first answer that it can give; more: cycles from an answer with rows
    to the first question that it leads to. asks_rows: whether every inference waits for rows. ends: room for (number,
    cycle) of all that can wait. nothing, memory: `Memory.nothing` and `Memory.scheduled`. Returns TAKE, READ, WRITE,
    END."""
    in_flight, left, last, state = before[3], after[3], after[4], after[7]
    waits[W_SERVED] = 0
    while True:
        # An answer lets a batch in at once only where it may free a place. (Batches that ask for no row take places
        # without a question in between.)
        ahead = lookahead
        full = state[S_BATCHES] - state[S_FREED] >= in_flight
        if waits[W_URGENT] == 0 or (asks_rows and not full):
            ahead += more
        sure = min((waits[W_REACHED] + ahead) * cycle_ns, LATER) if waits[W_AWAITED] > 0 else LATER
        told = step(*before, sure, *after)  # type: ignore[call-arg]
        if told != WAIT or waits[W_AWAITED] == 0:
            return told
        waits[W_REACHED] += ahead
        first = waits[W_SERVED]
        until = max(1, waits[W_REACHED])
        waits[W_SERVED] += rounds(*nothing, until, ends[first:], *memory)  # type: ignore[call-arg]
        answered(ends[first : waits[W_SERVED]], jobs, cycle_ns, waits, left, last)


STEP = (taken_at, taken, follow)
UNTIL_ASKED = (*STEP, step, answered, *frfcfs.HELPERS, rounds)
calls_compiled(rounds, *frfcfs.HELPERS)
