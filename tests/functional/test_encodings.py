"""Is a density what one gets by writing every weight into cells, and every input onto rows, one by one?"""

from __future__ import annotations

from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pimsim.functional.encodings import driven_codes, driven_density, mean_digit, quantise_weights, stored_density

SIGNED = ("offset", "twos_complement", "differential", "differential_rows", "xnor", "xnor_rows", "sign_magnitude")


def digits(code: int, width: int, digit_bits: int) -> list[float]:
    """Digits of one code over full scale, the slow way."""
    binary = format(code, f"0{width}b")[::-1]
    groups = [binary[i : i + digit_bits][::-1] for i in range(0, width, digit_bits)]
    return [int(group, 2) / (2**digit_bits - 1) for group in groups]


def cells(weight: int, bits: int, cell_bits: int, signed: str) -> list[float]:
    """Levels of all cells that hold one signed weight, as the encoding's definition says."""
    magnitude = digits(abs(weight), bits - 1, cell_bits)
    if signed in ("differential", "differential_rows"):
        empty = [0.0] * len(magnitude)
        return magnitude + empty if weight >= 0 else empty + magnitude
    if signed == "sign_magnitude":
        return [*magnitude, 1.0 if weight < 0 else 0.0]
    if signed == "twos_complement":
        return digits(weight if weight >= 0 else weight + 2**bits, bits, cell_bits)
    levels = digits(weight + 2 ** (bits - 1), bits, cell_bits)
    return levels + [1.0 - level for level in levels] if signed == "xnor_rows" else levels


@given(
    st.lists(st.integers(-127, 127), min_size=1, max_size=30),
    st.integers(1, 8),
    st.sampled_from(SIGNED),
)
def test_stored_density_is_the_mean_over_the_cells(weights: list[int], cell_bits: int, signed: str) -> None:
    levels = [level for weight in weights for level in cells(weight, 8, cell_bits, signed)]
    assert stored_density(np.array(weights), 8, cell_bits, signed) == pytest.approx(np.mean(levels), abs=1e-12)


@given(st.integers(2, 12), st.integers(1, 4), st.sampled_from(SIGNED), st.integers(0, 2**32 - 1))
def test_gaussian_weights(bits: int, cell_bits: int, signed: str, seed: int) -> None:
    """Quantised one by one with one scale, written into cells one by one."""
    values = np.random.default_rng(seed).standard_normal(40)
    top, full = max(abs(v) for v in values), 2 ** (bits - 1) - 1
    weights = [round(v / top * full) for v in values]
    levels = [level for weight in weights for level in cells(weight, bits, cell_bits, signed)]
    codes = quantise_weights(values, float(np.abs(values).max()), bits)
    assert stored_density(codes, bits, cell_bits, signed) == pytest.approx(np.mean(levels), abs=1e-12)


def test_counting_by_value_changes_nothing() -> None:
    """More codes than values there are, counted, against few at a time."""
    codes = np.random.default_rng(0).integers(0, 256, 10_000)
    parts = [mean_digit(part, 8, 3) for part in np.split(codes, 1000)]
    assert mean_digit(codes, 8, 3) == pytest.approx(np.mean(parts), rel=1e-12)


@pytest.mark.parametrize(
    ("signed", "density"),
    [
        ("offset", 1 / 8),  # zero is the middle of the range: its top bit
        ("twos_complement", 0.0),
        ("differential", 0.0),
        ("sign_magnitude", 0.0),
        ("xnor_rows", 0.5),
    ],
)
def test_zero_weights(signed: str, density: float) -> None:
    assert stored_density(np.zeros(10, np.int64), 8, 1, signed) == density


@pytest.mark.parametrize(
    ("signed", "density"),
    [("offset", 0.75), ("twos_complement", 0.25), ("xnor", 0.75), ("differential", 0.5), ("xnor_rows", 0.5)],
)
def test_one_bit_is_the_sign(signed: str, density: float) -> None:
    codes = quantise_weights(np.array([0.3, 2.0, 0.1, -1.0], np.float32), 2.0, 1)
    assert stored_density(codes, 1, 1, signed) == density


def test_tiny_and_huge_weights_keep_their_ratios() -> None:
    for scale in (1e-40, 1e-30, 1.0, 1e38):
        values = np.array([1.0, -0.5, 0.0], np.float32) * np.float32(scale)
        codes = quantise_weights(values, float(np.abs(values).max()), 8)
        assert codes[0] == 127
        assert codes[2] == 0
        assert codes[1] in (-64, -63)


@given(st.lists(st.integers(0, 255), min_size=1, max_size=30), st.sampled_from([1, 2, 4, 8]))
def test_bit_serial_and_pulses_of_non_negative_inputs(values: list[int], dac_bits: int) -> None:
    """Share of ones for one bit at a time; mean over full scale for trains of pulses that carry all bits."""
    values = [*values, 255]
    array = np.array(values, np.float64)
    expected = np.mean([level for value in values for level in digits(value, 8, dac_bits)])
    for encoding in ("bit_serial", "pulse_count", "pulse_width"):
        found = driven_density(array, 255.0, 8, encoding, dac_bits, "differential")
        assert found == pytest.approx(expected, abs=1e-12)
    whole = driven_density(array, 255.0, 8, "pulse_count", 8, "differential")
    assert whole == pytest.approx(np.mean(values) / 255, abs=1e-12)


@given(st.lists(st.integers(-127, 127), min_size=1, max_size=30))
def test_inputs_of_both_signs(values: list[int]) -> None:
    values = [*values, -127]
    array = np.array(values, np.float64)
    ones = np.mean([format(value % 256, "08b").count("1") / 8 for value in values])
    assert driven_density(array, 127.0, 8, "bit_serial", 1, "differential") == pytest.approx(ones, abs=1e-12)
    assert driven_codes(np.array(values), 8, "bit_serial", 1, "differential") == pytest.approx(ones, abs=1e-12)
    trains = np.mean([abs(value) / 255 for value in values])
    assert driven_density(array, 127.0, 8, "pulse_count", 8, "differential") == pytest.approx(trains, abs=1e-12)
    bits = np.mean([format(abs(value), "07b").count("1") / 7 for value in values])
    assert driven_density(array, 127.0, 8, "binary_pulses", 1, "differential") == pytest.approx(bits, abs=1e-12)


@pytest.mark.parametrize("encoding", ["bit_serial", "pulse_count", "pulse_width", "binary_pulses"])
@pytest.mark.parametrize("values", [np.zeros(5), np.array([])])
def test_zeros_drive_nothing(encoding: str, values: np.ndarray) -> None:
    assert driven_density(values, 0.0, 8, encoding, 1, "differential") == 0.0


@pytest.mark.parametrize("encoding", ["bit_serial", "pulse_count", "binary_pulses"])
def test_sparsity_counts_in_proportion(encoding: str) -> None:
    """Three zeros beside each value: a quarter of the density."""
    dense = np.random.default_rng(1).uniform(0, 1, 500)
    sparse = np.concatenate([dense, np.zeros(1500)])
    top = float(dense.max())
    whole = driven_density(dense, top, 8, encoding, 1, "differential")
    assert driven_density(sparse, top, 8, encoding, 1, "differential") == pytest.approx(whole / 4, rel=1e-12)


def test_a_row_or_its_complement_is_always_driven() -> None:
    assert driven_density(np.zeros(5), 0.0, 8, "bit_serial", 1, "xnor_rows") == 0.5
    assert driven_codes(np.zeros(5, np.int64), 8, "bit_serial", 1, "xnor_rows") == 0.5


def test_uppermost_digit_is_held_against_the_same_full_scale() -> None:
    assert mean_digit(np.array([255]), 8, 3) == pytest.approx((1 + 1 + 3 / 7) / ceil(8 / 3))
