"""Does the report for people align, fit, and add up; and does nothing from a file steer a terminal or a spreadsheet?"""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
from dataclasses import replace

import pytest
from rich.console import Console

from pimsim.errors import printable
from pimsim.report.sections import Column, Table, layer_table, sections
from pimsim.report.tabular import csv_text, safe_cell
from pimsim.report.text import fitted, table_lines
from pimsim.report.units import Unit, cells, clip, percent, scaled, significant, unit_for

HOSTILE = ("x[/foo]", "<script>alert(1)</script>", "=cmd()", "\x1b[31mred", "$\\frac$", "@SUM(A1)", "a\nb", "+1\t&amp;")


@pytest.mark.parametrize(
    ("quantity", "value", "shown"),
    [
        ("energy_pJ", 0, "0 pJ"),
        ("energy_pJ", 1.5e6, "1.5 uJ"),
        ("energy_pJ", 999.99, "1 nJ"),
        ("energy_pJ", 4.142e9, "4.142 mJ"),
        ("latency_ns", 1.4e6, "1.4 ms"),
        ("latency_ns", 0.25, "250 ps"),
        ("area_um2", 5e4, "0.05 mm2"),
        ("area_um2", 500, "500 um2"),
        ("power_W", 0.0408, "40.8 mW"),
        ("count", 25_500_000, "25.5 M"),
        ("count", 7, "7"),
    ],
)
def test_units_fit_the_size(quantity, value, shown):
    assert scaled(quantity, value) == shown


def test_a_column_has_one_unit_and_says_what_is_too_small():
    unit = unit_for("energy_pJ", 5.5e6)
    assert unit == Unit("uJ", 1e6, 3)
    assert [unit.show(v) for v in (5.5e6, 1e3, 1.0, 0)] == ["5.500", "0.001", "<0.001", "0"]


@pytest.mark.parametrize(("value", "shown"), [(0, "0"), (12.3456, "12.35"), (199391.2, "199,391"), (1e-7, "1.000e-07")])
def test_significant_digits(value, shown):
    assert significant(value) == shown


def test_percent_never_hides_something_as_nothing():
    assert [percent(p, 100) for p in (0, 0.01, 12.34, 100)] == ["0", "<0.1", "12.3", "100.0"]


def test_wide_characters_take_two_columns():
    assert (cells("abc"), cells("\u5c64"), cells("e\u0301")) == (3, 2, 1)


def test_long_names_keep_both_ends():
    shown = clip("/features/very/long/path/conv_17/Conv", 20)
    assert len(shown) == 20
    assert shown.startswith("/featu")
    assert shown.endswith("conv_17/Conv")


def test_columns_line_up_and_numbers_stand_right():
    table = Table("T", (Column("name", right=False), Column("n")), [("a", "1"), ("bcd", "100")], ("total", "101"))
    assert table_lines(table) == [
        "T",
        "  name     n",
        "  ----------",
        "  a        1",
        "  bcd    100",
        "  ----------",
        "  total  101",
    ]


def test_plain_text_has_no_colour_no_boxes_no_trailing_space(make_result):
    text = make_result(HOSTILE, model=HOSTILE[3], hardware=HOSTILE[0], warnings=(HOSTILE[3],)).to_text()
    assert "\x1b" not in text
    assert text.isascii()
    assert all(line == line.rstrip() for line in text.splitlines())
    for name in HOSTILE:
        assert printable(name) in text


def test_every_section_is_there(make_result):
    text = make_result(notes=("branch taken: else",), warnings=("wasteful",)).to_text()
    for title in ("By layer", "By component", "Both modes", "Programming the weights once", "Notes", "Warnings"):
        assert f"\n{title}" in text


def test_the_terminal_report_survives_markup_in_names(make_result):
    out = io.StringIO()
    Console(file=out, force_terminal=True, width=200).print(make_result(HOSTILE, warnings=("[/bold] [red]x",)))
    plain = re.sub("\x1b\\[[0-9;]*m", "", out.getvalue())
    for name in HOSTILE:
        assert printable(name) in plain
    assert "[/bold] [red]x" in plain
    assert "\x1b[31mred" not in out.getvalue()


@pytest.mark.parametrize("width", [60, 80, 120, 240])
def test_the_terminal_report_drops_columns_before_it_wraps(make_result, width):
    out = io.StringIO()
    Console(file=out, width=width).print(make_result())
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    heading = next(line for line in lines if line.startswith("layer") or line.lstrip().startswith("#"))
    assert "energy" in heading
    assert ("static" in heading) == (width >= 120)


def test_fitting_keeps_what_has_rank_0():
    table = Table("T", (Column("a"), Column("b", rank=2), Column("c", rank=1)), [("1" * 10, "2" * 10, "3" * 10)])
    assert [c.title for c in fitted(table, 26).columns] == ["a", "c"]
    assert [c.title for c in fitted(table, 1).columns] == ["a"]


def test_few_rows_sum_up_what_they_leave_out(make_result):
    result = make_result([f"n{i}" for i in range(60)])
    table = layer_table(result, 10)
    assert len(table.rows) < 25
    assert "the 10 dearest rows are shown, CSV and JSON hold all" in table.caption
    assert "dearest" not in layer_table(result, 2000).caption
    assert any(row[1].endswith("smaller steps)") for row in table.rows)
    column = next(i for i, c in enumerate(table.columns) if c.title.startswith("energy"))
    shown = sum(float(row[column].replace("<", "")) for row in table.rows)
    assert shown == pytest.approx(float(table.last[column]), rel=2e-2)


def test_one_step_without_cost_keeps_its_name_but_stands_back(make_result):
    names = [f"n{i}" for i in range(4)]
    table = layer_table(make_result(names))
    assert [row[1] for row in table.rows] == [*names, "shared", "idle"]
    assert table.dim == {3, 4, 5}


def test_steps_without_cost_are_put_together(make_result):
    result = make_result([f"n{i}" for i in range(8)])
    energy, area = result.evaluation.energy_dynamic_pJ.copy(), result.evaluation.area_um2.copy()
    for matrix in (energy, area, result.evaluation.energy_static_pJ):
        matrix[3:8] = 0
    result.evaluation.pipeline.critical_ns[3:8] = 0
    table = layer_table(replace(result, evaluation=replace(result.evaluation, energy_dynamic_pJ=energy, area_um2=area)))
    assert [row[1] for row in table.rows] == ["n0", "n1", "n2", "(5 steps without cost)", "shared", "idle"]


def test_notes_of_layers_are_grouped(make_result):
    result = make_result()
    layers = tuple(replace(layer, note="weights absent\x1b[0m") for layer in result.workload.layers)
    noted = replace(result, workload=replace(result.workload, layers=layers))
    lines = next(part for part in sections(noted) if part.title == "Notes").lines
    assert lines == [r"conv1, conv2, conv3 and 1 more: weights absent\x1b[0m"]


@pytest.mark.parametrize("text", ["=cmd()", "+1", "-1", "@SUM(A1)", "\tx", "\rx"])
def test_csv_text_cannot_be_a_formula(text):
    assert str(safe_cell(text)).startswith("'")


@pytest.mark.parametrize("value", [-1.5, 7, 0.0])
def test_csv_numbers_stay_numbers(value):
    assert safe_cell(value) is value


def test_csv_of_hostile_names(make_result):
    text = make_result(HOSTILE).to_csv()
    assert "\x1b" not in text
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["name"] for row in rows][:4] == ["x[/foo]", "<script>alert(1)</script>", "'=cmd()", r"\x1b[31mred"]
    assert all(not row["name"].startswith(("=", "+", "-", "@")) for row in rows)
    assert float(rows[0]["energy_pJ"]) > 0


def test_csv_text_quotes():
    assert csv_text(("a", "b"), [('say "x", y', 1)]) == 'a,b\n"say ""x"", y",1\n'


def test_a_result_imports_nothing_heavy():
    heavy = ("pandas", "matplotlib", "numba", "rich", "torch")
    code = f"import sys, pimsim.report.result, pimsim.report.text; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
