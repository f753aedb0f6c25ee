"""Does the report of our own laws show an optimum inside, and can its picture be drawn?"""

from pimsim.report.pictures import png
from pimsim.validation import run_all


def test_the_optimum_lies_inside() -> None:
    report = run_all(["laws"])[0]
    lossless = report.pictures[0].ours[0].y
    assert 0 < lossless.index(max(lossless)) < len(lossless) - 1
    assert report.rows[0].ours in (256.0, 512.0)
    assert png(report.pictures[0]).startswith(b"\x89PNG")
