"""Do results give their rows, and any point as files that `simulate` makes the same figures of?"""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import pimsim
from pimsim.cli.bits import read_bits
from pimsim.cost.table import Table
from pimsim.errors import InputError
from pimsim.explore.results import Results
from pimsim.explore.shown import axis, short_names, shown
from pimsim.explore.space import Space
from pimsim.explore.store import write_table
from pimsim.explore.sweep import sweep
from pimsim.graph.workload import Workload
from pimsim.hardware.load import load_hardware

from .made_results import made


@pytest.fixture(scope="module")
def swept(workload: Workload, space: Space) -> Results:
    return sweep(workload, space)


def figures_of(workload: Workload, swept: Results, point: int, folder: Path) -> dict[str, float]:
    """Totals of the point's files, as `pimsim run --hw --bits` reads them."""
    found = swept.yaml(point, models=[workload])
    hardware, bits = folder / "hw.yaml", folder / "bits.yaml"
    hardware.write_text(found.hardware, "utf-8")
    if found.bits:
        bits.write_text(found.bits, "utf-8")
    layers = read_bits(str(bits)) if found.bits else None
    return pimsim.simulate(workload, load_hardware(hardware), layer_bits=layers, compiled=False).totals


def test_every_point_as_files_gives_the_figures_of_its_row(workload: Workload, swept: Results, tmp_path: Path) -> None:
    assert len(swept) == 28
    for point in swept["point"].tolist():
        row = swept.row(swept.find(point))
        totals = figures_of(workload, swept, point, tmp_path)
        assert {name: row[name] for name in totals} == pytest.approx(totals, rel=1e-12)


def test_words_mixed_with_numbers_and_operators_come_back(workload: Workload, tmp_path: Path) -> None:
    """A file keeps them as texts; the point has to be made of the values of the space."""
    space = {
        "base": "reram_128",
        "knobs": {
            "mapping.replication": ["none", "balanced"],
            "technology.clock_GHz": [0.5, 1],
            "operators.Conv.input_bits": [4, 6],
            "tile.bus.topology": ["bus", "htree"],
        },
    }
    target = tmp_path / "r.parquet"
    sweep(workload, space, out=target)
    again = pimsim.load_results(target)
    assert len(again) == 16
    for point in (0, 7, 15):
        totals = figures_of(workload, again, point, tmp_path)
        row = again.row(again.find(point))
        assert {name: row[name] for name in totals} == pytest.approx(totals, rel=1e-12)
    assert "first" in again.yaml(15, models=[workload]).bits


def test_operator_bits_need_the_model(workload: Workload) -> None:
    results = sweep(workload, {"base": "reram_128", "knobs": {"operators.Conv.weight_bits": [4, 8]}})
    with pytest.raises(InputError, match=r"sets bits by operator, and the model 'net' .* give it: results.yaml\(point"):
        results.yaml(0)


def test_yaml_says_where_it_is_from(swept: Results) -> None:
    text = swept.yaml(5).hardware
    assert text.startswith("# point 5 of the design space tiny\n#   crossbar.rows: 64\n")
    assert pimsim.load_hardware is load_hardware
    assert swept.hardware(5).crossbar.rows == 64


def test_front_gives_files_of_its_rows_and_its_knee(workload: Workload, swept: Results) -> None:
    front = swept.pareto("area_um2", "latency_ns")
    assert front.yaml(0).hardware == swept.yaml(front.points[0]).hardware
    assert front.yaml() == swept.yaml(front.points[front.knee])
    assert front.table.data.keys() == swept.table.data.keys()
    derived = "pe.input_register.size_bytes"
    assert derived not in front.to_dict()["front"][0]
    assert derived in front.to_csv().splitlines()[0]


@pytest.mark.parametrize("ending", ["parquet", "sqlite"])
def test_a_file_gives_the_same_front(swept: Results, tmp_path: Path, ending: str) -> None:
    target = tmp_path / f"r.{ending}"
    write_table(target, swept.table, swept.about)
    whole = pimsim.load_results(target)
    part = pimsim.load_results(target, ["area_um2", "latency_ns"])
    assert part.columns == ("point", "area_um2", "latency_ns", "error")
    expected = swept.pareto("area_um2", "latency_ns")
    for results in (whole, part):
        found = results.pareto("area_um2", "latency_ns")
        assert found.to_csv() == expected.to_csv()
        assert found.to_text() == expected.to_text()
        assert found.yaml() == expected.yaml()
        assert results.row(3) == swept.row(3)


def test_a_front_of_a_large_file_is_found_without_its_rows(tmp_path: Path) -> None:
    """40 columns of 300,000 rows are 96 MB; two of them with the front take a fraction."""
    rng = np.random.default_rng(2)
    count = 300_000
    columns = {"point": np.arange(count)}
    columns.update((f"f{n}_pJ", rng.random(count)) for n in range(40))
    target = tmp_path / "large.parquet"
    write_table(target, Table({**columns, "error": np.full(count, "", dtype=object)}), made({"x": [1.0]}).about)
    del columns
    tracemalloc.start()
    front = pimsim.load_results(target, ["f0_pJ", "f1_pJ"]).pareto("f0_pJ", "f1_pJ")
    width = len(front.row(0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert width == 42
    assert peak < 60e6


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda results: results.yaml(99), "no point 99 in these results; the column 'point' lists them"),
        (lambda results: results.row(28), "rows are numbered 0 to 27; got 28"),
        (lambda results: results["energy"], "no column 'energy'; columns are point, crossbar.rows"),
        (lambda results: Results(results.table, {}).hardware(0), "do not hold the hardware that they were swept over"),
    ],
)
def test_faults(swept: Results, ask: object, says: str) -> None:
    with pytest.raises(InputError) as caught:
        ask(swept)  # type: ignore[operator]
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("about", "part"),
    [
        ({"space": []}, "space"),
        ({"manifest": 3}, "manifest"),
        ({"knobs": "crossbar.rows"}, "knobs"),
        ({"knobs": [1]}, "knobs"),
        ({"objectives": {"energy_pJ": 1}}, "objectives"),
        ({"models": ["net"]}, "models"),
        ({"space": {"knobs": [["crossbar.rows"]]}}, "space.knobs"),
        ({"space": {"knobs": [["crossbar.rows", 3]]}}, "space.knobs"),
        ({"space": {"derived": [[1, "2"]]}}, "space.derived"),
        ({"manifest": {"sample": "sobol"}}, "manifest.sample"),
        ({"manifest": {"search": 1}}, "manifest.search"),
    ],
)
def test_a_file_whose_description_is_malformed_is_refused(swept: Results, tmp_path: Path, about: dict[str, object],
                                                          part: str) -> None:  # fmt: skip
    target = tmp_path / "r.parquet"
    write_table(target, swept.table, {**swept.about, **about})
    with pytest.raises(InputError, match=f"was not written by pimsim: '{part}' of what its table is of is malformed"):
        pimsim.load_results(target)


def test_a_file_that_says_next_to_nothing_still_has_its_front(swept: Results, tmp_path: Path) -> None:
    target = tmp_path / "r.parquet"
    write_table(target, swept.table, {"written_by": "somebody"})
    front = pimsim.load_results(target).pareto("energy_pJ", "latency_ns")
    assert "no model over ?: 28 points" in front.to_text()


def test_a_point_that_breaks_a_rule_says_which() -> None:
    results = made({"energy_pJ": [1.0], "latency_ns": [1.0]}, {"crossbar.cell.write.cells_at_once": [4096]})
    with pytest.raises(InputError, match="cells_at_once"):
        results.yaml(0)


def test_names_and_counts(swept: Results) -> None:
    assert len(swept) == 28
    assert swept.failed == 0
    assert "energy_pJ" in swept
    assert swept.name == "net over tiny"
    drawn = replace(swept, about={**swept.about, "manifest": {"sample": ["sobol", 8, 0], "search": None}})
    assert drawn.name == "net over tiny (sobol)"
    assert repr(swept) == f"<Results net over tiny: 28 points (0 failed), {len(swept.columns)} columns>"
    assert swept.knobs == [*(knob for knob in swept.about["knobs"])]
    assert list(swept.to_pandas().columns) == list(swept.columns)


def test_notebook_form_shows_some_rows_and_says_how_many_are_left(swept: Results) -> None:
    form = swept._repr_html_()
    assert form.count("<tr>") == 1 + 10
    assert "... and 18 more rows" in form
    hostile = replace(swept, about={**swept.about, "models": [{"name": "<img src=x>"}]})
    assert "<img" not in hostile._repr_html_()


def test_short_names_are_the_shortest_that_tell_apart() -> None:
    assert short_names(["crossbar.rows", "crossbar.adc.bits", "crossbar.cell.bits", "tile.pes"]) == {
        "crossbar.rows": "rows", "crossbar.adc.bits": "adc.bits", "crossbar.cell.bits": "cell.bits", "tile.pes": "pes",
    }  # fmt: skip
    assert short_names(["a.b", "c.a.b"]) == {"a.b": "a.b", "c.a.b": "c.a.b"}


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("energy_pJ", 1.5e6, "1.5 uJ"),
        ("net.latency_ns", 2500.0, "2.5 us"),
        ("energy_pJ_low", 2500.0, "2.5 nJ"),
        ("adc_area_um2", 3e6, "3 mm2"),
        ("power_W", 0.002, "2 mW"),
        ("tops_per_W", 12.3456, "12.35"),
        ("crossbar.rows", 128, "128"),
        ("crossbar.adc.kind", "sar", "sar"),
        ("energy_pJ", float("nan"), "nan"),
        ("flag", True, "True"),
    ],
)
def test_values_with_units(column: str, value: object, text: str) -> None:
    assert shown(column, value) == text


def test_axes_with_units() -> None:
    assert axis("energy_pJ", 5e6) == ("energy (uJ)", 1e6)
    assert axis("net.area_um2", 5e6) == ("net: area (mm2)", 1e6)
    assert axis("energy_dynamic_pJ_high", 5e6) == ("energy dynamic high (uJ)", 1e6)
    assert axis("tops_per_W", 5.0) == ("TOPS/W", 1.0)
    assert axis("crossbars", 5.0) == ("crossbars", 1.0)
