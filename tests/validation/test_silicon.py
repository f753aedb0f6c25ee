"""Do the five measured chips keep their bars, fitted on one point each, against the figures of their papers?"""

from pathlib import Path
from typing import Any

import pytest
import yaml

from pimsim.data_files import data_folder
from pimsim.validation import Report, run_all

CHIPS = {
    "guo2023": "guo_isscc2023", "jia2020": "jia_jssc2020", "sinangil2021": "sinangil_jssc2021",
    "wan2022": "wan_nature2022", "yin2020": "yin_ted2020",
}  # fmt: skip
REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "reference" / "silicon"
FOLDER = data_folder("validation")


@pytest.fixture(scope="module")
def reports() -> dict[str, Report]:
    return {report.name: report for report in run_all(list(CHIPS))}


def subset(ours: Any, given: Any, path: str) -> int:
    """Leaves of `ours`, each of which must stand in `given` at the same place; in a list, in the same order."""
    if isinstance(ours, dict):
        return sum(subset(value, given[key], f"{path}.{key}") for key, value in ours.items() if key != "source")
    if isinstance(ours, list):
        assert len(ours) == len(given), path
        return sum(subset(a, b, path) for a, b in zip(ours, given, strict=True))
    assert ours == given, path
    return 1


@pytest.mark.parametrize("name", CHIPS)
def test_published_figures_are_the_reference(name: str) -> None:
    if not REFERENCE.exists():
        pytest.skip("the reference files do not stand beside the checkout")
    given = yaml.safe_load((REFERENCE / f"{CHIPS[name]}.yaml").read_text("utf-8"))
    if name == "wan2022":
        given["cores"] = given["array"]["cores"]
    ours = yaml.safe_load((FOLDER / name / "published.yaml").read_text("utf-8"))
    assert subset(ours, given, name) >= 5
    for key in ("efficiency", "points", "one_bit_operation", "energy_pJ"):
        assert len(ours.get(key, ())) == len(given.get(key, ())), f"{name}.{key} is cut short"


@pytest.mark.parametrize("name", CHIPS)
def test_every_prediction_and_both_bars_hold(reports: dict[str, Report], name: str) -> None:
    report = reports[name]
    assert [row.quantity for row in report.rows if not row.passed] == []
    predictions = [row for row in report.rows if row.kind == "prediction"]
    assert predictions
    assert all(row.tolerance == 0.15 for row in predictions)
    mean, worst = [row for row in report.rows if row.kind == "bar"]
    errors = [abs(row.error or 0.0) for row in predictions]
    assert (mean.ours, mean.tolerance) == (pytest.approx(100 * sum(errors) / len(errors)), pytest.approx(6.0))
    assert (worst.ours, worst.tolerance) == (pytest.approx(100 * max(errors)), pytest.approx(15.0))


@pytest.mark.parametrize("name", CHIPS)
def test_at_most_three_numbers_are_fitted(name: str) -> None:
    """The file marks every fitted number, and says how many they are."""
    text = (data_folder("hwconfigs") / f"{name}.yaml").read_text("utf-8")
    head, body = text.split("\nname:", 1)
    stated = {"one number": 1, "two numbers": 2, "three numbers": 3}
    (count,) = [value for words, value in stated.items() if f"Fitted: {words}" in head]
    assert body.count("fitted:") == count


def test_what_stands_without_a_bar_is_what_the_papers_leave_open(reports: dict[str, Report]) -> None:
    flagged = {name: [row.quantity for row in r.rows if row.kind == "flagged"] for name, r in reports.items()}
    assert flagged == {
        "guo2023": [], "wan2022": [], "yin2020": [],
        "jia2020": ["0.85 V, 8-bit inputs: throughput"],
        "sinangil2021": [
            "1.0 V, worst case: efficiency (Table I)", "1.0 V, average case: efficiency (Table I)",
            "1.0 V, best case: efficiency (Table I)",
        ],
    }  # fmt: skip


def test_fitted_points_lie_at_one_operating_point(reports: dict[str, Report]) -> None:
    for name, start in (("jia2020", "0.85 V"), ("sinangil2021", "0.8 V, average"), ("guo2023", "0.9 V")):
        assert all(row.quantity.startswith(start) for row in reports[name].rows if row.kind == "fitted")
    wan = [row.quantity for row in reports["wan2022"].rows if row.kind == "fitted"]
    assert all(quantity.startswith("5-bit inputs, 7-bit outputs, one phase") for quantity in wan)


def test_points_of_every_chip_are_all_printed(reports: dict[str, Report]) -> None:
    counts = {name: sum(row.published is not None for row in report.rows) for name, report in reports.items()}
    assert counts == {"guo2023": 5, "jia2020": 18, "sinangil2021": 28, "wan2022": 39, "yin2020": 4}
