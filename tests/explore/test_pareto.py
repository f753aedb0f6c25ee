"""Are fronts, volumes, knees and comparisons what their definitions say, on data whose answer is known?"""

from __future__ import annotations

import csv
import io
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pimsim.errors import InputError
from pimsim.explore.pareto import fronts, hypervolume, knee, knees, non_dominated, reference_point

from .made_results import made

Array = Any


def plainly_non_dominated(values: list[tuple[float, ...]]) -> set[tuple[float, ...]]:
    """The definition, pair by pair."""
    return {
        row
        for row in values
        if not any(all(a <= b for a, b in zip(other, row, strict=True)) and other != row for other in values)
    }


@given(
    st.integers(2, 4).flatmap(
        lambda width: st.lists(st.tuples(*[st.integers(0, 6).map(float)] * width), min_size=1, max_size=60)
    )
)
def test_front_is_the_definition(rows: list[tuple[float, ...]]) -> None:
    values = np.array(rows)
    index, equal = non_dominated(values)
    found = [tuple(row) for row in values[index].tolist()]
    assert set(found) == plainly_non_dominated(rows)
    assert len(found) == len(set(found))
    assert equal.tolist() == [rows.count(row) for row in found]
    assert all(rows.index(row) == at for row, at in zip(found, index.tolist(), strict=True))
    assert found == sorted(found)


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 3]))
def test_thinning_a_large_table_changes_no_front(seed: int, width: int) -> None:
    """12,000 rows go through the prefilter; all of them pairwise does not."""
    from pymoo.util.nds.non_dominated_sorting import find_non_dominated

    values = np.random.default_rng(seed).integers(0, 300, (12_000, width)).astype(float)
    index, equal = non_dominated(values)
    expected = values[find_non_dominated(values)]
    assert np.array_equal(values[index], np.unique(expected, axis=0))
    assert equal.sum() == len(expected)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=40))
def test_fronts_peel_the_set(rows: list[tuple[int, int]]) -> None:
    values = np.array(rows, dtype=float)
    layers = list(fronts(values, len(rows)))
    assert sorted(np.concatenate(layers).tolist()) == list(range(len(rows)))
    left = [tuple(row) for row in values.tolist()]
    for layer in layers:
        found = {tuple(row) for row in values[layer].tolist()}
        assert found == plainly_non_dominated(left)
        left = [row for row in left if row not in found]


def test_no_rows_have_no_front() -> None:
    index, equal = non_dominated(np.empty((0, 2)))
    assert not len(index)
    assert not len(equal)
    assert list(fronts(np.empty((0, 2)), 3)) == []


def test_volume_of_two_boxes() -> None:
    """(1, 3) and (2, 1) up to (4, 4): 3 x 1 and 2 x 3, overlapping in 2 x 1."""
    assert hypervolume(np.array([[1.0, 3.0], [2.0, 1.0]]), np.array([4.0, 4.0])) == 3 + 6 - 2
    assert hypervolume(np.array([[5.0, 0.0]]), np.array([4.0, 4.0])) == 0.0


@given(st.lists(st.tuples(*[st.integers(0, 5)] * 3), min_size=1, max_size=12))
def test_volume_in_three_objectives_is_the_count_of_unit_cubes(rows: list[tuple[int, ...]]) -> None:
    covered = sum(
        any(all(a <= b for a, b in zip(row, cube, strict=True)) for row in rows)
        for cube in itertools.product(range(6), repeat=3)
    )
    assert hypervolume(np.array(rows, dtype=float), np.full(3, 6.0)) == pytest.approx(covered)


def test_reference_lies_a_tenth_of_the_span_behind() -> None:
    assert reference_point(np.array([[1.0, 30.0], [2.0, 10.0]])).tolist() == pytest.approx([2.1, 32.0])
    assert reference_point(np.array([[5.0, 0.0]])).tolist() == pytest.approx([5.5, 0.1])
    assert reference_point(np.array([[-5.0, 1.0]])).tolist() == pytest.approx([-4.5, 1.1])


def bent(at: float) -> Array:
    """Two straight lines that meet at (at, at): the corner is the knee."""
    x = np.linspace(0.0, 1.0, 101)
    return np.stack([x, np.where(x < at, 1 - (1 - at) / at * x, at - at / (1 - at) * (x - at))], axis=1)


@pytest.mark.parametrize("scale", [(1.0, 1.0), (1e9, 1e-6)])
@pytest.mark.parametrize("at", [0.1, 0.2, 0.3])
def test_knee_is_the_corner_in_any_units(at: float, scale: tuple[float, float]) -> None:
    values = bent(at)
    found = values[knee(values * scale)]
    assert found.tolist() == pytest.approx([at, at], abs=0.011)
    assert knee(values * scale) in knees(values * scale)


def test_straight_and_tiny_fronts_have_no_knees_but_a_place_to_begin() -> None:
    line = np.stack([np.arange(9.0), np.arange(9.0)[::-1]], axis=1)
    assert knees(line).tolist() == []
    assert knee(line) == 4
    assert knee(np.array([[3.0, 4.0]])) == 0
    assert knee(np.array([[1.0, 2.0], [2.0, 1.0]])) == 0
    with pytest.raises(ValueError, match="a front without points has no knee"):
        knee(np.empty((0, 2)))


FIVE = {
    "energy_pJ": [1.0, 2.0, 3.0, 2.0, 4.0],
    "latency_ns": [5.0, 3.0, 3.0, 3.0, 1.0],
    "tops": [1.0, 9.0, 9.0, 9.0, 2.0],
}


def test_front_of_results_counts_equal_and_left_out_rows() -> None:
    figures = {name: [*column, np.nan, 0.1] for name, column in FIVE.items()}
    front = made(figures, errors=["", "", "", "", "", "", "chip too small"]).pareto("energy_pJ", "latency_ns")
    assert front.points == [0, 1, 4]
    assert front.equal.tolist() == [1, 2, 1]
    assert front.left_out == 2
    assert "7 points, of which 2 left out" in front.to_text()
    assert "3 points (4 with those of equal figures)" in front.to_text()


def test_maximised_objectives() -> None:
    front = made(FIVE).pareto("energy_pJ", "max:tops")
    assert front.points == [0, 1]
    assert front.reference == pytest.approx({"energy_pJ": 2.1, "tops": 0.2})
    assert front.hypervolume() == pytest.approx(1.1 * 0.8 + 0.1 * 8.0)
    assert front.hypervolume([2.1, 0.2]) == pytest.approx(front.hypervolume())
    assert front.hypervolume([1.0, 0.0]) == 0.0
    both = made(FIVE).pareto("max:tops", "max:energy_pJ")
    assert both.points == [2, 4]


def test_ranks_count_the_fronts() -> None:
    figures = {name: [*column, np.nan] for name, column in FIVE.items()}
    assert made(figures).ranks("energy_pJ", "latency_ns").tolist() == [1, 1, 2, 1, 1, 0]
    assert made(figures).ranks("energy_pJ", "latency_ns", most=1).tolist() == [1, 1, 0, 1, 1, 0]
    with pytest.raises(InputError, match="a front needs two figures or more"):
        made(FIVE).ranks("energy_pJ")


def test_objectives_of_the_sweep_are_the_default() -> None:
    results = made(FIVE, objectives=["latency_ns", "max:tops"])
    assert [o.text for o in results.pareto().objectives] == ["latency_ns", "max:tops"]


@pytest.mark.parametrize(
    ("objectives", "says"),
    [
        (("energy_pJ",), "a front needs two figures or more, e.g. energy_pJ and latency_ns; got 1"),
        (("energy", "latency_ns"), "no column 'energy'; did you mean 'energy_pJ'?"),
        (("energy_pJ", "max:zzz"), "no column 'zzz'; columns are energy_pJ, latency_ns, tops (put max: before one"),
        (("energy_pJ", "error"), "'error' holds texts; an objective is a column of numbers"),
        (("energy_pJ", "max:energy_pJ"), "a front needs different figures; got energy_pJ, max:energy_pJ"),
    ],
)
def test_wrong_objectives_are_named(objectives: tuple[str, ...], says: str) -> None:
    with pytest.raises(InputError) as caught:
        made(FIVE).pareto(*objectives)
    assert says in str(caught.value)


def test_all_failed_says_the_first_fault() -> None:
    results = made({"energy_pJ": [np.nan] * 2, "latency_ns": [np.nan] * 2}, errors=["", "chip too\x1b small"])
    with pytest.raises(InputError, match=r"none of 2 points can be compared; the first fault: chip too\\x1b small"):
        results.pareto()


def test_reference_of_another_length() -> None:
    with pytest.raises(InputError, match="a reference has one figure an objective, 2; got 3"):
        made(FIVE).pareto().hypervolume([1.0, 2.0, 3.0])


def test_csv_has_all_columns_and_no_formula(tmp_path: Path) -> None:
    results = made(FIVE, {"crossbar.adc.kind": np.array(["=1+1", "sar", "sar", "sar", "@x"], dtype=object)})
    front = results.pareto()
    target = tmp_path / "front.csv"
    assert front.to_csv(target) == target.read_text("utf-8")
    rows = list(csv.DictReader(io.StringIO(front.to_csv())))
    assert [row["point"] for row in rows] == ["0", "1", "4"]
    assert [row["crossbar.adc.kind"] for row in rows] == ["'=1+1", "sar", "'@x"]
    assert [row["equal_points"] for row in rows] == ["1", "2", "1"]
    assert [int(row["knee"]) for row in rows] == [int(at == front.knee) for at in range(3)]
    assert float(rows[1]["tops"]) == 9.0


def test_row_out_of_range() -> None:
    with pytest.raises(InputError, match="the front has rows 0 to 2; got 3"):
        made(FIVE).pareto().row(3)


def test_plain_data_and_text_agree() -> None:
    front = made(FIVE, {"crossbar.rows": [64, 128, 128, 128, 256]}).pareto()
    plain = front.to_dict()
    assert plain["front"][1] == {"point": 1, "energy_pJ": 2.0, "latency_ns": 3.0, "crossbar.rows": 128}
    assert plain["knee"] == front.points[front.knee]
    assert f"knee         point {plain['knee']}:" in front.to_text()


def test_long_fronts_are_shown_evenly_with_their_knee() -> None:
    values = bent(0.2)
    front = made({"energy_pJ": values[:, 0] + 1, "latency_ns": values[:, 1] + 1}).pareto()
    text = front.to_text(5)
    assert "(6 of 101, evenly along it)" in text
    shown = [line.split()[0] for line in text.splitlines()[10:] if line.strip()]
    assert shown == [str(at) for at in sorted({0, 25, 50, 75, 100, front.knee})]


def test_notebook_form_is_escaped() -> None:
    results = made(FIVE, {"crossbar.adc.kind": np.array(["<b>", "sar", "sar", "sar", "&"], dtype=object)},
                   models=[{"name": "<script>", "source": ""}])  # fmt: skip
    for form in (results._repr_html_(), results.pareto()._repr_html_()):
        assert "<b>" not in form
        assert "<script>" not in form
        assert "&lt;script&gt;" in form
        assert "&lt;b&gt;" in form


A = {"energy_pJ": [1.0, 2.0, 4.0], "latency_ns": [4.0, 2.0, 1.0]}
B = {"energy_pJ": [1.0, 3.0, 4.5], "latency_ns": [4.0, 1.5, 1.0]}


def test_comparison_by_hand() -> None:
    """Of B, (4.5, 1) is worse than A's (4, 1); (1, 4) is the same in both; (3, 1.5) stands between A's points."""
    found = made(A).compare(made(B))
    assert found.dominated == (0, 1)
    assert found.shared == 1
    assert found.coverage == pytest.approx((2 / 3, 1 / 3))
    assert found.reference == pytest.approx({"energy_pJ": 4.85, "latency_ns": 4.3})
    a = 3.85 * 0.3 + 2.85 * 2.0 + 0.85 * 1.0
    b = 3.85 * 0.3 + 1.85 * 2.5 + 0.35 * 0.5
    both = 3.85 * 0.3 + 2.85 * 2.0 + 1.85 * 0.5 + 0.85 * 0.5
    assert found.hypervolumes == pytest.approx((a, b, both))
    text = found.to_text()
    assert "0 of 3 points of A are dominated by points of B; 1 of 3 points of B by points of A" in text
    assert "1 of 3 points of A have the figures of a point of B" in text
    assert f"A reaches {100 * a / both:.2f}% and B {100 * b / both:.2f}%" in text
    assert "best latency_ns: A 1 ns, B 1 ns" in text


def test_comparison_with_itself_is_even() -> None:
    found = made(A).compare(made(A))
    assert found.dominated == (0, 0)
    assert found.coverage == (1.0, 1.0)
    assert "A reaches 100.00% and B 100.00% (equal)" in found.to_text()


def test_comparison_the_other_way_round_is_the_same() -> None:
    one, other = made(A).compare(made(B)), made(B).compare(made(A))
    assert one.dominated == other.dominated[::-1]
    assert one.coverage == other.coverage[::-1]
    assert one.hypervolumes[:2] == other.hypervolumes[1::-1]


def test_comparison_says_that_models_differ() -> None:
    found = made(A).compare(made(B, models=[{"name": "other", "source": ""}]))
    assert "the two sweeps are of different models" in found.to_text()


def test_fronts_in_different_objectives_do_not_compare() -> None:
    with pytest.raises(InputError, match="fronts in different objectives: energy_pJ, latency_ns and energy_pJ, max:"):
        made(A).pareto().compare(made(B).pareto("energy_pJ", "max:latency_ns"))


KNOBS = {"crossbar.rows": [64, 128, 128, 128, 256], "crossbar.adc.kind": np.array(list("abbbc"), dtype=object)}


@pytest.mark.parametrize(("ending", "color"), [("png", "crossbar.rows"), ("svg", None), ("pdf", "tops")])
def test_pictures_are_whole_and_the_same_twice(tmp_path: Path, ending: str, color: str | None) -> None:
    front = made(FIVE, KNOBS).pareto("energy_pJ", "latency_ns")
    first, second = tmp_path / f"a.{ending}", tmp_path / f"b.{ending}"
    front.plot(first, color)
    front.plot(second, color)
    content = first.read_bytes()
    assert content.startswith({"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[ending])
    if ending != "svg":  # matplotlib draws the identifiers of an SVG anew
        assert content == second.read_bytes()


def drawn(panel: Any) -> dict[str, Array]:
    """Label -> where its points are."""
    return {collection.get_label(): collection.get_offsets().data for collection in panel.collections}


def test_picture_shows_points_front_and_knee() -> None:
    front = made(FIVE).pareto("energy_pJ", "latency_ns")
    panel = front.plot().axes[0]
    found = drawn(panel)
    assert len(found["points"]) == 5
    assert found["front, 3 points"].tolist() == [[1.0, 5.0], [2.0, 3.0], [4.0, 1.0]]
    assert found[f"knee: point {front.points[front.knee]}"].tolist() == [front.values[front.knee].tolist()]
    assert panel.get_xlabel() == "energy (pJ)"
    assert panel.get_ylabel() == "latency (ns)"


def test_picture_of_a_maximised_objective_and_of_words() -> None:
    panel = made(FIVE, KNOBS).pareto("energy_pJ", "max:tops").plot(color="crossbar.adc.kind").axes[0]
    assert panel.get_ylabel() == "TOPS, more is better"
    found = drawn(panel)
    assert found["kind b"].tolist() == [[2.0, 9.0], [3.0, 9.0], [2.0, 9.0]]
    assert found["front, 2 points"].tolist() == [[1.0, 1.0], [2.0, 9.0]]


def test_wide_axes_are_logarithmic_and_large_clouds_sampled() -> None:
    x = np.geomspace(1.0, 1e6, 30_000)
    front = made({"energy_pJ": x, "latency_ns": 1e6 / x}).pareto()
    panel = front.plot().axes[0]
    assert (panel.get_xscale(), panel.get_yscale()) == ("log", "log")
    assert len(drawn(panel)["points"]) == 20_000
    assert "30,000 points, 20,000 of them drawn" in front.plot().get_suptitle()


def test_third_objective_colours_the_points() -> None:
    rng = np.random.default_rng(1)
    figures = {name: rng.random(50) for name in ("energy_pJ", "latency_ns", "area_um2")}
    figure = made(figures).pareto("energy_pJ", "latency_ns", "area_um2").plot()
    assert figure.axes[1].get_ylabel() == "area (um2)"


def test_notebooks_are_given_the_picture() -> None:
    assert made(FIVE).pareto().plot()._repr_png_().startswith(b"\x89PNG")


def test_picture_of_two_fronts() -> None:
    found = drawn(made(A).compare(made(B)).plot().axes[0])
    assert len(found["A: model over made, 3 points"]) == len(found["B: model over made, 3 points"]) == 3


@pytest.mark.parametrize(
    ("path", "color", "says"),
    [
        ("front.gif", None, "must end in .png, .svg or .pdf"),
        ("no/front.png", None, "does not exist; create it first"),
        ("front.png", "adc", "no column 'adc' to colour by; name a figure or a knob, e.g. crossbar.rows"),
    ],
)
def test_picture_faults(tmp_path: Path, path: str, color: str | None, says: str) -> None:
    with pytest.raises(InputError) as caught:
        made(FIVE, KNOBS).pareto("energy_pJ", "latency_ns").plot(tmp_path / path, color)
    assert says in str(caught.value)
    assert list(tmp_path.iterdir()) == []
