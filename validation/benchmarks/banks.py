"""Bank state machines: nanoseconds a request on a Zipf trace, first come first served and over a queue of 32."""

from __future__ import annotations

import time

import numpy as np

from pimsim.memory.device import load_device
from pimsim.memory.policy import Policy
from pimsim.memory.run import run_trace

from .measure import Measurement

REQUESTS = 2_000_000
BARS_NS = {"fcfs": 20.0, "frfcfs": 250.0}
"""50 and 4 million requests a second."""


def banks() -> list[Measurement]:
    """Both policies on one DDR4-3200 channel; processor time, best of five; the trace is in memory."""
    device, rng = load_device("ddr4_3200"), np.random.default_rng(0)
    share = np.cumsum(1.0 / np.arange(1, 1_000_001))
    rows = rng.permutation(1_000_000)[np.searchsorted(share / share[-1], rng.random(REQUESTS))]
    address = rows.astype(np.int64) * device.access_bytes
    found = []
    for scheduler, bar in BARS_NS.items():
        policy = Policy(scheduler=scheduler)  # type: ignore[arg-type]
        run_trace(device, policy, [(address[:1000], None, None)])
        seconds = []
        for _ in range(5):
            begin = time.process_time()
            result = run_trace(device, policy, [(address, None, None)])
            seconds.append(time.process_time() - begin)
        nanoseconds, commands = min(seconds) * 1e9 / REQUESTS, sum(
            result.counts[name] for name in ("activate", "read", "precharge")
        )  # fmt: skip
        detail = f"{1e3 / nanoseconds:.1f} million a second, {commands / REQUESTS:.2f} commands each"
        found.append(Measurement(f"bank kernel, {scheduler}, Zipf trace", nanoseconds, "ns", bar, detail))
    return found
