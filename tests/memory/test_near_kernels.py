"""Are the loops of reduction near the banks what simpy models and plain Python say of them?"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Generator
from typing import Any

import numpy as np
import simpy
from hypothesis import given, settings
from hypothesis import strategies as st

from pimsim.memory.near.kernels import cached, evened, on_cores
from pimsim.memory.near.lookups import gathered, in_turn

JOBS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3), st.integers(1, 9)), max_size=30)


@settings(max_examples=25, deadline=None)
@given(JOBS)
def test_jobs_wait_as_in_simpy(jobs: list[tuple[int, int, int]]) -> None:
    clock, ends = simpy.Environment(), [0.0] * len(jobs)
    servers = [simpy.Resource(clock) for _ in range(4)]

    def job(number: int, ready: int, server: int, service: int) -> Generator[simpy.Event, Any, None]:
        yield clock.timeout(ready)
        with servers[server].request() as mine:
            yield mine
            yield clock.timeout(service)
            ends[number] = clock.now

    for number, (ready, server, service) in enumerate(jobs):
        clock.process(job(number, ready, server, service))
    clock.run()
    ready, server, service = (np.array([job[k] for job in jobs], dtype=np.int64) for k in range(3))
    assert in_turn(ready, server, service, np.zeros(4)).tolist() == ends


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 12)), max_size=60), st.integers(1, 3), st.integers(1, 4))
def test_caches_drop_what_was_used_longest_ago(asked: list[tuple[int, int]], sets: int, ways: int) -> None:
    held: dict[tuple[int, int], OrderedDict[int, None]] = defaultdict(OrderedDict)
    expected = []
    for unit, row in asked:
        lines = held[unit, row % sets]
        expected.append(int(row in lines))
        lines.pop(row, None)
        lines[row] = None
        if len(lines) > ways:
            lines.popitem(last=False)
    units, rows = (np.array([pair[k] for pair in asked], dtype=np.int64) for k in range(2))
    size, hit = 3 * sets * ways, np.zeros(len(asked), dtype=np.int64)
    tags, used, ticks = np.full(size, -1), np.zeros(size, dtype=np.int64), np.zeros(1, dtype=np.int64)
    cached(units, rows, rows, sets, ways, tags, used, ticks, hit)
    assert hit.tolist() == expected


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9), st.integers(1, 20)), max_size=30), st.integers(1, 4))
def test_threads_share_their_engine_as_in_simpy(rows: list[tuple[int, int, int]], threads: int) -> None:
    """Each core: a list of rows, `threads` workers that take the next one, one DMA engine in the order of asking."""
    clock, ends = simpy.Environment(), [0.0] * len(rows)

    def core(own: list[int]) -> None:
        engine, free = simpy.Resource(clock), simpy.Store(clock)
        free.items.extend(range(threads))

        def work(number: int) -> Generator[simpy.Event, Any, None]:
            _, dma, add = rows[number]
            with engine.request() as mine:
                yield mine
                yield clock.timeout(dma)
            yield clock.timeout(add)
            ends[number] = clock.now
            yield free.put(0)

        def dispatch() -> Generator[simpy.Event, Any, None]:
            for number in own:
                yield free.get()
                clock.process(work(number))

        clock.process(dispatch())

    for c in range(3):
        core([i for i, row in enumerate(rows) if row[0] == c])
    clock.run()
    cores, dma, add = (np.array([row[k] for row in rows], dtype=np.int64) for k in range(3))
    end = np.zeros(len(rows))
    args = (np.zeros(len(rows)), dma.astype(float), add.astype(float), threads, np.zeros(3 * threads), np.zeros(3))
    on_cores(cores, *args, end)
    assert end.tolist() == ends


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.booleans()), max_size=40))
def test_copies_even_bags_out(asked: list[tuple[int, int, bool]]) -> None:
    asked.sort(key=lambda row: row[0])
    expected = [unit for _, unit, _ in asked]
    for bag in range(4):
        load = [0] * 5
        for b, unit, hot in asked:
            load[unit] += b == bag and not hot
        for i, (b, _, hot) in enumerate(asked):
            if b == bag and hot:
                expected[i] = load.index(min(load))
                load[expected[i]] += 1
    bags, units, hot = (np.array([row[k] for row in asked], dtype=np.int64) for k in range(3))
    evened(bags, units, hot, np.zeros(5, dtype=np.int64), np.full(5, -1))
    assert units.tolist() == expected


def test_parts_of_a_sum_are_gathered() -> None:
    bag, place, ready = gathered(np.array([0, 0, 1, 0]), np.array([2, 1, 1, 2]), 3, np.array([5.0, 2.0, 7.0, 4.0]))
    assert (bag.tolist(), place.tolist(), ready.tolist()) == ([0, 0, 1], [1, 2, 1], [2.0, 5.0, 7.0])
