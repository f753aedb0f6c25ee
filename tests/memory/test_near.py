"""Does reduction near the banks read the same rows, and does it speed up as its papers say it must?"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from pimsim.errors import InputError
from pimsim.memory.address import decode
from pimsim.memory.device import Device, load_device
from pimsim.memory.near import LEVELS, Level, reduce_bags, unit_addresses, unit_device, units_of
from pimsim.memory.policy import Policy

POLICY = Policy(scheduler="frfcfs", mapping="ro ba bg ra co pc ch")


def bags(device: Device, count: int, pooling: int, row_bytes: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Uniform lookups of rows of a table that fills the memory."""
    rng = np.random.default_rng(5)
    address = rng.integers(0, device.capacity_bytes // row_bytes, count * pooling) * row_bytes
    return address, np.arange(0, count * pooling, pooling)


@pytest.mark.parametrize("level", LEVELS)
def test_units_hold_what_their_banks_held(level: Level) -> None:
    device = load_device("ddr4_2400")
    near = unit_device(device, level)
    assert near.channels == units_of(device, level)
    assert near.capacity_bytes == device.capacity_bytes
    address, _ = bags(device, 50, 20, 64)
    moved = unit_addresses(device, POLICY.mapping, level, address)
    assert len(set(moved.tolist())) == len(set(address.tolist()))
    before, after = decode(device, POLICY.mapping, address), decode(near, "ro ba ra bg co pc ch", moved)
    assert after["row"].tolist() == before["row"].tolist()
    assert after["column"].tolist() == before["column"].tolist()


def test_more_ranks_more_speed_up() -> None:
    """RecNMP's figure 14 in kind: the channel bus bounds the host; ranks read side by side."""
    found = []
    for ranks in (1, 2, 4, 8):
        device = load_device("ddr4_2400", overrides=[f"organisation.ranks={ranks}"])
        address, offsets = bags(device, 100, 80, 64)
        found.append(reduce_bags(device, POLICY, "rank", address, offsets, 64).speed_up)
    assert found[0] == pytest.approx(1.0, abs=0.02)
    assert found == sorted(found)
    assert found[-1] > 2 * found[0]


def test_sums_bound_small_bags() -> None:
    """With one row a bag nothing is saved on the bus."""
    device = load_device("ddr4_2400")
    address, offsets = bags(device, 4000, 1, 64)
    assert reduce_bags(device, POLICY, "bank", address, offsets, 64).near_cycles >= 4000 * device.timing.tCCD_S


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(InputError, match="level must be one of rank, bank_group, bank; got 'chip'"):
        units_of(load_device("ddr4_2400"), "chip")  # type: ignore[arg-type]
