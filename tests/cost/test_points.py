"""Are points what they are said to be, and does each rule over arrays say what the schema says?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pimsim.cost.point_rules import RULES
from pimsim.cost.points import Points, hardware_with
from pimsim.errors import InputError
from pimsim.hardware.load import load_hardware
from pimsim.hardware.schema import Hardware


@pytest.fixture(scope="module")
def base() -> Hardware:
    return load_hardware("reram_128")


BROKEN: list[dict[str, Any]] = [
    {"crossbar.active_rows": 256},
    {"crossbar.adc.columns_per_adc": 256},
    {"crossbar.cell.write.cells_at_once": 256},
    {"crossbar.cell.r_on_ohm": 1e6},
    {"crossbar.cell.bits": 2, "crossbar.cell.kind": "sram"},
    {"pe.input_register.width_bits": 65536},
    {"pe.output_register.width_bits": 65536},
    {"tile.output_register.width_bits": 65536},
    {"tile.buffer.width_bits": 65536, "tile.buffer.size_KB": 4.0},
    {"tile.buffer.ports": 2, "tile.buffer.kind": "edram"},
    {"crossbar.rows": 0},
    {"crossbar.rows": 70000},
    {"crossbar.rows": 64.5},
    {"technology.supply_V": 0.0},
    {"technology.supply_V": 9.0},
    {"technology.supply_V": float("nan")},
    {"crossbar.rows": 64, "crossbar.active_rows": 100},
]


@pytest.mark.parametrize("settings", BROKEN, ids=lambda settings: " ".join(settings))
def test_rules_over_arrays_speak_as_the_schema(base: Hardware, settings: dict[str, Any]) -> None:
    good = {path: _good(base, path) for path in settings}
    points = Points(base, {path: [good[path], value] for path, value in settings.items()})
    with pytest.raises(InputError) as fault:
        hardware_with(base, settings)
    assert set(points.errors) == {1}
    assert points.errors[1] == "; ".join(fault.value.problems)


def _good(base: Hardware, path: str) -> Any:
    value: Any = base
    for key in path.split("."):
        value = getattr(value, key)
    return value


def test_every_rule_has_its_broken_point() -> None:
    paths = {path for settings in BROKEN for path in settings}
    assert not [rule.path for rule in RULES if not {r.partition("=")[0] for r in rule.reads} & paths]


def test_settings_and_hardware_of_a_point(base: Hardware) -> None:
    points = Points(base, {"crossbar.rows": [64, 256], "crossbar.adc.kind": ["sar", "flash"]})
    assert len(points) == 2
    assert points.paths == ("crossbar.rows", "crossbar.adc.kind")
    assert points.settings(1) == {"crossbar.rows": 256, "crossbar.adc.kind": "flash"}
    machine = points.hardware(-1)
    assert (machine.crossbar.rows, machine.crossbar.adc.kind) == (256, "flash")
    assert machine == hardware_with(base, points.settings(1))
    assert points.select([1]).settings(0) == points.settings(1)
    assert len(points.select(np.array([True, False]))) == 1


def test_groups_share_words_and_keep_every_point(base: Hardware) -> None:
    kinds, rows = ["sar", "flash", "sar", "flash"], [64, 64, 128, 256]
    groups = list(Points(base, {"crossbar.adc.kind": kinds, "crossbar.rows": rows}).groups())
    assert sorted(np.concatenate([group.index for group in groups]).tolist()) == [0, 1, 2, 3]
    for group in groups:
        assert {kinds[i] for i in group.index} == {group.words["crossbar.adc.kind"]}
        assert group.numbers["crossbar.rows"].tolist() == [rows[i] for i in group.index]
    apart = list(Points(base, {"crossbar.rows": rows}).groups(frozenset(("crossbar.rows",))))
    assert len(apart) == 3


def test_points_of_machines_are_those_machines() -> None:
    machines = [load_hardware("reram_128"), load_hardware("isaac")]
    points = Points.of(machines)
    assert [points.hardware(i) for i in range(2)] == machines


def test_what_is_wrong_with_points(base: Hardware) -> None:
    with pytest.raises(InputError, match=r"no setting 'crossbar.row'; did you mean crossbar.rows\?"):
        Points(base, {"crossbar.row": [1]})
    with pytest.raises(InputError, match=r"crossbar\.rows has 2 values for 3 points"):
        Points(base, {"crossbar.columns": [128] * 3, "crossbar.rows": [64, 128]})
    with pytest.raises(InputError, match="expected one value a point; got an array of 2 dimensions"):
        Points(base, {"crossbar.rows": np.ones((2, 2))})
    with pytest.raises(InputError, match="expected numbers, texts, true, false or None; got a list"):
        Points(base, {"crossbar.rows": [[1], [2]]})
    with pytest.raises(InputError, match="layers have weight_bits and input_bits, as in"):
        Points(base, {"layers.conv.bits": [1]})
    with pytest.raises(InputError, match="points are numbered 0 to 1; got 2"):
        Points(base, {"crossbar.rows": [64, 128]}).hardware(2)
    points = Points(base, {"layers.conv*.weight_bits": [33]})
    assert points.errors == {0: "layers.conv*.weight_bits must be a whole number from 1 to 32; got 33"}
    with pytest.raises(InputError, match="must be a whole number from 1 to 32; got 33"):
        points.hardware(0)
