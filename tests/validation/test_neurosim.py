"""Is NeuroSim's VGG-8 reproduced within its bars, without a calibration, and does the split add up?"""

import pytest

from pimsim.hardware.load import load_hardware
from pimsim.hardware.models import circuits
from pimsim.validation import Report, run_all


@pytest.fixture(scope="module")
def report() -> Report:
    return run_all(["neurosim_vgg8"])[0]


def test_energy_area_and_latency_within_a_quarter(report: Report) -> None:
    bars = {row.quantity: row for row in report.rows if row.kind == "prediction"}
    assert set(bars) == {"dynamic energy", "area", "latency"}
    assert all(row.tolerance == 0.25 and row.passed for row in bars.values())
    assert report.passed


def test_nothing_is_calibrated() -> None:
    hardware = load_hardware("neurosim_vgg8")
    priced = {path for path, c in circuits(hardware) if (c.energy_pJ, c.power_mW, c.area_um2) != (None, None, None)}
    assert priced == {"crossbar.sample_hold", "chip.link", "memory"}, "what that chip does not have"
    assert all(circuit.calibration is None for _, circuit in circuits(hardware))


@pytest.mark.parametrize("whole", ["dynamic energy", "area"])
def test_the_parts_make_the_whole(report: Report, whole: str) -> None:
    rows = {row.quantity: row for row in report.rows}
    parts = [row for name, row in rows.items() if name.startswith(f"{whole}: ")]
    assert len(parts) == {"dynamic energy": 3, "area": 5}[whole]
    published = sum(row.published or 0.0 for row in parts)
    assert published == pytest.approx(rows[whole].published, rel=0.001)
    assert sum(row.ours for row in parts) == pytest.approx(rows[whole].ours)


def test_the_padded_network_stands_beside_it(report: Report) -> None:
    rows = {row.quantity: row for row in report.rows}
    for quantity in ("dynamic energy", "latency"):
        assert rows[f"{quantity}, padded network"].ours > rows[quantity].ours
        assert "30 x 30" in rows[f"{quantity}, padded network"].why
