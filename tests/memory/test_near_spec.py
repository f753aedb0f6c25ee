"""Are near memories data: read from files, changed from outside, and refused with the place of what is wrong?"""

from __future__ import annotations

from pathlib import Path

import pytest

from pimsim.errors import InputError
from pimsim.memory.device import load_device
from pimsim.memory.near.spec import is_near, load_near, near_names

MINE = """\
name: mine
description: adders at every rank of DDR4-3200
source: "my own data sheet"
level: rank
memory: ddr4_3200
memory_set: [organisation.ranks=2]
banks: {sums_in: buffer}
"""


def write(folder: Path, text: str) -> str:
    path = folder / "mine.yaml"
    path.write_text(text, "utf-8")
    return str(path)


@pytest.mark.parametrize("name", near_names())
def test_every_shipped_file_names_its_paper(name: str) -> None:
    near = load_near(name)
    assert near.spec.name == name
    assert is_near(name)
    assert any(venue in near.spec.source for venue in ("ISCA", "MICRO", "ISSCC", "ICCAD", "arXiv"))


def test_every_level_of_the_papers_is_shipped() -> None:
    levels = {load_near(name).spec.level for name in near_names()}
    assert levels == {"rank", "bank_group", "bank", "dpu", "crossbar"}


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    near = load_near(write(tmp_path, MINE), overrides=["device.organisation.ranks=8", "banks.queue=5"])
    assert near.memory.name == "ddr4_3200"
    assert near.memory.organisation.ranks == 8
    assert near.spec.banks is not None
    assert near.spec.banks.queue == 5
    assert is_near(tmp_path / "mine.yaml")
    assert near.with_memory(load_device("hbm2")).memory.name == "hbm2"


def test_a_file_that_extends_one(tmp_path: Path) -> None:
    write(tmp_path, MINE)
    (tmp_path / "more.yaml").write_text("extends: mine.yaml\nname: more\nmemory_set: []\n", "utf-8")
    assert is_near(tmp_path / "more.yaml")
    assert load_near(tmp_path / "more.yaml").memory.organisation.ranks == 1


def test_plain_memories_are_none(tmp_path: Path) -> None:
    assert not is_near("ddr4_2400")
    assert not is_near("hwconfigs/memory/hbm2.yaml")
    assert not is_near("nowhere.yaml")


def test_clocks_are_those_of_the_level() -> None:
    assert load_near("recnmp").clock_MHz == 1200
    assert load_near("upmem").clock_MHz == 350
    assert load_near("rerec").clock_MHz == 1000


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("level: rank", "level: chip"), r"mine.yaml:4:8: level: must be one of rank, bank_group, .*; got text 'chip'"),
        (
            ("level: rank", "level: dpu"),
            r"mine.yaml:7:8: banks: level dpu has no section banks\n.*dpu: level dpu needs section dpu",
        ),
        (("sums_in: buffer", "together: banks"), "level rank takes none, ranks; got banks"),
        (
            ("sums_in: buffer", "together: ranks, cache_bytes: 64"),
            "units that act together have no cache_bytes of their own",
        ),
        (("sums_in: buffer", "queue: 0"), r"mine.yaml:7:16: banks.queue: out of range; got 0; allowed 1 to 4096"),
        (("ddr4_3200", "ddr4_3300"), "no memory file 'ddr4_3300', and none of that name is shipped; did you mean"),
        (("ddr4_3200", "../ddr4"), "memory: '../ddr4': give a shipped name, or a file beside this one"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        load_near(write(tmp_path, MINE.replace(*change)))


def test_the_nearest_name_is_said() -> None:
    with pytest.raises(InputError, match="no near memory 'trimg'; did you mean 'trim_g'"):
        load_near("trimg")
