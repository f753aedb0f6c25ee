"""Does the report of our own laws show optima inside, and can its picture be drawn?"""

from pimsim.report.pictures import png
from pimsim.validation import run_all


def test_the_optimum_lies_inside() -> None:
    report = run_all(["laws"])[0]
    best = []
    for curve in report.pictures[0].ours:
        at = curve.y.index(max(curve.y))
        assert 0 < at < len(curve.y) - 1, curve.label
        assert list(curve.y[: at + 1]) == sorted(curve.y[: at + 1]), "one optimum"
        assert list(curve.y[at:]) == sorted(curve.y[at:], reverse=True)
        best.append(curve.x[at])
    assert best == [512.0, 2048.0]
    assert [row.ours for row in report.rows[::2]] == best
    assert png(report.pictures[0]).startswith(b"\x89PNG")
