"""Are shipped configurations found by every spelling, sound, and the same after a trip through YAML?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pimsim import data_files
from pimsim.data_files import data_folder
from pimsim.errors import InputError
from pimsim.hardware.export import json_schema, resolved_yaml
from pimsim.hardware.library import find_hardware, shipped_configs, shipped_files
from pimsim.hardware.load import hardware_warnings, load_hardware, load_hardware_file
from pimsim.hardware.schema import Hardware


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "spelling", ["reram_128", "reram_128.yaml", "hwconfigs/reram_128.yaml", "./hwconfigs/reram_128"]
)
def test_shipped_names(elsewhere: Path, spelling: str) -> None:
    assert find_hardware(spelling).samefile(data_folder("hwconfigs") / "reram_128.yaml")


def test_an_existing_file_wins_but_a_folder_does_not(elsewhere: Path) -> None:
    (elsewhere / "isaac").mkdir()
    assert find_hardware("isaac").samefile(data_folder("hwconfigs") / "isaac.yaml")
    (elsewhere / "isaac.yaml").write_text("name: mine\n")
    assert find_hardware("isaac.yaml") == Path("isaac.yaml")
    assert find_hardware(elsewhere / "isaac.yaml") == elsewhere / "isaac.yaml"


def test_unknown_names(elsewhere: Path) -> None:
    def message(name: str) -> str:
        with pytest.raises(InputError) as caught:
            load_hardware(name)
        return str(caught.value)

    assert message("reram_12") == (
        "no hardware file 'reram_12', and none of that name is shipped; did you mean 'reram_128'?"
        " ('pimsim configs' lists them)"
    )
    assert f"shipped: {', '.join(shipped_files())} ('pimsim configs' lists them)" in message("zzzzz")
    assert "no hardware file 'x/reram_128.yaml'" in message("x/reram_128.yaml")
    assert message("") == "hardware must be a file or the name of a shipped one; got ''"
    assert message("a\0b") == "hardware must be a file or the name of a shipped one; got 'a\\x00b'"
    assert message(str(elsewhere)) == f"'{elsewhere}' is a folder; give a YAML file"
    assert "no hardware file 'nnn" in message("n" * 5000)


def test_every_shipped_configuration_has_a_name_and_a_description() -> None:
    listed = shipped_configs()
    assert {"isaac", "reram_128"} <= {name for name, _ in listed}
    for name, description in listed:
        assert description, name
        assert "\n" not in description


@pytest.mark.parametrize("name", sorted(shipped_files()))
def test_shipped_configurations_load_again_from_their_resolved_form(elsewhere: Path, name: str) -> None:
    loaded = load_hardware_file(name)
    assert loaded.places[""].line is not None
    assert loaded.places["crossbar.rows"].line is not None
    (elsewhere / "again.yaml").write_text(resolved_yaml(loaded.hardware), encoding="utf-8")
    again = load_hardware("again.yaml")
    assert again == loaded.hardware
    assert resolved_yaml(again) == resolved_yaml(loaded.hardware)
    assert hash(again) == hash(loaded.hardware)


@settings(max_examples=60, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30), rate=st.floats(1e-300, 100))
def test_any_text_and_any_number_survive_the_resolved_form(tmp_path_factory: Any, text: str, rate: float) -> None:
    base = load_hardware("reram_128").model_dump(mode="json")
    base["name"] = text
    base["crossbar"]["adc"]["rate_GSps"] = rate
    hardware = Hardware.model_validate_json(json.dumps(base))
    path = tmp_path_factory.mktemp("again") / "hw.yaml"
    path.write_bytes(resolved_yaml(hardware).encode())
    assert load_hardware(path) == hardware


@pytest.mark.parametrize(
    "text", ["on", "1e-9", "1_000", "010", "~", "null", "1:30", ".inf", "12", "x: y", "# a", "a\x85b"]
)
def test_text_that_looks_like_something_else_survives(elsewhere: Path, text: str) -> None:
    hardware = load_hardware("reram_128").model_copy(update={"name": text})
    (elsewhere / "again.yaml").write_bytes(resolved_yaml(hardware).encode())
    assert load_hardware("again.yaml").name == text


def test_resolved_form_holds_defaults_and_leaves_out_what_is_computed() -> None:
    text = resolved_yaml(load_hardware("reram_128"))
    assert "schedule: " in text
    assert "null" not in text


def test_warnings_come_with_places(elsewhere: Path) -> None:
    (elsewhere / "wasteful.yaml").write_text(
        "extends: reram_128\nprecision:\n  input_bits: 4\ncrossbar:\n  dac:\n    bits: 6\n"
    )
    lines = hardware_warnings(load_hardware_file("wasteful.yaml"))
    dac = [line for line in lines if "crossbar.dac.bits" in line]
    assert len(dac) == 1
    assert dac[0].startswith("wasteful.yaml:6:11: warning: crossbar.dac.bits: a DAC of 6 bits for inputs of 4 bits")
    lines = hardware_warnings(load_hardware_file("wasteful.yaml", overrides=["crossbar.dac.bits=7"]))
    assert any(line.startswith("--set crossbar.dac.bits=7: warning: crossbar.dac.bits: a DAC of 7") for line in lines)


def test_faults_of_the_real_schema(elsewhere: Path) -> None:
    (elsewhere / "hw.yaml").write_text(
        "extends: reram_128\ncrossbar:\n  cell:\n    kind: rerm\n  adc:\n    bits: 0\n"
        "    energy_nJ: 1\nchip: {tiles: 0}\n"
    )
    with pytest.raises(InputError) as caught:
        load_hardware("hw.yaml")
    kind, bits, unit, tiles = caught.value.problems
    assert kind.startswith("hw.yaml:4:11: crossbar.cell.kind: must be one of reram, ")
    assert kind.endswith("; got text 'rerm'; did you mean 'reram'?")
    assert bits == "hw.yaml:6:11: crossbar.adc.bits: out of range; got 0; allowed 1 to 16"
    assert unit == "hw.yaml:7:5: crossbar.adc.energy_nJ: unit: use energy_pJ (1 nJ = 1000 pJ); write energy_pJ: 1000"
    assert tiles.startswith("hw.yaml:8:15: chip.tiles: out of range; got 0; allowed 1 to ")


def test_rules_between_fields_of_the_real_schema(elsewhere: Path) -> None:
    (elsewhere / "hw.yaml").write_text(
        "extends: reram_128\ncrossbar:\n  columns: 128\n  adc:\n    columns_per_adc: 4096\n"
        "  cell:\n    r_on_ohm: 1e7\n    r_off_ohm: 1e6\n"
    )
    with pytest.raises(InputError) as caught:
        load_hardware("hw.yaml")
    assert [line.split(": ")[:2] for line in caught.value.problems] == [["hw.yaml:7:15", "crossbar.cell.r_on_ohm"]]
    with pytest.raises(InputError) as caught:
        load_hardware("hw.yaml", overrides=["crossbar.cell.r_on_ohm=1e5"])
    (line,) = caught.value.problems
    assert line.startswith("hw.yaml:5:22: crossbar.adc.columns_per_adc: ")


def test_schema_for_editors() -> None:
    schema = json.loads(json.dumps(json_schema()))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["title"]
    assert schema["description"]
    assert next(iter(schema["properties"])) == "extends"
    assert schema["additionalProperties"] is False
    assert "required" not in schema
    assert schema["if"] == {"not": {"required": ["extends"]}}
    assert {"name", "crossbar"} <= set(schema["then"]["required"])
    assert all("required" not in section for section in schema["$defs"].values())
    assert schema["$defs"]["Adc"]["properties"]["bits"]["description"]


def test_an_installed_package_holds_its_own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site" / "pimsim"
    (package / "_data" / "hwconfigs").mkdir(parents=True)
    (package.parent / "traces").mkdir()
    monkeypatch.setattr(data_files, "__file__", str(package / "data_files.py"))
    assert data_folder("hwconfigs") == package / "_data" / "hwconfigs"
    # Another package's folder of the same name is not ours.
    with pytest.raises(FileNotFoundError, match="the folder 'traces' is missing from this installation of pimsim"):
        data_folder("traces")
