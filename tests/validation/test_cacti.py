"""Do memories stand by their bars, and do the fitted constants come out of the runs again?"""

from __future__ import annotations

import pytest
import yaml

from pimsim.components import edram
from pimsim.components.memory_array import FIT
from pimsim.validation import Report, run_all
from validation.cacti import case, fit
from validation.cacti.points import QUANTITIES, runs


@pytest.fixture(scope="module")
def report() -> Report:
    return run_all(["cacti"])[0]


def test_every_bar_holds(report: Report) -> None:
    assert [row.quantity for row in report.rows if not row.passed] == []
    assert sum(row.kind == "prediction" for row in report.rows) >= 60
    assert sum(row.kind == "bar" for row in report.rows) == len(QUANTITIES)


def test_points_span_capacities_widths_nodes_and_ports() -> None:
    figures = yaml.safe_load(case.PUBLISHED.read_text("utf-8"))
    points = [p for name, group in figures.items() if name != "mnsim" for p in case.published_points(group)]
    points += case.mnsim_points(figures["mnsim"])
    assert len(points) >= 15 + 105
    assert {p.kind for p in points} == {"sram", "edram", "register_file"}
    assert len({p.node_nm for p in points}) >= 5
    assert {1.0, 2.0} <= {p.ports for p in points}
    predicted = [p for p in runs() if p.use == "predicted"]
    assert min(p.capacity_bits for p in predicted) == 8192.0
    assert max(p.capacity_bits for p in predicted) == 8192.0 * 8192.0
    assert {p.ports for p in predicted} == {1.0, 2.0, 4.0}


def test_no_point_is_left_out_of_the_report(report: Report) -> None:
    figures = yaml.safe_load(case.PUBLISHED.read_text("utf-8"))
    shown = sum(row.kind in ("prediction", "flagged") for row in report.rows)
    printed = sum(q in p for name, g in figures.items() if name != "mnsim" for p in g["points"] for q in QUANTITIES)
    assert shown == printed
    for point in (*runs(), *case.mnsim_points(figures["mnsim"])):
        assert f"| {point.name} |" in report.text


def test_the_constants_are_what_the_runs_give() -> None:
    fitted = [point for point in runs() if point.use == "fitted"]
    found = fit.fit_sram([p for p in fitted if p.kind == "sram"])
    assert list(found) == pytest.approx(list(FIT), rel=0.01)
    column_end, sharing = fit.fit_edram([p for p in fitted if p.kind == "edram"])
    assert column_end == pytest.approx(edram.STYLE.column_end, rel=0.01)
    assert sharing == pytest.approx(edram.SHARING_FO4, rel=0.01)


def test_a_figure_past_a_factor_of_two_fails() -> None:
    (point, *_) = runs()
    for ours, passed in ((1.99, True), (2.01, False), (0.51, True), (0.49, False)):
        row = case._row("source", case.Residual(point, "area_mm2", 1.0, ours), "")
        assert row.passed is passed
