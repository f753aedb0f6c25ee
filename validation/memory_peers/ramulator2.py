"""Ramulator 2.1 (H. Luo et al., IEEE Computer Architecture Letters, 2023): DDR4 and our policy in its terms.

It has no program of its own; its configuration comes from its Python files, the run from ramulator2.cpp, built once:

    cmake -S CHECKOUT -B CHECKOUT/build -DRAMULATOR_PYTHON_BINDINGS=OFF && cmake --build CHECKOUT/build
    g++ -std=c++20 -O2 -ICHECKOUT/src -ICHECKOUT/ext/yaml-cpp/include -ICHECKOUT/ext/fmt/include
        validation/memory_peers/ramulator2.cpp -LCHECKOUT -lramulator -Wl,-rpath,CHECKOUT -o CHECKOUT/peer

(the record was taken with the sources that it needs compiled by gcc 12 -O2 in one piece, yaml-cpp 0.9.0, fmt 10.2.1).

How its policy is made ours, by what its source does:
- Device: every timing value is ours; it takes the same read to write turnaround.
- Order: `FRFCFS`, in every cycle the oldest request whose next command is allowed; rows stay open (`Open`).
- Queue: 32 reads, 32 writes. Writes are served from more than 0.8 of 32 on (26) or when no read waits, until fewer
  than 0.2 of 32 are left (6). A request leaves its buffer with its activate, in ours with its access; about two are
  between the two (tRCD over a quarter of tFAW), so our buffers have 34 entries, and drain to 8.
- A row that has just been opened is not closed before its request has used it, whatever is served: so with ours.
- Refresh: all banks when due (`AllBank`), after the requests whose rows were just opened; ours stand back at once.
- Mapping: addresses are rewritten, so that its row, bank, bank group, column from the top are our bits.
What differs: requests whose row it has opened go before all others, in ours only before younger ones. On DDR4-3200
that costs it up to 2% on random reads: 3 tRRD_S + tRCD is tFAW there, so the read of a fourth activate meets the
activate that tFAW allows next, which has to wait. It closes a row for an older request though younger ones want it;
reads of an address that waits to be written are answered at once.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pimsim.errors import InputError
from pimsim.memory.address import shifts, widths
from pimsim.memory.device import Device

from .dramsim3 import Run
from .setting import POLICIES, QUEUE, Requests

NAME = "Ramulator 2"
MAPPING = "ro ba bg ra co pc ch"
"""Of its `RoBaRaCoCh`, in our words."""
CONFIGURE = """
import json, sys
import ramulator as r
given = json.load(sys.stdin)
dram = r.dram.DDR4(org_preset="DDR4_8Gb_x8", timing_preset="DDR4_2400R", **given["dram"])
control = r.controller.GenericDDR(
    dram=dram, scheduler=r.scheduler.FRFCFS(), refresh_manager=r.refresh_manager.AllBank(),
    row_policy=r.row_policy.Open(), addr_mapper=r.addr_mapper.RoBaRaCoCh(), **given["buffers"])
memory = r.memory_system.GenericDRAM(
    clock_ratio=1, controllers=[control], channel_mapper=r.channel_mapper.CacheLineInterleave())
trace = r.frontend.LoadStoreTrace(clock_ratio=1, path=given["trace"])
print(json.dumps({"frontend": trace.to_config(), "memory_system": memory.to_config()}))
"""


def dram(memory: Device) -> dict[str, int]:
    """Its names for our organisation and timing."""
    t, shape = memory.timing, memory.organisation
    if memory.standard != "DDR4" or t.tRTW != t.tCL + t.burst + 2 - t.tCWL:
        raise InputError(f"Ramulator 2 is given DDR4 whose tRTW is tCL + burst + 2 - tCWL; {memory.name} is not")
    return {
        "rank": shape.ranks, "bankgroup": shape.bank_groups, "bank": shape.banks_per_group, "row": shape.rows,
        "column": shape.row_bytes // 8, "nBL": t.burst, "nCL": t.tCL, "nCWL": t.tCWL, "nRCD": t.tRCD, "nRP": t.tRP,
        "nRAS": t.tRAS, "nRC": t.tRC, "nWR": t.tWR, "nRTP": t.tRTP, "nCCDS": t.tCCD_S, "nCCDL": t.tCCD_L,
        "nRRDS": t.tRRD_S, "nRRDL": t.tRRD_L, "nWTRS": t.tWTR_S, "nWTRL": t.tWTR_L, "nFAW": t.tFAW, "nRFC": t.tRFC,
        "nREFI": t.tREFI,
    }  # fmt: skip


def rewritten(memory: Device, address: NDArray[np.int64]) -> NDArray[np.int64]:
    """The addresses that mean to it what these mean to us."""
    ours, theirs, bits = shifts(memory, POLICIES[NAME].mapping), shifts(memory, MAPPING), widths(memory)
    found = np.zeros_like(address)
    for field, width in bits.items():
        found |= (address >> ours[field] & (1 << width) - 1) << theirs[field]
    return found


def trace_text(address: NDArray[np.int64], is_write: NDArray[np.uint8]) -> str:
    """The trace as it reads one: LD or ST, address."""
    kinds = ("LD", "ST")
    return "".join(f"{kinds[w]} {a}\n" for a, w in zip(address.tolist(), is_write.tolist(), strict=True))


def run(checkout: Path, memory: Device, requests: Requests, expected: int) -> Run:
    """The trace on the program `peer` of its checkout; its last command comes in the cycle that is returned."""
    address, is_write = requests
    with tempfile.TemporaryDirectory() as folder:
        config, trace = Path(folder, "memory.json"), Path(folder, "trace.txt")
        trace.write_text(trace_text(rewritten(memory, address), is_write), "ascii")
        buffers = {"read_buffer_size": QUEUE, "write_buffer_size": QUEUE}
        given = json.dumps({"dram": dram(memory), "buffers": buffers, "trace": str(trace)})
        environment = os.environ | {"PYTHONPATH": str(checkout / "python")}
        words = [sys.executable, "-c", CONFIGURE]
        made = subprocess.run(words, check=True, input=given.encode(), env=environment, stdout=subprocess.PIPE)
        config.write_bytes(made.stdout)
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        words = [str(checkout / "peer"), str(config), str(len(address))]
        answer = subprocess.run(words, check=True, stdout=subprocess.PIPE).stdout.split()
        seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    done, cycles = int(answer[-2]), int(answer[-1])
    if done < len(address):
        raise RuntimeError(f"Ramulator 2 finished {done} of {len(address)} requests in {cycles} cycles")
    return Run(cycles, seconds)
