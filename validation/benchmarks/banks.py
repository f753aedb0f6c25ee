"""Bank state machines: nanoseconds a request on a Zipf trace, first come first served and over a queue of 32; and a
trace of 1e8 requests streamed from a file.

Zipf: 1,000,000 rows of 64 bytes, exponent 1.05, scattered (`pimsim trace make --kind zipf`), on one DDR4-3200 channel.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from pimsim.jit import compiled
from pimsim.memory import run
from pimsim.memory.device import Device, load_device
from pimsim.memory.policy import Policy
from pimsim.memory.traces.generators import Recipe, even_tables

from .batched import clock_GHz
from .measure import Measurement, run_process
from .processes import _checkout

DEVICE = "ddr4_3200"
REQUESTS = 2_000_000
BARS_NS = {"fcfs": 20.0, "frfcfs": 250.0}
"""50 and 4 million requests a second."""

STREAMED = 100_000_000
STREAM_BAR_S, STREAM_BAR_MB = 5.0, 500.0

CHAIN_CYCLES = 18.0
"""A request that closes a row cannot be done sooner: precharge, activate and access each wait for the one before (an
addition and a maximum, 3 cycles) and for the access of the request before, which comes out of memory (store to load, 8
cycles on Zen 3) and takes an addition more."""


def zipf(requests: int) -> Recipe:
    """The trace."""
    return Recipe("zipf", even_tables(1, 1_000_000, 64), requests, seed=1)


def serve(
    device: Device, policy: Policy, address: NDArray[np.int64], repetitions: int, plain: bool = False
) -> tuple[float, run.Result]:
    """Nanoseconds of processor time a request, in the best repetition. plain: of the same lines without a compiler."""
    suited = run.suited
    run.suited = lambda turns, function, *helpers: function if plain else compiled(function, *helpers)
    try:
        if not plain:
            run.run_trace(device, policy, [(address[:100], None, None)])  # compiled from here on
        seconds = []
        for _ in range(repetitions):
            begin = time.process_time()
            result = run.run_trace(device, policy, [(address, None, None)])
            seconds.append(time.process_time() - begin)
    finally:
        run.suited = suited
    return min(seconds) * 1e9 / len(address), result


def banks(requests: int = REQUESTS, repetitions: int = 5) -> list[Measurement]:
    """Both policies, the trace in memory; processor time, best of five; beside them the plain twin and the machine."""
    device = load_device(DEVICE)
    rows = np.concatenate([chunk["row"] for chunk in zipf(requests).chunks()])
    address = rows * device.access_bytes
    found = []
    for scheduler, bar in BARS_NS.items():
        policy = Policy(scheduler=scheduler)  # type: ignore[arg-type]
        nanoseconds, result = serve(device, policy, address, repetitions)
        commands = sum(result.counts[name] for name in ("activate", "read", "precharge")) / requests
        twin = serve(device, policy, address[:20_000], 1, plain=True)[0] / nanoseconds
        detail = f"{1e3 / nanoseconds:.1f} million a second, {commands:.2f} commands each, {twin:,.0f} x the plain twin"
        found.append(Measurement(f"bank kernel, {scheduler}, Zipf trace", nanoseconds, "ns", bar, detail))
    return [*found, limit(found[0].value, address)]


def limit(reached_ns: float, address: NDArray[np.int64]) -> Measurement:
    """What no FCFS kernel that looks at request after request can beat on this machine: the chain of its maxima."""
    clock = clock_GHz()
    copies, room = [], np.empty_like(address)
    for _ in range(5):
        begin = time.process_time()
        np.copyto(room, address)
        copies.append(time.process_time() - begin)
    chain = CHAIN_CYCLES / clock
    detail = f"{CHAIN_CYCLES:g} cycles at {clock:.2f} GHz: {chain / reached_ns:.0%} reached; "
    detail += f"a copy of the addresses takes {min(copies) * 1e9 / len(address):.2f} ns"
    return Measurement("  chain of a request's commands, fcfs", chain, "ns", None, detail)


def banks_stream(requests: int = STREAMED, repetitions: int = 3) -> list[Measurement]:
    """`pimsim trace run` on a file: processor time of the whole command (its threads added up), peak memory, and the
    time to read the same columns of the file with pyarrow alone. The file is made once, in a temporary folder."""
    with TemporaryDirectory() as name:
        path = Path(name) / "zipf.parquet"
        words = ["-m", "pimsim", "trace", "make", "--kind", "zipf", "--requests", str(requests), "--seed", "1"]
        made = run_process([*words, "--out", path])
        read = ["-m", "pimsim", "trace", "run", path, "--hw", DEVICE, "--policy", "fcfs", "--format", "json"]
        runs = [run_process(read) for _ in range(repetitions)]
        alone = [run_process(["-m", __name__, path], _checkout()) for _ in range(repetitions)]
        size_MB = path.stat().st_size / 1e6
    wall, cpu = min(usage.wall_s for usage in runs), min(usage.cpu_s for usage in runs)
    reading = min(usage.cpu_s for usage in alone)
    about = f"{requests:.0e} requests streamed, fcfs"
    detail = f"{1e9 * cpu / requests:.1f} ns each, {wall:.2f} s by the clock; pyarrow alone reads the {size_MB:.0f} MB "
    detail += f"in {reading:.2f} s ({cpu / reading:.1f} x)"
    peak = max(usage.peak_MB for usage in runs)
    return [
        Measurement(f"{about}, CPU of the command", cpu, "s", STREAM_BAR_S, detail),
        Measurement(f"{about}, peak memory", peak, "MB", STREAM_BAR_MB, f"{made.peak_MB:.0f} MB to make the trace"),
    ]


def read_alone(path: str) -> int:
    """Reads the columns of a trace that a run needs, chunk by chunk; returns the requests."""
    import pyarrow.parquet as pq

    count = 0
    with pq.ParquetFile(path, pre_buffer=False) as file:
        for group in range(file.num_row_groups):
            count += file.read_row_group(group, columns=["table", "row"], use_threads=False).num_rows
    return count


if __name__ == "__main__":
    import sys

    print(json.dumps(read_alone(sys.argv[1])))
