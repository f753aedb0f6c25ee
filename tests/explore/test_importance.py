"""Does the ranking find the knobs that decide, leave alone those that do not, and say when it cannot be trusted?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pimsim.errors import InputError
from pimsim.explore.importance import Importance
from pimsim.explore.results import Results

from .made_results import made


def swept(figure: str = "energy_pJ", count: int = 400, seed: int = 3) -> Results:
    """energy = 10 x rows, halved for 'flash', a little for adc bits; latency is noise; area spans five decades."""
    rng = np.random.default_rng(seed)
    rows = rng.choice([64, 128, 256], count)
    kind = np.array(["sar", "flash"], dtype=object)[rng.integers(0, 2, count)]
    bits = rng.integers(4, 9, count)
    free = rng.integers(0, 4, count)
    figures = {
        "energy_pJ": 10.0 * rows * np.where(kind == "sar", 1.0, 0.5) + bits,
        "latency_ns": rng.random(count),
        "area_um2": 10.0 ** (bits - 4) * rows,
        "tops": np.full(count, 7.0),
    }
    knobs = {"crossbar.rows": rows, "crossbar.adc.kind": kind, "crossbar.adc.bits": bits, "tile.pes": free}
    return made(figures, knobs)


def drops(found: Importance) -> dict[str, float]:
    return dict(zip(found.knobs, found.drops, strict=True))


def test_knobs_are_ranked_as_they_act() -> None:
    found = swept().importance("energy_pJ")
    assert found.knobs[:2] == ("crossbar.rows", "crossbar.adc.kind")
    assert abs(drops(found)["tile.pes"]) < 0.01
    assert drops(found)["crossbar.adc.kind"] > 0.1
    assert found.r2 > 0.99
    assert found.trusted
    assert "the order can be trusted" in found.to_text()


def test_figures_over_decades_are_fitted_as_logarithms() -> None:
    found = swept().importance("max:area_um2")
    assert found.logarithmic
    assert found.figure == "area_um2"
    assert found.knobs[0] == "crossbar.adc.bits"
    assert "fitted to its logarithm" in found.verdict


def test_noise_is_not_to_be_trusted() -> None:
    found = swept().importance("latency_ns")
    assert found.r2 < 0.3
    assert not found.trusted
    assert "a poor fit: do not trust the order" in found.to_text()


def test_words_that_only_a_pair_of_knobs_explains() -> None:
    """Exclusive or: neither knob alone says anything, both are found."""
    rng = np.random.default_rng(0)
    left, right = rng.integers(0, 2, 300), rng.integers(0, 2, 300)
    words = np.array(["none", "balanced"], dtype=object)
    found = made(
        {"energy_pJ": 1.0 + (left ^ right)},
        {"mapping.replication": words[left], "tile.bus.topology": words[right], "tile.pes": rng.integers(0, 3, 300)},
    ).importance()
    assert set(found.knobs[:2]) == {"mapping.replication", "tile.bus.topology"}
    assert min(found.drops[:2]) > 0.5
    assert found.drops[2] < 0.05


def test_none_truths_and_numbers_as_texts_are_values() -> None:
    rng = np.random.default_rng(0)
    choice = rng.integers(0, 3, 200)
    knobs = {
        "a": np.array([None, 8, "auto"], dtype=object)[choice],
        "b": np.array([True, False])[rng.integers(0, 2, 200)],
        "c": np.array([1.0, np.nan])[rng.integers(0, 2, 200)],
    }
    found = made({"energy_pJ": np.array([3.0, 1.0, 2.0])[choice]}, knobs).importance()
    assert found.knobs[0] == "a"
    assert found.r2 > 0.99


def test_knobs_that_do_not_turn_and_derived_values() -> None:
    results = swept()
    data = {**results.table.data, "tile.pes": np.full(400, 12)}
    space = {**results.about["space"], "derived": [["crossbar.adc.bits", "log2(rows)"]]}
    found = Results(type(results.table)(data), {**results.about, "space": space}).importance()
    assert "crossbar.adc.bits" not in found.knobs
    assert drops(found)["tile.pes"] == 0.0


def test_same_seed_same_figures_other_seed_others() -> None:
    assert swept(count=100).importance(seed=5) == swept(count=100).importance(seed=5)
    assert swept(count=100).importance(seed=5) != swept(count=100).importance(seed=6)


def test_failed_rows_are_left_out_and_counted() -> None:
    results = swept(count=60)
    errors = np.array(["", "too small"] * 10 + [""] * 40, dtype=object)
    found = Results(type(results.table)({**results.table.data, "error": errors}), results.about).importance()
    assert found.left_out == 10
    assert found.rows == 50
    assert found.held_out == 12
    assert "10 rows left out (failed, or not finite)" in found.verdict


@pytest.mark.slow
def test_large_tables_are_sampled() -> None:
    found = swept(count=21_000).importance()
    assert found.rows == 20_000
    assert found.left_out == 0


def test_plain_data_and_notebook_form() -> None:
    found = swept(count=100).importance()
    plain = found.to_dict()
    assert plain["knobs"][0]["knob"] == found.knobs[0]
    assert plain["r2"] == found.r2
    assert "crossbar.rows" in found._repr_html_()


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda: swept().importance("energy"), "no column 'energy'; did you mean 'energy_pJ'?"),
        (lambda: swept().importance("tops"), "tops is the same at all points: no knob decides it"),
        (lambda: swept(count=39).importance(), "importance needs 40 points or more; 39 of 39 are good"),
        (lambda: swept().importance(seed=-1), "seed must be a whole number from 0 to 4294967295; got -1"),
        (lambda: made({"energy_pJ": np.arange(50.0)}).importance(), "these results name no knobs"),
        (lambda: made({"energy_pJ": np.arange(50.0)}, {"a": [1] * 50}).importance(), "no knob turns in these results"),
    ],
)
def test_faults(ask: Any, says: str) -> None:
    with pytest.raises(InputError) as caught:
        ask()
    assert says in str(caught.value)
