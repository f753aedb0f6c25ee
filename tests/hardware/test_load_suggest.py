"""Do the suggestions name the right key, unit and number, and stay silent where nothing is near?"""

from __future__ import annotations

import pytest

from pimsim.hardware.suggest import nearest, number_text, number_with_unit, same_quantity, unit_factor


@pytest.mark.parametrize(
    ("name", "candidates", "found"),
    [
        ("colums", ["rows", "columns"], "columns"),
        ("ROWS", ["rows", "columns"], "rows"),
        ("energy", ["energy_pJ", "area_um2"], "energy_pJ"),
        ("adc_bits", ["bits", "kind"], "bits"),
        ("zzz", ["rows", "columns"], None),
        ("", ["rows"], None),
        ("r" * 100_000, ["rows"], None),
    ],
)
def test_nearest(name: str, candidates: list[str], found: str | None) -> None:
    assert nearest(name, candidates) == found


def test_units_of_the_same_quantity() -> None:
    assert unit_factor("nJ", "pJ") == pytest.approx(1000)
    assert unit_factor("KiB", "bits") == 8192
    assert unit_factor("GBps", "Gbps") == pytest.approx(8)
    assert unit_factor("nJ", "ns") is None
    same = same_quantity("energy_fJ", ["bits", "energy_pJ"])
    assert same is not None
    assert same[:2] == ("energy_pJ", "1 fJ = 0.001 pJ")
    assert same_quantity("energy_mW", ["energy_pJ"]) is None
    assert same_quantity("power_pJ", ["energy_nJ"]) is None
    assert same_quantity("energy", ["energy_pJ"]) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(1000.0, "1000"), (0.001, "0.001"), (1e-6, "1e-06"), (65536, "65536"), (1e15, "1e15"), (2.5e9, "25e8"), (0, "0")],
)
def test_numbers_as_written_in_files(value: float, text: str) -> None:
    assert number_text(value) == text
    assert float(text) == value


def test_numbers_with_units() -> None:
    assert number_with_unit("2.5 us", "read_ns") == "write 2500 (the key is in ns; 1 us = 1000 ns)"
    assert number_with_unit("2.5 µs", "read_ns") == "write 2500 (the key is in ns; 1 us = 1000 ns)"
    assert number_with_unit("7ns", "read_ns") == "write 7 (the unit is in the key)"
    assert number_with_unit("7 pJ", "read_ns") is None
    assert number_with_unit("pJ", "read_ns") is None
    assert number_with_unit("9" * 100_000 + " ns", "read_ns") is None
    assert number_with_unit("1e9999 us", "read_ns") is None
