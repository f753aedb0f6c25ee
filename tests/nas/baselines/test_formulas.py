"""Is the output of every model that of its published formula, written out in plain NumPy loops?"""

import numpy as np
import pytest
import torch

from nas.baselines.registry import BASELINES, build
from nas.baselines.xdeepfm import mixed_first, products_first
from nas.data.fields import Schema, SparseField

SCHEMA = Schema(
    ("age", "hours"),
    (
        SparseField("user", 7),
        SparseField("tags", 6, "mean", 3),
        SparseField("genres", 5, "sum", 2),
        SparseField("day", 3),
    ),
)
ROWS = 5
SMALL = {
    "logistic": {"bins": 3},
    "fm": {"embedding_dim": 4},
    "dlrm": {"embedding_dim": 4, "bottom_units": [5], "top_units": [6]},
    "wide_deep": {"embedding_dim": 4, "hidden_units": [6, 5]},
    "deepfm": {"embedding_dim": 4, "hidden_units": [6, 5]},
    "xdeepfm": {"embedding_dim": 4, "hidden_units": [6], "cin_maps": [3, 2]},
    "autoint": {"embedding_dim": 4, "hidden_units": [6], "attention_layers": 2, "heads": 2, "attention_dim": 3},
    "dcnv2": {"embedding_dim": 4, "hidden_units": [6], "cross_layers": 2},
    "finalmlp": {"embedding_dim": 4, "hidden_units": [6], "second_units": [4], "gate_units": [3], "heads": 2,
                 "first_context": ["tags"]},
}  # fmt: skip


def made(name, **more):
    """A model with every parameter random (fresh ones hold zeros that would hide a term), its inputs and its output."""
    torch.manual_seed(3)
    model = build(name, SCHEMA, **{**SMALL[name], **more}).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0.0, 0.6)
        if name == "logistic":
            model.edges.copy_(torch.tensor([[-0.5, 0.5], [-0.1, 0.4]]))
    rng = np.random.default_rng(4)
    dense = rng.normal(size=(ROWS, 2)).astype(np.float32)
    sparse = np.concatenate(
        [rng.integers(0, field.rows, (ROWS, field.length)) for field in SCHEMA.sparse], axis=1
    )
    sparse[0, 1:4] = 0  # a row of padding only
    with torch.no_grad():
        out = model(torch.from_numpy(dense), torch.from_numpy(sparse))
    assert out.shape == (ROWS,)
    weights = {key: value.detach().double().numpy() for key, value in model.state_dict().items()}
    return weights, dense.astype(float), sparse, out.numpy()


def looked_up(table, ids, schema=SCHEMA):
    """(fields, dim) of one row, field by field."""
    found, row, column = [], 0, 0
    for field in schema.sparse:
        own = ids[column : column + field.length]
        vectors = [table[row + i] for i in own if i or not field.pooling]
        total = np.sum(vectors, axis=0) if vectors else np.zeros(table.shape[1])
        found.append(total / max(1, len(vectors)) if field.pooling == "mean" else total)
        row, column = row + field.rows, column + field.length
    return np.array(found)


def vectors_of(w, dense, ids):
    numeric = [dense[i] * w["numeric.weight"][i] for i in range(len(dense))]
    return np.concatenate([numeric, looked_up(w["embeddings.vectors.weight"], ids)])


def first_order(w, dense, ids):
    return w["bias"][0] + looked_up(w["embeddings.weights.weight"], ids).sum() + w["slopes.weight"][0] @ dense


def linear(w, name, x):
    return w[f"{name}.weight"] @ x + w.get(f"{name}.bias", 0.0)


def perceptron(w, name, x, layers, head=True):
    """`layers` hidden ones; every second module is a ReLU."""
    for layer in range(layers):
        x = np.maximum(linear(w, f"{name}.{2 * layer}", x), 0.0)
    return linear(w, f"{name}.{2 * layers}", x)[0] if head else x


def pairs(vectors):
    return sum(vectors[i] @ vectors[j] for i in range(len(vectors)) for j in range(i))


def softmax(x):
    return np.exp(x - x.max()) / np.exp(x - x.max()).sum()


def logistic(w, dense, ids):
    total = w["bias"][0] + looked_up(w["embeddings.weights.weight"], ids).sum() + w["slopes"] @ dense
    return total + sum(w["bins"][i, (w["edges"][i] < x).sum()] for i, x in enumerate(dense))


def fm(w, dense, ids):
    return first_order(w, dense, ids) + pairs(vectors_of(w, dense, ids))


def wide_deep(w, dense, ids):
    return first_order(w, dense, ids) + perceptron(w, "deep", vectors_of(w, dense, ids).ravel(), 2)


def deepfm(w, dense, ids):
    return wide_deep(w, dense, ids) + pairs(vectors_of(w, dense, ids))


def dlrm(w, dense, ids):
    bottom = perceptron(w, "bottom", dense, 2, head=False)
    vectors = [bottom, *looked_up(w["embeddings.vectors.weight"], ids)]
    products = [vectors[i] @ vectors[j] for i in range(len(vectors)) for j in range(i)]
    return perceptron(w, "top", np.concatenate([bottom, products]), 1)


def xdeepfm(w, dense, ids):
    start = vectors_of(w, dense, ids)
    current, pooled = start, []
    for layer in range(2):
        matrix = w[f"cin.layers.{layer}.weight"].reshape(-1, len(current), len(start))
        couples = [(i, j) for i in range(len(current)) for j in range(len(start))]
        current = np.array([sum(m[i, j] * current[i] * start[j] for i, j in couples) for m in matrix])
        pooled += [row.sum() for row in current]
    explicit = w["pooled.weight"][0] @ np.array(pooled)
    return first_order(w, dense, ids) + explicit + perceptron(w, "deep", start.ravel(), 1)


def autoint(w, dense, ids):
    start = vectors_of(w, dense, ids)
    x = start
    for layer in range(2):
        q, k, v, r = (x @ w[f"attention.{layer}.{part}.weight"].T for part in ("query", "key", "value", "residual"))
        heads = []
        for own in (slice(0, 3), slice(3, 6)):
            heads.append(np.array([softmax(k[:, own] @ one) @ v[:, own] for one in q[:, own]]))
        x = np.maximum(np.concatenate(heads, 1) + r, 0.0)
    return linear(w, "out", x.ravel())[0] + perceptron(w, "deep", start.ravel(), 1)


def crossed_inputs(w, dense, ids):
    start = np.concatenate([dense, looked_up(w["embeddings.vectors.weight"], ids).ravel()])
    x = start
    for layer in range(2):
        mixed = linear(w, f"cross.{layer}.mix", x) if f"cross.{layer}.mix.weight" in w else None
        if mixed is None:
            mixed = linear(w, f"cross.{layer}.mix.1", linear(w, f"cross.{layer}.mix.0", x))
        x = start * mixed + x
    return start, x


def dcnv2(w, dense, ids):
    start, x = crossed_inputs(w, dense, ids)
    return linear(w, "out", np.concatenate([x, perceptron(w, "deep", start, 1, head=False)]))[0]


def dcnv2_stacked(w, dense, ids):
    return linear(w, "out", perceptron(w, "deep", crossed_inputs(w, dense, ids)[1], 1, head=False))[0]


def finalmlp(w, dense, ids):
    flat = vectors_of(w, dense, ids).ravel()
    tags = Schema((), (SCHEMA.sparse[1],))
    contexts = {
        "first": looked_up(w["embeddings.first_context.weight"], ids[1:4], tags).ravel(),
        "second": w["second_gate.global_context"][0],
    }
    out = {}
    for stream, context in contexts.items():
        hidden = np.maximum(linear(w, f"{stream}_gate.gate.0", context), 0.0)
        gate = 2.0 / (1.0 + np.exp(-linear(w, f"{stream}_gate.gate.2", hidden)))
        out[stream] = perceptron(w, stream, flat * gate, 1, head=False)
    total = linear(w, "fusion.first", out["first"])[0] + linear(w, "fusion.second", out["second"])[0]
    for head in range(2):
        a, b = out["first"][3 * head : 3 * head + 3], out["second"][2 * head : 2 * head + 2]
        total += a @ w["fusion.products"][head] @ b
    return total


TWINS = {name: globals()[name] for name in BASELINES}


def check(twin, w, dense, sparse, out):
    expected = [twin(w, d, s) for d, s in zip(dense, sparse, strict=True)]
    np.testing.assert_allclose(out, expected, rtol=2e-5, atol=2e-5)
    assert np.std(expected) > 0.1  # a constant would pass by accident


@pytest.mark.parametrize("name", BASELINES)
def test_output_is_the_formula(name):
    check(TWINS[name], *made(name))


@pytest.mark.parametrize(("structure", "twin"), [("parallel", dcnv2), ("stacked", dcnv2_stacked)])
@pytest.mark.parametrize("rank", [0, 2])
def test_dcnv2_structures_and_ranks(structure, twin, rank):
    check(twin, *made("dcnv2", structure=structure, rank=rank))


def test_autoint_without_the_plus():
    w, dense, sparse, out = made("autoint", hidden_units=[])
    w |= {"deep.0.weight": np.zeros((1, 24)), "deep.0.bias": np.zeros(1), "deep.2.weight": np.zeros((1, 1))}
    check(autoint, w, dense, sparse, out)


def test_logistic_bins():
    """Values on an edge belong to the bin below it."""
    model = build("logistic", Schema(("x",), (SparseField("a", 2),)), bins=3)
    model.edges.copy_(torch.tensor([[1.0, 2.0]]))
    assert model.bin_of(torch.tensor([[0.5], [1.0], [1.5], [2.0], [9.0]])).ravel().tolist() == [0, 0, 1, 1, 2]


def test_batch_norm_and_dropout_are_off_in_evaluation():
    torch.manual_seed(0)
    model = build("deepfm", SCHEMA, embedding_dim=4, hidden_units=[6], dropout=0.5, batch_norm=True)
    dense, sparse = torch.randn(8, 2), torch.ones(8, SCHEMA.width, dtype=torch.int64)
    assert not torch.equal(model(dense, sparse), model(dense, sparse))
    model.eval()
    assert torch.equal(model(dense, sparse)[:3], model(dense[:3], sparse[:3]))


def test_both_orders_of_an_interaction_layer_are_one_function():
    current, start, weight = torch.randn(3, 4, 6), torch.randn(3, 4, 5), torch.randn(2, 30)
    torch.testing.assert_close(mixed_first(current, start, weight), products_first(current, start, weight))
