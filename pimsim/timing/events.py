"""The pipeline once more, event by event: a reader can follow it, and the kernel's closed form is held against it.

Every layer computes its work in equal units (rows of an image, tokens). A unit starts when the one before is done and
every input has the share of its output that the unit needs; its result appears one pipeline depth later.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Any

import simpy

from pimsim.graph.workload import Edge


@dataclass(frozen=True, slots=True)
class Stage:
    """One layer as the clock sees it, in ns: cells written first, then busy, then the depth of its pipeline."""

    write_ns: float
    duration_ns: float
    fill_ns: float
    inputs: tuple[Edge, ...] = ()


def needed_share(edge: Edge, done: float) -> float:
    """Share of the source's output that a consumer needs who has done the share `done` of its own work: `first` at the
    beginning, all of it when only the share `last` is left, a straight line between."""
    if edge.first >= 1.0 or edge.last >= 1.0:
        return 1.0
    return min(1.0, edge.first + (1.0 - edge.first) * done / (1.0 - edge.last))


def run_events(stages: Sequence[Stage], units: int = 64) -> list[tuple[float, float]]:
    """(start, end) of every stage in ns, each computed in `units` equal steps. Sources stand before their consumers."""
    clock = simpy.Environment()
    results: list[list[simpy.Event]] = [[clock.event() for _ in range(units)] for _ in stages]
    times = [(0.0, 0.0)] * len(stages)

    def appear(event: simpy.Event, after_ns: float) -> Generator[simpy.Event, Any, None]:
        yield clock.timeout(after_ns)
        event.succeed()

    def work(index: int, stage: Stage) -> Generator[simpy.Event, Any, None]:
        start = None
        for unit in range(units):
            for edge in stage.inputs:
                if edge.source >= 0:
                    share = needed_share(edge, unit / units)
                    yield results[edge.source][max(1, math.ceil(share * units - 1e-9)) - 1]
            if start is None:
                start = clock.now
                yield clock.timeout(stage.write_ns)
            yield clock.timeout(stage.duration_ns / units)
            clock.process(appear(results[index][unit], stage.fill_ns))
        yield results[index][-1]
        times[index] = (start or 0.0, clock.now)

    for index, stage in enumerate(stages):
        clock.process(work(index, stage))
    clock.run()
    return times
