"""Is REPORT.md whole, does it say what the command says, and are its pictures pictures?"""

import re
from pathlib import Path

import pytest

from pimsim.cli import validation_report
from pimsim.cli.main import main
from pimsim.data_files import data_folder
from pimsim.report.pictures import Curve, Picture, png
from pimsim.validation import Report, Row

PNG = b"\x89PNG\r\n\x1a\n"
ROWS = (
    Row("a | b", "pJ", 10.0, 10.5, 0.1, "prediction"),
    Row("odd", "pJ", 10.0, 20.0, None, "flagged", "two sources contradict"),
    Row("mean", "%", None, 5.0, 6.0, "bar"),
    Row("spread", "%", None, 50.0, 20.0, "goal"),
)
PICTURE = Picture(
    "one", "a $ title_", "x", "y", (Curve("p", (1.0, 2.0), (2.0, 1.0), (1.5, 0.5), (3.0, 2.0), ("a", "b")),)
)


def test_the_kinds_of_rows_pass_and_fail_as_they_say() -> None:
    assert all(row.passed for row in ROWS)
    assert not Row("mean", "%", None, 6.1, 6.0, "bar").passed
    assert not Row("mean", "%", None, float("nan"), 6.0, "bar").passed
    with pytest.raises(ValueError, match="a flagged figure is published, has no tolerance, and says why"):
        Row("odd", "", 1.0, 1.0, None, "flagged")
    with pytest.raises(ValueError, match="a bar has a tolerance and no published figure"):
        Row("mean", "", 1.0, 1.0, 0.1, "bar")


def test_the_report_holds_rows_reasons_and_pictures(tmp_path: Path) -> None:
    report = Report("case", "A. Author, 2000", ROWS, ("a note",), (PICTURE,), "text of its own")
    validation_report.write([report], tmp_path / "REPORT.md")
    text = (tmp_path / "REPORT.md").read_text("utf-8")
    assert "1 of 1 published figures within their tolerance; 1 of 1 bars hold; 1 printed without a bar" in text
    for line in (
        r"| a \| b | 10 | 10.5 | pJ | +5.00% | 10.00% | prediction |  |",
        "| spread | - | 50 | % | - | 20 | goal | missed |",
    ):
        assert line in text
    for piece in ("two sources contradict", "- a note", "text of its own", "(figures/one.png)"):
        assert piece in text
    assert (tmp_path / "figures" / "one.png").read_bytes().startswith(PNG)


@pytest.mark.parametrize("logarithmic", [False, True])
def test_equal_data_give_equal_pictures(logarithmic: bool) -> None:
    picture = Picture("n", "t", "x", "y", PICTURE.published, PICTURE.published, logarithmic, logarithmic)
    assert png(picture) == png(picture)
    assert png(picture).startswith(PNG)


def test_report_goes_where_it_is_asked_to(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "yin2020", "--report", str(tmp_path / "r.md")]) == 0
    assert "## yin2020" in (tmp_path / "r.md").read_text("utf-8")
    assert main(["validate", "yin2020", "--report", str(tmp_path / "absent" / "r.md")]) == 2
    assert "--report" in capsys.readouterr().err


def test_nothing_is_written_into_an_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation_report, "data_folder", lambda name: tmp_path)
    assert validation_report.report_file() is None


def test_every_picture_of_the_report_stands_beside_it() -> None:
    folder = data_folder("validation")
    shown = set(re.findall(r"\(figures/([a-z0-9_]+\.png)\)", (folder / "REPORT.md").read_text("utf-8")))
    assert shown == {path.name for path in (folder / "figures").glob("*.png")}
    assert len(shown) >= 7


@pytest.mark.slow
def test_the_committed_report_is_what_the_command_writes(tmp_path: Path) -> None:
    """Tables word for word (pictures may differ by the version of matplotlib)."""
    assert main(["validate", "--out", str(tmp_path / "table"), "--report", str(tmp_path / "REPORT.md")]) == 0
    assert (tmp_path / "REPORT.md").read_text("utf-8") == (data_folder("validation") / "REPORT.md").read_text("utf-8")
