"""Do scores follow from the architecture alone, does fine-tuning touch only its part, and are scores reused?"""

import numpy as np
import pytest
import torch

from nas.data.config import open_data
from nas.search.scoring import Scorer, Scoring, Tuned
from nas.search.table import ScoreTable
from nas.spaces.nasrec import Space
from nas.supernets.nasrec import Supernet
from nas.training import checkpoint
from nas.training.evaluate import evaluate

SPACE = Space.full(blocks=2, dense_widths=(8, 16), sparse_widths=(4, 8))
SOME = [SPACE.sample(np.random.default_rng(seed)) for seed in range(3)]


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scoring")
    made = {"rows": 1000, "validation_rows": 400, "test_rows": 300, "fields": 4, "values": 6, "groups": [[0, 1]],
            "main_fields": [0, 1]}  # fmt: skip
    schema, splits = open_data({"folder": str(folder / "data"), "synthetic": made})
    torch.manual_seed(0)
    supernet = Supernet(SPACE, schema, 8, 100)
    checkpoint.save(folder / "best.safetensors", supernet.state_dict())
    return supernet, folder / "best.safetensors", splits


def scorer(parts, folder, **settings):
    given = {"steps": 5, "batch_size": 100, "threads": 1, **settings}
    return Scorer(*parts, Scoring(**given), ScoreTable(folder / "scored.parquet"))


def test_a_score_does_not_depend_on_what_was_scored_before(parts, tmp_path):
    for part in ("head", "network", "all"):
        one = scorer(parts, tmp_path, part=part)
        forward = [one.measure(architecture) for architecture in SOME]
        backward = [one.measure(architecture) for architecture in SOME[::-1]][::-1]
        assert forward == backward
    assert len({metrics["logloss"] for metrics in forward}) == 3


def test_without_steps_the_shared_weights_are_measured_as_they_are(parts, tmp_path):
    supernet, _, splits = parts
    expected = evaluate(supernet.network(SOME[0]), splits.validation).to_json()
    assert scorer(parts, tmp_path, steps=0).measure(SOME[0]) == expected
    tuned = scorer(parts, tmp_path, steps=30, part="network", learning_rate=0.01).measure(SOME[0])
    assert tuned["logloss"] < expected["logloss"]


@pytest.mark.parametrize("part", ["head", "network", "all"])
def test_the_supernet_keeps_its_weights(parts, tmp_path, part):
    before = {key: value.clone() for key, value in parts[0].state_dict().items()}
    scorer(parts, tmp_path, part=part).measure(SOME[0])
    assert all(torch.equal(value, before[key]) for key, value in parts[0].state_dict().items())


def test_only_the_head_is_trained_where_that_is_asked_for(parts):
    network = parts[0].network(SOME[0])
    assert [len(p) for p in Tuned(network, "head").parameters()] == [1, 1]
    assert len(list(Tuned(network, "network").parameters())) == len(network.matrices)


def test_the_table_is_reused_by_equal_settings_alone(parts, tmp_path):
    first = scorer(parts, tmp_path)
    found = first(SOME)
    again = scorer(parts, tmp_path)
    assert again(SOME) == found
    assert (first.reused, again.reused) == (0, 3)
    other = scorer(parts, tmp_path, steps=6)
    other(SOME[:1])
    assert other.reused == 0
    assert len(ScoreTable(tmp_path / "scored.parquet")) == 4


def test_an_interruption_keeps_what_was_scored(parts, tmp_path):
    def stop(count):
        if count == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scorer(parts, tmp_path)(SOME, stop)
    assert len(ScoreTable(tmp_path / "scored.parquet")) == 2


def test_a_loss_that_is_not_finite_is_worth_nothing(parts, tmp_path):
    one = scorer(parts, tmp_path)
    one.supernet = Supernet(SPACE, parts[2].schema, 8, 100)
    with torch.no_grad():
        one.supernet.matrices["head/bias"].fill_(torch.nan)
    row = one(SOME[:1])[0]
    assert (row["digest"], row["auc"], row["logloss"]) == (SOME[0].digest, None, None)
