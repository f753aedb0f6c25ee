"""Is the report of the studies what their records say?"""

from validation.nasrec.__main__ import REPORT, STUDIES, report
from validation.nasrec.records import FOLDER


def test_the_report_is_written_out_of_the_records():
    assert REPORT.read_text(encoding="utf-8") == report()


def test_every_record_belongs_to_a_study():
    assert {path.stem for path in FOLDER.glob("*.json")} <= set(STUDIES)
