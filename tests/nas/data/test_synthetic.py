"""Is what the generator plants really there, is it gone when it is switched off, and is its bound the bound?"""

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from nas.data import open_data, synthetic
from nas.data.synthetic import Synthetic, bayes_auc, made, truth_of
from nas.data.test_split import open_test
from pimsim import InputError

TINY = {"fields": 4, "values": 3, "groups": ((0, 1, 2),), "main_fields": (0, 3), "rows": 20_000,
        "validation_rows": 20_000, "test_rows": 20_000}  # fmt: skip


def grid(setting: Synthetic) -> np.ndarray:
    return np.array(list(product(range(setting.values), repeat=setting.fields)))


def test_the_exact_bound_is_the_sum_over_all_pairs_of_cells() -> None:
    setting = Synthetic(**TINY)
    truth = truth_of(setting, 0)
    logits = truth.logits(grid(setting))
    chance = 1 / (1 + np.exp(-logits))
    wins = (logits[:, None] > logits[None, :]) + 0.5 * (logits[:, None] == logits[None, :])
    pairs = chance[:, None] * (1 - chance[None, :])
    bound = truth.bound()
    assert bound["method"] == "exact"
    assert bound["cells"] == 81
    assert bound["auc"] == pytest.approx((wins * pairs).sum() / pairs.sum(), abs=1e-12)
    entropy = -(chance * np.log(chance) + (1 - chance) * np.log(1 - chance)).mean()
    assert bound["log_loss"] == pytest.approx(entropy, abs=1e-12)


def test_a_sampled_bound_agrees_with_the_exact_one_within_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    truth = truth_of(Synthetic(**TINY), 1)
    exact = truth.bound()
    monkeypatch.setattr(synthetic, "EXACT_CELLS", 0)
    monkeypatch.setattr(synthetic, "SAMPLED", 160_000)
    sampled = truth.bound()
    assert sampled["method"] == "sample"
    assert 0 < sampled["standard_error"] < 0.002
    assert abs(sampled["auc"] - exact["auc"]) < 4 * sampled["standard_error"]


def test_no_score_of_the_rows_beats_the_bound_and_the_logits_reach_it(tmp_path: Path) -> None:
    setting = Synthetic(**TINY)
    splits = made(setting, tmp_path / "set", seed=3)
    bayes = splits.about["bayes"]
    assert bayes["validation_auc"] == pytest.approx(bayes["auc"], abs=0.012)
    assert bayes["test_auc"] == pytest.approx(bayes["auc"], abs=0.012)
    # The best that a table of cell means can do on the rows it was made from is above; on others it is below.
    cells = splits.train.sparse @ (setting.values ** np.arange(4))
    rate = np.bincount(cells, splits.train.labels) / np.maximum(np.bincount(cells), 1)
    test = open_test(tmp_path / "set", run="check").split
    scores = rate[test.sparse @ (setting.values ** np.arange(4))]
    reached = synthetic._auc(scores, test.labels, 1 - test.labels)
    assert bayes["test_auc"] - 0.01 < reached < bayes["test_auc"] + 0.003


def test_without_offset_a_product_cannot_be_seen_from_fewer_fields() -> None:
    """Means of the logit over the values of one or two fields of a group of three are flat, over all three are not."""
    setting = Synthetic(
        fields=3, values=6, groups=((0, 1, 2),), main=0.0, main_fields=(), offset=0.0, strength=2.0, bias=-0.5
    )
    logits = truth_of(setting, 0).logits(grid(setting)).reshape(6, 6, 6)
    for axes in ((1, 2), (0, 1), (2,), (0,)):
        assert np.ptp(logits.mean(axis=axes)) < 1e-12
    assert np.ptp(logits) > 4.0
    assert np.mean((logits + 0.5) ** 2) == pytest.approx(4.0), "strength is the deviation of the product"


def test_the_switch_takes_out_the_product_and_nothing_else(tmp_path: Path) -> None:
    on, off = Synthetic(**TINY), Synthetic(**TINY, interaction=False)
    assert (on.order, off.order) == (3, 1)
    cells = grid(on)
    difference = truth_of(on, 5).logits(cells) - truth_of(off, 5).logits(cells)
    latent = truth_of(on, 5).latent
    wanted = on.strength * latent[0][cells[:, 0]] * latent[1][cells[:, 1]] * latent[2][cells[:, 2]]
    assert difference == pytest.approx(wanted)
    assert np.array_equal(truth_of(on, 5).main, truth_of(off, 5).main)
    with_it, without = (made(setting, tmp_path / str(setting.interaction), seed=5) for setting in (on, off))
    assert np.array_equal(with_it.train.sparse, without.train.sparse), "the same rows"
    assert with_it.about["bayes"]["auc"] > without.about["bayes"]["auc"] + 0.02


def test_sets_repeat_by_seed_and_are_opened_the_second_time(tmp_path: Path) -> None:
    section = {"synthetic": {"rows": 1000, "validation_rows": 100, "test_rows": 100}, "folder": "set", "seed": 4}
    _, one = open_data(section, tmp_path)
    assert open_data(section, tmp_path)[1].hashes == one.hashes
    assert open_data({**section, "folder": "again"}, tmp_path)[1].hashes == one.hashes
    assert open_data({**section, "folder": "other", "seed": 5}, tmp_path)[1].hashes != one.hashes
    with pytest.raises(InputError, match="holds a set of another seed: give another folder"):
        open_data({**section, "seed": 5}, tmp_path)
    assert one.train.sparse.min() == 1
    assert one.train.sparse.max() == one.schema.sparse[0].rows - 1


def test_the_default_is_large_enough_and_its_bound_exact() -> None:
    setting = Synthetic()
    assert setting.rows >= 200_000
    assert setting.values <= 50
    assert setting.order == 3
    assert truth_of(setting, 0).bound()["method"] == "exact"
    assert bayes_auc(np.zeros(5)) == 0.5


def test_settings_that_make_no_sense_are_refused() -> None:
    for bad, message in (
        ({"groups": ((0, 9),)}, "must name different fields from 0 to 7"),
        ({"groups": ((1, 1),)}, "must name different fields from 0 to 7"),
        ({"groups": ((1,),)}, "a group needs at least 2 fields"),
        ({"main_fields": (8,)}, "must name different fields from 0 to 7"),
    ):
        with pytest.raises(ValueError, match=message):
            Synthetic(**bad)  # type: ignore[arg-type]
