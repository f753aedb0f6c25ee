"""The bank kernels beside DRAMsim3 on the same traces: `python -m validation.memory_peers --dramsim3 dramsim3main`.

Both are set alike. Device: DDR4-2400, one rank, every timing value written into DRAMsim3's file from ours (its tRTRS is
only used between read and write here, and carries our tRTW). Queue: one of 32 entries a rank (`PER_RANK`, unified for
reads and writes, one entry in the transaction queue before it); both take, of the commands that are allowed, the oldest
request's, and precharge a row only when no waiting request wants it. Row policy: open page. Refresh: all banks of the
rank when due, requests stand back at once. Mapping: row, bank, column, bank group. What differs: DRAMsim3 closes rows
for a refresh one by one where we use one command; it merges equal addresses that wait, so a trace repeats no address
within 128 requests; requests enter its queue one a cycle.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pimsim.errors import InputError, printable
from pimsim.memory.device import Device, load_device
from pimsim.memory.policy import Policy
from pimsim.memory.run import run_trace

QUEUE = 32
POLICY = Policy(scheduler="frfcfs", queue=QUEUE, mapping="ro ch pc ra ba co bg")
BAR = 0.01
"""Largest difference in cycles."""


@dataclass(frozen=True)
class Row:
    """Cycles and seconds of both on one trace."""

    trace: str
    requests: int
    ours_cycles: int
    theirs_cycles: int
    ours_s: float
    theirs_s: float

    @property
    def difference(self) -> float:
        return self.ours_cycles / self.theirs_cycles - 1.0

    def __str__(self) -> str:
        rate, ratio = self.requests / self.ours_s / 1e6, self.theirs_s / self.ours_s
        return (
            f"{self.trace:<14} {self.requests:>9} requests  ours {self.ours_cycles:>10} cycles, theirs "
            f"{self.theirs_cycles:>10} ({self.difference:+.2%})  ours {rate:.2f} M/s, theirs "
            f"{self.requests / self.theirs_s / 1e6:.3f} M/s: {ratio:.0f} times"
        )


def device() -> Device:
    """One rank of the shipped DDR4-2400, without the chip for check bits."""
    return load_device("ddr4_2400", overrides=["organisation.ranks=1", "organisation.chips_per_rank=8"])


def traces(count: int, seed: int = 0) -> dict[str, tuple[NDArray[np.int64], NDArray[np.uint8]]]:
    """Addresses and writes of a stream, random lines, and lines drawn by Zipf's law (exponent 1, a million lines); each
    reading only, and with 30% writes."""
    rng, lines = np.random.default_rng(seed), device().capacity_bytes // 64
    share = np.cumsum(1.0 / np.arange(1, 1_000_001))
    ranks = np.searchsorted(share / share[-1], rng.random(count))
    addresses = {
        "stream": np.arange(count, dtype=np.int64) * 64,
        "random": apart(rng.integers(0, lines, count) * 64),
        "zipf": apart(rng.permutation(1_000_000)[ranks].astype(np.int64) * 64),
    }
    found = {}
    for name, address in addresses.items():
        found[name] = (address, np.zeros(len(address), dtype=np.uint8))
        found[f"{name}, writes"] = (address, (rng.random(len(address)) < 0.3).astype(np.uint8))
    return found


def apart(address: NDArray[np.int64], window: int = 128) -> NDArray[np.int64]:
    """The trace without the requests whose address was among the last `window` kept ones."""
    kept: list[int] = []
    last: dict[int, int] = {}
    for one in address.tolist():
        if len(kept) - last.get(one, -window - 1) > window:
            last[one] = len(kept)
            kept.append(one)
    return np.array(kept, dtype=np.int64)


def configuration(memory: Device, epoch: int) -> str:
    """DRAMsim3's file for this device and `POLICY`."""
    t, shape = memory.timing, memory.organisation
    sections: dict[str, dict[str, Any]] = {
        "dram_structure": {
            "protocol": "DDR4", "bankgroups": shape.bank_groups, "banks_per_group": shape.banks_per_group,
            "rows": shape.rows, "columns": shape.row_bytes // 8, "device_width": 8, "BL": 2 * t.burst,
        },
        "timing": {
            "tCK": 1000.0 / memory.clock_MHz, "AL": 0, "CL": t.tCL, "CWL": t.tCWL, "tRCD": t.tRCD, "tRP": t.tRP,
            "tRAS": t.tRAS, "tRFC": t.tRFC, "tREFI": t.tREFI, "tRRD_S": t.tRRD_S, "tRRD_L": t.tRRD_L,
            "tWTR_S": t.tWTR_S, "tWTR_L": t.tWTR_L, "tFAW": t.tFAW, "tWR": t.tWR, "tRTP": t.tRTP, "tCCD_S": t.tCCD_S,
            "tCCD_L": t.tCCD_L, "tRTRS": t.tRTW - t.tCL - t.burst + t.tCWL,
        },
        "system": {
            "channel_size": memory.capacity_bytes >> 20, "channels": 1, "bus_width": 64,
            "address_mapping": "rochrabacobg", "queue_structure": "PER_RANK",
            "refresh_policy": "RANK_LEVEL_SIMULTANEOUS", "row_buf_policy": "OPEN_PAGE", "cmd_queue_size": QUEUE,
            "trans_queue_size": 1, "unified_queue": "true",
        },
        "other": {"epoch_period": epoch, "output_level": 1},
    }  # fmt: skip
    lines = []
    for section, values in sections.items():
        lines += [f"[{section}]", *(f"{key} = {value}" for key, value in values.items())]
    return "\n".join(lines) + "\n"


def run_theirs(
    program: Path, address: NDArray[np.int64], is_write: NDArray[np.uint8], expected: int
) -> tuple[int, float]:
    """(cycles until the last command, to a thousandth of them; processor seconds) of DRAMsim3, from a trace in text."""
    epoch = max(1, expected // 1000)
    with tempfile.TemporaryDirectory() as folder:
        config, trace = Path(folder, "memory.ini"), Path(folder, "trace.txt")
        config.write_text(configuration(device(), epoch), "utf-8")
        kinds = ("READ", "WRITE")
        with trace.open("w", encoding="utf-8") as file:
            file.writelines(
                f"0x{a:X} {kinds[w]} 0\n" for a, w in zip(address.tolist(), is_write.tolist(), strict=True)
            )  # fmt: skip
        cycles = expected * 11 // 10
        command = [str(program), str(config), "-c", str(cycles), "-t", str(trace), "-o", folder]
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
        epochs = json.loads(Path(folder, "dramsim3epoch.json").read_text("utf-8"))
    busy = [n for n, one in enumerate(epochs) if one["num_read_cmds"] + one["num_write_cmds"]]
    total = sum(one["num_read_cmds"] + one["num_write_cmds"] for one in epochs)
    if total < len(address):
        raise RuntimeError(f"DRAMsim3 served {total} of {len(address)} requests in {cycles} cycles")
    share = (busy[-1] + 0.5) * epoch
    return int(share), seconds * share / cycles


def compare(program: Path, count: int) -> list[Row]:
    """Both on every trace of about `count` requests."""
    run_trace(device(), POLICY, [(np.zeros(1, dtype=np.int64), None, None)])  # compiles
    rows = []
    for name, (address, is_write) in traces(count).items():
        seconds = []
        for _ in range(5):
            begin = time.process_time()
            result = run_trace(device(), POLICY, [(address, is_write, None)])
            seconds.append(time.process_time() - begin)
        cycles, theirs = run_theirs(program, address, is_write, result.cycles)
        rows.append(Row(name, len(address), result.cycles, cycles, min(seconds), theirs))
        print(rows[-1], flush=True)
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare; 1 when a trace differs by more than `BAR`."""
    parser = argparse.ArgumentParser(prog="python -m validation.memory_peers", description=__doc__)
    parser.add_argument("--dramsim3", required=True, metavar="PATH", type=Path, help="its program dramsim3main")
    parser.add_argument("--requests", type=int, default=1_000_000, help="requests a trace")
    options = parser.parse_args(arguments)
    if not options.dramsim3.is_file():
        raise InputError(f"--dramsim3: no program at '{printable(options.dramsim3)}'")
    rows = compare(options.dramsim3.resolve(), options.requests)
    worst = max(abs(row.difference) for row in rows)
    print(f"largest difference {worst:.2%} (bar {BAR:.0%})")
    return 0 if worst <= BAR else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except InputError as fault:
        print(fault, file=sys.stderr)
        sys.exit(2)
