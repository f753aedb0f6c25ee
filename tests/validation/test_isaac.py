"""Does ISAAC's table come out again, does its pipeline follow, and does a wrong figure show?"""

from pathlib import Path

import pytest
import yaml

from pimsim.hardware.load import load_hardware
from pimsim.validation import Report, run_all
from validation.isaac import case

REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "reference" / "isaac_isca2016.yaml"
RENAMED = {"edram_buffer": "buffer", "edram_to_ima_bus": "bus", "sigmoid": "activation", "shift_add": "accumulator"}
RENAMED |= {"max_pool": "pool", "output_register": "tile_register"}


@pytest.fixture(scope="module")
def report() -> Report:
    return run_all(["isaac"])[0]


@pytest.fixture(scope="module")
def figures() -> dict:
    return yaml.safe_load(case.PUBLISHED.read_text("utf-8"))


def row(report: Report, start: str) -> case.Row:
    (found,) = [row for row in report.rows if row.quantity.startswith(start)]
    return found


def test_every_published_figure_is_within_its_tolerance(report: Report) -> None:
    assert [row.quantity for row in report.rows if not row.passed] == []
    assert sum(row.published is not None for row in report.rows if row.kind == "bookkeeping") >= 45
    assert sum(row.published is not None for row in report.rows if row.kind == "prediction") >= 15


def test_both_conversion_rates_are_shown_and_explained(report: Report) -> None:
    assert row(report, "peak rate, ADC at 1.28 GS/s").ours == pytest.approx(41.288, abs=5e-4)
    assert row(report, "peak rate, ADC at 1.2 GS/s").ours == pytest.approx(41.288 * 1.2 / 1.28, abs=5e-4)
    assert row(report, "read cycle, ADC at 1.2 GS/s").ours == pytest.approx(128 / 1.2)
    assert any("106.7 ns" in note for note in report.notes)


@pytest.mark.parametrize("letter", ["A", "B", "D", "E"])
def test_the_bisection_finds_the_copies_of_the_balancing_rule(report: Report, letter: str) -> None:
    found = row(report, f"VGG-{letter}: convolutions with the rule's copies")
    assert found.ours == found.published == {"A": 8, "B": 10, "D": 13, "E": 16}[letter]
    assert row(report, f"VGG-{letter}: fastest convolution").ours >= 0.9
    assert row(report, f"VGG-{letter}: interval of images").ours == pytest.approx(1.0, abs=0.1)


def test_one_tile_less_is_not_enough_for_the_rule(figures: dict) -> None:
    model, rule = case.workload(case.vgg("A")), figures["balancing"]["copies"]
    tiles = case.tiles_by_rule(model, load_hardware("isaac"), rule)
    overrides = ["mapping.granularity=pe", "chip.count=1", f"chip.tiles={tiles - 1}"]
    short = case.simulate(model, load_hardware("isaac", overrides=overrides), compiled=False)
    convolutions = [i for i, layer in enumerate(model.layers) if layer.op == "Conv"]
    assert any(short.evaluation.copies[i] < rule[case.side(model.layers[i])] for i in convolutions)


def test_a_changed_price_shows_in_its_row_and_in_the_sums(figures: dict) -> None:
    changed = load_hardware("isaac", overrides=["crossbar.adc.power_mW=2.1"])
    wrong = [row.quantity for row in case.component_rows(changed, figures) if not row.passed]
    assert wrong == ["ima: adc (8), power"]
    assert {row.quantity for row in case.sum_rows(changed, figures) if not row.passed} == {
        "12 IMAs, power", "tile, power", "168 tiles, power", "chip, power",
    }  # fmt: skip


def test_the_printed_digits_set_the_tolerance() -> None:
    assert case.rounding("0.157") == pytest.approx(0.0005 / 0.157)
    assert case.rounding("289") == pytest.approx(0.5 / 289)


def test_our_copy_of_the_table_is_the_reference(figures: dict) -> None:
    if not REFERENCE.exists():
        pytest.skip("the reference file does not stand beside the checkout")
    given = yaml.safe_load(REFERENCE.read_text("utf-8"))
    compared = 0
    for level in ("ima", "tile"):
        for name, printed in given[level].items():
            ours = figures[level].get(name if level == "ima" else RENAMED.get(name, name))
            if ours is not None and "total" not in name:
                assert (float(ours["power_mW"]), float(ours["area_mm2"])) == (printed["power_mW"], printed["area_mm2"])
                compared += 1
    assert compared == len(figures["ima"]) + len(figures["tile"])
    sums = {
        "12 IMAs": given["ima"]["total_of_12"], "tile without IMAs": given["tile"]["total_without_imas"],
        "tile": given["tile"]["total"], "168 tiles": given["chip"]["tiles_total"], "chip": given["chip"]["total"],
    }  # fmt: skip
    assert {name: {key: float(text) for key, text in row.items()} for name, row in figures["sums"].items()} == sums
    links = given["chip"]["hypertransport"]
    assert float(figures["chip"]["link"]["power_mW"]) == pytest.approx(1e3 * links["power_W"])
    assert float(figures["chip"]["link"]["area_mm2"]) == links["area_mm2"]
    operation = given["operation"]
    assert figures["pipeline"]["cycles"] == operation["pipeline_cycles_per_operation"]
    assert figures["peak"]["GOPS_per_mm2"] == operation["compute_efficiency_GOPS_per_mm2_published"]
    assert figures["peak"]["TOPS"] == pytest.approx(operation["peak_TOPS_derived"], abs=0.05)
