"""Do the shipped files with `memory.banks` load, name what there is, and leave the rest of reram_128 as it was?"""

import pytest

from pimsim.errors import InputError
from pimsim.hardware.load import load_hardware
from pimsim.memory.setup import setup_of

FILES = {"reram_128_ddr4": "ddr4_2400", "reram_128_hbm2_near": "hbm2_banks on hbm2", "reram_128_tables": "rerec"}


@pytest.mark.parametrize(("name", "memory"), FILES.items())
def test_a_shipped_file_names_its_memory(name: str, memory: str) -> None:
    machine, plain = load_hardware(name), load_hardware("reram_128")
    assert setup_of(machine).name == memory
    for part in ("technology", "precision", "crossbar", "pe", "tile", "chip", "network", "mapping"):
        assert getattr(machine, part) == getattr(plain, part)
    assert setup_of(plain).name == "hbm2"  # of its memory.kind


def test_settings_reach_the_memory_and_its_controller() -> None:
    asked = ["device=ddr4_3200", "set=organisation.ranks=4", "page=closed"]
    machine = load_hardware("reram_128", overrides=[f"memory.banks.{text}" for text in asked])
    setup = setup_of(machine)
    assert (setup.device.name, setup.device.organisation.ranks, setup.policy.page) == ("ddr4_3200", 4, "closed")
    near = setup_of(load_hardware("reram_128", overrides=["memory.banks.near=trim_b", "memory.banks.device=hbm2"]))
    assert near.name == "trim_b on hbm2"
    assert near.near is not None
    assert near.near.memory.name == "hbm2"
    assert setup_of(machine, "hbm3").device.name == "hbm3"


def test_a_controller_that_the_memory_does_not_suit_is_refused() -> None:
    machine = load_hardware("reram_128", overrides=["memory.banks.device=ddr4_2400", "memory.banks.refresh=per_bank"])
    with pytest.raises(InputError, match="ddr4_2400 has no per_bank refresh"):
        setup_of(machine)
