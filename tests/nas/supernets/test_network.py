"""Does a network compute what its architecture says? Each operator against numbers worked out here, step by step."""

import math

import numpy as np
import pytest
import torch

from nas.data.fields import Schema
from nas.spaces.architecture import Architecture, Block
from nas.spaces.nasrec import Space
from nas.supernets.forward import lower_triangle
from nas.supernets.nasrec import Network
from pimsim.errors import InputError

DIM = 8


def network(schema, *blocks, dim=DIM, balanced=True, use_layernorm=True, seed=0):
    """A network with random weights everywhere, biases and norms too."""
    torch.manual_seed(seed)
    found = Network(Architecture(tuple(blocks), use_layernorm=use_layernorm, balanced=balanced), schema, dim)
    with torch.no_grad():
        for parameter in found.matrices.values():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return found


STEM = ((0,), (0,), (0,), (0,))


def block(dense="linear-2d", sparse="linear-3d", width=6, rows=2, merges=(False, False), reads=STEM):
    return Block((dense, sparse), width, rows, *merges, *reads)


def weights_of(found):
    return {name: found.matrices[key].detach().numpy().astype(np.float64) for name, key in found._names.items()}


def normed(x, w, prefix):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt(x.var(-1, keepdims=True) + 1e-5) * w[f"{prefix}scale"] + w[f"{prefix}shift"]


def inputs_of(found, batch):
    """Dense (n, 3), sparse (n, fields, dim) as numbers."""
    dense, sparse = batch
    rows = found.embeddings.weight.detach().numpy().astype(np.float64)
    return dense.numpy().astype(np.float64), rows[(sparse + found.embeddings.starts).numpy()]


def rows_product(x, w, prefix):
    """EFC without its ReLU: (n, rows, dim)."""
    return normed(np.swapaxes(x, 1, 2) @ w[f"{prefix}weight"].T, w, prefix).swapaxes(1, 2)


def logits(flat, rows, w):
    return np.concatenate([flat, rows.reshape(len(rows), -1)], 1) @ w["head.weight"][0] + w["head.bias"][0]


def check(found, batch, flat, rows):
    expected = logits(flat, rows, weights_of(found))
    assert np.allclose(found(*batch).detach().numpy(), expected, rtol=1e-5, atol=1e-5)


def test_fully_connected_and_efc(schema, batch):
    found = network(schema, block())
    w, (dense, sparse) = weights_of(found), inputs_of(found, batch)
    flat = np.maximum(normed(dense @ w["0.linear-2d.weight"].T, w, "0.linear-2d."), 0)
    check(found, batch, flat, np.maximum(rows_product(sparse, w, "0.linear-3d."), 0))


@pytest.mark.parametrize("balanced", [True, False])
def test_dot_product(schema, batch, balanced):
    found = network(schema, block("dot-product"), balanced=balanced)
    w, (dense, sparse) = weights_of(found), inputs_of(found, batch)
    one = normed(dense @ w["0.dot-product.dense_weight"].T, w, "0.dot-product.dense_")
    kept = rows_product(sparse, w, "0.dot-product.count_") if balanced else sparse
    if balanced:
        assert kept.shape[1] == round(math.sqrt(12))
    vectors = np.concatenate([one[:, None], kept], 1)
    products = vectors @ vectors.swapaxes(1, 2)
    pairs = np.array([[p[i, j] for i in range(len(p)) for j in range(i)] for p in products])
    if pairs.shape[1] != 6:
        pairs = pairs @ w["0.dot-product.weight"].T
    flat = normed(pairs, w, "0.dot-product.")
    check(found, batch, flat, np.maximum(rows_product(sparse, w, "0.linear-3d."), 0))


@pytest.mark.parametrize("name", ["sum", "sigmoid-gating"])
def test_combinations_of_two_inputs_of_unequal_width(schema, batch, name):
    second = block(name, width=4, reads=((0,), (0,), (0,), (1,)))
    found = network(schema, block(), second)
    w, (dense, sparse) = weights_of(found), inputs_of(found, batch)
    right = np.maximum(normed(dense @ w["0.linear-2d.weight"].T, w, "0.linear-2d."), 0)
    left = np.pad(dense, ((0, 0), (0, 3)))
    if name == "sum":
        flat = (left + right) @ w["1.sum.weight"].T
    else:
        gate = 1 / (1 + np.exp(-(left @ w["1.sigmoid-gating.gate_weight"].T + w["1.sigmoid-gating.gate_bias"])))
        flat = (gate * right) @ w["1.sigmoid-gating.weight"].T + w["1.sigmoid-gating.bias"]
    rows = np.maximum(rows_product(sparse, w, "1.linear-3d."), 0)
    check(found, batch, normed(flat, w, f"1.{name}."), rows)


def test_self_attention(schema, batch):
    dim, heads = 16, 8
    found = network(schema, block(sparse="transformer", rows=3), dim=dim)
    w, (dense, sparse) = weights_of(found), inputs_of(found, batch)
    p = "0.transformer."
    x = rows_product(sparse, w, p)
    q, k, v = np.split(x @ w[f"{p}qkv_weight"].T + w[f"{p}qkv_bias"], 3, axis=2)
    parts = []
    for h in range(heads):
        own = slice(2 * h, 2 * h + 2)
        scores = np.exp(q[:, :, own] @ k[:, :, own].swapaxes(1, 2) / math.sqrt(2))
        parts.append(scores / scores.sum(2, keepdims=True) @ v[:, :, own])
    x = normed(x + np.concatenate(parts, 2) @ w[f"{p}out_weight"].T + w[f"{p}out_bias"], w, f"{p}out_")
    hidden = np.maximum(x @ w[f"{p}fc1_weight"].T + w[f"{p}fc1_bias"], 0)
    rows = normed(x + hidden @ w[f"{p}fc2_weight"].T + w[f"{p}fc2_bias"], w, f"{p}fc2_")
    check(found, batch, np.maximum(normed(dense @ w["0.linear-2d.weight"].T, w, "0.linear-2d."), 0), rows)


@pytest.mark.parametrize("width", [6, 8 * DIM])
def test_mergers(schema, batch, width):
    """At a width of 8 x dim nothing is projected, and the rows hold the factorisation machine too."""
    found = network(schema, block(width=width, merges=(True, True)))
    w, (dense, sparse) = weights_of(found), inputs_of(found, batch)
    flat = np.maximum(normed(dense @ w["0.linear-2d.weight"].T, w, "0.linear-2d."), 0)
    rows = np.maximum(rows_product(sparse, w, "0.linear-3d."), 0)
    machine = rows.sum(1) ** 2 - (rows**2).sum(1)
    with_machine = flat + normed(machine @ w["0.merge_fm.weight"].T, w, "0.merge_fm.")
    merged = with_machine
    if width != 8 * DIM:
        merged = normed(flat @ w["0.merge_dense.weight"].T, w, "0.merge_dense.")
    check(found, batch, with_machine, np.concatenate([rows, merged.reshape(len(rows), 8, DIM)], 1))


def test_without_norms_products_have_biases(schema, batch):
    found = network(schema, block(), use_layernorm=False)
    w, (dense, sparse) = weights_of(found), inputs_of(found, batch)
    flat = np.maximum(dense @ w["0.linear-2d.weight"].T + w["0.linear-2d.bias"], 0)
    rows = sparse.swapaxes(1, 2) @ w["0.linear-3d.weight"].T + w["0.linear-3d.bias"]
    check(found, batch, flat, np.maximum(rows, 0).swapaxes(1, 2))


def test_connections_are_concatenated_in_the_order_of_blocks(schema, batch):
    second = block(width=5, rows=3, reads=((1, 0), (1, 0), (0,), (0,)))
    found = network(schema, block(merges=(True, False)), second)
    w, (dense, sparse) = weights_of(found), inputs_of(found, batch)
    flat = np.maximum(normed(dense @ w["0.linear-2d.weight"].T, w, "0.linear-2d."), 0)
    rows = np.maximum(rows_product(sparse, w, "0.linear-3d."), 0)
    merged = normed(flat @ w["0.merge_dense.weight"].T, w, "0.merge_dense.").reshape(len(rows), 8, DIM)
    both = np.concatenate([dense, flat], 1)
    flat = np.maximum(normed(both @ w["1.linear-2d.weight"].T, w, "1.linear-2d."), 0)
    rows = np.maximum(rows_product(np.concatenate([sparse, rows, merged], 1), w, "1.linear-3d."), 0)
    check(found, batch, flat, rows)


def test_parameters_are_those_counted_without_building(schema):
    generator = np.random.default_rng(0)
    for space in (Space.full(), Space.small(), Space.full(use_layernorm=False), Space.full(blocks=3, balanced=False)):
        found = Network(space.sample(generator), schema)
        unused = 32 if space.use_layernorm else 0
        fm = sum(unused for b in found.architecture.blocks if b.merge_fm and b.dense_width == 16)
        assert sum(p.numel() for p in found.matrices.values()) == found.parameter_counts.built - fm


def test_parameters_that_get_gradients_are_those_that_reach(schema, batch):
    generator = np.random.default_rng(1)
    for _ in range(5):
        found = Network(Space.full(dense_widths=(16, 32, 128)).sample(generator), schema)
        found(*batch).sum().backward()
        touched = sum(p.numel() for p in found.matrices.values() if p.grad is not None)
        assert touched == found.parameter_counts.reaching


def test_the_same_seed_gives_the_same_network(schema, batch):
    one, other = network(schema, block(), seed=3), network(schema, block(), seed=3)
    assert torch.equal(one(*batch), other(*batch))


def test_without_dense_columns_there_is_one_that_is_always_1(schema, batch):
    without = network(Schema((), schema.sparse), block("dot-product"))
    with_one = network(Schema(("one",), schema.sparse), block("dot-product"))
    sparse = batch[1]
    assert torch.equal(without(torch.empty(6, 0), sparse), with_one(torch.ones(6, 1), sparse))


def test_training_follows_evaluation_in_one_process(schema, batch):
    lower_triangle.cache_clear()
    found = network(schema, block("dot-product"))
    with torch.inference_mode():
        before = found(*batch)
    found(*batch).sum().backward()
    assert torch.equal(found(*batch), before)
    assert any(parameter.grad is not None for parameter in found.matrices.values())


def test_what_cannot_be_a_network_is_refused(schema):
    path = Space.full(blocks=2).sample(np.random.default_rng(0), "full")
    with pytest.raises(InputError, match="a block with several operators of a kind is a path of a supernet"):
        Network(path, schema)
    with pytest.raises(InputError, match="need at least one sparse field; got 1 dense columns alone"):
        Network(Architecture((block(),)), Schema(("a",), ()))
    with pytest.raises(InputError, match="embedding_dim must be at least 1; got 0"):
        Network(Architecture((block(),)), schema, 0)
