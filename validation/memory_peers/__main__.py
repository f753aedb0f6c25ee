"""The bank kernels beside DRAMsim3 or Ramulator 2 on the same traces, set alike (dramsim3.py and ramulator2.py in
validation/memory_peers say how). With neither, prints the record.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from pimsim.errors import InputError, printable
from pimsim.memory.run import run_trace

from . import dramsim3, ramulator2, record
from .setting import DEVICES, KINDS, POLICIES, device, traces

RUN = {"DRAMsim3": dramsim3.run, ramulator2.NAME: ramulator2.run}
SPEED_REPEATS = 5
MOST_REQUESTS = 100_000_000


def compare(
    peer: str, program: Path, name: str, count: int, kinds: Sequence[str] = (), repeats: int = 1
) -> Iterator[record.Row]:  # fmt: skip
    """Both on the traces of `count` requests, of these kinds (all if none); our time is the least of `repeats`."""
    memory, policy = device(name), POLICIES[peer]
    run_trace(memory, policy, [(np.arange(3000, dtype=np.int64) * memory.access_bytes, None, None)])  # compiles
    for trace, requests in traces(memory, count).items():
        if kinds and trace not in kinds:
            continue
        seconds = []
        for _ in range(repeats):
            begin = time.process_time()
            cycles = run_trace(memory, policy, [(*requests, None)]).cycles
            seconds.append(time.process_time() - begin)
        theirs = RUN[peer](program, memory, requests, cycles)
        yield record.Row(peer, name, trace, count, cycles, theirs.cycles, min(seconds), theirs.seconds)


def speed(peer: str, program: Path, count: int) -> Iterator[record.Row]:
    """Both on the same Zipf trace of DDR4-3200 reads, in this run; prints requests a second and their ratio."""
    (row,) = compare(peer, program, "ddr4_3200", count, ["zipf"], SPEED_REPEATS)
    print(
        f"{count} requests: ours {row.ours_s:.3f} s ({count / row.ours_s / 1e6:.2f} million a second, least of "
        f"{SPEED_REPEATS}), {peer} {row.theirs_s:.2f} s ({count / row.theirs_s / 1e6:.3f} million): "
        f"{row.ratio:.1f} times. Processor time; it reads its trace from a text file, ours is in memory."
    )
    yield row


def measure(options: argparse.Namespace) -> Iterator[record.Row]:
    """The rows that were asked for. Raises InputError for a program that is not there or a device not compared."""
    peer, path = ("DRAMsim3", options.dramsim3) if options.dramsim3 else (ramulator2.NAME, options.ramulator2)
    program = path / "peer" if peer == ramulator2.NAME else path
    if not program.is_file():
        option = "--dramsim3" if options.dramsim3 else "--ramulator2"
        raise InputError(f"{option}: no program at '{printable(program)}'")
    names = options.device or [name for name in DEVICES if peer == "DRAMsim3" or device(name).standard == "DDR4"]
    for name in names:
        device(name)
    path, count = path.resolve(), options.requests
    if options.speed:
        return speed(peer, path, count)
    return chain.from_iterable(compare(peer, path, name, count, options.trace or ()) for name in names)


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare, or print the record; 1 when a trace differs by more than its bar in `record.BARS`."""
    parser = argparse.ArgumentParser(prog="python -m validation.memory_peers", description=__doc__)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--dramsim3", metavar="PATH", type=Path, help="its program dramsim3main; runs it")
    which.add_argument("--ramulator2", metavar="PATH", type=Path, help="its checkout with the program `peer`; runs it")
    parser.add_argument("--requests", type=int, default=1_000_000, help="requests a trace")
    parser.add_argument("--device", action="append", metavar="NAME", help=f"of {', '.join(DEVICES)}; all if left out")
    parser.add_argument("--trace", action="append", choices=KINDS, help="traces; all if left out")
    parser.add_argument("--speed", action="store_true", help="only the ratio of speeds, on the Zipf trace")
    parser.add_argument("--save", action="store_true", help="put the rows into the record")
    options = parser.parse_args(arguments)
    if not 1 <= options.requests <= MOST_REQUESTS:
        raise InputError(f"--requests must be from 1 to {MOST_REQUESTS}; got {options.requests}")
    rows = record.read()
    if options.dramsim3 or options.ramulator2:
        rows = []
        for row in measure(options):
            rows.append(row)
            print(row, flush=True)
            if options.save:
                record.save([row])
    else:
        print("\n".join(map(str, rows)))
    print("\n".join(record.summary(rows)))
    return 0 if all(row.within for row in rows) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except InputError as fault:
        print(fault, file=sys.stderr)
        sys.exit(2)
