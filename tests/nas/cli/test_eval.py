"""Does `nas eval` measure what was chosen, and count every look at test?"""

import json
from pathlib import Path

import numpy as np
import pytest

from nas.data.test_split import LOOKS, open_test
from nas.training.metrics import auc


@pytest.fixture
def trained(nas):
    assert nas("train", "--config", "train.yaml", "--quiet")[0] == 0
    return nas


def answer(nas, *arguments):
    code, out, _ = nas("eval", *arguments, "--format", "json")
    assert code == 0
    return json.loads(out)


def test_looks_at_test_are_counted_in_the_store_and_beside_the_data(trained):
    assert trained("train", "--config", "train.yaml", "--quiet")[0] == 0
    assert "looks_of_this_run" not in answer(trained, 1)
    first = answer(trained, 1, "--split", "test")
    second = answer(trained, 1, "--split", "test")
    other = answer(trained, 2, "--split", "test")
    counts = [(a["looks_of_this_run"], a["looks_of_all_runs"]) for a in (first, second, other)]
    assert counts == [(1, 1), (2, 2), (1, 3)]
    assert len((Path("prepared") / LOOKS).read_text().splitlines()) == 3
    records = json.loads(trained("runs", "--format", "json")[1])
    assert [record["looks"] for record in records] == [2, 1]
    looks = json.loads(trained("runs", 1, "--format", "json")[1])["looks_at_test"]
    assert [look["auc"] for look in looks] == [first["auc"], second["auc"]]


def test_a_look_counts_even_if_the_measurement_fails(trained, fails):
    (Path("prepared") / "test" / "labels.npy").write_bytes(b"broken")
    fails("eval", 1, "--split", "test")
    assert json.loads(trained("runs", 1, "--format", "json")[1])["looks"] == 1


def test_scores_are_those_that_were_measured(trained):
    found = answer(trained, 1, "--split", "test", "--scores", "scores.npy")
    scores = np.load("scores.npy", allow_pickle=False)
    split = open_test("prepared", run="test").split
    assert scores.shape == (300,)
    assert auc(split.labels, scores) == found["auc"]
    answer(trained, 1, "--split", "test", "--scores", "scores.npz")
    with np.load("scores.npz", allow_pickle=False) as file:
        np.testing.assert_array_equal(file["logits"], scores)
        np.testing.assert_array_equal(file["labels"], split.labels)


def test_text(trained):
    out = trained("eval", 1, "--split", "test")[1]
    assert out.startswith("Run 1 (fm) on test\n")
    assert "looks at test      1 of this run, 1 of all runs on this data" in out


def test_bad_uses_are_named(trained, fails):
    assert "argument RUN: must be a whole number from 1 to " in fails("eval", "x")
    assert "there is no run 7 in nas-runs" in fails("eval", 7)
    assert "argument --split: must be one of validation, test; got 'train'" in fails("eval", 1, "--split", "train")
    assert "--scores: folder no does not exist" in fails("eval", 1, "--scores", "no/scores.npy")
    fails("train", "--config", "train.yaml", "--set", "training.metric=gauc")
    assert "run 2 is failed; finish it first: nas train --resume 2" in fails("eval", 2, "--split", "test")
    (Path("nas-runs") / "1" / "best.safetensors").unlink()
    assert "the weights of run 1 are gone" in fails("eval", 1, "--split", "test")
    assert json.loads(trained("runs", 1, "--format", "json")[1])["looks"] == 0


def test_settings_may_stand_in_a_file_and_options_win(trained, fails):
    Path("eval.yaml").write_text("{run: 1, split: test, scores: a.npy}")
    assert answer(trained, "--config", "eval.yaml", "--split", "validation")["split"] == "validation"
    assert Path("a.npy").exists()
    assert answer(trained, "--config", "eval.yaml", "--set", "scores=b.npy")["looks_of_this_run"] == 1
    assert Path("b.npy").exists()
    assert "split: must be one of validation, test" in fails("eval", 1, "--set", "split=train")
    assert "eval: give the number of a RUN" in fails("eval")
