"""Does `pimsim macro` print what papers on macros print, and say what is wrong with its input?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pimsim.cli.macro import PARTS
from pimsim.cli.main import main
from pimsim.cost.macro import macro_figures
from pimsim.hardware.load import load_hardware

PAGE = Path(__file__).resolve().parents[2] / "docs" / "macros.md"


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """The file of the page."""
    path = tmp_path / "lee2022.yaml"
    path.write_text(PAGE.read_text("utf-8").split("```yaml\n")[1].split("```")[0], "utf-8")
    return path


def test_table_and_json_have_the_figures_of_a_full_array(example: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures = macro_figures(load_hardware(example), PARTS)
    assert figures.ops == 2 * 64 * 32
    assert figures.mvm_ns == pytest.approx(4 * 0.7625), "four bits, one a read; no converter is waited for"
    assert main(["macro", str(example), "--format", "json"]) == 0
    printed = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert printed == json.loads(json.dumps(figures.as_dict()))
    assert printed["tops_per_W"] == pytest.approx(figures.ops / sum(figures.energy_pJ.values()))
    assert printed["tops_per_W_interval"][0] < printed["tops_per_W"] < printed["tops_per_W_interval"][1]
    assert printed["tops"] == pytest.approx(4096 / (4 * 0.7625) * 1e-3)
    assert set(printed["energy_pJ"]) == set(PARTS)
    assert main(["macro", str(example)]) == 0
    table = capsys.readouterr().out
    assert "4-bit weights x 4-bit inputs, 1 MAC = 2 operations" in table
    assert f"{figures.tops_per_W:.4g} TOPS/W (80%: " in table


def test_parts_are_those_that_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "parts.csv"
    assert main(["macro", "jia2020", "--parts", "crossbar,adc", "--format", "csv", "--out", str(target)]) == 0
    lines = target.read_text("utf-8").splitlines()
    assert lines[0] == "component,energy_pJ,area_um2"
    assert [line.split(",")[0] for line in lines[1:]] == ["crossbar", "adc"]
    figures = macro_figures(load_hardware("jia2020"), ("crossbar", "adc"))
    assert [float(line.split(",")[1]) for line in lines[1:]] == list(figures.energy_pJ.values())
    capsys.readouterr()
    assert main(["macro", "jia2020", "--parts", "crossbar,acd"]) == 2
    error = capsys.readouterr().err
    assert error.startswith("pimsim: error: --parts: no component 'acd'; did you mean ")
    assert "components: crossbar, dac, sample_hold" in error


def test_the_page_names_keys_that_there_are() -> None:
    """Each `key` of the table, under one of the sections of the schema."""
    from pimsim.hardware.crossbar import Adc, Cell, Crossbar, Dac
    from pimsim.hardware.schema import Operands, Precision, Technology

    keys = {f"{name}.{key}" for name, model in (
        ("crossbar", Crossbar), ("crossbar.cell", Cell), ("cell", Cell), ("dac", Dac), ("adc", Adc),
        ("technology", Technology), ("precision", Precision), ("operands", Operands),
    ) for key in model.model_fields}  # fmt: skip
    named = [
        word for row in PAGE.read_text("utf-8").splitlines() if row.startswith("| ")
        for word in row.split("|")[2].split("`")[1::2] if "." in word
    ]  # fmt: skip
    assert len(named) >= 20
    assert [word for word in named if word.split(":")[0] not in keys] == []


def test_a_rule_broken_by_an_inherited_value_says_where_to_set_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("name: mine\nextends: reram_128\ncrossbar: {cell: {kind: sram}}\n", "utf-8")
    assert main(["configs", "check", str(path)]) == 2
    error = capsys.readouterr().err
    assert "crossbar.cell.bits: an SRAM cell stores 1 bit; got 2; it comes from the file that " in error
    assert f"mine.yaml extends: set crossbar.cell.bits in {path}" in error
