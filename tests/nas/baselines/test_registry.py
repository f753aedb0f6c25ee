"""Does every registered model keep to the one interface, and are bad hyperparameters named?"""

import re

import numpy as np
import pytest
import torch

from nas.baselines.registry import BASELINES, build, settings_of
from nas.data.fields import Schema, SparseField
from pimsim.errors import InputError

MIXED = Schema(("x", "y"), (SparseField("a", 5), SparseField("tags", 6, "sum", 2), SparseField("b", 9)))
SHAPES = {
    "mixed": MIXED,
    "sparse only": Schema((), (SparseField("a", 5), SparseField("b", 3))),
    "dense only": Schema(("x", "y"), ()),
}


def inputs(schema, rows=6, seed=0):
    rng = np.random.default_rng(seed)
    ids = [rng.integers(0, field.rows, (rows, field.length)) for field in schema.sparse]
    sparse = np.concatenate([np.empty((rows, 0), np.int64), *ids], axis=1)
    return torch.from_numpy(rng.normal(size=(rows, len(schema.dense))).astype(np.float32)), torch.from_numpy(sparse)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", BASELINES)
def test_every_parameter_learns_on_every_shape_of_data(name, shape):
    schema = SHAPES[shape]
    torch.manual_seed(1)
    model = build(name, schema)
    dense, sparse = inputs(schema, rows=64)
    logits = model(dense, sparse)
    assert logits.shape == (64,)
    assert logits.dtype == torch.float32
    logits.square().sum().backward() if logits.abs().sum() else logits.sum().backward()
    without = [key for key, value in model.named_parameters() if value.grad is None and value.numel()]
    assert not without


@pytest.mark.parametrize("name", BASELINES)
def test_tables_stand_in_embeddings_and_have_row_sparse_gradients(name):
    model = build(name, MIXED)
    model(*inputs(MIXED)).sum().backward()
    tables = dict(model.embeddings.named_parameters())
    assert tables
    assert all(table.grad.is_sparse and table.shape[0] == MIXED.embedding_rows for table in tables.values())
    others = [p for p in model.parameters() if not any(p is table for table in tables.values())]
    assert not any(p.grad.is_sparse for p in others if p.grad is not None)


@pytest.mark.parametrize("name", BASELINES)
def test_the_same_seed_gives_the_same_model(name):
    def one():
        torch.manual_seed(7)
        return build(name, MIXED).state_dict()

    first, second = one(), one()
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.parametrize("name", BASELINES)
def test_every_model_names_its_paper_and_describes_its_settings(name):
    from importlib import import_module

    text = import_module(f"nas.baselines.{name}").__doc__
    assert re.search(r"\d{4}", text) or name == "logistic"
    assert all(field.description for field in settings_of(name).model_fields.values())


@pytest.mark.parametrize(
    ("name", "values", "text"),
    [
        ("deepfn", {}, r"unknown model 'deepfn' \(models: logistic, fm, .*\); did you mean 'deepfm'\?"),
        ("fm", {"dim": 4}, "model fm: dim: unknown hyperparameter; allowed: embedding_dim"),
        ("deepfm", {"dropout": 1.0}, "model deepfm: dropout: Input should be less than 1; got 1.0"),
        ("deepfm", {"hidden_units": [0]}, r"hidden_units\.0: Input should be greater than or equal to 1; got 0"),
        ("dcnv2", {"structure": "both"}, "structure: Input should be 'parallel' or 'stacked'; got \"both\""),
        ("finalmlp", {"hidden_units": [5]}, "hidden_units: the last width must be a multiple of heads = 2; got 5"),
        ("finalmlp", {"first_context": ["c"]}, "context 'c' is no sparse field; they are: a, tags, b"),
    ],
)
def test_bad_hyperparameters_are_named(name, values, text):
    with pytest.raises(InputError, match=text):
        build(name, MIXED, **values)


def test_all_bad_hyperparameters_at_once():
    with pytest.raises(InputError) as caught:
        build("fm", MIXED, embedding_dim=0, other=1)
    assert len(caught.value.problems) == 2


def test_dlrm_needs_something_to_pair():
    with pytest.raises(InputError, match="model dlrm needs a numeric column or two sparse fields"):
        build("dlrm", Schema((), (SparseField("a", 5),)))
