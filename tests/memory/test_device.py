"""Are the shipped memories sound, and does a wrong device, policy or request say what is wrong and where?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pimsim.errors import InputError
from pimsim.memory.address import compose, decode
from pimsim.memory.device import device_names, load_device
from pimsim.memory.policy import Policy
from pimsim.memory.run import Memory

STANDARDS = {"DDR4", "DDR5", "LPDDR4", "LPDDR5", "GDDR6", "HBM2", "HBM3", "RRAM", "PCM", "STT"}


def test_every_standard_has_a_device() -> None:
    assert {load_device(name).standard for name in device_names()} == STANDARDS


@pytest.mark.parametrize("name", device_names())
def test_a_shipped_device_is_named_as_its_file_and_obeys_its_own_sums(name: str) -> None:
    device = load_device(name)
    timing = device.timing
    assert device.name == name
    assert timing.tRC >= timing.tRAS
    assert timing.tRRD_L >= timing.tRRD_S
    assert timing.tWTR_L >= timing.tWTR_S
    assert timing.tFAW >= 4 * timing.tRRD_S or timing.tFAW >= timing.tRRD_S
    assert timing.tRTW == pytest.approx(timing.tCL + timing.burst - timing.tCWL + 2, abs=8)


@pytest.mark.parametrize("name", device_names())
def test_the_peak_bandwidth_is_the_description_s(name: str) -> None:
    """GB/s of a (pseudo-)channel from clock, burst and access: what the standard's data rate and width give."""
    device = load_device(name)
    channel = device.access_bytes / device.ns(device.timing.burst)  # GB/s
    expected = {
        "ddr4_2400": 19.2, "ddr4_3200": 25.6, "ddr5_4800": 19.2, "hbm2": 16.0, "hbm3": 25.6, "gddr6_16000": 32.0,
        "lpddr4_3200": 6.4, "lpddr5_6400": 12.8, "pcm": 6.4, "stt": 32 / 3, "rram": 12.8,
    }  # fmt: skip
    assert channel == pytest.approx(expected[name])


@pytest.mark.parametrize("mapping", ["ro ba ra co bg pc ch", "ch pc ra bg ba ro co", "ro co ba bg ra pc ch"])
def test_addresses_and_places_are_each_other_s_inverse(mapping: str) -> None:
    device, rng = load_device("hbm2"), np.random.default_rng(3)
    shape = device.organisation
    limits = {
        "channel": shape.channels, "pseudo": shape.pseudo_channels, "rank": shape.ranks, "group": shape.bank_groups,
        "bank": shape.banks_per_group, "row": shape.rows, "column": shape.row_bytes // shape.access_bytes,
    }  # fmt: skip
    places = {name: rng.integers(0, limit, 200) for name, limit in limits.items()}
    address = compose(device, mapping, **places)
    assert address.max() < device.capacity_bytes
    found = decode(device, mapping, address + rng.integers(0, device.access_bytes, 200))
    for name, values in places.items():
        assert found[name].tolist() == values.tolist()


def test_a_place_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InputError, match="ddr4_3200: bank is 0 to 3; got 4"):
        compose(load_device("ddr4_3200"), Policy().mapping, bank=[4])


def test_an_unknown_device_names_the_nearest() -> None:
    with pytest.raises(InputError, match=r"no memory file 'ddr4_2401', and none .* shipped; did you mean 'ddr4_2400'"):
        load_device("ddr4_2401")
    with pytest.raises(InputError, match="shipped: ddr4_2400, ddr4_3200"):
        load_device("xyz")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("organisation.rows=65535", "rows is a power of two; got 65535"),
        ("timing.tRC=20", "tRC holds tRAS and the precharge: at least 39; got 20"),
        ("timing.tCCD_S=3", "data of two accesses would overlap: tCCD_S >= burst = 4"),
        ("timing.tCCD_L=3", "tCCD_L is no shorter than tCCD_S = 4; got 3"),
        ("timing.tRFC=9360", "a refresh must end before the next: 1 to 9359; got 9360"),
        ("organisation.access_bytes=16384", "one access is no larger than a row"),
        ("organisation.channels=16777216", "at most 65536 banks in all"),
    ],
)
def test_an_impossible_device_is_refused(override: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        load_device("ddr4_2400", overrides=[override])


def test_a_fault_in_a_file_has_its_place(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    text = Path(__file__).parents[2].joinpath("hwconfigs/memory/ddr4_3200.yaml").read_text("utf-8")
    file.write_text(text.replace("  tCWL: 16", "  tCWL: fast"), "utf-8")
    line = next(n for n, row in enumerate(text.splitlines(), 1) if "tCWL" in row)
    with pytest.raises(InputError, match=rf"mine\.yaml:{line}:9: timing\.tCWL"):
        load_device(file)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"scheduler": "lifo"}, "policy: scheduler must be one of fcfs, frfcfs; got 'lifo'"),
        ({"page": "ajar"}, "policy: page must be one of open, closed; got 'ajar'"),
        ({"queue": 0}, "policy: queue must be a whole number from 1 to 4096; got 0"),
        ({"postpone": 9}, "policy: postpone must be a whole number from 0 to 8; got 9"),
        ({"scheduler": "frfcfs", "write_queue": 8}, "drain_low < drain_high <= write_queue is needed; got 0, 0, 8"),
        ({"write_queue": 8, "drain_high": 4}, "fcfs keeps reads and writes in order"),
        ({"mapping": "ro ba co"}, "mapping names each of ro co ba bg ra pc ch once"),
    ],
)
def test_an_impossible_policy_is_refused(wrong: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Policy(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("scheduler", ["fcfs", "frfcfs"])
def test_a_wrong_request_is_named(scheduler: str) -> None:
    device, policy = load_device("ddr4_3200"), Policy(scheduler=scheduler)  # type: ignore[arg-type]
    outside = rf"request 2: address {8 << 30} is outside ddr4_3200, which has {8 << 30} bytes"
    with pytest.raises(InputError, match=outside):
        Memory(device, policy).feed(np.array([0, 64, 8 << 30]))
    memory = Memory(device, policy)
    memory.feed(np.array([0, 64]), arrival=np.array([5, 9]))
    with pytest.raises(InputError, match="request 2: arrives at cycle 8, before the one ahead of it"):
        memory.feed(np.array([0]), arrival=np.array([8]))
    with pytest.raises(InputError, match="is_write has 1 entries for 2 requests"):
        Memory(device, policy).feed(np.array([0, 64]), np.array([1], dtype=np.uint8))


def test_a_refresh_that_the_device_lacks_is_refused() -> None:
    with pytest.raises(InputError, match="ddr4_2400 has no same_bank refresh; give all_bank, or its tRFC_sb in"):
        Memory(load_device("ddr4_2400"), Policy(refresh="same_bank"))
