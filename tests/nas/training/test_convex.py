"""Is the linear model at the optimum of its convex problem, as scikit-learn finds it?"""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from nas.baselines.logistic import Net, Settings
from nas.training.convex import design_matrix, fit_logistic
from nas.training.evaluate import predict
from nas.training.metrics import log_loss


def fitted(split, **values):
    settings = Settings(**values)
    model = Net(split.schema, settings)
    return model, fit_logistic(model, split, settings)


def test_design_times_weights_is_the_models_output(splits):
    model, _ = fitted(splits.train, bins=5)
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_()
    parts = (model.embeddings["weights"].weight, model.slopes, model.bins, model.bias)
    weights = torch.cat([part.detach().ravel() for part in parts]).double().numpy()
    np.testing.assert_allclose(design_matrix(model, splits.train) @ weights, predict(model, splits.train), atol=1e-5)


@pytest.mark.parametrize("l2", [1e-2, 1e-4])
def test_equals_scikit_learn(splits, l2):
    model, found = fitted(splits.train, bins=4, l2=l2, gradient_tolerance=1e-8)
    assert found.converged
    design = design_matrix(model, splits.train)[:, :-1]
    rows = splits.train.size
    other = LogisticRegression(C=1.0 / (l2 * rows), tol=1e-10, max_iter=10_000).fit(design, splits.train.labels)
    np.testing.assert_allclose(predict(model, splits.train), other.decision_function(design), atol=1e-4)


def test_gradient_is_that_of_the_objective(splits):
    """The reported gradient vanishes and moving any weight makes the objective worse."""
    settings = Settings(bins=3, l2=1e-3, gradient_tolerance=1e-9)
    model = Net(splits.train.schema, settings)
    found = fit_logistic(model, splits.train, settings)
    assert found.gradient <= 1e-9
    assert found.gradient <= found.gradient_norm <= 10 * found.gradient

    def objective():
        weights = [p.detach().double() for name, p in model.named_parameters() if name != "bias"]
        penalty = sum(float(w.square().sum()) for w in weights)
        return log_loss(splits.train.labels, predict(model, splits.train)) + 0.5 * settings.l2 * penalty

    best = objective()
    assert best == pytest.approx(found.objective, abs=1e-6)
    for parameter in model.parameters():
        with torch.no_grad():
            parameter.ravel()[0] += 0.3
            assert objective() > best
            parameter.ravel()[0] -= 0.3


def test_too_few_iterations_are_reported(splits):
    _, found = fitted(splits.train, max_iterations=2, gradient_tolerance=1e-9)
    assert not found.converged
    assert found.iterations == 2
    assert found.gradient > 1e-9


def test_bins_bend_a_numeric_column(splits):
    """A bump that no line follows."""
    from dataclasses import replace

    bump = (np.abs(splits.train.dense[:, 0]) < 0.7).astype(np.float32)
    split = replace(splits.train, labels=bump)
    from nas.training.evaluate import evaluate

    assert evaluate(fitted(split, bins=0, l2=1e-4)[0], split).auc < 0.7
    assert evaluate(fitted(split, bins=16, l2=1e-4)[0], split).auc > 0.95


def test_the_same_rows_give_the_same_bits(splits):
    first, second = fitted(splits.train)[0].state_dict(), fitted(splits.train)[0].state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)
