"""Does `nas tune` train the grid within its budget, choose on validation, and not train a point twice?"""

import json

import pytest

GRID = ("--grid", "training.learning_rate=0.001,0.02", "--grid", "model.embedding_dim=2,4")


def tuned(nas, *arguments):
    code, out, _ = nas("tune", "--config", "train.yaml", *arguments, "--format", "json")
    assert code == 0
    return json.loads(out)


def records(nas):
    return json.loads(nas("runs", "--format", "json")[1])


def test_every_point_is_a_run_and_the_best_is_by_validation(nas):
    found = tuned(nas, *GRID)
    assert (found["points"], len(found["runs"]), found["steps"]) == (4, 4, 120)
    runs = records(nas)
    settings = {(r["config"]["training"]["learning_rate"], r["config"]["model"]["embedding_dim"]) for r in runs}
    assert settings == {(0.001, 2), (0.001, 4), (0.02, 2), (0.02, 4)}
    assert found["best"]["result"]["auc"] == max(run["result"]["auc"] for run in runs)
    assert found["best"]["name"].startswith("first training.learning_rate=")
    assert not any(run["looks"] for run in runs)


def test_logloss_is_better_when_lower(nas):
    found = tuned(nas, *GRID, "--set", "training.metric=logloss")
    assert found["best"]["result"]["logloss"] == min(run["result"]["logloss"] for run in records(nas))


def test_the_budget_cuts_the_last_point(nas):
    found = tuned(nas, *GRID, "--steps", 75)
    assert (len(found["runs"]), found["steps"]) == (3, 75)
    assert [run["result"]["steps"] for run in records(nas)] == [30, 30, 15]


def test_points_in_the_store_are_not_trained_again(nas):
    first = tuned(nas, *GRID, "--steps", 75)
    again = tuned(nas, *GRID, "--steps", 75)
    assert first == again
    assert len(records(nas)) == 3
    assert tuned(nas, *GRID)["runs"][:2] == first["runs"][:2]  # a larger budget: the whole ones are kept


def test_an_interrupted_search_goes_on_to_the_same_end(nas, monkeypatch):
    from contextlib import contextmanager

    from nas.cli import tune

    expected = tuned(nas, *GRID, "--store", "whole")
    asked = iter(range(10**9))

    @contextmanager
    def stopping():
        yield lambda: next(asked) == 40  # inside the second point

    with monkeypatch.context() as patch:
        patch.setattr(tune, "asked_to_stop", stopping)
        code, out, err = nas("tune", "--config", "train.yaml", *GRID)
    assert (code, out) == (130, "")
    assert "nas: interrupted after 1 points; the same command goes on" in err
    found = tuned(nas, *GRID)
    assert found["runs"] == expected["runs"]
    assert {**found["best"]["result"], "seconds": 0} == {**expected["best"]["result"], "seconds": 0}


def test_a_point_that_diverges_is_left_behind(nas):
    deep = ("--set", "model={name: dcnv2, hidden_units: [4], cross_layers: 9}")
    code, out, err = nas("tune", "--config", "train.yaml", *deep, "--grid", "training.learning_rate=0.01,1000000.0")
    assert code == 0
    assert out.startswith("1 of 2 points, ")
    assert "training.learning_rate=1000000.0: failed: the training loss is " in err
    assert sorted(record["state"] for record in records(nas)) == ["done", "failed"]


def test_text(nas):
    out = nas("tune", "--config", "train.yaml", "--grid", "training.seed=1,2", "--quiet")[1]
    assert out.startswith("2 of 2 points, 60 steps, on validation\n")
    assert "measure it once: nas eval " in out


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((), "tune: give at least one --grid KEY=VALUE,VALUE"),
        (("--grid", "training.seed"), "--grid training.seed: expected KEY=VALUE,VALUE such as training.seed=1,2,3"),
        (("--grid", "training.seed=1,"), "expected KEY=VALUE,VALUE"),
        (("--grid", "training.seed=1", "--grid", "training.seed=2"), "--grid names a key twice"),
        (("--grid", "training.sed=1,2"), "training.sed: unknown key; did you mean 'seed'?"),
        (("--grid", "training.epochs=1,0"), "training.epochs: out of range; got 0"),
    ],
)
def test_bad_grids_are_named_before_anything_is_trained(fails, folder, arguments, text):
    assert text in fails("tune", "--config", "train.yaml", *arguments)
    assert not (folder / "nas-runs").exists()


def test_values_in_brackets_are_one():
    from nas.cli.tune import _grid

    assert _grid("model.hidden_units=[64,64],[128]") == ("model.hidden_units", ("[64,64]", "[128]"))
