"""Do row-sparse updates equal the textbook on the rows of a batch, and leave every other row alone?"""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from nas.training import tables as module
from nas.training.optimizer import Optimizer
from nas.training.row_kernels import adagrad_rows, adam_rows, sum_rows
from pimsim.jit import compiled


class Model(nn.Module):
    """A table of 12 rows under a small perceptron."""

    def __init__(self, sparse=True, rows=12):
        super().__init__()
        torch.manual_seed(0)
        self.embeddings = nn.Module()
        self.embeddings.weight = nn.Parameter(torch.randn(rows, 3))
        self.out = nn.Linear(6, 1)
        self.sparse = sparse

    def forward(self, ids):
        return self.out(F.embedding(ids, self.embeddings.weight, sparse=self.sparse).flatten(1)).squeeze(1)


def batches(count, rows=12, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return [torch.randint(0, rows, (5, 2), generator=generator) for _ in range(count)]


def trained(model, optimizer, ids):
    for batch in ids:
        optimizer.zero_grad()
        (model(batch) - 1.0).square().mean().backward()
        optimizer.step()
    return model


ALL = [torch.arange(12).reshape(6, 2).roll(k, 0) for k in range(5)]  # every row in every batch


@pytest.mark.parametrize(("kind", "library"), [("adam", torch.optim.Adam), ("adagrad", torch.optim.Adagrad)])
def test_equals_the_dense_optimiser_where_every_row_is_touched(kind, library):
    own, other = Model(), Model(sparse=False)
    trained(own, Optimizer(own, kind, rate=0.05), ALL)
    trained(other, library(other.parameters(), lr=0.05), ALL)
    for mine, theirs in zip(own.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)


def test_lazy_adam_equals_torchs_sparse_adam():
    own, other = Model(), Model()
    ids = batches(20)
    trained(own, Optimizer(own, "adam", rate=0.05), ids)
    table = torch.optim.SparseAdam([other.embeddings.weight], 0.05)
    dense = torch.optim.Adam(other.out.parameters(), 0.05)
    for batch in ids:
        table.zero_grad(), dense.zero_grad()
        (other(batch) - 1.0).square().mean().backward()
        table.step(), dense.step()
    torch.testing.assert_close(own.embeddings.weight, other.embeddings.weight, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", ["adam", "adagrad"])
def test_rows_outside_the_batch_stay_to_the_bit(kind):
    model = Model()
    before = model.embeddings.weight.detach().clone()
    optimizer = Optimizer(model, kind, rate=0.1, table_l2=0.5)
    trained(model, optimizer, [torch.tensor([[1, 4], [4, 7]])])
    changed = (model.embeddings.weight != before).any(1).nonzero().ravel().tolist()
    assert changed == [1, 4, 7]
    moments = optimizer.rows.moments["weight"]
    assert all((moment != 0).any(1).nonzero().ravel().tolist() == [1, 4, 7] for moment in moments)


def test_l2_of_tables_by_hand():
    """A gradient of zero and L2 alone: the first Adagrad step is the rate against the sign of the weight."""
    model = Model()
    nn.init.zeros_(model.out.weight)
    before = model.embeddings.weight.detach().clone()
    trained(model, Optimizer(model, "adagrad", rate=0.1, table_l2=0.01), [torch.tensor([[2, 3]])])
    expected = before.clone()
    expected[[2, 3]] -= 0.1 * before[[2, 3]].sign()
    torch.testing.assert_close(model.embeddings.weight, expected)


def test_weight_decay_spares_biases():
    model = Model()
    nn.init.ones_(model.out.bias)
    optimizer = Optimizer(model, "adagrad", rate=0.1, weight_decay=1.0)
    optimizer.zero_grad()
    model.out.weight.grad, model.out.bias.grad = torch.zeros(1, 6), torch.zeros(1)
    before = model.out.weight.detach().clone()
    optimizer.step()
    assert model.out.bias.item() == 1.0
    torch.testing.assert_close(model.out.weight, before - 0.1 * before.sign())


def test_factor_and_table_rate():
    model = Model()
    before = [parameter.detach().clone() for parameter in model.parameters()]
    optimizer = Optimizer(model, "adagrad", rate=0.0, table_rate=0.2)
    (model(torch.tensor([[2, 3]])) - 1.0).square().mean().backward()
    optimizer.step(0.5)
    after = list(model.parameters())
    assert torch.equal(before[1], after[1])
    torch.testing.assert_close((before[0] - after[0])[2].abs(), torch.full((3,), 0.1))


def test_clip_holds_the_norm_of_dense_gradients():
    model = Model()
    optimizer = Optimizer(model)
    (100.0 * model(torch.tensor([[2, 3]]))).sum().backward()
    table = model.embeddings.weight.grad.to_dense()
    optimizer.clip(0.5)
    norm = torch.cat([p.grad.ravel() for p in model.out.parameters()]).norm().item()
    assert norm == pytest.approx(0.5, rel=1e-5)
    assert torch.equal(table, model.embeddings.weight.grad.to_dense())


@pytest.mark.parametrize("kind", ["adam", "adagrad"])
def test_a_loaded_state_goes_on_to_the_bit(kind):
    ids = batches(8)
    whole = Model()
    trained(whole, Optimizer(whole, kind, rate=0.05, initial_accumulator=0.1), ids)
    first = Model()
    optimizer = Optimizer(first, kind, rate=0.05, initial_accumulator=0.1)
    trained(first, optimizer, ids[:3])
    second = Model()
    second.load_state_dict(first.state_dict())
    resumed = Optimizer(second, kind, rate=0.05, initial_accumulator=0.1)
    resumed.load({key: value.clone() for key, value in optimizer.state().items()})
    trained(second, resumed, ids[3:])
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), second.parameters(), strict=True))


@settings(max_examples=40)
@given(st.lists(st.integers(0, 6), max_size=30), st.integers(1, 4), st.sampled_from(["adam", "adagrad"]))
def test_compiled_kernels_equal_torch(ids, dim, kind):
    rng = np.random.default_rng(len(ids))
    table, values = rng.normal(size=(7, dim)).astype(np.float32), rng.normal(size=(len(ids), dim)).astype(np.float32)
    moments = [np.full((7, dim), 0.25, np.float32) for _ in module.MOMENTS[kind]]
    twin = torch.from_numpy(table.copy()), tuple(torch.from_numpy(moment.copy()) for moment in moments)
    places = torch.tensor(ids, dtype=torch.int64).reshape(1, -1)
    gradient = torch.sparse_coo_tensor(places, torch.from_numpy(values), (7, dim), check_invariants=True)
    module.update_by_torch(kind, twin[0], twin[1], gradient, 0.1, 0.02, (0.19, 0.002))
    slot, rows, sums = np.full(7, -1, np.int32), np.empty(len(ids), np.int64), np.empty_like(values)
    count = compiled(sum_rows)(np.array(ids, np.int64), values, slot, rows, sums)
    assert count == len(set(ids))
    assert (slot == -1).all()
    if kind == "adagrad":
        compiled(adagrad_rows)(table, *moments, rows, sums, count, 0.1, 0.02, 1e-10)
    else:
        compiled(adam_rows)(table, *moments, rows, sums, count, 0.1, 0.02, 1e-8, 0.9, 0.999, 0.19, 0.002)
    np.testing.assert_allclose(table, twin[0].numpy(), rtol=1e-5, atol=1e-6)
    for own, other in zip(moments, twin[1], strict=True):
        np.testing.assert_allclose(own, other.numpy(), rtol=1e-5, atol=1e-6)


def test_a_model_without_tables_is_trained_too():
    torch.manual_seed(0)
    model = nn.Linear(2, 1)
    optimizer = Optimizer(model, "adam", rate=0.1)
    before = model.weight.detach().clone()
    model(torch.ones(3, 2)).sum().backward()
    optimizer.step()
    torch.testing.assert_close(model.weight, before - 0.1)
