"""Are the statistics of the study on real data right, does it run, and does its record follow from its runs?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("pyarrow")
pytest.importorskip("sklearn")

from nas.training.metrics import auc
from validation.nasrec import real, records
from validation.nasrec.hardware_statistics import holm
from validation.nasrec.real_plan import FULL, LINEAR, NEURAL, SEARCHED, TREES, WIDTHS
from validation.nasrec.real_record import GAP_SET, GAP_SHARE, NOT_WORSE, best_baseline, summary, verdicts
from validation.nasrec.real_stats import Ranked, interval, p_value, resampled, weighted_auc

Record = dict[str, Any]
needs_record = pytest.mark.skipif(
    not (records.FOLDER / "real.json").exists(), reason="the study has not been run to its end"
)


def rows(count: int, seed: int = 0) -> tuple[Any, Any]:
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, 2, count)
    return labels, np.round(generator.normal(size=count) + 0.7 * labels, 1)


def test_a_weighted_auc_is_that_of_the_repeated_rows() -> None:
    labels, scores = rows(300)
    counts = np.random.default_rng(1).integers(0, 4, 300)
    ranked = Ranked(labels, scores)
    assert ranked(counts) == pytest.approx(auc(np.repeat(labels, counts), np.repeat(scores, counts)), abs=1e-12)
    assert ranked(np.ones(300, int)) == pytest.approx(auc(labels, scores), abs=1e-12)
    assert weighted_auc(ranked.positive, ranked.last, counts[ranked.order]) == ranked(counts)


def test_an_auc_of_one_class_is_not_a_number() -> None:
    assert np.isnan(Ranked(np.ones(4), np.arange(4.0))(np.ones(4, int)))


def test_resamples_centre_on_the_figure_and_pair_the_models() -> None:
    labels, scores = rows(400)
    other = rows(400, 2)[1]
    drawn = resampled(labels, {"a": [scores, scores], "b": [scores], "c": [other]}, 300, 0, shared=True)
    np.testing.assert_allclose(drawn["a"], drawn["b"], atol=1e-12)
    assert drawn["a"].mean() == pytest.approx(auc(labels, scores), abs=4 * drawn["a"].std() / np.sqrt(300))
    assert drawn["a"].std() > 0


def test_rows_shared_by_seeds_give_the_wider_interval() -> None:
    labels, scores = rows(400)
    spread = {shared: resampled(labels, {"a": [scores] * 5}, 400, 0, shared)["a"].std() for shared in (False, True)}
    assert spread[False] == pytest.approx(spread[True] / np.sqrt(5), rel=0.25)


def test_interval_and_p_value_of_a_known_distribution() -> None:
    values = np.linspace(-1.0, 3.0, 4001)
    assert interval(values) == pytest.approx([-0.9, 2.9])
    assert p_value(values) == pytest.approx(0.5, abs=0.01)
    assert p_value(values + 10.0) == pytest.approx(2 / 4002)
    assert p_value(np.zeros(9)) == 1.0


def test_a_baseline_is_tuned_with_no_fewer_steps_than_a_search() -> None:
    for plan in FULL:
        tuned = plan.tuning_seeds * len(plan.rates) * plan.steps
        assert plan.search_steps <= tuned < plan.search_steps + len(plan.rates) * plan.steps


def test_the_plan_names_the_three_sets_with_five_seeds() -> None:
    barred = [plan for plan in FULL if plan.bar]
    assert sorted(plan.name for plan in barred) == ["census", "kuairand", "movielens"]
    assert {plan.seeds for plan in barred} == {5}
    assert all(set(plan.models) == set(WIDTHS) > set(NEURAL) for plan in barred)


@pytest.mark.slow
def test_the_miniature_runs_measures_once_and_goes_on(tmp_path: Path) -> None:
    given = ["--work", str(tmp_path), "--mini"]
    assert real.main(given) == 0
    record = records.read("real", tmp_path)
    ledger = (tmp_path / "planted" / "ledger.jsonl").read_bytes()
    check(record)
    assert real.main(given) == 0
    assert (tmp_path / "planted" / "ledger.jsonl").read_bytes() == ledger
    assert records.read("real", tmp_path) == record
    assert "### planted" in real.report(record)


@needs_record
def test_the_record_follows_from_its_runs() -> None:
    check(records.read("real"))


@needs_record
def test_the_record_is_of_the_plan() -> None:
    for name, one in records.read("real")["sets"].items():
        plan = next(plan for plan in FULL if plan.name == name)
        assert one["plan"] == json.loads(json.dumps(plan.to_json()))
        assert {SEARCHED, LINEAR, TREES, *plan.models} >= set(one["models"]) >= {SEARCHED, LINEAR}
        assert len(one["models"][SEARCHED]["runs"]) == plan.seeds


def check(record: Record) -> None:
    for one in record["sets"].values():
        models, told = one["models"], one["statistics"]
        for found in models.values():
            again = summary(found["runs"])
            assert {key: found[key] for key in again} == pytest.approx(again)
            assert {run["test"]["looks_of_this_run"] for run in found["runs"]} == {1}
        assert all(run["converged"] for run in models[LINEAR]["runs"])
        mean = {name: found["test_auc"] for name, found in models.items()}
        assert told["best_baseline"] == best_baseline(models)
        neural = [mean[name] for name in NEURAL if name in mean]
        differences = {"best": mean[SEARCHED] - mean[told["best_baseline"]],
                       "neural_mean": mean[SEARCHED] - np.mean(neural)}  # fmt: skip
        assert told["differences"] == pytest.approx(differences)
        if TREES in mean:
            assert told["gap_share"] == pytest.approx((mean[SEARCHED] - mean[LINEAR]) / (mean[TREES] - mean[LINEAR]))
    assert record["bars"] == verdicts(record["sets"])
    barred = {name: one["statistics"] for name, one in record["sets"].items() if one["bar"]}
    for kind in ("nested", "shared"):
        adjusted = holm([one[kind]["neural_mean"]["p"] for one in barred.values()])
        for (name, one), p in zip(barred.items(), adjusted, strict=True):
            bars = record["bars"][kind][name]
            assert bars["not_worse"] == (one[kind]["best"]["interval"][0] > NOT_WORSE)
            assert bars["better_than_neural_mean"] == (p < 0.05 and one["differences"]["neural_mean"] > 0)
    if GAP_SET in barred:
        assert record["bars"]["gap_closed"] == (barred[GAP_SET]["gap_share"] >= GAP_SHARE)
