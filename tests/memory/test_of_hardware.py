"""Does every hardware description have a memory with banks, and is a name that is neither refused with the nearest?"""

from __future__ import annotations

from pathlib import Path

import pytest

from pimsim.data_files import data_folder
from pimsim.errors import InputError
from pimsim.hardware.library import shipped_files
from pimsim.hardware.load import load_hardware
from pimsim.memory.device import device_names
from pimsim.memory.of_hardware import DEVICE_OF, load_memory, memory_for


@pytest.mark.parametrize("name", [*shipped_files(), *device_names()])
def test_every_shipped_description_has_a_memory(name: str) -> None:
    found = load_memory(name)
    assert found.name == (name if name in device_names() else memory_for(load_hardware(name)).name)


def test_the_kind_of_memory_chooses_the_device() -> None:
    kinds = load_hardware("reram_128").memory.__class__.model_fields["kind"].annotation
    assert {*DEVICE_OF, "nvm"} == set(kinds.__args__)  # type: ignore[union-attr]
    for kind, device in {"hbm": "hbm2", "ddr5": "ddr5_4800", "gddr5": "gddr6_16000", "nvm": "rram"}.items():
        assert memory_for(load_hardware("reram_128", overrides=[f"memory.kind={kind}"])).name == device
    own = ["memory.banks.device=ddr4_3200", "memory.banks.set=organisation.ranks=2"]
    named = memory_for(load_hardware("reram_128", overrides=own), overrides=["organisation.rows=1024"])
    assert (named.name, named.organisation.ranks, named.organisation.rows) == ("ddr4_3200", 2, 1024)
    assert load_memory("hwconfigs/memory/hbm3.yaml").name == "hbm3"
    assert load_memory("reram_128.yaml", overrides=["organisation.channels=4"]).organisation.channels == 4


def test_files_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("name: mine\nextends: reram_128\nmemory: {kind: hbm3}\n")
    assert load_memory("mine.yaml").name == "hbm3"
    shipped = data_folder("hwconfigs") / "memory" / "ddr4_2400.yaml"
    Path("dimm.yaml").write_bytes(shipped.read_bytes())
    assert load_memory("dimm.yaml").name == "ddr4_2400"
    Path("none.yaml").write_text("name: none\ncrossbar: {rows: 4}\n")
    with pytest.raises(InputError) as raised:
        load_memory("none.yaml")
    assert any(line.startswith("none.yaml:1:1: memory: missing") for line in raised.value.problems), raised.value
    Path("neither.yaml").write_text("colour: red\n")
    with pytest.raises(InputError, match=r"^neither.yaml:1:"):
        load_memory("neither.yaml")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("ddr4_3201", "no file 'ddr4_3201', and no memory or hardware description of that name is shipped; "
                      "did you mean 'ddr4_3200'?"),
        ("reram_12", "no file 'reram_12', and no memory or hardware description of that name is shipped; "
                     "did you mean 'reram_128'?"),
        ("trim", "no file 'trim', and no memory or hardware description of that name is shipped; did you mean 'trim_"),
        ("", "no file '', and no memory"), ("a\0b", "no file 'a\\x00b', and no memory"), ("x" * 5000, "no file 'xxx"),
        (".", "no file '.', and no memory"),
    ],
)  # fmt: skip
def test_what_is_neither_is_refused(asked: str, said: str) -> None:
    with pytest.raises(InputError) as raised:
        load_memory(asked)
    assert str(raised.value).startswith(said)
    assert len(str(raised.value)) < 600
