"""Is every point of ISAAC's space as busy and as large as by hand, and does the case say where the best one is?"""

from __future__ import annotations

import numpy as np
import pytest
import yaml

from pimsim.explore.space_file import load_space
from pimsim.hardware.load import load_hardware
from pimsim.report.pictures import png
from pimsim.validation import Report, run_all
from validation.isaac import case as table
from validation.isaac_space import case

SHARE = 62.5 / 85.4


@pytest.fixture(scope="module")
def figures() -> dict[str, object]:
    return yaml.safe_load(case.PUBLISHED.read_text("utf-8"))


@pytest.fixture(scope="module")
def found(figures: dict[str, object]) -> case.Swept:
    return case.sweep(load_space("isaac"), figures)


@pytest.fixture(scope="module")
def report() -> Report:
    return run_all(["isaac_space"])[0]


def test_the_case_passes_and_names_the_best_points(report: Report) -> None:
    assert report.passed
    named = [row.quantity for row in report.rows if "CE of the best point (" in row.quantity]
    assert len(named) == 3
    assert all(row.published is None for row in report.rows if row.quantity in named)


def test_the_paper_s_point_is_the_shipped_file(found: case.Swept) -> None:
    """No price of isaac.yaml is moved by the scaling there."""
    space = load_space("isaac")
    point = {case.ROWS: 128, case.HALF_ADCS: 4, case.CROSSBARS: 8, case.IMAS: 12}
    codes = np.array([[knob.values.index(point[knob.path]) for knob in space.knobs]])
    values = {path: column[0].item() for path, column in space.columns(codes).items()}
    shipped = load_hardware("isaac")
    there = space.hardware(values)
    for path in values:
        ours, given = there, shipped
        for key in path.split("."):
            ours, given = getattr(ours, key), getattr(given, key)
        assert ours == pytest.approx(given), path
    assert found.ce[found.at(128, 8, 8, 12)] == pytest.approx(1e3 * table.peak_tops(shipped) / 85.42472, rel=1e-3)


def by_hand(h: int, a: int, c: int, i: int) -> float:
    """GOPS/s/mm2 from Table 1 and the rules of the space, all crossbars busy."""
    read_ns = max(100.0, c * h / a / 1.28)
    bits = np.log2(h) + 1
    adcs = max(a, c) if a >= c else a
    inputs = c * h * i / 12288
    ima = (
        adcs * 1200 * (bits / 8 + 2 ** (bits - 8)) / 2
        + c * (h * 170 / 1024 + h * 40 / 1024 + 25 * (h / 128) ** 2)
        + a / 2 * 60
        + (2100 + 770) * c * h / 1024
    )
    tile = i * ima + (83000 + 90000 * 100 / read_ns + 3200) * inputs + 151000 / 4 + 600 + 60 + 240
    gops = c * i * h * (h / 8) * 2 / (16 * read_ns)
    return gops / (tile * 1e-6) * SHARE


@pytest.mark.parametrize(
    "point", [(128, 8, 8, 12), (128, 4, 8, 12), (128, 16, 8, 4), (64, 4, 8, 16), (32, 16, 4, 8), (256, 8, 16, 8)]
)
def test_a_point_is_what_its_parts_add_up_to(found: case.Swept, point: tuple[int, int, int, int]) -> None:
    assert found.ce[found.at(*point)] == pytest.approx(by_hand(*point), rel=2e-3)


def test_only_the_router_slows_any_point_down(found: case.Swept) -> None:
    expected = np.array([by_hand(*point) for point in zip(found.rows, found.adcs, found.crossbars, found.imas,
                                                          strict=True)])  # fmt: skip
    ratio = found.ce / expected
    assert ratio.max() < 1.002
    held = found.crossbars * found.imas
    assert set(held[ratio < 0.99].tolist()) <= {128, 192, 256}
    assert (ratio[found.rows * held <= 128 * 192] > 0.99).all()


def test_the_best_is_where_the_report_says(found: case.Swept, report: Report, figures: dict[str, object]) -> None:
    quiet = found.rows <= 128
    best = found.labels[found.best(quiet)]
    assert any(f"({best})" in row.quantity for row in report.rows)
    assert found.ce[found.best()] == found.ce.max()
    assert found.ce[found.best(quiet)] == found.ce[quiet].max()


def test_adcs_that_double_with_every_bit_favour_fewer_rows(figures: dict[str, object], found: case.Swept) -> None:
    doubling = case.sweep(case.with_derived(load_space("isaac"), case.ADC_AREA, case.DOUBLING), figures)
    at = found.at(128, 8, 8, 12)
    assert doubling.ce[at] == pytest.approx(found.ce[at])
    assert doubling.ce[found.at(256, 8, 8, 12)] < found.ce[found.at(256, 8, 8, 12)]
    assert doubling.ce[found.at(64, 8, 8, 12)] > found.ce[found.at(64, 8, 8, 12)]


def test_a_product_wider_than_the_chip_is_a_fault(figures: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    small = case.one_layer
    monkeypatch.setattr(case, "one_layer", lambda name, rows, cols, vectors: small(name, rows, 2 * cols, vectors))
    with pytest.raises(RuntimeError, match="a product does not fill its chip"):
        case.sweep(load_space("isaac"), figures)


def test_the_picture_has_a_mark_for_every_point(found: case.Swept, report: Report) -> None:
    (picture,) = report.pictures
    assert len(picture.ticks) == 36
    assert sum(len(curve.x) for curve in picture.ours) == len(found.labels) == 144
    assert picture.ticks[int(picture.published[0].x[0])] == "H128-A8-C8"
    assert png(picture).startswith(b"\x89PNG")
