"""Is what CONTRIBUTING.md promises about adding an ADC true?"""

from pathlib import Path
from typing import get_args

import pytest

import pimsim
from pimsim.components import adc, explain
from pimsim.components.process import View
from pimsim.hardware.crossbar import Adc

PAGE = (Path(__file__).resolve().parent.parent / "CONTRIBUTING.md").read_text("utf-8")


@pytest.fixture
def example(tmp_path: Path) -> Path:
    behind = PAGE.split("```yaml\n")[1]
    path = tmp_path / "my_adc.yaml"
    path.write_text(behind.split("```")[0], "utf-8")
    return path


def test_one_yaml_file_is_a_new_adc(example: Path) -> None:
    hardware = pimsim.load_hardware(example)
    assert hardware.name == "my_adc"
    rows = {row["quantity"]: row for row in explain(hardware, "adc")}
    assert (rows["energy_pJ"]["value"], rows["energy_pJ"]["origin"]) == (0.9, "given")
    assert (rows["area_um2"]["value"], rows["area_um2"]["origin"]) == (800, "given")
    assert rows["energy_pJ"]["source"] == hardware.crossbar.adc.source
    assert explain(hardware, "dac") == explain(pimsim.load_hardware("reram_128"), "dac"), "the rest stays"


def test_every_kind_that_files_may_name_has_its_figures_and_no_other() -> None:
    kinds = set(get_args(Adc.model_fields["kind"].annotation))
    assert kinds == set(adc.KINDS) == {*adc.CONVERTERS, "none"}


def test_every_converter_has_what_the_page_asks_of_a_new_one() -> None:
    for name in ("energy_pJ(hw)", "area_um2(hw, conversion_pJ)", "latency_ns(hw)", "`FORMULA`", "`CONVERTERS`"):
        assert name in PAGE
    for kind, module in adc.CONVERTERS.items():
        hw = View(pimsim.load_hardware("reram_128", overrides=[f"crossbar.adc.kind={kind}", "crossbar.adc.bits=5"]))
        energy_pJ = module.energy_pJ(hw)
        assert energy_pJ > 0, kind
        assert module.area_um2(hw, energy_pJ) > 0, kind
        assert module.latency_ns(hw) > 0, kind
        assert module.FORMULA, kind


def test_the_page_names_files_that_are_there() -> None:
    root = Path(__file__).resolve().parent.parent
    for name in ("pimsim/components/adc.py", "pimsim/components/registry.py", "pimsim/hardware/crossbar.py", ".ci/run"):
        assert name in PAGE
        assert (root / name).is_file()
