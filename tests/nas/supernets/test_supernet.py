"""Are networks of the supernet the networks themselves, on slices that are the only things touched?"""

import numpy as np
import pytest
import torch

from nas.data.fields import Schema, SparseField
from nas.spaces.nasrec import Space
from nas.supernets.nasrec import Supernet, key_of, sample_path, warmup_probability

SPACES = {
    "full": Space.full(blocks=4, dense_widths=(16, 32, 128), sparse_widths=(4, 8)),
    "small": Space.small(blocks=3, dense_widths=(4, 8), sparse_widths=(4, 6)),
    "unbalanced": Space.full(blocks=3, dense_widths=(16, 32), sparse_widths=(4, 8), balanced=False),
    "without norms": Space.full(blocks=3, dense_widths=(16, 32), sparse_widths=(4, 8), use_layernorm=False),
}


def supernet(space, schema, seed=0, **options):
    torch.manual_seed(seed)
    found = Supernet(space, schema, **options)
    with torch.no_grad():
        for parameter in found.matrices.values():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return found


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
def test_a_path_computes_what_the_network_with_its_weights_computes(space, schema, batch):
    shared, generator = supernet(space, schema), np.random.default_rng(0)
    for _ in range(8):
        architecture = space.sample(generator)
        with torch.no_grad():
            expected = shared.network(architecture)(*batch)
            found = shared(*batch, architecture)
        assert torch.allclose(found, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


@pytest.mark.parametrize("strategy", ["single-operator", "any-path", "full"])
def test_leaves_are_views_and_the_only_parameters_with_gradients(schema, batch, strategy):
    space = SPACES["full"]
    shared = supernet(space, schema)
    architecture = space.sample(np.random.default_rng(1), strategy)
    shared(*batch, architecture).sum().backward()
    assert all(parameter.grad is None for parameter in shared.matrices.values())
    touched = {name: torch.zeros_like(value) for name, value in shared.matrices.items()}
    for leaf in shared.leaves:
        whole = shared.matrices[key_of(leaf.name)]
        assert leaf.tensor.untyped_storage().data_ptr() == whole.untyped_storage().data_ptr()
        assert torch.equal(leaf.tensor, whole[leaf.index])
        assert leaf.tensor.grad.shape == leaf.tensor.shape
        touched[key_of(leaf.name)][leaf.index] += 1
    assert all(float(count.max()) <= 1 for count in touched.values())  # no weight stands in two slices


def test_a_step_on_the_leaves_is_a_step_of_the_network_and_leaves_the_rest(schema, batch):
    space = SPACES["full"]
    shared = supernet(space, schema)
    architecture = space.sample(np.random.default_rng(2))
    alone, before = shared.network(architecture), {n: v.detach().clone() for n, v in shared.matrices.items()}
    for model, arguments in ((alone, batch), (shared, (*batch, architecture))):
        torch.nn.functional.softplus(model(*arguments)).sum().backward()
    with torch.no_grad():
        for parameter in alone.matrices.values():
            if parameter.grad is not None:
                parameter -= 0.1 * parameter.grad
        for leaf in shared.leaves:
            leaf.tensor.sub_(0.1 * leaf.tensor.grad)
        assert torch.allclose(shared.network(architecture, copy_embeddings=False)(*batch), alone(*batch), atol=1e-4)
    moved = {name: before[name] != value for name, value in shared.matrices.items()}
    inside = {name: torch.zeros_like(value, dtype=torch.bool) for name, value in before.items()}
    for leaf in shared.leaves:
        inside[key_of(leaf.name)][leaf.index] = True
    assert not any(bool((moved[name] & ~inside[name]).any()) for name in moved)
    assert any(bool(value.any()) for value in moved.values())


def test_embeddings_get_rows_and_are_shared_or_copied(schema, batch):
    space = SPACES["small"]
    shared = supernet(space, schema)
    architecture = space.sample(np.random.default_rng(0))
    shared(*batch, architecture).sum().backward()
    assert shared.embeddings.weight.grad.is_sparse
    assert shared.network(architecture, copy_embeddings=False).embeddings is shared.embeddings
    copied = shared.network(architecture).embeddings.weight
    assert torch.equal(copied, shared.embeddings.weight)
    assert copied.data_ptr() != shared.embeddings.weight.data_ptr()


def test_without_dense_columns_it_trains_too(schema, batch):
    space = SPACES["full"]
    shared = supernet(space, Schema((), schema.sparse))
    architecture = space.sample(np.random.default_rng(0))
    found = shared(torch.empty(6, 0), batch[1], architecture)
    found.sum().backward()
    assert shared.leaves
    assert torch.allclose(found, shared.network(architecture)(torch.ones(6, 1), batch[1]), rtol=1e-4, atol=1e-4)


def test_no_fresh_tables_are_made_for_a_network_out_of_a_supernet(schema, monkeypatch):
    space = SPACES["small"]
    shared = supernet(space, schema)
    monkeypatch.setattr("nas.supernets.nasrec.Embeddings", None)
    for copied in (False, True):
        assert shared.network(space.sample(np.random.default_rng(0)), copied).embeddings.weight.requires_grad


def test_tables_are_capped(batch):
    fields = tuple(SparseField(f"f{i}", 600_000) for i in range(4))
    found = Supernet(SPACES["small"], Schema(("a", "b", "c"), fields), 4)
    assert found.embeddings.weight.shape == (2_000_000, 4)


def test_without_gradients_nothing_is_kept(schema, batch):
    space = SPACES["small"]
    shared = supernet(space, schema)
    with torch.no_grad():
        shared(*batch, space.sample(np.random.default_rng(0)))
    assert shared.leaves == []


def test_warm_up_falls_linearly():
    assert [warmup_probability(step, 4) for step in range(6)] == [1.0, 0.75, 0.5, 0.25, 0.0, 0.0]
    assert warmup_probability(0, 0) == 0.0
    generator, space = np.random.default_rng(0), SPACES["full"]
    full = sum(not sample_path(space, generator, 25, 100).single for _ in range(400))
    assert 270 <= full <= 330
    assert all(sample_path(space, generator, 100, 100).single for _ in range(20))
