"""Is every shipped memory served alike by kernels and cycle-by-cycle model, and is each of its commands allowed?"""

from __future__ import annotations

import numpy as np
import pytest

from pimsim.memory.address import compose
from pimsim.memory.checker import check_log
from pimsim.memory.device import Device, device_names, load_device
from pimsim.memory.policy import Policy
from pimsim.memory.reference import as_log, run_reference
from pimsim.memory.run import Memory

REFRESHED = {"ddr4_2400", "ddr4_3200", "ddr5_4800", "lpddr4_3200", "lpddr5_6400", "gddr6_16000", "hbm2", "hbm3"}


def policies(device: Device) -> list[Policy]:
    """In order with open pages and all-bank refresh; out of order with closed pages, a write buffer, and the finest
    refresh that the device has."""
    timing = device.timing
    finest = "per_bank" if timing.tRFC_pb else "same_bank" if timing.tRFC_sb else "all_bank"
    buffered = {"write_queue": 4, "drain_high": 3, "drain_low": 1}
    return [
        Policy(postpone=1),
        Policy(scheduler="frfcfs", queue=8, page="closed", refresh=finest, **buffered),  # type: ignore[arg-type]
    ]


@pytest.mark.parametrize("name", device_names())
def test_kernels_model_and_rules_agree(name: str) -> None:
    shape = load_device(name).organisation
    sets = ["organisation.channels=1"]
    if name in REFRESHED:  # refreshes that a hundred requests meet
        sets += ["timing.tREFI=2400", "timing.tRFC=300"]
    device, rng, n = load_device(name, overrides=sets), np.random.default_rng(5), 100
    for policy in policies(device):
        address = compose(
            device, policy.mapping, pseudo=rng.integers(0, shape.pseudo_channels, n),
            rank=rng.integers(0, shape.ranks, n), group=rng.integers(0, shape.bank_groups, n),
            bank=rng.integers(0, min(2, shape.banks_per_group), n), row=rng.integers(0, 3, n),
        )  # fmt: skip
        write, arrival = (rng.random(n) < 0.3).astype(np.uint8), np.cumsum(rng.integers(0, 60, n))
        memory = Memory(device, policy, done_times=True, log=20_000)
        memory.feed(address, write, arrival)
        result = memory.finish()
        assert result.log is not None
        assert result.done is not None
        done, commands = run_reference(device, policy, address.tolist(), write.tolist(), arrival.tolist())
        assert result.done.tolist() == done
        banks = device.organisation.ranks * device.banks_per_rank
        ours = sorted((b // banks, t, c, -1 if c >= 6 else b, row, k) for t, c, b, row, k in result.log.tolist())
        assert ours == as_log(device, commands)
        findings = check_log(device, policy, result.log.tolist(), arrival.tolist())
        assert findings.faults + findings.late == []
        assert (result.counts["refresh"] > 0) == (name in REFRESHED)
