"""Is a component from outside the tree taken as it is, and is every way in which it can fail told in one line?"""

from __future__ import annotations

import os
import re
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from pimsim.components import REGISTRY, plugins, prices
from pimsim.errors import InputError
from pimsim.hardware.export import resolved_yaml
from pimsim.hardware.load import load_hardware

GOOD = """
from dataclasses import dataclass
SOURCE = "made up"
@dataclass(frozen=True)
class Parameters:
    pJ: float = 2.0
    scale: float = 1.0
def energy_pJ(parameters, hw):
    return parameters.pJ * parameters.scale
def area_um2(parameters, hw):
    return 100.0 * hw.crossbar.rows
"""


def chip(folder: Path, code: str, entry: str = "model: mine.py", section: str = "crossbar: {adc: {%s}}") -> Path:
    (folder / "mine.py").write_text(code, "utf-8")
    path = folder / "chip.yaml"
    path.write_text(f"name: chip\nextends: reram_128\n{section % entry}\n", "utf-8")
    return path


def price(folder: Path, code: str, entry: str = "model: mine.py") -> plugins.Any:
    return prices(load_hardware(chip(folder, code, entry), allow_code=True))["adc"]


def error(folder: Path, code: str, entry: str = "model: mine.py") -> str:
    with pytest.raises(InputError) as caught:
        price(folder, code, entry)
    text = "\n".join(caught.value.problems).replace(str(folder.resolve()) + "/", "")
    assert "\n" not in text
    return text


def test_energy_area_parameters_and_source(tmp_path: Path) -> None:
    found = price(tmp_path, GOOD, "model: mine.py, parameters: {pJ: 3, scale: 0.5}")
    assert (found.energy_pJ, found.area_um2, found.formula) == (1.5, 12800.0, "made up")
    assert found.origins == ("computed", "computed", "computed")
    assert found.leakage_mW > 0, "left unsaid, it is that of its own area"
    assert price(tmp_path, GOOD + "def leakage_mW(parameters, hw):\n    return 0.25\n").leakage_mW == 0.25


def test_given_figures_and_calibration_stand_above_the_model(tmp_path: Path) -> None:
    assert price(tmp_path, GOOD, "model: mine.py, energy_pJ: 7").energy_pJ == 7
    scaled = price(tmp_path, GOOD, "model: mine.py, calibration: {energy: 2, comment: measured}")
    assert (scaled.energy_pJ, scaled.origins[0]) == (4.0, "calibrated")


@pytest.mark.parametrize("component", [c for c in REGISTRY if c != "programming"])
def test_every_circuit_takes_a_model(component: str, tmp_path: Path) -> None:
    keys = REGISTRY[component].section.split(".")
    section = "".join(f"{key}: {{" for key in keys[1:]) + "%s" + "}" * (len(keys) - 1)
    entry = {"tile_register": "size_bytes: 64, ", "memory": "energy_pJ: null, "}.get(component, "") + "model: mine.py"
    path = chip(tmp_path, GOOD, entry, f"{keys[0]}: {{{section}}}")
    assert prices(load_hardware(path, allow_code=True))[component].energy_pJ == 2.0


def test_formulas_over_arrays(tmp_path: Path) -> None:
    code = GOOD.replace("return parameters.pJ * parameters.scale", "return [1.0, 2.0] * hw.numpy.ones(2)")
    code = code.replace("hw.numpy", "__import__('numpy')")
    assert price(tmp_path, code).energy_pJ == pytest.approx(np.array([1.0, 2.0]))


def test_an_edited_file_is_read_anew(tmp_path: Path) -> None:
    hardware = load_hardware(chip(tmp_path, GOOD), allow_code=True)
    assert prices(hardware)["adc"].energy_pJ == 2.0
    (tmp_path / "mine.py").write_text(GOOD.replace("2.0", "12.0"))
    assert prices(hardware)["adc"].energy_pJ == 12.0


def test_the_resolved_file_loads_to_the_same_chip(tmp_path: Path) -> None:
    hardware = load_hardware(chip(tmp_path, GOOD, "model: mine.py, parameters: {pJ: 3.0}"), allow_code=True)
    (tmp_path / "resolved.yaml").write_text(resolved_yaml(hardware))
    again = load_hardware(tmp_path / "resolved.yaml", allow_code=True)
    assert again == hardware
    assert hash(again) == hash(hardware)


def test_an_installed_component_is_found_by_its_entry_point(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = ModuleType("pimsim_test_ring")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(GOOD, vars(module))
    entries = (EntryPoint("ring", module.__name__, plugins.GROUP),)
    monkeypatch.setattr(plugins, "entry_points", lambda group: entries if group == plugins.GROUP else ())
    hardware = load_hardware(chip(tmp_path, "", "model: ring, parameters: {pJ: 5.0}"))
    assert prices(hardware)["adc"].energy_pJ == 5.0
    assert error(tmp_path, "", "model: rin") == (
        "no installed component 'rin' (a file of your own ends in .py); did you mean 'ring'?"
    )
    plugins._installed.cache_clear()


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (("return parameters.pJ * parameters.scale", "return float('nan')"),
         "mine.py: energy_pJ returned nan; it must return numbers from 0 to 1e15"),
        (("100.0 *", "-1 *"), "mine.py: area_um2 returned -128; it must return numbers from 0 to 1e15"),
        (("100.0 * hw.crossbar.rows", "None"),
         "mine.py: area_um2 returned None; it must return numbers from 0 to 1e15"),
        (("100.0 * hw.crossbar.rows", "'9'"), "mine.py: area_um2 returned 9; it must return numbers from 0 to 1e15"),
        (("hw.crossbar.rows", "hw.crosbar.rows"),
         "mine.py:11: area_um2 failed: AttributeError: 'View' object has no attribute 'crosbar'"),
        (("SOURCE = \"made up\"", "1 / 0"), "mine.py:3: the file failed: ZeroDivisionError: division by zero"),
        (("SOURCE = \"made up\"", "raise SystemExit(0)"), "mine.py:3: the file failed: SystemExit: 0"),
        (("def area_um2", "def area"), "mine.py: no function area_um2(parameters, hw)"),
        (("@dataclass(frozen=True)", ""), "mine.py: Parameters is not a dataclass"),
        (("    pJ: float = 2.0", "    pJ: float"),
         "mine.py: Parameters failed: TypeError: Parameters.__init__() missing 1 required positional argument: 'pJ'"),
    ],
)  # fmt: skip
def test_a_model_that_fails(change: tuple[str, str], text: str, tmp_path: Path) -> None:
    assert error(tmp_path, GOOD.replace(*change)) == text


def test_a_file_that_does_not_parse(tmp_path: Path) -> None:
    assert re.match(r"mine\.py:2: the file failed: SyntaxError: ", error(tmp_path, "x = 1\ny = = 2\n"))


def test_a_parameter_that_is_not_there(tmp_path: Path) -> None:
    entry = "model: mine.py, parameters: {scael: 1}"
    assert error(tmp_path, GOOD, entry) == "mine.py: no parameter 'scael'; did you mean 'scale'?"


def test_a_file_that_went_away(tmp_path: Path) -> None:
    hardware = load_hardware(chip(tmp_path, GOOD), allow_code=True)
    (tmp_path / "mine.py").unlink()
    with pytest.raises(InputError, match=r"no model file '.*mine\.py'"):
        prices(hardware)


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ("min.py", r"chip\.yaml:3:25: crossbar\.adc\.model: no file 'min\.py' in .*; did you mean 'mine\.py'\?"),
        ("../mine.py", r"adc\.model: '\.\./mine\.py' is not in the folder of the hardware file; give a file there"),
        ("/etc/mine.py", r"adc\.model: '/etc/mine\.py' is not in the folder of the hardware file; give a file"),
        ("link.py", r"adc\.model: 'link\.py' is not in the folder of the hardware file; give a file there or below"),
    ],
)  # fmt: skip
def test_a_file_that_may_not_be_named(model: str, text: str, tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "outside.py").write_text(GOOD)
    os.symlink(tmp_path / "outside.py", inner / "link.py")
    path = chip(inner, GOOD, f"model: {model}")
    with pytest.raises(InputError, match=text):
        load_hardware(path, allow_code=True)


def test_code_needs_leave(tmp_path: Path) -> None:
    path = chip(tmp_path, "raise AssertionError('it ran')")
    with pytest.raises(InputError, match=r"adc\.model: 'mine\.py' is Python code, which runs with your rights"):
        load_hardware(path)


def test_parameters_of_nothing(tmp_path: Path) -> None:
    path = chip(tmp_path, GOOD, "parameters: {pJ: 1}")
    with pytest.raises(InputError, match=r"crossbar\.adc\.parameters: parameters are those of `model`; name one"):
        load_hardware(path)
