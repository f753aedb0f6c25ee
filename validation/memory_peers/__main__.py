"""The bank kernels beside DRAMsim3 on the same traces, set alike (`validation/memory_peers/dramsim3.py` says how).

Without --dramsim3, prints the differences of the record.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from pimsim.errors import InputError, printable
from pimsim.memory.run import run_trace

from . import dramsim3, record
from .setting import DEVICES, POLICY, device, traces

SPEED_REPEATS = 5
MOST_REQUESTS = 100_000_000


def compare(program: Path, name: str, count: int, repeats: int = 1, only: str = "") -> Iterator[record.Row]:
    """Both on every trace of `count` requests (or on that of name `only`); our time is the least of `repeats`."""
    memory = device(name)
    run_trace(memory, POLICY, [(np.arange(3000, dtype=np.int64) * memory.access_bytes, None, None)])  # compiles
    for trace, requests in traces(memory, count).items():
        if only not in ("", trace):
            continue
        seconds = []
        for _ in range(repeats):
            begin = time.process_time()
            cycles = run_trace(memory, POLICY, [(*requests, None)]).cycles
            seconds.append(time.process_time() - begin)
        theirs = dramsim3.run(program, memory, requests, cycles)
        yield record.Row("DRAMsim3", name, trace, count, cycles, theirs.cycles, min(seconds), theirs.seconds)


def speed(program: Path, count: int) -> Iterator[record.Row]:
    """Both on the same Zipf trace of DDR4-3200 reads, in this run; prints requests a second and their ratio."""
    (row,) = compare(program, "ddr4_3200", count, SPEED_REPEATS, "zipf")
    print(
        f"{count} requests: ours {row.ours_s:.3f} s ({count / row.ours_s / 1e6:.2f} million a second, least of "
        f"{SPEED_REPEATS}), DRAMsim3 {row.theirs_s:.2f} s ({count / row.theirs_s / 1e6:.3f} million): "
        f"{row.ratio:.1f} times. Processor time; it reads its trace from a text file, ours is in memory."
    )
    yield row


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, or print the record; 1 when a trace differs by more than `record.BAR`."""
    parser = argparse.ArgumentParser(prog="python -m validation.memory_peers", description=__doc__)
    parser.add_argument("--dramsim3", metavar="PATH", type=Path, help="its program dramsim3main; runs it")
    parser.add_argument("--requests", type=int, default=1_000_000, help="requests a trace")
    parser.add_argument("--device", action="append", metavar="NAME", help=f"of {', '.join(DEVICES)}; all if left out")
    parser.add_argument("--speed", action="store_true", help="only the ratio of speeds, on the Zipf trace")
    parser.add_argument("--save", action="store_true", help="put the rows into the record")
    options = parser.parse_args(arguments)
    if not 1 <= options.requests <= MOST_REQUESTS:
        raise InputError(f"--requests must be from 1 to {MOST_REQUESTS}; got {options.requests}")
    if options.dramsim3 is None:
        rows = record.read()
        print("\n".join(map(str, rows)))
    elif not options.dramsim3.is_file():
        raise InputError(f"--dramsim3: no program at '{printable(options.dramsim3)}'")
    else:
        program, names = options.dramsim3.resolve(), options.device or list(DEVICES)
        for name in names:
            device(name)
        rows = []
        for name in names[:1] if options.speed else names:
            found = speed(program, options.requests) if options.speed else compare(program, name, options.requests)
            for row in found:
                rows.append(row)
                print(row, flush=True)
                if options.save:
                    record.save([row])
    worst = max(abs(row.difference) for row in rows)
    print(f"largest difference {worst:.2%} (bar {record.BAR:.0%})")
    return 0 if worst <= record.BAR else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except InputError as fault:
        print(fault, file=sys.stderr)
        sys.exit(2)
