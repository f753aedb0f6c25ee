"""Does the study of rank correlation run, say what its figures say, and has the record in the repo done so?"""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import kendalltau

from validation.nasrec import records
from validation.nasrec.ranking import MINI, NAME, REAL, STUDY, main, report
from validation.nasrec.ranking_statistics import FULL, WEAK, ceiling_and_taus, statistics, verdicts
from validation.nasrec.ranking_work import SPACES, STRATEGIES, Study

INTERVAL = {"value": 0.1, "low": 0.05, "high": 0.15}
AROUND_ZERO = {"value": 0.0, "low": -0.05, "high": 0.05}
BELOW = {"value": -0.1, "low": -0.15, "high": -0.05}


def figures(noise, subnets=30):
    """Scores that are the truth with `noise[name]` of normal noise for the recipe named, and with none for others."""
    generator = np.random.default_rng(0)
    truth = generator.random(subnets)
    found = {}
    for space in SPACES:
        scores = {}
        for strategy in STRATEGIES:
            scores[strategy] = {}
            for kind in ("shared", "tuned"):
                spread = noise.get(f"{space}/{strategy}/{kind}", 0.0)
                scores[strategy][kind] = (truth + spread * generator.standard_normal((3, subnets))).tolist()
        found[space] = {"alone": np.stack([truth, truth + 0.01], 1).tolist(), "scores": scores}
    return found


def test_noise_in_a_recipe_shows_as_a_lower_tau():
    told = statistics(figures({WEAK: 1.0}))
    assert told["taus"][FULL]["value"] == 1.0
    assert told["differences"][WEAK]["low"] > 0.0
    assert told["verdicts"] == {
        "ceiling_allows": True, "recipes_above_full": [], "below_none": True, "above_weak": True
    }  # fmt: skip


def test_noise_in_the_full_recipe_shows_as_a_recipe_above_it():
    told = statistics(figures({FULL: 1.0}))
    assert not told["verdicts"]["below_none"]
    assert len(told["verdicts"]["recipes_above_full"]) == 11


def test_a_difference_around_zero_is_neither_above_nor_below():
    found = verdicts({"balanced": INTERVAL}, {WEAK: AROUND_ZERO})
    assert found == {"ceiling_allows": False, "recipes_above_full": [], "below_none": True, "above_weak": False}


def test_an_interval_below_zero_names_the_better_recipe():
    found = verdicts({"balanced": INTERVAL}, {WEAK: BELOW})
    assert found["recipes_above_full"] == [WEAK]


def test_the_spaces_hold_the_same_subnets_but_for_balancing(tmp_path):
    study = Study(MINI, None, tmp_path)
    pairs = zip(study.subnets("balanced"), study.subnets("unbalanced"), strict=True)
    assert all(one.blocks == other.blocks and one.balanced > other.balanced for one, other in pairs)


@pytest.mark.slow
def test_miniature_runs_and_is_resumed_to_the_same_record(tmp_path):
    arguments = ["--data", str(tmp_path), "--work", str(tmp_path / "work"), "--record", str(tmp_path), "--mini"]
    main(arguments)
    first = (tmp_path / f"{NAME}.json").read_text()
    found = json.loads(first)
    assert np.array(found["figures"]["balanced"]["alone"]).shape == (6, 2)
    assert np.array(found["figures"]["unbalanced"]["scores"]["any-path"]["tuned"]).shape == (1, 6)
    assert np.array(found["real"]["figures"]["alone"]).shape == (6, 2)
    assert "| unbalanced | any-path | yes |" in report(found)
    main(arguments)
    assert (tmp_path / f"{NAME}.json").read_text() == first


@pytest.fixture(scope="module")
def record():
    return records.read(NAME)


def without_new(settings, known):
    """`settings` without those that came after the record and have their default there."""
    if not isinstance(settings, dict):
        return settings
    return {key: without_new(value, known[key]) for key, value in settings.items() if key in known}


def test_record_is_of_the_setting_that_the_study_has(record):
    for found, chosen in ((record["setting"], STUDY), (record["real"]["setting"], REAL)):
        assert without_new(json.loads(json.dumps(chosen.told())), found) == found


def test_record_holds_every_subnet_seed_and_supernet(record):
    for space in SPACES:
        found = record["figures"][space]
        assert np.array(found["alone"]).shape == (60, 2)
        for strategy in STRATEGIES:
            for kind in ("shared", "tuned"):
                assert np.array(found["scores"][strategy][kind]).shape == (3, 60)


def test_statistics_of_the_record_follow_from_its_figures(record):
    again = statistics(record["figures"])
    assert again["verdicts"] == record["statistics"]["verdicts"]
    for part in ("ceilings", "taus", "differences"):
        for name, told in record["statistics"][part].items():
            for key, value in told.items():
                assert again[part][name][key] == pytest.approx(value), (name, key)


def test_pilot_of_the_record_follows_from_its_figures(record):
    again = ceiling_and_taus(record["real"]["figures"])
    assert again["ceiling"] == pytest.approx(record["real"]["statistics"]["ceiling"])
    for kind, told in record["real"]["statistics"]["taus"].items():
        assert again["taus"][kind] == pytest.approx(told), kind


def test_taus_of_the_record_are_scipys(record):
    for space in SPACES:
        found = record["figures"][space]
        alone = np.array(found["alone"])
        assert record["statistics"]["ceilings"][space]["value"] == pytest.approx(kendalltau(*alone.T).statistic)
        for strategy in STRATEGIES:
            for kind in ("shared", "tuned"):
                told = record["statistics"]["taus"][f"{space}/{strategy}/{kind}"]
                seeds = [kendalltau(one, alone.mean(1)).statistic for one in found["scores"][strategy][kind]]
                assert told["seeds"] == pytest.approx(seeds)
                assert told["value"] == pytest.approx(np.mean(seeds))


def test_bar_of_the_record(record):
    """What the report says of the bar."""
    assert record["statistics"]["verdicts"]["ceiling_allows"]
    assert record["statistics"]["verdicts"]["below_none"]
    assert record["statistics"]["verdicts"]["above_weak"]
