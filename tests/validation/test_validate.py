"""Does `pimsim validate` say what passed and what did not, and end with the right code?"""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pimsim import validation
from pimsim.cli import validation_report
from pimsim.cli.main import main
from pimsim.errors import InputError
from pimsim.validation import Row, case_names, run_all

CASE = """
from pimsim.validation import Report, Row
from ..shared import FACTOR

def run():
    return Report("{name}", "A. Author, 2000", (
        Row("energy", "pJ", 10.0, {ours} * FACTOR, 0.1, "prediction"),
        Row("area", "um2", None, 3.0, None, "prediction"),
    ), ("a note",))
"""


@pytest.fixture
def cases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two cases that share a helper: `good` is 5% off, `bad` is 20% off; a tolerance of 10% stands in both."""
    (tmp_path / "shared.py").write_text("FACTOR = 1.0\n")
    (tmp_path / "no_case").mkdir()
    for name, ours in (("good", 10.5), ("bad", 8.0)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "case.py").write_text(CASE.format(name=name, ours=ours))
    monkeypatch.setattr(validation, "data_folder", lambda name: tmp_path)
    monkeypatch.setattr(validation_report, "data_folder", lambda name: tmp_path)  # the checkout's REPORT.md stays
    return tmp_path


def test_cases_are_the_folders_with_a_case_file(cases: Path) -> None:
    assert case_names() == ["bad", "good"]
    assert [report.name for report in run_all()] == ["bad", "good"]
    assert [report.name for report in run_all(["good"])] == ["good"]


def test_error_and_verdict_of_a_row() -> None:
    row = Row("x", "", 10.0, 10.5, 0.05, "prediction")
    assert row.error == pytest.approx(0.05)
    assert row.passed
    assert not Row("x", "", 10.0, 10.51, 0.05, "prediction").passed
    assert not Row("x", "", 10.0, float("nan"), 0.05, "prediction").passed
    assert not Row("x", "", 0.0, 1e-3, 1e-4, "prediction").passed
    assert Row("x", "", None, 1.0, None, "prediction").passed
    with pytest.raises(ValueError, match="a published figure needs a tolerance"):
        Row("x", "", 10.0, 10.0, None, "prediction")


def test_a_miss_ends_with_1_and_is_named(cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate"]) == 1
    printed = capsys.readouterr().out
    assert "FAILED" in printed
    assert "1 of 2 published figures within their tolerance\n  bad: energy" in printed
    assert "-20.00%" in printed
    assert "a note" in printed


def test_a_pass_ends_with_0(cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "good"]) == 0
    printed = capsys.readouterr().out
    assert "1 of 1 published figures within their tolerance" in printed
    assert "FAILED" not in printed


def test_json_and_csv_hold_every_row(cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "--format", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert (found["passed"], [report["passed"] for report in found["reports"]]) == (False, [False, True])
    assert found["reports"][0]["rows"][0] == {
        "quantity": "energy", "unit": "pJ", "published": 10.0, "ours": 8.0, "error": pytest.approx(-0.2),
        "tolerance": 0.1, "kind": "prediction", "passed": False, "why": "",
    }  # fmt: skip
    assert main(["validate", "good", "--format", "csv"]) == 0
    lines = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(line["case"], line["quantity"], line["passed"]) for line in lines] == [
        ("good", "energy", "True"), ("good", "area", "True"),
    ]  # fmt: skip


def test_out_writes_the_file_and_keeps_the_exit_code(cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = cases / "report.txt"
    assert main(["validate", "bad", "--out", str(target)]) == 1
    assert "bad: energy" in target.read_text("utf-8")
    assert capsys.readouterr().out == ""


def test_unknown_cases_are_all_named_with_the_nearest(cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "goood", "zzz"]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first == "pimsim: error: no validation case 'goood'; cases are bad, good; did you mean good?"
    assert second == "pimsim: error: no validation case 'zzz'; cases are bad, good"


def test_a_case_without_a_report_is_a_fault_of_ours(cases: Path) -> None:
    (cases / "odd").mkdir()
    (cases / "odd" / "case.py").write_text("def run():\n    return 3\n")
    with pytest.raises(TypeError, match=r"validation case odd: run\(\) returned int"):
        run_all(["odd"])


def test_a_case_name_cannot_leave_the_folder(cases: Path) -> None:
    with pytest.raises(InputError, match=r"no validation case '\.\./elsewhere'"):
        run_all(["../elsewhere"])


@pytest.mark.slow
def test_an_installed_package_finds_its_cases(tmp_path: Path) -> None:
    """As a wheel lays them out: the data folders inside the package, no checkout in sight."""
    package = Path(validation.__file__).resolve().parent
    site, elsewhere = tmp_path / "site", tmp_path / "elsewhere"
    elsewhere.mkdir()
    no_caches = shutil.ignore_patterns("__pycache__", "_data")
    shutil.copytree(package, site / "pimsim", ignore=no_caches)
    for name in ("validation", "hwconfigs"):
        shutil.copytree(validation.data_folder(name), site / "pimsim" / "_data" / name, ignore=no_caches)
    run = subprocess.run(
        [sys.executable, "-m", "pimsim", "validate", "isaac"],
        cwd=elsewhere, env={**os.environ, "PYTHONPATH": str(site)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "published figures within their tolerance" in run.stdout
