"""DRAMsim3 (S. Li et al., IEEE Computer Architecture Letters 19, 2020): our device and policy in its terms, and a run.

How its policy is made ours, by what its source does:
- Device: every timing value is ours. Its tRTRS is only used between read and write here, and carries our tRTW; its tRC
  is tRAS + tRP, and its burst BL / 2. HBM issues one command a cycle (`hbm_dual_cmd` off), like every other standard.
- Queue: one of 32 entries for the rank (`PER_RANK`), for reads and writes alike (`unified_queue`; with queues of their
  own it would still mix both in the second one). Before it stands one entry (`trans_queue_size`).
- Order: in every cycle it takes the oldest entry whose next command is allowed, as we do. A row is closed only when no
  entry wants it; after four accesses also when the bank's oldest entry wants another (fixed in its source).
- Rows: open page. Writes: not gathered (no buffer). Refresh: the whole rank when due, entries stand back at once.
- Mapping: row, bank, column, bank group from the top.
What differs: it closes rows for a refresh one by one (up to 15 cycles more each), we together; requests enter its
queue one a cycle; it would merge equal addresses that wait, so no trace repeats an address within 128 requests (one in
100,000 waits longer yet).
"""

from __future__ import annotations

import json
import resource
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pimsim.memory.device import Device

from .setting import QUEUE, Requests

EPOCHS = 1000
MERGED = 1e-4
"""Share of requests that it may serve together with others for the same address."""
MARGIN = 1.02
"""Cycles that it is given, in those that we need; twice as many where they do not do."""


@dataclass(frozen=True)
class Run:
    """What a simulator needed: cycles of the memory until the last command, processor seconds for those."""

    cycles: int
    seconds: float


def configuration(memory: Device, epoch: int) -> str:
    """Its file for this device, one channel of one rank, under our policy."""
    t, shape = memory.timing, memory.organisation
    hbm = memory.standard.startswith("HBM")
    columns = shape.row_bytes // 8  # of 64 bits; it doubles those of HBM
    sections: dict[str, dict[str, Any]] = {
        "dram_structure": {
            "protocol": "HBM" if hbm else memory.standard, "bankgroups": shape.bank_groups,
            "banks_per_group": shape.banks_per_group, "rows": shape.rows, "columns": columns // 2 if hbm else columns,
            "device_width": 64 if hbm else 8, "BL": 2 * t.burst, "hbm_dual_cmd": "false",
        },
        "timing": {
            "tCK": 1000.0 / memory.clock_MHz, "AL": 0, "CL": t.tCL, "CWL": t.tCWL, "tRCD": t.tRCD, "tRCDRD": t.tRCD,
            "tRCDWR": t.tRCD_write or t.tRCD, "tRP": t.tRP, "tRAS": t.tRAS, "tRFC": t.tRFC, "tREFI": t.tREFI,
            "tRRD_S": t.tRRD_S, "tRRD_L": t.tRRD_L, "tWTR_S": t.tWTR_S, "tWTR_L": t.tWTR_L, "tFAW": t.tFAW,
            "tWR": t.tWR, "tRTP": t.tRTP, "tCCD_S": t.tCCD_S, "tCCD_L": t.tCCD_L,
            "tRTRS": t.tRTW - t.tCL - t.burst + t.tCWL,
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


def trace_text(requests: Requests) -> str:
    """The trace as it reads one: address, READ or WRITE, cycle."""
    kinds = ("READ", "WRITE")
    pairs = zip(requests[0].tolist(), requests[1].tolist(), strict=True)
    return "".join(f"0x{address:X} {kinds[write]} 0\n" for address, write in pairs)


def run(program: Path, memory: Device, requests: Requests, expected: int) -> Run:
    """The trace on its program; cycles to a thousandth. expected: cycles that it is thought to need."""
    size = len(requests[0])
    with tempfile.TemporaryDirectory() as folder:
        config, trace = Path(folder, "memory.ini"), Path(folder, "trace.txt")
        trace.write_text(trace_text(requests), "ascii")
        limit = int(expected * MARGIN) + 2000
        for cycles in (limit, 2 * limit):
            epoch = max(1, cycles // EPOCHS)
            config.write_text(configuration(memory, epoch), "utf-8")
            command = [str(program), str(config), "-c", str(cycles), "-t", str(trace), "-o", folder]
            before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
            epochs = json.loads(Path(folder, "dramsim3epoch.json").read_text("utf-8"))
            commands = [one["num_read_cmds"] + one["num_write_cmds"] for one in epochs]
            done = sum(one["num_reads_done"] + one["num_writes_done"] for one in epochs)
            if done >= size and not commands[-1]:  # it may take the last one twice
                if sum(commands) < size * (1 - MERGED):
                    raise RuntimeError(f"DRAMsim3 merged requests: {sum(commands)} commands for {size}")
                busy = max(n for n, one in enumerate(commands) if one)
                share = int((busy + 0.5) * epoch)
                return Run(share, seconds * share / cycles)
    raise RuntimeError(f"DRAMsim3 finished {done} of {size} requests in {cycles} cycles")
