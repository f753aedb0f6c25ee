"""Programmed cores at the banks (UPMEM): rows come by DMA into a scratchpad, threads add them.

A transfer of s bytes takes alpha + beta x s cycles of the core (J. Gómez-Luna et al., arXiv:2105.03814, section 3.2);
the one engine of a core makes one at a time. A thread issues an instruction every `issue_cycles` at most,
or every `tasklets` when there are more threads than that. The host sends indices before and fetches sums after, ranks
side by side, every core of a rank a buffer of the same size (that of the busiest), as the SDK's parallel transfers do.
"""

from __future__ import annotations

import math

import numpy as np

from pimsim.errors import InputError
from pimsim.memory.near import kernels as near_kernels
from pimsim.memory.near.lookups import Floats, Ints, Lookups, gathered
from pimsim.memory.near.result import NearResult
from pimsim.memory.near.spec import Dpu, Near
from pimsim.memory.run import kernel


class Cores:
    """Cores of all ranks, and what they have done so far. A feed is one launch: indices in, sums out."""

    def __init__(self, near: Near):
        assert near.spec.dpu is not None
        self.near, self.dpu = near, near.spec.dpu
        self.ranks = near.memory.channels * near.memory.organisation.ranks
        self.cores = self.ranks * self.dpu.per_rank
        self.end = self.busy = 0.0
        self.lookups = self.bags = self.sums = self.sent = self.fetched = 0

    def feed(self, asked: Lookups) -> Ints:
        """Cycle at which the sums of every bag are at the host: that of the whole launch."""
        dpu, cores = self.dpu, self.cores
        if not len(asked.address):
            return asked.arrival.copy()
        if asked.address.max() >= cores * dpu.memory_bytes:
            name = self.near.spec.name
            raise InputError(f"{name}: rows stand outside its {cores:,} cores of {dpu.memory_bytes:,} bytes")
        slot, _ = asked.slots(self.near.memory.access_bytes)
        own = np.minimum(asked.bytes, dpu.slice_bytes or asked.bytes)
        # Cores side by side do the same on their slices: one of them stands for all.
        cores //= int((-(-asked.bytes // own)).max())
        if not cores:
            raise InputError(f"{self.near.spec.name}: a row in slices of {dpu.slice_bytes} bytes needs more cores")
        core = slot % cores
        sizes = -(-own // dpu.dma_bytes) * dpu.dma_bytes
        dma, add = transfer_cycles(dpu, sizes)[asked.bag], self._add_cycles(own)[asked.bag]
        sent = int(np.bincount(core).max()) * dpu.index_bytes * dpu.per_rank
        begin = max(self.end, float(asked.arrival[-1])) + self._cycles(sent, dpu.to_cores_GBps)
        end, thread, engine = np.zeros(len(core)), np.zeros(cores * dpu.tasklets), np.zeros(cores)
        kernel(near_kernels, "on_cores", len(core))(
            core, np.zeros(len(core)), dma, add, dpu.tasklets, thread, engine, end
        )
        bag, of, _ = gathered(asked.bag, core, cores, end)
        held = np.zeros(cores, dtype=np.int64)
        np.add.at(held, of, sizes[bag])
        fetched = int(held.max()) * dpu.per_rank
        self.busy += float(end.max())
        self.end = begin + float(end.max()) + self._cycles(fetched, dpu.from_cores_GBps)
        self.lookups, self.bags, self.sums = self.lookups + len(core), self.bags + asked.bags, self.sums + len(bag)
        self.sent, self.fetched = self.sent + sent * self.ranks, self.fetched + fetched * self.ranks
        return np.full(asked.bags, math.ceil(self.end), dtype=np.int64)

    def finish(self, done: Ints) -> NearResult:
        """The answer over everything fed."""
        near = self.near
        energy = {
            "cores": self.busy * 1000.0 / self.dpu.clock_MHz * self.dpu.power_mW * self.cores,
            "io": 8 * (self.sent + self.fetched) * near.memory.io_pJ_per_bit,
        }
        counts = {
            "transfers": self.lookups, "cores": self.cores, "bytes_to_cores": self.sent,
            "bytes_from_cores": self.fetched,
        }  # fmt: skip
        return NearResult(
            near.spec.name, near.memory.name, near.clock_MHz, math.ceil(self.end), self.lookups, self.bags, self.sums,
            counts, energy, done,
        )  # fmt: skip

    def _add_cycles(self, size: Ints) -> Floats:
        elements = 8 * size / self.near.spec.element_bits
        cycles: Floats = self.dpu.instructions_per_add * elements * max(self.dpu.issue_cycles, self.dpu.tasklets)
        return cycles

    def _cycles(self, size: int, GBps: float) -> float:
        return size / GBps * self.dpu.clock_MHz * 1e-3


def transfer_cycles(dpu: Dpu, size: Ints) -> Floats:
    """Cycles of a transfer of `size` bytes between bank and scratchpad."""
    cycles: Floats = dpu.dma_cycles + dpu.dma_cycles_per_byte * size.astype(np.float64)
    return cycles
