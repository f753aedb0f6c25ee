"""Does training stop, keep its best, and resume after any interruption to the very same result?"""

from dataclasses import replace

import numpy as np
import pytest
import torch

from nas.baselines.registry import BASELINES, build
from nas.data.batch import Splits
from nas.training import checkpoint
from nas.training.config import Training
from nas.training.evaluate import evaluate, predict
from nas.training.loop import fit
from nas.training.metrics import auc
from pimsim.errors import InputError

QUICK = {"epochs": 3, "batch_size": 64, "learning_rate": 0.01, "embedding_l2": 1e-4, "weight_decay": 1e-5, "threads": 1}


SMALL = {
    "fm": {},
    "deepfm": {"hidden_units": [16, 8], "dropout": 0.3},
    "wide_deep": {"hidden_units": [16]},
    "dlrm": {"bottom_units": [16], "top_units": [16]},
    "xdeepfm": {"hidden_units": [16], "cin_maps": [8]},
    "autoint": {"hidden_units": [16], "attention_layers": 1, "attention_dim": 8},
    "dcnv2": {"hidden_units": [16]},
    "finalmlp": {"hidden_units": [16], "second_units": [16]},
}


def network(splits, name="deepfm", **more):
    torch.manual_seed(5)
    return build(name, splits.train.schema, embedding_dim=4, **{**SMALL[name], **more})


def weights(model):
    return {key: value.clone() for key, value in model.state_dict().items()}


def equal(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("name", [name for name in BASELINES if name != "logistic"])
def test_every_network_learns_the_signal(splits, name):
    model = network(splits, name)
    outcome = fit(model, splits, Training(**{**QUICK, "epochs": 8, "patience": 0}))
    assert outcome.metrics["auc"] > 0.7
    assert outcome.history[-1]["loss"] < outcome.history[0]["loss"]


@pytest.mark.parametrize("optimizer", ["adam", "adagrad"])
def test_the_same_seed_gives_the_same_bits_and_another_does_not(splits, optimizer):
    def one(seed):
        model = network(splits)
        outcome = fit(model, splits, Training(**QUICK, optimizer=optimizer, seed=seed))
        return weights(model), outcome

    (first, told), (second, again), (other, _) = one(1), one(1), one(2)
    assert equal(first, second)
    assert told == again
    assert not equal(first, other)


@pytest.mark.parametrize("moment", [1, 7, 11, 22, 25])  # 11 steps an epoch: inside one, at its end, at the next start
@pytest.mark.parametrize("optimizer", ["adam", "adagrad"])
def test_a_resumed_run_gives_the_same_bits(splits, tmp_path, optimizer, moment):
    settings = Training(**QUICK, optimizer=optimizer, schedule="cosine", warmup_steps=5, seed=3)
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    whole = network(splits)
    expected = fit(whole, splits, settings, folder=tmp_path / "whole")
    steps = []
    broken = fit(
        network(splits), splits, settings, folder=tmp_path / "parts",
        report=lambda p: steps.append(p.step), stop=lambda: steps[-1] >= moment,
    )  # fmt: skip
    assert (broken.stopped, broken.steps) == ("interrupted", moment)
    resumed = network(splits)
    assert fit(resumed, splits, settings, folder=tmp_path / "parts", resume=True) == expected
    assert equal(weights(whole), weights(resumed))
    last = [checkpoint.load(tmp_path / name / checkpoint.LAST) for name in ("whole", "parts")]
    assert equal(last[0][0], last[1][0])
    assert last[0][1] == last[1][1]


def test_a_run_killed_without_warning_resumes_from_its_last_checkpoint(splits, tmp_path):
    """No chance to save: the steps since the checkpoint are done again, to the same result."""
    settings = Training(**QUICK, checkpoint_every=4)
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    expected = fit(network(splits), splits, settings, folder=tmp_path / "whole")

    class Killed(BaseException):
        pass

    def kill(progress):
        if progress.step == 14:
            raise Killed

    with pytest.raises(Killed):
        fit(network(splits), splits, settings, folder=tmp_path / "parts", report=kill)
    assert checkpoint.load(tmp_path / "parts" / checkpoint.LAST)[1]["state"]["step"] == 12
    assert fit(network(splits), splits, settings, folder=tmp_path / "parts", resume=True) == expected


def test_the_model_ends_with_its_best_weights_in_memory_and_on_disk(splits, tmp_path):
    settings = Training(**{**QUICK, "learning_rate": 0.05, "epochs": 12, "patience": 4})
    model = network(splits)
    outcome = fit(model, splits, settings, folder=tmp_path)
    values = {look["step"]: look["auc"] for look in outcome.history}
    assert outcome.best_step == max(values, key=values.get)
    assert outcome.best_step < outcome.steps
    assert evaluate(model, splits.validation).auc == values[outcome.best_step] == outcome.metrics["auc"]
    in_memory = network(splits)
    assert fit(in_memory, splits, settings) == outcome
    assert equal(weights(model), weights(in_memory))


def test_patience_counts_looks_without_a_new_best(splits):
    settings = Training(**{**QUICK, "learning_rate": 0.05, "epochs": 50, "patience": 2, "evaluate_every": 5})
    outcome = fit(network(splits), splits, settings)
    assert outcome.stopped == "patience"
    assert outcome.steps == outcome.best_step + 10
    assert [look["best"] for look in outcome.history[-3:]] == [True, False, False]


def test_steps_bound_the_run_instead_of_epochs(splits):
    outcome = fit(network(splits), splits, Training(**QUICK, steps=17, evaluate_every=100))
    assert (outcome.stopped, outcome.steps, [look["step"] for look in outcome.history]) == ("end", 17, [17])
    past_an_epoch = fit(network(splits), splits, Training(**QUICK, steps=50, patience=0))
    assert [look["step"] for look in past_an_epoch.history] == [11, 22, 33, 44, 50]


@pytest.mark.parametrize("metric", ["auc", "gauc", "logloss"])
def test_the_best_look_is_by_the_metric_asked_for(splits, metric):
    outcome = fit(network(splits), splits, Training(**{**QUICK, "epochs": 6, "patience": 0}, metric=metric))
    better = min if metric == "logloss" else max
    assert outcome.metrics[metric] == better(look[metric] for look in outcome.history)


def test_embedding_l2_shrinks_tables(splits):
    def norm(l2):
        model = network(splits)
        fit(model, splits, Training(**{**QUICK, "embedding_l2": l2, "patience": 0}))
        return model.embeddings["vectors"].weight.norm().item()

    assert norm(0.1) < 0.7 * norm(0.0)


def test_training_leaves_torchs_generator_and_switches_alone(splits):
    torch.manual_seed(9)
    before = torch.get_rng_state()
    fit(network(splits), splits, Training(**QUICK))
    torch.manual_seed(9)
    assert torch.equal(before, torch.get_rng_state())
    assert not torch.are_deterministic_algorithms_enabled()


def test_predictions_do_not_depend_on_the_batches_and_keep_the_mode(splits):
    model = network(splits).train()
    whole = predict(model, splits.validation)
    np.testing.assert_allclose(predict(model, splits.validation, batch_size=7), whole, atol=1e-6)
    assert model.training
    assert evaluate(model, splits.validation).auc == auc(splits.validation.labels, whole)


def test_a_diverged_run_says_so(splits):
    model = network(splits)
    torch.nn.init.constant_(model.embeddings["vectors"].weight, 1e30)
    with pytest.raises(InputError, match=r"training loss is nan at step 1: lower training.learning_rate \(now 0.01\)"):
        fit(model, splits, Training(**QUICK))


def test_bad_uses_are_named(splits, tmp_path):
    empty = splits.train.take(np.empty(0, np.int64))
    with pytest.raises(InputError, match="the training split has no rows"):
        fit(network(splits), Splits(empty, splits.validation, {}), Training(**QUICK))
    plain = replace(splits.validation, groups=None)
    with pytest.raises(InputError, match=r"training.metric gauc needs groups"):
        fit(network(splits), Splits(splits.train, plain, {}), Training(**QUICK, metric="gauc"))
    fit(network(splits), splits, Training(**QUICK, steps=3), folder=tmp_path)
    with pytest.raises(InputError, match="was written with other training settings"):
        fit(network(splits), splits, Training(**QUICK, steps=4), folder=tmp_path, resume=True)
    with pytest.raises(InputError, match=r"does not fit the model: .* in the checkpoint, .* in the model"):
        fit(network(splits, hidden_units=[16, 9]), splits, Training(**QUICK, steps=3), folder=tmp_path, resume=True)
    with pytest.raises(InputError, match="only a run with a folder of checkpoints can be resumed"):
        fit(network(splits), splits, Training(**QUICK), resume=True)
