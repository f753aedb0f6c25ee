"""What both simulators are given: devices, the policy, traces."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from pimsim.errors import InputError, printable
from pimsim.memory.device import Device, load_device
from pimsim.memory.policy import Policy

Requests = tuple[NDArray[np.int64], NDArray[np.uint8]]

QUEUE = 32
POLICY = Policy(scheduler="frfcfs", queue=QUEUE, hit_cap=4, mapping="ro ch pc ra ba co bg")
POLICIES = {
    "DRAMsim3": POLICY,
    "Ramulator 2": replace(POLICY, hit_cap=0, queue=QUEUE + 2, write_queue=QUEUE + 2, drain_high=26, drain_low=6 + 2),
}
"""Ours for each of the others; the file of each says why it is theirs."""

DEVICES = {
    "ddr4_2400": ("organisation.ranks=1", "organisation.chips_per_rank=8"),
    "ddr4_3200": (),
    "hbm2": ("organisation.channels=1", "organisation.pseudo_channels=1", "timing.activate_cycles=1"),
}
"""Shipped devices, and what is changed in them: one rank of one channel, no chips for check bits; an activate of HBM2
takes one cycle, as in DRAMsim3."""

KINDS = [f"{name}{writes}" for name in ("stream", "random", "zipf") for writes in ("", ", writes")]
"""Traces: reading only, and with 30% writes."""
LINES = 1_000_000
"""Different accesses of the Zipf traces."""
WRITES = 0.3
WINDOW = 128
"""An address does not come again within so many requests: four times as many as wait."""


def device(name: str) -> Device:
    """The shipped device as both simulate it. Raises InputError for one that is not compared."""
    if name not in DEVICES:
        raise InputError(f"devices to compare are {', '.join(DEVICES)}; got '{printable(name)}'")
    return load_device(name, overrides=DEVICES[name])


def traces(memory: Device, count: int, seed: int = 0) -> dict[str, Requests]:
    """Byte addresses and writes of `count` requests: a stream, random accesses, and accesses drawn by Zipf's law
    (exponent 1); each reading only, and with 30% writes."""
    rng, size = np.random.default_rng(seed), memory.access_bytes
    share = np.cumsum(1.0 / np.arange(1, LINES + 1))
    place = rng.permutation(LINES)
    addresses = {
        "stream": np.arange(count, dtype=np.int64) * size,
        "random": apart(rng.integers(0, memory.capacity_bytes // size, count + count // 100 + WINDOW) * size)[:count],
        "zipf": apart(place[np.searchsorted(share / share[-1], rng.random(2 * count + WINDOW))] * size)[:count],
    }
    found = {}
    for name, address in addresses.items():
        assert len(address) == count
        found[name] = (address, np.zeros(count, dtype=np.uint8))
        found[f"{name}, writes"] = (address, (rng.random(count) < WRITES).astype(np.uint8))
    return found


def apart(address: NDArray[np.int64], window: int = WINDOW) -> NDArray[np.int64]:
    """The trace without the requests whose address was among the last `window` kept ones."""
    kept: list[int] = []
    last: dict[int, int] = {}
    for one in address.tolist():
        if len(kept) - last.get(one, -window - 1) > window:
            last[one] = len(kept)
            kept.append(one)
    return np.array(kept, dtype=np.int64)
