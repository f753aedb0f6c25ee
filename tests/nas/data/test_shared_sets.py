"""Do the larger real sets, where they are present, come out with the splits and fields that are written of them?"""

from pathlib import Path

import numpy as np
import pytest

from nas.data.batch import Splits
from nas.data.prepare import prepared
from nas.data.test_split import open_test

from .conftest import SHARED

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="the larger data sets are not beside this checkout")


def made(name: str, root: str, folder: Path) -> Splits:
    return prepared(name, SHARED / root, folder)


def test_adult(tmp_path: Path) -> None:
    splits = made("adult", "adult", tmp_path / "set")
    assert splits.train.size + splits.validation.size == 32_561
    assert splits.about["sizes"]["test"] == 16_281
    assert splits.about["malformed"]["skipped"] == 0
    assert splits.train.labels.mean() == pytest.approx(0.241, abs=0.005)
    assert (len(splits.schema.dense), len(splits.schema.sparse)) == (5, 7 + 5)


@pytest.mark.slow
def test_boosted_trees_reach_on_adult_what_they_are_known_to(tmp_path: Path) -> None:
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.metrics import roc_auc_score

    splits = made("adult", "adult", tmp_path / "set")
    test = open_test(tmp_path / "set", run="check").split
    plain = [place for place, field in enumerate(splits.schema.sparse) if not field.name.endswith("_bin")]
    inputs = [np.concatenate([split.dense, split.sparse[:, plain]], axis=1) for split in (splits.train, test)]
    model = HistGradientBoostingClassifier(random_state=0).fit(inputs[0], splits.train.labels)
    reached = roc_auc_score(test.labels, model.predict_proba(inputs[1])[:, 1])
    assert reached == pytest.approx(0.927, abs=0.004)


@pytest.mark.parametrize("name", ["movielens", "movielens_global"])
def test_movielens(name: str, tmp_path: Path) -> None:
    splits = made(name, "movielens", tmp_path / "set")
    test = open_test(tmp_path / "set", run="check").split
    assert splits.train.size + splits.validation.size + test.size == 100_836
    known = np.mean(np.isin(test.groups, splits.train.groups))  # type: ignore[arg-type]
    assert known == 1.0 if name == "movielens" else known < 0.1
    assert [field.name for field in splits.schema.sparse] == ["user", "movie", "genres", "hour", "weekday"]


@pytest.mark.slow
def test_kuairand(tmp_path: Path) -> None:
    splits = made("kuairand", "ctr/kuairand", tmp_path / "set")
    test = open_test(tmp_path / "set", run="check").split
    assert (splits.train.size + splits.validation.size, test.size) == (182_663, 45_666)
    assert test.dates is not None
    assert splits.validation.dates is not None
    assert test.dates.min() == 20220505
    assert splits.train.dates.max() <= splits.validation.dates.min()
    everything = sum(split.labels.sum() for split in (splits.train, splits.validation, test)) / 228_329
    assert everything == pytest.approx(0.442, abs=0.001)
    assert len(splits.schema.dense) + len(splits.schema.sparse) == 45


@pytest.mark.slow
def test_census(tmp_path: Path) -> None:
    splits = made("census", "ctr/census_kdd", tmp_path / "set")
    assert splits.train.size + splits.validation.size == 199_523
    assert splits.about["sizes"]["test"] == 99_762
    plain = [field for field in splits.schema.sparse if not field.name.endswith("_bin")]
    assert len(splits.schema.dense) + len(plain) == 39
    assert splits.train.labels.mean() == pytest.approx(0.062, abs=0.001)


@pytest.mark.slow
def test_hotel(tmp_path: Path) -> None:
    splits = made("hotel", "ctr/hotel", tmp_path / "set")
    test = open_test(tmp_path / "set", run="check").split
    assert test.size == 23_878
    assert test.dates is not None
    assert test.dates[0] == 20170422
    assert (len(splits.schema.dense), len(splits.schema.sparse)) == (14, 14)
