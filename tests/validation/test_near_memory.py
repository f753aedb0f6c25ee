"""Is the record of reduction near the banks what the code gives, and the report what the record says?"""

from __future__ import annotations

from dataclasses import asdict

import pytest

from validation.near_memory import study
from validation.near_memory.__main__ import main
from validation.near_memory.crossbars import steps
from validation.near_memory.record import FOLDER, checks, read, report


def test_small_points_come_out_as_recorded() -> None:
    """To the last digit of energy: every level of adders, run again."""
    recorded = read().of("mini")
    assert len(recorded) == 6
    for old, new in zip(recorded, study.mini(), strict=True):
        assert asdict(new) == pytest.approx(asdict(old))


def test_the_report_is_written_from_the_record(capsys: pytest.CaptureFixture[str]) -> None:
    assert (FOLDER / "REPORT.md").read_text("utf-8") == report(read())
    assert main(["--recorded"]) == 0
    assert capsys.readouterr().out.strip() == report(read()).strip()


def test_the_claims_hold_in_kind() -> None:
    assert [text for text, good in checks(read()) if not good] == []


@pytest.mark.slow
def test_the_largest_points_come_out_as_recorded() -> None:
    record = read()
    lookups = record.of("ranks")[0].lookups
    assert study.run("ranks", "recnmp", 8, 80, 64, "uniform", lookups).speed_up == pytest.approx(
        record.speed_up("ranks", "recnmp", ranks=8, pooling=80)
    )
    assert [asdict(step) for step in steps(lookups)] == [pytest.approx(asdict(step)) for step in record.steps]
