"""Does supernet training move the slices of its path alone, as the library's optimiser would, and resume exactly?"""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from nas.spaces.nasrec import Space
from nas.supernets.nasrec import Supernet, key_of
from nas.training import checkpoint
from nas.training.config import Training
from nas.training.metrics import Metrics
from nas.training.slices import SliceOptimizer
from nas.training.supernet import (
    PathOf,
    Recipe,
    Shared,
    SpaceConfig,
    SupernetRun,
    fit_supernet,
    fresh,
    load_supernet_run,
    mean_metrics,
)
from pimsim.errors import InputError

SPACE = Space.full(blocks=2, dense_widths=(8, 16), sparse_widths=(4, 8))
QUICK = {"epochs": 3, "batch_size": 100, "learning_rate": 0.05, "optimizer": "adagrad", "threads": 1, "patience": 0}
RECIPE = Recipe(embedding_dim=16, look_paths=2, full_steps=5)


def made(splits):
    torch.manual_seed(0)
    return Supernet(SPACE, splits.schema, 16, 100)


def stepped(supernet, optimizer, splits, architecture):
    dense, sparse, labels = next(splits.train.batches(100)).tensors()
    optimizer.zero_grad()
    F.binary_cross_entropy_with_logits(supernet(dense, sparse, architecture), labels).backward()
    gradients = {name: torch.zeros_like(value) for name, value in supernet.matrices.items()}
    for leaf in supernet.leaves:
        if leaf.tensor.grad is not None:
            gradients[key_of(leaf.name)][leaf.index] += leaf.tensor.grad
    optimizer.step()
    return gradients


def test_adagrad_over_slices_equals_the_library_over_whole_parameters(splits):
    """Where the gradient is zero Adagrad stays, so the library's optimiser over all entries must agree everywhere."""
    supernet = made(splits)
    optimizer = SliceOptimizer(supernet, "adagrad", rate=0.1, initial_accumulator=0.2)
    twins = {name: value.detach().clone().requires_grad_() for name, value in supernet.matrices.items()}
    library = torch.optim.Adagrad(twins.values(), lr=0.1, initial_accumulator_value=0.2)
    generator = np.random.default_rng(1)
    for _ in range(4):
        gradients = stepped(supernet, optimizer, splits, SPACE.sample(generator))
        for name, twin in twins.items():
            twin.grad = gradients[name]
        library.step()
    for name, twin in twins.items():
        torch.testing.assert_close(supernet.matrices[name], twin, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["adam", "adagrad"])
def test_what_a_path_does_not_use_stays_to_the_bit(splits, kind):
    supernet = made(splits)
    before = {name: value.detach().clone() for name, value in supernet.matrices.items()}
    optimizer = SliceOptimizer(supernet, kind, rate=0.1, weight_decay=0.1)
    gradients = stepped(supernet, optimizer, splits, SPACE.sample(np.random.default_rng(3)))
    used = {name: torch.zeros_like(value, dtype=torch.bool) for name, value in before.items()}
    for leaf in supernet.leaves:
        used[key_of(leaf.name)][leaf.index] = True
    for name, value in supernet.matrices.items():
        same = value == before[name]
        assert same[~used[name]].all()
        assert not same[gradients[name] != 0].any()
    assert any((~mask).any() for mask in used.values())


def test_the_first_adam_step_is_the_librarys(splits):
    supernet = made(splits)
    twins = {name: value.detach().clone().requires_grad_() for name, value in supernet.matrices.items()}
    optimizer = SliceOptimizer(supernet, "adam", rate=0.1)
    gradients = stepped(supernet, optimizer, splits, SPACE.sample(np.random.default_rng(1)))
    for name, twin in twins.items():
        twin.grad = gradients[name]
    torch.optim.Adam(twins.values(), lr=0.1).step()
    for name, twin in twins.items():
        torch.testing.assert_close(supernet.matrices[name], twin, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("optimizer", ["adam", "adagrad"])
def test_a_resumed_supernet_gives_the_same_bits(splits, tmp_path, optimizer):
    settings = Training(**{**QUICK, "optimizer": optimizer, "learning_rate": 0.01})
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    whole, resumed = made(splits), made(splits)
    expected = fit_supernet(whole, splits, RECIPE, settings, folder=tmp_path / "whole")
    steps = []
    broken = fit_supernet(
        made(splits), splits, RECIPE, settings, folder=tmp_path / "parts",
        report=lambda progress: steps.append(progress.step), stop=lambda: steps[-1] >= 10,
    )  # fmt: skip
    assert broken.stopped == "interrupted"
    assert fit_supernet(resumed, splits, RECIPE, settings, folder=tmp_path / "parts", resume=True) == expected
    assert all(torch.equal(value, resumed.state_dict()[key]) for key, value in whole.state_dict().items())
    last = [checkpoint.load(tmp_path / name / checkpoint.LAST)[0] for name in ("whole", "parts")]
    assert all(torch.equal(value, last[1][key]) for key, value in last[0].items())


def test_it_learns_and_paths_follow_from_seed_and_step(splits):
    supernet = made(splits)
    settings = Training(**{**QUICK, "epochs": 20, "optimizer": "adam", "learning_rate": 0.01})
    outcome = fit_supernet(supernet, splits, RECIPE, settings)
    assert outcome.metrics["auc"] > 0.58
    assert outcome.history[-1]["loss"] < outcome.history[1]["loss"] - 0.05
    task = Shared(supernet, RECIPE, Training(**QUICK))
    assert task.path(3) == task.path(3)
    assert len({task.path(step) for step in range(100, 120)}) > 10
    assert task.path(0) == SPACE.sample(np.random.default_rng(0), "full")  # warm-up begins with all of it
    other = Shared(supernet, RECIPE, Training(**QUICK, seed=1))
    assert [other.path(step) for step in range(50, 60)] != [task.path(step) for step in range(50, 60)]


def test_looks_are_means_over_paths(splits):
    supernet = made(splits)
    task = Shared(supernet, Recipe(look_paths=2, look_rows=120), Training(**QUICK))
    found = task.look(splits.validation)
    assert found.rows == 120
    own = [task._measured(path, splits.validation.take(np.arange(120))) for path in task.paths]
    assert found.auc == pytest.approx((own[0].auc + own[1].auc) / 2)
    assert mean_metrics([Metrics(1, 0.5, 1.0, 1.0, 0.0), Metrics(1, 0.7, 2.0, 1.0, 0.0)]).gauc is None


def test_a_path_as_a_model_is_its_network(splits):
    supernet = made(splits)
    architecture = task = SPACE.sample(np.random.default_rng(5))
    dense, sparse, _ = next(splits.train.batches(50)).tensors()
    with torch.no_grad():
        shared = PathOf(supernet, task)(dense, sparse)
        torch.testing.assert_close(shared, supernet.network(architecture)(dense, sparse), rtol=1e-4, atol=1e-5)


def test_a_space_may_leave_out_operators():
    some = ("dot-product", "sum", "linear-3d")
    assert SpaceConfig(blocks=2, operators=some).space().operators == some
    assert SpaceConfig(blocks=2).space() == Space.full(blocks=2)
    with pytest.raises(InputError, match="operators need a dense and a sparse one; got sum, dot-product"):
        SpaceConfig(operators=("sum", "dot-product")).space()


def test_spread_of_tables_and_normalisation_are_settings(splits):
    run = SupernetRun(
        data={"set": "adult", "root": "x", "folder": "y"},
        space=SpaceConfig(kind="small", blocks=2, dense_widths=(8,), sparse_widths=(4,), use_layernorm=False),
        supernet=Recipe(embedding_dim=16, embedding_std=1e-3),
    )
    supernet = fresh(run, splits)
    assert not any("scale" in name for name in supernet.matrices)
    assert float(supernet.embeddings.weight.detach().std()) == pytest.approx(1e-3, rel=0.2)


def test_a_spread_that_is_none_is_told_with_what_is_allowed():
    with pytest.raises(InputError, match="embedding_std: out of range; got -1; allowed above 0"):
        load_supernet_run(None, ["supernet.embedding_std=-1", "data.set=adult", "data.root=x", "data.folder=y"])
