"""Do the banks keep to the sums by hand and to the vendor's power note, as `pimsim validate memory` prints them?"""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pimsim.data_files import data_folder
from validation.memory import case, power, timing

FOLDER = data_folder("validation") / "memory"
BY_HAND = yaml.safe_load((FOLDER / "by_hand.yaml").read_text("utf-8"))
POWER = yaml.safe_load((FOLDER / "power.yaml").read_text("utf-8"))
DEVICES = ["ddr4_2400", "ddr4_3200", "ddr5_4800", "hbm2"]


def test_every_scenario_stands_for_every_device() -> None:
    assert set(BY_HAND["scenarios"]) == set(timing.scenarios())
    assert all(sorted(scenario["cycles"]) == DEVICES for scenario in BY_HAND["scenarios"].values())
    assert sorted(BY_HAND["million"]["refresh"]) == DEVICES


def test_timing_comes_out_to_the_cycle() -> None:
    rows = case.timing_rows(BY_HAND["scenarios"])
    assert len(rows) == 40
    assert [row.quantity for row in rows if row.ours != row.published] == []


def test_a_wrong_sum_fails() -> None:
    wrong = {"closed row": BY_HAND["scenarios"]["closed row"] | {"cycles": {"hbm2": [14, 14, 3]}}}
    (row,) = case.timing_rows(wrong)
    assert not row.passed


def test_energy_equals_the_note_and_its_spreadsheet() -> None:
    rows = case.power_rows(POWER)
    assert [row.quantity for row in rows if not row.passed] == []
    assert {row.quantity.rsplit(": ")[-1] for row in rows} >= {"activate", "read", "write", "refresh", "background"}


def test_the_note_is_worked_out_from_the_module_s_table() -> None:
    """A chip's currents: 657 / 9 - 25 = 48 mA; 612 / 18 = 34 mA; (279 - 27) / 9 = 28 mA."""
    chip = power.chip_mA(POWER["module"])
    assert (chip["IDD0"], chip["IDD2N"], chip["IPP5B"]) == pytest.approx((48, 34, 28))
    usage = POWER["module"]["usage"]
    # nine chips: IDD3N 43, IDD2N 34, IDD3P 37, IDD2P 25 mA by their shares at 1.2 V, and 3 mA at 2.5 V
    standby = 0.4 * (0.25 * 25 + 0.75 * 34) + 0.6 * (0.1 * 37 + 0.9 * 43)
    assert power.note_mW(POWER["module"], usage)["background"] == pytest.approx(9 * (1.2 * standby + 7.5))


@pytest.mark.slow
def test_the_case_passes_and_is_in_the_report() -> None:
    report = case.run()
    assert report.passed
    text = (Path(FOLDER).parent / "REPORT.md").read_text("utf-8")
    assert all(f"| {row.quantity} |" in text for row in report.rows)
